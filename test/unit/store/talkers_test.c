// SPDX-License-Identifier: Apache-2.0
#include "store/talkers.h"

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

/// Makes all that are due; how many.
static unsigned make_due(struct fill *f, int64_t now_ns)
{
    int64_t hour;
    unsigned made = 0;
    while (talkers_next(f->conn, now_ns, &hour, &f->err) > 0) {
        fill_ok(f, talkers_make(f->conn, hour, &f->err));
        assert_true(++made < 100);
    }
    return made;
}

static void hours_that_are_over_are_made(void **state)
{
    struct fill *f = *state;
    fill(f, 1, 20000, FILL_HOUR, 3 * ROLLUP_HOUR_NS);
    assert_int_equal(make_due(f, INT64_MAX), 0); // the hours know nothing yet
    fill_roll_up(f);
    assert_int_equal(make_due(f, FILL_HOUR + ROLLUP_HOUR_NS - 1), 0);
    assert_int_equal(make_due(f, FILL_HOUR + 2 * ROLLUP_HOUR_NS), 2);
    fill_ok(f, talkers_check(f->conn, &f->err));
    assert_int_equal(make_due(f, INT64_MAX), 1);
    fill_ok(f, talkers_check(f->conn, &f->err));
    // More than the largest of one measure, and not everything.
    uint64_t pairs = fill_ask(f, "SELECT count(*) FROM talkers_pair WHERE NOT other");
    assert_in_range(pairs, 3 * TALKERS_MAX + 1, 9 * TALKERS_MAX);
    assert_true(fill_ask(f, "SELECT sum(flows) FROM talkers_pair WHERE other") > 0);
    assert_int_equal(fill_ask(f, "SELECT sum(flows) FROM talkers_pair"),
                     fill_ask(f, "SELECT count(*) FROM records WHERE kind = 0"));
}

static void late_records_make_them_again(void **state)
{
    struct fill *f = *state;
    fill(f, 1, 3000, FILL_HOUR, 3 * ROLLUP_HOUR_NS);
    fill_roll_up(f);
    assert_int_equal(make_due(f, INT64_MAX), 3);
    fill(f, 2, 3000, FILL_HOUR + ROLLUP_HOUR_NS, ROLLUP_HOUR_NS);
    fill_ok(f, talkers_check(f->conn, &f->err)); // what is above the mark does not count
    fill_roll_up(f);
    fill_ok(f, talkers_check(f->conn, &f->err));
    assert_int_equal(fill_ask(f, "SELECT count(DISTINCT ts) FROM talkers_dst"), 2);
    assert_int_equal(make_due(f, INT64_MAX), 1);
    fill_ok(f, talkers_check(f->conn, &f->err));
    assert_int_equal(fill_ask(f, "SELECT count(DISTINCT ts) FROM talkers_dst"), 3);
}

static void forgotten_hours_keep_theirs(void **state)
{
    struct fill *f = *state;
    char sql[256];
    fill(f, 1, 3000, FILL_HOUR, 3 * ROLLUP_HOUR_NS);
    fill_roll_up(f);
    assert_int_equal(make_due(f, INT64_MAX), 3);
    uint64_t rows = fill_ask(f, "SELECT count(*) FROM talkers_src");
    (void)snprintf(sql, sizeof(sql),
                   "DELETE FROM flows WHERE ts < %" PRId64
                   "; INSERT INTO marks VALUES ('records_from', %" PRId64 ")",
                   FILL_HOUR + ROLLUP_HOUR_NS, FILL_HOUR + ROLLUP_HOUR_NS);
    fill_ok(f, duck_exec(f->conn, sql, &f->err));
    fill(f, 2, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_roll_up(f);
    assert_int_equal(make_due(f, INT64_MAX), 0);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM talkers_src"), rows);
    fill_ok(f, talkers_check(f->conn, &f->err));
    fill_ok(f, rollup_check(f->conn, &f->err));
}

static void wrong_ones_are_seen(void **state)
{
    struct fill *f = *state;
    static const char *const SPOIL[] = {
        "DELETE FROM talkers_src WHERE NOT other AND flows > 3",
        "DELETE FROM talkers_pair WHERE other",
        "INSERT INTO talkers_dst SELECT * FROM talkers_dst WHERE NOT other LIMIT 1",
        "DELETE FROM flows WHERE kind = 0 AND id % 9 = 0",
    };
    fill(f, 1, 5000, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_roll_up(f);
    assert_int_equal(make_due(f, INT64_MAX), 1);
    for (size_t i = 0; i < sizeof(SPOIL) / sizeof(SPOIL[0]); i++) {
        fill_ok(f, duck_exec(f->conn, "BEGIN", &f->err));
        fill_ok(f, duck_exec(f->conn, SPOIL[i], &f->err));
        assert_int_equal(talkers_check(f->conn, &f->err), ERR_INVALID);
        fill_ok(f, duck_exec(f->conn, "ROLLBACK", &f->err));
    }
    fill_ok(f, talkers_check(f->conn, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hours_that_are_over_are_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_records_make_them_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgotten_hours_keep_theirs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_ones_are_seen, set_up, tear_down),
    };
    return UNIT_MAIN("store/talkers", tests);
}
