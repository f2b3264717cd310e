// SPDX-License-Identifier: Apache-2.0
/*
 * Servers delete whole backing indices, so a data stream has to go over to a new one often enough:
 * after a tenth of the time that documents are kept, at least a day and at most thirty.
 *
 * ILM counts the age from the rollover on, when an index has its last document. ISM counts from
 * when the index was made, so there the time until the rollover is added. Data stream lifecycle
 * rolls over by itself.
 */
#include "app/setup_lifecycle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_text.h"

#define DAY_NS (UINT64_C(86400) * NS_PER_S)
#define ISM_MARK "managed by weir, version "

enum { TIME_SIZE = 32, ROLLOVER_DAYS_MAX = 30, ROLLOVERS = 10 };

void setup_put_time(char *text, size_t size, uint64_t ns)
{
    static const struct {
        uint64_t seconds;
        char unit;
    } UNITS[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    uint64_t seconds = ns / NS_PER_S;
    size_t i = 0;
    while (seconds % UNITS[i].seconds != 0) {
        i++;
    }
    // Twenty digits and a letter fit.
    (void)snprintf(text, size, "%" PRIu64 "%c", seconds / UNITS[i].seconds, UNITS[i].unit);
}

static uint64_t rollover_ns(uint64_t keep_ns)
{
    uint64_t ns = keep_ns / ROLLOVERS;
    ns = ns < DAY_NS ? DAY_NS : ns;
    return ns > ROLLOVER_DAYS_MAX * DAY_NS ? ROLLOVER_DAYS_MAX * DAY_NS : ns;
}

enum setup_keeper setup_keeper_of(const struct cluster_info *info)
{
    bool old = info->major != 0 && (info->major < 8 || (info->major == 8 && info->minor < 14));
    switch (info->product) {
    case CLUSTER_SERVERLESS:
        return KEEP_STREAM;
    case CLUSTER_ELASTICSEARCH:
        return old ? KEEP_ILM : KEEP_STREAM;
    case CLUSTER_OPENSEARCH:
        return KEEP_ISM;
    case CLUSTER_UNKNOWN:
    case CLUSTER_PRODUCT_COUNT:
        break;
    }
    return KEEP_NOT;
}

void setup_append_keeper_path(const struct setup_names *n, enum setup_keeper keeper,
                              struct buf *out)
{
    switch (keeper) {
    case KEEP_STREAM:
        buf_printf(out, "/_data_stream/%s/_lifecycle", n->pattern);
        break;
    case KEEP_ILM:
        buf_printf(out, "/_ilm/policy/%s", n->policy);
        break;
    case KEEP_ISM:
        buf_printf(out, "/_plugins/_ism/policies/%s", n->policy);
        break;
    case KEEP_NOT:
        break;
    }
}

void setup_append_ilm(uint64_t keep_ns, struct buf *out)
{
    char keep[TIME_SIZE];
    char rollover[TIME_SIZE];
    setup_put_time(keep, sizeof(keep), keep_ns);
    setup_put_time(rollover, sizeof(rollover), rollover_ns(keep_ns));
    buf_printf(out,
               "{\"policy\":{\"_meta\":{\"managed_by\":\"weir\",\"version\":%d},\"phases\":{"
               "\"hot\":{\"min_age\":\"0ms\",\"actions\":{\"rollover\":{\"max_age\":\"%s\","
               "\"max_primary_shard_size\":\"50gb\"}}},"
               "\"delete\":{\"min_age\":\"%s\",\"actions\":{\"delete\":{}}}}}}",
               SETUP_VERSION, rollover, keep);
}

void setup_append_ism(const struct setup_names *n, uint64_t keep_ns, struct buf *out)
{
    char keep[TIME_SIZE];
    char age[TIME_SIZE];
    char rollover[TIME_SIZE];
    setup_put_time(keep, sizeof(keep), keep_ns);
    setup_put_time(age, sizeof(age), keep_ns + rollover_ns(keep_ns));
    setup_put_time(rollover, sizeof(rollover), rollover_ns(keep_ns));
    buf_printf(out,
               "{\"policy\":{\"description\":\"" ISM_MARK "%d: flows are kept for %s\","
               "\"default_state\":\"hot\",\"states\":["
               "{\"name\":\"hot\",\"actions\":[{\"rollover\":{\"min_index_age\":\"%s\","
               "\"min_size\":\"50gb\"}}],\"transitions\":[{\"state_name\":\"delete\","
               "\"conditions\":{\"min_index_age\":\"%s\"}}]},"
               "{\"name\":\"delete\",\"actions\":[{\"delete\":{}}],\"transitions\":[]}],"
               "\"ism_template\":[{\"index_patterns\":[",
               SETUP_VERSION, keep, rollover, age);
    json_append_text(out, n->pattern);
    buf_printf(out, "],\"priority\":%d}]}}", SETUP_PRIORITY);
}

struct json_value setup_policy_of(const struct setup_names *n, enum setup_keeper keeper,
                                  struct json_value answer)
{
    return keeper == KEEP_ILM ? setup_json_at(answer, n->policy) : answer;
}

bool setup_policy_is_ours(const struct setup_names *n, enum setup_keeper keeper,
                          struct json_value answer)
{
    struct json_value policy = setup_policy_of(n, keeper, answer);
    struct json_value text = setup_json_at(policy, "policy/description");
    size_t size = strlen(ISM_MARK);
    return keeper == KEEP_ILM ? setup_is_ours(setup_json_at(policy, "policy/_meta"))
                              : text.size > size + 1 && memcmp(text.data + 1, ISM_MARK, size) == 0;
}
