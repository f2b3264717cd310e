// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a line of a log: Elastic's document of it is one line of valid UTF-8 and JSON, which
 * our own parser reads, and the same when it is made again.
 */
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "format/elastic.h"
#include "format/json_parse.h"
#include "fuzz.h"

enum { OUT_SIZE_MAX = 256 << 20, JSON_SIZE_MAX = 16 << 20 };

static const char *const EVENTS[] = {
    "{\"tags\":[\"preserve_original_event\"],\"event\":{\"timezone\":\"+00:00\"}}",
    "{\"tags\":[\"sflow\"],\"event\":{\"timezone\":\"+00:00\"}}",
    "{\"source\":{\"geo\":null},\"destination\":{},\"observer\":{\"ip\":\"::1\"}}",
    "{}",
};

static void check_output(const struct buf *out, struct json_tree *tree, struct json_parser *parser)
{
    struct json_error error = { 0 };
    uint32_t code;
    for (size_t i = 0, length; i < out->size; i += length) {
        length = utf8_next(out->data + i, out->size - i, &code);
        CHECK(length > 0);
        CHECK(code >= 0x20);
    }
    json_tree_clear(tree);
    const struct json_node *n = json_parse(parser, tree, json_slice(out->data, out->size), &error);
    // goflow2 is one level down, so that 1000 levels in the line are too many in the document.
    CHECK(n != NULL || strstr(error.reason, "depth") != NULL);
    CHECK(n == NULL || n->kind == JSON_MAP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct elastic *elastic;
    static struct json_tree *tree;
    static struct json_parser *parser;
    static struct buf out;
    static struct buf again;
    if (elastic == NULL) {
        CHECK(elastic_new(&elastic) == 0);
        CHECK(json_tree_new(JSON_SIZE_MAX, &tree) == 0);
        CHECK(json_parser_new(JSON_SIZE_MAX, &parser) == 0);
        buf_init(&out, OUT_SIZE_MAX);
        buf_init(&again, OUT_SIZE_MAX);
    }
    const char *event = EVENTS[size % (sizeof(EVENTS) / sizeof(EVENTS[0]))];
    static const char PLACE[] = "{\"x\":1}";
    const struct elastic_json place = { (const uint8_t *)PLACE, sizeof(PLACE) - 1 };
    uint8_t *exact = mem_zalloc(size > 0 ? size : 1);
    CHECK(exact != NULL);
    memcpy(exact, data, size);
    const struct elastic_input in = { .line = exact,
                                      .size = size,
                                      .event = { (const uint8_t *)event, strlen(event) },
                                      .src_geo = place,
                                      .dst_as = place,
                                      .city_unavailable = size % 3 == 0,
                                      .asn_unavailable = size % 5 == 0,
                                      .ecs_version = "8.17.0" };
    buf_clear(&out);
    buf_clear(&again);
    bool failed = elastic_append(elastic, &in, &out);
    CHECK(!out.bad);
    CHECK(elastic_append(elastic, &in, &again) == failed);
    CHECK(again.size == out.size);
    CHECK(memcmp(again.data, out.data, out.size) == 0);
    check_output(&out, tree, parser);
    mem_free(exact);
    return 0;
}
