// SPDX-License-Identifier: Apache-2.0
/*
 * Many values of one field are one list, since a person may paste thousands of addresses: a list
 * is looked up by hash, a row of ORs is not. A text is looked for once, in `texts`, for all values.
 */
#include "store/sql_leaf.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "store/sql_match.h"

enum {
    LEAF_SIZE_MAX = 64 << 10,
    NAME_SIZE = 96,
    EXPRESSION_SIZE = 3 * NAME_SIZE,
    NUMBERS_SIZE_MAX = 4 << 20
};

// --- Writing -------------------------------------------------------------------------------------

void where_text(struct where *w, const char *words)
{
    if (w->q != NULL) {
        sql_text(w->q, words);
    }
}

void where_u64(struct where *w, uint64_t value)
{
    if (w->q != NULL) {
        sql_u64(w->q, value);
    }
}

void where_need(struct where *w, const char *name)
{
    size_t size = strlen(name);
    const char *at = w->needs == NULL ? NULL : buf_text(w->needs);
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, name, size) == 0) {
            return;
        }
        at += length + (at[length] == ',');
    }
    if (w->needs != NULL) {
        buf_append_text(w->needs, w->needs->size > 0 ? "," : "");
        buf_append_text(w->needs, name);
    }
}

void where_column(struct where *w, const char *name)
{
    where_need(w, name);
    where_text(w, name);
}

void where_ask(struct where *w, const char *blob, const char *what, const struct kql_node *leaf)
{
    if (w->q == NULL) {
        return;
    }
    struct buf packed;
    buf_init(&packed, LEAF_SIZE_MAX);
    sql_match_pack(leaf, &packed);
    sql_text(w->q, "kql_leaf(");
    sql_text(w->q, blob);
    sql_text(w->q, ", ");
    sql_bytes(w->q, what, strlen(what));
    sql_text(w->q, ", ");
    sql_bytes(w->q, (const char *)packed.data, packed.size);
    sql_text(w->q, ")");
    w->q->bad = w->q->bad || packed.bad;
    buf_release(&packed);
}

/// Between two of a row of ORs. A long row is several short ones in parentheses: DuckDB reads each
/// as a tree as deep as it is long.
static void or_next(struct where *w, size_t i)
{
    enum { ROW = 100 };
    where_text(w, i == 0 ? "" : i % ROW == 0 ? ") OR (" : " OR ");
}

void where_ask_any(struct where *w, const char *blob, const char *what, struct leaves leaves)
{
    where_text(w, "((");
    for (size_t i = 0; i < leaves.count; i++) {
        or_next(w, i);
        where_ask(w, blob, what, leaves.nodes[i]);
    }
    where_text(w, "))");
}

// --- Numbers -------------------------------------------------------------------------------------

static void put_bound(struct where *w, enum number_kind kind, uint64_t value)
{
    if (w->q == NULL) {
        return;
    }
    if (kind == NUMBER_TIME) { // a UBIGINT would make DuckDB convert each row's
        sql_i64(w->q, value > INT64_MAX ? INT64_MAX : (int64_t)value);
    } else {
        sql_u64(w->q, value);
    }
}

static void put_between(struct where *w, enum number_kind kind, const char *expression,
                        uint64_t low, uint64_t high)
{
    if (kind != NUMBER_PLAIN && low > INT64_MAX) {
        where_text(w, "false");
        return;
    }
    where_text(w, expression);
    if (kind == NUMBER_LONG && high >= INT64_MAX) { // what is larger is shown as that
        where_text(w, " >= ");
        put_bound(w, kind, low);
        return;
    }
    where_text(w, " BETWEEN ");
    put_bound(w, kind, low);
    where_text(w, " AND ");
    put_bound(w, kind, high);
}

/// The number of a leaf: its value, or the text of one.
static bool number_of(const struct kql_node *leaf, uint64_t *ret_number)
{
    uint8_t digits[NUM_U64_SIZE_MAX];
    if (leaf->value.type != QUERY_TYPE_KEYWORD) {
        *ret_number = leaf->value.number;
        return true;
    }
    if (num_get_u64(leaf->value.text, leaf->value.size, UINT64_MAX, ret_number) != 0) {
        return false;
    }
    size_t size = (size_t)(num_put_u64(digits, *ret_number) - digits); // 07 is the text of none
    return size == leaf->value.size && memcmp(digits, leaf->value.text, size) == 0;
}

void where_list_add(struct where *w, struct list *list, uint64_t number)
{
    where_text(w, list->count == 0 ? list->expression : ", ");
    where_text(w, list->count == 0 ? " IN (" : "");
    where_u64(w, number);
    list->count++;
}

void where_list_end(struct where *w, const struct list *list)
{
    where_text(w, list->count == 0 ? "false" : ")");
}

/// Numbers on their way into a list.
struct numbers {
    const char *expression; ///< of what is in the list
    size_t count;
    struct list few;
    struct buf many; ///< in decimal digits, apart by commas
};

static struct numbers numbers_begin(const char *expression, size_t count)
{
    struct numbers n = { .expression = expression,
                         .count = count,
                         .few = { .expression = expression } };
    buf_init(&n.many, NUMBERS_SIZE_MAX);
    return n;
}

/// DuckDB looks long lists up by hash where they are a table; as they stand it may compare each row
/// with each number.
static bool are_many(const struct numbers *n)
{
    enum { FEW_MAX = 64 };
    return n->count > FEW_MAX;
}

static void numbers_add(struct where *w, struct numbers *n, uint64_t number)
{
    if (!are_many(n)) {
        where_list_add(w, &n->few, number);
        return;
    }
    if (n->many.size > 0) {
        buf_append_char(&n->many, ',');
    }
    buf_append_u64(&n->many, number);
}

static void numbers_end(struct where *w, struct numbers *n)
{
    if (!are_many(n)) {
        where_list_end(w, &n->few);
    } else if (w->q != NULL && n->many.size > 0) {
        sql_text(w->q, n->expression);
        sql_text(w->q, " IN (SELECT unnest(CAST(string_split(");
        sql_bytes(w->q, (const char *)n->many.data, n->many.size);
        sql_text(w->q, ", ',') AS UBIGINT[])))");
        w->q->bad = w->q->bad || n->many.bad;
        w->queries++;
    } else {
        where_text(w, "false");
    }
    buf_release(&n->many);
}

/// Equal to one of the numbers.
static void put_list(struct where *w, const char *expression, struct leaves leaves)
{
    struct numbers numbers = numbers_begin(expression, leaves.count);
    for (size_t i = 0; i < leaves.count; i++) {
        uint64_t number;
        if (number_of(leaves.nodes[i], &number)) {
            numbers_add(w, &numbers, number);
        }
    }
    numbers_end(w, &numbers);
}

void where_number(struct where *w, enum number_kind kind, const char *name, const char *expression,
                  struct leaves leaves)
{
    const struct kql_node *first = leaves.nodes[0];
    where_need(w, name);
    where_text(w, "((");
    if (first->kind == KQL_EXISTS) {
        where_text(w, expression);
        where_text(w, " IS NOT NULL");
    } else if (first->kind == KQL_EQUAL && kind == NUMBER_PLAIN) {
        put_list(w, expression, leaves);
    } else {
        for (size_t i = 0; i < leaves.count; i++) {
            const struct kql_node *leaf = leaves.nodes[i];
            bool equal = leaf->kind == KQL_EQUAL;
            or_next(w, i);
            put_between(w, kind, expression, equal ? leaf->value.number : leaf->low,
                        equal ? leaf->value.number : leaf->high);
        }
    }
    where_text(w, "))");
}

void where_numeral(struct where *w, const char *name, const char *expression, struct leaves leaves)
{
    char blob[EXPRESSION_SIZE];
    enum kql_kind kind = leaves.nodes[0]->kind;
    if (kind != KQL_LIKE && kind != KQL_WORDS) {
        where_number(w, NUMBER_PLAIN, name, expression, leaves);
        return;
    }
    where_need(w, name);
    (void)snprintf(blob, sizeof(blob), "encode(CAST(%s AS VARCHAR))", expression); // fits
    where_ask_any(w, blob, "text", leaves);
}

// --- Addresses -----------------------------------------------------------------------------------

#define V4_MAPPED UINT64_C(0x0000ffff00000000)

/// The columns of an address.
struct halves {
    char hi[NAME_SIZE];
    char lo[NAME_SIZE];
};

static uint64_t half(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, sizeof(v));
    return __builtin_bswap64(v);
}

static void halves_of(const struct addr *a, uint64_t *ret_hi, uint64_t *ret_lo)
{
    bool is_v4 = a->size == ADDR_V4_SIZE;
    *ret_hi = is_v4 ? 0 : half(a->bytes);
    *ret_lo = is_v4 ? V4_MAPPED | half(a->bytes) >> 32 : half(a->bytes + 8);
}

static void compare(struct where *w, const char *name, const char *sign, uint64_t value)
{
    where_text(w, name);
    where_text(w, sign);
    where_u64(w, value);
}

static void put_column_between(struct where *w, const char *name, uint64_t low, uint64_t high)
{
    compare(w, name, " BETWEEN ", low);
    where_text(w, " AND ");
    where_u64(w, high);
}

/// From one address to another, both included. IPv4 lies among the others as ::ffff:0:0/96, and a
/// range of one family has none of the other.
static void put_addresses(struct where *w, const struct halves *h, const struct addr *from,
                          const struct addr *to)
{
    uint64_t from_hi;
    uint64_t from_lo;
    uint64_t to_hi;
    uint64_t to_lo;
    halves_of(from, &from_hi, &from_lo);
    halves_of(to, &to_hi, &to_lo);
    if (from_hi == to_hi) {
        compare(w, h->hi, " = ", from_hi);
        where_text(w, " AND ");
        put_column_between(w, h->lo, from_lo, to_lo);
    } else {
        put_column_between(w, h->hi, from_hi, to_hi);
        where_text(w, " AND (");
        compare(w, h->hi, " > ", from_hi);
        where_text(w, " OR ");
        compare(w, h->lo, " >= ", from_lo);
        where_text(w, ") AND (");
        compare(w, h->hi, " < ", to_hi);
        where_text(w, " OR ");
        compare(w, h->lo, " <= ", to_lo);
        where_text(w, ")");
    }
    if (from->size == ADDR_V6_SIZE && from_hi == 0) {
        where_text(w, " AND NOT (");
        compare(w, h->hi, " = ", 0);
        where_text(w, " AND ");
        put_column_between(w, h->lo, V4_MAPPED, V4_MAPPED | UINT32_MAX);
        where_text(w, ")");
    }
}

static struct addr last_of(const struct cidr *c)
{
    struct addr last = c->addr;
    for (unsigned bit = c->prefix; bit < 8U * last.size; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    return last;
}

/// One of the addresses that share their upper half, as all of IPv4 do.
static void put_same_half(struct where *w, const struct halves *h, struct leaves leaves)
{
    struct numbers numbers = numbers_begin(h->lo, leaves.count);
    uint64_t hi;
    uint64_t lo;
    halves_of(&leaves.nodes[0]->value.addr, &hi, &lo);
    compare(w, h->hi, " = ", hi);
    where_text(w, " AND ");
    for (size_t i = 0; i < leaves.count; i++) {
        halves_of(&leaves.nodes[i]->value.addr, &hi, &lo);
        numbers_add(w, &numbers, lo);
    }
    numbers_end(w, &numbers);
}

/// How many leaves from the first on have its address's upper half.
static size_t count_same_half(struct leaves leaves)
{
    uint64_t first;
    uint64_t hi;
    uint64_t lo;
    size_t count = 1;
    halves_of(&leaves.nodes[0]->value.addr, &first, &lo);
    for (; count < leaves.count; count++) {
        halves_of(&leaves.nodes[count]->value.addr, &hi, &lo);
        if (hi != first) {
            break;
        }
    }
    return count;
}

static void put_equal_addresses(struct where *w, const struct halves *h, struct leaves leaves)
{
    for (size_t i = 0; leaves.count > 0; i++) {
        size_t count = count_same_half(leaves);
        or_next(w, i);
        put_same_half(w, h, (struct leaves){ leaves.nodes, count });
        leaves.nodes += count;
        leaves.count -= count;
    }
}

/// Whether a network is one value of the first bits of one half: those of IPv4, and of IPv6 with
/// 64 bits at most and none of IPv4 in them.
static bool has_first_bits(const struct kql_node *leaf, bool is_v4, unsigned prefix)
{
    uint64_t hi;
    uint64_t lo;
    halves_of(&leaf->cidr.addr, &hi, &lo);
    return leaf->kind == KQL_CIDR && leaf->cidr.prefix == prefix &&
           (leaf->cidr.addr.size == ADDR_V4_SIZE) == is_v4 && (is_v4 || (prefix <= 64 && hi != 0));
}

/// Networks of one family and prefix: their first bits are a list. Returns how many they are.
static size_t put_networks(struct where *w, const struct halves *h, struct leaves leaves,
                           bool is_v4, unsigned prefix, bool follows)
{
    char expression[EXPRESSION_SIZE];
    const unsigned shift = (is_v4 ? 32 : 64) - prefix;
    size_t count = 0;
    for (size_t i = 0; i < leaves.count; i++) {
        count += has_first_bits(leaves.nodes[i], is_v4, prefix);
    }
    if (count == 0) {
        return 0;
    }
    where_text(w, follows ? " OR (" : "(");
    if (is_v4) {
        compare(w, h->hi, " = ", 0);
        where_text(w, " AND ");
    }
    (void)snprintf(expression, sizeof(expression), "(%s >> %u)", is_v4 ? h->lo : h->hi, shift);
    struct numbers numbers = numbers_begin(expression, count);
    for (size_t i = 0; i < leaves.count; i++) {
        uint64_t hi;
        uint64_t lo;
        halves_of(&leaves.nodes[i]->cidr.addr, &hi, &lo);
        if (has_first_bits(leaves.nodes[i], is_v4, prefix)) {
            numbers_add(w, &numbers, (is_v4 ? lo : hi) >> shift);
        }
    }
    numbers_end(w, &numbers);
    where_text(w, ")");
    return count;
}

/// Many networks, by family and prefix; /0 is none of them.
static size_t put_many_networks(struct where *w, const struct halves *h, struct leaves leaves)
{
    size_t count = 0;
    for (unsigned prefix = 1; prefix <= 64; prefix++) {
        if (prefix <= 32) {
            count += put_networks(w, h, leaves, true, prefix, count > 0);
        }
        count += put_networks(w, h, leaves, false, prefix, count > 0);
    }
    return count;
}

static bool is_by_prefix(const struct kql_node *leaf)
{
    bool is_v4 = leaf->cidr.addr.size == ADDR_V4_SIZE;
    return leaf->cidr.prefix > 0 && has_first_bits(leaf, is_v4, leaf->cidr.prefix);
}

static void put_ranges(struct where *w, const struct halves *h, struct leaves leaves)
{
    enum { FEW_MAX = 16 }; // of which DuckDB can skip what has none
    bool many = leaves.count > FEW_MAX;
    bool follows = many && put_many_networks(w, h, leaves) > 0;
    size_t count = 0;
    where_text(w, follows ? " OR (false OR " : "");
    for (size_t i = 0; i < leaves.count; i++) {
        const struct kql_node *leaf = leaves.nodes[i];
        bool is_cidr = leaf->kind == KQL_CIDR;
        if (many && is_by_prefix(leaf)) {
            continue;
        }
        struct addr last = is_cidr ? last_of(&leaf->cidr) : leaf->high_addr;
        or_next(w, count++);
        put_addresses(w, h, is_cidr ? &leaf->cidr.addr : &leaf->low_addr, &last);
    }
    where_text(w, count == 0 ? "false" : "");
    where_text(w, follows ? ")" : "");
}

void where_address(struct where *w, const char *field, struct leaves leaves)
{
    struct halves h;
    char blob[EXPRESSION_SIZE];
    (void)snprintf(h.hi, sizeof(h.hi), "%s_hi", field); // the names of fields are short
    (void)snprintf(h.lo, sizeof(h.lo), "%s_lo", field);
    where_need(w, h.hi);
    where_need(w, h.lo);
    where_text(w, "((");
    switch (leaves.nodes[0]->kind) {
    case KQL_EQUAL:
        put_equal_addresses(w, &h, leaves);
        break;
    case KQL_CIDR:
    case KQL_RANGE:
        put_ranges(w, &h, leaves);
        break;
    case KQL_EXISTS:
        where_text(w, h.hi);
        where_text(w, " IS NOT NULL");
        break;
    default:
        (void)snprintf(blob, sizeof(blob), "encode(printf('%%016x%%016x', %s_hi, %s_lo))", field,
                       field);
        where_ask_any(w, blob, "addr", leaves);
        break;
    }
    where_text(w, "))");
}

// --- Texts and lists by number -------------------------------------------------------------------

/// value IN (...), for names that are equal.
static void put_names(struct where *w, struct leaves leaves)
{
    where_text(w, "value IN (");
    for (size_t i = 0; i < leaves.count; i++) {
        where_text(w, i > 0 ? ", " : "");
        if (w->q != NULL) {
            sql_blob(w->q, leaves.nodes[i]->value.text, leaves.nodes[i]->value.size);
        }
    }
    where_text(w, ")");
}

void where_texts(struct where *w, const char *name, enum text_kind kind, const char *what,
                 struct leaves leaves)
{
    char stored[SQL_WHAT_SIZE];
    where_text(w, "(");
    where_column(w, name);
    if (leaves.nodes[0]->kind == KQL_EXISTS && kind == TEXT_NAME) {
        where_text(w, " IS NOT NULL)");
        return;
    }
    if (w->q != NULL) {
        sql_printf(w->q, " IN (SELECT id FROM texts WHERE kind = %d AND ", (int)kind);
    }
    if (leaves.nodes[0]->kind == KQL_EQUAL && kind == TEXT_NAME) {
        put_names(w, leaves);
    } else {
        where_ask_any(w, "value", what, leaves);
    }
    // A text without a number: no block of rows is read that has none.
    (void)snprintf(stored, sizeof(stored), "rest stored %s %s", name, what); // fits
    where_text(w, ") OR id IN (SELECT id FROM flows WHERE ");
    where_text(w, name);
    where_text(w, " = 0 AND ");
    where_ask_any(w, "rest", stored, leaves);
    where_text(w, "))");
    w->queries += 2;
}
