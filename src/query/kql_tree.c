// SPDX-License-Identifier: Apache-2.0
/*
 * A tree is made once, used by any number of threads, and freed as a whole: so its parts stand in
 * large blocks one behind the other.
 */
#include "query/kql_tree.h"

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

struct kql_node *kql_node_new(struct kql *kql, const struct kql_node *node)
{
    struct kql_node *copy = kql_alloc(kql, sizeof(*copy));
    if (copy != NULL) {
        *copy = *node;
        kql->node_count++;
    }
    return copy;
}

struct kql_node *kql_join(struct kql *kql, enum kql_kind kind, struct kql_node *const *nodes,
                          size_t count)
{
    if (count == 1) {
        return nodes[0];
    }
    struct kql_node **children = kql_alloc(kql, count * sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    if (count > 0) {
        memcpy(children, nodes, count * sizeof(children[0]));
    }
    return kql_node_new(
        kql, &(struct kql_node){
                 .kind = kind, .field = QUERY_NONE, .children = children, .child_count = count });
}

struct kql_node *kql_negate(struct kql *kql, struct kql_node *node)
{
    struct kql_node **children = kql_alloc(kql, sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    children[0] = node;
    return kql_node_new(
        kql, &(struct kql_node){
                 .kind = KQL_NOT, .field = QUERY_NONE, .children = children, .child_count = 1 });
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

/// A copy of a tree of bounded depth.
static struct kql_node *reverse(struct kql *kql, const struct kql_node *node)
{
    struct kql_node *copy = kql_node_new(kql, node);
    if (copy == NULL) {
        return NULL;
    }
    copy->field = reversed(node->field);
    const char **texts[] = { &copy->name, &copy->text, &copy->value.text };
    const size_t sizes[] = { node->name == NULL ? 0 : strlen(node->name), node->size,
                             node->value.size };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (*texts[i] != NULL && (*texts[i] = kql_copy(kql, *texts[i], sizes[i])) == NULL) {
            return NULL;
        }
    }
    struct kql_node **children = kql_alloc(kql, node->child_count * sizeof(children[0]));
    if (children == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < node->child_count; i++) {
        children[i] = reverse(kql, node->children[i]);
        if (children[i] == NULL) {
            return NULL;
        }
    }
    copy->children = children;
    return copy;
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
