// SPDX-License-Identifier: Apache-2.0
/* See web/api_records.h. One record more than the page holds is asked for, so that it is known
 * whether there is a next page. */
#include "web/api_records.h"

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
