// SPDX-License-Identifier: Apache-2.0
/* A keeper of a store that is a database and nothing else. */
#include "store/keeper.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/talkers.h"

#include "../folder.h"
#include "fill.h"

struct store {
    struct fill fill;
    struct store_settings settings;
    pthread_mutex_t lock;
    struct store_figures figures; ///< the last, but `forgotten`, which is the sum
    unsigned kept;                ///< how often it was good, one after the other
    unsigned failed;
};

const struct store_settings *store_settings(const struct store *s)
{
    return &s->settings;
}

int store_connect(struct store *s, struct duck_conn **ret_conn, struct err *err)
{
    return duck_connect(s->fill.duck, ret_conn, err);
}

void store_set_figures(struct store *s, const struct store_figures *figures)
{
    assert_int_equal(pthread_mutex_lock(&s->lock), 0);
    uint64_t forgotten = s->figures.forgotten + figures->forgotten;
    s->figures = *figures;
    s->figures.forgotten = forgotten;
    assert_int_equal(pthread_mutex_unlock(&s->lock), 0);
}

void store_set_kept(struct store *s, bool good)
{
    assert_int_equal(pthread_mutex_lock(&s->lock), 0);
    s->kept = good ? s->kept + 1 : 0;
    s->failed += good ? 0 : 1;
    assert_int_equal(pthread_mutex_unlock(&s->lock), 0);
}

static uint64_t forgotten(struct store *s)
{
    assert_int_equal(pthread_mutex_lock(&s->lock), 0);
    uint64_t count = s->figures.forgotten;
    assert_int_equal(pthread_mutex_unlock(&s->lock), 0);
    return count;
}

static char folder[FOLDER_SIZE];

static int set_up(void **state)
{
    static struct store s;
    s = (struct store){ 0 };
    folder_make(folder);
    char path[FOLDER_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/t.duckdb", folder);
    fill_open(&s.fill, path);
    s.settings.folder = folder;
    assert_int_equal(pthread_mutex_init(&s.lock, NULL), 0);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct store *s = *state;
    fill_close(&s->fill);
    folder_remove(folder);
    return 0;
}

static void once_does_everything(void **state)
{
    struct store *s = *state;
    struct fill *f = &s->fill;
    s->settings.keep_ns = 10 * 365 * 24 * (uint64_t)ROLLUP_HOUR_NS;
    fill(f, 1, 5000, FILL_HOUR, 3 * ROLLUP_HOUR_NS);
    fill(f, 2, 100, FILL_HOUR - 20 * 365 * 24 * ROLLUP_HOUR_NS, ROLLUP_HOUR_NS);
    fill_ok(f, keeper_run_once(s, &f->err));
    assert_int_equal(forgotten(s), 100);
    assert_int_equal(fill_ask(f, "SELECT count(*) FROM flows"), 5000);
    assert_true(s->figures.used_bytes > 0);
    assert_true(s->figures.file_bytes >= s->figures.used_bytes);
    assert_true(s->figures.disk_free > 0);
    assert_in_range(fill_ask(f, "SELECT count(DISTINCT ts) FROM talkers_src"), 3, 5);
    fill_ok(f, rollup_check(f->conn, &f->err));
    fill_ok(f, talkers_check(f->conn, &f->err));
    fill_ok(f, keeper_run_once(s, &f->err)); // nothing is due
    assert_int_equal(forgotten(s), 100);
}

static void a_hurry_is_soon(void **state)
{
    struct store *s = *state;
    struct fill *f = &s->fill;
    struct keeper *k;
    s->settings.keep_ns = 365 * 24 * (uint64_t)ROLLUP_HOUR_NS;
    fill(f, 1, 100, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_ok(f, keeper_start(s, &k, &f->err));
    keeper_hurry(k);
    for (unsigned i = 0; i < 1000 && forgotten(s) == 0; i++) {
        assert_int_equal(usleep(10000), 0);
    }
    assert_int_equal(forgotten(s), 100);
    keeper_stop(k);
    keeper_stop(NULL);
    fill_ok(f, rollup_check(f->conn, &f->err));
}

static unsigned kept(struct store *s, bool good)
{
    assert_int_equal(pthread_mutex_lock(&s->lock), 0);
    unsigned times = good ? s->kept : s->failed;
    assert_int_equal(pthread_mutex_unlock(&s->lock), 0);
    return times;
}

static void wait_for(struct store *s, struct keeper *k, bool good)
{
    unsigned before = kept(s, good);
    for (unsigned i = 0; i < 1000 && kept(s, good) <= before; i++) {
        keeper_hurry(k);
        assert_int_equal(usleep(10000), 0);
    }
    assert_true(kept(s, good) > before);
}

static void the_store_hears_how_it_goes(void **state)
{
    struct store *s = *state;
    struct fill *f = &s->fill;
    struct keeper *k;
    fill_ok(f, keeper_start(s, &k, &f->err));
    wait_for(s, k, true);
    assert_int_equal(kept(s, false), 0);
    fill_ok(f, duck_exec(f->conn, "ALTER TABLE marks RENAME TO other", &f->err));
    wait_for(s, k, false);
    fill_ok(f, duck_exec(f->conn, "ALTER TABLE other RENAME TO marks", &f->err));
    wait_for(s, k, true);
    keeper_stop(k);
}

/// In the middle of a large run.
static void stopping_takes_no_long(void **state)
{
    struct store *s = *state;
    struct fill *f = &s->fill;
    struct keeper *k;
    fill(f, 1, 1000000, FILL_HOUR, 24 * ROLLUP_HOUR_NS);
    for (unsigned i = 0; i < 5; i++) {
        fill_ok(f, keeper_start(s, &k, &f->err));
        keeper_hurry(k);
        assert_int_equal(usleep(50000 * i), 0);
        uint64_t begin = clock_mono_ns();
        keeper_stop(k);
        assert_true(clock_mono_ns() - begin < 5 * NS_PER_S);
        fill_ok(f, rollup_check(f->conn, &f->err));
    }
}

int main(void)
{
    log_set_up(LOG_LEVEL_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(once_does_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hurry_is_soon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_hears_how_it_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopping_takes_no_long, set_up, tear_down),
    };
    return UNIT_MAIN("store/keeper", tests);
}
