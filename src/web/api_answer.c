// SPDX-License-Identifier: Apache-2.0
/* See web/api_answer.h. */
#include "web/api_answer.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json_text.h"

#define NS_PER_S INT64_C(1000000000)

enum { DAY_S = 86400 };

/// A date of the proleptic Gregorian calendar from days since 1970 (Howard Hinnant's algorithm).
static void put_date(int64_t days, struct buf *out)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    buf_printf(out, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year + era * 400 + (month <= 2),
               month, day);
}

void api_time_put(int64_t ns, int32_t zone_s, struct buf *out)
{
    zone_s -= zone_s % 60; // as it is written; local times of before 1900 have seconds
    int64_t rest = ns % NS_PER_S;
    int64_t s = ns / NS_PER_S - (rest < 0) + zone_s;
    rest += rest < 0 ? NS_PER_S : 0;
    int64_t of_day = s % DAY_S;
    int64_t days = s / DAY_S - (of_day < 0);
    of_day += of_day < 0 ? DAY_S : 0;
    put_date(days, out);
    buf_printf(out, "T%02d:%02d:%02d", (int)(of_day / 3600), (int)(of_day / 60 % 60),
               (int)(of_day % 60));
    if (rest % 1000000 == 0) {
        buf_printf(out, ".%03d", (int)(rest / 1000000));
    } else {
        buf_printf(out, ".%09d", (int)rest);
    }
    if (zone_s == 0) {
        buf_append_char(out, 'Z');
    } else {
        int32_t minutes = (zone_s < 0 ? -zone_s : zone_s) / 60;
        buf_printf(out, "%c%02d:%02d", zone_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
    }
}

// --- Cells ---------------------------------------------------------------------------------------

static double as_double(const struct cell *c)
{
    return c->kind == CELL_U64   ? (double)c->u64
           : c->kind == CELL_I64 ? (double)c->i64
           : c->kind == CELL_F64 ? c->f64
                                 : (double)NAN;
}

static void put_double(double value, struct buf *out)
{
    if (!isfinite(value)) {
        buf_append_text(out, "null");
    } else if (fabs(value) < 1e15 && value == floor(value)) { // 1000, not 1e+03
        buf_printf(out, "%.0f", value);
    } else if (buf_reserve(out, JSON_DOUBLE_SIZE_MAX) == 0) {
        buf_advance(out, json_put_double(buf_tail(out), value));
    }
}

/// Everything but texts, the same in JSON and CSV (NULL apart).
static void put_plain(const struct cell *c, int32_t zone_s, struct buf *out)
{
    switch (c->kind) {
    case CELL_U64:
        buf_append_u64(out, c->u64);
        break;
    case CELL_I64:
        buf_printf(out, "%" PRId64, c->i64);
        break;
    case CELL_F64:
        put_double(c->f64, out);
        break;
    case CELL_BOOL:
        buf_append_text(out, c->yes ? "true" : "false");
        break;
    case CELL_TIME:
        api_time_put(c->i64, zone_s, out);
        break;
    default:
        break;
    }
}

static void put_json(const struct answer *a, const struct cell *c, int32_t zone_s, struct buf *out)
{
    if (c->kind == CELL_NULL) {
        buf_append_text(out, "null");
    } else if (c->kind == CELL_TEXT) {
        json_append_string(out, a->texts.data + c->text.offset, c->text.count);
    } else {
        const char *quote = c->kind == CELL_TIME ? "\"" : "";
        buf_append_text(out, quote);
        put_plain(c, zone_s, out);
        buf_append_text(out, quote);
    }
}

void api_csv_text_put(const uint8_t *text, size_t size, struct buf *out)
{
    bool formula = size > 0 && (memchr("=+-@", text[0], 4) != NULL || text[0] < ' ');
    bool quoted = formula;
    for (size_t i = 0; i < size && !quoted; i++) {
        quoted = text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    }
    if (!quoted) {
        buf_append(out, text, size);
        return;
    }
    buf_append_text(out, formula ? "\"'" : "\"");
    for (size_t i = 0; i < size; i++) {
        buf_append_text(out, text[i] == '"' ? "\"" : "");
        buf_append_char(out, (char)text[i]);
    }
    buf_append_char(out, '"');
}

static void put_csv(const struct answer *a, const struct cell *c, int32_t zone_s, struct buf *out)
{
    if (c->kind == CELL_TEXT) {
        api_csv_text_put(a->texts.data + c->text.offset, c->text.count, out);
    } else if (c->kind != CELL_F64 || isfinite(c->f64)) {
        put_plain(c, zone_s, out);
    }
}

// --- Rates ---------------------------------------------------------------------------------------

/// Columns that are computed here, beside those of the answer.
struct rates {
    const struct answer *answer;
    size_t bytes; ///< its column; column_count: there is none
    size_t packets;
    double seconds;
};

static size_t find_column(const struct answer *a, const char *name)
{
    size_t i = 0;
    while (i < a->column_count && strcmp(a->columns[i], name) != 0) {
        i++;
    }
    return i;
}

static struct rates rates_of(const struct answer *a, const struct api_asked *asked)
{
    int64_t ns = a->step_ns > 0 ? a->step_ns : asked->question.to_ns - asked->question.from_ns;
    return (struct rates){ .answer = a,
                           .bytes = find_column(a, "bytes"),
                           .packets = find_column(a, "packets"),
                           .seconds = (double)ns / (double)NS_PER_S };
}

/// The rate of the sum in `column`; NaN: none.
static double rate(const struct rates *r, size_t row, size_t column, double times)
{
    return as_double(answer_cell(r->answer, row, column)) * times / r->seconds;
}

static const char *const RATE_NAMES[] = { "bits_per_second", "packets_per_second" };

static size_t rate_column(const struct rates *r, size_t which)
{
    return which == 0 ? r->bytes : r->packets;
}

static double rate_value(const struct rates *r, size_t row, size_t which)
{
    return rate(r, row, rate_column(r, which), which == 0 ? 8 : 1);
}

/// Whether that rate stands beside the answer's columns.
static bool has_rate(const struct rates *r, size_t which)
{
    return rate_column(r, which) < r->answer->column_count &&
           find_column(r->answer, RATE_NAMES[which]) == r->answer->column_count;
}

// --- Tables --------------------------------------------------------------------------------------

static void put_row(const struct answer *a, const struct rates *r, size_t row, int32_t zone_s,
                    struct buf *out)
{
    for (size_t i = 0; i < a->column_count; i++) {
        buf_append_char(out, i == 0 ? '{' : ',');
        json_append_text(out, a->columns[i]);
        buf_append_char(out, ':');
        put_json(a, answer_cell(a, row, i), zone_s, out);
    }
    for (size_t i = 0; i < 2; i++) {
        if (has_rate(r, i)) {
            buf_printf(out, ",\"%s\":", RATE_NAMES[i]);
            put_double(rate_value(r, row, i), out);
        }
    }
    buf_append_char(out, '}');
}

static void put_csv_table(const struct answer *a, const struct rates *r, int32_t zone_s,
                          struct buf *out)
{
    for (size_t i = 0; i < a->column_count; i++) {
        buf_append_text(out, i == 0 ? "" : ",");
        api_csv_text_put((const uint8_t *)a->columns[i], strlen(a->columns[i]), out);
    }
    for (size_t i = 0; i < 2; i++) {
        buf_printf(out, "%s%s", has_rate(r, i) ? "," : "", has_rate(r, i) ? RATE_NAMES[i] : "");
    }
    buf_append_text(out, "\r\n");
    for (size_t row = 0; row < a->row_count; row++) {
        for (size_t i = 0; i < a->column_count; i++) {
            buf_append_text(out, i == 0 ? "" : ",");
            put_csv(a, answer_cell(a, row, i), zone_s, out);
        }
        for (size_t i = 0; i < 2; i++) {
            if (has_rate(r, i)) {
                buf_append_char(out, ',');
                put_csv(a, &(struct cell){ .kind = CELL_F64, .f64 = rate_value(r, row, i) }, zone_s,
                        out);
            }
        }
        buf_append_text(out, "\r\n");
    }
}

void api_meta_time_put(const struct api_asked *asked, struct buf *out)
{
    buf_append_text(out, "\"from\":\"");
    api_time_put(asked->question.from_ns, asked->zone_s, out);
    buf_append_text(out, "\",\"to\":\"");
    api_time_put(asked->question.to_ns, asked->zone_s, out);
    buf_append_char(out, '"');
}

static void put_meta(const struct answer *a, const struct api_asked *asked, struct buf *out)
{
    buf_append_text(out, ",\"meta\":{");
    api_meta_time_put(asked, out);
    if (a->step_ns > 0) {
        buf_append_text(out, ",\"step_seconds\":");
        put_double((double)a->step_ns / (double)NS_PER_S, out);
    }
    buf_printf(out, ",\"tier\":\"%s\",\"exact\":%s", tier_text(a->tier),
               a->exact ? "true" : "false");
    if (a->note[0] != '\0') {
        buf_append_text(out, ",\"note\":");
        json_append_text(out, a->note);
    }
    buf_printf(out, ",\"cut\":%s,\"rows_read\":%" PRIu64 ",\"took_ms\":", a->cut ? "true" : "false",
               a->rows_read);
    put_double(floor((double)a->took_ns / 1e3) / 1e3, out); // to the microsecond
    buf_append_char(out, '}');
}

/// What stands beside the rows of a series.
static void put_beside(const struct answer *a, const struct api_asked *asked, struct buf *out)
{
    if (a->groups != NULL) {
        const struct rates r = rates_of(a->groups, asked);
        buf_append_text(out, ",\"groups\":[");
        for (size_t row = 0; row < a->groups->row_count; row++) {
            buf_append_text(out, row == 0 ? "" : ",");
            put_row(a->groups, &r, row, asked->zone_s, out);
        }
        buf_append_char(out, ']');
    }
    if (a->total != NULL) {
        const struct rates r = rates_of(a->total, asked);
        buf_append_text(out, ",\"total\":");
        put_row(a->total, &r, 0, asked->zone_s, out);
    }
}

void api_answer_put(const struct answer *a, const struct api_asked *asked, struct buf *out)
{
    const struct rates r = rates_of(a, asked);
    if (asked->form == API_CSV) {
        put_csv_table(a, &r, asked->zone_s, out);
        return;
    }
    bool lines = asked->form == API_NDJSON;
    if (!lines) {
        buf_append_text(out, "{\"columns\":[");
        for (size_t i = 0; i < a->column_count; i++) {
            buf_append_text(out, i == 0 ? "" : ",");
            json_append_text(out, a->columns[i]);
        }
        for (size_t i = 0; i < 2; i++) {
            if (has_rate(&r, i)) {
                buf_printf(out, ",\"%s\"", RATE_NAMES[i]);
            }
        }
        buf_append_text(out, "],\"rows\":[");
    }
    for (size_t row = 0; row < a->row_count; row++) {
        buf_append_text(out, lines || row == 0 ? "" : ",");
        put_row(a, &r, row, asked->zone_s, out);
        buf_append_text(out, lines ? "\n" : "");
    }
    if (!lines) {
        buf_append_char(out, ']');
        put_beside(a, asked, out);
        put_meta(a, asked, out);
        buf_append_text(out, "}\n");
    }
}

void api_fault_put(const struct api_fault *fault, struct buf *out)
{
    buf_append_text(out, "{\"error\":{\"text\":");
    json_append_text(out, fault->text);
    if (fault->parameter != NULL) {
        buf_printf(out, ",\"parameter\":\"%s\"", fault->parameter);
    }
    if (fault->placed) {
        buf_printf(out, ",\"position\":%zu,\"column\":%zu", fault->position, fault->column);
    }
    buf_append_text(out, "}}\n");
}
