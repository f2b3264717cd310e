// SPDX-License-Identifier: Apache-2.0
/*
 * One index template for both profiles: weir's two components, mappings and settings, and behind
 * them one that the user may fill, which therefore has the last word.
 *
 * An odd value must not cost a document, so the whole index ignores what does not fit a number, a
 * date or an address (the document keeps it; it is only not searched by). @timestamp alone may not:
 * data streams want it. What goflow2.* holds besides flow columns is mapped as it comes: texts and
 * truth values as keywords, which take anything that is no object; objects are kept and not looked
 * into, so that neither their depth nor the number of their names matters.
 *
 * goflow2 is not mapped as flattened, which would take more: its numbers could then not be summed
 * up, addresses not be searched by network, and OpenSearch has another type instead. The price is
 * that a column that is a number here, and a text there, is searched by in its first form only, and
 * that a document is refused in which a flow column is an object or goflow2 itself is none. goflow2
 * writes neither; such lines end in the dead-letter file.
 */
#include "app/setup_template.h"

#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "format/ecs_fields.h"

enum {
    STREAM_NAME_SIZE_MAX = 255,
    PATTERN_SIZE_MAX = 512,
    OBJECT_DEPTH_MAX = 8,
};

// --- Names ---------------------------------------------------------------------------------------

/// As Elasticsearch wants the name of an index to be.
static bool is_index_name(const char *name)
{
    bool sane = strlen(name) <= STREAM_NAME_SIZE_MAX && strchr("-_+.", name[0]) == NULL;
    for (const char *at = name; *at != '\0'; at++) {
        bool upper = *at >= 'A' && *at <= 'Z';
        sane = sane && !upper && *at > ' ' && *at <= '~' && strchr("\\/*?\"<>|,#:%&", *at) == NULL;
    }
    return sane;
}

static void set_names(struct setup_names *n, const char *kind, const char *name)
{
    // All fit: a name is at most 255 bytes.
    (void)snprintf(n->template, sizeof(n->template), "weir-%s%.255s", kind, name);
    (void)snprintf(n->mappings, sizeof(n->mappings), "weir-%s%.255s@mappings", kind, name);
    (void)snprintf(n->settings, sizeof(n->settings), "weir-%s%.255s@settings", kind, name);
    (void)snprintf(n->custom, sizeof(n->custom), "weir-%s%.255s@custom", kind, name);
    (void)snprintf(n->policy, sizeof(n->policy), "weir-%s%.255s", kind, name);
}

int setup_names_init(struct setup_names *n, const struct settings *s, struct err *err)
{
    *n = (struct setup_names){ .one_index = s->es_index[0] != '\0' };
    bool usual = s->ecs_dataset[0] == '\0' || strncmp(s->ecs_dataset, "goflow2.", 8) == 0;
    if (!is_index_name(n->one_index ? s->es_index : "x")) {
        return err_set(err, ERR_INVALID,
                       "-transport.elasticsearch.index \"%.100s\" is no name: up to 255 small "
                       "letters, digits, and - _ . but not in front",
                       s->es_index);
    }
    if (!is_index_name(usual ? "x" : s->ecs_dataset) || strchr(s->ecs_dataset, '-') != NULL) {
        return err_set(err, ERR_INVALID,
                       "-ecs.dataset \"%.100s\": small letters, digits, dots and underscores",
                       s->ecs_dataset);
    }
    if (n->one_index) {
        set_names(n, "index-", s->es_index);
        (void)snprintf(n->pattern, sizeof(n->pattern), "%.255s", s->es_index); // as checked
    } else if (usual) {
        set_names(n, "", "goflow2");
        (void)snprintf(n->pattern, sizeof(n->pattern), "logs-goflow2.*-*"); // fits
    } else {
        set_names(n, "dataset-", s->ecs_dataset);
        (void)snprintf(n->pattern, sizeof(n->pattern), "logs-%.255s-*", s->ecs_dataset); // fits
    }
    return 0;
}

// --- What a server has ---------------------------------------------------------------------------

const struct setup_feature_info SETUP_FEATURES[SETUP_FEATURE_COUNT] = {
    [SETUP_CONSTANT_KEYWORD] = { "constant_keyword", "keyword" },
    [SETUP_MATCH_ONLY_TEXT] = { "match_only_text", "text" },
    [SETUP_IGNORE_BEYOND] = { "ignore_dynamic_beyond_limit",
                              "documents with more than 2000 fields are refused" },
    [SETUP_IGNORE_MISSING] = { "ignore_missing_component_templates", "an empty one is made" },
};

void setup_plan_features(struct setup_plan *p, const struct cluster_info *info)
{
    static const struct {
        enum setup_feature feature;
        enum cluster_product product;
        unsigned major;
        unsigned minor;
    } SINCE[] = {
        { SETUP_CONSTANT_KEYWORD, CLUSTER_ELASTICSEARCH, 7, 7 },
        { SETUP_MATCH_ONLY_TEXT, CLUSTER_ELASTICSEARCH, 7, 14 },
        { SETUP_MATCH_ONLY_TEXT, CLUSTER_OPENSEARCH, 2, 12 },
        { SETUP_IGNORE_BEYOND, CLUSTER_ELASTICSEARCH, 8, 14 },
        { SETUP_IGNORE_MISSING, CLUSTER_ELASTICSEARCH, 8, 7 },
    };
    for (size_t i = 0; i < sizeof(SINCE) / sizeof(SINCE[0]); i++) {
        bool is_new = info->major == 0 || info->major > SINCE[i].major ||
                      (info->major == SINCE[i].major && info->minor >= SINCE[i].minor);
        bool serverless =
            info->product == CLUSTER_SERVERLESS && SINCE[i].product == CLUSTER_ELASTICSEARCH;
        bool here = info->product == SINCE[i].product && is_new;
        p->has[SINCE[i].feature] = p->has[SINCE[i].feature] || here || serverless;
    }
    // One index has documents of several data sets.
    p->has[SETUP_CONSTANT_KEYWORD] = p->has[SETUP_CONSTANT_KEYWORD] && !p->names->one_index;
    p->is_opensearch = info->product == CLUSTER_OPENSEARCH;
    (void)snprintf(p->server, sizeof(p->server), "%s%s%s", cluster_product_text(info->product),
                   info->version[0] == '\0' ? "" : " ", info->version); // cut is fine
}

// --- Mappings ------------------------------------------------------------------------------------

static void append_type(const struct setup_plan *p, enum ecs_type type, struct buf *out)
{
    static const char *const TYPES[] = {
        [ECS_TYPE_TIMESTAMP] = "{\"type\":\"date\",\"ignore_malformed\":false}",
        [ECS_TYPE_DATE] = "{\"type\":\"date\"}",
        [ECS_TYPE_KEYWORD] = "{\"type\":\"keyword\",\"ignore_above\":1024}",
        [ECS_TYPE_CONSTANT] = "{\"type\":\"constant_keyword\"}",
        [ECS_TYPE_STORED] = "{\"type\":\"keyword\",\"index\":false,\"doc_values\":false}",
        [ECS_TYPE_TEXT] = "{\"type\":\"match_only_text\"}",
        [ECS_TYPE_LONG] = "{\"type\":\"long\"}",
        [ECS_TYPE_IP] = "{\"type\":\"ip\"}",
        [ECS_TYPE_GEO_POINT] = "{\"type\":\"geo_point\"}",
    };
    if (type == ECS_TYPE_TEXT && !p->has[SETUP_MATCH_ONLY_TEXT]) {
        buf_append_text(out, "{\"type\":\"text\"}");
    } else if (type == ECS_TYPE_CONSTANT && !p->has[SETUP_CONSTANT_KEYWORD]) {
        buf_append_text(out, TYPES[ECS_TYPE_KEYWORD]);
    } else {
        buf_append_text(out, TYPES[type]);
    }
}

/// How many bytes of the objects that `path` is in are those that `other` is in, too.
static size_t common_size(const char *path, const char *other)
{
    size_t common = 0;
    for (size_t i = 0; path[i] == other[i] && path[i] != '\0'; i++) {
        common = path[i] == '.' ? i + 1 : common;
    }
    return common;
}

static unsigned dots(const char *text)
{
    unsigned count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '.';
    }
    return count;
}

/// Every field of the table in the object it is in.
static void append_fields(const struct setup_plan *p, struct buf *out)
{
    const char *before = "";
    for (size_t i = 0; i < ECS_FIELD_COUNT; i++) {
        const char *path = ECS_FIELDS[i].path;
        size_t common = common_size(path, before);
        for (unsigned left = dots(before + common); left > 0; left--) {
            buf_append_text(out, "}}");
        }
        buf_append_text(out, i > 0 ? "," : "");
        const char *at = path + common;
        for (const char *dot = strchr(at, '.'); dot != NULL; dot = strchr(at, '.')) {
            buf_printf(out, "\"%.*s\":{\"properties\":{", (int)(dot - at), at);
            at = dot + 1;
        }
        buf_printf(out, "\"%s\":", at);
        append_type(p, ECS_FIELDS[i].type, out);
        before = path;
    }
    for (unsigned left = dots(before); left > 0; left--) {
        buf_append_text(out, "}}");
    }
}

/// goflow2's columns: in profile elastic any may be left, in an error document all of them.
static void append_columns(const struct setup_plan *p, struct buf *out)
{
    buf_append_text(out, ",\"goflow2\":{\"properties\":{");
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        buf_printf(out, "\"%s\":", FIELDS[f].json_name);
        append_type(p, ecs_column_type(f), out);
        buf_append_char(out, ',');
    }
    buf_append_text(out, "\"flow_size\":"); // the pipeline's
    append_type(p, ECS_TYPE_LONG, out);
    buf_append_text(out, "}}");
}

/// Who made it. What is done without because this very server refused it is kept there, so that it
/// is not tried each time.
static void append_meta(const struct setup_plan *p, const bool *without, struct buf *out)
{
    buf_printf(out, ",\"_meta\":{\"managed_by\":\"weir\",\"version\":%d", SETUP_VERSION);
    const char *between = "";
    for (size_t i = 0; i < SETUP_FEATURE_COUNT; i++) {
        if (without[i]) {
            if (between[0] == '\0') {
                buf_append_text(out, ",\"refused_by\":");
                json_append_text(out, p->server);
                buf_append_text(out, ",\"refused\":[");
            }
            buf_printf(out, "%s\"%s\"", between, SETUP_FEATURES[i].name);
            between = ",";
        }
    }
    buf_append_text(out, between[0] == '\0' ? "}" : "]}");
}

void setup_append_mappings(const struct setup_plan *p, struct buf *out)
{
    const bool without[SETUP_FEATURE_COUNT] = {
        [SETUP_CONSTANT_KEYWORD] = p->refused[SETUP_CONSTANT_KEYWORD],
        [SETUP_MATCH_ONLY_TEXT] = p->refused[SETUP_MATCH_ONLY_TEXT],
    };
    buf_append_text(
        out,
        "{\"template\":{\"mappings\":{\"date_detection\":false,\"dynamic_templates\":["
        "{\"goflow2_objects\":{\"path_match\":\"goflow2.*\",\"match_mapping_type\":\"object\","
        "\"mapping\":{\"type\":\"object\",\"enabled\":false}}},"
        "{\"texts\":{\"match_mapping_type\":\"string\","
        "\"mapping\":{\"type\":\"keyword\",\"ignore_above\":1024}}},"
        "{\"truths\":{\"match_mapping_type\":\"boolean\",\"mapping\":{\"type\":\"keyword\"}}}],"
        "\"properties\":{");
    append_fields(p, out);
    append_columns(p, out);
    buf_append_text(out, "}}}");
    append_meta(p, without, out);
    buf_append_char(out, '}');
}

// --- Settings and the template -------------------------------------------------------------------

void setup_append_settings(const struct setup_plan *p, struct buf *out)
{
    const bool without[SETUP_FEATURE_COUNT] = {
        [SETUP_IGNORE_BEYOND] = p->refused[SETUP_IGNORE_BEYOND],
    };
    buf_append_text(out, "{\"template\":{\"settings\":{\"index\":{");
    if (p->keeper == KEEP_ILM) {
        buf_append_text(out, "\"lifecycle\":{\"name\":");
        json_append_text(out, p->names->policy);
        buf_append_text(out, "},");
    }
    buf_append_text(out, "\"mapping\":{\"ignore_malformed\":\"true\",\"total_fields\":{");
    if (p->has[SETUP_IGNORE_BEYOND]) {
        buf_append_text(out, "\"ignore_dynamic_beyond_limit\":\"true\",");
    }
    buf_append_text(out, "\"limit\":\"2000\"}}}}");
    if (p->keeper == KEEP_STREAM) {
        buf_append_text(out, ",\"lifecycle\":{\"data_retention\":");
        json_append_text(out, p->keep);
        buf_append_char(out, '}');
    }
    buf_append_char(out, '}');
    append_meta(p, without, out);
    buf_append_char(out, '}');
}

void setup_append_custom(const struct setup_plan *p, struct buf *out)
{
    const bool nothing[SETUP_FEATURE_COUNT] = { false };
    buf_append_text(out, "{\"template\":{}");
    append_meta(p, nothing, out);
    buf_append_char(out, '}');
}

void setup_append_template(const struct setup_plan *p, struct buf *out)
{
    const struct setup_names *n = p->names;
    const bool without[SETUP_FEATURE_COUNT] = {
        [SETUP_IGNORE_MISSING] = p->refused[SETUP_IGNORE_MISSING],
    };
    buf_append_text(out, "{\"index_patterns\":[");
    json_append_text(out, n->pattern);
    buf_append_text(out, p->stream ? "],\"data_stream\":{}" : "]");
    buf_printf(out, ",\"priority\":%d,\"composed_of\":[", SETUP_PRIORITY);
    json_append_text(out, n->mappings);
    buf_append_char(out, ',');
    json_append_text(out, n->settings);
    buf_append_char(out, ',');
    json_append_text(out, n->custom);
    buf_append_char(out, ']');
    if (p->has[SETUP_IGNORE_MISSING]) {
        buf_append_text(out, ",\"ignore_missing_component_templates\":[");
        json_append_text(out, n->custom);
        buf_append_char(out, ']');
    }
    append_meta(p, without, out);
    buf_append_char(out, '}');
}

// --- Others' templates ---------------------------------------------------------------------------

bool setup_is_ours(struct json_value meta)
{
    return setup_json_is(meta, "managed_by", "weir");
}

static bool is_star(struct json_value v, size_t i)
{
    return i < v.size && v.data[i] == '*';
}

/// Row by row: meets[j] says whether what is left of `a` and what is left of `b` from j on have a
/// name in common.
bool setup_patterns_meet(struct json_value a, struct json_value b)
{
    bool meets[PATTERN_SIZE_MAX + 1] = { false };
    if (b.size > PATTERN_SIZE_MAX) {
        return false;
    }
    for (size_t i = a.size + 1; i-- > 0;) {
        bool diagonal = false; // that of the row before, at j + 1
        for (size_t j = b.size + 1; j-- > 0;) {
            bool below = meets[j];                   // (i + 1, j)
            bool right = j < b.size && meets[j + 1]; // (i, j + 1)
            bool ends = i == a.size && j == b.size;
            bool same = i < a.size && j < b.size && a.data[i] == b.data[j] && diagonal;
            meets[j] = ends || same || (is_star(a, i) && (below || right)) ||
                       (is_star(b, j) && (below || right));
            diagonal = below;
        }
    }
    return meets[0];
}
