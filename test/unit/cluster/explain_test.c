// SPDX-License-Identifier: Apache-2.0
/* Answers in words. */
#include "../unit.h"
#include "cluster/cluster.h"

static const char *explain_bytes(unsigned status, const void *body, size_t size)
{
    static char text[2000];
    struct cluster_reply reply;
    struct buf out;
    cluster_reply_init(&reply);
    buf_init(&out, sizeof(text) - 1);
    reply.status = status;
    buf_append(&reply.body, body, size);
    cluster_explain(&reply, &out);
    (void)snprintf(text, sizeof(text), "%s", buf_text(&out));
    buf_release(&out);
    cluster_reply_release(&reply);
    return text;
}

static const char *explain(unsigned status, const char *body)
{
    return explain_bytes(status, body, strlen(body));
}

static void errors_in_all_forms(void **state)
{
    (void)state;
    assert_string_equal(explain(400, "{\"error\":{\"root_cause\":[],\"type\":\"a_exception\","
                                     "\"reason\":\"no \\\"b\\\"\"},\"status\":400}"),
                        "a_exception: no \"b\"");
    assert_string_equal(explain(400, "{\"error\":{\"type\":\"a\",\"reason\":\"b\","
                                     "\"caused_by\":{\"type\":\"c\",\"reason\":\"d\"}}}"),
                        "a: b; d");
    assert_string_equal(explain(500, "{\"error\":{\"type\":\"null_pointer\",\"reason\":null}}"),
                        "null_pointer");
    assert_string_equal(explain(404, "{\"error\":\"no handler\",\"status\":404}"), "no handler");
    assert_string_equal(explain(409, "{\"statusCode\":409,\"error\":\"Conflict\","
                                     "\"message\":\"it is there\"}"),
                        "Conflict: it is there");
    assert_string_equal(explain(403, "{\"message\":\"User is not authorized\"}"),
                        "User is not authorized");
}

static void other_bodies_and_none(void **state)
{
    (void)state;
    assert_string_equal(explain(401, "Unauthorized"), "Unauthorized");
    assert_string_equal(explain(503, "<html><body>nginx</body></html>"), "HTTP 503, unavailable");
    assert_string_equal(explain(413, ""), "HTTP 413, request too large");
    assert_string_equal(explain(418, ""), "HTTP 418, refused");
    assert_string_equal(explain(599, ""), "HTTP 599, server error");
    assert_string_equal(explain(400, "two\nlines\t\x7f"), "two lines  ");
    assert_string_equal(explain_bytes(400, "\0x", 2), "HTTP 400, bad request");
    assert_string_equal(explain_bytes(400, "a\0b", 3), "a b");
}

static void long_ones_are_cut_between_characters(void **state)
{
    (void)state;
    char body[2000];
    for (size_t lead = 0; lead < 3; lead++) {
        memset(body, 'x', lead);
        for (size_t i = lead; i + 3 <= sizeof(body) - 1; i += 3) {
            memcpy(body + i, "\xe2\x82\xac", 4);
        }
        const char *text = explain(400, body);
        size_t size = strlen(text);
        assert_in_range(size, 390, 403);
        assert_string_equal(text + size - 3, "...");
        assert_int_equal((size - 3 - lead) % 3, 0);
    }
}

static void no_answer_is_its_problem(void **state)
{
    (void)state;
    struct cluster_reply reply;
    struct buf out;
    cluster_reply_init(&reply);
    buf_init(&out, 1000);
    (void)snprintf(reply.problem, sizeof(reply.problem), "http://a:1: no");
    buf_append_text(&out, "before ");
    cluster_explain(&reply, &out);
    assert_string_equal(buf_text(&out), "before http://a:1: no");
    buf_release(&out);
    cluster_reply_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_in_all_forms),
        cmocka_unit_test(other_bodies_and_none),
        cmocka_unit_test(long_ones_are_cut_between_characters),
        cmocka_unit_test(no_answer_is_its_problem),
    };
    return UNIT_MAIN("cluster/explain", tests);
}
