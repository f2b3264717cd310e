// SPDX-License-Identifier: Apache-2.0
#include "web/live.h"

#include <stdlib.h>

#include "../unit.h"
#include "base/clock.h"

enum { PART = 4096, LISTENERS = 32 };

struct fixture {
    struct mapping *mapping;
    struct format_settings format;
    struct live *live;
    struct batch_pool *pool;
    struct batch *batch; ///< three flows: to port 443, to port 53, to port 443
};

static int set_up(void **state)
{
    static struct fixture f;
    static const uint16_t PORTS[] = { 443, 53, 443 };
    struct err err;
    f = (struct fixture){ 0 };
    assert_int_equal(mapping_default(&f.mapping), 0);
    f.format = (struct format_settings){ .name = "json", .mapping = f.mapping };
    assert_int_equal(live_new(&f.format, &f.live, &err), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &f.pool), 0);
    f.batch = batch_get(f.pool);
    assert_non_null(f.batch);
    for (size_t i = 0; i < sizeof(PORTS) / sizeof(PORTS[0]); i++) {
        f.batch->flows[f.batch->flow_count++] =
            (struct flow){ .present = FLOW_BIT(FIELD_DST_PORT) | FLOW_BIT(FIELD_PROTO),
                           .proto = 6,
                           .dst_port = PORTS[i] };
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    batch_unref(f->batch);
    batch_pool_free(f->pool);
    live_free(f->live);
    mapping_free(f->mapping);
    return 0;
}

static struct kql *parse(const char *text)
{
    const struct kql_context context = { 0 };
    struct kql *kql;
    struct kql_error error;
    assert_int_equal(kql_parse(text, strlen(text), &context, &kql, &error), 0);
    return kql;
}

static struct server_stream listen_to(struct fixture *f, struct kql *filter, unsigned rate)
{
    struct server_response response = { .status = 200 };
    assert_int_equal(live_listen(f->live, filter, rate, &response), 0);
    assert_string_equal(response.content_type, "text/event-stream");
    return response.stream;
}

/// What waits for a listener, as text.
static void take(const struct server_stream *s, char *ret_text)
{
    ptrdiff_t size = s->more(s->context, (uint8_t *)ret_text, PART - 1);
    assert_in_range(size, 0, PART - 1);
    ret_text[size] = '\0';
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    while ((text = strstr(text, what)) != NULL) {
        count++;
        text += strlen(what);
    }
    return count;
}

static void a_listener_gets_what_matches(void **state)
{
    struct fixture *f = *state;
    char text[PART];
    live_offer(f->live, f->batch); // nobody listens yet
    struct server_stream web = listen_to(f, parse("destination.port: 443"), 100);
    struct server_stream all = listen_to(f, NULL, 100);
    live_offer(f->live, f->batch);
    take(&web, text);
    assert_int_equal(count_of(text, "event: flow\ndata: {"), 2);
    assert_int_equal(count_of(text, "\"dst_port\":443"), 2);
    assert_int_equal(count_of(text, "\"dst_port\":53"), 0);
    assert_int_equal(count_of(text, "id: 1\n"), 1);
    assert_string_equal(text + strlen(text) - 2, "\n\n");
    take(&all, text);
    assert_int_equal(count_of(text, "event: flow\n"), 3);
    web.close(web.context);
    live_offer(f->live, f->batch); // to the one that is left
    take(&all, text);
    assert_int_equal(count_of(text, "event: flow\n"), 3);
    all.close(all.context);
}

static void what_is_too_fast_is_counted(void **state)
{
    struct fixture *f = *state;
    char text[PART];
    struct server_stream s = listen_to(f, NULL, 1);
    for (unsigned i = 0; i < 50; i++) {
        live_offer(f->live, f->batch);
    }
    size_t got = 0;
    unsigned long long left_out = 0;
    const uint64_t end_ns = clock_mono_ns() + 10 * NS_PER_S;
    while (got + left_out < 150 && clock_mono_ns() < end_ns) {
        take(&s, text);
        got += count_of(text, "event: flow\n");
        const char *notice = strstr(text, "event: left_out\ndata: {\"count\":");
        if (notice != NULL) {
            left_out += strtoull(strchr(notice, '{') + strlen("{\"count\":"), NULL, 10);
        }
    }
    assert_in_range(got, 1, 5); // one of each second that the offers took
    assert_int_equal(got + left_out, 150);
    s.close(s.context);
}

static void an_answer_may_be_read_in_small_parts(void **state)
{
    struct fixture *f = *state;
    char text[PART];
    size_t size = 0;
    struct server_stream s = listen_to(f, parse("destination.port: 53"), 100);
    live_offer(f->live, f->batch);
    for (unsigned i = 0; i < PART - 1 && (size < 2 || memcmp(text + size - 2, "\n\n", 2) != 0);
         i++) {
        assert_int_equal(s.more(s.context, (uint8_t *)text + size, 1), 1);
        size++;
    }
    text[size] = '\0';
    assert_int_equal(count_of(text, "\"dst_port\":53"), 1);
    s.close(s.context);
}

static void only_so_many_may_listen(void **state)
{
    struct fixture *f = *state;
    struct server_stream streams[LISTENERS];
    struct server_response response = { .status = 200 };
    for (size_t i = 0; i < LISTENERS; i++) {
        streams[i] = listen_to(f, NULL, 1);
    }
    assert_int_equal(live_listen(f->live, parse("destination.port: 1"), 1, &response), ERR_FULL);
    streams[7].close(streams[7].context);
    streams[7] = listen_to(f, NULL, 1); // its place is free again
    for (size_t i = 0; i < LISTENERS; i++) {
        streams[i].close(streams[i].context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_listener_gets_what_matches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_fast_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_may_be_read_in_small_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_so_many_may_listen, set_up, tear_down),
    };
    return UNIT_MAIN("web/live", tests);
}
