// SPDX-License-Identifier: Apache-2.0
/*
 * Doubles: the fewest digits, but at least two, that read back as the same number (as Java has it
 * since 19); plain from 1.0E-3 up to 1.0E7.
 *
 * Maps: java.util.HashMap keeps its members by the low bits of their hash, folded, in a table that
 * doubles at three quarters full, and in order of arrival where they meet. Sorting by that, stably,
 * gives the order in which it prints them.
 *
 * Small letters: the table is Unicode's; two rules need a look around, the dotted I and the sigma.
 * Addresses: digits are ASCII here, where Java would take those of any script.
 */
#include "format/java_text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/utf8.h"

// --- Numbers -----------------------------------------------------------------------------------

uint8_t *java_put_int(uint8_t *at, int64_t value)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *at++ = '-';
    }
    return num_put_u64(at, size);
}

static uint8_t *put_words(uint8_t *at, const char *words)
{
    size_t size = strlen(words);
    return (uint8_t *)memcpy(at, words, size) + size;
}

/// `count` digits with the point behind the first `whole` of them, which may be none or too few.
static uint8_t *put_plain(uint8_t *at, const char *digits, int count, int whole)
{
    if (whole <= 0) {
        at = put_words(at, "0.");
        for (int i = whole; i < 0; i++) {
            *at++ = '0';
        }
        return (uint8_t *)memcpy(at, digits, (size_t)count) + count;
    }
    for (int i = 0; i < whole; i++) {
        *at++ = (uint8_t)(i < count ? digits[i] : '0');
    }
    *at++ = '.';
    if (count <= whole) {
        *at++ = '0';
    }
    for (int i = whole; i < count; i++) {
        *at++ = (uint8_t)digits[i];
    }
    return at;
}

uint8_t *java_put_double(uint8_t *at, double value)
{
    enum { DIGITS_MIN = 2, DIGITS_ENOUGH = 17, PLAIN_MIN = -3, PLAIN_MAX = 7 };
    static const double FULL_PRECISION_MIN = 1e-290;
    char text[JAVA_DOUBLE_SIZE_MAX];
    char digits[DIGITS_ENOUGH];
    if (!isfinite(value)) {
        return put_words(at, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
    }
    if (signbit(value)) {
        *at++ = '-';
        value = -value;
    }
    if (value == 0) {
        return put_words(at, "0.0");
    }
    // Of 15 digits there is one number at most for each double of full precision, so those of them
    // that are no zeros at the end are the fewest.
    int count = value >= FULL_PRECISION_MIN ? DBL_DIG : DIGITS_MIN;
    for (; count <= DIGITS_ENOUGH; count++) {
        int size = snprintf(text, sizeof(text), "%.*e", count - 1, value);
        CHECK(size > 0);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    digits[0] = text[0];
    memcpy(digits + 1, text + 2, (size_t)count - 1);
    // "d.dddde-XX": the exponent is behind the e.
    char *end;
    double exponent = strtod(strchr(text, 'e') + 1, &end);
    int power = (int)exponent;
    while (count > 1 && digits[count - 1] == '0') {
        count--;
    }
    if (power >= PLAIN_MIN && power < PLAIN_MAX) {
        return put_plain(at, digits, count, power + 1);
    }
    at = put_plain(at, digits, count, 1);
    *at++ = 'E';
    return java_put_int(at, power);
}

// --- Values ------------------------------------------------------------------------------------

const char *java_class(const struct json_node *n)
{
    switch ((enum json_kind)n->kind) {
    case JSON_NULL:
        return "null";
    case JSON_BOOL:
        return "java.lang.Boolean";
    case JSON_INT:
        return n->value.number >= INT32_MIN && n->value.number <= INT32_MAX ? "java.lang.Integer"
                                                                            : "java.lang.Long";
    case JSON_BIG:
        return "java.math.BigInteger";
    case JSON_DOUBLE:
        return "java.lang.Double";
    case JSON_TEXT:
        return "java.lang.String";
    case JSON_LIST:
        return "java.util.ArrayList";
    case JSON_MAP:
    case JSON_RAW:
        return "java.util.HashMap";
    }
    return "";
}

/// The next code point of a node's text, in which lone surrogates may be. What is no such text is
/// taken byte by byte.
static size_t next_code(const uint8_t *at, size_t size, uint32_t *ret_code)
{
    size_t length = utf8_next(at, size, ret_code);
    if (length == 0 && size >= 3 && at[0] == 0xed) {
        *ret_code = 0xd000U | (at[1] & 0x3fU) << 6 | (at[2] & 0x3fU);
        return 3;
    }
    if (length == 0) {
        *ret_code = at[0];
        return 1;
    }
    return length;
}

/// String.hashCode(), folded as HashMap folds it.
static uint32_t java_hash(const uint8_t *text, size_t size)
{
    uint32_t hash = 0;
    uint32_t code;
    for (size_t i = 0; i < size;) {
        i += next_code(text + i, size - i, &code);
        if (code >= 0x10000) {
            hash = hash * 31 + (0xd800 + ((code - 0x10000) >> 10));
            code = 0xdc00 + (code & 0x3ff);
        }
        hash = hash * 31 + code;
    }
    return hash ^ hash >> 16;
}

/// Two sorted lists as one; of equals the first list's come first.
static struct json_node *merge(struct json_node *a, struct json_node *b)
{
    struct json_node *first = NULL;
    struct json_node **link = &first;
    while (a != NULL && b != NULL) {
        struct json_node **from = b->key_hash < a->key_hash ? &b : &a;
        *link = *from;
        link = &(*link)->next;
        *from = *link;
    }
    *link = a != NULL ? a : b;
    return first;
}

/// Puts a map's members in the order of a HashMap.
static void sort_map(struct json_node *map)
{
    enum { RUNS = 32, TABLE_MIN = 16 };
    struct json_node *runs[RUNS] = { NULL }; // the i-th holds 2^i members or none
    size_t table = TABLE_MIN;
    while (map->size > table / 4 * 3) {
        table *= 2;
    }
    struct json_node *next;
    for (struct json_node *n = map->value.members.first; n != NULL; n = next) {
        next = n->next;
        n->next = NULL;
        n->key_hash = java_hash(n->key, n->key_size) & (uint32_t)(table - 1);
        struct json_node *run = n;
        size_t i = 0;
        for (; runs[i] != NULL; i++) {
            run = merge(runs[i], run);
            runs[i] = NULL;
        }
        runs[i] = run;
    }
    struct json_node *all = NULL;
    for (size_t i = 0; i < RUNS; i++) {
        all = runs[i] == NULL ? all : merge(runs[i], all);
    }
    map->value.members.first = all;
    for (struct json_node *n = all; n != NULL; n = n->next) {
        map->value.members.last = n;
    }
}

static void sort_maps(struct json_tree *t, struct json_node *root)
{
    if (root->kind == JSON_MAP) {
        sort_map(root);
    }
    for (struct json_walk w = json_walk(t, root); w.node != NULL; json_walk_on(&w)) {
        if (!json_is_container(w.node) || w.leaving) {
            continue;
        }
        for (struct json_node *n = w.node->value.members.first; n != NULL; n = n->next) {
            if (n->kind == JSON_MAP && n->size > 1) {
                sort_map(n);
            }
        }
    }
}

static void add_words(struct json_tree *t, const char *words)
{
    json_text_add(t, words, strlen(words));
}

static void add_scalar(struct json_tree *t, const struct json_node *n)
{
    uint8_t text[JAVA_DOUBLE_SIZE_MAX];
    switch ((enum json_kind)n->kind) {
    case JSON_NULL:
        add_words(t, "null");
        break;
    case JSON_BOOL:
        add_words(t, n->value.truth ? "true" : "false");
        break;
    case JSON_INT:
        json_text_add(t, text, (size_t)(java_put_int(text, n->value.number) - text));
        break;
    case JSON_DOUBLE:
        json_text_add(t, text, (size_t)(java_put_double(text, n->value.real) - text));
        break;
    case JSON_TEXT:
    case JSON_BIG:
    case JSON_RAW:
        json_text_add(t, n->value.text, n->size);
        break;
    case JSON_LIST:
    case JSON_MAP:
        break; // the walk's
    }
}

/// `numbered`: the outermost list as a map of its positions.
static struct json_slice print(struct json_tree *t, struct json_node *root, bool numbered)
{
    uint8_t text[NUM_U64_SIZE_MAX];
    if (root->kind == JSON_TEXT) {
        return json_text_of(root);
    }
    numbered = numbered && root->kind == JSON_LIST;
    uint64_t position = 0;
    bool first = true;
    sort_maps(t, root);
    json_text_begin(t);
    for (struct json_walk w = json_walk(t, root); w.node != NULL; json_walk_on(&w)) {
        bool braces = w.node->kind == JSON_MAP || (numbered && w.depth == 0);
        if (w.leaving) {
            add_words(t, braces ? "}" : "]");
            first = false;
            continue;
        }
        if (!first) {
            add_words(t, ", ");
        }
        if (w.node->key != NULL && w.depth > 0) {
            json_text_add(t, w.node->key, w.node->key_size);
            add_words(t, "=");
        } else if (numbered && w.depth == 1) {
            json_text_add(t, text, (size_t)(num_put_u64(text, position++) - text));
            add_words(t, "=");
        }
        first = json_is_container(w.node);
        if (first) {
            add_words(t, braces ? "{" : "[");
        } else {
            add_scalar(t, w.node);
        }
    }
    return json_text_end(t);
}

struct json_slice java_string(struct json_tree *t, struct json_node *n)
{
    return print(t, n, false);
}

struct json_slice java_template(struct json_tree *t, struct json_node *n)
{
    return print(t, n, true);
}

// --- Small letters -----------------------------------------------------------------------------

enum { SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2, DOTTED_I = 0x130 };

struct lower {
    uint32_t first;
    uint32_t last;
    uint32_t step;
    int32_t delta;
};

static const struct lower LOWER_RANGES[] = {
#define LOWER(first, last, step, delta) { first, last, step, delta },
#include "format/lower.def"
#undef LOWER
};

static uint32_t lower_of(uint32_t code)
{
    if (code < 0x80) {
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    }
    size_t low = 0;
    size_t high = sizeof(LOWER_RANGES) / sizeof(LOWER_RANGES[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct lower *r = &LOWER_RANGES[middle];
        if (code > r->last) {
            low = middle + 1;
        } else if (code < r->first) {
            high = middle;
        } else {
            bool listed = (code - r->first) % r->step == 0;
            return listed ? (uint32_t)((int32_t)code + r->delta) : code;
        }
    }
    return code;
}

/// Whether a character has a large and a small form: letters of the scripts that do, roughly.
static bool is_cased(uint32_t code)
{
    uint32_t lower = lower_of(code);
    return lower != code || (code >= 'a' && code <= 'z') || (code >= 0xdf && code <= 0x24f) ||
           (code >= 0x370 && code <= 0x52f) || (code >= 0x1e00 && code <= 0x1fff);
}

static uint8_t *put_code(uint8_t *at, uint32_t code)
{
    if (code < 0x80) {
        *at++ = (uint8_t)code;
    } else if (code < 0x800) {
        *at++ = (uint8_t)(0xc0 | code >> 6);
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *at++ = (uint8_t)(0xe0 | code >> 12);
        *at++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        *at++ = (uint8_t)(0xf0 | code >> 18);
        *at++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        *at++ = (uint8_t)(0x80 | (code & 0x3f));
    }
    return at;
}

static bool is_lower_already(struct json_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= 0x80 || (text.data[i] >= 'A' && text.data[i] <= 'Z')) {
            return false;
        }
    }
    return true;
}

struct json_slice java_lower(struct json_tree *t, struct json_slice text)
{
    enum { ROOM = 8 };
    if (is_lower_already(text)) {
        return text;
    }
    bool after_letter = false;
    json_text_begin(t);
    for (size_t i = 0; i < text.size;) {
        uint32_t code;
        uint32_t following = 0;
        size_t size = next_code(text.data + i, text.size - i, &code);
        size_t rest = text.size - i - size;
        uint8_t *at = json_text_room(t, ROOM);
        if (at == NULL) {
            break;
        }
        if (code == SIGMA && rest > 0) {
            (void)next_code(text.data + i + size, rest, &following); // for its code point only
        }
        if (code == DOTTED_I) {
            at = put_code(put_code(at, 'i'), 0x307);
        } else if (code == SIGMA && after_letter && !is_cased(following)) {
            at = put_code(at, FINAL_SIGMA);
        } else {
            at = put_code(at, lower_of(code));
        }
        json_text_added(t, at);
        after_letter = is_cased(code);
        i += size;
    }
    return json_text_end(t);
}

// --- Addresses ---------------------------------------------------------------------------------

static bool hex_value(uint8_t c, uint32_t *ret_value)
{
    uint8_t lower = c | 0x20;
    if (c >= '0' && c <= '9') {
        *ret_value = c - '0';
        return true;
    }
    *ret_value = lower - 'a' + 10U;
    return lower >= 'a' && lower <= 'f';
}

/// Four decimal numbers up to 255 without zeros in front.
static bool is_quad(struct json_slice text)
{
    size_t i = 0;
    for (int part = 0; part < 4; part++) {
        uint32_t value = 0;
        size_t from = i;
        for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9' && value <= 255; i++) {
            value = value * 10 + (text.data[i] - '0');
        }
        size_t digits = i - from;
        if (digits == 0 || value > 255 || (digits > 1 && text.data[from] == '0')) {
            return false;
        }
        if (part < 3 && (i == text.size || text.data[i++] != '.')) {
            return false;
        }
    }
    return i == text.size;
}

/// Hexadecimal digits, any number of them, up to 0xffff.
static bool skip_group(struct json_slice text, size_t *i)
{
    uint32_t value = 0;
    uint32_t digit;
    for (; *i < text.size && hex_value(text.data[*i], &digit); (*i)++) {
        value = value << 4 | digit;
        if (value > UINT16_MAX) {
            return false;
        }
    }
    return *i == text.size || text.data[*i] == ':';
}

/// The groups of an IPv6 address; `tail` is how many a dotted quad at its end stands for.
static bool are_groups(struct json_slice text, size_t tail)
{
    enum { GROUPS = 8 };
    size_t groups = tail;
    bool skipped = false;
    size_t i = 0;
    while (i < text.size) {
        if (text.data[i] != ':') {
            groups++;
            if (groups > GROUPS || !skip_group(text, &i)) {
                return false;
            }
            continue;
        }
        size_t colons = 1;
        while (i + colons < text.size && text.data[i + colons] == ':') {
            colons++;
        }
        // One colon separates: there is a group before it, and a group or a quad behind.
        bool separates = i > 0 && (i + 1 < text.size || tail > 0);
        if (colons > 2 || (colons == 2 && skipped) || (colons == 1 && !separates)) {
            return false;
        }
        skipped = skipped || colons == 2;
        i += colons;
    }
    return skipped ? groups < GROUPS : groups == GROUPS;
}

bool java_is_inet_address(struct json_slice text)
{
    const uint8_t *zone = text.size == 0 ? NULL : memchr(text.data, '%', text.size);
    size_t size = zone == NULL ? text.size : (size_t)(zone - text.data);
    const uint8_t *colon = size == 0 ? NULL : memrchr(text.data, ':', size);
    const uint8_t *dot = size == 0 ? NULL : memchr(text.data, '.', size);
    if (colon == NULL) {
        return zone == NULL && is_quad(text);
    }
    if (zone != NULL && (size + 1 == text.size || dot != NULL)) {
        return false;
    }
    if (dot == NULL) {
        return are_groups(json_slice(text.data, size), 0);
    }
    size_t head = (size_t)(colon - text.data) + 1;
    return dot > colon && is_quad(json_slice(colon + 1, size - head)) &&
           are_groups(json_slice(text.data, head), 2);
}
