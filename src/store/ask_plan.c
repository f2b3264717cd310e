// SPDX-License-Identifier: Apache-2.0
/*
 * Times and ids stand in the SQL as numbers, not as bound values: DuckDB leaves out row groups by
 * their least and greatest values only for what it knows when it plans. Each table that a question
 * takes from is added up by itself, because the rows of several together cost more to bring into
 * one form than to add up.
 */
#include "store/ask_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/ask_keys.h"

/// Shorter times are answered from the records: they are few, and every second is exact.
#define RAW_SPAN_NS (15 * ROLLUP_MINUTE_NS)
/// Addresses over less than this come from the records too.
#define TALKERS_SPAN_NS (6 * ROLLUP_HOUR_NS)

/// The key of what is not among an hour's talkers, in both halves of its addresses: no address of a
/// packet.
#define REST_KEY "18446744073709551615"

static const struct {
    const char *name;
    const char *keys;
} ROLLUPS[] = {
#define ROLLUP(name, text, keys, definitions) { text, keys },
#include "store/rollups.def"
#undef ROLLUP
};

#define SUMS                                                                                       \
    "sum(flows) AS flows, sum(network_bytes) AS network_bytes, sum(network_packets) AS "           \
    "network_packets, sum(samples) AS samples, sum(unknown) AS unknown, "

const char *plan_sums(const struct plan *p)
{
    return p->tier == TIER_RAW ? SUMS "0 AS longer, sum(flows) AS n"
                               : SUMS "sum(longer) AS longer, sum(n) AS n";
}

const char *plan_metric(enum metric metric)
{
    static const char *const COLUMNS[] = { "network_bytes", "network_packets", "flows" };
    return COLUMNS[metric];
}

// --- Which table -----------------------------------------------------------------------------

/// Whether `words` (apart by commas) has the word at `word`.
static bool has_word(const char *words, const char *word, size_t size)
{
    while (*words != '\0') {
        size_t length = strcspn(words, ", ");
        if (length == size && memcmp(words, word, size) == 0) {
            return true;
        }
        words += length;
        words += strspn(words, ", ");
    }
    return false;
}

/// Whether a roll-up with these keys knows all of the columns.
static bool serves(const char *keys, const char *columns)
{
    while (*columns != '\0') {
        size_t size = strcspn(columns, ", ");
        if (!has_word(keys, columns, size) &&
            !has_word("sampler_address_hi,sampler_address_lo", columns, size)) {
            return false;
        }
        columns += size;
        columns += strspn(columns, ", ");
    }
    return true;
}

/// The roll-up that can answer; NULL: none. Those with the fewest rows come first in the table.
static const char *find_rollup(const struct plan *p)
{
    enum { NEEDS_SIZE_MAX = 1 << 16 };
    struct buf needs;
    buf_init(&needs, NEEDS_SIZE_MAX);
    sql_needs(p->filter, &needs);
    for (size_t i = 0; i < p->axis_count; i++) {
        buf_append_text(&needs, ",");
        buf_append_text(&needs, p->axes[i].field.needs);
    }
    const char *found = NULL;
    const char *columns = buf_text(&needs);
    for (size_t i = 0; found == NULL && !needs.bad && i < sizeof(ROLLUPS) / sizeof(ROLLUPS[0]);
         i++) {
        found = serves(ROLLUPS[i].keys, columns + strspn(columns, ", ")) ? ROLLUPS[i].name : NULL;
    }
    buf_release(&needs);
    return found;
}

/// The table of talkers that can answer; NULL: none.
static const char *find_talkers(const struct plan *p)
{
    bool source = false;
    bool destination = false;
    for (size_t i = 0; i < p->axis_count; i++) {
        const struct dimension *d = &p->axes[i].dimension;
        if (d->prefix_v4 != 0 || d->prefix_v6 != 0) {
            return NULL;
        }
        if (d->field == QUERY_SOURCE_IP) {
            source = true;
        } else if (d->field == QUERY_DESTINATION_IP) {
            destination = true;
        } else {
            return NULL;
        }
    }
    if (p->filter != NULL && kql_root(p->filter)->kind != KQL_ALL) {
        return NULL;
    }
    return source && destination ? "pair" : source ? "src" : destination ? "dst" : NULL;
}

// --- Pieces ----------------------------------------------------------------------------------

static int64_t round_down(int64_t ts, int64_t unit)
{
    return ts / unit * unit;
}

static int64_t round_up(int64_t ts, int64_t unit)
{
    return ts % unit == 0 ? ts : ts / unit * unit + unit;
}

static void add_piece(struct plan *p, struct piece piece)
{
    if (piece.from_ns < piece.to_ns) {
        CHECK(p->piece_count < PLAN_PIECES_MAX);
        p->pieces[p->piece_count++] = piece;
    }
}

static void add_raw(struct plan *p, int64_t from_ns, int64_t to_ns, uint64_t first_id)
{
    add_piece(p, (struct piece){ .from_ns = from_ns, .to_ns = to_ns, .first_id = first_id });
}

static void say_forgotten(struct plan *p, const char *what)
{
    p->exact = false;
    (void)snprintf(p->note, sizeof(p->note), "%s", what); // ours and short
}

static void plan_raw(struct plan *p, const struct work *w)
{
    p->tier = TIER_RAW;
    add_raw(p, p->from_ns, p->to_ns, 0);
    if (p->from_ns < w->marks.records_from_ns) {
        say_forgotten(p, "records of the beginning of this time are no longer kept, and no roll-up "
                         "has what was asked for");
    }
}

/// A roll-up for whole minutes, and for hours when those are wanted.
static void plan_rollup(struct plan *p, const struct work *w, const char *rollup, bool with_hours)
{
    int64_t from = round_up(p->from_ns, ROLLUP_MINUTE_NS);
    int64_t to = round_down(p->to_ns, ROLLUP_MINUTE_NS);
    if (p->from_ns < w->marks.records_from_ns) {
        int64_t wanted = p->from_ns;
        // Where the minutes are gone, too, it is whole hours.
        int64_t unit =
            with_hours && p->from_ns < w->marks.minutes_from_ns ? ROLLUP_HOUR_NS : ROLLUP_MINUTE_NS;
        from = round_down(p->from_ns, unit);
        to = p->to_ns < w->marks.records_from_ns ? round_up(p->to_ns, ROLLUP_MINUTE_NS) : to;
        if (from != wanted || to > p->to_ns) {
            say_forgotten(p, "records of the beginning of this time are no longer kept: it was "
                             "widened to whole minutes or hours");
        }
    }
    if (from >= to) {
        plan_raw(p, w);
        return;
    }
    p->table = rollup;
    int64_t hours_from = with_hours ? round_up(from, ROLLUP_HOUR_NS) : to;
    int64_t hours_to = with_hours ? round_down(to, ROLLUP_HOUR_NS) : to;
    if (hours_from >= hours_to) {
        hours_from = to;
        hours_to = to;
    }
    p->tier = hours_from < hours_to ? TIER_HOURS : TIER_MINUTES;
    add_raw(p, p->from_ns, from, 0);
    add_raw(p, from, to, w->marks.first_id);
    add_raw(p, to, p->to_ns, 0);
    struct piece minutes = { .tier = "minutes", .above = UINT64_MAX };
    minutes.from_ns = from;
    minutes.to_ns = hours_from;
    add_piece(p, minutes);
    minutes.from_ns = hours_to;
    minutes.to_ns = to;
    add_piece(p, minutes);
    add_piece(p, (struct piece){ .tier = "minutes",
                                 .above = w->marks.hours,
                                 .from_ns = hours_from,
                                 .to_ns = hours_to });
    add_piece(p, (struct piece){ .tier = "hours", .from_ns = hours_from, .to_ns = hours_to });
}

/// A run of hours that have talkers, from..to; and what comes before it from the records.
static void add_talkers(struct plan *p, const struct work *w, int64_t done, int64_t from,
                        int64_t to)
{
    add_raw(p, done, from, 0);
    add_raw(p, from, to, w->marks.first_id);
    add_piece(p, (struct piece){ .tier = "talkers", .from_ns = from, .to_ns = to });
}

/// What may be missing of an address: the least of each hour's list that left some out.
static int bound_talkers(struct plan *p, struct work *w, int64_t from, int64_t to)
{
    enum { LISTED = 1000 };
    struct sql q;
    sql_init(&q);
    sql_printf(&q,
               "SELECT sum(least_listed) FROM (SELECT max(network_bytes, %d)[%d] AS least_listed "
               "FROM talkers_%s WHERE NOT other AND ts >= %" PRId64 " AND ts < %" PRId64
               " AND ts IN (SELECT ts FROM talkers_%s WHERE other AND flows > 0) GROUP BY ts)",
               LISTED, LISTED, p->table, from, to, p->table);
    uint64_t bound = 0;
    int status = duck_ask_u64(w->conn, buf_text(&q.text), &bound, w->err);
    sql_release(&q);
    if (status == 0 && bound > 0) {
        p->exact = false;
        (void)snprintf(p->note, sizeof(p->note), // cut is fine
                       "from the largest %d of each hour: an address that was not among them in "
                       "some hours lacks at most %" PRIu64 " bytes; tier=raw is exact",
                       LISTED, bound);
    }
    return status;
}

/// The hours that have talkers, in runs; the rest from the records. The hours that are missing are
/// open, or late records came for them, or nothing was heard.
static int plan_talkers(struct plan *p, struct work *w, const char *table)
{
    enum { RUNS_MAX = PLAN_PIECES_MAX / 3 - 1 };
    int64_t from = round_up(p->from_ns, ROLLUP_HOUR_NS);
    int64_t to = round_down(p->to_ns, ROLLUP_HOUR_NS);
    p->table = table;
    p->tier = TIER_TALKERS;
    struct sql q;
    sql_init(&q);
    sql_printf(&q,
               "SELECT ts FROM talkers_src WHERE other AND ts >= %" PRId64 " AND ts < %" PRId64
               " ORDER BY ts",
               from, to);
    struct duck_rows *rows = NULL;
    int status = duck_ask(w->conn, buf_text(&q.text), &rows, w->err);
    int64_t done = p->from_ns;
    int64_t begin = from;
    int64_t end = from;
    size_t runs = 0;
    int more = status;
    while (status == 0 && (more = duck_next(rows, w->err)) == 1 && runs < RUNS_MAX) {
        int64_t ts = duck_i64(rows, 0);
        if (ts != end && begin < end) {
            add_talkers(p, w, done, begin, end);
            done = end;
            runs++;
        }
        begin = ts != end || begin == end ? ts : begin;
        end = ts + ROLLUP_HOUR_NS;
    }
    duck_rows_free(rows);
    sql_release(&q);
    if (status != 0 || more < 0) {
        return w->err->status;
    }
    if (runs < RUNS_MAX && begin < end) {
        add_talkers(p, w, done, begin, end);
        done = end;
    }
    add_raw(p, done, p->to_ns, 0);
    return bound_talkers(p, w, from, to);
}

/// Which tier it is, and its pieces.
static int choose(struct plan *p, struct work *w, enum tier tier)
{
    int64_t span = p->to_ns - p->from_ns;
    const char *talkers = find_talkers(p);
    const char *rollup = find_rollup(p);
    if (p->step_ns % ROLLUP_MINUTE_NS != 0) {
        rollup = NULL;
    }
    if (p->step_ns % ROLLUP_HOUR_NS != 0) {
        talkers = NULL;
    }
    if (tier == TIER_TALKERS && talkers == NULL) {
        return err_set(w->err, ERR_INVALID,
                       "tier=talkers answers source.ip and destination.ip, without a filter and by "
                       "whole hours: leave it out");
    }
    if ((tier == TIER_MINUTES || tier == TIER_HOURS) && rollup == NULL) {
        return err_set(w->err, ERR_INVALID,
                       "no roll-up has all of these fields, by whole minutes: leave tier=%s out",
                       tier_text(tier));
    }
    if (tier == TIER_TALKERS || (tier == TIER_AUTO && talkers != NULL && span > TALKERS_SPAN_NS)) {
        return plan_talkers(p, w, talkers);
    }
    bool forgotten = p->from_ns < w->marks.records_from_ns;
    if (tier == TIER_RAW || rollup == NULL ||
        (tier == TIER_AUTO && span <= RAW_SPAN_NS && !forgotten)) {
        plan_raw(p, w);
        return 0;
    }
    plan_rollup(p, w, rollup, tier != TIER_MINUTES && p->step_ns % ROLLUP_HOUR_NS == 0);
    return 0;
}

static bool is_folded(const struct axis *axis)
{
    return axis->field.shape == SQL_TEXT_ID || axis->field.shape == SQL_AS_ID ||
           axis->field.shape == SQL_APPLICATION;
}

static bool set_axis(struct axis *axis, const struct dimension *dimension)
{
    *axis = (struct axis){ .dimension = *dimension };
    if (!sql_field(dimension->field, &axis->field)) {
        return false;
    }
    axis->is_text = is_folded(axis) || axis->field.shape == SQL_BYTES;
    axis->key_count = axis->field.shape == SQL_ADDR ? 2 : 1;
    return true;
}

int plan_make(struct plan *p, struct work *w, const struct kql *filter, int64_t from_ns,
              int64_t to_ns, const struct dimension *dimensions, size_t count, int64_t step_ns,
              enum tier tier)
{
    *p = (struct plan){ .filter = filter,
                        .from_ns = from_ns,
                        .to_ns = to_ns > from_ns ? to_ns : from_ns,
                        .axis_count = count,
                        .step_ns = step_ns,
                        .exact = true };
    CHECK(count <= ASK_DIMENSIONS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!set_axis(&p->axes[i], &dimensions[i])) {
            return err_set(w->err, ERR_INVALID, "traffic cannot be grouped by %s",
                           query_field_info(dimensions[i].field).path);
        }
    }
    return choose(p, w, tier);
}

int plan_question(struct plan *p, struct work *w, const struct question *q, int64_t step_ns)
{
    return plan_make(p, w, q->filter, q->from_ns, q->to_ns, q->dimensions, q->dimension_count,
                     step_ns, q->tier);
}

int plan_reverse(struct plan *p, struct work *w, const struct question *q, int64_t step_ns,
                 struct kql **ret_filter)
{
    *ret_filter = NULL;
    if (q->filter != NULL && kql_reverse(q->filter, ret_filter) != 0) {
        return err_set(w->err, ERR_NO_MEMORY, "out of memory");
    }
    struct dimension dimensions[ASK_DIMENSIONS_MAX];
    for (size_t i = 0; i < q->dimension_count; i++) {
        dimensions[i] = q->dimensions[i];
        dimensions[i].field = query_field_info(dimensions[i].field).reversed;
    }
    return plan_make(p, w, *ret_filter, q->from_ns, q->to_ns, dimensions, q->dimension_count,
                     step_ns, q->tier);
}

int plan_newest(struct work *w, uint64_t *ret_first_id)
{
    // Transactions hold a second of records each, or a group of rows.
    uint64_t first = 0;
    for (uint64_t back = 1; back <= w->transaction; back *= 2) {
        char sql[96];
        uint64_t count;
        first = (w->transaction - back + 1) << 32;
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM flows WHERE id >= %" PRIu64 "::UBIGINT", first);
        if (duck_ask_u64(w->conn, sql, &count, w->err) != 0) {
            return w->err->status;
        }
        if (count >= PLAN_NEWEST) {
            break;
        }
        first = 0;
    }
    *ret_first_id = first;
    return 0;
}

static void drop_raw(struct plan *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->piece_count; i++) {
        if (p->pieces[i].tier != NULL) {
            p->pieces[kept++] = p->pieces[i];
        }
    }
    p->piece_count = kept;
}

int plan_quick(struct plan *p, struct work *w, const struct question *q,
               const struct dimension *dimension, bool newest)
{
    int status = plan_make(p, w, q->filter, q->from_ns, q->to_ns, dimension, 1, 0, TIER_RAW);
    if (status != 0) {
        return status;
    }
    const char *talkers = newest ? NULL : find_talkers(p);
    const char *rollup = newest ? NULL : find_rollup(p);
    p->piece_count = 0;
    p->exact = true;
    p->from_ns = round_down(p->from_ns, talkers != NULL ? ROLLUP_HOUR_NS : ROLLUP_MINUTE_NS);
    p->to_ns = round_up(p->to_ns, talkers != NULL ? ROLLUP_HOUR_NS : ROLLUP_MINUTE_NS);
    if (talkers != NULL) {
        status = plan_talkers(p, w, talkers);
        drop_raw(p);
    } else if (rollup != NULL) {
        plan_rollup(p, w, rollup, true);
        drop_raw(p);
    } else {
        uint64_t first_id = 0;
        status = plan_newest(w, &first_id);
        if (status == 0) {
            add_raw(p, INT64_MIN, INT64_MAX, first_id);
            p->exact = false;
            (void)snprintf(p->note, sizeof(p->note), "from the newest %d records only",
                           PLAN_NEWEST);
        }
    }
    return status;
}

// --- SQL -------------------------------------------------------------------------------------

static const char *const KEYS[ASK_DIMENSIONS_MAX][2] = { { "k0", "k0b" },
                                                         { "k1", "k1b" },
                                                         { "k2", "k2b" } };

const char *plan_key(size_t axis, size_t key)
{
    CHECK(axis < ASK_DIMENSIONS_MAX && key < 2);
    return KEYS[axis][key];
}

void plan_append_keys(const struct plan *p, const char *prefix, struct sql *q)
{
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t k = 0; k < p->axes[i].key_count; k++) {
            sql_printf(q, "%s%s%s", i + k > 0 ? ", " : "", prefix, plan_key(i, k));
        }
    }
}

void plan_append_alike(const struct plan *p, const char *left, const char *right, struct sql *q)
{
    sql_text(q, "true");
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t k = 0; k < p->axes[i].key_count; k++) {
            sql_printf(q, " AND %s%s IS NOT DISTINCT FROM %s%s", left, plan_key(i, k), right,
                       plan_key(i, k));
        }
    }
}

/// A half of an address without the bits that a prefix leaves out: of IPv4 (::ffff:a.b.c.d) and of
/// IPv6 another one.
static void append_masked(const struct axis *axis, size_t half, struct sql *q)
{
    const char *hi = axis->field.columns[0];
    const char *lo = axis->field.columns[1];
    unsigned v4 = axis->dimension.prefix_v4 > 0 ? 96 + axis->dimension.prefix_v4 : 128;
    unsigned v6 = axis->dimension.prefix_v6 > 0 ? axis->dimension.prefix_v6 : 128;
    uint64_t masks[2];
    unsigned prefixes[2] = { v4, v6 };
    for (size_t i = 0; i < 2; i++) {
        unsigned prefix = prefixes[i] < half * 64 ? 0 : prefixes[i] - (unsigned)half * 64;
        masks[i] = prefix == 0 ? 0 : prefix >= 64 ? UINT64_MAX : UINT64_MAX << (64 - prefix);
    }
    sql_printf(q,
               "CASE WHEN %s = 0 AND %s >= 281470681743360 AND %s <= 281474976710655 "
               "THEN %s & %" PRIu64 "::UBIGINT ELSE %s & %" PRIu64 "::UBIGINT END",
               hi, lo, lo, half == 0 ? hi : lo, masks[0], half == 0 ? hi : lo, masks[1]);
}

/// What a piece is grouped by. An application is two columns as yet.
static void append_piece_keys(const struct plan *p, const struct piece *piece, struct sql *q)
{
    bool talkers = piece->tier != NULL && strcmp(piece->tier, "talkers") == 0;
    for (size_t i = 0; i < p->axis_count; i++) {
        const struct axis *axis = &p->axes[i];
        for (size_t k = 0; k < 2 && axis->field.columns[k] != NULL; k++) {
            if (talkers) {
                sql_printf(q, "CASE WHEN other THEN " REST_KEY " ELSE %s END",
                           axis->field.columns[k]);
            } else if (axis->dimension.prefix_v4 != 0 || axis->dimension.prefix_v6 != 0) {
                append_masked(axis, k, q);
            } else {
                sql_text(q, axis->field.columns[k]);
            }
            sql_printf(q, " AS %s, ", plan_key(i, k));
        }
    }
}

/// FROM and WHERE of a piece.
static void append_from(const struct plan *p, const struct piece *piece, struct sql *q)
{
    if (piece->tier == NULL) {
        sql_printf(q, "FROM records WHERE kind = 0 AND ts >= %" PRId64 " AND ts < %" PRId64,
                   piece->from_ns, piece->to_ns);
        if (piece->first_id > 0) {
            sql_printf(q, " AND id >= %" PRIu64 "::UBIGINT", piece->first_id);
        }
    } else {
        sql_printf(q, "FROM %s_%s WHERE ts >= %" PRId64 " AND ts < %" PRId64, piece->tier, p->table,
                   piece->from_ns, piece->to_ns);
        if (strcmp(piece->tier, "minutes") == 0 && piece->above != UINT64_MAX) {
            sql_printf(q, " AND lap > %" PRIu64, piece->above);
        }
    }
    if (p->filter != NULL && kql_root(p->filter)->kind != KQL_ALL) {
        sql_text(q, " AND ");
        sql_where(q, p->filter);
    }
    if (p->only != NULL) {
        keys_append_only(p->only, p, q);
    }
}

/// One row for a record or for a row of a roll-up.
static void append_plain(const struct plan *p, const struct piece *piece, unsigned wanted,
                         struct sql *q)
{
    sql_text(q, "SELECT ");
    append_piece_keys(p, piece, q);
    if ((wanted & PLAN_BUCKETS) != 0) {
        sql_printf(q, "ts // %" PRId64 " AS b, ", p->step_ns);
    }
    if ((wanted & PLAN_SEEN) != 0) {
        sql_text(q, "ts AS seen, ");
    }
    sql_text(q, piece->tier == NULL ? "1 AS flows" : "flows");
    sql_text(q, ", network_bytes, network_packets, samples, unknown, ");
    if (piece->tier != NULL) {
        bool whole_hours = p->tier == TIER_HOURS && strcmp(piece->tier, "minutes") == 0;
        sql_text(q, whole_hours                           ? "longer_hour AS longer"
                    : strcmp(piece->tier, "talkers") == 0 ? "0 AS longer"
                                                          : "longer");
    } else if ((wanted & PLAN_BUCKETS) != 0 && p->tier != TIER_RAW) {
        int64_t unit = p->tier == TIER_MINUTES ? ROLLUP_MINUTE_NS : ROLLUP_HOUR_NS;
        sql_printf(q,
                   "CASE WHEN time_flow_end_ns // %" PRId64 " > ts // %" PRId64
                   " THEN 1 ELSE 0 END AS longer",
                   unit, unit);
    } else {
        sql_text(q, "0 AS longer");
    }
    sql_text(q, ", 1 AS n ");
    append_from(p, piece, q);
}

/// What of a measure was there `at` ns after the record's begin, of the `len` ns that it lasts; in
/// 128 bits only where 64 are not enough, because DuckDB is slow with these.
static void append_until(const char *measure, const char *at, struct sql *q)
{
    sql_printf(q,
               "CASE WHEN %s <= %" PRId64 " // len THEN %s::BIGINT * %s // len "
               "ELSE %s::HUGEINT * %s // len END",
               measure, INT64_MAX, measure, at, measure, at);
}

/// The part of a measure that falls into bucket b: what was there by its end, less what was there
/// by its begin. So the parts add up to the whole, however they are rounded.
static void append_part(const char *measure, struct sql *q)
{
    sql_text(q, ", ");
    append_until(measure, "after", q);
    sql_text(q, " - ");
    append_until(measure, "before", q);
    sql_printf(q, " AS %s", measure);
}

/// Whether a record ends behind the bucket in which it begins, and that is not the last one.
static void append_is_long(const struct plan *p, struct sql *q)
{
    sql_printf(q,
               "(coalesce(time_flow_end_ns - ts + ts %% %" PRId64 " > %" PRId64 ", false) "
               "AND ts < %" PRId64 ")",
               p->step_ns, p->step_ns, round_down(p->to_ns - 1, p->step_ns));
}

/// Records that lie in several buckets (within the time asked for), a row for each of them.
static void append_long(const struct plan *p, const struct piece *piece, struct sql *q)
{
    sql_text(q, "SELECT ");
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t k = 0; k < 2 && p->axes[i].field.columns[k] != NULL; k++) {
            sql_printf(q, "%s, ", plan_key(i, k));
        }
    }
    sql_text(q, "b, CASE WHEN before = 0 THEN 1 ELSE 0 END AS flows");
    append_part("network_bytes", q);
    append_part("network_packets", q);
    append_part("samples", q);
    sql_text(q, ", CASE WHEN before = 0 THEN unknown ELSE 0 END AS unknown, 0 AS longer, 1 AS n "
                "FROM (SELECT *, until - ts AS len, ");
    sql_printf(q,
               "least((b + 1) * %" PRId64 ", until) - ts AS after, "
               "greatest(b * %" PRId64 " - ts, 0) AS before ",
               p->step_ns, p->step_ns);
    sql_text(q, "FROM (SELECT ");
    append_piece_keys(p, piece, q);
    sql_printf(q,
               "ts, network_bytes, network_packets, samples, unknown, "
               "least(time_flow_end_ns, %" PRId64 ") AS until, unnest(range(ts // %" PRId64
               ", (least(time_flow_end_ns, %" PRId64 ") - 1) // %" PRId64 " + 1)) AS b ",
               p->to_ns, p->step_ns, p->to_ns, p->step_ns);
    append_from(p, piece, q);
    sql_text(q, " AND ");
    append_is_long(p, q);
    sql_text(q, "))");
}

static void append_piece(const struct plan *p, const struct piece *piece, unsigned wanted,
                         const char *head, const char *tail, struct sql *q)
{
    bool spread = (wanted & PLAN_BUCKETS) != 0 && p->tier == TIER_RAW;
    sql_text(q, head);
    append_plain(p, piece, wanted, q);
    if (spread) {
        sql_text(q, " AND NOT ");
        append_is_long(p, q);
        sql_text(q, tail);
        sql_text(q, " UNION ALL ");
        sql_text(q, head);
        append_long(p, piece, q);
    }
    sql_text(q, tail);
}

static void append_rows(const struct plan *p, unsigned wanted, const char *head, const char *tail,
                        struct sql *q)
{
    for (size_t i = 0; i < p->piece_count; i++) {
        sql_text(q, i > 0 ? " UNION ALL " : "");
        append_piece(p, &p->pieces[i], wanted, head, tail, q);
    }
    if (p->piece_count == 0) { // an empty time
        append_piece(p, &(struct piece){ 0 }, wanted, head, tail, q);
    }
}

/// All rows, added up by the columns as they are in the tables.
static void append_sums(const struct plan *p, unsigned wanted, struct sql *q)
{
    sql_text(q, "SELECT ");
    for (size_t i = 0; i < p->axis_count; i++) {
        for (size_t k = 0; k < 2 && p->axes[i].field.columns[k] != NULL; k++) {
            sql_printf(q, "%s, ", plan_key(i, k));
        }
    }
    sql_text(q, (wanted & PLAN_BUCKETS) != 0 ? "b, " : "");
    sql_text(q, plan_sums(p));
    sql_text(q,
             (wanted & PLAN_SEEN) != 0 ? ", min(seen) AS seen_first, max(seen) AS seen_last" : "");
    sql_text(q, " FROM (");
    append_rows(p, wanted, "", "", q);
    sql_text(q, ") GROUP BY ALL");
}

/// What a key that is a number stands for, where several numbers may stand for the same.
static void append_name(const struct axis *axis, size_t i, struct sql *q)
{
    switch (axis->field.shape) {
    case SQL_APPLICATION:
        sql_printf(q, "a%zu.name AS k%zu, ", i, i);
        break;
    case SQL_AS_ID:
        sql_printf(q,
                   "encode(json_extract_string(decode(a%zu.value), '$.organization.name')) AS "
                   "k%zu, ",
                   i, i);
        break;
    default:
        sql_printf(q, "a%zu.value AS k%zu, ", i, i);
    }
}

static void append_named(const struct plan *p, unsigned wanted, struct sql *q)
{
    sql_text(q, "SELECT ");
    plan_append_keys(p, "", q);
    sql_text(q, (wanted & PLAN_BUCKETS) != 0 ? ", b, " : ", ");
    sql_text(q, plan_sums(p));
    sql_text(q, (wanted & PLAN_SEEN) != 0
                    ? ", min(seen_first) AS seen_first, max(seen_last) AS seen_last"
                    : "");
    sql_text(q, " FROM (SELECT ");
    for (size_t i = 0; i < p->axis_count; i++) {
        if (is_folded(&p->axes[i])) {
            append_name(&p->axes[i], i, q);
            continue;
        }
        for (size_t k = 0; k < p->axes[i].key_count; k++) {
            sql_printf(q, "s.%s, ", plan_key(i, k));
        }
    }
    sql_text(q, (wanted & PLAN_BUCKETS) != 0 ? "s.b, " : "");
    sql_text(q, (wanted & PLAN_SEEN) != 0 ? "s.seen_first, s.seen_last, " : "");
    sql_text(q, "s.flows, s.network_bytes, s.network_packets, s.samples, s.unknown, s.longer, s.n "
                "FROM (");
    append_sums(p, wanted, q);
    sql_text(q, ") s");
    for (size_t i = 0; i < p->axis_count; i++) {
        if (!is_folded(&p->axes[i])) {
            continue;
        }
        if (p->axes[i].field.shape == SQL_APPLICATION) {
            sql_printf(q,
                       " LEFT JOIN applications a%zu ON a%zu.proto = s.k%zu AND a%zu.port = "
                       "s.k%zub",
                       i, i, i, i, i);
        } else {
            sql_printf(q, " LEFT JOIN texts a%zu ON a%zu.id = s.k%zu", i, i, i);
        }
    }
    sql_text(q, ") GROUP BY ALL");
}

bool plan_is_named(const struct plan *p)
{
    for (size_t i = 0; i < p->axis_count; i++) {
        if (is_folded(&p->axes[i])) {
            return true;
        }
    }
    return false;
}

void plan_append(const struct plan *p, unsigned wanted, struct sql *q)
{
    if (plan_is_named(p)) {
        append_named(p, wanted, q);
    } else if ((wanted & PLAN_UNSUMMED) != 0) {
        append_rows(p, wanted, "", "", q);
    } else {
        append_sums(p, wanted, q);
    }
}

void plan_append_parts(const struct plan *p, unsigned wanted, const char *head, const char *tail,
                       struct sql *q)
{
    if (plan_is_named(p)) {
        sql_text(q, head);
        append_named(p, wanted, q);
        sql_text(q, tail);
    } else {
        append_rows(p, wanted, head, tail, q);
    }
}

void plan_append_not_rest(const struct plan *p, struct sql *q)
{
    sql_text(q, p->tier == TIER_TALKERS ? "k0 IS DISTINCT FROM " REST_KEY : "true");
}

// --- Applications ----------------------------------------------------------------------------

struct application_rows {
    const struct applications *applications;
    struct duck_appender *appender;
    size_t rows;
    struct err *err;
    int status;
};

static void append_application(void *context, uint32_t proto, uint32_t port, const char *name)
{
    struct application_rows *r = context;
    const char *used = applications_name(r->applications, proto, port);
    if (r->status != 0 || used == NULL || strcmp(used, name) != 0) {
        return; // another name comes first
    }
    struct duck_chunk *chunk = duck_appender_chunk(r->appender);
    uint32_t *protos = duck_chunk_column(chunk, 0);
    uint32_t *ports = duck_chunk_column(chunk, 1);
    protos[r->rows] = proto;
    ports[r->rows] = port;
    duck_chunk_set_bytes(chunk, 2, r->rows, name, strlen(name));
    if (++r->rows == DUCK_CHUNK_ROWS) {
        r->status = duck_appender_push(r->appender, r->rows, r->err);
        r->rows = 0;
    }
}

static int fill_applications(struct duck_conn *c, const struct applications *applications,
                             struct err *err)
{
    struct application_rows r = { .applications = applications, .err = err };
    r.status = duck_appender_new(c, "named", &r.appender, err);
    if (r.status != 0) {
        return r.status;
    }
    applications_each(applications, append_application, &r);
    if (r.status == 0 && r.rows > 0) {
        r.status = duck_appender_push(r.appender, r.rows, err);
    }
    if (r.status == 0) {
        r.status = duck_appender_flush(r.appender, err);
    }
    duck_appender_free(r.appender);
    return r.status;
}

int plan_set_up(struct duck_conn *c, const struct applications *applications, struct err *err)
{
    int status = duck_exec(
        c, "CREATE OR REPLACE TEMP TABLE named (proto UINTEGER, port UINTEGER, name BLOB)", err);
    if (status == 0 && applications != NULL) {
        status = fill_applications(c, applications, err);
    }
    if (status == 0) { // a name that was given twice stands once
        status =
            duck_exec(c,
                      "CREATE OR REPLACE TEMP TABLE applications AS SELECT DISTINCT * FROM named; "
                      "DROP TABLE named",
                      err);
    }
    return status;
}
