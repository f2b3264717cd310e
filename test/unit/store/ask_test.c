// SPDX-License-Identifier: Apache-2.0
/*
 * Whose turn it is, over a store that is only a database in memory: what asks.c wants of a store
 * stands in for it here.
 */
#include "store/ask.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../unit.h"
#include "base/clock.h"
#include "store/duck.h"
#include "store/schema.h"

struct store {
    struct duck *duck;
    struct duck_conn *conn;
};

int store_connect(struct store *s, struct duck_conn **ret_conn, struct err *err)
{
    return duck_connect(s->duck, ret_conn, err);
}

struct store_state store_state(struct store *s)
{
    (void)s;
    return (struct store_state){ .transaction = 1 };
}

int restorer_new(struct store *s, struct batch_pool *pool, struct restorer **ret_restorer,
                 struct err *err)
{
    (void)s;
    (void)pool;
    (void)ret_restorer;
    return err_set(err, ERR_UNSUPPORTED, "not here");
}

void restorer_free(struct restorer *r)
{
    (void)r;
}

int restore_records(struct restorer *r, struct duck_stmt *statement, restore_each_fn *each,
                    void *context, struct err *err)
{
    (void)r;
    (void)statement;
    (void)each;
    (void)context;
    return err_set(err, ERR_UNSUPPORTED, "not here");
}

static int set_up(void **state)
{
    static struct store s;
    struct err err;
    assert_int_equal(duck_open("", NULL, &s.duck, &err), 0);
    assert_int_equal(duck_connect(s.duck, &s.conn, &err), 0);
    assert_int_equal(schema_open(s.conn, &err), 0);
    assert_int_equal(
        duck_exec(s.conn,
                  "INSERT INTO flows BY NAME SELECT range + 4294967296 AS id, range * 1000000 AS "
                  "ts, 0 AS kind, 0 AS sampling_default, range AS network_bytes, 1 AS "
                  "network_packets, hash(range) AS src_addr_hi, hash(range + 1) AS src_addr_lo, "
                  "range AS dst_addr_hi, 1 AS dst_addr_lo FROM range(1000000)",
                  &err),
        0);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct store *s = *state;
    duck_disconnect(s->conn);
    duck_close(s->duck);
    return 0;
}

static struct asks *open_asks(struct store *s, uint64_t timeout_ns, size_t waiting_max)
{
    struct asks *asks;
    struct err err;
    const struct asks_settings settings = {
        .store = s, .timeout_ns = timeout_ns, .running_max = 2, .waiting_max = waiting_max
    };
    assert_int_equal(asks_new(&settings, &asks, &err), 0);
    return asks;
}

static const struct question SLOW = {
    .to_ns = INT64_C(1000000000000000),
    .tier = TIER_RAW,
    .limit = 1000,
    .dimension_count = 2,
    .dimensions = { { .field = QUERY_SOURCE_IP }, { .field = QUERY_DESTINATION_IP } },
};

static void what_takes_too_long_is_stopped(void **state)
{
    struct asks *asks = open_asks(*state, 500 * NS_PER_MS, 4);
    struct answer answer;
    struct err err;
    uint64_t begun = clock_mono_ns();
    assert_int_equal(ask_matrix(asks, &SLOW, NULL, &answer, &err), ERR_RANGE);
    assert_non_null(strstr(err.text, "no answer within"));
    assert_true(clock_mono_ns() - begun < 5 * NS_PER_S);
    struct question quick = { .to_ns = 1000, .tier = TIER_RAW };
    assert_int_equal(ask_top(asks, &quick, NULL, &answer, &err), 0); // the slot is as good as new
    answer_release(&answer);
    asks_free(asks);
}

static bool always(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
    return true;
}

static void whoever_is_gone_is_not_answered(void **state)
{
    struct asks *asks = open_asks(*state, 60 * NS_PER_S, 4);
    struct answer answer;
    struct err err;
    atomic_int asked = 0;
    const struct ask_patience patience = { always, &asked };
    assert_int_equal(ask_matrix(asks, &SLOW, &patience, &answer, &err), ERR_CLOSED);
    assert_int_equal(atomic_load(&asked), 1);
    asks_free(asks);
}

static void questions_must_make_sense(void **state)
{
    struct asks *asks = open_asks(*state, 60 * NS_PER_S, 4);
    struct answer answer;
    struct err err;
    struct question q = { .from_ns = 5, .to_ns = 5 };
    assert_int_equal(ask_top(asks, &q, NULL, &answer, &err), ERR_INVALID);
    q = (struct question){ .to_ns = 5, .limit = ASK_ROWS_MAX + 1 };
    assert_int_equal(ask_top(asks, &q, NULL, &answer, &err), ERR_INVALID);
    q = (struct question){ .to_ns = 5, .dimension_count = ASK_DIMENSIONS_MAX + 1 };
    assert_int_equal(ask_series(asks, &q, NULL, &answer, &err), ERR_INVALID);
    asks_free(asks);
}

struct asker {
    struct asks *asks;
    int status;
};

static void *ask_quickly(void *context)
{
    struct asker *asker = context;
    struct answer answer;
    struct err err;
    struct question q = { .to_ns = INT64_C(1000000000000), .tier = TIER_RAW };
    asker->status = ask_top(asker->asks, &q, NULL, &answer, &err);
    if (asker->status == 0) {
        answer_release(&answer);
    }
    return NULL;
}

static void ask_together(void **state, size_t waiting_max, size_t *ret_done, size_t *ret_full)
{
    enum { ASKERS = 16 };
    struct asks *asks = open_asks(*state, 60 * NS_PER_S, waiting_max);
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){ .asks = asks };
        assert_int_equal(pthread_create(&threads[i], NULL, ask_quickly, &askers[i]), 0);
    }
    *ret_done = 0;
    *ret_full = 0;
    for (size_t i = 0; i < ASKERS; i++) {
        pthread_join(threads[i], NULL);
        *ret_done += askers[i].status == 0 ? 1 : 0;
        *ret_full += askers[i].status == ERR_FULL ? 1 : 0;
    }
    asks_free(asks);
}

static void askers_wait_their_turn(void **state)
{
    size_t done;
    size_t full;
    ask_together(state, 16, &done, &full);
    assert_int_equal(done, 16);
    ask_together(state, 1, &done, &full);
    assert_int_equal(done + full, 16);
    assert_true(done >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_takes_too_long_is_stopped),
        cmocka_unit_test(whoever_is_gone_is_not_answered),
        cmocka_unit_test(questions_must_make_sense),
        cmocka_unit_test(askers_wait_their_turn),
    };
    return cmocka_run_group_tests_name("ask", tests, set_up, tear_down);
}
