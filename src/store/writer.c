// SPDX-License-Identifier: Apache-2.0
/*
 * Adding a batch notes its rows: IPv4 from the front of a list, all others from its end. The
 * columns are written at the commit, straight from the batches, so a commit that fails has changed
 * nothing and is simply done again.
 */
#include "store/writer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "flow/names.h"
#include "store/columns.h"

enum {
    SQL_SIZE_MAX = 128,
    NAME_SIZE = 32,
    SET_FIRST = 1 << 14,
    LOG_ROOM = 64 << 20, ///< bytes of the disk: several times what DuckDB's log grows to
};

/// Identities of records (dedupe), open-addressed; 0 is none.
struct identities {
    uint64_t *slots;
    size_t slot_count;
    size_t count;
};

struct writer {
    struct store *store;
    struct duck_conn *conn;
    struct texts *texts;
    struct places *places;
    struct columns *columns;
    uint64_t begun_ns; ///< monotonic: when the first batch of the group came
    size_t v4_count;   ///< rows[0..v4_count)
    size_t v6_count;   ///< rows[STORE_GROUP_ROWS - v6_count..)
    uint64_t skipped;
    uint64_t duplicates;      ///< taken out, also by a try that failed later
    uint64_t doubted;         ///< transaction of a commit that seemed to fail; 0: none
    bool moved;               ///< positions did, if nothing else
    char arrivals[NAME_SIZE]; ///< the table function that gives the rows of a commit
    uint64_t generation;      ///< of the database that knows it
    _Atomic size_t
        fed; ///< rows of the commit that it has given; orders its calls, on other threads
    struct identities identities;
    struct row rows[STORE_GROUP_ROWS];
};

int writer_new(struct store *s, struct writer **ret_writer, struct err *err)
{
    static _Atomic unsigned
        writers; // a function's name stays taken as long as its database is open
    struct writer *w = mem_zalloc(sizeof(*w));
    if (w == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    w->store = s;
    w->generation = UINT64_MAX;
    (void)snprintf(w->arrivals, sizeof(w->arrivals), "arrivals_%u", atomic_fetch_add(&writers, 1));
    int status = store_connect(s, &w->conn, err);
    if (status == 0) {
        status = texts_open(w->conn, &w->texts, err);
    }
    if (status == 0) {
        status = places_open(w->conn, &w->places, err);
    }
    if (status == 0 && columns_new(w->texts, w->places, store_settings(s)->mapping, &w->columns)) {
        status = err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    if (status != 0) {
        writer_free(w);
        return status;
    }
    *ret_writer = w;
    return 0;
}

void writer_free(struct writer *w)
{
    if (w != NULL) {
        columns_free(w->columns);
        places_close(w->places);
        texts_close(w->texts);
        duck_disconnect(w->conn);
        mem_free(w->identities.slots);
        mem_free(w);
    }
}

size_t writer_rows(const struct writer *w)
{
    return w->v4_count + w->v6_count;
}

bool writer_is_due(const struct writer *w, uint64_t now_ns)
{
    bool has_work = writer_rows(w) > 0 || w->moved;
    return has_work && (writer_rows(w) + BATCH_FLOWS_MAX > STORE_GROUP_ROWS ||
                        now_ns - w->begun_ns >= STORE_COMMIT_MS * NS_PER_MS);
}

// --- Adding --------------------------------------------------------------------------------------

static void add_row(struct writer *w, struct batch *batch, uint32_t index)
{
    const struct flow *f = &batch->flows[index];
    bool is_v4 = f->src_addr.size == ADDR_V4_SIZE;
    size_t at = is_v4 ? w->v4_count++ : STORE_GROUP_ROWS - ++w->v6_count;
    w->rows[at] = (struct row){ .batch = batch, .flow = index };
}

/// How far the files of a batch are in the store, by the file's index in it.
static void find_reaches(struct writer *w, const struct batch *batch,
                         uint64_t ret_reaches[static BATCH_FILES_MAX])
{
    for (uint32_t i = 0; i < batch->file_count; i++) {
        ret_reaches[i] = places_reach(w->places, batch->files[i].origin);
    }
}

int writer_add(struct writer *w, struct batch *batch, struct writer_count *ret_count)
{
    uint64_t reaches[BATCH_FILES_MAX];
    *ret_count = (struct writer_count){ 0 };
    if (writer_rows(w) + batch->flow_count > STORE_GROUP_ROWS || w->doubted != 0) {
        return ERR_FULL;
    }
    find_reaches(w, batch, reaches);
    if (writer_rows(w) == 0 && !w->moved) {
        w->begun_ns = clock_mono_ns();
    }
    for (uint32_t i = 0; i < batch->file_count; i++) {
        const struct batch_file *file = &batch->files[i];
        if (places_move(w->places, file->origin, file->end) != 0) {
            return ERR_NO_MEMORY;
        }
        w->moved = w->moved || file->end > reaches[i];
    }
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        const struct flow *f = &batch->flows[i];
        if (f->file != 0 && f->offset < reaches[f->file - 1]) {
            ret_count->skipped++;
        } else {
            add_row(w, batch, i);
            ret_count->added++;
        }
    }
    atomic_fetch_add(&batch->known, (uint32_t)ret_count->skipped);
    w->skipped += ret_count->skipped;
    return 0;
}

// --- Records that are there already --------------------------------------------------------------

static int grow_set(struct identities *set)
{
    struct identities wider = { .slot_count =
                                    set->slot_count == 0 ? SET_FIRST : 2 * set->slot_count,
                                .count = set->count };
    wider.slots = mem_zalloc_array(wider.slot_count, sizeof(wider.slots[0]));
    if (wider.slots == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < set->slot_count; i++) {
        size_t at = (size_t)set->slots[i] & (wider.slot_count - 1);
        while (set->slots[i] != 0 && wider.slots[at] != 0) {
            at = (at + 1) & (wider.slot_count - 1);
        }
        wider.slots[at] = set->slots[i] != 0 ? set->slots[i] : wider.slots[at];
    }
    mem_free(set->slots);
    *set = wider;
    return 0;
}

/// Adds an identity; *ret_known: it was there.
static int put_identity(struct identities *set, uint64_t identity, bool *ret_known)
{
    if (2 * (set->count + 1) > set->slot_count && grow_set(set) != 0) {
        return ERR_NO_MEMORY;
    }
    identity = identity == 0 ? 1 : identity;
    size_t at = (size_t)identity & (set->slot_count - 1);
    while (set->slots[at] != 0 && set->slots[at] != identity) {
        at = (at + 1) & (set->slot_count - 1);
    }
    *ret_known = set->slots[at] == identity;
    set->count += !*ret_known;
    set->slots[at] = identity;
    return 0;
}

static void clear_set(struct identities *set)
{
    if (set->slots != NULL) {
        memset(set->slots, 0, set->slot_count * sizeof(set->slots[0]));
    }
    set->count = 0;
}

/// By what a record of a datagram is known; the exporter's address as its column has it.
static uint64_t identity_of(uint64_t received_ns, uint64_t sequence, uint64_t index,
                            uint64_t domain, uint64_t sampler_hi, uint64_t sampler_lo)
{
    const uint64_t parts[] = { received_ns, sequence, index, domain, sampler_hi, sampler_lo };
    return hash128(parts, sizeof(parts)).low;
}

static uint64_t identity_of_flow(const struct flow *f)
{
    uint64_t halves[2] = { 0, 0 };
    if (f->sampler_address.size == ADDR_V4_SIZE) {
        uint8_t mapped[ADDR_V6_SIZE] = { [10] = 0xff, [11] = 0xff };
        memcpy(mapped + 12, f->sampler_address.bytes, ADDR_V4_SIZE);
        memcpy(halves, mapped, sizeof(halves));
    } else {
        memcpy(halves, f->sampler_address.bytes, sizeof(halves));
    }
    return identity_of(f->time_received_ns, f->sequence_num, f->index, f->observation_domain_id,
                       __builtin_bswap64(halves[0]), __builtin_bswap64(halves[1]));
}

static int load_identities(struct writer *w, uint64_t from_ns, uint64_t to_ns, struct err *err)
{
    struct duck_stmt *s;
    struct duck_rows *rows;
    int status = duck_prepare(w->conn,
                              "SELECT time_received_ns, sequence_num, flow_index, "
                              "observation_domain_id, sampler_address_hi, sampler_address_lo FROM "
                              "records WHERE file IS NULL AND ts BETWEEN ? AND ?",
                              &s, err);
    if (status != 0) {
        return status;
    }
    duck_bind_u64(s, 1, from_ns);
    duck_bind_u64(s, 2, to_ns > INT64_MAX ? INT64_MAX : to_ns);
    status = duck_run(s, &rows, err);
    int found = 0;
    bool known;
    while (status == 0 && (found = duck_next(rows, err)) > 0) {
        uint64_t identity = identity_of(duck_u64(rows, 0), duck_u64(rows, 1), duck_u64(rows, 2),
                                        duck_u64(rows, 3), duck_u64(rows, 4), duck_u64(rows, 5));
        if (put_identity(&w->identities, identity, &known) != 0) {
            found = err_set(err, ERR_NO_MEMORY, "out of memory");
            break;
        }
    }
    if (status == 0) {
        duck_rows_free(rows);
        status = found;
    }
    duck_finish(s);
    return status;
}

static uint64_t time_of(const struct flow *f)
{
    return f->time_flow_start_ns != 0 ? f->time_flow_start_ns : f->time_received_ns;
}

/// Keeps of `rows` those that are new; `step` is 1 or, for rows that are listed backwards, -1.
/// Returns how many.
static int keep_new(struct writer *w, struct row *rows, size_t count, ptrdiff_t step,
                    size_t *ret_kept)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct row row = rows[(ptrdiff_t)i * step];
        const struct flow *f = &row.batch->flows[row.flow];
        bool known = false;
        if (f->file == 0 && put_identity(&w->identities, identity_of_flow(f), &known) != 0) {
            return ERR_NO_MEMORY;
        }
        if (known) {
            atomic_fetch_add(&row.batch->known, 1);
        } else {
            rows[(ptrdiff_t)kept++ * step] = row;
        }
    }
    *ret_kept = kept;
    return 0;
}

/// Takes out what the store has, and what is there twice.
static int drop_duplicates(struct writer *w, struct err *err)
{
    uint64_t least = UINT64_MAX;
    uint64_t greatest = 0;
    for (size_t i = 0; i < STORE_GROUP_ROWS; i++) {
        if (i < w->v4_count || i >= STORE_GROUP_ROWS - w->v6_count) {
            const struct flow *f = &w->rows[i].batch->flows[w->rows[i].flow];
            if (f->file == 0) {
                uint64_t ns = time_of(f);
                least = ns < least ? ns : least;
                greatest = ns > greatest ? ns : greatest;
            }
        }
    }
    if (least > greatest) {
        return 0;
    }
    clear_set(&w->identities);
    size_t rows = writer_rows(w);
    size_t v4;
    size_t v6;
    int status = load_identities(w, least, greatest, err);
    if (status == 0 && (keep_new(w, w->rows, w->v4_count, 1, &v4) != 0 ||
                        keep_new(w, &w->rows[STORE_GROUP_ROWS - 1], w->v6_count, -1, &v6) != 0)) {
        status = err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    if (status == 0) {
        w->v4_count = v4;
        w->v6_count = v6;
        w->duplicates += rows - writer_rows(w);
    }
    return status;
}

// --- Committing ----------------------------------------------------------------------------------

/// The n-th row of the commit: IPv4 first, each in the order in which it came.
static struct row row_at(const struct writer *w, size_t n)
{
    return n < w->v4_count ? w->rows[n] : w->rows[STORE_GROUP_ROWS - 1 - (n - w->v4_count)];
}

/// A duck_feed_fn: the next rows of the commit.
static int feed(void *context, struct duck_chunk *chunk)
{
    struct writer *w = context;
    size_t total = writer_rows(w);
    size_t fed = atomic_load(&w->fed);
    size_t filled = 0;
    while (filled < DUCK_CHUNK_ROWS && fed < total) {
        struct row block[COLUMNS_BLOCK];
        size_t count = 0;
        for (; count < COLUMNS_BLOCK && fed + count < total; count++) {
            block[count] = row_at(w, fed + count);
        }
        int status = columns_fill(w->columns, chunk, filled, block, count, (uint32_t)fed);
        if (status != 0) {
            return status;
        }
        filled += count;
        fed += count;
    }
    atomic_store(&w->fed, fed);
    return (int)filled;
}

static int append_rows(struct writer *w, struct err *err)
{
    char sql[SQL_SIZE_MAX];
    if (writer_rows(w) == 0) {
        return 0;
    }
    (void)snprintf(sql, sizeof(sql), "INSERT INTO flows FROM %s()", w->arrivals); // fits
    atomic_store(&w->fed, 0);
    int status = duck_exec(w->conn, sql, err);
    CHECK(status != 0 || atomic_load(&w->fed) == writer_rows(w));
    return status;
}

/// Far below the floor nothing is written any more: deleting needs room too. Free blocks of the
/// file are room, but not for DuckDB's log.
static int check_space(struct writer *w, struct err *err)
{
    const struct store_settings *settings = store_settings(w->store);
    struct store_state state = store_state(w->store);
    struct statvfs disk;
    if (settings->free_min == 0 || statvfs(settings->folder, &disk) != 0) {
        return 0;
    }
    uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
    uint64_t floor = settings->free_min / 2;
    uint64_t blocks = state.file_bytes - state.used_bytes;
    return left >= (floor < LOG_ROOM ? floor : LOG_ROOM) && left + blocks >= floor
               ? 0
               : err_set(err, ERR_FULL,
                         "the disk of %s has %llu MB left, less than half of -transport.store.free",
                         settings->folder, (unsigned long long)(left >> 20));
}

/// The database may have been opened again.
static int add_arrivals(struct writer *w, struct err *err)
{
    uint64_t generation;
    int status = duck_refresh(w->conn, &generation, err);
    if (status != 0 || generation == w->generation) {
        return status;
    }
    status = duck_add_feed(w->conn, w->arrivals, "flows", feed, w, err);
    w->generation = status == 0 ? generation : w->generation;
    return status;
}

static int write_all(struct writer *w, uint64_t transaction, struct err *err)
{
    int status = add_arrivals(w, err);
    if (status != 0) {
        return status;
    }
    columns_begin(w->columns, transaction, clock_wall_ns());
    status = duck_exec(w->conn, "BEGIN", err);
    if (status == 0 && store_settings(w->store)->dedupe) {
        status = drop_duplicates(w, err);
    }
    if (status == 0) {
        status = append_rows(w, err);
    }
    if (status == 0) {
        status = texts_store(w->texts, w->conn, err);
    }
    if (status == 0) {
        status = places_store(w->places, w->conn, err);
    }
    if (status == 0) {
        status = duck_exec(w->conn, "COMMIT", err);
    }
    if (status != 0) {
        struct err ignored;
        int rolled_back = duck_exec(w->conn, "ROLLBACK", &ignored);
        (void)rolled_back; // there may be nothing to roll back
        bool full = strstr(err->text, "No space left") != NULL;
        err->status = full ? ERR_FULL : status;
    }
    return status == 0 ? 0 : err->status;
}

/// Whether a commit that seemed to fail is in the store after all: DuckDB may have written it and
/// failed at what it did behind it.
static int is_stored(struct writer *w, uint64_t transaction, bool *ret_stored, struct err *err)
{
    enum { SQL_SIZE = 96 };
    char sql[SQL_SIZE];
    uint64_t count = 0;
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM flows WHERE id >= %" PRIu64,
                   transaction << 32); // fits
    int status = w->doubted == transaction ? duck_ask_u64(w->conn, sql, &count, err) : 0;
    *ret_stored = count > 0;
    return status;
}

/// write_all(), once.
static int write_once(struct writer *w, uint64_t transaction, struct err *err)
{
    bool stored;
    int status = is_stored(w, transaction, &stored, err);
    if (status == 0 && !stored) {
        status = write_all(w, transaction, err);
    }
    w->doubted = status == 0 ? 0 : transaction;
    return status;
}

int writer_commit(struct writer *w, struct writer_count *ret_count, struct err *err)
{
    uint64_t begun_ns = clock_mono_ns();
    *ret_count = (struct writer_count){ .skipped = w->skipped };
    if (writer_rows(w) == 0 && !w->moved) {
        w->skipped = 0;
        return 0;
    }
    uint64_t transaction = store_begin(w->store);
    int status = check_space(w, err);
    if (status == 0) {
        status = write_once(w, transaction, err);
    }
    ret_count->added = writer_rows(w);
    ret_count->duplicates = w->duplicates;
    struct store_commit commit = { .good = status == 0,
                                   .stored = ret_count->added,
                                   .skipped = ret_count->skipped,
                                   .duplicates = ret_count->duplicates,
                                   .texts = texts_count(w->texts),
                                   .oldest_ns = columns_oldest(w->columns),
                                   .newest_ns = columns_newest(w->columns),
                                   .took_ns = clock_mono_ns() - begun_ns };
    store_end(w->store, &commit);
    store_set_full(w->store, status == ERR_FULL);
    if (status != 0) {
        return status;
    }
    texts_stored(w->texts);
    places_stored(w->places);
    w->v4_count = 0;
    w->v6_count = 0;
    w->skipped = 0;
    w->duplicates = 0;
    w->moved = false;
    return 0;
}
