// SPDX-License-Identifier: Apache-2.0
#include "web/api_params.h"

#include "../unit.h"

#define NOW UINT64_C(1770000000000000000)
#define HOUR (INT64_C(3600) * 1000000000)

static const struct api_moment MOMENT = { .now_ns = NOW };

static void is_refused(enum api_endpoint endpoint, const char *query, const char *parameter)
{
    struct api_asked asked;
    struct api_fault fault;
    assert_int_not_equal(api_params_read(endpoint, query, NULL, &MOMENT, &asked, &fault), 0);
    assert_int_equal(fault.status, 400);
    assert_true(fault.text[0] != '\0');
    if (parameter == NULL) {
        assert_null(fault.parameter);
    } else {
        assert_string_equal(fault.parameter, parameter);
    }
}

static void is_said(enum api_endpoint endpoint, const char *query, const char *text)
{
    struct api_asked asked;
    struct api_fault fault;
    assert_int_not_equal(api_params_read(endpoint, query, NULL, &MOMENT, &asked, &fault), 0);
    assert_string_equal(fault.text, text);
}

static struct api_asked read_fine(enum api_endpoint endpoint, const char *query)
{
    struct api_asked asked;
    struct api_fault fault;
    if (api_params_read(endpoint, query, NULL, &MOMENT, &asked, &fault) != 0) {
        fail_msg("%s: %s", query, fault.text);
    }
    return asked;
}

static void refuses(void **state)
{
    (void)state;
    is_refused(API_TOP, "dims=src&nn=5", NULL);    // no such parameter
    is_refused(API_TOP, "dims=src&after=0", NULL); // of another end point
    is_refused(API_TOP, "dims=src&n=5&n=5", "n");  // twice
    is_said(API_TOP, "dims=proto",
            "dims: \"proto\" is two fields: choose network.transport or network.iana_number");
    is_refused(API_TOP, "dims=src&n=0", "n");           //
    is_refused(API_TOP, "dims=src&n=10001", "n");       //
    is_refused(API_TOP, "dims=src&by=bits", "by");      //
    is_refused(API_TOP, "dims=src&other=yes", "other"); //
    is_refused(API_TOP, "dims=src&from=x", "from");     //
    is_refused(API_TOP, "dims=src&from=now", "from");   // not before to
    is_refused(API_TOP, "", "dims");                    //
    is_refused(API_TOP, "dims=src,src,src,src", "dims");
    is_refused(API_TOP, "dims=src,", "dims");
    is_refused(API_TOP, "dims=port", "dims"); // two fields
    is_refused(API_TOP, "dims=source.ip/0", "dims");
    is_refused(API_TOP, "dims=source.ip/129", "dims");
    is_refused(API_TOP, "dims=source.port/24", "dims");
    is_refused(API_TOP, "dims=src&format=parquet", "format");
    is_refused(API_EXPORT, "format=json", "format");
    is_refused(API_MATRIX, "dims=src", "dims");
    is_refused(API_SERIES, "step=5", "step");
    is_refused(API_SERIES, "step=0m", "step");
    is_refused(API_FLOWS, "columns=src", "columns"); // JSON has no columns
    is_refused(API_FLOWS, "format=csv&columns=src,", "columns");
    is_refused(API_FLOWS, "format=csv&columns=port", "columns"); // is two fields
    is_refused(API_FLOWS, "format=csv&columns=network.application", "columns");
    is_refused(API_SERIES, "step=8640000001s", "step");
    is_refused(API_SERIES, "step=100001d", "step");
    is_refused(API_FLOWS, "n=1001", "n");
    is_refused(API_FLOWS, "after=12", "after");
    is_refused(API_VALUES, "", "field");
    is_refused(API_CHANGES, "compare=previous&baseline_from=now-1d", "compare");
    is_refused(API_LIVE, "rate=1001", "rate");
}

#define FIFTY_NINE "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHI"

/// What was said is repeated up to its 60th byte, and no character in part.
static void shows_whole_characters(void **state)
{
    (void)state;
    is_said(API_HEALTH, FIFTY_NINE "\xc3\xa4=1", "health has no parameter \"" FIFTY_NINE "\"");
    is_said(API_HEALTH, FIFTY_NINE "JK=1", "health has no parameter \"" FIFTY_NINE "J\"");
    is_said(API_VALUES, "field=" FIFTY_NINE "%C3%A4",
            "field: there is no field \"" FIFTY_NINE "\"");
    is_said(API_TOP, "from=" FIFTY_NINE "\xe2\x82\xac",
            "from: \"" FIFTY_NINE "\" is no time; write 2026-01-31T12:00:00Z or now-1h");
    is_said(API_TOP, "tz=" FIFTY_NINE "\xe2\x82\xac",
            "tz: \"" FIFTY_NINE "\" is no time zone; write +01:00 or Europe/Berlin");
}

static void reads_questions(void **state)
{
    (void)state;
    struct api_asked a = read_fine(API_TOP, "dims=src,source.ip/24,destination.ip/64&by=packets");
    assert_int_equal(a.question.to_ns, (int64_t)NOW);
    assert_int_equal(a.question.from_ns, (int64_t)NOW - HOUR);
    assert_int_equal(a.question.limit, 10);
    assert_int_equal(a.question.by, METRIC_PACKETS);
    assert_int_equal(a.question.dimension_count, 3);
    assert_int_equal(a.question.dimensions[0].field, QUERY_SOURCE_IP);
    assert_int_equal(a.question.dimensions[1].prefix_v4, 24);
    assert_int_equal(a.question.dimensions[2].prefix_v6, 64);
    assert_int_equal(a.form, API_JSON);
    assert_false(a.question.no_rates);
    api_asked_release(&a);
    a = read_fine(API_TOP, "dims=src&rates=false&both=true");
    assert_true(a.question.no_rates && a.question.both && !a.question.other);
    api_asked_release(&a);
    a = read_fine(API_CHANGES, "");
    assert_int_equal(a.question.compare_to_ns, a.question.from_ns);
    assert_int_equal(a.question.compare_from_ns, a.question.from_ns - HOUR);
    api_asked_release(&a);
    a = read_fine(API_SERIES, "compare=previous&step=5m&rank=max");
    assert_int_equal(a.question.before_ns, HOUR);
    assert_int_equal(a.question.step_ns, HOUR / 12);
    assert_int_equal(a.question.rank, RANK_MAX);
    api_asked_release(&a);
}

/// ns between two times have 63 bits, those of each alone too.
static void times_far_apart(void **state)
{
    (void)state;
    is_refused(API_TOP, "dims=src&from=1700-01-01&to=2000-01-01", "from");
    is_refused(API_SERIES, "from=1750-01-01&to=1990-01-01&compare=previous", "compare");
    is_refused(API_CHANGES, "from=1750-01-01&to=1990-01-01", "baseline_to");
    is_refused(API_CHANGES, "baseline_from=1700-01-01&baseline_to=2000-01-01", "baseline_from");
    struct api_asked a = read_fine(API_FLOWS, "from=1750-01-01&to=1990-01-01");
    assert_int_equal(a.question.to_ns - a.question.from_ns, 87658 * 24 * HOUR);
    api_asked_release(&a);
    a = read_fine(API_CHANGES, "from=1750-01-01&to=1990-01-01&baseline_from=1749-01-01");
    assert_int_equal(a.question.compare_to_ns - a.question.compare_from_ns, 365 * 24 * HOUR);
    api_asked_release(&a);
    a = read_fine(API_SERIES, "from=1850-01-01&to=1990-01-01&compare=previous");
    assert_int_equal(a.question.before_ns, a.question.to_ns - a.question.from_ns);
    api_asked_release(&a);
}

static void a_cursor_comes_back(void **state)
{
    (void)state;
    char text[40];
    char query[64];
    api_cursor_put(-5, UINT64_MAX - 1, text, sizeof(text));
    (void)snprintf(query, sizeof(query), "after=%s", text); // fits
    struct api_asked a = read_fine(API_FLOWS, query);
    assert_int_equal(a.after_ts, -5);
    assert_true(a.after_id == UINT64_MAX - 1);
    api_asked_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(shows_whole_characters),
        cmocka_unit_test(reads_questions),
        cmocka_unit_test(times_far_apart),
        cmocka_unit_test(a_cursor_comes_back),
    };
    return UNIT_MAIN("web/api_params", tests);
}
