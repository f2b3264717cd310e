// SPDX-License-Identifier: Apache-2.0
/*
 * A tree is made once, used by any number of threads, and freed as a whole: so its parts stand in
 * large blocks one behind the other.
 */
#include "query/kql_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

enum { BLOCK_SIZE = 16 << 10, ALIGNMENT = 16 };

struct kql_block {
    struct kql_block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

struct kql *kql_new(void)
{
    return mem_zalloc(sizeof(struct kql));
}

void kql_free(struct kql *kql)
{
    if (kql == NULL) {
        return;
    }
    while (kql->blocks != NULL) {
        struct kql_block *next = kql->blocks->next;
        mem_free(kql->blocks);
        kql->blocks = next;
    }
    mem_free(kql);
}

void *kql_alloc(struct kql *kql, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct kql_block *block = kql->blocks;
    if (block == NULL || block->size - block->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = mem_zalloc(sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct kql_block){ .next = kql->blocks, .size = room };
        kql->blocks = block;
    }
    void *bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

char *kql_copy(struct kql *kql, const char *text, size_t size)
{
    char *copy = kql_alloc(kql, size + 1);
    if (copy != NULL && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

const struct kql_node *kql_node_new(struct kql *kql, const struct kql_node *node)
{
    struct kql_node *copy = kql_alloc(kql, sizeof(*copy));
    if (copy != NULL) {
        *copy = *node;
        copy->order = (uint32_t)kql->node_count++;
    }
    return copy;
}

const struct kql_node *kql_negate(struct kql *kql, const struct kql_node *node)
{
    const struct kql_node **children = kql_alloc(kql, sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    children[0] = node;
    return kql_node_new(
        kql, &(struct kql_node){
                 .kind = KQL_NOT, .field = QUERY_NONE, .children = children, .child_count = 1 });
}

// --- Joining -------------------------------------------------------------------------------------

bool kql_is_alike(const struct kql_node *a, const struct kql_node *b)
{
    return a->kind == b->kind && a->field == b->field &&
           (a->field != QUERY_OTHER || strcmp(a->other.name, b->other.name) == 0);
}

/// By field, then kind, then what keeps an order that does not depend on qsort().
static int compare(const void *a_, const void *b_)
{
    const struct kql_node *a = *(const struct kql_node *const *)a_;
    const struct kql_node *b = *(const struct kql_node *const *)b_;
    if (a->field != b->field) {
        return a->field > b->field ? 1 : -1;
    }
    if (a->kind != b->kind) {
        return a->kind > b->kind ? 1 : -1;
    }
    bool named = a->other.name != NULL && b->other.name != NULL;
    int order = named ? strcmp(a->other.name, b->other.name) : 0;
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static const struct kql_node *join(struct kql *kql, enum kql_kind kind,
                                   const struct kql_node *const *nodes, size_t count)
{
    if (count == 1) {
        return nodes[0];
    }
    const struct kql_node **children = kql_alloc(kql, count * sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    if (count > 0) {
        memcpy(children, nodes, count * sizeof(children[0]));
        qsort(children, count, sizeof(children[0]), compare);
    }
    return kql_node_new(
        kql, &(struct kql_node){
                 .kind = kind, .field = QUERY_NONE, .children = children, .child_count = count });
}

/// Whether a node's children can stand in its place. Long rows stay what they are: they would be
/// copied with each pair of parentheses around them.
static bool is_flat(enum kql_kind kind, const struct kql_node *node)
{
    enum { ROW_MAX = 64 };
    return node->kind == kind && node->child_count <= ROW_MAX;
}

/// How many nodes there are when those of the same kind give their children.
static size_t count_flat(enum kql_kind kind, const struct kql_node *const *nodes, size_t count)
{
    size_t flat = 0;
    for (size_t i = 0; i < count; i++) {
        flat += is_flat(kind, nodes[i]) ? nodes[i]->child_count : 1;
    }
    return flat;
}

/// not A and not B is not (A or B).
// NOLINTNEXTLINE(misc-no-recursion): once: an OR joins none
static const struct kql_node *join_nots(struct kql *kql, const struct kql_node **nodes,
                                        size_t count)
{
    const struct kql_node **nots = kql_alloc(kql, count * sizeof(nodes[0]));
    size_t kept = 0;
    size_t negated = 0;
    if (nots == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (nodes[i]->kind == KQL_NOT) {
            nots[negated++] = nodes[i]->children[0];
        } else {
            nodes[kept++] = nodes[i];
        }
    }
    if (negated > 0) {
        const struct kql_node *any = kql_join(kql, KQL_OR, nots, negated);
        nodes[kept] = any == NULL ? NULL : kql_negate(kql, any);
        if (nodes[kept++] == NULL) {
            return NULL;
        }
    }
    return join(kql, KQL_AND, nodes, kept);
}

// NOLINTNEXTLINE(misc-no-recursion): as join_nots()
const struct kql_node *kql_join(struct kql *kql, enum kql_kind kind,
                                const struct kql_node *const *nodes, size_t count)
{
    const struct kql_node **flat = kql_alloc(kql, count_flat(kind, nodes, count) * sizeof(flat[0]));
    size_t flat_count = 0;
    if (flat == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_flat(kind, nodes[i])) {
            flat[flat_count++] = nodes[i];
            continue;
        }
        for (size_t child = 0; child < nodes[i]->child_count; child++) {
            flat[flat_count++] = nodes[i]->children[child];
        }
    }
    return kind == KQL_AND ? join_nots(kql, flat, flat_count) : join(kql, kind, flat, flat_count);
}

const struct kql_node *kql_root(const struct kql *kql)
{
    return kql == NULL ? NULL : kql->root;
}

// --- The other direction -------------------------------------------------------------------------

static enum query_field reversed(enum query_field field)
{
    return field < QUERY_OTHER ? query_field_info(field).reversed : field;
}

static bool copy_text(struct kql *kql, const char **text, size_t size)
{
    if (*text != NULL) {
        *text = kql_copy(kql, *text, size);
        return *text != NULL;
    }
    return true;
}

static const struct kql_node *reverse_leaf(struct kql *kql, const struct kql_node *node)
{
    struct kql_node copy = *node;
    copy.field = reversed(node->field);
    return copy_text(kql, &copy.other.name,
                     node->other.name == NULL ? 0 : strlen(node->other.name)) &&
                   copy_text(kql, &copy.text, node->size) &&
                   copy_text(kql, &copy.value.text, node->value.size)
               ? kql_node_new(kql, &copy)
               : NULL;
}

/// A copy of a tree of bounded depth.
// NOLINTNEXTLINE(misc-no-recursion): trees are of bounded depth
static const struct kql_node *reverse(struct kql *kql, const struct kql_node *node)
{
    if (node->kind != KQL_NOT && node->kind != KQL_AND && node->kind != KQL_OR) {
        return reverse_leaf(kql, node);
    }
    const struct kql_node **children = kql_alloc(kql, node->child_count * sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        children[i] = reverse(kql, node->children[i]);
        if (children[i] == NULL) {
            return NULL;
        }
    }
    return node->kind == KQL_NOT ? kql_negate(kql, children[0])
                                 : join(kql, node->kind, children, node->child_count);
}

int kql_reverse(const struct kql *kql, struct kql **ret_kql)
{
    struct kql *copy = kql_new();
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    copy->root = reverse(copy, kql->root);
    if (copy->root == NULL) {
        kql_free(copy);
        return ERR_NO_MEMORY;
    }
    *ret_kql = copy;
    return 0;
}
