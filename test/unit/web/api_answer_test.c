// SPDX-License-Identifier: Apache-2.0
#include "web/api_answer.h"

#include "../unit.h"

#define S INT64_C(1000000000)

static void time_is(int64_t ns, int32_t zone_s, const char *expected)
{
    struct buf out;
    buf_init(&out, 1000);
    api_time_put(ns, zone_s, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_release(&out);
}

static void writes_times(void **state)
{
    (void)state;
    time_is(0, 0, "1970-01-01T00:00:00.000Z");
    time_is(-1, 0, "1969-12-31T23:59:59.999999999Z");
    time_is(951782400 * S, 0, "2000-02-29T00:00:00.000Z");
    time_is(1770000000 * S + 5000000, 3600, "2026-02-02T03:40:00.005+01:00");
    time_is(0, 3208, "1970-01-01T00:53:00.000+00:53");  // Berlin's before 1893
    time_is(0, -1521, "1969-12-31T23:35:00.000-00:25"); // Dublin's before 1916
    time_is(0, -12600, "1969-12-31T20:30:00.000-03:30");
}

/// Two columns, "name" and "bytes", and two rows; the second has no values.
static void fill(struct answer *a, const char *name, uint64_t bytes)
{
    const struct cell none = { .kind = CELL_NULL };
    const struct cell first[] = {
        { .kind = CELL_TEXT, .text = { .offset = 0, .count = (uint32_t)strlen(name) } },
        { .kind = CELL_U64, .u64 = bytes },
    };
    answer_init(a);
    a->column_count = 2;
    a->columns[0] = "name";
    a->columns[1] = "bytes";
    a->row_count = 2;
    a->exact = true;
    a->tier = TIER_RAW;
    buf_append_text(&a->texts, name);
    buf_append(&a->cells, first, sizeof(first));
    buf_append(&a->cells, &none, sizeof(none));
    buf_append(&a->cells, &none, sizeof(none));
}

static void answer_is(const char *name, enum api_form form, const char *expected)
{
    struct answer a;
    struct buf out;
    const struct api_asked asked = { .question = { .from_ns = 0, .to_ns = 8 * S }, .form = form };
    buf_init(&out, 10000);
    fill(&a, name, 1000);
    api_answer_put(&a, &asked, &out);
    assert_string_equal(buf_text(&out), expected);
    answer_release(&a);
    buf_release(&out);
}

static void writes_tables(void **state)
{
    (void)state;
    answer_is("a\"b", API_JSON,
              "{\"columns\":[\"name\",\"bytes\",\"bits_per_second\"],\"rows\":["
              "{\"name\":\"a\\\"b\",\"bytes\":1000,\"bits_per_second\":1000},"
              "{\"name\":null,\"bytes\":null,\"bits_per_second\":null}],"
              "\"meta\":{\"from\":\"1970-01-01T00:00:00.000Z\",\"to\":\"1970-01-01T00:00:08.000Z\","
              "\"tier\":\"raw\",\"exact\":true,\"cut\":false,\"rows_read\":0,\"took_ms\":0}}\n");
    answer_is("x", API_NDJSON,
              "{\"name\":\"x\",\"bytes\":1000,\"bits_per_second\":1000}\n"
              "{\"name\":null,\"bytes\":null,\"bits_per_second\":null}\n");
}

#define CSV(cell) "name,bytes,bits_per_second\r\n" cell ",1000,1000\r\n,,\r\n"

static void csv_is_quoted_and_no_formula(void **state)
{
    (void)state;
    answer_is("plain", API_CSV, CSV("plain"));
    answer_is("a,b", API_CSV, CSV("\"a,b\""));
    answer_is("a\"b\r\n", API_CSV, CSV("\"a\"\"b\r\n\""));
    answer_is("=1+1", API_CSV, CSV("\"'=1+1\""));
    answer_is("@x", API_CSV, CSV("\"'@x\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_times),
        cmocka_unit_test(writes_tables),
        cmocka_unit_test(csv_is_quoted_and_no_formula),
    };
    return UNIT_MAIN("web/api_answer", tests);
}
