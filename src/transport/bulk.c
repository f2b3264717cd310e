// SPDX-License-Identifier: Apache-2.0
/*
 * Members come in any order, and there may be some that nobody has heard of. Of an item only what
 * is looked for is taken; the rest is passed over, but it has to be JSON.
 */
#include "transport/bulk.h"

#include <string.h>

#include "base/json_rd.h"
#include "base/num.h"
#include "base/status.h"

enum {
    STATUS_MAX = 599,
    CAUSES_MAX = 8, ///< of an error that has one that has one ...
};

/// Takes the member `name`, whose value the reader is at; must pass over it.
typedef bool member_fn(void *context, const struct json_text *name, struct json_rd *r);

/// Passes over an object, member by member.
static bool read_object(struct json_rd *r, member_fn *each, void *context)
{
    if (!json_rd_blanks(r) || !json_rd_is_at(r, '{')) {
        return false;
    }
    r->at++;
    if (!json_rd_blanks(r)) {
        return false;
    }
    if (json_rd_is_at(r, '}')) {
        r->at++;
        return true;
    }
    for (;;) {
        struct json_text name;
        if (!json_rd_blanks(r) || !json_rd_string(r, &name) || !json_rd_blanks(r) ||
            !json_rd_is_at(r, ':')) {
            return false;
        }
        r->at++;
        if (!json_rd_blanks(r) || !each(context, &name, r) || !json_rd_blanks(r)) {
            return false;
        }
        bool more = json_rd_is_at(r, ',');
        if (!more && !json_rd_is_at(r, '}')) {
            return false;
        }
        r->at++;
        if (!more) {
            return true;
        }
    }
}

static bool is_named(const struct json_text *name, const char *text)
{
    return name->size == strlen(text) && memcmp(name->data, text, name->size) == 0;
}

static enum bulk_verdict judge(unsigned status)
{
    switch (status) {
    case 200:
    case 201:
        return BULK_DELIVERED;
    case 409:
        return BULK_DUPLICATE;
    case 401:
    case 403:
        return BULK_FORBIDDEN;
    case 408:
    case 429:
        return BULK_LATER;
    default:
        return status >= 500 ? BULK_LATER : BULK_REFUSED;
    }
}

/// A member of what became of one document.
static bool take_outcome(void *context, const struct json_text *name, struct json_rd *r)
{
    struct bulk_item *item = context;
    const uint8_t *begin = r->at;
    if (is_named(name, "_index") || is_named(name, "failure_store")) {
        struct json_text text;
        if (!json_rd_string(r, &text)) {
            return false;
        }
        if (is_named(name, "_index")) {
            item->index = text.data;
            item->index_size = text.size;
        } else {
            item->failed_over = is_named(&text, "used");
        }
        return true;
    }
    if (!json_rd_value(r)) {
        return false;
    }
    size_t size = (size_t)(r->at - begin);
    if (is_named(name, "status")) {
        uint64_t status;
        if (num_get_u64((const char *)begin, size, STATUS_MAX, &status) != 0) {
            return false;
        }
        item->status = (unsigned)status;
    } else if (is_named(name, "error") && *begin == '{') {
        item->error = begin;
        item->error_size = size;
    }
    return true;
}

/// The one member of an item, which has the name of what was asked for: create.
static bool take_action(void *context, const struct json_text *name, struct json_rd *r)
{
    (void)name;
    return read_object(r, take_outcome, context);
}

struct reply {
    struct bulk_item *items;
    size_t count;
    size_t read;
    bool has_items;
};

static bool read_items(struct reply *reply, struct json_rd *r)
{
    if (!json_rd_is_at(r, '[') || reply->has_items) {
        return false;
    }
    reply->has_items = true;
    r->at++;
    for (;;) {
        if (!json_rd_blanks(r)) {
            return false;
        }
        if (reply->read == 0 && json_rd_is_at(r, ']')) {
            r->at++;
            return true;
        }
        if (reply->read == reply->count) {
            return false;
        }
        struct bulk_item *item = &reply->items[reply->read++];
        *item = (struct bulk_item){ 0 };
        if (!read_object(r, take_action, item) || item->status == 0 || !json_rd_blanks(r)) {
            return false;
        }
        item->verdict = judge(item->status);
        bool more = json_rd_is_at(r, ',');
        if (!more && !json_rd_is_at(r, ']')) {
            return false;
        }
        r->at++;
        if (!more) {
            return true;
        }
    }
}

static bool take_member(void *context, const struct json_text *name, struct json_rd *r)
{
    return is_named(name, "items") ? read_items(context, r) : json_rd_value(r);
}

int bulk_reply_read(const uint8_t *reply, size_t size, struct bulk_item *ret_items, size_t count)
{
    struct json_rd r = { .begin = reply, .at = reply, .end = reply + size };
    struct reply read = { .items = ret_items, .count = count };
    bool ok = read_object(&r, take_member, &read) && json_rd_blanks(&r) && r.at == r.end &&
              read.has_items && read.read == count;
    return ok ? 0 : ERR_INVALID;
}

// --- Why -----------------------------------------------------------------------------------------

struct reason {
    struct buf *out;
    size_t end; ///< of what may be written
    unsigned depth;
    struct json_rd cause; ///< begin NULL: none
};

/// The beginning of a text, up to `size_max` bytes and not in the middle of an escape.
static struct json_text cut_text(const struct json_text *text, size_t size_max)
{
    struct json_text cut = { .data = text->data, .escaped = text->escaped };
    size_t step = 0;
    for (size_t i = 0; i < text->size && i <= size_max; i += step) {
        cut.size = i;
        step = text->data[i] != '\\' ? 1 : text->data[i + 1] == 'u' ? 6 : 2;
    }
    cut.size = text->size <= size_max ? text->size : cut.size;
    return cut;
}

static void put_text(struct reason *reason, const struct json_text *text)
{
    uint8_t plain[BULK_REASON_SIZE_MAX];
    struct json_text cut = cut_text(text, sizeof(plain));
    size_t size = json_unescape(&cut, plain);
    for (size_t i = 0; i < size && reason->out->size < reason->end; i++) {
        bool control = plain[i] < ' ' || plain[i] == 0x7f;
        buf_append_char(reason->out, control ? ' ' : (char)plain[i]);
    }
}

static bool take_cause(void *context, const struct json_text *name, struct json_rd *r)
{
    struct reason *reason = context;
    struct json_text text;
    const uint8_t *begin = r->at;
    bool is_reason = is_named(name, "reason");
    if ((is_reason || (is_named(name, "type") && reason->depth == 0)) && json_rd_is_at(r, '"')) {
        if (!json_rd_string(r, &text)) {
            return false;
        }
        size_t size = reason->out->size;
        bool first = size == reason->end - BULK_REASON_SIZE_MAX;
        buf_append_text(reason->out, first || size + 2 > reason->end ? "" : ": ");
        put_text(reason, &text);
        return true;
    }
    if (!json_rd_value(r)) {
        return false;
    }
    if (is_named(name, "caused_by") && *begin == '{') {
        reason->cause = (struct json_rd){ .begin = begin, .at = begin, .end = r->at };
    }
    return true;
}

void bulk_append_reason(const struct bulk_item *item, struct buf *out)
{
    if (item->error == NULL) {
        buf_printf(out, "status %u", item->status);
        return;
    }
    struct reason reason = { .out = out, .end = out->size + BULK_REASON_SIZE_MAX };
    struct json_rd r = { .begin = item->error,
                         .at = item->error,
                         .end = item->error + item->error_size };
    while (r.begin != NULL && reason.depth < CAUSES_MAX) {
        reason.cause.begin = NULL;
        if (!read_object(&r, take_cause, &reason)) {
            return; // it was read once: what could be said is said
        }
        reason.depth++;
        r = reason.cause;
    }
}
