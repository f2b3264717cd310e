// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a server's reply to a _bulk request; the first byte says how many documents were
 * sent. A reply that is taken has an outcome for each of them that lies in it and whose reason is
 * text; it is not taken for another number of documents, nor when its end is missing.
 */
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "transport/bulk.h"

enum { REASON_ROOM = 4 * BULK_REASON_SIZE_MAX };

static bool lies_in(const uint8_t *part, size_t part_size, const uint8_t *whole, size_t size)
{
    return part >= whole && part_size <= size && part <= whole + (size - part_size);
}

static void check_verdict(const struct bulk_item *item)
{
    CHECK(item->status > 0 && item->status < 600);
    CHECK((item->verdict == BULK_DELIVERED) == (item->status == 200 || item->status == 201));
    CHECK((item->verdict == BULK_DUPLICATE) == (item->status == 409));
    CHECK((item->verdict == BULK_FORBIDDEN) == (item->status == 401 || item->status == 403));
    CHECK(item->status < 500 || item->verdict == BULK_LATER);
    CHECK(item->status != 400 || item->verdict == BULK_REFUSED);
}

static void check_reason(const struct bulk_item *item, struct buf *reason)
{
    buf_clear(reason);
    bulk_append_reason(item, reason);
    CHECK(!reason->bad && reason->size <= BULK_REASON_SIZE_MAX);
    for (size_t i = 0; i < reason->size; i++) {
        CHECK(reason->data[i] >= 0x20 && reason->data[i] != 0x7f);
    }
}

/// A heap block of exactly that size, so that a byte past it is seen.
static uint8_t *copy_of(const uint8_t *data, size_t size)
{
    uint8_t *copy = mem_zalloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

static int read_copy(const uint8_t *data, size_t size, size_t count)
{
    struct bulk_item items[UINT8_MAX + 2];
    uint8_t *copy = copy_of(data, size);
    int status = bulk_reply_read(copy, size, items, count);
    mem_free(copy);
    return status;
}

/// Up to the last brace. The reader takes comments for blanks, in which there may be braces.
static size_t without_end(const uint8_t *data, size_t size)
{
    const uint8_t *brace = memrchr(data, '}', size);
    CHECK(brace != NULL);
    return (size_t)(brace - data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bulk_item items[UINT8_MAX + 1];
    if (size == 0) {
        return 0;
    }
    size_t count = data[0];
    data++;
    size--;
    uint8_t *reply = copy_of(data, size);
    if (bulk_reply_read(reply, size, items, count) == 0) {
        struct buf reason;
        buf_init(&reason, REASON_ROOM);
        for (size_t i = 0; i < count; i++) {
            struct bulk_item *item = &items[i];
            CHECK(item->error == NULL || lies_in(item->error, item->error_size, reply, size));
            CHECK(item->index == NULL || lies_in(item->index, item->index_size, reply, size));
            check_verdict(item);
            check_reason(item, &reason);
        }
        buf_release(&reason);
        CHECK(read_copy(data, size, count + 1) != 0);
        CHECK(count == 0 || read_copy(data, size, count - 1) != 0);
        CHECK(memchr(data, '/', size) != NULL ||
              read_copy(data, without_end(data, size), count) != 0);
    }
    mem_free(reply);
    return 0;
}
