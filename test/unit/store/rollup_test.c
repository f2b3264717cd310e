// SPDX-License-Identifier: Apache-2.0
#include "store/rollup.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../folder.h"
#include "fill.h"

static int set_up(void **state)
{
    static struct fill f;
    fill_open(&f, "");
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    fill_close(*state);
    return 0;
}

static void roll_ups_equal_a_recount(void **state)
{
    struct fill *f = *state;
    bool more = true;
    fill_ok(f, rollup_minutes(f->conn, &more, &f->err)); // of nothing
    assert_false(more);
    fill_ok(f, rollup_check(f->conn, &f->err));
    // Records of two hours, late ones, some of a year ago; the marks advance at different places.
    for (uint64_t number = 1; number <= 12; number++) {
        int64_t ago = number % 4 == 0 ? 365 * 24 * ROLLUP_HOUR_NS : 0;
        fill(f, number, 500 + number * 7, FILL_HOUR - ago, 2 * ROLLUP_HOUR_NS);
        if (number % 2 == 0) {
            fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
            assert_true(more);
        }
        if (number % 5 == 0) {
            fill_ok(f, rollup_hours(f->conn, &f->err));
        }
        fill_ok(f, rollup_check(f->conn, &f->err));
    }
    struct rollup_marks marks;
    fill_ok(f, rollup_marks(f->conn, &marks, &f->err));
    assert_int_equal(marks.minutes, 12);
    assert_int_equal(marks.first_id, UINT64_C(13) << 32);
    assert_int_equal(marks.lap, 6);
    assert_int_equal(marks.hours, 5);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM records WHERE kind = 0"),
                     fill_ask(f, "SELECT sum(flows) FROM minutes_port"));
    assert_true(fill_ask(f, "SELECT sum(longer) FROM minutes_port") >
                fill_ask(f, "SELECT sum(longer_hour) FROM minutes_port"));
    fill_roll_up(f);
    fill_ok(f, rollup_check(f->conn, &f->err));
    assert_int_equal(fill_ask(f, "SELECT sum(longer) FROM hours_port"),
                     fill_ask(f, "SELECT sum(longer_hour) FROM minutes_port"));
}

static void what_is_above_the_marks_is_the_rest(void **state)
{
    struct fill *f = *state;
    struct rollup_marks marks;
    bool more;
    fill(f, 1, 1000, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
    fill_ok(f, rollup_hours(f->conn, &f->err));
    fill(f, 2, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
    fill(f, 3, 10, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, rollup_marks(f->conn, &marks, &f->err));
    char sql[512];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT (SELECT sum(flows) FROM hours_src_as) + (SELECT sum(flows) FROM "
                   "minutes_src_as WHERE lap > %" PRIu64
                   ") + (SELECT count(*) FROM records WHERE kind = 0 AND id >= %" PRIu64 ")",
                   marks.hours, marks.first_id);
    assert_int_equal(fill_ask(f, sql), fill_ask(f, "SELECT count(*) FROM records WHERE kind = 0"));
}

static void a_wrong_roll_up_is_seen(void **state)
{
    struct fill *f = *state;
    static const char *const SPOIL[] = {
        "INSERT INTO minutes_country SELECT * FROM minutes_country LIMIT 1",
        "DELETE FROM hours_port WHERE proto = 17",
        "DELETE FROM flows WHERE kind = 0 AND id % 7 = 3",
    };
    for (size_t i = 0; i < sizeof(SPOIL) / sizeof(SPOIL[0]); i++) {
        fill(f, i + 1, 300, FILL_HOUR, ROLLUP_HOUR_NS);
        fill_roll_up(f);
        fill_ok(f, duck_exec(f->conn, "BEGIN", &f->err));
        fill_ok(f, duck_exec(f->conn, SPOIL[i], &f->err));
        assert_int_equal(rollup_check(f->conn, &f->err), ERR_INVALID);
        fill_ok(f, duck_exec(f->conn, "ROLLBACK", &f->err));
        fill_ok(f, rollup_check(f->conn, &f->err));
    }
}

static void sums_saturate(void **state)
{
    struct fill *f = *state;
    fill_ok(f,
            duck_exec(f->conn,
                      "INSERT INTO flows BY NAME SELECT 4294967296 + i AS id, 60000000000 AS ts, "
                      "0 AS kind, 0 AS sampling_default, 18446744073709551615 AS network_bytes, "
                      "12000000000000000000 AS network_packets FROM range(3) t(i)",
                      &f->err));
    fill_roll_up(f);
    fill_ok(f, rollup_check(f->conn, &f->err));
    assert_int_equal(fill_ask(f, "SELECT network_bytes FROM minutes_protocol"), UINT64_MAX);
    assert_int_equal(fill_ask(f, "SELECT network_packets FROM hours_protocol"), UINT64_MAX);
}

static void rows_are_merged(void **state)
{
    struct fill *f = *state;
    bool more;
    for (uint64_t number = 1; number <= 20; number++) {
        fill(f, number, 400, FILL_HOUR, 2 * ROLLUP_HOUR_NS);
        fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
        fill_ok(f, rollup_hours(f->conn, &f->err));
    }
    fill(f, 21, 400, FILL_HOUR, 2 * ROLLUP_HOUR_NS);
    fill_ok(f, rollup_minutes(f->conn, &more, &f->err)); // of this lap the hours know nothing
    uint64_t before = fill_ask(f, "SELECT count(*) FROM hours_protocol");
    uint64_t minutes = fill_ask(f, "SELECT count(*) FROM minutes_protocol WHERE lap <= 20");
    fill_ok(f, rollup_merge(f->conn, FILL_HOUR + ROLLUP_HOUR_NS + 5, &f->err));
    fill_ok(f, rollup_check(f->conn, &f->err));
    assert_true(fill_ask(f, "SELECT count(*) FROM hours_protocol") < before * 6 / 10);
    assert_true(fill_ask(f, "SELECT count(*) FROM minutes_protocol WHERE lap <= 20") < minutes);
    assert_int_equal(
        fill_ask(f, "SELECT count(*) - count(DISTINCT (ts, etype, proto, "
                    "sampler_address_lo)) FROM hours_protocol WHERE ts < 1699999200000000000"),
        0);
    fill_ok(f, rollup_merge(f->conn, FILL_HOUR + ROLLUP_HOUR_NS, &f->err)); // nothing to do
    fill_ok(f, rollup_merge(f->conn, FILL_HOUR + 2 * ROLLUP_HOUR_NS, &f->err));
    fill_roll_up(f);
    fill_ok(f, rollup_check(f->conn, &f->err));
}

/// Two runs at the same time: one of them fails, and nothing is there twice.
static void two_at_once_collide(void **state)
{
    struct fill *f = *state;
    struct duck_conn *other;
    bool more;
    fill(f, 1, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_roll_up(f);
    fill(f, 2, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, duck_connect(f->duck, &other, &f->err));
    fill_ok(f, duck_exec(other, "BEGIN; DELETE FROM marks WHERE name = 'minutes';", &f->err));
    assert_true(rollup_minutes(f->conn, &more, &f->err) < 0);
    fill_ok(f, duck_exec(other, "ROLLBACK", &f->err));
    fill_ok(f, rollup_check(f->conn, &f->err));
    fill_roll_up(f);
    fill_ok(f, rollup_check(f->conn, &f->err));
    duck_disconnect(other);
}

enum { TAKE_MAX = 128 };

static void many_transactions_take_several_runs(void **state)
{
    struct fill *f = *state;
    bool more;
    for (uint64_t i = 0; i < TAKE_MAX + 2; i++) {
        fill(f, 10 + i * 2, 3, FILL_HOUR, ROLLUP_HOUR_NS); // numbers may be missing
    }
    fill_ok(f, rollup_minutes(f->conn, &more, &f->err));
    assert_true(more);
    assert_true(fill_ask(f, "SELECT sum(flows) FROM minutes_port") <
                fill_ask(f, "SELECT count(*) FROM records WHERE kind = 0"));
    fill_ok(f, rollup_check(f->conn, &f->err));
    fill_roll_up(f);
    assert_int_equal(fill_ask(f, "SELECT sum(flows) FROM minutes_port"),
                     fill_ask(f, "SELECT count(*) FROM records WHERE kind = 0"));
}

/// A process that stores, rolls up and merges as fast as it can, and counts its rounds.
static void work(const char *path, uint64_t number, _Atomic unsigned *rounds)
{
    struct fill f;
    bool more;
    fill_open(&f, path);
    for (unsigned i = 0; i < 100000; i++) {
        fill(&f, number++, 200, FILL_HOUR, ROLLUP_HOUR_NS);
        fill_ok(&f, rollup_minutes(f.conn, &more, &f.err));
        fill_ok(&f, rollup_hours(f.conn, &f.err));
        if (i % 5 == 4) {
            fill_ok(&f,
                    rollup_merge(f.conn, FILL_HOUR + ((int64_t)i + 1) * ROLLUP_HOUR_NS, &f.err));
        }
        atomic_fetch_add(rounds, 1);
    }
}

static void after_a_kill_they_are_right(void **state)
{
    (void)state;
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 16];
    struct fill f;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/t.duckdb", folder);
    fill_open(&f, path);
    fill_close(&f);
    uint64_t number = 1;
    _Atomic unsigned *rounds =
        mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(rounds, MAP_FAILED);
    for (unsigned i = 0; i < 10; i++) {
        unsigned before = atomic_load(rounds);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            work(path, number, rounds);
            _exit(0);
        }
        while (atomic_load(rounds) < before + 1 + i % 3 && waitpid(pid, NULL, WNOHANG) == 0) {
            assert_int_equal(usleep(1000), 0);
        }
        assert_int_equal(usleep(i * 3700), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        fill_open(&f, path);
        fill_ok(&f, rollup_check(f.conn, &f.err));
        number = fill_ask(&f, "SELECT max(id) >> 32 FROM flows") + 1;
        fill_close(&f);
    }
    assert_true(number > 10);
    assert_int_equal(munmap(rounds, sizeof(*rounds)), 0);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_kill_they_are_right), // first: threads do not survive fork()
        cmocka_unit_test_setup_teardown(roll_ups_equal_a_recount, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_above_the_marks_is_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_roll_up_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_saturate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_merged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once_collide, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_transactions_take_several_runs, set_up, tear_down),
    };
    return UNIT_MAIN("store/rollup", tests);
}
