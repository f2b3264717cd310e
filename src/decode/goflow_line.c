// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2 writes every line with the same columns in the same order and no blanks. So the reader
 * remembers which column stood at which place of the last line, and looks first whether it stands
 * there again: one comparison, name, quotes and colon together. Only where that fails is a name
 * read as JSON and looked up.
 *
 * Reading goes on behind a value that its column cannot have: the line is then an error document,
 * but one that still knows its addresses (profile elastic wants to look them up).
 */
#include "decode/goflow_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_rd.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "decode/draft.h"
#include "decode/goflow_column.h"

enum {
    EXTRAS_MAX = 4096,
    REMEMBERED = 128, ///< places of a line whose column is remembered
    WORDS_SIZE = 320,
    NAME_SHOWN = 60,     ///< bytes of a name or value in words
    NAME_SIZE_MAX = 256, ///< of names with escapes that may still be known
};

/// A column that no field stands for, as it stands in the line.
struct extra {
    const uint8_t *name; ///< with its quotes
    size_t name_size;
    bool escaped; ///< the name has backslashes
    const uint8_t *json;
    size_t json_size;
};

struct goflow_reader {
    struct column_table *table;
    struct ledger *ledger;
    struct goflow_settings settings;
    const struct column_key *remembered[REMEMBERED];
    struct draft draft;

    // Of the line being read.
    struct json_rd rd;
    uint64_t seen;                                   ///< bit FIELD_X: its column was there
    uint64_t seen_customs[MAPPING_CUSTOMS_MAX / 64]; ///< likewise
    size_t extra_count;
    struct extra extras[EXTRAS_MAX];
    struct extra_value extra_values[EXTRAS_MAX]; ///< the same in the batch
    bool has_message;                            ///< an object named message: -produce raw
    bool has_src;
    bool is_goflow1; ///< columns of version 1
    enum ledger_entry reason;
    char words[WORDS_SIZE];
};

int goflow_reader_new(const struct mapping *mapping, const struct goflow_settings *settings,
                      struct ledger *ledger, struct goflow_reader **ret_reader)
{
    struct goflow_reader *g = mem_zalloc(sizeof(*g));
    if (g == NULL) {
        return ERR_NO_MEMORY;
    }
    if (column_table_new(mapping, &g->table) != 0) {
        mem_free(g);
        return ERR_NO_MEMORY;
    }
    g->ledger = ledger;
    g->settings = *settings;
    *ret_reader = g;
    return 0;
}

void goflow_reader_free(struct goflow_reader *g)
{
    if (g != NULL) {
        column_table_free(g->table);
        mem_free(g);
    }
}

const char *goflow_words(const struct goflow_reader *g)
{
    return g->words;
}

// --- What is wrong -------------------------------------------------------------------------------

/// Notes the first thing that is wrong with the line.
static COLD void PRINTF_LIKE(3, 4)
    blame(struct goflow_reader *g, enum ledger_entry reason, const char *format, ...)
{
    if (g->reason != LEDGER_LINE_FLOW) {
        return;
    }
    g->reason = reason;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(g->words, sizeof(g->words), format, args); // cut is fine
    va_end(args);
}

static size_t column_number(const struct goflow_reader *g, const uint8_t *at)
{
    return (size_t)(at - g->rd.begin) + 1;
}

static COLD void blame_syntax(struct goflow_reader *g)
{
    const struct json_rd *r = &g->rd;
    if (r->at < r->end) {
        blame(g, LEDGER_LINE_NOT_JSON, "not JSON: byte 0x%02x at column %zu is not expected there",
              *r->at, column_number(g, r->at));
    } else {
        blame(g, LEDGER_LINE_NOT_JSON, "not JSON: the line ends too early, at column %zu",
              column_number(g, r->at));
    }
}

static COLD void blame_twice(struct goflow_reader *g, const uint8_t *name, size_t size)
{
    blame(g, LEDGER_LINE_DUPLICATE, "column %.*s is there twice",
          (int)(size < NAME_SHOWN ? size : NAME_SHOWN), (const char *)name);
}

static COLD void blame_value(struct goflow_reader *g, const struct column_key *column,
                             const uint8_t *value)
{
    size_t size = (size_t)(g->rd.at - value);
    blame(g, LEDGER_LINE_VALUE, "%.*s %.*s at column %zu is not a value that this column can have",
          (int)column->key_size - 3, column->key + 1, (int)(size < NAME_SHOWN ? size : NAME_SHOWN),
          (const char *)value, column_number(g, value));
}

// --- One column ----------------------------------------------------------------------------------

/// `name` with its quotes.
static void note_extra(struct goflow_reader *g, const uint8_t *name, size_t name_size,
                       const uint8_t *json)
{
    if (g->extra_count == EXTRAS_MAX) {
        blame(g, LEDGER_LINE_TOO_LARGE, "more than %d columns that no field stands for",
              EXTRAS_MAX);
        return;
    }
    g->extras[g->extra_count++] = (struct extra){ .name = name,
                                                  .name_size = name_size,
                                                  .escaped = memchr(name, '\\', name_size) != NULL,
                                                  .json = json,
                                                  .json_size = (size_t)(g->rd.at - json) };
}

static bool is_text(const struct json_text *name, const char *text)
{
    return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

/// Columns by which logs that weir does not read are known.
static void recognise(struct goflow_reader *g, const struct json_text *name, const uint8_t *value)
{
    g->has_message = g->has_message || (is_text(name, "message") && *value == '{');
    g->has_src = g->has_src || is_text(name, "src");
    g->is_goflow1 = g->is_goflow1 || is_text(name, "TimeReceived") ||
                    is_text(name, "TimeFlowStart") || is_text(name, "time_received") ||
                    is_text(name, "time_flow_start");
}

/// Whether an extra column has this name, which is without escapes.
static bool is_named(const struct extra *e, const uint8_t *name, size_t size)
{
    uint8_t plain[NAME_SIZE_MAX];
    const uint8_t *own = e->name + 1;
    size_t own_size = e->name_size - 2;
    if (e->escaped && own_size <= sizeof(plain)) {
        own_size = json_unescape(&(struct json_text){ .data = own, .size = own_size }, plain);
        own = plain;
    }
    return own_size == size && memcmp(own, name, size) == 0;
}

static bool is_utf8(const uint8_t *text, size_t size)
{
    uint32_t code;
    size_t length = 1;
    for (size_t i = 0; i < size && length > 0; i += length) {
        length = utf8_next(text + i, size - i, &code);
    }
    return length > 0;
}

/// A column that the table does not have; the reader is at its value. `plain` is its name without
/// escapes.
static bool read_unknown(struct goflow_reader *g, const struct json_text *name,
                         const uint8_t *plain, size_t plain_size)
{
    const uint8_t *value = g->rd.at;
    if (!json_rd_value(&g->rd)) {
        return false;
    }
    for (size_t i = 0; i < g->extra_count; i++) {
        if (is_named(&g->extras[i], plain, plain_size)) {
            blame_twice(g, name->data, name->size);
        }
    }
    if (name->escaped && name->size > NAME_SIZE_MAX) { // could not be told from others
        blame(g, LEDGER_LINE_TOO_LARGE, "the name of a column is too long, at column %zu",
              column_number(g, name->data));
    } else if (!is_utf8(name->data, name->size)) {
        blame(g, LEDGER_LINE_NOT_JSON, "the name of a column is no UTF-8, at column %zu",
              column_number(g, name->data));
    }
    recognise(g, name, value);
    note_extra(g, name->data - 1, name->size + 2, value);
    return true;
}

static void note_seen(struct goflow_reader *g, const struct column_key *column)
{
    bool custom = column->read == COLUMN_READ_CUSTOM;
    uint64_t *seen = custom ? &g->seen_customs[column->index / 64] : &g->seen;
    uint64_t bit = UINT64_C(1) << column->index % 64;
    if ((*seen & bit) != 0) {
        blame_twice(g, (const uint8_t *)column->key + 1, column->key_size - 3);
    }
    *seen |= bit;
}

/// A column of the table; the reader is at its value.
static inline bool read_known(struct goflow_reader *g, const struct column_key *column,
                              const uint8_t *name)
{
    const uint8_t *value = g->rd.at;
    note_seen(g, column);
    switch (column_read_value(g->table, column, &g->rd, &g->draft)) {
    case COLUMN_TAKEN:
        return true;
    case COLUMN_EXTRA:
        note_extra(g, name, column->key_size - 1, value);
        return true;
    case COLUMN_BAD:
        blame_value(g, column, value);
        return true;
    case COLUMN_SYNTAX:
        break;
    }
    return false;
}

/// A name as JSON, and its value. `place`: which column of the line it is.
static COLD bool read_named(struct goflow_reader *g, size_t place)
{
    struct json_rd *r = &g->rd;
    struct json_text name;
    const uint8_t *begin = r->at;
    if (!json_rd_string(r, &name) || !json_rd_blanks(r) || !json_rd_is_at(r, ':')) {
        return false;
    }
    r->at++;
    if (!json_rd_blanks(r)) {
        return false;
    }
    uint8_t plain[NAME_SIZE_MAX];
    const uint8_t *text = name.data;
    size_t size = name.size;
    if (name.escaped && name.size <= sizeof(plain)) {
        size = json_unescape(&name, plain);
        text = plain;
    }
    const struct column_key *column = column_table_find(g->table, text, size);
    if (column == NULL) {
        return read_unknown(g, &name, text, size);
    }
    if (place < REMEMBERED) {
        g->remembered[place] = column;
    }
    return read_known(g, column, begin);
}

static inline uint64_t load_u64(const void *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
    return v;
}

/// Whether `size` bytes are the same. Names are short: a call would cost more than looking.
static inline bool is_same(const uint8_t *a, const char *b, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    if (size < WORD) {
        return memcmp(a, b, size) == 0;
    }
    for (size_t i = 0; i + WORD < size; i += WORD) {
        if (load_u64(a + i) != load_u64(b + i)) {
            return false;
        }
    }
    return load_u64(a + size - WORD) == load_u64(b + size - WORD);
}

/// Neither a blank nor a comment.
static inline bool begins_value(uint8_t c)
{
    return c > ' ' && c != '/';
}

/// The column at `place` of the line: first as in the last line, else by its name.
static inline bool read_column(struct goflow_reader *g, size_t place)
{
    struct json_rd *r = &g->rd;
    const struct column_key *column = place < REMEMBERED ? g->remembered[place] : NULL;
    if (column != NULL && (size_t)(r->end - r->at) > column->key_size &&
        is_same(r->at, column->key, column->key_size) && begins_value(r->at[column->key_size])) {
        const uint8_t *name = r->at;
        r->at += column->key_size;
        return read_known(g, column, name);
    }
    return read_named(g, place);
}

/// Behind a value: a comma and the next name, or the end. False for neither.
static inline bool pass_comma(struct json_rd *r, bool *ret_end)
{
    if (r->end - r->at >= 2 && r->at[0] == ',' && r->at[1] == '"') {
        r->at++;
        return true;
    }
    if (!json_rd_blanks(r) || r->at == r->end) {
        return false;
    }
    uint8_t c = *r->at;
    *ret_end = c == '}';
    if (c != ',' && c != '}') {
        return false;
    }
    r->at++;
    return *ret_end || json_rd_blanks(r);
}

/// All columns, from behind the bracket to the end of the line.
static bool read_columns(struct goflow_reader *g)
{
    struct json_rd *r = &g->rd;
    if (!json_rd_blanks(r)) {
        return false;
    }
    bool end = json_rd_is_at(r, '}');
    r->at += end;
    for (size_t place = 0; !end; place++) {
        if (!read_column(g, place) || !pass_comma(r, &end)) {
            return false;
        }
    }
    return json_rd_blanks(r) && r->at == r->end;
}

// --- One line ------------------------------------------------------------------------------------

static const uint64_t TIMES = FLOW_BIT(FIELD_TIME_FLOW_START_NS) | FLOW_BIT(FIELD_TIME_RECEIVED_NS);

static bool has_time(const struct flow *flow)
{
    return flow->time_flow_start_ns != 0 || flow->time_received_ns != 0;
}

/// What a line that was read as JSON still lacks to be a flow.
static void judge(struct goflow_reader *g)
{
    bool raw = g->has_message && g->has_src;
    bool goflow1 = g->is_goflow1 && !has_time(g->draft.flow);
    if (raw || goflow1) {
        g->reason = LEDGER_LINE_FLOW; // says more than a value that does not fit
    }
    if (raw) {
        blame(g, LEDGER_LINE_RAW,
              "a line of goflow2 -produce raw: run goflow2 with -produce sample (its default)");
    } else if (goflow1) {
        blame(g, LEDGER_LINE_GOFLOW1,
              "a line of goflow or goflow2 version 1: update to goflow2 2.x, which writes "
              "time_flow_start_ns");
    } else if (!has_time(g->draft.flow) && (g->seen & TIMES) != 0) {
        blame(g, LEDGER_LINE_NO_TIME,
              "the time is 0, null or empty: goflow2 writes nanoseconds since 1970 to "
              "time_flow_start_ns and time_received_ns");
    } else if (!has_time(g->draft.flow)) {
        blame(g, LEDGER_LINE_NO_TIME,
              "neither time_flow_start_ns nor time_received_ns: add one of them to "
              "formatter.fields of goflow2's mapping file; is goflow2 running with -produce raw "
              "or another mapping?");
    }
}

static void read_json(struct goflow_reader *g)
{
    struct json_rd *r = &g->rd;
    bool ok = json_rd_blanks(r);
    bool object = ok && json_rd_is_at(r, '{');
    if (object) {
        r->at++;
        ok = read_columns(g);
    } else if (ok && r->at < r->end) {
        ok = json_rd_value(r);
    }
    if (!ok) {
        blame_syntax(g);
    } else if (object) {
        judge(g);
    } else {
        blame(g, LEDGER_LINE_NOT_OBJECT, "not an object such as {\"type\":\"SFLOW_5\",...}");
    }
}

/// The columns that no field stands for go with the flow: names and values in one piece, then the
/// table of them.
static void add_extras(struct goflow_reader *g, struct batch_writer *out)
{
    struct extra_value *values = g->extra_values;
    for (size_t i = 0; i < g->extra_count; i++) {
        const struct extra *e = &g->extras[i];
        values[i].name = batch_writer_add(out, e->name, e->name_size, 1);
        values[i].json = batch_writer_add(out, e->json, e->json_size, 1);
    }
    g->draft.flow->extras = batch_writer_add(out, values, g->extra_count, sizeof(values[0]));
}

static bool is_outside(const struct goflow_reader *g)
{
    const struct flow *flow = g->draft.flow;
    uint64_t ns = flow->time_flow_start_ns != 0 ? flow->time_flow_start_ns : flow->time_received_ns;
    return ns < g->settings.since_ns || (g->settings.until_ns != 0 && ns >= g->settings.until_ns);
}

/// The flow in the draft is done. Returns what became of it.
static enum ledger_entry commit(struct goflow_reader *g, const struct line *line,
                                struct batch_writer *out)
{
    if (is_outside(g)) {
        draft_abandon(&g->draft);
        return LEDGER_LINE_OUTSIDE;
    }
    if (g->extra_count > 0) {
        add_extras(g, out);
    }
    if (g->settings.keep_original) {
        g->draft.flow->original = batch_writer_add(out, line->data, line->size, 1);
    }
    enum ledger_entry unused;
    if (draft_commit(&g->draft, &unused)) {
        ledger_count(g->ledger, LEDGER_FLOWS, 1);
        return LEDGER_LINE_FLOW;
    }
    blame(g, LEDGER_LINE_TOO_LARGE, "more columns or longer lists than a record can hold");
    return LEDGER_LINE_TOO_LARGE;
}

/// A record that says what is wrong with the line, with its addresses if they could be read.
static void add_error(struct goflow_reader *g, const struct line *line, const struct addr *src,
                      const struct addr *dst, struct batch_writer *out)
{
    struct flow *flow = batch_writer_begin(out);
    flow->kind = RECORD_ERROR;
    flow->index = (uint32_t)g->reason;
    flow->src_addr = *src;
    flow->dst_addr = *dst;
    flow->time_received_ns = line->read_ns;
    flow->original = batch_writer_add(out, line->data, line->size, 1);
    flow->body = batch_writer_add(out, g->words, strlen(g->words), 1);
    CHECK(batch_writer_commit(out)); // a line takes less than half the arena
    ledger_count(g->ledger, LEDGER_FLOWS, 1);
}

static void begin(struct goflow_reader *g, const struct line *line, struct batch_writer *out)
{
    g->rd =
        (struct json_rd){ .begin = line->data, .at = line->data, .end = line->data + line->size };
    g->seen = 0;
    memset(g->seen_customs, 0, sizeof(g->seen_customs));
    g->extra_count = 0;
    g->has_message = false;
    g->has_src = false;
    g->is_goflow1 = false;
    g->reason = LEDGER_LINE_FLOW;
    (void)draft_begin(&g->draft, out); // filled through the draft
}

static enum ledger_entry read_record(struct goflow_reader *g, const struct line *line,
                                     struct batch_writer *out)
{
    enum ledger_entry outcome;
    batch_writer_line(out, line);
    ledger_count(g->ledger, LEDGER_LINES, 1);
    if (line->size == 0) {
        ledger_count(g->ledger, LEDGER_LINE_EMPTY, 1);
        return LEDGER_LINE_EMPTY;
    }
    begin(g, line, out);
    if (line->cut) {
        blame(g, LEDGER_LINE_TOO_LONG,
              "the line is longer than may be; its first %zu bytes are kept", line->size);
    } else {
        read_json(g);
    }
    struct addr src = { 0 };
    struct addr dst = { 0 };
    if (g->reason == LEDGER_LINE_FLOW) {
        outcome = commit(g, line, out);
    } else {
        src = g->draft.flow->src_addr;
        dst = g->draft.flow->dst_addr;
        draft_abandon(&g->draft);
        outcome = g->reason;
    }
    if (g->reason != LEDGER_LINE_FLOW) {
        add_error(g, line, &src, &dst, out);
    }
    ledger_count(g->ledger, outcome, 1);
    return outcome;
}

/// How much of the line is its first record: all of it, unless an object is followed by another. A
/// record rarely has a bracket before its last one, so that it is rarely read twice.
static size_t first_record_size(const struct line *line)
{
    const uint8_t *bracket = memchr(line->data, '}', line->size);
    if (bracket == NULL || bracket + 1 == line->data + line->size || line->data[0] != '{') {
        return line->size;
    }
    struct json_rd r = { .begin = line->data, .at = line->data, .end = line->data + line->size };
    return json_rd_value(&r) && json_rd_is_at(&r, '{') ? (size_t)(r.at - r.begin) : line->size;
}

enum ledger_entry goflow_read(struct goflow_reader *g, const struct line *line,
                              struct batch_writer *out)
{
    enum ledger_entry outcome = LEDGER_LINE_FLOW;
    bool whole = line->size == 0 || line->cut || g->settings.one_record;
    struct line rest = *line;
    do {
        struct line record = rest;
        record.size = whole ? rest.size : first_record_size(&rest);
        rest.data += record.size;
        rest.size -= record.size;
        rest.offset += record.size;
        record.end = rest.size == 0 ? line->end : rest.offset;
        enum ledger_entry one = read_record(g, &record, out);
        outcome = one == LEDGER_LINE_FLOW ? outcome : one;
    } while (rest.size > 0);
    return outcome;
}
