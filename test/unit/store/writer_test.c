// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "../folder.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/keeper.h"

enum { PATH_SIZE = 256, POOL = 300 };

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct store_settings settings;
    struct store *store;
    struct writer *writer;
    struct duck_conn *conn;
    struct batch_pool *pool;
    struct err err;
};

static void open_all(struct fixture *f)
{
    f->settings.folder = f->store_folder;
    if (store_open(&f->settings, &f->store, &f->err) != 0 ||
        writer_new(f->store, &f->writer, &f->err) != 0 ||
        store_connect(f->store, &f->conn, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
}

static void close_all(struct fixture *f)
{
    duck_disconnect(f->conn);
    writer_free(f->writer);
    store_close(f->store);
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder);
    assert_int_equal(batch_pool_new(POOL, NULL, NULL, &f.pool), 0);
    open_all(&f);
    *state = &f;
    return 0;
}

static void remove_all(struct fixture *f)
{
    char command[2 * PATH_SIZE];
    static const char *const NAMES[] = { "store.duckdb", "store.duckdb.wal", "lock" };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        (void)snprintf(command, sizeof(command), "%s/%s", f->store_folder, NAMES[i]);
        (void)unlink(command); // it may not be there
    }
    static const char *const FOLDERS[] = { "export", "temp", "" };
    for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
        (void)snprintf(command, sizeof(command), "%s/%s", f->store_folder, FOLDERS[i]);
        (void)rmdir(command);
    }
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    close_all(f);
    batch_pool_free(f->pool);
    remove_all(f);
    assert_int_equal(rmdir(f->folder), 0); // nothing else was left
    return 0;
}

static uint64_t ask(struct fixture *f, const char *sql)
{
    uint64_t value;
    if (duck_ask_u64(f->conn, sql, &value, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
    return value;
}

/// `count` flows, of which every fifth is IPv6; numbers go on from *number.
static struct batch *make_batch(struct fixture *f, uint32_t count, uint32_t *number)
{
    struct batch *b = batch_get(f->pool);
    assert_non_null(b);
    for (uint32_t i = 0; i < count; i++) {
        struct flow *flow = &b->flows[b->flow_count++];
        uint32_t n = (*number)++;
        uint8_t v4[4] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
        uint8_t v6[16] = { 0x20, 0x01, [13] = (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
        *flow = (struct flow){ .present = FLOW_BIT(FIELD_TIME_RECEIVED_NS) |
                                          FLOW_BIT(FIELD_SEQUENCE_NUM) | FLOW_BIT(FIELD_BYTES) |
                                          FLOW_BIT(FIELD_SRC_ADDR) | FLOW_BIT(FIELD_SAMPLING_RATE),
                               .time_received_ns = UINT64_C(1700000000000000000) + n,
                               .sequence_num = n,
                               .bytes = 100,
                               .sampling_rate = 10,
                               .src_addr = n % 5 == 0 ? addr_v6(v6) : addr_v4(v4) };
    }
    return b;
}

static void add(struct fixture *f, struct batch *b, uint64_t added, uint64_t skipped)
{
    struct writer_count count;
    assert_int_equal(writer_add(f->writer, b, &count), 0);
    assert_int_equal(count.added, added);
    assert_int_equal(count.skipped, skipped);
}

static struct writer_count commit(struct fixture *f)
{
    struct writer_count count;
    if (writer_commit(f->writer, &count, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
    return count;
}

static void rows_are_there_after_the_commit(void **state)
{
    struct fixture *f = *state;
    uint32_t number = 0;
    struct batch *a = make_batch(f, 512, &number);
    struct batch *b = make_batch(f, 100, &number);
    assert_false(writer_is_due(f->writer, clock_mono_ns() + 5 * NS_PER_S)); // nothing waits
    add(f, a, 512, 0);
    add(f, b, 100, 0);
    assert_int_equal(writer_rows(f->writer), 612);
    assert_false(writer_is_due(f->writer, clock_mono_ns()));
    assert_true(writer_is_due(f->writer, clock_mono_ns() + NS_PER_S));
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 0);
    assert_int_equal(commit(f).added, 612);
    batch_unref(a);
    batch_unref(b);
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 612);
    assert_int_equal(ask(f, "SELECT sum(sequence_num) FROM flows"), 612 * 611 / 2);
    assert_int_equal(ask(f, "SELECT sum(network_bytes) FROM flows"), 612 * 1000);
    assert_int_equal(ask(f, "SELECT count(DISTINCT id) FROM flows WHERE id >> 32 = 1"), 612);
    // IPv4 goes first
    assert_int_equal(ask(f, "SELECT max(id & 4294967295) + 1 FROM flows WHERE src_addr_hi = 0"),
                     ask(f, "SELECT count(*) FROM flows WHERE src_addr_hi = 0"));
    assert_int_equal(ask(f, "SELECT count(*) FROM records WHERE time_received_ns <> ts"), 0);
    struct store_state s = store_state(f->store);
    assert_int_equal(s.records, 612);
    assert_int_equal(s.newest_ns - s.oldest_ns, 611);
    assert_int_equal(s.transaction, 1);
}

static void a_store_is_what_it_was_when_opened_again(void **state)
{
    struct fixture *f = *state;
    uint32_t number = 0;
    for (int i = 0; i < 3; i++) {
        struct batch *b = make_batch(f, 512, &number);
        add(f, b, 512, 0);
        (void)commit(f);
        batch_unref(b);
        close_all(f);
        open_all(f);
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 1536);
    assert_int_equal(ask(f, "SELECT count(DISTINCT id >> 32) FROM flows"), 3);
    assert_int_equal(store_state(f->store).records, 1536);
}

static void a_full_group_is_committed_first(void **state)
{
    struct fixture *f = *state;
    struct writer_count count;
    static struct batch *held[STORE_GROUP_ROWS / BATCH_FLOWS_MAX];
    uint32_t number = 0;
    for (size_t i = 0; i < STORE_GROUP_ROWS / BATCH_FLOWS_MAX; i++) {
        held[i] = make_batch(f, 512, &number);
        add(f, held[i], 512, 0);
    }
    assert_true(writer_is_due(f->writer, clock_mono_ns()));
    struct batch *more = make_batch(f, 1, &number);
    assert_int_equal(writer_add(f->writer, more, &count), ERR_FULL);
    assert_int_equal(commit(f).added, STORE_GROUP_ROWS);
    add(f, more, 1, 0);
    (void)commit(f);
    for (size_t i = 0; i < STORE_GROUP_ROWS / BATCH_FLOWS_MAX; i++) {
        batch_unref(held[i]);
    }
    batch_unref(more);
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), STORE_GROUP_ROWS + 1);
    assert_int_equal(ask(f, "SELECT sum(sequence_num) FROM flows"),
                     (uint64_t)STORE_GROUP_ROWS * (STORE_GROUP_ROWS + 1) / 2);
}

/// Who looked before there was a record does not take back when the oldest one is of.
static void the_oldest_record_stays_known(void **state)
{
    struct fixture *f = *state;
    uint32_t number = 0;
    struct batch *b = make_batch(f, 10, &number);
    add(f, b, 10, 0);
    (void)commit(f);
    batch_unref(b);
    int64_t oldest = store_state(f->store).oldest_ns;
    assert_true(oldest > 0);
    store_set_figures(f->store, &(struct store_figures){ .used_bytes = 1 });
    assert_true(store_state(f->store).oldest_ns == oldest);
    store_set_figures(f->store, &(struct store_figures){ .oldest_ns = oldest + 5 });
    assert_true(store_state(f->store).oldest_ns == oldest + 5);
    store_set_figures(f->store, &(struct store_figures){ .forgotten = 10 });
    assert_true(store_state(f->store).oldest_ns == 0);
}

/// Makes the flows of a batch lines of a file, ten bytes each, from `begin` on.
static void make_lines(struct batch *b, struct origin *origin, uint64_t begin)
{
    origin_ref(origin);
    b->files[b->file_count++] =
        (struct batch_file){ .origin = origin, .begin = begin, .end = begin + 10 * b->flow_count };
    for (uint32_t i = 0; i < b->flow_count; i++) {
        b->flows[i].file = 1;
        b->flows[i].offset = begin + 10 * i;
    }
}

static struct origin *make_origin(uint64_t fingerprint, bool has_places)
{
    struct origin values = { .id = { .fingerprint = { fingerprint, 7 }, .number = 2 },
                             .is_file = true,
                             .path = "a.log",
                             .input_type = "log",
                             .has_places = has_places };
    struct origin *o = origin_new(&values);
    assert_non_null(o);
    return o;
}

static void add_lines(struct fixture *f, struct origin *origin, uint64_t begin, uint32_t count,
                      uint64_t added)
{
    uint32_t number = 0;
    struct batch *b = make_batch(f, count, &number);
    make_lines(b, origin, begin);
    add(f, b, added, count - added);
    assert_int_equal(atomic_load(&b->known), count - added);
    (void)commit(f);
    batch_unref(b);
}

static void lines_are_stored_once(void **state)
{
    struct fixture *f = *state;
    struct origin *a = make_origin(1, true);
    struct origin *b = make_origin(2, true);
    struct origin *torn = make_origin(1, false);
    add_lines(f, a, 0, 100, 100);
    add_lines(f, a, 0, 100, 0);    // again
    add_lines(f, a, 500, 100, 50); // half of them
    add_lines(f, b, 0, 10, 10);    // another file
    close_all(f);
    open_all(f);
    add_lines(f, a, 0, 150, 0);
    add_lines(f, a, 1490, 10, 9);
    add_lines(f, b, 50, 10, 5);
    add_lines(f, torn, 0, 3, 3); // without places it is neither known nor remembered
    add_lines(f, torn, 0, 3, 3);
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 100 + 50 + 10 + 9 + 5 + 6);
    assert_int_equal(ask(f, "SELECT count(*) FROM files"), 2);
    assert_int_equal(ask(f, "SELECT max(reach) FROM positions WHERE fingerprint_lo = 1"), 1590);
    assert_int_equal(ask(f, "SELECT count(*) FROM flows JOIN files ON file = files.id WHERE "
                            "path = 'a.log' AND input_type = 'log'"),
                     180);
    origin_unref(a);
    origin_unref(b);
    origin_unref(torn);
}

static void a_failed_commit_is_done_again(void **state)
{
    struct fixture *f = *state;
    uint32_t number = 0;
    struct writer_count count;
    struct origin *origin = make_origin(3, true);
    struct batch *b = make_batch(f, 512, &number);
    make_lines(b, origin, 0);
    b->flows[0].exporter_name = batch_append(b, "router", 6);
    add(f, b, 512, 0);
    // Another connection changes the table meanwhile, which no commit survives.
    assert_int_equal(duck_exec(f->conn, "ALTER TABLE flows RENAME TO elsewhere", &f->err), 0);
    assert_int_not_equal(writer_commit(f->writer, &count, &f->err), 0);
    assert_true(store_state(f->store).failing);
    assert_int_equal(writer_rows(f->writer), 512);
    assert_int_equal(ask(f, "SELECT count(*) FROM positions"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM texts"), 0);
    assert_int_equal(duck_exec(f->conn, "ALTER TABLE elsewhere RENAME TO flows", &f->err), 0);
    assert_int_equal(commit(f).added, 512);
    assert_false(store_state(f->store).failing);
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 512);
    assert_int_equal(ask(f, "SELECT count(*) FROM texts JOIN flows ON exporter_name = texts.id "
                            "WHERE value = 'router'::BLOB"),
                     1);
    assert_int_equal(ask(f, "SELECT reach FROM positions"), 5120);
    batch_unref(b);
    origin_unref(origin);
}

static void duplicates_are_refused_when_asked_for(void **state)
{
    struct fixture *f = *state;
    close_all(f);
    f->settings.dedupe = true;
    open_all(f);
    for (int round = 0; round < 3; round++) {
        uint32_t number = 0;
        struct batch *a = make_batch(f, 512, &number);
        number -= 100; // a hundred of them twice in one commit
        struct batch *b = make_batch(f, 200, &number);
        add(f, a, 512, 0);
        add(f, b, 200, 0);
        struct writer_count count = commit(f);
        assert_int_equal(count.added, round == 0 ? 612 : 0);
        assert_int_equal(count.duplicates, round == 0 ? 100 : 712);
        assert_int_equal(atomic_load(&a->known) + atomic_load(&b->known), count.duplicates);
        batch_unref(a);
        batch_unref(b);
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM flows"), 612);
    assert_int_equal(ask(f, "SELECT count(DISTINCT sequence_num) FROM flows"), 612);
}

static void a_second_process_is_told_who_has_it(void **state)
{
    struct fixture *f = *state;
    struct store *other;
    char pid[32];
    (void)snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
    assert_int_equal(store_open(&f->settings, &other, &f->err), ERR_EXISTS);
    assert_non_null(strstr(f->err.text, pid));
}

/// Stores batches of one second after the other until it is killed, and tells how far it is.
static void store_for_ever(struct fixture *f, int told)
{
    open_all(f);
    enum { HELD = 7 };
    struct batch *held[HELD];
    uint32_t number = (uint32_t)ask(f, "SELECT count(*) FROM flows");
    for (;;) {
        for (size_t i = 0; i < HELD; i++) {
            held[i] = make_batch(f, 512, &number);
            add(f, held[i], 512, 0);
        }
        (void)commit(f);
        if (write(told, &number, sizeof(number)) != sizeof(number)) { // it is read at the end
            _exit(1);
        }
        for (size_t i = 0; i < HELD; i++) {
            batch_unref(held[i]);
        }
    }
}

/// Runs a child for a moment and kills it; what it was sure of, if anything.
static uint32_t run_and_kill(struct fixture *f, uint64_t ns)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        store_for_ever(f, ends[1]);
    }
    (void)close(ends[1]);
    struct timespec pause = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint32_t sure = 0;
    uint32_t number;
    while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
        sure = number;
    }
    (void)close(ends[0]);
    return sure;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { KILLS = 8 };
#else
enum { KILLS = 50 };
#endif

static void kills_lose_nothing_that_was_committed(void **state)
{
    struct fixture *f = *state;
    const char *more = getenv("KILLS");
    unsigned kills = more == NULL ? KILLS : (unsigned)strtoul(more, NULL, 10);
    uint32_t sure = 0;
    close_all(f); // a child has it in turn; this process opens it only between two of them
    uint64_t seed = clock_mono_ns();
    for (unsigned i = 0; i < kills; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        uint32_t told = run_and_kill(f, 150 * NS_PER_MS + (seed >> 33) % (400 * NS_PER_MS));
        sure = told > sure ? told : sure;
    }
    open_all(f);
    uint64_t count = ask(f, "SELECT count(*) FROM flows");
    assert_true(sure > 0);
    assert_true(count >= sure);
    assert_int_equal(ask(f, "SELECT count(DISTINCT sequence_num) FROM flows"), count);
    assert_int_equal(ask(f, "SELECT max(sequence_num) + 1 FROM flows"), count);
    assert_int_equal(ask(f, "SELECT count(DISTINCT id) FROM flows"), count);
}

static void times_at_the_end_of_time_do_no_harm(void **state)
{
    static const uint64_t TIMES[] = { 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX };
    struct fixture *f = *state;
    uint32_t number = 0;
    struct batch *b = make_batch(f, 16, &number);
    for (uint32_t i = 0; i < 16; i++) {
        b->flows[i].present |=
            FLOW_BIT(FIELD_TIME_FLOW_START_NS) | FLOW_BIT(FIELD_TIME_FLOW_END_NS);
        b->flows[i].time_flow_start_ns = TIMES[i / 4];
        b->flows[i].time_flow_end_ns = TIMES[i % 4];
    }
    add(f, b, 16, 0);
    assert_int_equal(commit(f).added, 16);
    batch_unref(b);
    assert_int_equal(ask(f, "SELECT count(*) FROM records WHERE ts >= 0 AND "
                            "coalesce(time_flow_end_ns, 0) >= 0"),
                     16);
    for (int i = 0; i < 2; i++) {
        if (keeper_run_once(f->store, &f->err) != 0) {
            fail_msg("%s", f->err.text);
        }
    }
    assert_int_equal(ask(f, "SELECT sum(flows) FROM minutes_protocol"), 16);
}

/// Fills the disk, with commits of any size; then there is room again.
static void a_full_disk_loses_nothing(void **state)
{
    enum { DISK = 32 << 20, BALLAST = 8 << 20, BATCHES = 4000, MEMORY = 512 << 20 };
    struct fixture *f = *state;
    char ballast[PATH_SIZE];
    uint32_t number = 0;
    uint64_t added = 0;
    close_all(f);
    remove_all(f);
    f->settings.memory_max = MEMORY; // with less DuckDB wants to put some on the disk
    if (!folder_mount_small(f->folder, DISK)) {
        open_all(f);
        return;
    }
    open_all(f);
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", f->folder);
    int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, BALLAST), 0);
    assert_int_equal(close(fd), 0);
    struct writer_count count;
    int status = 0;
    struct batch *held[16];
    size_t held_count = 0;
    for (int i = 0; status == 0 && i < BATCHES; i++) {
        held_count = (size_t)(i % 16) + 1;
        for (size_t j = 0; j < held_count; j++) {
            held[j] = make_batch(f, 512, &number);
            add(f, held[j], 512, 0);
        }
        status = writer_commit(f->writer, &count, &f->err);
        for (size_t j = 0; status == 0 && j < held_count; j++) {
            batch_unref(held[j]);
        }
        added += status == 0 ? count.added : 0;
    }
    assert_int_equal(status, ERR_FULL);
    assert_true(store_state(f->store).full);
    for (int i = 0; i < 5; i++) { // as often as one likes
        assert_int_not_equal(writer_commit(f->writer, &count, &f->err), 0);
    }
    struct batch *more = make_batch(f, 1, &number);
    assert_int_equal(writer_add(f->writer, more, &count), ERR_FULL);
    assert_int_equal(unlink(ballast), 0);
    status = writer_commit(f->writer, &count, &f->err);
    for (int i = 0; status != 0 && i < 5; i++) {
        status = writer_commit(f->writer, &count, &f->err);
    }
    if (status != 0) {
        fail_msg("%s", f->err.text);
    }
    added += held_count * 512;
    assert_false(store_state(f->store).full);
    for (size_t j = 0; j < held_count; j++) {
        batch_unref(held[j]);
    }
    add(f, more, 1, 0);
    assert_int_equal(commit(f).added, 1);
    batch_unref(more);
    for (int again = 0; again < 2; again++) { // and in the file too
        assert_int_equal(ask(f, "SELECT count(*) FROM flows"), added + 1);
        assert_int_equal(ask(f, "SELECT count(DISTINCT sequence_num) FROM flows"), added + 1);
        assert_int_equal(ask(f, "SELECT max(sequence_num) FROM flows"), added);
        close_all(f);
        open_all(f);
    }
    close_all(f);
    assert_int_equal(umount(f->folder), 0);
    open_all(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_there_after_the_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_is_what_it_was_when_opened_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_group_is_committed_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_record_stays_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_stored_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_commit_is_done_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(duplicates_are_refused_when_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_process_is_told_who_has_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_at_the_end_of_time_do_no_harm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kills_lose_nothing_that_was_committed, set_up, tear_down),
    };
    return UNIT_MAIN("store/writer", tests);
}
