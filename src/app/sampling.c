// SPDX-License-Identifier: Apache-2.0
/* A list short enough to be walked for each record without a rate. */
#include "app/sampling.h"

#include <string.h>

#include "base/num.h"

static int parse_item(const char *item, struct sampling *s)
{
    const char *equals = strchr(item, '=');
    const char *number = equals == NULL ? item : equals + 1;
    uint64_t rate;
    if (num_get_u64(number, strlen(number), UINT32_MAX, &rate) != 0 || rate == 0) {
        return ERR_INVALID;
    }
    if (equals == NULL) {
        s->rate = rate;
        return 0;
    }
    char network[ADDR_TEXT_SIZE_MAX + 8];
    size_t size = (size_t)(equals - item);
    if (s->count == SAMPLING_RULES_MAX) {
        return ERR_FULL;
    }
    if (size >= sizeof(network)) {
        return ERR_INVALID;
    }
    memcpy(network, item, size);
    network[size] = '\0';
    struct sampling_rule *rule = &s->rules[s->count++];
    rule->rate = rate;
    return cidr_parse(network, &rule->exporters);
}

int sampling_parse(const char *text, struct sampling *ret_sampling, struct err *err)
{
    *ret_sampling = (struct sampling){ 0 };
    while (*text != '\0') {
        char item[2 * ADDR_TEXT_SIZE_MAX];
        size_t size = strcspn(text, ",");
        if (size >= sizeof(item)) {
            return err_set(err, ERR_INVALID, "-sampling.default \"%.60s\": too long", text);
        }
        memcpy(item, text, size);
        item[size] = '\0';
        int status = size > 0 ? parse_item(item, ret_sampling) : 0;
        if (status == ERR_FULL) {
            return err_set(err, status,
                           "-sampling.default: more than %d exporters; networks such "
                           "as 10.0.0.0/8=100 stand for many",
                           SAMPLING_RULES_MAX);
        }
        if (status != 0) {
            return err_set(err, ERR_INVALID,
                           "-sampling.default \"%.60s\": expected a rate such as 1000, or an "
                           "exporter's such as 192.0.2.1=512",
                           item);
        }
        text += size + (text[size] == ',');
    }
    return 0;
}

uint64_t sampling_of(const struct sampling *s, const struct addr *exporter)
{
    const struct sampling_rule *best = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct sampling_rule *rule = &s->rules[i];
        if ((best == NULL || rule->exporters.prefix > best->exporters.prefix) &&
            exporter->size > 0 && cidr_contains(&rule->exporters, exporter)) {
            best = rule;
        }
    }
    return best == NULL ? s->rate : best->rate;
}
