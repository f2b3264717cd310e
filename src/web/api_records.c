// SPDX-License-Identifier: Apache-2.0
/* See web/api_records.h. One record more than the page holds is asked for, so that it is known
 * whether there is a next page. */
#include "web/api_records.h"

#include "base/addr.h"
#include "web/api_answer.h"

enum { CELL_SIZE_MAX = 64 << 10 };

static bool take_ts(void *context, const struct query_value *value)
{
    *(int64_t *)context = (int64_t)value->number;
    return true;
}

static int64_t timestamp_of(const struct batch *batch, const struct flow *flow)
{
    int64_t ts = 0;
    (void)query_values(batch, flow, QUERY_TIMESTAMP, NULL, take_ts, &ts); // 0 when it has none
    return ts;
}

// --- CSV -----------------------------------------------------------------------------------------

struct cell_text {
    int32_t zone_s;
    struct buf *text; ///< all values of the field
};

static bool put_value(void *context, const struct query_value *value)
{
    const struct cell_text *cell = context;
    char address[ADDR_TEXT_SIZE_MAX + 1];
    buf_append_text(cell->text, cell->text->size == 0 ? "" : ";");
    switch (value->type) {
    case QUERY_TYPE_DATE:
        api_time_put((int64_t)value->number, cell->zone_s, cell->text);
        break;
    case QUERY_TYPE_IP:
        buf_append_text(cell->text, addr_text(&value->addr, address));
        break;
    case QUERY_TYPE_NUMBER:
        buf_append_u64(cell->text, value->number);
        break;
    default:
        buf_append(cell->text, value->text, value->size);
    }
    return false;
}

static void put_csv_row(struct api_page *p, const struct batch *batch, const struct flow *flow)
{
    struct buf text;
    struct cell_text cell = { .zone_s = p->asked->zone_s, .text = &text };
    buf_init(&text, CELL_SIZE_MAX);
    for (size_t i = 0; i < p->asked->column_count; i++) {
        buf_clear(&text);
        (void)query_values(batch, flow, p->asked->columns[i], NULL, put_value, &cell); // all
        buf_append_text(p->out, i == 0 ? "" : ",");
        api_csv_text_put(text.data, text.size, p->out);
    }
    buf_append_text(p->out, "\r\n");
    buf_release(&text);
}

void api_page_put_header(const struct api_asked *asked, struct buf *out)
{
    for (size_t i = 0; i < asked->column_count; i++) {
        const char *path = query_field_info(asked->columns[i]).path;
        buf_append_text(out, i == 0 ? "" : ",");
        buf_append_text(out, path);
    }
    buf_append_text(out, "\r\n");
}

// --- Pages ---------------------------------------------------------------------------------------

static bool put_record(void *context, const struct batch *batch, const struct flow *flow,
                       uint64_t id)
{
    struct api_page *p = context;
    if (p->seen == p->limit) {
        p->more = true;
        return false;
    }
    p->seen++;
    p->last_ts = timestamp_of(batch, flow);
    p->last_id = id;
    if (p->form == API_CSV) {
        put_csv_row(p, batch, flow);
        p->count++;
        return !p->out->bad;
    }
    size_t begin = p->out->size;
    if (p->form == API_JSON && p->count > 0) {
        buf_append_char(p->out, ',');
    }
    if (format_append(p->format, batch, flow, p->out) == FORMAT_NOTHING) {
        p->out->size = begin;
        return true;
    }
    if (p->form == API_NDJSON) {
        buf_append_char(p->out, '\n');
    }
    p->count++;
    return !p->out->bad;
}

int api_page_ask(struct asks *asks, const struct question *question, int64_t after_ts,
                 uint64_t after_id, const struct ask_patience *patience, struct api_page *page,
                 struct err *err)
{
    struct question q = *question;
    q.limit = page->limit + 1;
    return ask_flows(asks, &q, after_ts, after_id, patience, put_record, page, err);
}
