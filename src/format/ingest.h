// SPDX-License-Identifier: Apache-2.0
/*
 * A document as Elasticsearch's ingest processors see it (IngestDocument): values are reached by
 * paths like observer.ingress.interface.id, setting one makes the maps on the way, and what cannot
 * be done has a message.
 *
 * Path elements are never numbers here, so no path leads into a list.
 */
#pragma once

#include "format/json_tree.h"

enum { INGEST_NAMES_MAX = 4 };

struct ingest_path {
    const char *text;
    size_t count; ///< 0: no path
    struct json_slice names[INGEST_NAMES_MAX];
};

/// `text` is kept; "" is no path.
struct ingest_path ingest_path(const char *text);

struct ingest {
    struct json_tree *tree;
    struct json_node *root;
    struct json_slice message; ///< why a step failed
};

/// Sets the message; always false, so that a step can return it.
bool ingest_fail(struct ingest *d, const char *format, ...) PRINTF_LIKE(2, 3);

/// The value at a path, or NULL when there is none.
struct json_node *ingest_get(const struct ingest *d, const struct ingest_path *path);

/// As ingest_get() in a script, `a?.b`: a parent that is null or missing gives NULL, one that is no
/// map fails. The path has two names.
bool ingest_get_safely(struct ingest *d, const struct ingest_path *path,
                       struct json_node **ret_value);

/// A node that can be set and appended. Never NULL: there is room for what a pipeline adds.
struct json_node *ingest_new(struct ingest *d, enum json_kind kind);

/// Puts `n`, which is in no container, at a path in place of what is there. Fails when something
/// on the way is no map.
bool ingest_set(struct ingest *d, const struct ingest_path *path, struct json_node *n);

/// Puts `n` at the end of the list at a path; what is there and is no list becomes one's first.
bool ingest_append(struct ingest *d, const struct ingest_path *path, struct json_node *n);

/// Takes away what is at a path and returns it, or NULL.
struct json_node *ingest_take(struct ingest *d, const struct ingest_path *path);

/// Moves a value out of the map `from`, which has it; it must not meet one at `to`.
bool ingest_rename(struct ingest *d, struct json_node *from, struct json_slice name,
                   const struct ingest_path *to);

static inline bool ingest_is_text(const struct json_node *n, const char *text)
{
    return n->kind == JSON_TEXT && json_slice_is(json_text_of(n), json_slice(text, strlen(text)));
}

/// Neither missing nor null nor "": what most of the pipeline's conditions ask.
static inline bool ingest_is_present(const struct json_node *n)
{
    return n != NULL && n->kind != JSON_NULL && !(n->kind == JSON_TEXT && n->size == 0);
}
