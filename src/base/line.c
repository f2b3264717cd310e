// SPDX-License-Identifier: Apache-2.0
/*
 * An origin with its texts and its count in one piece of memory.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/line.h"
#include "base/mem.h"

struct counted {
    struct origin origin; // first: what callers hold is what we hold
    _Atomic uint32_t refs;
    char texts[];
};

struct origin *origin_new(const struct origin *values)
{
    size_t path_size = strlen(values->path) + 1;
    size_t type_size = strlen(values->input_type) + 1;
    struct counted *c = mem_zalloc(sizeof(*c) + path_size + type_size);
    if (c == NULL) {
        return NULL;
    }
    c->origin = *values;
    c->origin.path = memcpy(c->texts, values->path, path_size);
    c->origin.input_type = memcpy(c->texts + path_size, values->input_type, type_size);
    atomic_store(&c->refs, 1);
    return &c->origin;
}

void origin_ref(struct origin *o)
{
    struct counted *c = (struct counted *)o;
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed); // it was not 0
}

void origin_unref(struct origin *o)
{
    struct counted *c = (struct counted *)o;
    if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1) {
        mem_free(c);
    }
}
