// SPDX-License-Identifier: Apache-2.0
/*
 * Two mapped areas, nodes and text, and a mark in each: clearing a tree is setting the marks back.
 *
 * A walk needs the way back up. Nodes have no pointer to their parent (members can be shared, and
 * it would be bytes in each of a million nodes), so the walk keeps a stack, and there is one.
 */
#include "format/json_tree.h"

#include <math.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"
#include "base/utf8.h"
#include "format/java_text.h"

enum {
    /// Every node but the first of its container has a comma in front; and what steps add.
    NODE_SIZE_MIN = 2,
    NODES_MORE = 2 * JSON_DEPTH_MAX + 1024,
    /// Text: U+FFFD for each byte (3), without escapes (3), printed by Java: `{123456=1, ` for
    /// `1,` in a list (6), small letters (2), and the same address in four places.
    TEXT_GROWTH = 20,
    TEXT_MORE = 64 << 10,
};

struct json_tree {
    struct json_node *nodes;
    size_t node_count;
    size_t node_max;
    uint8_t *text;
    size_t text_size;
    size_t text_max;
    size_t text_begun;
    bool full;
    const struct json_node *above[JSON_WALK_MAX];
};

int json_tree_new(size_t size_max, struct json_tree **ret_tree)
{
    struct json_tree *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return ERR_NO_MEMORY;
    }
    t->node_max = size_max / NODE_SIZE_MIN + NODES_MORE;
    t->text_max = size_max * TEXT_GROWTH + TEXT_MORE;
    t->nodes = mem_map(t->node_max * sizeof(*t->nodes));
    t->text = mem_map(t->text_max);
    if (t->nodes == NULL || t->text == NULL) {
        json_tree_free(t);
        return ERR_NO_MEMORY;
    }
    *ret_tree = t;
    return 0;
}

void json_tree_free(struct json_tree *t)
{
    if (t != NULL) {
        if (t->nodes != NULL) {
            mem_unmap(t->nodes, t->node_max * sizeof(*t->nodes));
        }
        if (t->text != NULL) {
            mem_unmap(t->text, t->text_max);
        }
        mem_free(t);
    }
}

void json_tree_clear(struct json_tree *t)
{
    t->node_count = 0;
    t->text_size = 0;
    t->text_begun = 0;
    t->full = false;
}

bool json_tree_full(const struct json_tree *t)
{
    return t->full;
}

struct json_node *json_new(struct json_tree *t, enum json_kind kind)
{
    if (t->node_count == t->node_max) {
        t->full = true;
        return NULL;
    }
    struct json_node *n = &t->nodes[t->node_count++];
    *n = (struct json_node){ .kind = (uint8_t)kind };
    return n;
}

void json_set_text(struct json_node *n, struct json_slice text)
{
    n->kind = JSON_TEXT;
    n->value.text = text.data;
    n->size = (uint32_t)text.size;
}

void json_set_int(struct json_node *n, int64_t number)
{
    n->kind = JSON_INT;
    n->value.number = number;
}

void json_set_double(struct json_node *n, double real)
{
    n->kind = JSON_DOUBLE;
    n->value.real = real;
}

void json_set_same(struct json_node *n, const struct json_node *from)
{
    n->kind = from->kind;
    n->value = from->value;
    n->size = from->size;
}

void json_push(struct json_node *container, struct json_node *n)
{
    n->next = NULL;
    if (container->value.members.first == NULL) {
        container->value.members.first = n;
    } else {
        container->value.members.last->next = n;
    }
    container->value.members.last = n;
    container->size++;
}

void json_push_first(struct json_node *container, struct json_node *n)
{
    n->next = container->value.members.first;
    if (n->next == NULL) {
        container->value.members.last = n;
    }
    container->value.members.first = n;
    container->size++;
}

struct json_node *json_take(struct json_node *map, struct json_slice name)
{
    struct json_node *before = NULL;
    for (struct json_node *n = map->value.members.first; n != NULL; before = n, n = n->next) {
        if (n->key_size != name.size || !json_same_bytes(n->key, name.data, name.size)) {
            continue;
        }
        if (before == NULL) {
            map->value.members.first = n->next;
        } else {
            before->next = n->next;
        }
        if (map->value.members.last == n) {
            map->value.members.last = before;
        }
        map->size--;
        n->next = NULL;
        return n;
    }
    return NULL;
}

// --- Texts -------------------------------------------------------------------------------------

void json_text_begin(struct json_tree *t)
{
    t->text_begun = t->text_size;
}

uint8_t *json_text_room(struct json_tree *t, size_t size)
{
    if (size > t->text_max - t->text_size) {
        t->full = true;
        return NULL;
    }
    return t->text + t->text_size;
}

void json_text_added(struct json_tree *t, const uint8_t *end)
{
    t->text_size = (size_t)(end - t->text);
}

void json_text_add(struct json_tree *t, const void *data, size_t size)
{
    uint8_t *at = json_text_room(t, size);
    if (at != NULL && size > 0) {
        memcpy(at, data, size);
        t->text_size += size;
    }
}

struct json_slice json_text_end(struct json_tree *t)
{
    return json_slice(t->text + t->text_begun, t->text_size - t->text_begun);
}

static size_t ascii_size(struct json_slice text)
{
    enum { WORD = sizeof(uint64_t) };
    size_t i = 0;
    for (; i + WORD <= text.size; i += WORD) {
        uint64_t word;
        memcpy(&word, text.data + i, WORD);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    while (i < text.size && text.data[i] < 0x80) {
        i++;
    }
    return i;
}

struct json_slice json_tree_utf8(struct json_tree *t, struct json_slice text)
{
    static const uint8_t REPLACEMENT[] = { 0xef, 0xbf, 0xbd };
    size_t good = 0; // up to here there is nothing to replace
    bool copying = false;
    uint32_t code;
    for (size_t i = ascii_size(text); i < text.size;) {
        size_t length = utf8_next(text.data + i, text.size - i, &code);
        if (length > 0) {
            i += length;
            continue;
        }
        if (!copying) {
            json_text_begin(t);
            copying = true;
        }
        json_text_add(t, text.data + good, i - good);
        json_text_add(t, REPLACEMENT, sizeof(REPLACEMENT));
        good = ++i;
    }
    if (!copying) {
        return text;
    }
    json_text_add(t, text.data + good, text.size - good);
    return json_text_end(t);
}

// --- Walking and writing -----------------------------------------------------------------------

struct json_walk json_walk(struct json_tree *t, const struct json_node *root)
{
    return (struct json_walk){ .node = root, .above = t->above };
}

/// How a byte is written in a string: as it is (0), after a backslash, as \u00.. ('u'), or perhaps
/// the start of a lone surrogate ('s').
static const uint8_t ESCAPES[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n',          'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u',          'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\', [0xed] = 's',
};

static uint8_t *put_unicode(uint8_t *at, uint32_t code)
{
    *at++ = '\\';
    *at++ = 'u';
    return num_put_hex(at, code, 4);
}

/// What stands between the quotes.
static uint8_t *put_text(uint8_t *at, const uint8_t *text, size_t size)
{
    const uint8_t *end = text + size;
    uint64_t word;
    while (text < end) {
        // Eight bytes at a time up to one to escape, or one of a character that may be a surrogate.
        while ((size_t)(end - text) >= sizeof(word)) {
            memcpy(&word, text, sizeof(word));
            memcpy(at, &word, sizeof(word));
            uint64_t special = (word & UINT64_C(0x8080808080808080)) | json_special(word);
            size_t plain = special == 0 ? sizeof(word) : json_plain_size(special);
            at += plain;
            text += plain;
            if (special != 0) {
                break;
            }
        }
        if (text == end) {
            break;
        }
        uint8_t c = *text;
        uint8_t escape = ESCAPES[c];
        if (escape == 0) {
            *at++ = c;
            text++;
        } else if (escape == 's') {
            DCHECK(end - text >= 3);
            bool lone = text[1] >= 0xa0;
            uint32_t code = 0xd000U | (text[1] & 0x3fU) << 6 | (text[2] & 0x3fU);
            at = lone ? put_unicode(at, code) : (uint8_t *)memcpy(at, text, 3) + 3;
            text += 3;
        } else if (escape == 'u') {
            at = put_unicode(at, c);
            text++;
        } else {
            *at++ = '\\';
            *at++ = escape;
            text++;
        }
    }
    return at;
}

/// A string, in pieces that end with a character: room is asked for what may have to be escaped,
/// and of a long text that would be a lot.
static void append_text(const uint8_t *text, size_t size, struct buf *out)
{
    enum { PIECE = 4096 };
    buf_append_char(out, '"');
    while (size > 0) {
        size_t piece = size < PIECE ? size : PIECE;
        while (piece < size && (text[piece] & 0xc0) == 0x80) {
            piece--;
        }
        if (buf_reserve(out, piece * JSON_ESCAPE_SIZE_MAX) != 0) {
            return;
        }
        buf_advance(out, put_text(buf_tail(out), text, piece));
        text += piece;
        size -= piece;
    }
    buf_append_char(out, '"');
}

static void append_number(const struct json_node *n, struct buf *out)
{
    if (buf_reserve(out, JAVA_DOUBLE_SIZE_MAX + 2) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    if (n->kind == JSON_INT) {
        at = java_put_int(at, n->value.number);
    } else if (isfinite(n->value.real)) {
        at = java_put_double(at, n->value.real);
    } else {
        // There is no JSON for these; Jackson writes their names as strings.
        *at++ = '"';
        at = java_put_double(at, n->value.real);
        *at++ = '"';
    }
    buf_advance(out, at);
}

/// A scalar, or what a container begins with.
static void append_node(const struct json_node *n, struct buf *out)
{
    switch ((enum json_kind)n->kind) {
    case JSON_NULL:
        buf_append(out, "null", 4);
        break;
    case JSON_BOOL:
        buf_append_text(out, n->value.truth ? "true" : "false");
        break;
    case JSON_INT:
    case JSON_DOUBLE:
        append_number(n, out);
        break;
    case JSON_TEXT:
        append_text(n->value.text, n->size, out);
        break;
    case JSON_BIG:
    case JSON_RAW:
        buf_append(out, n->value.text, n->size);
        break;
    case JSON_LIST:
        buf_append_char(out, '[');
        break;
    case JSON_MAP:
        buf_append_char(out, '{');
        break;
    }
}

void json_tree_append(struct json_tree *t, const struct json_node *root, struct buf *out)
{
    bool first = true;
    for (struct json_walk w = json_walk(t, root); w.node != NULL; json_walk_on(&w)) {
        if (w.leaving) {
            buf_append_char(out, w.node->kind == JSON_MAP ? '}' : ']');
            first = false;
            continue;
        }
        if (!first) {
            buf_append_char(out, ',');
        }
        if (w.depth > 0 && w.above[w.depth - 1]->kind == JSON_MAP) {
            append_text(w.node->key, w.node->key_size, out);
            buf_append_char(out, ':');
        }
        append_node(w.node, out);
        first = json_is_container(w.node);
    }
}
