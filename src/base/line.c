// SPDX-License-Identifier: Apache-2.0
/*
 * An origin with its texts and its count in one piece of memory.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/json_text.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/num.h"

struct counted {
    struct origin origin; // first: what callers hold is what we hold
    _Atomic uint32_t refs;
    char texts[];
};

static _Atomic uint64_t last_serial;

/// ECS log.file.* of a file. Returns its size.
static size_t put_json(const struct origin *o, char *at)
{
    char *begin = at;
    at = stpcpy(at, "\"file\":{\"path\":");
    at = (char *)json_put_string((uint8_t *)at, (const uint8_t *)o->path, strlen(o->path));
    at = stpcpy(at, ",\"device_id\":\"");
    at = (char *)num_put_u64((uint8_t *)at, o->device);
    at = stpcpy(at, "\",\"inode\":\"");
    at = (char *)num_put_u64((uint8_t *)at, o->inode);
    at = stpcpy(at, "\"}");
    return (size_t)(at - begin);
}

struct origin *origin_new(const struct origin *values)
{
    enum { JSON_FIXED_SIZE = 128 };
    size_t path_size = strlen(values->path) + 1;
    size_t type_size = strlen(values->input_type) + 1;
    size_t json_size = JSON_ESCAPE_SIZE_MAX * path_size + JSON_FIXED_SIZE;
    struct counted *c = mem_zalloc(sizeof(*c) + path_size + type_size + json_size);
    if (c == NULL) {
        return NULL;
    }
    c->origin = *values;
    c->origin.path = memcpy(c->texts, values->path, path_size);
    c->origin.input_type = memcpy(c->texts + path_size, values->input_type, type_size);
    char *json = c->texts + path_size + type_size;
    c->origin.json = json;
    c->origin.json_size = values->is_file ? put_json(values, json) : 0;
    c->origin.serial = atomic_fetch_add(&last_serial, 1) + 1;
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
