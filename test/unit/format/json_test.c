// SPDX-License-Identifier: Apache-2.0
/* Golden tests hold goflow2's own lines; here is what packets cannot easily make: escapes, absence.
 */
#include "one_flow.h"

#define CUSTOM                                                                                     \
    "formatter:\n  fields: [bytes, s]\n  render: {s: string}\n"                                    \
    "  protobuf: [{name: s, index: 1001, type: string}]\n"

static void escapes(const char *bytes, size_t size, const char *expected)
{
    char line[512];
    struct one_flow o = one_flow_new();
    one_flow_custom(&o, 0, bytes, size, 0);
    snprintf(line, sizeof(line), "{\"bytes\":0,\"s\":\"%s\"}", expected);
    one_flow_gives_text(&o, "json", CUSTOM, line);
}

static void texts_are_escaped(void **state)
{
    (void)state;
    escapes("plain \x7f", 7, "plain \x7f");
    escapes("", 0, "");
    escapes("a\"b\\c", 5, "a\\\"b\\\\c");
    escapes("\0\x01\b\t\n\f\r\x1f", 8, "\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f");
    escapes("<>&", 3, "\\u003c\\u003e\\u0026");
    escapes("\xe2\x80\xa8\xe2\x80\xa9", 6, "\\u2028\\u2029");
    escapes("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", 11, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    // No UTF-8: a lone continuation, overlong, a surrogate, cut short, past the last code point.
    escapes("\x80", 1, "\\ufffd");
    escapes("\xc0\xaf", 2, "\\ufffd\\ufffd");
    escapes("\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd");
    escapes("a\xe2\x82", 3, "a\\ufffd\\ufffd");
    escapes("\xf4\x90\x80\x80", 4, "\\ufffd\\ufffd\\ufffd\\ufffd");
}

static void names_are_escaped(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    o.flow->bytes = 5;
    one_flow_gives_text(&o, "json", "formatter: {fields: [bytes], rename: {bytes: 'a\"<b'}}\n",
                        "{\"a\\\"\\u003cb\":5}");
}

static void columns_without_a_value(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    one_flow_gives_text(&o, "json",
                        "formatter:\n  fields: [a, b, c, d, e, bytes]\n"
                        "  render: {b: proto, d: none, e: etype}\n  protobuf:\n"
                        "    - {name: a, index: 1, type: varint}\n"
                        "    - {name: b, index: 2, type: varint}\n"
                        "    - {name: c, index: 3, type: varint, array: true}\n"
                        "    - {name: d, index: 4, type: varint, array: true}\n",
                        "{\"b\":\"unknown\",\"d\":[],\"e\":\"unknown\",\"bytes\":0}");
    o = one_flow_new();
    one_flow_gives_text(&o, "json",
                        "formatter: {fields: [a], protobuf: [{name: a, index: 1, type: bytes}]}\n",
                        "{}");
}

static void enums_without_a_name(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    o.flow->type = 77;
    o.flow->etype = 0x1234;
    o.flow->proto = 300;
    one_flow_gives_text(&o, "json", "formatter: {fields: [type, etype, proto]}\n",
                        "{\"type\":\"77\",\"etype\":\"\",\"proto\":\"unknown\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(columns_without_a_value),
        cmocka_unit_test(enums_without_a_name),
    };
    return UNIT_MAIN("format/json", tests);
}
