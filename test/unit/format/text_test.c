// SPDX-License-Identifier: Apache-2.0
#include "one_flow.h"

static void quotes(const char *bytes, size_t size, const char *expected)
{
    char line[512];
    struct one_flow o = one_flow_new();
    one_flow_custom(&o, 0, bytes, size, 0);
    snprintf(line, sizeof(line), "bytes=0 s=%s", expected);
    one_flow_gives_text(&o, "text",
                        "formatter:\n  fields: [bytes, s]\n  render: {s: string}\n"
                        "  protobuf: [{name: s, index: 1001, type: string}]\n",
                        line);
}

static void no_value_breaks_the_line(void **state)
{
    (void)state;
    quotes("plain", 5, "plain");
    quotes("", 0, "");
    quotes("gr\xc3\xbc", 4, "gr\xc3\xbc");
    quotes("a b", 3, "\"a b\"");
    quotes("a\nb=c", 5, "\"a\\nb=c\"");
    quotes("\"\\", 2, "\"\\\"\\\\\"");
    quotes("\0\x7f", 2, "\"\\x00\\x7f\"");
}

static void names_with_blanks(void **state)
{
    (void)state;
    struct one_flow o = one_flow_new();
    one_flow_gives_text(&o, "text", "formatter: {fields: [bytes], rename: {bytes: 'a b'}}\n",
                        "\"a b\"=0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_value_breaks_the_line),
        cmocka_unit_test(names_with_blanks),
    };
    return UNIT_MAIN("format/text", tests);
}
