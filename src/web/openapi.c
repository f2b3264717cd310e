// SPDX-License-Identifier: Apache-2.0
/* See web/openapi.h. The parts that no table has are texts in JSON; the rest is put together. */
#include "web/openapi.h"

#include <string.h>

#include "base/json_text.h"
#include "web/api_params.h"

#define REF(name) "{\"$ref\":\"#/components/" name "\"}"
#define JSON_OF(schema) "\"application/json\":{\"schema\":" schema "}"
#define TEXT_OF(type) "\"" type "\":{\"schema\":{\"type\":\"string\"}}"
#define FILE_OF(type) "\"" type "\":{}"

#define COUNT "{\"type\":\"integer\",\"minimum\":0}"
#define MEASURE "{\"type\":[\"number\",\"null\"]}"
#define MOMENT "{\"type\":\"string\",\"format\":\"date-time\"}"
#define TEXT "{\"type\":\"string\"}"
#define FLAG "{\"type\":\"boolean\"}"
#define TEXTS "{\"type\":\"array\",\"items\":" TEXT "}"
#define LIST_OF(items) "{\"type\":\"array\",\"items\":" items "}"
#define OBJECT(required, properties)                                                               \
    "{\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}}"

// --- What answers look like ----------------------------------------------------------------------

static const char ERROR[] =
    OBJECT("\"error\"", "\"error\":" OBJECT("\"text\"", "\"text\":" TEXT ",\"parameter\":" TEXT
                                                        ",\"position\":" COUNT ",\"column\":" COUNT
                                                        ",\"endpoints\":" TEXTS));

/// A row's other members are the dimensions, called by their path.
static const char ROW[] =
    "{\"type\":\"object\",\"properties\":{\"time\":" MOMENT ",\"bytes\":" MEASURE
    ",\"packets\":" MEASURE ",\"flows\":" MEASURE ",\"samples\":" MEASURE ",\"unknown\":" MEASURE
    ",\"error\":" MEASURE ",\"share\":" MEASURE ",\"avg\":" MEASURE ",\"max\":" MEASURE
    ",\"p95\":" MEASURE ",\"bits_per_second\":" MEASURE ",\"packets_per_second\":" MEASURE
    "},\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}}";

#define META                                                                                       \
    OBJECT("\"from\",\"to\",\"tier\",\"exact\",\"cut\",\"rows_read\",\"took_ms\"",                 \
           "\"from\":" MOMENT ",\"to\":" MOMENT ",\"step_seconds\":{\"type\":\"number\"},"         \
           "\"tier\":{\"enum\":[\"auto\",\"raw\",\"1m\",\"1h\",\"talkers\"]},\"exact\":" FLAG      \
           ",\"note\":" TEXT ",\"cut\":" FLAG ",\"rows_read\":" COUNT                              \
           ",\"took_ms\":{\"type\":\"number\",\"minimum\":0}")

#define TABLE_PARTS "\"columns\":" TEXTS ",\"rows\":" LIST_OF(REF("schemas/Row")) ",\"meta\":" META

static const char TABLE[] = OBJECT("\"columns\",\"rows\",\"meta\"", TABLE_PARTS);

/// Each series over the whole time, and all of them where they are all there is.
static const char SERIES[] =
    OBJECT("\"columns\",\"rows\",\"meta\"",
           TABLE_PARTS ",\"groups\":" LIST_OF(REF("schemas/Row")) ",\"total\":" REF("schemas/Row"));

/// A record is a document of Elastic's Common Schema.
static const char RECORDS[] =
    OBJECT("\"rows\",\"meta\"",
           "\"rows\":" LIST_OF("{\"type\":\"object\"}") ",\"meta\":" OBJECT(
               "\"from\",\"to\",\"cut\"", "\"from\":" MOMENT ",\"to\":" MOMENT ",\"cut\":" FLAG
                                          ",\"cursor\":{\"type\":\"string\",\"pattern\":"
                                          "\"^[0-9a-f]{32}$\"}"));

static const char FIELD_LIST[] =
    OBJECT("\"rows\"",
           "\"rows\":" LIST_OF(OBJECT(
               "\"path\",\"type\",\"aliases\",\"groups\",\"operators\",\"help\"",
               "\"path\":" TEXT ",\"type\":{\"enum\":[\"date\",\"ip\",\"number\",\"keyword\","
               "\"text\"]},\"aliases\":" TEXTS ",\"groups\":" FLAG
               ",\"operators\":{\"type\":\"array\",\"items\":{\"enum\":[\":\",\"<\",\"<=\",\">\","
               "\">=\"]}},\"help\":" TEXT)));

static const char HEALTH[] = OBJECT(
    "\"status\",\"reasons\",\"has_store\"",
    "\"status\":{\"enum\":[\"ok\",\"warning\",\"error\"]},\"reasons\":" TEXTS ",\"has_store\":" FLAG
    ",\"store\":" OBJECT("\"records\",\"used_bytes\",\"oldest\",\"newest\"",
                         "\"records\":" COUNT ",\"stored\":" COUNT ",\"skipped\":" COUNT
                         ",\"duplicates\":" COUNT ",\"forgotten\":" COUNT ",\"used_bytes\":" COUNT
                         ",\"file_bytes\":" COUNT ",\"disk_free\":" COUNT
                         ",\"oldest\":{\"type\":[\"string\",\"null\"]},"
                         "\"newest\":{\"type\":[\"string\",\"null\"]}"));

static const struct {
    const char *name;
    const char *text;
} SCHEMAS[] = {
    { "Error", ERROR },     { "Row", ROW },           { "Table", TABLE },   { "Series", SERIES },
    { "Records", RECORDS }, { "Fields", FIELD_LIST }, { "Health", HEALTH },
};

/// The content of a good answer.
static const char *content_of(enum api_endpoint endpoint)
{
    switch (endpoint) {
    case API_FLOWS:
        return JSON_OF(REF("schemas/Records")) "," TEXT_OF("text/csv") "," TEXT_OF(
            "application/x-ndjson");
    case API_SERIES:
        return JSON_OF(REF("schemas/Series")) "," TEXT_OF("text/csv") "," TEXT_OF(
            "application/x-ndjson");
    case API_FIELDS:
        return JSON_OF(REF("schemas/Fields"));
    case API_HEALTH:
        return JSON_OF(REF("schemas/Health"));
    case API_LIVE:
        return TEXT_OF("text/event-stream");
    case API_EXPORT:
        return FILE_OF("application/vnd.apache.parquet") "," TEXT_OF("text/csv") "," TEXT_OF(
            "application/x-ndjson");
    case API_OPENAPI:
        return JSON_OF("{\"type\":\"object\"}");
    default:
        return JSON_OF(REF("schemas/Table")) "," TEXT_OF("text/csv") "," TEXT_OF(
            "application/x-ndjson");
    }
}

// --- What may be asked ---------------------------------------------------------------------------

static bool is_required(enum api_endpoint endpoint, enum api_param param)
{
    return param == PARAM_FIELD ||
           (param == PARAM_DIMS && (endpoint == API_TOP || endpoint == API_MATRIX));
}

static void put_parameters(enum api_endpoint endpoint, struct buf *out)
{
    const char *comma = "";
    for (enum api_param p = 0; p < PARAM_COUNT; p++) {
        const struct api_param_info *info = &api_params[p];
        if ((info->where >> endpoint & 1) == 0) {
            continue;
        }
        buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\",\"required\":%s,\"schema\":%s,", comma,
                   info->name, is_required(endpoint, p) ? "true" : "false", info->schema);
        buf_append_text(out, "\"description\":");
        json_append_text(out, info->help);
        buf_append_char(out, '}');
        comma = ",";
    }
}

static void put_endpoint(enum api_endpoint endpoint, struct buf *out)
{
    const struct api_endpoint_info *info = &api_endpoints[endpoint];
    buf_printf(out, "\"/%s\":{\"get\":{\"operationId\":\"%.*s\",\"summary\":", info->name,
               (int)strcspn(info->name, "."), info->name);
    json_append_text(out, info->help);
    buf_append_text(out, ",\"parameters\":[");
    put_parameters(endpoint, out);
    buf_append_text(out, "],\"responses\":{\"200\":{\"description\":");
    json_append_text(out, info->help);
    buf_append_text(out, ",\"content\":{");
    buf_append_text(out, content_of(endpoint));
    buf_append_text(out, "}},\"400\":" REF("responses/Wrong") ",\"503\":" REF(
                             "responses/Later") ",\"default\":" REF("responses/Failed") "}}}");
}

static void put_components(struct buf *out)
{
    buf_append_text(out, "\"components\":{\"schemas\":{");
    for (size_t i = 0; i < sizeof(SCHEMAS) / sizeof(SCHEMAS[0]); i++) {
        buf_printf(out, "%s\"%s\":", i == 0 ? "" : ",", SCHEMAS[i].name);
        buf_append_text(out, SCHEMAS[i].text);
    }
    buf_append_text(
        out,
        "},\"responses\":{"
        "\"Wrong\":{\"description\":\"The request is wrong: which parameter, and of a "
        "condition where\",\"content\":{" JSON_OF(REF(
            "schemas/Error")) "}},"
                              "\"Later\":{\"description\":\"Too many ask now, or there is no "
                              "store\",\"headers\":{"
                              "\"Retry-After\":{\"description\":\"Seconds\",\"schema\":" COUNT
                              "}},\"content\":{" JSON_OF(REF(
                                  "schemas/Error")) "}},"
                                                    "\"Failed\":{\"description\":\"It took too "
                                                    "long, is too large, or failed\","
                                                    "\"content\":{" JSON_OF(REF(
                                                        "schemas/Error")) "}}},"
                                                                          "\"securitySchemes\":{"
                                                                          "\"password\":{\"type\":"
                                                                          "\"http\",\"scheme\":"
                                                                          "\"basic\"},"
                                                                          "\"token\":{\"type\":"
                                                                          "\"http\",\"scheme\":"
                                                                          "\"bearer\"}}}");
}

void openapi_put(struct buf *out)
{
    buf_append_text(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"weir\",\"version\":\"1\","
                         "\"description\":\"Questions to the flow records that weir keeps\"},"
                         "\"servers\":[{\"url\":\"/api/v1\"}],"
                         "\"security\":[{},{\"password\":[]},{\"token\":[]}],\"paths\":{");
    for (enum api_endpoint e = 0; e < API_ENDPOINT_COUNT; e++) {
        buf_append_text(out, e == 0 ? "" : ",");
        put_endpoint(e, out);
    }
    buf_append_text(out, "},");
    put_components(out);
    buf_append_text(out, "}\n");
}
