// SPDX-License-Identifier: Apache-2.0
/*
 * A table is gathered as texts, cell by cell, and measured; then it is written line by line. What
 * does not fit the terminal's width is cut at the right of the line, except where nobody looks
 * (width 0).
 *
 * Cells of one byte per character and one place per character: texts of other scripts may stand
 * out of line.
 */
#include "app/query_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/units.h"
#include "base/json_find.h"
#include "base/mem.h"

enum {
    COLUMNS_MAX = 24,
    TEXT_SIZE_MAX = 8 << 20,
    NAME_SIZE = 64,
    BAR_WIDTH = 16,
    GAP = 2,
};

/// How a column is shown.
enum look {
    LOOK_TEXT,
    LOOK_HIDDEN,
    LOOK_BYTES,
    LOOK_COUNT,
    LOOK_RATE,
    LOOK_SHARE,
    LOOK_ERROR,
    LOOK_FLAG,
};

struct table_column {
    char name[NAME_SIZE]; ///< of the member of a row; for documents a path
    char head[NAME_SIZE];
    enum look look;
    size_t width;
};

struct table {
    size_t column_count;
    struct table_column columns[COLUMNS_MAX];
    size_t row_count;
    struct buf texts; ///< cells, each with a NUL, row by row
};

static const struct {
    const char *name;
    const char *head;
    enum look look;
} KNOWN[] = {
    { "bytes", "BYTES", LOOK_BYTES },
    { "packets", "PACKETS", LOOK_COUNT },
    { "flows", "FLOWS", LOOK_COUNT },
    { "share", "SHARE", LOOK_SHARE },
    { "error", "ERROR", LOOK_ERROR },
    { "avg", "", LOOK_HIDDEN },
    { "max", "", LOOK_HIDDEN },
    { "p95", "", LOOK_HIDDEN },
    { "samples", "SAMPLES", LOOK_HIDDEN },
    { "unknown", "UNKNOWN", LOOK_HIDDEN },
    { "other", "", LOOK_HIDDEN },
    { "partial", "", LOOK_FLAG },
    { "bits_per_second", "RATE", LOOK_RATE },
    { "packets_per_second", "", LOOK_HIDDEN },
};

/// What of a document is shown. The second path stands in where the first has nothing.
static const struct {
    const char *head;
    const char *path;
    const char *instead;
    enum look look;
} FLOW_COLUMNS[] = {
    { "TIME", "@timestamp", NULL, LOOK_TEXT },
    { "EXPORTER", "observer/name", "observer/ip/0", LOOK_TEXT },
    { "SOURCE", "source/ip", "source/mac", LOOK_TEXT },
    { "PORT", "source/port", NULL, LOOK_TEXT },
    { "DESTINATION", "destination/ip", "destination/mac", LOOK_TEXT },
    { "PORT", "destination/port", NULL, LOOK_TEXT },
    { "PROTO", "network/transport", "network/iana_number", LOOK_TEXT },
    { "BYTES", "network/bytes", "source/bytes", LOOK_BYTES },
    { "PACKETS", "network/packets", "source/packets", LOOK_COUNT },
    { "IN", "observer/ingress/interface/id", NULL, LOOK_TEXT },
    { "OUT", "observer/egress/interface/id", NULL, LOOK_TEXT },
    { "FROM", "source/geo/country_iso_code", NULL, LOOK_TEXT },
    { "TO", "destination/geo/country_iso_code", NULL, LOOK_TEXT },
    { "AS", "destination/as/organization/name", NULL, LOOK_TEXT },
};
enum { FLOW_COLUMN_COUNT = sizeof(FLOW_COLUMNS) / sizeof(FLOW_COLUMNS[0]) };

// --- Cells ---------------------------------------------------------------------------------------

static size_t places(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((uint8_t)*text & 0xC0) != 0x80;
    }
    return count;
}

/// The text is that of the last cell.
static void end_cell(struct table *t, size_t column, size_t begin)
{
    buf_append_char(&t->texts, '\0');
    if (!t->texts.bad) {
        size_t width = places((const char *)t->texts.data + begin);
        struct table_column *c = &t->columns[column];
        c->width = width > c->width ? width : c->width;
    }
}

/// A share as a bar of eighths.
static void append_bar(struct buf *out, double share)
{
    static const char *const EIGHTHS[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    double bounded = share < 0 ? 0 : share > 1 ? 1 : share;
    size_t eighths = (size_t)(bounded * BAR_WIDTH * 8 + 0.5);
    for (size_t i = 0; i < eighths / 8; i++) {
        buf_append_text(out, "█");
    }
    buf_append_text(out, EIGHTHS[eighths % 8]);
}

static void append_number(struct buf *out, enum look look, double value)
{
    char text[UNITS_SIZE];
    switch (look) {
    case LOOK_BYTES:
        buf_append_text(out, units_print(value, "B", text));
        break;
    case LOOK_RATE:
        buf_append_text(out, units_print(value, "bit/s", text));
        break;
    case LOOK_SHARE:
        buf_printf(out, "%5.1f%% ", value * 100);
        append_bar(out, value);
        break;
    case LOOK_ERROR:
        buf_printf(out, "±%.*f%%", value < 9.95 ? 1 : 0, value);
        break;
    default:
        buf_append_text(out, units_print(value, "", text));
        break;
    }
}

static bool is_absent(const struct json_value *v)
{
    return v->data == NULL || (v->size == 4 && memcmp(v->data, "null", 4) == 0);
}

static void append_value(struct buf *out, enum look look, const struct json_value *v)
{
    if (is_absent(v)) {
        return;
    }
    if (v->data[0] == '"') {
        size_t begin = out->size;
        if (!json_find_text(v->data, v->size, "", out)) {
            return;
        }
        for (size_t i = begin; i < out->size; i++) {
            // Nothing that a sender put into a name may steer the terminal.
            out->data[i] = out->data[i] < 0x20 || out->data[i] == 0x7F ? '?' : out->data[i];
        }
        return;
    }
    char number[64];
    bool is_number = v->size < sizeof(number) && v->data[0] <= '9';
    if (look == LOOK_FLAG) {
        bool yes = v->size == 4 && memcmp(v->data, "true", 4) == 0;
        buf_append_text(out, yes ? "not over" : "");
    } else if (look == LOOK_TEXT || !is_number) {
        buf_append(out, v->data, v->size);
    } else {
        (void)snprintf(number, sizeof(number), "%.*s", (int)v->size, (const char *)v->data); // fits
        append_number(out, look, strtod(number, NULL));
    }
}

// --- Reading answers -----------------------------------------------------------------------------

static void begin_column(struct table *t, const char *name, const char *head, enum look look)
{
    struct table_column *c = &t->columns[t->column_count++];
    (void)snprintf(c->name, sizeof(c->name), "%s", name); // cut is fine
    (void)snprintf(c->head, sizeof(c->head), "%s", head); // likewise
    c->look = look;
    c->width = places(c->head);
}

static void name_column(struct table *t, const char *name)
{
    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        if (strcmp(KNOWN[i].name, name) == 0) {
            begin_column(t, name, KNOWN[i].head, KNOWN[i].look);
            return;
        }
    }
    char head[NAME_SIZE];
    size_t i = 0;
    for (; name[i] != '\0' && i + 1 < sizeof(head); i++) {
        head[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
    }
    head[i] = '\0';
    begin_column(t, name, head, LOOK_TEXT);
}

/// The bar stands at the right of everything.
static void put_share_last(struct table *t)
{
    for (size_t i = 0; i + 1 < t->column_count; i++) {
        if (t->columns[i].look == LOOK_SHARE) {
            struct table_column share = t->columns[i];
            t->columns[i] = t->columns[i + 1];
            t->columns[i + 1] = share;
        }
    }
}

static bool read_columns(struct table *t, const struct json_value *columns)
{
    struct json_each each = { .json = columns->data, .size = columns->size };
    struct buf name;
    buf_init(&name, NAME_SIZE * 8);
    bool ok = true;
    while (ok && json_each(&each) && t->column_count < COLUMNS_MAX) {
        buf_clear(&name);
        // Columns are names, or objects that have one.
        ok = json_find_text(each.value.data, each.value.size, "", &name) ||
             json_find_text(each.value.data, each.value.size, "name", &name);
        if (ok) {
            name_column(t, buf_text(&name));
        }
    }
    buf_release(&name);
    put_share_last(t);
    return ok && t->column_count > 0;
}

/// The member of a row by its name, which may have slashes and dots in it.
static struct json_value member(const struct json_value *row, const char *name)
{
    struct json_each each = { .json = row->data, .size = row->size };
    size_t size = strlen(name);
    while (json_each(&each)) {
        if (each.name.size == size + 2 && memcmp(each.name.data + 1, name, size) == 0) {
            return each.value;
        }
    }
    return (struct json_value){ .data = NULL };
}

static bool is_true(const struct json_value *v)
{
    return v->data != NULL && v->size == 4 && memcmp(v->data, "true", 4) == 0;
}

static void read_row(struct table *t, const struct json_value *row)
{
    struct json_value other = member(row, "other");
    bool is_other = is_true(&other);
    for (size_t i = 0; i < t->column_count; i++) {
        struct table_column *c = &t->columns[i];
        struct json_value v = member(row, c->name);
        size_t begin = t->texts.size;
        if (c->look == LOOK_TEXT && is_other && is_absent(&v)) {
            buf_append_text(&t->texts, "(other)");
        } else if (c->look != LOOK_HIDDEN) {
            append_value(&t->texts, c->look, &v);
        }
        end_cell(t, i, begin);
    }
    t->row_count++;
}

static void read_document(struct table *t, const struct json_value *document)
{
    for (size_t i = 0; i < FLOW_COLUMN_COUNT; i++) {
        struct json_value v = { .data = NULL };
        size_t begin = t->texts.size;
        if (!json_find(document->data, document->size, FLOW_COLUMNS[i].path, &v) &&
            FLOW_COLUMNS[i].instead != NULL &&
            !json_find(document->data, document->size, FLOW_COLUMNS[i].instead, &v)) {
            v.data = NULL;
        }
        append_value(&t->texts, FLOW_COLUMNS[i].look, &v);
        end_cell(t, i, begin);
    }
    t->row_count++;
}

// --- Writing -------------------------------------------------------------------------------------

static bool is_left(enum look look)
{
    return look == LOOK_TEXT || look == LOOK_SHARE || look == LOOK_FLAG;
}

/// Columns in which no row has anything take no room.
static void hide_empty(struct table *t)
{
    bool used[COLUMNS_MAX] = { false };
    const char *at = (const char *)t->texts.data;
    for (size_t i = 0; i < t->row_count * t->column_count; i++) {
        used[i % t->column_count] |= at[0] != '\0';
        at += strlen(at) + 1;
    }
    for (size_t i = 0; i < t->column_count; i++) {
        if (!used[i]) {
            t->columns[i].look = LOOK_HIDDEN;
        }
    }
}

/// Appends a cell, up to `*left` places of it, and what is between it and the next.
static void put_cell(struct buf *out, const struct table_column *c, const char *text, bool last,
                     size_t *left)
{
    size_t size = places(text);
    size_t fill = c->width - size;
    size_t before = is_left(c->look) ? 0 : fill;
    for (size_t i = 0; i<before && * left> 0; i++, --*left) {
        buf_append_char(out, ' ');
    }
    while (*text != '\0' && *left > 0) {
        size_t bytes = 1;
        while (((uint8_t)text[bytes] & 0xC0) == 0x80) {
            bytes++;
        }
        buf_append(out, text, bytes);
        text += bytes;
        --*left;
    }
    size_t behind = last ? 0 : fill - before + GAP;
    for (size_t i = 0; i<behind && * left> 0; i++, --*left) {
        buf_append_char(out, ' ');
    }
}

static size_t last_shown(const struct table *t)
{
    size_t last = 0;
    for (size_t i = 0; i < t->column_count; i++) {
        last = t->columns[i].look == LOOK_HIDDEN ? last : i;
    }
    return last;
}

static void end_line(struct buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ') {
        out->size--;
    }
    buf_append_char(out, '\n');
}

static void write_table(const struct table *t, const struct query_look *look, struct buf *out)
{
    size_t width = look->width == 0 ? SIZE_MAX : look->width;
    size_t last = last_shown(t);
    size_t left = width;
    buf_append_text(out, look->color ? "\033[1m" : "");
    for (size_t i = 0; i <= last; i++) {
        if (t->columns[i].look != LOOK_HIDDEN) {
            put_cell(out, &t->columns[i], t->columns[i].head, i == last, &left);
        }
    }
    buf_append_text(out, look->color ? "\033[0m" : "");
    end_line(out);
    const char *at = (const char *)t->texts.data;
    for (size_t row = 0; row < t->row_count; row++) {
        left = width;
        for (size_t i = 0; i < t->column_count; i++, at += strlen(at) + 1) {
            const struct table_column *c = &t->columns[i];
            if (c->look == LOOK_HIDDEN) {
                continue;
            }
            bool colored = look->color && c->look == LOOK_SHARE;
            buf_append_text(out, colored ? "\033[36m" : "");
            put_cell(out, c, at, i == last, &left);
            buf_append_text(out, colored ? "\033[0m" : "");
        }
        end_line(out);
    }
}

static double number_of(const struct json_value *meta, const char *name)
{
    char text[64];
    struct json_value v;
    if (!json_find(meta->data, meta->size, name, &v) || v.size >= sizeof(text)) {
        return 0;
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)v.size, (const char *)v.data); // fits
    return strtod(text, NULL);
}

/// "from .. to", the tier, what was read, how long it took, and what there is to know.
static void write_footer(const uint8_t *json, size_t size, const struct query_look *look,
                         struct buf *out)
{
    struct json_value meta;
    char text[UNITS_SIZE];
    if (!json_find(json, size, "meta", &meta)) {
        return;
    }
    buf_append_text(out, look->color ? "\033[2m" : "");
    bool from = json_find_text(meta.data, meta.size, "from", out);
    buf_append_text(out, from ? " to " : "");
    bool to = json_find_text(meta.data, meta.size, "to", out);
    buf_append_text(out, to ? " | from " : "from ");
    size_t begin = out->size;
    if (!json_find_text(meta.data, meta.size, "tier", out) || out->size == begin) {
        buf_append_text(out, "records");
    }
    buf_printf(out, " | %s rows read", units_print(number_of(&meta, "rows_read"), "", text));
    buf_printf(out, " | %.0f ms", number_of(&meta, "took_ms"));
    buf_append_text(out, json_find_true(meta.data, meta.size, "cut") ? " | there is more" : "");
    buf_append_char(out, '\n');
    begin = out->size;
    if (json_find_text(meta.data, meta.size, "note", out) && out->size > begin) {
        buf_append_char(out, '\n');
    }
    buf_append_text(out, look->color ? "\033[0m" : "");
}

static bool print(struct table *t, const uint8_t *json, size_t size, bool documents,
                  const struct query_look *look, struct buf *out)
{
    struct json_value rows;
    if (!json_find(json, size, "rows", &rows)) {
        return false;
    }
    struct json_each each = { .json = rows.data, .size = rows.size };
    while (json_each(&each) && !t->texts.bad) {
        if (documents) {
            read_document(t, &each.value);
        } else {
            read_row(t, &each.value);
        }
    }
    if (t->texts.bad) {
        return false;
    }
    if (t->row_count == 0) {
        buf_append_text(out, "Nothing was found.\n");
    } else {
        hide_empty(t);
        write_table(t, look, out);
    }
    write_footer(json, size, look, out);
    return !out->bad;
}

bool query_table_print(const uint8_t *json, size_t size, const struct query_look *look,
                       struct buf *out)
{
    struct table t = { .column_count = 0 };
    struct json_value columns;
    buf_init(&t.texts, TEXT_SIZE_MAX);
    bool ok = json_find(json, size, "columns", &columns) && read_columns(&t, &columns) &&
              print(&t, json, size, false, look, out);
    buf_release(&t.texts);
    return ok;
}

bool query_flows_print(const uint8_t *json, size_t size, const struct query_look *look,
                       struct buf *out)
{
    struct table t = { .column_count = 0 };
    buf_init(&t.texts, TEXT_SIZE_MAX);
    for (size_t i = 0; i < FLOW_COLUMN_COUNT; i++) {
        begin_column(&t, FLOW_COLUMNS[i].path, FLOW_COLUMNS[i].head, FLOW_COLUMNS[i].look);
    }
    bool ok = print(&t, json, size, true, look, out);
    buf_release(&t.texts);
    return ok;
}

void query_mistake_print(const char *question, size_t column, const char *words,
                         const struct query_look *look, struct buf *out)
{
    buf_printf(out, "  %s\n  ", question);
    for (size_t i = 1; i < column; i++) {
        buf_append_char(out, ' ');
    }
    buf_printf(out, "%s^%s %s\n", look->color ? "\033[31m" : "", look->color ? "\033[0m" : "",
               words);
}
