// SPDX-License-Identifier: Apache-2.0
/* How many guesses there are, when they come back, whose they are, and a table that is full. */
#include "web/throttle.h"

#include "../unit.h"
#include "base/clock.h"

static struct addr address(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(text, &a), 0);
    return a;
}

static unsigned guesses_left(struct throttle *t, const char *text, uint64_t now_ns)
{
    struct addr a = address(text);
    unsigned wait_s = 0;
    unsigned count = 0;
    for (; count < 100 && throttle_allows(t, &a, now_ns, &wait_s); count++) {
        throttle_take(t, &a, now_ns);
    }
    assert_true(wait_s > 0 || count == 100);
    return count;
}

static void guesses_come_back_one_by_one(void **state)
{
    (void)state;
    static struct throttle t;
    const uint64_t start_ns = 1000 * NS_PER_S;
    assert_int_equal(guesses_left(&t, "192.0.2.1", start_ns), THROTTLE_GUESSES);
    assert_int_equal(guesses_left(&t, "192.0.2.1", start_ns), 0);
    assert_int_equal(guesses_left(&t, "192.0.2.2", start_ns), THROTTLE_GUESSES); // another's
    uint64_t now_ns = start_ns + THROTTLE_GUESS_S * NS_PER_S;
    assert_int_equal(guesses_left(&t, "192.0.2.1", now_ns), 1);
    now_ns += 2 * THROTTLE_GUESS_S * NS_PER_S;
    assert_int_equal(guesses_left(&t, "192.0.2.1", now_ns), 2);
    now_ns += 3600 * NS_PER_S; // no more than all of them
    assert_int_equal(guesses_left(&t, "192.0.2.1", now_ns), THROTTLE_GUESSES);
}

static void the_wait_that_is_named_is_enough(void **state)
{
    (void)state;
    static struct throttle t;
    struct addr a = address("192.0.2.1");
    unsigned wait_s = 0;
    (void)guesses_left(&t, "192.0.2.1", 0);
    assert_false(throttle_allows(&t, &a, 0, &wait_s));
    assert_true(wait_s <= THROTTLE_GUESS_S + 1);
    assert_true(throttle_allows(&t, &a, wait_s * NS_PER_S, &wait_s));
}

static void a_right_one_costs_nothing(void **state)
{
    (void)state;
    static struct throttle t;
    struct addr a = address("192.0.2.1");
    throttle_give_back(&t, &a); // of somebody who is not there
    for (int i = 0; i < 1000; i++) {
        throttle_take(&t, &a, NS_PER_S);
        throttle_give_back(&t, &a);
    }
    assert_int_equal(guesses_left(&t, "192.0.2.1", NS_PER_S), THROTTLE_GUESSES);
}

static void a_network_of_ipv6_is_one_source(void **state)
{
    (void)state;
    static struct throttle t;
    assert_int_equal(guesses_left(&t, "2001:db8::1", 0), THROTTLE_GUESSES);
    assert_int_equal(guesses_left(&t, "2001:db8::ffff:1:2:3", 0), 0);
    assert_int_equal(guesses_left(&t, "2001:db8:0:1::1", 0), THROTTLE_GUESSES);
}

static void a_full_table_forgets_the_quietest(void **state)
{
    (void)state;
    static struct throttle t;
    char text[20];
    (void)guesses_left(&t, "192.0.2.1", 0);
    for (unsigned i = 0; i < 3 * THROTTLE_SOURCES_MAX; i++) {
        (void)snprintf(text, sizeof(text), "10.0.%u.%u", i >> 8, i & 255); // fits
        struct addr a = address(text);
        throttle_take(&t, &a, 0);
    }
    assert_int_equal(t.count, THROTTLE_SOURCES_MAX);
    assert_int_equal(guesses_left(&t, "192.0.2.1", 0), 0); // who guesses most is remembered
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guesses_come_back_one_by_one),
        cmocka_unit_test(the_wait_that_is_named_is_enough),
        cmocka_unit_test(a_right_one_costs_nothing),
        cmocka_unit_test(a_network_of_ipv6_is_one_source),
        cmocka_unit_test(a_full_table_forgets_the_quietest),
    };
    return UNIT_MAIN("web/throttle", tests);
}
