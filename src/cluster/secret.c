// SPDX-License-Identifier: Apache-2.0
/*
 * An API key is known in two spellings. What Elasticsearch calls "encoded" is base64 of "id:key",
 * and is what the header wants; "id:key" is turned into it. The key without its id, which people
 * copy by mistake, is told from both: no base64 of it has a colon. Keys of Elastic Cloud itself
 * begin with "essu_" and are sent as they are.
 *
 * A line break at the end of a file belongs to the editor and not to the secret. Other control
 * characters are refused: in a header they would be an injection.
 */
#include "cluster/secret.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "base/secret_file.h"

enum { SECRET_SIZE_MAX = 16 << 10, HEADER_SIZE_MAX = 2 * SECRET_SIZE_MAX };

#define OPTION "-transport.elasticsearch."

/// The file's words begin with the whole name of the option.
static int read_file(const char *option, const char *path, struct buf *out, struct err *err)
{
    char name[SECRET_OPTION_SIZE];
    (void)snprintf(name, sizeof(name), OPTION "%s", option); // fits
    return secret_file_read(name, path, out, err);
}

int secret_check_file(const char *option, const char *path, struct err *err)
{
    char name[SECRET_OPTION_SIZE];
    (void)snprintf(name, sizeof(name), OPTION "%s", option); // fits
    return secret_file_check(name, path, err);
}

// --- Values --------------------------------------------------------------------------------------

/// The secret itself, from its file if one is set.
static int read_value(const char *option, const char *path, const char *value, struct buf *out,
                      struct err *err)
{
    if (path[0] != '\0') {
        if (read_file(option, path, out, err) != 0) {
            return err->status;
        }
    } else {
        buf_append_text(out, value);
    }
    while (out->size > 0 && strchr("\r\n", out->data[out->size - 1]) != NULL &&
           out->data[out->size - 1] != '\0') {
        out->size--;
    }
    if (out->size == 0) {
        return err_set(err, ERR_INVALID, OPTION "%s: %.300s is empty", option,
                       path[0] == '\0' ? "it" : path);
    }
    for (size_t i = 0; i < out->size; i++) {
        if (out->data[i] < ' ' || out->data[i] == 0x7f) {
            return err_set(err, ERR_INVALID,
                           OPTION "%s: a control character or a second line; a secret is one line",
                           option);
        }
    }
    return out->bad ? err_set(err, ERR_INVALID, OPTION "%s: too long for a secret", option) : 0;
}

/// Whether it can stand in a header as it is: printable, without blanks.
static bool is_token(const struct buf *value)
{
    for (size_t i = 0; i < value->size; i++) {
        if (value->data[i] <= ' ' || value->data[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool is_encoded_key(const struct buf *key)
{
    if (key->size > 5 && memcmp(key->data, "essu_", 5) == 0) {
        return true;
    }
    struct buf decoded;
    buf_init(&decoded, SECRET_SIZE_MAX);
    bool encoded = base64_decode((const char *)key->data, key->size, &decoded) &&
                   memchr(decoded.data, ':', decoded.size) != NULL;
    secret_wipe(&decoded);
    return encoded;
}

static int read_api_key(const struct cluster_settings *s, struct buf *value, struct buf *out,
                        struct err *err)
{
    const char *option = s->api_key_file[0] != '\0' ? "api_key_file" : "api_key";
    if (read_value(option, s->api_key_file, s->api_key, value, err) != 0) {
        return err->status;
    }
    buf_append_text(out, "ApiKey ");
    if (is_token(value) && memchr(value->data, ':', value->size) != NULL) {
        base64_encode(value->data, value->size, out);
        return 0;
    }
    if (!is_token(value) || !is_encoded_key(value)) {
        return err_set(err, ERR_INVALID,
                       OPTION "%s: no API key: expected id:key, or what Elasticsearch calls "
                              "\"encoded\"; \"api_key\" alone is not enough",
                       option);
    }
    buf_append(out, value->data, value->size);
    return 0;
}

static int read_password(const struct cluster_settings *s, struct buf *value, struct buf *out,
                         struct err *err)
{
    const char *option = s->password_file[0] != '\0' ? "password_file" : "password";
    if (strchr(s->user, ':') != NULL) {
        return err_set(err, ERR_INVALID, OPTION "user: a name with a colon cannot be sent");
    }
    if (read_value(option, s->password_file, s->password, value, err) != 0) {
        return err->status;
    }
    struct buf pair;
    buf_init(&pair, HEADER_SIZE_MAX);
    buf_printf(&pair, "%s:", s->user);
    buf_append(&pair, value->data, value->size);
    buf_append_text(out, "Basic ");
    base64_encode(pair.data, pair.size, out);
    out->bad = out->bad || pair.bad;
    secret_wipe(&pair);
    return 0;
}

static int read_token(const struct cluster_settings *s, struct buf *value, struct buf *out,
                      struct err *err)
{
    const char *option = s->token_file[0] != '\0' ? "token_file" : "token";
    if (read_value(option, s->token_file, s->token, value, err) != 0) {
        return err->status;
    }
    if (!is_token(value)) {
        return err_set(err, ERR_INVALID, OPTION "%s: a token has no blanks or special characters",
                       option);
    }
    buf_append_text(out, "Bearer ");
    buf_append(out, value->data, value->size);
    return 0;
}

int secret_read(const struct cluster_settings *s, char **ret_authorization, struct err *err)
{
    struct buf value;
    struct buf out;
    buf_init(&value, SECRET_SIZE_MAX);
    buf_init(&out, HEADER_SIZE_MAX);
    int status = 0;
    char *authorization = NULL;
    if (s->api_key_file[0] != '\0' || s->api_key[0] != '\0') {
        status = read_api_key(s, &value, &out, err);
    } else if (s->user[0] != '\0') {
        status = read_password(s, &value, &out, err);
    } else if (s->token_file[0] != '\0' || s->token[0] != '\0') {
        status = read_token(s, &value, &out, err);
    }
    if (status == 0 && (out.size > 0 || out.bad)) {
        authorization = out.bad ? NULL : mem_strndup((const char *)out.data, out.size);
        status = authorization == NULL ? err_set(err, ERR_NO_MEMORY, "out of memory") : 0;
    }
    secret_wipe(&value);
    secret_wipe(&out);
    if (status == 0) {
        *ret_authorization = authorization;
    }
    return status;
}

void secret_free(char *authorization)
{
    if (authorization != NULL) {
        explicit_bzero(authorization, strlen(authorization));
        mem_free(authorization);
    }
}
