// SPDX-License-Identifier: Apache-2.0
/*
 * Most values are what goflow2 writes: bare digits, or a short string without escapes. Those take
 * the first branch of each reader; whatever else stands there is passed over as JSON first and then
 * looked at again: digits between quotes, null and "" (absent), escapes.
 *
 * There are few names of types, ethertypes and protocols in a log: those of up to eight bytes are
 * remembered as one number with what they stand for.
 *
 * A value that is read back is the one that was written: what `json` prints of a flow gives the
 * same flow. What goflow2's renderers have made unrecognisable (a custom column as a MAC, say) is
 * kept as it stands in the line.
 */
#include "decode/goflow_column.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "flow/names.h"

enum {
    PLACES = 2048,       ///< a power of two, more than twice the names there can be
    TEXT_SIZE_MAX = 256, ///< of strings that have a meaning
    MAC_TEXT_SIZE = 17,
    KNOWN_NAMES_BITS = 5,
    KNOWN_NAMES = 1 << KNOWN_NAMES_BITS, ///< remembered of each kind
};
_Static_assert(PLACES > 2 * (MAPPING_COLUMNS_MAX + FIELD_COUNT), "the index has free places");

/// A name of up to eight bytes as a number, and the number that it stands for.
struct known_name {
    uint64_t word; ///< 0: none
    uint32_t number;
};

struct column_table {
    const struct mapping *mapping;
    size_t count;
    struct column_key keys[MAPPING_COLUMNS_MAX + FIELD_COUNT];
    uint16_t places[PLACES]; ///< index in keys plus 1; 0 is free
    struct known_name types[KNOWN_NAMES];
    struct known_name etypes[KNOWN_NAMES];
    struct known_name protos[KNOWN_NAMES];
};

// --- The table -----------------------------------------------------------------------------------

static size_t place_of(const uint8_t *name, size_t size)
{
    return hash64(name, size) & (PLACES - 1);
}

static bool is_named(const struct column_key *key, const uint8_t *name, size_t size)
{
    return key->key_size == size + 3 && memcmp(key->key + 1, name, size) == 0;
}

const struct column_key *column_table_find(const struct column_table *t, const uint8_t *name,
                                           size_t size)
{
    for (size_t at = place_of(name, size); t->places[at] != 0; at = (at + 1) & (PLACES - 1)) {
        const struct column_key *key = &t->keys[t->places[at] - 1];
        if (is_named(key, name, size)) {
            return key;
        }
    }
    return NULL;
}

static enum column_read read_of(enum field field)
{
    switch (field) {
    case FIELD_TYPE:
        return COLUMN_READ_TYPE;
    case FIELD_ETYPE:
        return COLUMN_READ_ETYPE;
    case FIELD_PROTO:
        return COLUMN_READ_PROTO;
    case FIELD_SRC_MAC:
    case FIELD_DST_MAC:
        return COLUMN_READ_MAC;
    case FIELD_SRC_NET:
    case FIELD_DST_NET:
        return COLUMN_READ_PREFIX;
    case FIELD_TIME_RECEIVED_NS:
    case FIELD_TIME_FLOW_START_NS:
    case FIELD_TIME_FLOW_END_NS:
        return COLUMN_READ_TIME;
    default:
        break;
    }
    switch (FIELDS[field].kind) {
    case FIELD_KIND_ADDR:
        return COLUMN_READ_ADDR;
    case FIELD_KIND_U32S:
    case FIELD_KIND_ADDRS:
    case FIELD_KIND_LAYERS:
        return COLUMN_READ_LIST;
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
    case FIELD_KIND_U64:
        break;
    }
    return COLUMN_READ_NUMBER;
}

static struct column_key field_key(enum field field)
{
    return (struct column_key){ .read = read_of(field),
                                .index = (uint16_t)field,
                                .wide = FIELDS[field].kind == FIELD_KIND_U64,
                                .offset = (uint32_t)FIELDS[field].offset };
}

/// Adds a name unless there is one like it.
static int add(struct column_table *t, const char *name, struct column_key values)
{
    size_t size = strlen(name);
    if (column_table_find(t, (const uint8_t *)name, size) != NULL) {
        return 0;
    }
    char *key = mem_zalloc(size + 4);
    if (key == NULL) {
        return ERR_NO_MEMORY;
    }
    (void)snprintf(key, size + 4, "\"%s\":", name); // fits
    values.key = key;
    values.key_size = size + 3;
    t->keys[t->count++] = values;
    size_t at = place_of((const uint8_t *)name, size);
    while (t->places[at] != 0) {
        at = (at + 1) & (PLACES - 1);
    }
    t->places[at] = (uint16_t)t->count;
    return 0;
}

int column_table_new(const struct mapping *mapping, struct column_table **ret_table)
{
    struct column_table *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return ERR_NO_MEMORY;
    }
    t->mapping = mapping;
    int status = 0;
    for (size_t i = 0; status == 0 && i < mapping->column_count; i++) {
        const struct column *c = &mapping->columns[i];
        if (c->source == COLUMN_VIRTUAL) {
            continue;
        }
        bool custom = c->source == COLUMN_CUSTOM;
        status = add(t, c->name,
                     custom ? (struct column_key){ .read = COLUMN_READ_CUSTOM,
                                                   .renderer = c->renderer,
                                                   .index = c->index }
                            : field_key((enum field)c->index));
    }
    for (enum field f = 0; status == 0 && f < FIELD_COUNT; f++) {
        status = add(t, FIELDS[f].json_name, field_key(f));
    }
    if (status != 0) {
        column_table_free(t);
        return status;
    }
    *ret_table = t;
    return 0;
}

void column_table_free(struct column_table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->keys[i].key);
    }
    mem_free(t);
}

// --- Values of fields ----------------------------------------------------------------------------

/// A value that was passed over: what stands in the line, and of a string what it says.
struct value {
    const uint8_t *data;
    size_t size;
    bool is_string;
    bool is_empty;                ///< null or ""
    struct json_text text;        ///< of a string
    uint8_t plain[TEXT_SIZE_MAX]; ///< of a string, without escapes
    size_t plain_size;            ///< 0 also when it does not fit
};

static bool take_value(struct json_rd *r, struct value *v)
{
    const uint8_t *begin = r->at;
    v->is_string = json_rd_is_at(r, '"');
    if (v->is_string ? !json_rd_string(r, &v->text) : !json_rd_value(r)) {
        return false;
    }
    v->data = begin;
    v->size = (size_t)(r->at - begin);
    v->plain_size = 0;
    if (v->is_string && v->text.size <= sizeof(v->plain)) {
        v->plain_size = json_unescape(&v->text, v->plain);
    }
    v->is_empty =
        (v->is_string && v->text.size == 0) || (v->size == 4 && memcmp(begin, "null", 4) == 0);
    return true;
}

static inline void set_number(struct draft *d, const struct column_key *column, uint64_t number)
{
    uint8_t *at = (uint8_t *)d->flow + column->offset;
    uint32_t number32 = (uint32_t)number;
    if (column->wide) {
        memcpy(at, &number, sizeof(number));
    } else {
        memcpy(at, &number32, sizeof(number32));
    }
    draft_mark(d, FLOW_BIT(column->index));
}

static inline void set_addr(struct draft *d, const struct column_key *column,
                            const struct addr *address)
{
    memcpy((uint8_t *)d->flow + column->offset, address, sizeof(*address));
    draft_mark(d, FLOW_BIT(column->index));
}

/// Digits and nothing else up to the comma or bracket: a number, read in one pass. False: something
/// else stands there, and the reader has not moved.
static inline bool fast_number(struct json_rd *r, uint64_t *ret_number)
{
    const uint8_t *at = num_scan(r->at, r->end, ret_number);
    if (at == NULL || at == r->at || at == r->end || (*at != ',' && *at != '}') ||
        (*r->at == '0' && at - r->at > 1)) {
        return false;
    }
    r->at = at;
    return true;
}

/// The number that a value says, in digits or as a string of digits.
static bool number_of_value(const struct value *v, uint64_t max, uint64_t *ret_number)
{
    const uint8_t *data = v->is_string ? v->plain : v->data;
    size_t size = v->is_string ? v->plain_size : v->size;
    return num_get_u64((const char *)data, size, max, ret_number) == 0;
}

/// A number that does not stand there in bare digits.
static COLD enum column_verdict read_odd_number(const struct column_key *column, struct json_rd *r,
                                                struct draft *d)
{
    struct value v;
    uint64_t number;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty) {
        return COLUMN_TAKEN;
    }
    if (!number_of_value(&v, column->wide ? UINT64_MAX : UINT32_MAX, &number)) {
        return COLUMN_BAD;
    }
    set_number(d, column, number);
    return COLUMN_TAKEN;
}

static inline enum column_verdict read_number(const struct column_key *column, struct json_rd *r,
                                              struct draft *d)
{
    const uint8_t *begin = r->at;
    uint64_t number;
    if (fast_number(r, &number) && (column->wide || number <= UINT32_MAX)) {
        set_number(d, column, number);
        return COLUMN_TAKEN;
    }
    r->at = begin;
    return read_odd_number(column, r, d);
}

/// RFC 3339 in UTC, as goflow2's renderers write it.
static bool parse_time(const struct value *v, uint64_t *ret_ns)
{
    char text[TEXT_SIZE_MAX + 1];
    memcpy(text, v->plain, v->plain_size);
    text[v->plain_size] = '\0';
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == NULL || tm.tm_year < 70) {
        return false;
    }
    uint64_t fraction = 0;
    if (*rest == '.') {
        rest++;
        for (uint64_t unit = NS_PER_S / 10; (unsigned)(*rest - '0') <= 9; unit /= 10) {
            fraction += (uint64_t)(*rest++ - '0') * unit;
        }
    }
    if (strcmp(rest, "Z") != 0) {
        return false;
    }
    uint64_t seconds = (uint64_t)timegm(&tm); // not before 1970
    *ret_ns = seconds * NS_PER_S + fraction;
    return seconds < UINT64_MAX / NS_PER_S;
}

static COLD enum column_verdict read_odd_time(const struct column_key *column, struct json_rd *r,
                                              struct draft *d)
{
    uint64_t ns;
    struct value v;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty) {
        return COLUMN_TAKEN;
    }
    if (!number_of_value(&v, UINT64_MAX, &ns) && !(v.is_string && parse_time(&v, &ns))) {
        return COLUMN_BAD;
    }
    set_number(d, column, ns);
    return COLUMN_TAKEN;
}

static inline enum column_verdict read_time(const struct column_key *column, struct json_rd *r,
                                            struct draft *d)
{
    uint64_t ns;
    if (fast_number(r, &ns)) {
        set_number(d, column, ns);
        return COLUMN_TAKEN;
    }
    return read_odd_time(column, r, d);
}

/// An address as text, or the digits that goflow2 prints of one without a renderer.
static bool parse_addr(const uint8_t *text, size_t size, struct addr *ret_address)
{
    if (addr_get(text, size, ret_address) == 0) {
        return true;
    }
    uint8_t bytes[ADDR_V6_SIZE];
    if (size != 2U * ADDR_V4_SIZE && size != 2U * ADDR_V6_SIZE) {
        return false;
    }
    for (size_t i = 0; i < size; i += 2) {
        int high = num_hex_digit(text[i]);
        int low = num_hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    *ret_address = size == 2U * ADDR_V4_SIZE ? addr_v4(bytes) : addr_v6(bytes);
    return true;
}

static COLD enum column_verdict read_odd_addr(const struct column_key *column, struct json_rd *r,
                                              struct draft *d)
{
    struct addr address;
    struct value v;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty) {
        return COLUMN_TAKEN;
    }
    if (!v.is_string || !parse_addr(v.plain, v.plain_size, &address)) {
        return COLUMN_BAD;
    }
    set_addr(d, column, &address);
    return COLUMN_TAKEN;
}

static inline enum column_verdict read_addr(const struct column_key *column, struct json_rd *r,
                                            struct draft *d)
{
    struct addr address;
    if (json_rd_is_at(r, '"')) {
        const uint8_t *end = addr_scan(r->at + 1, r->end, &address);
        if (end != NULL && end < r->end && *end == '"') {
            r->at = end + 1;
            set_addr(d, column, &address);
            return COLUMN_TAKEN;
        }
    }
    return read_odd_addr(column, r, d);
}

/// A text that stands for no number: kept beside the field.
static struct span keep_text(struct draft *d, const struct value *v)
{
    return batch_writer_add(d->out, v->plain, v->plain_size, 1);
}

static struct known_name *known_name(struct column_table *t, enum column_read read, uint64_t word)
{
    struct known_name *names = read == COLUMN_READ_PROTO   ? t->protos
                               : read == COLUMN_READ_ETYPE ? t->etypes
                                                           : t->types;
    return &names[word * UINT64_C(0x9e3779b97f4a7c15) >> (64 - KNOWN_NAMES_BITS)];
}

/// A string of one to eight plain bytes at the reader, as a number; 0 for anything else.
/// *ret_end is behind its quote.
static inline uint64_t short_text(const struct json_rd *r, const uint8_t **ret_end)
{
    const uint8_t *at = r->at;
    uint64_t word = 0;
    if (r->end - at < 10 || *at != '"') { // the last column ends the line: not worth the care
        return 0;
    }
    for (size_t i = 1; i < 10; i++) {
        uint8_t c = at[i];
        if (c == '"') {
            *ret_end = at + i + 1;
            return word;
        }
        if (c == '\\' || c < ' ') {
            break;
        }
        word = word << 8 | c;
    }
    return 0;
}

/// The number that a name stands for; -1 for none.
static int number_by_name(enum column_read read, const struct value *v)
{
    const char *name = (const char *)v->plain;
    return read == COLUMN_READ_PROTO   ? proto_by_name(name, v->plain_size)
           : read == COLUMN_READ_ETYPE ? etype_by_name(name, v->plain_size)
                                       : flow_type_by_text(name, v->plain_size);
}

/// A name that is not remembered, or a number.
static COLD enum column_verdict read_new_name(struct column_table *t,
                                              const struct column_key *column, struct json_rd *r,
                                              struct draft *d, uint64_t word)
{
    struct value v;
    uint64_t number;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty) {
        return COLUMN_TAKEN;
    }
    if (number_of_value(&v, UINT32_MAX, &number)) {
        set_number(d, column, number);
        return COLUMN_TAKEN;
    }
    if (!v.is_string || v.plain_size == 0) {
        return COLUMN_BAD;
    }
    int known = number_by_name(column->read, &v);
    if (known >= 0) {
        set_number(d, column, (uint64_t)known);
        if (word != 0) {
            *known_name(t, column->read, word) =
                (struct known_name){ .word = word, .number = (uint32_t)known };
        }
        return COLUMN_TAKEN;
    }
    struct span *text = column->read == COLUMN_READ_PROTO   ? &d->flow->proto_text
                        : column->read == COLUMN_READ_ETYPE ? &d->flow->etype_text
                                                            : &d->flow->type_text;
    *text = keep_text(d, &v);
    return COLUMN_TAKEN;
}

static enum column_verdict read_name(struct column_table *t, const struct column_key *column,
                                     struct json_rd *r, struct draft *d)
{
    const uint8_t *end;
    uint64_t word = short_text(r, &end);
    if (word != 0) {
        const struct known_name *known = known_name(t, column->read, word);
        if (known->word == word) {
            set_number(d, column, known->number);
            r->at = end;
            return COLUMN_TAKEN;
        }
    }
    return read_new_name(t, column, r, d, word);
}

/// aa:bb:cc:dd:ee:ff
static bool parse_mac(const uint8_t *text, size_t size, uint64_t *ret_mac)
{
    if (size != MAC_TEXT_SIZE) {
        return false;
    }
    uint64_t mac = 0;
    for (size_t i = 0; i < MAC_TEXT_SIZE; i += 3) {
        int high = num_hex_digit(text[i]);
        int low = num_hex_digit(text[i + 1]);
        bool colon = i + 2 == MAC_TEXT_SIZE || text[i + 2] == ':';
        if (high < 0 || low < 0 || !colon) {
            return false;
        }
        mac = mac << 8 | (uint64_t)(high << 4 | low);
    }
    *ret_mac = mac;
    return true;
}

static COLD enum column_verdict read_mac(const struct column_key *column, struct json_rd *r,
                                         struct draft *d)
{
    struct value v;
    uint64_t mac;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty) {
        return COLUMN_TAKEN;
    }
    if (!number_of_value(&v, UINT64_MAX, &mac) && !parse_mac(v.plain, v.plain_size, &mac)) {
        return COLUMN_BAD;
    }
    set_number(d, column, mac);
    return COLUMN_TAKEN;
}

static COLD enum column_verdict read_prefix(const struct column_key *column, struct json_rd *r,
                                            struct draft *d)
{
    static const char INVALID[] = "invalid Prefix";
    struct value v;
    uint64_t prefix;
    if (!take_value(r, &v)) {
        return COLUMN_SYNTAX;
    }
    if (v.is_empty ||
        (v.plain_size == strlen(INVALID) && memcmp(v.plain, INVALID, v.plain_size) == 0)) {
        return COLUMN_TAKEN;
    }
    const uint8_t *slash = memchr(v.plain, '/', v.plain_size);
    size_t size = slash == NULL ? 0 : (size_t)(v.plain + v.plain_size - slash) - 1;
    bool is_length = slash != NULL &&
                     num_get_u64((const char *)slash + 1, size, 8U * ADDR_V6_SIZE, &prefix) == 0;
    if (!is_length && !number_of_value(&v, UINT32_MAX, &prefix)) {
        return COLUMN_BAD;
    }
    set_number(d, column, prefix);
    return COLUMN_TAKEN;
}

// --- Lists and custom columns --------------------------------------------------------------------

typedef enum column_verdict element_fn(struct draft *d, const struct column_table *t,
                                       const struct column_key *column, const struct value *v);

/// Calls `each` for the elements of an array; a value that is none is an array of one.
static COLD enum column_verdict read_elements(const struct column_table *t,
                                              const struct column_key *column, struct json_rd *r,
                                              struct draft *d, element_fn *each)
{
    struct value v;
    enum column_verdict verdict = COLUMN_TAKEN;
    if (!json_rd_is_at(r, '[')) {
        return take_value(r, &v) ? (v.is_empty ? COLUMN_TAKEN : each(d, t, column, &v))
                                 : COLUMN_SYNTAX;
    }
    r->at++;
    if (!json_rd_blanks(r)) {
        return COLUMN_SYNTAX;
    }
    if (json_rd_is_at(r, ']')) {
        r->at++;
        return COLUMN_TAKEN;
    }
    while (true) {
        if (!take_value(r, &v) || !json_rd_blanks(r) || r->at == r->end) {
            return COLUMN_SYNTAX;
        }
        enum column_verdict one = each(d, t, column, &v);
        verdict = one == COLUMN_TAKEN ? verdict : one;
        uint8_t c = *r->at++;
        if (c == ']') {
            return verdict;
        }
        if (c != ',' || !json_rd_blanks(r)) {
            return COLUMN_SYNTAX;
        }
    }
}

static enum column_verdict take_layer(struct draft *d, const struct value *v)
{
    uint64_t number;
    int known = layer_by_text((const char *)v->plain, v->plain_size);
    if (known < 0 && !number_of_value(v, UINT32_MAX, &number)) {
        return COLUMN_EXTRA;
    }
    draft_push(d, &d->layer_stack, known >= 0 ? (uint32_t)known : (uint32_t)number);
    return COLUMN_TAKEN;
}

static enum column_verdict take_list_element(struct draft *d, const struct column_table *t,
                                             const struct column_key *column, const struct value *v)
{
    (void)t;
    enum field field = (enum field)column->index;
    draft_mark(d, FLOW_BIT(field));
    if (FIELDS[field].kind == FIELD_KIND_LAYERS) {
        return take_layer(d, v);
    }
    if (FIELDS[field].kind == FIELD_KIND_U32S) {
        uint64_t number;
        if (!number_of_value(v, UINT32_MAX, &number)) {
            return COLUMN_BAD;
        }
        draft_push(d, draft_list(d, field), (uint32_t)number);
        return COLUMN_TAKEN;
    }
    struct addr address = { 0 };
    if (!v->is_string || (v->plain_size > 0 && !parse_addr(v->plain, v->plain_size, &address))) {
        return COLUMN_BAD;
    }
    draft_push_addr(d, field == FIELD_MPLS_IP ? &d->mpls_ip : &d->routing_addresses, address);
    return COLUMN_TAKEN;
}

/// Of a list with a layer that has no number nothing is taken: the column is kept as it stands.
static enum column_verdict read_list(const struct column_table *t, const struct column_key *column,
                                     struct json_rd *r, struct draft *d)
{
    uint64_t present = d->flow->present;
    size_t layers = d->layer_stack.count;
    enum column_verdict verdict = read_elements(t, column, r, d, take_list_element);
    if (verdict == COLUMN_EXTRA) {
        DCHECK(column->index == FIELD_LAYER_STACK);
        d->layer_stack.count = layers;
        d->flow->present = present;
    }
    return verdict;
}

/// Hexadecimal digits as goflow2 prints bytes. Returns their number; 0 when it is no such text.
static size_t parse_hex(const struct value *v, uint8_t out[static TEXT_SIZE_MAX / 2])
{
    size_t size = v->plain_size / 2;
    for (size_t i = 0; i < size; i++) {
        int high = num_hex_digit(v->plain[2 * i]);
        int low = num_hex_digit(v->plain[2 * i + 1]);
        if (high < 0 || low < 0) {
            return 0;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return v->plain_size % 2 == 0 ? size : 0;
}

/// A custom column's value as its protobuf type has it, where its renderer lets that be seen.
static enum column_verdict take_custom(struct draft *d, const struct column_table *t,
                                       const struct column_key *column, const struct value *v)
{
    const struct custom *custom = &t->mapping->customs[column->index];
    if (custom->type == CUSTOM_VARINT) {
        uint64_t number;
        if (column->renderer != RENDER_NONE || v->is_string ||
            !number_of_value(v, UINT64_MAX, &number)) {
            return COLUMN_EXTRA;
        }
        draft_push_custom(d, custom, column->index, NULL, 0, number);
        return COLUMN_TAKEN;
    }
    uint8_t bytes[TEXT_SIZE_MAX / 2];
    struct addr address;
    if (column->renderer == RENDER_STRING && v->is_string && v->plain_size > 0) {
        draft_push_custom(d, custom, column->index, v->plain, v->plain_size, 0);
    } else if (column->renderer == RENDER_NONE && v->is_string && parse_hex(v, bytes) > 0) {
        draft_push_custom(d, custom, column->index, bytes, v->plain_size / 2, 0);
    } else if (column->renderer == RENDER_IP && v->is_string &&
               addr_get(v->plain, v->plain_size, &address) == 0) {
        draft_push_custom(d, custom, column->index, address.bytes, address.size, 0);
    } else {
        return COLUMN_EXTRA;
    }
    return COLUMN_TAKEN;
}

/// All of a column's elements, or, when one must be kept as it is, none.
static COLD enum column_verdict read_custom(const struct column_table *t,
                                            const struct column_key *column, struct json_rd *r,
                                            struct draft *d)
{
    size_t count = d->custom_count;
    size_t bytes = d->custom_bytes_size;
    enum column_verdict verdict = read_elements(t, column, r, d, take_custom);
    if (verdict != COLUMN_TAKEN) {
        d->custom_count = count;
        d->custom_bytes_size = bytes;
    }
    return verdict;
}

enum column_verdict column_read_value(struct column_table *t, const struct column_key *column,
                                      struct json_rd *r, struct draft *d)
{
    switch (column->read) {
    case COLUMN_READ_NUMBER:
        return read_number(column, r, d);
    case COLUMN_READ_TIME:
        return read_time(column, r, d);
    case COLUMN_READ_TYPE:
    case COLUMN_READ_ETYPE:
    case COLUMN_READ_PROTO:
        return read_name(t, column, r, d);
    case COLUMN_READ_ADDR:
        return read_addr(column, r, d);
    case COLUMN_READ_MAC:
        return read_mac(column, r, d);
    case COLUMN_READ_PREFIX:
        return read_prefix(column, r, d);
    case COLUMN_READ_LIST:
        return read_list(t, column, r, d);
    case COLUMN_READ_CUSTOM:
        break;
    }
    return read_custom(t, column, r, d);
}
