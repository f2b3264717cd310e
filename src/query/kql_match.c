// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a record is meant: the tree is walked, and each leaf looks at the values of its field.
 *
 * Letters are the same in both cases as far as one small letter belongs to one capital of the same
 * block: Latin, Greek and Cyrillic. That takes no table and no locale, which another thread could
 * change.
 */
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "query/kql_tree.h"
#include "query/query_number.h"

// --- Letters -------------------------------------------------------------------------------------

/// The small letter of a capital one past ASCII.
static uint32_t fold_code(uint32_t c)
{
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f)) {
        return c + 32;
    }
    if (c >= 0x400 && c <= 0x40f) {
        return c + 80;
    }
    bool odd = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    bool even = (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
                (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
                (c >= 0x48a && c <= 0x4bf) || (c >= 0x1e00 && c <= 0x1e95) ||
                (c >= 0x1ea0 && c <= 0x1eff);
    return c + ((odd && c % 2 == 1) || (even && c % 2 == 0));
}

/// The next letter in one case, or byte of what is no UTF-8. Moves on.
static uint32_t next_letter(const char **at, const char *end, bool folded)
{
    enum { BROKEN = 0x110000 };
    uint8_t c = (uint8_t) * *at;
    if (c < 0x80) {
        ++*at;
        return folded && c >= 'A' && c <= 'Z' ? c + 32U : c;
    }
    uint32_t code;
    size_t size = utf8_next((const uint8_t *)*at, (size_t)(end - *at), &code);
    if (size == 0) {
        ++*at;
        return BROKEN + c;
    }
    *at += size;
    return folded ? fold_code(code) : code;
}

// --- Patterns ------------------------------------------------------------------------------------

/// Whether the pattern up to its next star is at the text. Moves both on.
static bool is_piece(const char **text, const char *end, const char **pattern,
                     const char *pattern_end, bool folded)
{
    while (*pattern < pattern_end && **pattern != '*') {
        *pattern += **pattern == '\\' && *pattern + 1 < pattern_end;
        if (*text == end ||
            next_letter(pattern, pattern_end, folded) != next_letter(text, end, folded)) {
            return false;
        }
    }
    return true;
}

bool kql_like(const char *value, size_t size, const char *pattern, size_t pattern_size, bool folded)
{
    const char *end = value + size;
    const char *pattern_end = pattern + pattern_size;
    if (!is_piece(&value, end, &pattern, pattern_end, folded)) {
        return false;
    }
    while (pattern < pattern_end) {
        pattern++; // the star; the first place where what follows fits is as good as any
        const char *piece = pattern;
        const char *at = value;
        while (!is_piece(&at, end, &pattern, pattern_end, folded) ||
               (pattern == pattern_end && at != end)) {
            if (value == end) {
                return false;
            }
            (void)next_letter(&value, end, folded);
            at = value;
            pattern = piece;
        }
        value = at;
    }
    return value == end;
}

// --- Words ---------------------------------------------------------------------------------------

static bool is_of_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/// The next word of a text, empty when there is none.
static struct query_value next_word(const char **at, const char *end)
{
    while (*at < end && !is_of_word(**at)) {
        ++*at;
    }
    struct query_value word = { .text = *at };
    while (*at < end && is_of_word(**at)) {
        ++*at;
        word.size++;
    }
    return word;
}

static bool is_same(const char *a, size_t a_size, const char *b, size_t b_size)
{
    const char *a_end = a + a_size;
    const char *b_end = b + b_size;
    while (a < a_end && b < b_end) {
        if (next_letter(&a, a_end, true) != next_letter(&b, b_end, true)) {
            return false;
        }
    }
    return a == a_end && b == b_end;
}

/// Whether all words are the next ones at `value`.
static bool are_next(const char *value, const char *end, const char *words, const char *words_end)
{
    for (;;) {
        struct query_value wanted = next_word(&words, words_end);
        if (wanted.size == 0) {
            return true;
        }
        struct query_value word = next_word(&value, end);
        if (!is_same(word.text, word.size, wanted.text, wanted.size)) {
            return false;
        }
    }
}

bool kql_has_words(const char *value, size_t size, const char *words, size_t words_size)
{
    const char *end = value + size;
    const char *words_end = words + words_size;
    const char *first = words;
    if (next_word(&first, words_end).size == 0) {
        return false;
    }
    for (;;) {
        struct query_value word = next_word(&value, end);
        if (word.size == 0) {
            return false;
        }
        if (are_next(word.text, end, words, words_end)) {
            return true;
        }
    }
}

// --- Leaves --------------------------------------------------------------------------------------

static bool is_in_addresses(const struct kql_node *leaf, const struct addr *a)
{
    return a->size == leaf->low_addr.size && memcmp(a->bytes, leaf->low_addr.bytes, a->size) >= 0 &&
           memcmp(a->bytes, leaf->high_addr.bytes, a->size) <= 0;
}

/// Numbers of columns that no field stands for: of any size, and as texts too.
static bool is_beyond(const struct kql_node *leaf, const struct query_value *v)
{
    int order;
    if (v->type != QUERY_TYPE_KEYWORD ||
        !query_number_order(v->text, v->size, leaf->text, leaf->size, &order)) {
        return false;
    }
    return order == 0 ? !leaf->exclusive : (order > 0) == leaf->above;
}

static bool is_in_range(const struct kql_node *leaf, const struct query_value *v)
{
    uint64_t number = v->number;
    if (leaf->field == QUERY_OTHER && v->type != QUERY_TYPE_IP) {
        return is_beyond(leaf, v);
    }
    switch (v->type) {
    case QUERY_TYPE_IP:
        return is_in_addresses(leaf, &v->addr);
    case QUERY_TYPE_KEYWORD:
    case QUERY_TYPE_TEXT:
        if (num_get_u64(v->text, v->size, UINT64_MAX, &number) != 0) {
            return false;
        }
        break;
    case QUERY_TYPE_NUMBER:
    case QUERY_TYPE_DATE:
        break;
    }
    return number >= leaf->low && number <= leaf->high;
}

/// A number of JSON is what it is worth, however it is written.
static bool is_equal_text(const struct kql_node *leaf, const struct query_value *v)
{
    int order;
    if (v->is_number &&
        query_number_order(v->text, v->size, leaf->value.text, leaf->value.size, &order)) {
        return order == 0;
    }
    return leaf->value.size == v->size && memcmp(leaf->value.text, v->text, v->size) == 0;
}

static bool is_equal(const struct kql_node *leaf, const struct query_value *v)
{
    switch (v->type) {
    case QUERY_TYPE_IP:
        return addr_equal(&leaf->value.addr, &v->addr);
    case QUERY_TYPE_KEYWORD:
    case QUERY_TYPE_TEXT:
        return is_equal_text(leaf, v);
    case QUERY_TYPE_NUMBER:
    case QUERY_TYPE_DATE:
        break;
    }
    return leaf->value.number == v->number;
}

static bool is_like(const struct kql_node *leaf, const struct query_value *v)
{
    char text[ADDR_TEXT_SIZE_MAX + 1];
    if (v->type == QUERY_TYPE_IP) {
        (void)addr_text(&v->addr, text);
        return kql_like(text, strlen(text), leaf->text, leaf->size, true);
    }
    return kql_like(v->text, v->size, leaf->text, leaf->size, leaf->folded);
}

bool kql_value_matches(const struct kql_node *leaf, const struct query_value *value)
{
    switch (leaf->kind) {
    case KQL_EXISTS:
        return true;
    case KQL_EQUAL:
        return is_equal(leaf, value);
    case KQL_RANGE:
        return is_in_range(leaf, value);
    case KQL_CIDR:
        return cidr_contains(&leaf->cidr, &value->addr);
    case KQL_LIKE:
        return is_like(leaf, value);
    case KQL_WORDS:
        return kql_has_words(value->text, value->size, leaf->text, leaf->size);
    case KQL_ALL:
    case KQL_AND:
    case KQL_OR:
    case KQL_NOT:
        break;
    }
    return false;
}

// --- Trees ---------------------------------------------------------------------------------------

static bool look_at_value(void *context, const struct query_value *value)
{
    return kql_value_matches(context, value);
}

/// Trees are of bounded depth.
// NOLINTNEXTLINE(misc-no-recursion): they are
static bool matches(const struct kql_node *node, const struct batch *batch, const struct flow *flow)
{
    bool any = node->kind == KQL_OR;
    switch (node->kind) {
    case KQL_ALL:
        return true;
    case KQL_NOT:
        return !matches(node->children[0], batch, flow);
    case KQL_AND:
    case KQL_OR:
        for (size_t i = 0; i < node->child_count; i++) {
            if (matches(node->children[i], batch, flow) == any) {
                return any;
            }
        }
        return !any;
    default:
        break;
    }
    union {
        const struct kql_node *node;
        void *context;
    } leaf = { .node = node };
    return query_values(batch, flow, node->field, &node->other, look_at_value, leaf.context);
}

bool kql_matches(const struct kql *kql, const struct batch *batch, const struct flow *flow)
{
    return kql == NULL || matches(kql->root, batch, flow);
}
