// SPDX-License-Identifier: Apache-2.0
/*
 * Retention makes room a little before the disk's floor (store/retention.h), so that a full disk
 * ends up there and stays: the store works, and records go before their time. Blocks that are free
 * in the database file are as good as free ones on the disk.
 */
#include "web/api_health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "web/api_answer.h"

enum { REASONS_SIZE_MAX = 64 << 10, REASON_SIZE = 320, MB = 1000 * 1000 };

enum { AT_FLOOR_PERCENT = 115, NEAR_FLOOR_PERCENT = 200 };
#define NEAR_FULL_BYTES (UINT64_C(1) << 30) ///< where there is no floor

/// Roll-ups are made every ten seconds; those of a large import take their time.
#define LAG_NS (300 * NS_PER_S)

void health_reasons_init(struct health_reasons *r)
{
    *r = (struct health_reasons){ .status = HEALTH_OK };
    buf_init(&r->texts, REASONS_SIZE_MAX);
}

void health_reasons_release(struct health_reasons *r)
{
    buf_release(&r->texts);
}

void health_reasons_add(struct health_reasons *r, enum health_status status, const char *format,
                        ...)
{
    char text[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments); // cut: it is for people
    va_end(arguments);
    r->status = status > r->status ? status : r->status;
    buf_append_text(&r->texts, r->texts.size > 0 ? "," : "");
    json_append_text(&r->texts, text);
}

static void judge_disk(const struct store_state *s, const struct store_settings *settings,
                       struct health_reasons *r)
{
    uint64_t floor = settings->free_min;
    uint64_t room = s->disk_free + s->file_bytes - s->used_bytes;
    uint64_t near = floor > 0 ? floor / 100 * NEAR_FLOOR_PERCENT : NEAR_FULL_BYTES;
    if (s->file_bytes == 0 || s->full || room >= near) {
        return; // not known yet, said already, or plenty
    }
    if (room < floor / 100 * AT_FLOOR_PERCENT) {
        health_reasons_add(r, HEALTH_WARNING,
                           "the disk of the store has %" PRIu64
                           " MB free, the least it is to have (-transport.store.free): the oldest "
                           "records make room for new ones",
                           room / MB);
    } else {
        health_reasons_add(r, HEALTH_WARNING,
                           "the disk of the store is nearly full: %" PRIu64 " MB are free, %" PRIu64
                           " MB of them stay so (-transport.store.free)",
                           room / MB, floor / MB);
    }
}

void health_judge_store(const struct store_state *s, const struct store_settings *settings,
                        uint64_t now_ns, struct health_reasons *r)
{
    if (s->failing) {
        health_reasons_add(r, HEALTH_ERROR, "the store cannot be written to; it is tried again");
    }
    if (s->full) {
        health_reasons_add(r, HEALTH_ERROR, "the disk of the store is full: nothing is stored");
    }
    judge_disk(s, settings, r);
    if (s->keeper_failing) {
        health_reasons_add(r, HEALTH_WARNING,
                           "roll-ups and making room fail and are tried again: the log says why");
    } else if (now_ns > s->kept_ns && now_ns - s->kept_ns > LAG_NS) {
        health_reasons_add(r, HEALTH_WARNING,
                           "roll-ups and making room are %" PRIu64
                           " minutes behind: answers over long times take longer",
                           (now_ns - s->kept_ns) / (60 * NS_PER_S));
    }
}

void health_reasons_put(const struct health_reasons *r, struct buf *out)
{
    static const char *const TEXTS[] = { "ok", "warning", "error" };
    buf_printf(out, "\"status\":\"%s\",\"reasons\":[", TEXTS[r->status]);
    buf_append(out, r->texts.data, r->texts.size);
    buf_append_text(out, "],");
}

void health_store_put(const struct store_state *s, struct buf *out)
{
    buf_printf(out,
               "\"store\":{\"records\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"duplicates\":%" PRIu64 ",\"forgotten\":%" PRIu64 ",\"used_bytes\":%" PRIu64
               ",\"file_bytes\":%" PRIu64 ",\"disk_free\":%" PRIu64 ",\"oldest\":",
               s->records, s->stored, s->skipped, s->duplicates, s->forgotten, s->used_bytes,
               s->file_bytes, s->disk_free);
    const int64_t times[] = { s->oldest_ns, s->newest_ns };
    for (size_t i = 0; i < 2; i++) {
        buf_append_text(out, i == 0 ? "" : ",\"newest\":");
        if (times[i] == 0) {
            buf_append_text(out, "null");
        } else {
            buf_append_char(out, '"');
            api_time_put(times[i], 0, out);
            buf_append_char(out, '"');
        }
    }
    buf_append_text(out, "},");
}
