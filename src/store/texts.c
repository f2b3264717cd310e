// SPDX-License-Identifier: Apache-2.0
/*
 * An open-addressed table of 128-bit hashes, of the kind and the bytes; two texts that collide are
 * not met in the life of the universe. New texts wait, packed, for the next commit.
 */
#include "store/texts.h"

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

enum {
    SLOTS_FIRST = 1 << 12,
    NEW_SIZE_MAX = 256 << 20, ///< bytes that wait for a commit
    IMPORTED_FIRST = 1 << 30, ///< numbers from here on are given by records_import()
};

struct slot {
    struct hash128 hash;
    uint32_t id; ///< 0: free
};

/// In front of the bytes of a text that waits.
struct fresh {
    uint32_t id;
    uint32_t kind;
    uint32_t size;
};

struct texts {
    struct slot *slots;
    size_t slot_count; ///< a power of two, at most half full
    size_t count;
    uint32_t last; ///< the largest number given
    uint64_t left_out;
    struct buf fresh; ///< struct fresh and bytes, one after the other
};

static struct slot *find(const struct texts *t, struct hash128 hash)
{
    size_t mask = t->slot_count - 1;
    size_t at = (size_t)hash.low & mask;
    while (t->slots[at].id != 0 &&
           (t->slots[at].hash.low != hash.low || t->slots[at].hash.high != hash.high)) {
        at = (at + 1) & mask;
    }
    return &t->slots[at];
}

static struct hash128 hash_of(enum text_kind kind, const void *bytes, size_t size)
{
    struct hash128 hash = hash128(bytes, size);
    hash.high ^= (uint64_t)kind << 56; // the same bytes of two kinds are two texts
    return hash;
}

static int grow(struct texts *t)
{
    struct texts wider = { .slot_count = t->slot_count == 0 ? SLOTS_FIRST : 2 * t->slot_count };
    wider.slots = mem_zalloc_array(wider.slot_count, sizeof(wider.slots[0]));
    if (wider.slots == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i].id != 0) {
            *find(&wider, t->slots[i].hash) = t->slots[i];
        }
    }
    mem_free(t->slots);
    t->slots = wider.slots;
    t->slot_count = wider.slot_count;
    return 0;
}

static int add(struct texts *t, struct hash128 hash, uint32_t id)
{
    if (2 * (t->count + 1) > t->slot_count && grow(t) != 0) {
        return ERR_NO_MEMORY;
    }
    struct slot *slot = find(t, hash);
    if (slot->id == 0) { // taking back an export can have made two rows of one text
        *slot = (struct slot){ .hash = hash, .id = id };
        t->count++;
    }
    t->last = id > t->last && id < IMPORTED_FIRST ? id : t->last;
    return 0;
}

static int load(struct texts *t, struct duck_conn *c, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(c, "SELECT id, kind, value FROM texts", &rows, err);
    if (status != 0) {
        return status;
    }
    int found = 0;
    while (status == 0 && (found = duck_next(rows, err)) > 0) {
        struct duck_text value = duck_bytes(rows, 2);
        enum text_kind kind = (enum text_kind)duck_u64(rows, 1);
        status = add(t, hash_of(kind, value.data, value.size), (uint32_t)duck_u64(rows, 0));
    }
    duck_rows_free(rows);
    if (status != 0) {
        return err_set(err, status, "out of memory for the texts of the store");
    }
    return found < 0 ? found : 0;
}

int texts_open(struct duck_conn *c, struct texts **ret_texts, struct err *err)
{
    struct texts *t = mem_zalloc(sizeof(*t));
    if (t == NULL || grow(t) != 0) {
        mem_free(t);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    buf_init(&t->fresh, NEW_SIZE_MAX);
    if (load(t, c, err) != 0) {
        texts_close(t);
        return err->status;
    }
    *ret_texts = t;
    return 0;
}

void texts_close(struct texts *t)
{
    if (t != NULL) {
        buf_release(&t->fresh);
        mem_free(t->slots);
        mem_free(t);
    }
}

uint32_t texts_number(struct texts *t, enum text_kind kind, const void *bytes, size_t size)
{
    struct hash128 hash = hash_of(kind, bytes, size);
    struct slot *slot = find(t, hash);
    if (slot->id != 0) {
        return slot->id;
    }
    struct fresh head = { .id = t->last + 1, .kind = kind, .size = (uint32_t)size };
    if (t->count >= TEXTS_MAX || size > TEXT_SIZE_MAX ||
        buf_reserve(&t->fresh, sizeof(head) + size) != 0 || add(t, hash, head.id) != 0) {
        t->fresh.bad = false; // what is in it is whole
        t->left_out++;
        return 0;
    }
    buf_append(&t->fresh, &head, sizeof(head));
    buf_append(&t->fresh, bytes, size);
    return head.id;
}

int texts_store(struct texts *t, struct duck_conn *c, struct err *err)
{
    if (t->fresh.size == 0) {
        return 0;
    }
    struct duck_appender *a;
    int status = duck_appender_new(c, "texts", &a, err);
    if (status != 0) {
        return status;
    }
    size_t row = 0;
    for (size_t at = 0; status == 0 && at < t->fresh.size;) {
        struct fresh head;
        memcpy(&head, t->fresh.data + at, sizeof(head));
        struct duck_chunk *chunk = duck_appender_chunk(a);
        ((uint32_t *)duck_chunk_column(chunk, 0))[row] = head.id;
        ((uint8_t *)duck_chunk_column(chunk, 1))[row] = (uint8_t)head.kind;
        duck_chunk_set_bytes(chunk, 2, row, t->fresh.data + at + sizeof(head), head.size);
        at += sizeof(head) + head.size;
        if (++row == DUCK_CHUNK_ROWS || at == t->fresh.size) {
            status = duck_appender_push(a, row, err);
            row = 0;
        }
    }
    if (status == 0) {
        status = duck_appender_flush(a, err);
    }
    duck_appender_free(a);
    return status;
}

void texts_stored(struct texts *t)
{
    buf_clear(&t->fresh);
}

size_t texts_count(const struct texts *t)
{
    return t->count;
}

uint64_t texts_left_out(const struct texts *t)
{
    return t->left_out;
}
