// SPDX-License-Identifier: Apache-2.0
#include "store/retention.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "store/talkers.h"

#include "../folder.h"
#include "fill.h"

enum { MB = 1000 * 1000, ROWS = 100000, TRANSACTIONS = 24, PAUSE_US = 150000 };

struct fixture {
    struct fill fill;
    char folder[FOLDER_SIZE];
    struct store_settings settings;
    struct retention retention;
};

static int set_up(void **state)
{
    static struct fixture x;
    x = (struct fixture){ 0 };
    folder_make(x.folder);
    char path[FOLDER_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/t.duckdb", x.folder);
    fill_open(&x.fill, path);
    x.settings.folder = x.folder;
    retention_init(&x.retention, &x.settings);
    *state = &x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    fill_close(&x->fill);
    folder_remove(x->folder);
    return 0;
}

static void run(struct fixture *x, int64_t now_ns)
{
    fill_roll_up(&x->fill);
    fill_ok(&x->fill, retention_run(&x->retention, x->fill.conn, (uint64_t)now_ns, &x->fill.err));
}

static uint64_t least_ts(struct fixture *x)
{
    return fill_ask(&x->fill, "SELECT min(ts) FROM flows");
}

static void age_is_in_whole_hours(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    struct rollup_marks marks;
    x->settings.keep_ns = 2 * (uint64_t)ROLLUP_HOUR_NS;
    x->settings.keep_minutes_ns = 3 * (uint64_t)ROLLUP_HOUR_NS;
    fill(f, 1, 6000, FILL_HOUR, 6 * ROLLUP_HOUR_NS);
    int64_t now = FILL_HOUR + 6 * ROLLUP_HOUR_NS;
    run(x, now + 1);
    int64_t bound = now - 2 * ROLLUP_HOUR_NS;
    assert_in_range(least_ts(x), (uint64_t)bound, (uint64_t)(bound + ROLLUP_MINUTE_NS));
    assert_int_equal(x->retention.forgotten, 6000 - fill_ask(f, "SELECT count(*) FROM flows"));
    assert_int_equal(fill_ask(f, "SELECT min(ts) FROM minutes_port"), now - 3 * ROLLUP_HOUR_NS);
    assert_int_equal(fill_ask(f, "SELECT min(ts) FROM hours_port"), FILL_HOUR);
    fill_ok(f, rollup_marks(f->conn, &marks, &f->err));
    assert_int_equal(marks.records_from_ns, bound);
    assert_int_equal(marks.minutes_from_ns, now - 3 * ROLLUP_HOUR_NS);
    assert_int_equal(marks.hours_from_ns, 0);
    // What comes late goes with the next hour, and is in the hours for good.
    uint64_t flows = fill_ask(f, "SELECT sum(flows) FROM hours_port");
    fill(f, 2, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    run(x, now + 2);
    assert_true(least_ts(x) < (uint64_t)FILL_HOUR + (uint64_t)ROLLUP_HOUR_NS);
    run(x, now + ROLLUP_HOUR_NS);
    assert_true(least_ts(x) >= (uint64_t)(bound + ROLLUP_HOUR_NS));
    assert_true(fill_ask(f, "SELECT sum(flows) FROM hours_port") > flows);
    fill_ok(f, rollup_check(f->conn, &f->err));
}

static void what_no_roll_up_has_is_not_forgotten(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    x->settings.keep_ns = (uint64_t)ROLLUP_HOUR_NS;
    fill(f, 1, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_roll_up(f);
    fill(f, 2, 50, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, retention_run(&x->retention, f->conn, (uint64_t)(FILL_HOUR + 100 * ROLLUP_HOUR_NS),
                             &f->err));
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM flows"), 50);
}

struct load {
    struct fill fill; ///< a connection of its own
    atomic_bool failed;
    _Atomic uint64_t seen; ///< the last transaction that was there before a run
    uint64_t transactions;
};

/// A writer: records of half an hour in each transaction, a few of them for one run of the other.
static void *write_on(void *context)
{
    struct load *load = context;
    for (uint64_t number = 1; number <= load->transactions; number++) {
        int64_t from = FILL_HOUR + (int64_t)number * 30 * ROLLUP_MINUTE_NS;
        if (fill_try(&load->fill, number, ROWS, from, 30 * ROLLUP_MINUTE_NS) != 0) {
            (void)fprintf(stderr, "transaction %" PRIu64 ": %s\n", number, load->fill.err.text);
            atomic_store(&load->failed, true);
        }
        do {
            (void)usleep(PAUSE_US); // cut short: no matter
        } while (number > atomic_load(&load->seen) + 2);
    }
    return NULL;
}

static void size_settles_beside_a_writer(void **state)
{
    struct fixture *x = *state;
    struct load load = { .transactions = TRANSACTIONS };
    uint64_t most = 0;
    pthread_t thread;
    x->settings.size_max = 60 * MB;
    load.fill.duck = x->fill.duck;
    fill_ok(&x->fill, duck_connect(x->fill.duck, &load.fill.conn, &x->fill.err));
    assert_int_equal(pthread_create(&thread, NULL, write_on, &load), 0);
    while (atomic_load(&load.seen) < load.transactions && !atomic_load(&load.failed)) {
        atomic_store(&load.seen, fill_ask(&x->fill, "SELECT max(id) >> 32 FROM flows"));
        run(x, FILL_HOUR + 24 * ROLLUP_HOUR_NS);
        most = x->retention.used_bytes > most ? x->retention.used_bytes : most;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    duck_disconnect(load.fill.conn);
    assert_false(atomic_load(&load.failed));
    fill(&x->fill, TRANSACTIONS + 1, 1, FILL_HOUR + 31 * ROLLUP_HOUR_NS, 1);
    run(x, FILL_HOUR + 24 * ROLLUP_HOUR_NS);
    uint64_t records = fill_ask(&x->fill, "SELECT count(*) FROM flows");
    print_message("%" PRIu64 " of %d records kept, %" PRIu64 " MB at most, %" PRIu64 " now\n",
                  records, TRANSACTIONS * ROWS, most / MB, x->retention.used_bytes / MB);
    assert_in_range(x->retention.used_bytes, 40 * MB, 60 * MB);
    assert_true(most < 100 * MB); // a transaction and its roll-ups come between two runs
    assert_int_equal(records + x->retention.forgotten, TRANSACTIONS * ROWS + 1);
    // It is the newest that are there, all of them.
    uint64_t oldest = least_ts(x);
    assert_true(oldest > (uint64_t)FILL_HOUR + (uint64_t)ROLLUP_HOUR_NS);
    assert_int_equal(fill_ask(&x->fill, "SELECT max(id) >> 32 FROM flows"), TRANSACTIONS + 1);
    assert_in_range(records, 2 * ROWS, TRANSACTIONS * ROWS / 2);
    fill_ok(&x->fill, rollup_check(x->fill.conn, &x->fill.err));
}

/// A question that runs on holds the blocks of what is deleted; nothing more is deleted for that.
static void a_long_question_does_not_cost_more(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    struct duck_conn *reader;
    uint64_t count;
    for (uint64_t number = 1; number <= 24; number++) {
        fill(f, number, ROWS / 2, FILL_HOUR + (int64_t)number * ROLLUP_HOUR_NS, ROLLUP_HOUR_NS);
    }
    fill_roll_up(f);
    fill_ok(f, duck_exec(f->conn, "CHECKPOINT", &f->err));
    fill_ok(f, retention_measure(&x->retention, f->conn, &f->err));
    x->settings.size_max = x->retention.used_bytes / 10 * 9;
    fill_ok(f, duck_connect(f->duck, &reader, &f->err));
    fill_ok(f, duck_exec(reader, "BEGIN", &f->err));
    fill_ok(f, duck_ask_u64(reader, "SELECT count(*) FROM flows", &count, &f->err));
    assert_int_equal(count, 24 * ROWS / 2);
    for (unsigned i = 0; i < 5; i++) {
        struct err ignored;
        int status = retention_run(&x->retention, f->conn,
                                   (uint64_t)(FILL_HOUR + 30 * ROLLUP_HOUR_NS), &ignored);
        (void)status; // a checkpoint may have to wait for the question
    }
    assert_in_range(fill_ask(f, "SELECT count(*) FROM flows"), 24 * ROWS / 2 * 7 / 10,
                    24 * ROWS / 2 * 9 / 10);
    fill_ok(f, duck_exec(reader, "COMMIT", &f->err));
    duck_disconnect(reader);
    fill(f, 25, 1, FILL_HOUR + 25 * ROLLUP_HOUR_NS, 1); // a checkpoint of nothing does nothing
    run(x, FILL_HOUR + 30 * ROLLUP_HOUR_NS);
    assert_true(x->retention.used_bytes <= x->settings.size_max);
}

static void within_the_last_hour_minutes_go(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    for (uint64_t number = 1; number <= 10; number++) {
        fill(f, number, ROWS, FILL_HOUR + (int64_t)number * 5 * ROLLUP_MINUTE_NS,
             5 * ROLLUP_MINUTE_NS);
    }
    fill_roll_up(f);
    fill_ok(f, duck_exec(f->conn, "CHECKPOINT", &f->err));
    fill_ok(f, retention_measure(&x->retention, f->conn, &f->err));
    x->settings.size_max = x->retention.used_bytes / 2;
    run(x, FILL_HOUR + ROLLUP_HOUR_NS);
    assert_in_range(fill_ask(f, "SELECT count(*) FROM flows"), ROWS, 6 * ROWS);
    assert_int_equal(least_ts(x) / (uint64_t)ROLLUP_HOUR_NS, FILL_HOUR / ROLLUP_HOUR_NS);
    fill_ok(f, rollup_check(f->conn, &f->err));
}

static void roll_ups_go_when_there_is_nothing_else(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    for (uint64_t number = 1; number <= 10; number++) {
        fill(f, number, ROWS / 10, FILL_HOUR + (int64_t)number * 24 * ROLLUP_HOUR_NS,
             24 * ROLLUP_HOUR_NS);
    }
    x->settings.size_max = 8 * MB;
    for (unsigned i = 0; i < 30; i++) {
        run(x, FILL_HOUR + 300 * ROLLUP_HOUR_NS);
    }
    assert_true(fill_ask(f, "SELECT count(*) FROM flows") < 100);
    assert_int_equal(
        fill_ask(f, "SELECT count(*) FROM minutes_port WHERE ts < 1700500000000000000"), 0);
    assert_true(x->retention.used_bytes <= x->settings.size_max);
    fill_ok(f, rollup_check(f->conn, &f->err));
}

static void the_disk_keeps_its_floor(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    for (uint64_t number = 1; number <= 20; number++) {
        fill(f, number, ROWS / 2, FILL_HOUR + (int64_t)number * ROLLUP_HOUR_NS, ROLLUP_HOUR_NS);
    }
    fill_roll_up(f);
    fill_ok(f, duck_exec(f->conn, "CHECKPOINT", &f->err));
    fill_ok(f, retention_measure(&x->retention, f->conn, &f->err));
    // A floor that lies a little above what there is now.
    uint64_t room = x->retention.disk_free + x->retention.free_bytes;
    x->settings.free_min = room / 105 * 100 + MB;
    run(x, FILL_HOUR + 30 * ROLLUP_HOUR_NS);
    assert_true(x->retention.forgotten > 0);
    assert_true(x->retention.free_bytes + x->retention.disk_free > room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(age_is_in_whole_hours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_roll_up_has_is_not_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(size_settles_beside_a_writer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_question_does_not_cost_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(within_the_last_hour_minutes_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roll_ups_go_when_there_is_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_disk_keeps_its_floor, set_up, tear_down),
    };
    return UNIT_MAIN("store/retention", tests);
}
