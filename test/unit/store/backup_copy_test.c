// SPDX-License-Identifier: Apache-2.0
#include "store/backup_copy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mount.h>

#include "store/talkers.h"

#include "../folder.h"
#include "fill.h"

struct fixture {
    struct fill fill;
    char folder[FOLDER_SIZE];
    char copy[FOLDER_SIZE + 16];
};

static int set_up(void **state)
{
    static struct fixture x;
    x = (struct fixture){ 0 };
    folder_make(x.folder);
    char path[FOLDER_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/store.duckdb", x.folder);
    (void)snprintf(x.copy, sizeof(x.copy), "%s/c'o\"py", x.folder);
    fill_open(&x.fill, path);
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

struct load {
    struct fill fill;
    atomic_bool stop;
    atomic_uint stored;
};

static void *write_on(void *context)
{
    struct load *load = context;
    bool more;
    for (unsigned i = 1; i < 10000 && !atomic_load(&load->stop); i++) {
        if (fill_try(&load->fill, i, 1000, FILL_HOUR, ROLLUP_HOUR_NS) != 0 ||
            rollup_minutes(load->fill.conn, &more, &load->fill.err) != 0) {
            break;
        }
        atomic_store(&load->stored, i);
    }
    return NULL;
}

/// Every transaction is in it or not, and what is derived from the records goes with them.
static void a_copy_is_of_one_moment(void **state)
{
    struct fixture *x = *state;
    struct load load = { 0 };
    pthread_t thread;
    load.fill.duck = x->fill.duck;
    fill_ok(&x->fill, duck_connect(x->fill.duck, &load.fill.conn, &x->fill.err));
    assert_int_equal(pthread_create(&thread, NULL, write_on, &load), 0);
    while (atomic_load(&load.stored) == 0) {
        assert_int_equal(usleep(10000), 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(usleep(100000), 0);
        unsigned stored = atomic_load(&load.stored);
        fill_ok(&x->fill, backup_copy(x->fill.conn, x->copy, &x->fill.err));
        struct fill copy;
        fill_open(&copy, x->copy);
        uint64_t count = fill_ask(&copy, "SELECT count(*) FROM records");
        assert_int_equal(count % 1000, 0);
        assert_true(count >= UINT64_C(1000) * stored);
        assert_true(fill_ask(&copy, "SELECT count(*) FROM minutes_port") > 0);
        fill_ok(&copy, rollup_check(copy.conn, &copy.err));
        fill_close(&copy);
        assert_int_equal(unlink(x->copy), 0);
    }
    atomic_store(&load.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    duck_disconnect(load.fill.conn);
}

static void everything_is_in_it(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    char sql[512];
    fill(f, 1, 5000, FILL_HOUR, ROLLUP_HOUR_NS);
    fill_roll_up(f);
    fill_ok(f, talkers_make(f->conn, FILL_HOUR, &f->err));
    fill_ok(f,
            duck_exec(f->conn,
                      "INSERT INTO texts VALUES (1, 0, 'a'); INSERT INTO positions VALUES (1, 2, "
                      "0, 77);",
                      &f->err));
    fill_ok(f, backup_copy(f->conn, x->copy, &f->err));
    fill_ok(f, duck_exec(f->conn, "CHECKPOINT", &f->err)); // nothing is attached any more
    assert_int_equal(backup_copy(f->conn, x->copy, &f->err), ERR_EXISTS);
    static const char *const TABLES[] = { "flows",       "marks",        "texts",
                                          "positions",   "minutes_port", "hours_src_as",
                                          "talkers_src", "talkers_pair" };
    struct fill copy;
    fill_open(&copy, x->copy);
    for (size_t i = 0; i < sizeof(TABLES) / sizeof(TABLES[0]); i++) {
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) || '/' || bit_xor(hash(t)) FROM %s t",
                       TABLES[i]);
        struct duck_rows *a;
        struct duck_rows *b;
        fill_ok(f, duck_ask(f->conn, sql, &a, &f->err));
        fill_ok(f, duck_ask(copy.conn, sql, &b, &f->err));
        assert_int_equal(duck_next(a, &f->err), 1);
        assert_int_equal(duck_next(b, &f->err), 1);
        struct duck_text one = duck_bytes(a, 0);
        struct duck_text other = duck_bytes(b, 0);
        assert_int_equal(one.size, other.size);
        assert_memory_equal(one.data, other.data, one.size);
        duck_rows_free(a);
        duck_rows_free(b);
    }
    fill_ok(&copy, talkers_check(copy.conn, &copy.err));
    fill_close(&copy);
}

static void a_full_disk_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    struct fill *f = &x->fill;
    char small[FOLDER_SIZE];
    char path[FOLDER_SIZE + 16];
    folder_make(small);
    if (folder_mount_small(small, 2000000)) {
        (void)snprintf(path, sizeof(path), "%s/copy", small);
        fill(f, 1, 100000, FILL_HOUR, ROLLUP_HOUR_NS);
        assert_int_equal(backup_copy(f->conn, path, &f->err), ERR_FULL);
        assert_int_equal(access(path, F_OK), -1);
        folder_clear(small);
        assert_int_equal(umount(small), 0);
        // And the store goes on.
        fill(f, 2, 100, FILL_HOUR, ROLLUP_HOUR_NS);
        fill_ok(f, backup_copy(f->conn, x->copy, &f->err));
    }
    folder_remove(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_is_of_one_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(everything_is_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_nothing, set_up, tear_down),
    };
    return UNIT_MAIN("store/backup_copy", tests);
}
