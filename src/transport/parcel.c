// SPDX-License-Identifier: Apache-2.0
/*
 * Every action has the same form, which is what makes reading them back easy: the stream stands
 * between two known texts, and so does the id.
 */
#include "transport/parcel.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/status.h"

enum {
    ITEMS_FIRST = 1024,
    HASH_DIGITS = 16,
    NOTE_DIGITS = 2 * BACKING_STREAMS_MAX * HASH_DIGITS,
};

static const char BEGIN[] = "{\"create\":{\"_index\":\"";
static const char BEFORE_ID[] = "\",\"_id\":\"";
static const char END[] = "\"}}\n";
/// The line of a note is NOTE, the hashes of `before`, NOTE_END. No document looks like that.
static const char NOTE[] = "{\"sent\":\"";
static const char NOTE_END[] = "\"}\n";

enum { NOTE_SIZE = sizeof(NOTE) - 1 + NOTE_DIGITS + sizeof(NOTE_END) - 1 };

int parcel_new(struct parcel **ret_parcel)
{
    struct parcel *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    buf_init(&p->body, PARCEL_SIZE_MAX);
    *ret_parcel = p;
    return 0;
}

void parcel_free(struct parcel *p)
{
    if (p != NULL) {
        CHECK(p->batch_count == 0);
        buf_release(&p->body);
        mem_free(p->items);
        mem_free(p);
    }
}

void parcel_clear(struct parcel *p)
{
    CHECK(p->batch_count == 0);
    buf_clear(&p->body);
    p->count = 0;
    p->begun_ns = 0;
    p->error_documents = 0;
    p->uncertain = false;
    p->tries = 0;
}

void parcel_append_prefix(struct buf *out, const char *stream)
{
    buf_append_text(out, BEGIN);
    buf_append_text(out, stream);
}

/// Room for one more item.
static int reserve_item(struct parcel *p)
{
    if (p->count < p->capacity) {
        return 0;
    }
    size_t capacity = p->capacity == 0 ? ITEMS_FIRST : 2 * p->capacity;
    struct parcel_item *items = mem_resize(p->items, capacity * sizeof(items[0]));
    if (items == NULL) {
        return ERR_NO_MEMORY;
    }
    p->items = items;
    p->capacity = capacity;
    return 0;
}

void parcel_add(struct parcel *p, const struct buf *prefix, const void *id, size_t id_size)
{
    p->open = p->body.size;
    if (reserve_item(p) != 0) {
        p->body.bad = true;
        return;
    }
    struct parcel_item *item = &p->items[p->count];
    item->begin = (uint32_t)p->body.size; // below PARCEL_SIZE_MAX
    buf_append(&p->body, prefix->data, prefix->size);
    if (id_size > 0) {
        buf_append(&p->body, BEFORE_ID, sizeof(BEFORE_ID) - 1);
        buf_append(&p->body, id, id_size);
    }
    buf_append(&p->body, END, sizeof(END) - 1);
    item->document = (uint32_t)p->body.size;
    item->uncertain = false;
}

bool parcel_add_end(struct parcel *p)
{
    buf_append_char(&p->body, '\n');
    if (p->body.bad) {
        p->body.bad = false;
        p->body.size = p->open;
        return false;
    }
    p->items[p->count++].end = (uint32_t)p->body.size;
    return true;
}

void parcel_hold(struct parcel *p, struct batch *batch)
{
    CHECK(p->batch_count < PARCEL_BATCHES_MAX);
    p->batches[p->batch_count++] = batch;
}

void parcel_release(struct parcel *p, bool undelivered)
{
    for (size_t i = 0; i < p->batch_count; i++) {
        if (undelivered) {
            batch_set_undelivered(p->batches[i]);
        }
        batch_unref(p->batches[i]);
    }
    p->batch_count = 0;
}

/// The offset behind the line that begins at `at`; 0: it has no end.
static size_t line_end(const struct buf *body, size_t at)
{
    const uint8_t *end = memchr(body->data + at, '\n', body->size - at);
    return end == NULL ? 0 : (size_t)(end - body->data) + 1;
}

/// Whether the bytes from `begin` to `end` are an action.
static bool is_action(const struct buf *body, size_t begin, size_t end)
{
    size_t size = end - begin;
    return size > sizeof(BEGIN) + sizeof(END) - 2 &&
           memcmp(body->data + begin, BEGIN, sizeof(BEGIN) - 1) == 0 &&
           memcmp(body->data + end - (sizeof(END) - 1), END, sizeof(END) - 1) == 0;
}

static uint64_t read_hash(const uint8_t *digits)
{
    uint64_t hash = 0;
    for (int i = 0; i < HASH_DIGITS; i++) {
        int digit = num_hex_digit(digits[i]);
        hash = hash << 4 | (uint64_t)(digit < 0 ? 0 : digit);
    }
    return hash;
}

/// Takes a note off the end of the body, which is longer than one.
static void take_note(struct parcel *p)
{
    const uint8_t *at = p->body.data + p->body.size - NOTE_SIZE;
    if (at[-1] != '\n' || memcmp(at, NOTE, sizeof(NOTE) - 1) != 0) {
        return;
    }
    at += sizeof(NOTE) - 1;
    for (size_t i = 0; i < BACKING_STREAMS_MAX; i++) {
        p->before.streams[i] = read_hash(at);
        p->before.indices[i] = read_hash(at + HASH_DIGITS);
        at += 2 * HASH_DIGITS;
    }
    p->uncertain = true;
    p->body.size -= NOTE_SIZE;
}

int parcel_find_items(struct parcel *p)
{
    p->count = 0;
    if (p->body.size > NOTE_SIZE) {
        take_note(p);
    }
    for (size_t at = 0; at < p->body.size;) {
        size_t document = line_end(&p->body, at);
        size_t end = document == 0 || document == p->body.size ? 0 : line_end(&p->body, document);
        if (end == 0 || !is_action(&p->body, at, document)) {
            p->count = 0;
            return ERR_INVALID;
        }
        if (reserve_item(p) != 0) {
            p->count = 0;
            return ERR_NO_MEMORY;
        }
        p->items[p->count++] = (struct parcel_item){ .begin = (uint32_t)at,
                                                     .document = (uint32_t)document,
                                                     .end = (uint32_t)end,
                                                     .uncertain = p->uncertain };
        at = end;
    }
    return 0;
}

size_t parcel_fit(const struct parcel *p, size_t first, size_t size_max, size_t *ret_size)
{
    size_t size = 0;
    size_t i = first;
    for (; i < p->count; i++) {
        size_t more = p->items[i].end - p->items[i].begin;
        if (i > first && size + more > size_max) {
            break;
        }
        size += more;
    }
    *ret_size = size;
    return i - first;
}

const uint8_t *parcel_bytes(const struct parcel *p, size_t first, size_t count, struct buf *scratch,
                            size_t *ret_size)
{
    const struct parcel_item *items = p->items + first;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += items[i].end - items[i].begin;
    }
    *ret_size = size;
    if (count > 0 && items[count - 1].end - items[0].begin == size) {
        return p->body.data + items[0].begin;
    }
    buf_clear(scratch);
    for (size_t i = 0; i < count; i++) {
        buf_append(scratch, p->body.data + items[i].begin, items[i].end - items[i].begin);
    }
    return scratch->bad ? NULL : scratch->data;
}

static void append_note(const struct parcel *p, struct buf *out)
{
    uint8_t digits[NOTE_DIGITS];
    uint8_t *at = digits;
    for (size_t i = 0; i < BACKING_STREAMS_MAX; i++) {
        at = num_put_hex(at, p->before.streams[i], HASH_DIGITS);
        at = num_put_hex(at, p->before.indices[i], HASH_DIGITS);
    }
    buf_append_text(out, NOTE);
    buf_append(out, digits, sizeof(digits));
    buf_append_text(out, NOTE_END);
}

const uint8_t *parcel_spool_bytes(const struct parcel *p, struct buf *scratch, size_t *ret_size)
{
    const uint8_t *bytes = parcel_bytes(p, 0, p->count, scratch, ret_size);
    if (bytes == NULL || !p->uncertain) {
        return bytes;
    }
    if (bytes != scratch->data) {
        buf_clear(scratch);
        buf_append(scratch, bytes, *ret_size);
    }
    append_note(p, scratch);
    *ret_size = scratch->size;
    return scratch->bad ? NULL : scratch->data;
}

struct parcel_address parcel_address(const struct parcel *p, const struct parcel_item *item)
{
    const uint8_t *stream = p->body.data + item->begin + sizeof(BEGIN) - 1;
    const uint8_t *end = p->body.data + item->document - (sizeof(END) - 1);
    size_t size = (size_t)(end - stream);
    const uint8_t *middle = memmem(stream, size, BEFORE_ID, sizeof(BEFORE_ID) - 1);
    struct parcel_address address = { .stream = stream, .stream_size = size };
    if (middle != NULL) {
        address.stream_size = (size_t)(middle - stream);
        address.id = middle + sizeof(BEFORE_ID) - 1;
        address.id_size = (size_t)(end - address.id);
    }
    return address;
}

bool parcel_is_for(const struct parcel *p, const struct parcel_item *item,
                   const struct parcel_address *address)
{
    const uint8_t *stream = p->body.data + item->begin + sizeof(BEGIN) - 1;
    size_t most = item->document - item->begin - sizeof(BEGIN) + 1;
    return address->stream_size < most && stream[address->stream_size] == '"' &&
           memcmp(stream, address->stream, address->stream_size) == 0;
}
