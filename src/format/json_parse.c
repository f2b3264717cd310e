// SPDX-License-Identifier: Apache-2.0
/*
 * One pass, no recursion: open containers are on a stack, and between two values next_place() eats
 * closers, the comma and the next name.
 *
 * Names that occur twice must be found in objects of any size at a cost that no line can drive up.
 * Most objects have a dozen names: a mask of 64 bits says of nearly all of them that they are new.
 * Past SCAN_MAX names an object gets a hash table, seeded so that nobody can write names that fall
 * together.
 */
#include "format/json_parse.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/utf8.h"

enum {
    DIGITS_MAX = 1000,                ///< Jackson's limit
    NAME_UNITS_MAX = 50000,           ///< Jackson's limit, in UTF-16
    NUMBER_SIZE_MAX = DIGITS_MAX + 8, ///< with signs, dot and e
    SCAN_MAX = 32,
    TABLE_SIZE_MIN = 4 * SCAN_MAX,
    /// Slots for each byte of text: a member takes six bytes or more, and of slots in the last
    /// table up to eight, in those that were outgrown before it a third of that.
    TABLE_SLOTS_PER_BYTE = 2,
};

struct open {
    struct json_node *node;
    uint64_t seen; ///< a bit for each hash of a name, by its high bits
    struct json_node **table;
    size_t table_size; ///< a power of two; 0 is no table
};

struct json_parser {
    struct json_tree *tree;
    const uint8_t *at;
    const uint8_t *end;
    const char *reason; ///< why the text is refused
    struct json_slice key;
    uint32_t key_hash;
    size_t depth;
    uint64_t seed;
    struct json_node **slots;
    size_t slot_count;
    size_t slot_max;
    struct open open[JSON_DEPTH_MAX];
};

int json_parser_new(size_t size_max, struct json_parser **ret_parser)
{
    struct json_parser *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    p->slot_max = size_max * TABLE_SLOTS_PER_BYTE + TABLE_SIZE_MIN;
    p->slots = mem_map(p->slot_max * sizeof(*p->slots));
    if (p->slots == NULL) {
        json_parser_free(p);
        return ERR_NO_MEMORY;
    }
    if (getrandom(&p->seed, sizeof(p->seed), GRND_NONBLOCK) != (ssize_t)sizeof(p->seed)) {
        p->seed = (uint64_t)(uintptr_t)p; // early in boot: hard to guess at least
    }
    *ret_parser = p;
    return 0;
}

void json_parser_free(struct json_parser *p)
{
    if (p != NULL) {
        if (p->slots != NULL) {
            mem_unmap(p->slots, p->slot_max * sizeof(*p->slots));
        }
        mem_free(p);
    }
}

static bool refuse(struct json_parser *p, const char *reason)
{
    p->reason = reason;
    return false;
}

static bool at_byte(const struct json_parser *p, uint8_t byte)
{
    return p->at < p->end && *p->at == byte;
}

static bool at_digit(const struct json_parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

// --- Between values ----------------------------------------------------------------------------

/// At a slash.
static bool skip_comment(struct json_parser *p)
{
    const uint8_t *at = p->at + 1;
    if (at < p->end && *at == '/') {
        while (at < p->end && *at != '\n' && *at != '\r') {
            at++;
        }
        p->at = at;
        return true;
    }
    if (at == p->end || *at != '*') {
        return refuse(p, "Unexpected character ('/'): maybe a (non-standard) comment?");
    }
    for (at++; p->end - at >= 2; at++) {
        if (at[0] == '*' && at[1] == '/') {
            p->at = at + 2;
            return true;
        }
    }
    p->at = p->end;
    return refuse(p, "Unexpected end-of-input in a comment");
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool skip_space(struct json_parser *p)
{
    while (p->at < p->end) {
        if (*p->at == '/') {
            if (!skip_comment(p)) {
                return false;
            }
        } else if (is_space(*p->at)) {
            p->at++;
        } else {
            return true;
        }
    }
    return true;
}

// --- Names -------------------------------------------------------------------------------------

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint32_t hash_of(const struct json_parser *p, struct json_slice text)
{
    enum { WORD = sizeof(uint64_t), HALF = sizeof(uint32_t) };
    uint64_t hash = p->seed + text.size;
    uint64_t word = 0;
    uint32_t halves[2] = { 0, 0 };
    for (size_t i = 0; i + WORD < text.size; i += WORD) {
        memcpy(&word, text.data + i, WORD);
        hash = mix(hash, word);
    }
    if (text.size >= WORD) {
        memcpy(&word, text.data + text.size - WORD, WORD); // some bytes twice
    } else if (text.size >= HALF) {
        memcpy(&halves[0], text.data, HALF);
        memcpy(&halves[1], text.data + text.size - HALF, HALF);
        word = (uint64_t)halves[0] << 32 | halves[1];
    } else if (text.size > 0) {
        word = (uint64_t)text.data[0] << 16 | (uint64_t)text.data[text.size / 2] << 8 |
               text.data[text.size - 1];
    }
    hash = mix(hash, word);
    return (uint32_t)(hash >> 32 ^ hash);
}

static bool table_has(const struct open *o, struct json_slice key, uint32_t hash)
{
    for (size_t i = hash & (o->table_size - 1);; i = (i + 1) & (o->table_size - 1)) {
        const struct json_node *n = o->table[i];
        if (n == NULL) {
            return false;
        }
        if (n->key_hash == hash && json_slice_is(json_slice(n->key, n->key_size), key)) {
            return true;
        }
    }
}

static void table_add(struct open *o, struct json_node *n)
{
    size_t i = n->key_hash & (o->table_size - 1);
    while (o->table[i] != NULL) {
        i = (i + 1) & (o->table_size - 1);
    }
    o->table[i] = n;
}

/// A table four times as large, or the first.
static bool table_grow(struct json_parser *p, struct open *o)
{
    size_t size = o->table_size == 0 ? TABLE_SIZE_MIN : 4 * o->table_size;
    if (size > p->slot_max - p->slot_count) {
        return refuse(p, "too many names");
    }
    o->table = p->slots + p->slot_count;
    o->table_size = size;
    p->slot_count += size;
    memset(o->table, 0, size * sizeof(struct json_node *));
    for (struct json_node *n = o->node->value.members.first; n != NULL; n = n->next) {
        table_add(o, n);
    }
    return true;
}

/// Whether the name just read is in the object already.
static bool is_twice(const struct json_parser *p, const struct open *o)
{
    if ((o->seen >> (p->key_hash >> 26) & 1) == 0) {
        return false;
    }
    if (o->table_size > 0) {
        return table_has(o, p->key, p->key_hash);
    }
    for (const struct json_node *n = o->node->value.members.first; n != NULL; n = n->next) {
        if (n->key_hash == p->key_hash && json_slice_is(json_slice(n->key, n->key_size), p->key)) {
            return true;
        }
    }
    return false;
}

/// Puts a value where the parser is: at the root nowhere, in a list or map at its end.
static bool attach(struct json_parser *p, struct json_node *n)
{
    if (p->depth == 0) {
        return true;
    }
    struct open *o = &p->open[p->depth - 1];
    if (o->node->kind == JSON_MAP) {
        n->key = p->key.data;
        n->key_size = (uint32_t)p->key.size;
        n->key_hash = p->key_hash;
        o->seen |= UINT64_C(1) << (p->key_hash >> 26);
    }
    json_push(o->node, n);
    if (o->node->kind == JSON_LIST || o->node->size <= SCAN_MAX) {
        return true;
    }
    if (o->node->size > o->table_size / 2) {
        return table_grow(p, o);
    }
    table_add(o, n);
    return true;
}

// --- Strings -----------------------------------------------------------------------------------

/// To where a string ends or has something that needs a look.
static void skip_plain(struct json_parser *p)
{
    const uint8_t *at = p->at;
    uint64_t word;
    while ((size_t)(p->end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        uint64_t special = json_special(word);
        if (special != 0) {
            at += json_plain_size(special);
            break;
        }
        at += sizeof(word);
    }
    while (at < p->end && *at >= 0x20 && *at != '"' && *at != '\\') {
        at++;
    }
    p->at = at;
}

static bool get_hex4(struct json_parser *p, uint32_t *ret_code)
{
    uint32_t code = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        uint8_t c = p->at < p->end ? *p->at : 0;
        uint8_t lower = c | 0x20;
        if (c >= '0' && c <= '9') {
            code = code << 4 | (c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            code = code << 4 | (lower - 'a' + 10U);
        } else {
            return refuse(p, "expected a hex-digit for character escape sequence");
        }
    }
    *ret_code = code;
    return true;
}

static uint8_t *put_code(uint8_t *at, uint32_t code)
{
    if (code < 0x80) {
        *at++ = (uint8_t)code;
    } else if (code < 0x800) {
        *at++ = (uint8_t)(0xc0 | code >> 6);
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        if (code < 0x10000) {
            *at++ = (uint8_t)(0xe0 | code >> 12);
        } else {
            *at++ = (uint8_t)(0xf0 | code >> 18);
            *at++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        }
        *at++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    }
    return at;
}

/// Behind "\u". Two escapes that are a surrogate pair are one character; one alone stays alone.
static bool get_unicode(struct json_parser *p, uint32_t *ret_code)
{
    uint32_t code;
    uint32_t low;
    if (!get_hex4(p, &code)) {
        return false;
    }
    bool high = code >= 0xd800 && code < 0xdc00;
    if (high && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u') {
        const uint8_t *back = p->at;
        p->at += 2;
        if (!get_hex4(p, &low)) {
            return false;
        }
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        } else {
            p->at = back;
        }
    }
    *ret_code = code;
    return true;
}

/// At a backslash.
static bool get_escape(struct json_parser *p, uint32_t *ret_code)
{
    static const char SHORT[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    p->at++;
    if (at_byte(p, 'u')) {
        p->at++;
        return get_unicode(p, ret_code);
    }
    for (const char *s = SHORT; *s != '\0'; s += 2) {
        if (at_byte(p, (uint8_t)s[0])) {
            p->at++;
            *ret_code = (uint8_t)s[1];
            return true;
        }
    }
    return refuse(p, "Unrecognized character escape");
}

/// The rest of a string whose first escape is here; what stood in front of it is `from`.
static bool get_escaped(struct json_parser *p, const uint8_t *from, struct json_slice *ret_text)
{
    json_text_begin(p->tree);
    while (p->at < p->end && *p->at != '"') {
        uint32_t code;
        json_text_add(p->tree, from, (size_t)(p->at - from));
        if (*p->at < 0x20) {
            return refuse(p, "Illegal unquoted character: has to be escaped using backslash");
        }
        if (!get_escape(p, &code)) {
            return false;
        }
        uint8_t *room = json_text_room(p->tree, 4);
        if (room == NULL) {
            return refuse(p, "too much text");
        }
        json_text_added(p->tree, put_code(room, code));
        from = p->at;
        skip_plain(p);
    }
    json_text_add(p->tree, from, (size_t)(p->at - from));
    *ret_text = json_text_end(p->tree);
    return true;
}

/// At the opening quote.
static bool get_string(struct json_parser *p, struct json_slice *ret_text)
{
    const uint8_t *from = ++p->at;
    skip_plain(p);
    if (at_byte(p, '\\')) {
        if (!get_escaped(p, from, ret_text)) {
            return false;
        }
    } else {
        *ret_text = json_slice(from, (size_t)(p->at - from));
    }
    if (p->at == p->end) {
        return refuse(p, "Unexpected end-of-input in a string");
    }
    if (*p->at != '"') {
        return refuse(p, "Illegal unquoted character: has to be escaped using backslash");
    }
    p->at++;
    return true;
}

static size_t utf16_units(struct json_slice text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.size; i++) {
        units += (text.data[i] & 0xc0) != 0x80;
        units += text.data[i] >= 0xf0;
    }
    return units;
}

/// A name and its colon.
static bool get_name(struct json_parser *p)
{
    const struct open *o = &p->open[p->depth - 1];
    if (!at_byte(p, '"')) {
        return refuse(p, "was expecting double-quote to start field name");
    }
    if (!get_string(p, &p->key)) {
        return false;
    }
    if (p->key.size > NAME_UNITS_MAX && utf16_units(p->key) > NAME_UNITS_MAX) {
        return refuse(p, "Name length exceeds the maximum allowed (50000)");
    }
    p->key_hash = hash_of(p, p->key);
    if (is_twice(p, o)) {
        return refuse(p, "Duplicate field");
    }
    if (!skip_space(p)) {
        return false;
    }
    if (!at_byte(p, ':')) {
        return refuse(p, "was expecting a colon to separate field name and value");
    }
    p->at++;
    return true;
}

// --- Numbers -----------------------------------------------------------------------------------

static size_t skip_digits(struct json_parser *p)
{
    const uint8_t *from = p->at;
    while (at_digit(p)) {
        p->at++;
    }
    return (size_t)(p->at - from);
}

/// Of up to 18 digits, which always fit, or of 19, which may.
static bool fits_int(const uint8_t *digits, size_t size, bool negative, int64_t *ret_number)
{
    enum { DIGITS_FIT = 18 };
    if (size > DIGITS_FIT + 1) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    if (value > (uint64_t)INT64_MAX + negative) {
        return false;
    }
    *ret_number = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static double get_real(const uint8_t *from, size_t size)
{
    char text[NUMBER_SIZE_MAX];
    memcpy(text, from, size);
    text[size] = '\0';
    return strtod(text, NULL); // rounds as Java does; past the largest it is infinite, as there
}

/// The fraction and exponent that may follow a number's whole part; adds to the count of digits.
static bool skip_fraction(struct json_parser *p, size_t *digits)
{
    if (at_byte(p, '.')) {
        p->at++;
        size_t count = skip_digits(p);
        if (count == 0) {
            return refuse(p, "Decimal point not followed by a digit");
        }
        *digits += count;
    }
    if (at_byte(p, 'e') || at_byte(p, 'E')) {
        p->at++;
        p->at += at_byte(p, '+') || at_byte(p, '-');
        size_t count = skip_digits(p);
        if (count == 0) {
            return refuse(p, "Exponent indicator not followed by a digit");
        }
        *digits += count;
    }
    return true;
}

static bool get_number(struct json_parser *p, struct json_node *n)
{
    const uint8_t *from = p->at;
    bool negative = *from == '-';
    p->at += negative;
    const uint8_t *first = p->at;
    size_t whole = skip_digits(p);
    if (whole == 0) {
        return refuse(p, "No digit following minus sign");
    }
    if (whole > 1 && *first == '0') {
        return refuse(p, "Invalid numeric value: Leading zeroes not allowed");
    }
    size_t digits = whole;
    if (!skip_fraction(p, &digits)) {
        return false;
    }
    if (digits > DIGITS_MAX) {
        return refuse(p, "Number value length exceeds the maximum allowed (1000)");
    }
    if (p->depth == 0 && p->at < p->end && !is_space(*p->at)) {
        return refuse(p, "Expected space separating root-level values");
    }
    int64_t number;
    size_t size = (size_t)(p->at - from);
    if (size > whole + negative) {
        json_set_double(n, get_real(from, size));
    } else if (fits_int(first, whole, negative, &number)) {
        json_set_int(n, number);
    } else {
        json_set_text(n, json_slice(from, size));
        n->kind = JSON_BIG;
    }
    return true;
}

// --- Values ------------------------------------------------------------------------------------

static bool skip_word(struct json_parser *p, const char *word, size_t size)
{
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) {
        return refuse(p, "Unrecognized token: was expecting a JSON value");
    }
    p->at += size;
    return true;
}

/// At its first byte.
static bool get_value(struct json_parser *p, struct json_node *n)
{
    struct json_slice text;
    switch (*p->at) {
    case '"':
        if (!get_string(p, &text)) {
            return false;
        }
        json_set_text(n, text);
        return true;
    case '{':
    case '[':
        n->kind = *p->at == '{' ? JSON_MAP : JSON_LIST;
        p->at++;
        return true;
    case 't':
        n->kind = JSON_BOOL;
        n->value.truth = true;
        return skip_word(p, "true", 4);
    case 'f':
        n->kind = JSON_BOOL;
        return skip_word(p, "false", 5);
    case 'n':
        return skip_word(p, "null", 4);
    default:
        if (*p->at == '-' || at_digit(p)) {
            return get_number(p, n);
        }
        return refuse(p, "Unexpected character: expected a valid value");
    }
}

/// From behind a value to where the next one begins. At the end of the root `*ret_more` is false.
static bool next_place(struct json_parser *p, bool *ret_more)
{
    while (p->depth > 0) {
        const struct json_node *in = p->open[p->depth - 1].node;
        if (!skip_space(p)) {
            return false;
        }
        if (at_byte(p, in->kind == JSON_MAP ? '}' : ']')) {
            p->at++;
            p->depth--;
            continue;
        }
        if (p->at == p->end) {
            return refuse(p, "Unexpected end-of-input: expected close marker");
        }
        if (in->size > 0) {
            if (*p->at != ',') {
                return refuse(p, "Unexpected character: was expecting comma to separate entries");
            }
            p->at++;
        }
        *ret_more = true;
        return skip_space(p) && (in->kind == JSON_LIST || (get_name(p) && skip_space(p)));
    }
    *ret_more = false;
    return true;
}

static bool parse_root(struct json_parser *p, struct json_node *root)
{
    struct json_node *n = root;
    for (bool more = true; more;) {
        if (n == NULL) {
            return refuse(p, "too many values");
        }
        if (p->at == p->end) {
            return refuse(p, "Unexpected end-of-input: expected a value");
        }
        if (!get_value(p, n) || !attach(p, n)) {
            return false;
        }
        if (json_is_container(n)) {
            if (p->depth == JSON_DEPTH_MAX) {
                return refuse(p, "Document nesting depth exceeds the maximum allowed (1000)");
            }
            p->open[p->depth++] = (struct open){ .node = n };
        }
        if (!next_place(p, &more)) {
            return false;
        }
        if (more) {
            n = json_new(p->tree, JSON_NULL);
        }
    }
    if (!skip_space(p)) {
        return false;
    }
    return p->at == p->end || refuse(p, "Unexpected characters behind the value");
}

struct json_node *json_parse(struct json_parser *p, struct json_tree *t, struct json_slice text,
                             struct json_error *ret_error)
{
    p->tree = t;
    p->at = text.data;
    p->end = text.data + text.size;
    p->reason = NULL;
    p->depth = 0;
    p->slot_count = 0;
    struct json_node *root = json_new(t, JSON_NULL);
    bool good = root != NULL && skip_space(p);
    if (good && p->at < p->end) {
        good = parse_root(p, root);
    }
    if (!good) {
        *ret_error = (struct json_error){ .reason = p->reason == NULL ? "too large" : p->reason,
                                          .at = (size_t)(p->at - text.data) };
        return NULL;
    }
    return root;
}
