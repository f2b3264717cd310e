// SPDX-License-Identifier: Apache-2.0
/* What a person sees of an answer, to the blank. */
#include "app/query_table.h"

#include "../unit.h"

static const struct query_look PLAIN = { .width = 0 };

static const char TOP[] =
    "{\"columns\":[\"source.ip\",\"bytes\",\"packets\",\"flows\",\"samples\",\"error\",\"share\","
    "\"other\"],\"rows\":["
    "{\"source.ip\":\"192.0.2.1\",\"bytes\":1500000,\"packets\":1000,\"flows\":10,\"samples\":10,"
    "\"error\":61.98,\"share\":0.75,\"other\":false},"
    "{\"source.ip\":null,\"bytes\":500,\"packets\":3,\"flows\":1,\"samples\":1,"
    "\"error\":null,\"share\":0.25,\"other\":true}],"
    "\"meta\":{\"from\":\"2026-01-01T00:00:00Z\",\"to\":\"2026-01-01T01:00:00Z\",\"tier\":\"1m\","
    "\"rows_read\":1234,\"took_ms\":3.2,\"cut\":true,\"note\":\"about\"}}";

static void assert_prints(bool (*print)(const uint8_t *, size_t, const struct query_look *,
                                        struct buf *),
                          const char *json, const struct query_look *look, const char *text)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(print((const uint8_t *)json, strlen(json), look, &out));
    assert_string_equal(buf_text(&out), text);
    buf_release(&out);
}

static void a_table(void **state)
{
    (void)state;
    assert_prints(query_table_print, TOP, &PLAIN,
                  "SOURCE.IP    BYTES  PACKETS  FLOWS  ERROR  SHARE\n"
                  "192.0.2.1  1.50 MB    1.00k     10   ±62%   75.0% ████████████\n"
                  "(other)      500 B        3      1          25.0% ████\n"
                  "2026-01-01T00:00:00Z to 2026-01-01T01:00:00Z | from 1m | 1.23k rows read | 3 ms"
                  " | there is more\nabout\n");
}

static void it_fits_the_terminal(void **state)
{
    (void)state;
    const struct query_look narrow = { .width = 12 };
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(query_table_print((const uint8_t *)TOP, strlen(TOP), &narrow, &out));
    assert_memory_equal(out.data, "SOURCE.IP\n192.0.2.1  1\n", 23);
    buf_release(&out);
}

static void names_do_not_steer_the_terminal(void **state)
{
    (void)state;
    assert_prints(
        query_table_print,
        "{\"columns\":[\"exporter.name\"],\"rows\":[{\"exporter.name\":\"a\\u001b[2Jb\\n\"}]}",
        &PLAIN, "EXPORTER.NAME\na?[2Jb?\n");
}

static void flows(void **state)
{
    (void)state;
    assert_prints(query_flows_print,
                  "{\"rows\":[{\"@timestamp\":\"T\",\"source\":{\"ip\":\"192.0.2.1\",\"port\":443},"
                  "\"destination\":{\"ip\":\"2001:db8::1\",\"port\":5},\"network\":{\"transport\":"
                  "\"tcp\",\"bytes\":64000,\"packets\":1}}]}",
                  &PLAIN,
                  "TIME  SOURCE     PORT  DESTINATION  PORT  PROTO    BYTES  PACKETS\n"
                  "T     192.0.2.1  443   2001:db8::1  5     tcp    64.0 kB        1\n");
}

static void nothing(void **state)
{
    (void)state;
    assert_prints(query_table_print, "{\"columns\":[\"bytes\"],\"rows\":[]}", &PLAIN,
                  "Nothing was found.\n");
}

static void other_answers(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "",
                                         "{}",
                                         "[]",
                                         "{\"columns\":[],\"rows\":[]}",
                                         "{\"columns\":[1],\"rows\":[]}",
                                         "{\"columns\":[\"a\"]}" };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        struct buf out;
        buf_init(&out, 1 << 20);
        assert_false(query_table_print((const uint8_t *)TEXTS[i], strlen(TEXTS[i]), &PLAIN, &out));
        buf_release(&out);
    }
}

static void a_mistake_has_its_place(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 10);
    query_mistake_print("port: and", 7, "expected a value", &PLAIN, &out);
    assert_string_equal(buf_text(&out), "  port: and\n        ^ expected a value\n");
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table),
        cmocka_unit_test(it_fits_the_terminal),
        cmocka_unit_test(names_do_not_steer_the_terminal),
        cmocka_unit_test(flows),
        cmocka_unit_test(nothing),
        cmocka_unit_test(other_answers),
        cmocka_unit_test(a_mistake_has_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
