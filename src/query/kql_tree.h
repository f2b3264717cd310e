// SPDX-License-Identifier: Apache-2.0
/*
 * The memory of a tree: nodes and texts in blocks that go all at once.
 *
 * For the files of query/ only.
 */
#pragma once

#include "query/kql.h"

struct kql_block;

struct kql {
    struct kql_block *blocks;
    size_t node_count;
    const struct kql_node *root; ///< NULL until it is made
};

/// An empty tree, or NULL.
struct kql *kql_new(void) MUST_USE;

/// `size` bytes of zeros that live as long as the tree, or NULL.
void *kql_alloc(struct kql *kql, size_t size) MUST_USE;

/// A copy of `size` bytes and a NUL, or NULL.
char *kql_copy(struct kql *kql, const char *text, size_t size) MUST_USE;

/// A copy of a node, or NULL.
const struct kql_node *kql_node_new(struct kql *kql, const struct kql_node *node) MUST_USE;

/// AND or OR of `count` nodes, the node itself when it is one; NULL when out of memory. Short rows
/// of the same kind within become part of it, and all are put in order: see kql_is_alike().
const struct kql_node *kql_join(struct kql *kql, enum kql_kind kind,
                                const struct kql_node *const *nodes, size_t count) MUST_USE;

/// NOT of a node; NULL when out of memory.
const struct kql_node *kql_negate(struct kql *kql, const struct kql_node *node) MUST_USE;
