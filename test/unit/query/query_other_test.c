// SPDX-License-Identifier: Apache-2.0
/* Columns that no field stands for are asked for as documents show them: every value in a document
 * is found, and what it does not have is not. */
#include "query/query_other.h"

#include <stdlib.h>

#include "../store/others.h"
#include "base/buf.h"
#include "base/json_find.h"
#include "format/ecs.h"
#include "format/format.h"
#include "query/kql.h"
#include "query/query_json.h"

enum { RECORDS = 200, OUT_SIZE_MAX = 1 << 20, TEXT_SIZE_MAX = 64 << 10 };

struct fixture {
    struct mapping *mapping;
    struct batch_pool *pool;
    struct batch *batch;
    struct format *format;
    uint64_t seed;
    struct buf out;
    struct buf question;
};

static int set_up(void **state)
{
    static struct fixture f;
    static const struct ecs_settings ECS = { .version = "8.11.0",
                                             .tags = "",
                                             .namespace = "default",
                                             .dataset = "",
                                             .timezone = "",
                                             .fields = "",
                                             .agent_name = "h",
                                             .agent_version = "1" };
    struct err err;
    f = (struct fixture){ .seed = 88172645463325252U, .mapping = others_mapping(OTHERS_MAPPING) };
    const struct format_settings settings = { .name = "ecs", .mapping = f.mapping, .ecs = &ECS };
    assert_int_equal(batch_pool_new(1, NULL, NULL, &f.pool), 0);
    assert_int_equal(format_new(&settings, &f.format, &err), 0);
    f.batch = batch_get(f.pool);
    buf_init(&f.out, OUT_SIZE_MAX);
    buf_init(&f.question, TEXT_SIZE_MAX);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    format_free(f->format);
    batch_unref(f->batch);
    batch_pool_free(f->pool);
    mapping_free(f->mapping);
    buf_release(&f->out);
    buf_release(&f->question);
    return 0;
}

/// Whether the question means a record; -1: it is refused.
static int is_meant(const struct fixture *f, const struct flow *flow)
{
    struct kql *kql;
    struct kql_error error;
    const struct kql_context context = { .mapping = f->mapping };
    if (kql_parse((const char *)f->question.data, f->question.size, &context, &kql, &error) != 0) {
        return -1;
    }
    bool found = kql_matches(kql, f->batch, flow);
    kql_free(kql);
    return found;
}

/// Draws a record and makes its document. Returns its goflow2, which may be empty.
static struct json_each draw_document(struct fixture *f, struct flow *flow)
{
    struct json_value object = { 0 };
    *flow = (struct flow){ .kind = RECORD_FLOW,
                           .present = FLOW_BIT(FIELD_TIME_RECEIVED_NS),
                           .time_received_ns = 1 };
    f->batch->arena_used = 0;
    others_draw_customs(&f->seed, f->mapping, f->batch, flow);
    others_draw_extras(&f->seed, f->batch, flow);
    buf_clear(&f->out);
    assert_int_equal(format_append(f->format, f->batch, flow, &f->out), FORMAT_MESSAGE);
    if (!json_find(f->out.data, f->out.size, "goflow2", &object)) {
        return (struct json_each){ 0 };
    }
    return (struct json_each){ .json = object.data, .size = object.size };
}

static bool next_member(struct json_each *e)
{
    return e->size > 0 && json_each(e);
}

/// The name of a member, as it is meant.
static struct query_text name_of(const struct json_each *member, char *room, size_t size)
{
    struct query_text name;
    assert_true(query_json_string(member->name.data, member->name.size, room, size, &name));
    return name;
}

static void put_quoted(struct buf *out, const char *text, size_t size)
{
    buf_append_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        buf_append(out, "\\", text[i] == '"' || text[i] == '\\');
        buf_append_char(out, text[i]);
    }
    buf_append_char(out, '"');
}

/// What a document's value is looked for with.
struct looking {
    struct fixture *f;
    const struct flow *flow;
    struct query_text name;
    unsigned found;
    unsigned refused;
};

/// A query_each_fn.
static bool look_for(void *context, const struct query_value *value)
{
    struct looking *l = context;
    struct buf *q = &l->f->question;
    buf_clear(q);
    buf_printf(q, "\"goflow2.%.*s\": ", (int)l->name.size, l->name.data);
    put_quoted(q, value->text, value->size);
    int meant = is_meant(l->f, l->flow);
    if (meant == 0) {
        fail_msg("%s does not find its document: %s", buf_text(q), buf_text(&l->f->out));
    }
    l->found += meant > 0;
    l->refused += meant < 0; // a text where the mapping has a number or an address
    return false;
}

/// Whether a column says "unknown", as some do that have no value.
static bool is_unknown(const struct json_each *member)
{
    static const char UNKNOWN[] = "\"unknown\"";
    return member->value.size == sizeof(UNKNOWN) - 1 &&
           memcmp(member->value.data, UNKNOWN, member->value.size) == 0;
}

static void every_value_of_a_document_is_found(void **state)
{
    struct fixture *f = *state;
    struct flow *flow = &f->batch->flows[0];
    struct looking l = { .f = f, .flow = flow };
    for (unsigned i = 0; i < RECORDS; i++) {
        struct json_each member = draw_document(f, flow);
        while (next_member(&member)) {
            char room[QUERY_TEXT_ROOM];
            l.name = name_of(&member, room, sizeof(room));
            if (!is_unknown(&member)) {
                (void)query_json_values(member.value.data, member.value.size, look_for, &l);
            }
        }
    }
    print_message("%u values found, %u refused\n", l.found, l.refused);
    assert_true(l.found > 4 * RECORDS && l.refused < l.found / 4);
}

static bool is_there(void *context, const struct query_value *value)
{
    (void)context;
    return value->size > 0;
}

/// Whether the document has a value under a name.
static bool has_value(struct json_each member, const char *name)
{
    bool has = false;
    while (!has && next_member(&member)) {
        char room[QUERY_TEXT_ROOM];
        struct query_text text = name_of(&member, room, sizeof(room));
        has = text.size == strlen(name) && memcmp(text.data, name, text.size) == 0 &&
              !is_unknown(&member) &&
              query_json_values(member.value.data, member.value.size, is_there, NULL);
    }
    return has;
}

static void what_a_document_lacks_is_not_there(void **state)
{
    static const char *const NAMES[] = { "n",     "ns",    "tcp_flags", "text",   "hex", "ip",
                                         "mac",   "ether", "when",      "later",  "own", "renamed",
                                         "other", "site",  "a b",       "nothing" };
    struct fixture *f = *state;
    struct flow *flow = &f->batch->flows[0];
    unsigned lacking = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        struct json_each members = draw_document(f, flow);
        for (size_t n = 0; n < sizeof(NAMES) / sizeof(NAMES[0]); n++) {
            bool has = has_value(members, NAMES[n]);
            buf_clear(&f->question);
            buf_printf(&f->question, "\"goflow2.%s\": *", NAMES[n]);
            if (is_meant(f, flow) != has) {
                fail_msg("%s is %s %s", NAMES[n], has ? "in" : "not in", buf_text(&f->out));
            }
            lacking += !has;
        }
    }
    assert_true(lacking > RECORDS && lacking < RECORDS * sizeof(NAMES) / sizeof(NAMES[0]));
}

static void numbers_are_what_they_are_worth(void **state)
{
    static const char *const YES[] = { "-3",   "-3.0", "(4 or 5)", "5.00",       "0.125", "7",
                                       "true", "t*e",  "-30e*",    "\"a\\\"b\"", "*" };
    static const char *const NO[] = { "3", "7.0", "-4", "false", "null", "0.1250001", "T*", "9" };
    static const char *const YES_RANGES[] = { "< -2.9", "<= -3", "> 6.5", ">= 7",
                                              "> 0.124 and goflow2.x < 0.126" };
    static const char *const NO_RANGES[] = { "< -3", "> 7", "> 18446744073709551615" };
    static const struct {
        const char *const *texts;
        size_t count;
        const char *between;
        int meant;
    } ROWS[] = { { YES, 11, ": ", 1 },
                 { NO, 8, ": ", 0 },
                 { YES_RANGES, 5, " ", 1 },
                 { NO_RANGES, 3, " ", 0 } };
    struct fixture *f = *state;
    struct flow *flow = &f->batch->flows[0];
    static const char JSON[] = "[-30e-1, [5, 125e-3], \"7\", true, null, \"a\\\"b\", {\"y\": 9}]";
    const struct extra_value extra = { .name = batch_append(f->batch, "\"x\"", 3),
                                       .json = batch_append(f->batch, JSON, strlen(JSON)) };
    *flow = (struct flow){ .extras = batch_append(f->batch, &extra, sizeof(extra)) };
    flow->extras.count = 1;
    for (size_t row = 0; row < sizeof(ROWS) / sizeof(ROWS[0]); row++) {
        for (size_t i = 0; i < ROWS[row].count; i++) {
            buf_clear(&f->question);
            buf_printf(&f->question, "goflow2.x%s%s", ROWS[row].between, ROWS[row].texts[i]);
            if (is_meant(f, flow) != ROWS[row].meant) {
                fail_msg("%s", buf_text(&f->question));
            }
        }
    }
}

/// What is refused, where, and what is taken that no record has.
static void types(void **state)
{
    static const struct {
        const char *text;
        size_t column; ///< of the mistake; 0: it is none
        const char *words;
    } ASKED[] = {
        { "goflow2.n: north", 12, "takes a number" },
        { "goflow2.n: 1*", 12, "takes a number" },
        { "goflow2.n: -1.5", 0, "" },
        { "goflow2.tcp_flags: x", 20, "takes a number" },
        { "goflow2.ip: north", 13, "no address" },
        { "goflow2.ip: 10.0.0.0/8", 0, "" },
        { "goflow2.text > 5", 1, "is a text" },
        { "goflow2.mac > 5", 1, "is a text" },
        { "goflow2.hidden < 5", 1, "is a text" },
        { "goflow2.n > x", 13, "takes a number" },
        { "goflow2.nobody: x", 0, "" },
        { "goflow2.nobody > x", 18, "takes a number" },
        { "goflow2.nobody > 5.5", 0, "" },
        { "goflow2.: x", 1, "unknown field" },
        { "goflow: x", 1, "unknown field" },
    };
    const struct fixture *f = *state;
    const struct kql_context context = { .mapping = f->mapping };
    for (size_t i = 0; i < sizeof(ASKED) / sizeof(ASKED[0]); i++) {
        struct kql *kql = NULL;
        struct kql_error error = { .column = 0 };
        const char *text = ASKED[i].text;
        int status = kql_parse(text, strlen(text), &context, &kql, &error);
        if ((status != 0) != (ASKED[i].column > 0) || error.column != ASKED[i].column ||
            strstr(error.text, ASKED[i].words) == NULL) {
            fail_msg("%s: column %zu: %s", text, error.column, error.text);
        }
        kql_free(kql);
    }
}

/// A name or value that the store could not be asked for is refused of records too.
static void sizes_have_bounds(void **state)
{
    struct fixture *f = *state;
    const struct kql_context context = { .mapping = f->mapping };
    static const struct {
        size_t name;
        size_t value;
        bool refused;
    } SIZES[] = { { QUERY_OTHER_NAME_MAX, KQL_VALUE_SIZE_MAX, false },
                  { QUERY_OTHER_NAME_MAX + 1, 1, true },
                  { 1, KQL_VALUE_SIZE_MAX + 1, true } };
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
        struct kql *kql = NULL;
        struct kql_error error;
        buf_clear(&f->question);
        buf_append_text(&f->question, "goflow2.");
        for (size_t n = 0; n < SIZES[i].name + SIZES[i].value; n++) {
            buf_append_text(&f->question, n == SIZES[i].name ? ": x" : "x");
        }
        int status = kql_parse(buf_text(&f->question), f->question.size, &context, &kql, &error);
        assert_int_equal(status != 0, SIZES[i].refused);
        kql_free(kql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_value_of_a_document_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_document_lacks_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_what_they_are_worth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_have_bounds, set_up, tear_down),
    };
    return UNIT_MAIN("query/query_other", tests);
}
