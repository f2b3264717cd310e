// SPDX-License-Identifier: Apache-2.0
/*
 * KQL, the language of Kibana's search bar
 * (https://www.elastic.co/docs/reference/query-languages/kql), over the fields of query_fields.h.
 *
 *     source.ip: 10.0.0.0/8 and destination.port: (80 or 443) and not network.transport: udp
 *     bytes > 1000000   host: 192.0.2.* as: 64500   "quoted text"   source.geo.city_name: *
 *
 * A text becomes a tree whose values have been read for the type of their field, so that whoever
 * uses it (kql_matches() here, SQL in store/sql.h) only compares. A tree is constant once made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "flow/batch.h"
#include "query/applications.h"
#include "query/query_fields.h"
#include "query/query_other.h"

/// What is wrong with a text, and where: what a person reads below the search bar.
struct kql_error {
    size_t offset;  ///< of the first byte that is wrong
    size_t column;  ///< the same in characters, from 1
    char text[256]; ///< "expected a value after \"source.ip:\""
};

enum {
    KQL_SIZE_MAX = 1 << 20,     ///< bytes of a text
    KQL_NODES_MAX = 100 * 1000, ///< of a tree
    KQL_DEPTH_MAX = 200,        ///< parentheses and "not" in one another
    KQL_VALUE_SIZE_MAX = 4096,  ///< bytes of a value
};

enum kql_kind {
    KQL_ALL,    ///< every record: an empty text, *
    KQL_AND,    ///< all of its children
    KQL_OR,     ///< one of its children
    KQL_NOT,    ///< not its child
    KQL_EXISTS, ///< the field has a value
    KQL_EQUAL,  ///< some value of the field equals
    KQL_RANGE,  ///< some value of the field lies in low..high (both included)
    KQL_CIDR,   ///< some address of the field lies in `cidr`
    KQL_LIKE,   ///< some text of the field is as `text`, a pattern of kql_like()
    KQL_WORDS,  ///< some text of the field has the words of `text`, in any case (bare words)
};

struct kql_node {
    enum kql_kind kind;
    enum query_field field;
    bool folded;                            ///< LIKE: without case
    struct query_other other;               ///< of QUERY_OTHER
    const struct kql_node *const *children; ///< AND, OR, NOT
    size_t child_count;
    struct query_value value;        ///< EQUAL; its text is owned by the tree
    uint64_t low, high;              ///< RANGE of numbers, dates and texts that are numbers
    struct addr low_addr, high_addr; ///< RANGE of addresses, both of one family
    struct cidr cidr;
    const char *text; ///< LIKE, WORDS; RANGE of QUERY_OTHER: the limit, a number
    size_t size;
    bool above;     ///< RANGE of QUERY_OTHER: above the limit, else below
    bool exclusive; ///< ... and not the limit itself
    uint32_t order; ///< in which the nodes were made
};

/// Whether two leaves are of one field and one kind. Such leaves stand beside each other in AND and
/// OR.
bool kql_is_alike(const struct kql_node *a, const struct kql_node *b);

struct kql;

/// What a text is read with.
struct kql_context {
    uint64_t now_ns;                         ///< wall clock: what now-1h is counted from
    int32_t zone_s;                          ///< seconds east of UTC, of dates without a zone
    const struct applications *applications; ///< network.application becomes protocols and ports
    const struct mapping *mapping;           ///< whose custom columns are goflow2.NAME; or NULL
};

/// Reads a text of `size` bytes. The mapping must outlive the tree. ERR_INVALID: `ret_error` says
/// what and where. ERR_NO_MEMORY.
int kql_parse(const char *text, size_t size, const struct kql_context *context,
              struct kql **ret_kql, struct kql_error *ret_error) MUST_USE;
/// NULL is fine.
void kql_free(struct kql *kql);
const struct kql_node *kql_root(const struct kql *kql);

/// Whether a value is what a leaf (EQUAL, RANGE, CIDR, LIKE, WORDS, EXISTS) says of its field.
bool kql_value_matches(const struct kql_node *leaf, const struct query_value *value);

/// Whether a record is meant. NULL is every record.
bool kql_matches(const struct kql *kql, const struct batch *batch, const struct flow *flow);

/// The same with source and destination swapped (REVERSED in query_fields.def): the traffic in the
/// other direction. ERR_NO_MEMORY.
int kql_reverse(const struct kql *kql, struct kql **ret_kql) MUST_USE;

/// Whether `value` is as `pattern`, in which * stands for anything and \ takes the meaning from
/// what follows: one rule for live records and for SQL. `folded`: in any case of letters.
bool kql_like(const char *value, size_t size, const char *pattern, size_t pattern_size,
              bool folded);
/// Whether the words of `words` are words of `value` one after the other, in any case. Words are of
/// letters, digits and _.
bool kql_has_words(const char *value, size_t size, const char *words, size_t words_size);
