// SPDX-License-Identifier: Apache-2.0
/*
 * Options that exclude each other are refused rather than ranked: whoever set two of them had a
 * reason for each, and one of them would be forgotten unseen.
 */
#include "app/cluster_options.h"

#include <stdio.h>
#include <string.h>

#include "app/version.h"

#define PREFIX "-transport.elasticsearch"

bool cluster_options_given(const struct settings *s)
{
    return s->es_url[0] != '\0' || s->es_cloud_id[0] != '\0';
}

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

/// Some options, and how they are called.
struct choice {
    const char *name;
    bool set;
};

/// At most one of them.
static int check_one(const struct choice *choices, size_t count, struct err *err)
{
    const char *first = NULL;
    for (size_t i = 0; i < count; i++) {
        if (choices[i].set && first != NULL) {
            return err_set(err, ERR_INVALID, "%s and %s exclude each other", first,
                           choices[i].name);
        }
        first = choices[i].set ? choices[i].name : first;
    }
    return 0;
}

static int check_secrets(const struct settings *s, struct err *err)
{
    const struct choice kinds[] = {
        { PREFIX ".api_key_file", is_set(s->es_api_key_file) },
        { PREFIX ".api_key", is_set(s->es_api_key) },
        { PREFIX ".user", is_set(s->es_user) },
        { PREFIX ".token_file", is_set(s->es_token_file) },
        { PREFIX ".token", is_set(s->es_token) },
    };
    const struct choice passwords[] = {
        { PREFIX ".password_file", is_set(s->es_password_file) },
        { PREFIX ".password", is_set(s->es_password) },
    };
    bool password = passwords[0].set || passwords[1].set;
    if (check_one(kinds, sizeof(kinds) / sizeof(kinds[0]), err) != 0 ||
        check_one(passwords, sizeof(passwords) / sizeof(passwords[0]), err) != 0) {
        return err->status;
    }
    if (is_set(s->es_user) && !password) {
        return err_set(err, ERR_INVALID,
                       PREFIX ".user needs a password: " PREFIX ".password_file, or "
                              "WEIR_TRANSPORT_ELASTICSEARCH_PASSWORD in the environment");
    }
    if (password && !is_set(s->es_user)) {
        return err_set(err, ERR_INVALID, "%s needs " PREFIX ".user",
                       passwords[0].set ? passwords[0].name : passwords[1].name);
    }
    return 0;
}

static int check_tls(const struct settings *s, struct err *err)
{
    const struct choice trust[] = {
        { PREFIX ".ca", is_set(s->es_ca) },
        { PREFIX ".ca_fingerprint", is_set(s->es_ca_fingerprint) },
        { PREFIX ".insecure", s->es_insecure },
    };
    if (check_one(trust, sizeof(trust) / sizeof(trust[0]), err) != 0) {
        return err->status;
    }
    if (is_set(s->es_cert) != is_set(s->es_key)) {
        return err_set(err, ERR_INVALID, PREFIX ".%s needs " PREFIX ".%s",
                       is_set(s->es_cert) ? "cert" : "key", is_set(s->es_cert) ? "key" : "cert");
    }
    return 0;
}

int cluster_options_read(const struct settings *s, struct cluster_settings *ret_cluster,
                         struct err *err)
{
    const struct choice places[] = {
        { PREFIX, is_set(s->es_url) },
        { PREFIX ".cloud_id", is_set(s->es_cloud_id) },
    };
    if (!cluster_options_given(s)) {
        return err_set(err, ERR_INVALID, "no server is named: " PREFIX " URL");
    }
    if (check_one(places, sizeof(places) / sizeof(places[0]), err) != 0 ||
        check_secrets(s, err) != 0 || check_tls(s, err) != 0) {
        return err->status;
    }
    if (s->es_timeout_ns == 0) {
        return err_set(err, ERR_INVALID, PREFIX ".timeout: 0 is no time for an answer");
    }
    *ret_cluster = (struct cluster_settings){
        .urls = s->es_url,
        .cloud_id = s->es_cloud_id,
        .product = s->es_product,
        .api_key_file = s->es_api_key_file,
        .api_key = s->es_api_key,
        .user = s->es_user,
        .password_file = s->es_password_file,
        .password = s->es_password,
        .token_file = s->es_token_file,
        .token = s->es_token,
        .ca = s->es_ca,
        .ca_fingerprint = s->es_ca_fingerprint,
        .cert = s->es_cert,
        .key = s->es_key,
        .insecure = s->es_insecure,
        .timeout_ns = s->es_timeout_ns,
        .agent = version_agent(),
    };
    return 0;
}

const char *cluster_options_stream(const struct settings *s, char text[static CLUSTER_STREAM_SIZE])
{
    if (is_set(s->es_index)) {
        (void)snprintf(text, CLUSTER_STREAM_SIZE, "%s", s->es_index); // longer ones are none
    } else {
        // The parts are bounded by ecs_options.
        (void)snprintf(text, CLUSTER_STREAM_SIZE, "logs-%s-%s",
                       is_set(s->ecs_dataset) ? s->ecs_dataset : "goflow2.sflow", s->ecs_namespace);
    }
    return text;
}
