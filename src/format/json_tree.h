// SPDX-License-Identifier: Apache-2.0
/*
 * A JSON document as a tree that can be changed: what format/elastic works on.
 *
 * The kinds are those of Java's Jackson rather than of RFC 8259, because Elasticsearch tells them
 * apart: whole numbers of 64 bits, longer ones, doubles. Nodes and texts lie in an area that is
 * mapped once and costs only what was ever touched; one document after the other is made in it and
 * forgotten by json_tree_clear(). Nothing allocates in between and nothing here recurses.
 *
 * Text in nodes is UTF-8 in which a lone surrogate, which JSON can write as \ud83d, may stand as
 * three bytes (WTF-8); it is written as an escape again, so the output is always valid UTF-8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

enum {
    JSON_DEPTH_MAX = 1000, ///< of what is parsed; Jackson's limit
    /// Levels that a document may put above what was parsed.
    JSON_DEPTH_ABOVE = 16,
    JSON_WALK_MAX = JSON_DEPTH_MAX + JSON_DEPTH_ABOVE,
};

enum json_kind {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,    ///< fits int64_t
    JSON_BIG,    ///< a whole number that does not; its digits as they were written
    JSON_DOUBLE, ///< written with a dot or an exponent; may be infinite
    JSON_TEXT,
    JSON_LIST,
    JSON_MAP,
    JSON_RAW, ///< an object as bytes of JSON, written as it is
};

struct json_slice {
    const uint8_t *data;
    size_t size;
};

struct json_node {
    struct json_node *next; ///< in the list or map it is in
    const uint8_t *key;     ///< a map's member: its name
    uint32_t key_size;
    uint32_t key_hash; ///< the parser's; also order of Java's maps
    union {
        bool truth;
        int64_t number;
        double real;
        const uint8_t *text; ///< JSON_TEXT, JSON_BIG, JSON_RAW
        struct {
            struct json_node *first;
            struct json_node *last;
        } members;
    } value;
    uint32_t size; ///< bytes of text, or members
    uint8_t kind;  ///< enum json_kind
};

struct json_tree;

/// For documents made of up to `size_max` bytes of JSON; what is no UTF-8 in them may grow to
/// U+FFFD. ERR_NO_MEMORY.
int json_tree_new(size_t size_max, struct json_tree **ret_tree) MUST_USE;
void json_tree_free(struct json_tree *t);

/// Forgets every node and text.
void json_tree_clear(struct json_tree *t);

/// Whether something did not fit since json_tree_clear(). What was made is well-formed even so.
bool json_tree_full(const struct json_tree *t);

/// NULL when there is no more room.
struct json_node *json_new(struct json_tree *t, enum json_kind kind);

static inline bool json_is_container(const struct json_node *n)
{
    return n->kind == JSON_LIST || n->kind == JSON_MAP;
}

static inline struct json_slice json_slice(const void *data, size_t size)
{
    return (struct json_slice){ .data = data, .size = size };
}

/// memcmp() == 0 for names, which are short.
static inline bool json_same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    uint64_t x;
    uint64_t y;
    if (size < WORD) {
        size_t i = 0;
        while (i < size && a[i] == b[i]) {
            i++;
        }
        return i == size;
    }
    for (size_t i = 0; i + WORD <= size; i += WORD) {
        memcpy(&x, a + i, WORD);
        memcpy(&y, b + i, WORD);
        if (x != y) {
            return false;
        }
    }
    memcpy(&x, a + size - WORD, WORD); // some bytes twice
    memcpy(&y, b + size - WORD, WORD);
    return x == y;
}

static inline bool json_slice_is(struct json_slice a, struct json_slice b)
{
    return a.size == b.size && json_same_bytes(a.data, b.data, a.size);
}

static inline struct json_slice json_text_of(const struct json_node *n)
{
    return (struct json_slice){ .data = n->value.text, .size = n->size };
}

/// `n` becomes this text, number or truth value; what it was is forgotten.
void json_set_text(struct json_node *n, struct json_slice text);
void json_set_int(struct json_node *n, int64_t number);
void json_set_double(struct json_node *n, double real);

/// `n` takes the value of `from` and shares its members. Neither's members may change afterwards.
void json_set_same(struct json_node *n, const struct json_node *from);

/// A map's member of that name, or NULL.
static inline struct json_node *json_get(const struct json_node *map, struct json_slice name)
{
    for (struct json_node *n = map->value.members.first; n != NULL; n = n->next) {
        if (n->key_size == name.size && json_same_bytes(n->key, name.data, name.size)) {
            return n;
        }
    }
    return NULL;
}

/// Puts `n`, which is in no container, at the end of a list or map. In a map it has its name
/// already, and there is none of that name.
void json_push(struct json_node *container, struct json_node *n);

/// As json_push(), at the beginning.
void json_push_first(struct json_node *container, struct json_node *n);

/// Takes a map's member out and returns it; NULL when there is none of that name.
struct json_node *json_take(struct json_node *map, struct json_slice name);

/*
 * A text put together piece by piece; one at a time. A piece that does not fit is left out and the
 * tree is full.
 */
void json_text_begin(struct json_tree *t);
void json_text_add(struct json_tree *t, const void *data, size_t size);
/// Room for up to `size` bytes, or NULL; json_text_added() says where they end.
uint8_t *json_text_room(struct json_tree *t, size_t size);
void json_text_added(struct json_tree *t, const uint8_t *end);
struct json_slice json_text_end(struct json_tree *t);

/// `text` itself if it is UTF-8, else a copy with U+FFFD for each byte that is not.
struct json_slice json_tree_utf8(struct json_tree *t, struct json_slice text);

/// For each byte of `word` that ends a plain run in a JSON string (a quote, a backslash, below
/// 0x20) its high bit, and perhaps those of bytes above it; 0 when there is none.
static inline uint64_t json_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones << 7;
    uint64_t quote = word ^ ones * '"';
    uint64_t backslash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
            ((word - ones * 0x20) & ~word)) &
           highs;
}

/// How many bytes stand in front of the first one that `special`, which is not 0, marks; where
/// that cannot be told, 0.
static inline size_t json_plain_size(uint64_t special)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(special) / 8;
#else
    (void)special; // the bytes above are not those behind
    return 0;
#endif
}

/*
 * Every node of a subtree, each container before its members and once more after them:
 *
 *     for (struct json_walk w = json_walk(t, root); w.node != NULL; json_walk_on(&w)) ...
 *
 * One walk at a time, and no deeper than JSON_WALK_MAX.
 */
struct json_walk {
    const struct json_node *node;
    const struct json_node **above; ///< the containers that the node is in, the root's first
    size_t depth;                   ///< how many there are
    bool leaving;                   ///< after a container's members
};

struct json_walk json_walk(struct json_tree *t, const struct json_node *root);

static inline void json_walk_on(struct json_walk *w)
{
    if (json_is_container(w->node) && !w->leaving) {
        const struct json_node *first = w->node->value.members.first;
        if (first == NULL) {
            w->leaving = true;
            return;
        }
        CHECK(w->depth < JSON_WALK_MAX);
        w->above[w->depth++] = w->node;
        w->node = first;
    } else if (w->depth == 0) {
        w->node = NULL;
    } else if (w->node->next != NULL) {
        w->node = w->node->next;
        w->leaving = false;
    } else {
        w->node = w->above[--w->depth];
        w->leaving = true;
    }
}

/// Appends the JSON of a tree. Doubles are spelled as Java does: 1.0E7. May set out->bad.
void json_tree_append(struct json_tree *t, const struct json_node *root, struct buf *out);
