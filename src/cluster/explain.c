// SPDX-License-Identifier: Apache-2.0
/*
 * Answers in three shapes: {"error":{"type","reason","caused_by"}} of Elasticsearch and OpenSearch,
 * {"error","message"} of Kibana, {"error":"..."} of some plugins; a line of text of OpenSearch's
 * security; a page of HTML of whatever stands in front, of which only the status is of use.
 */
#include "base/json_find.h"
#include "cluster/cluster.h"

enum { SHOWN_SIZE_MAX = 400 };

static const char *status_words(unsigned status)
{
    switch (status) {
    case 400:
        return "bad request";
    case 401:
        return "wrong or missing credentials";
    case 403:
        return "not allowed";
    case 404:
        return "not found";
    case 405:
        return "method not allowed";
    case 407:
        return "the proxy wants credentials";
    case 413:
        return "request too large";
    case 429:
        return "too many requests";
    case 502:
        return "bad gateway";
    case 503:
        return "unavailable";
    case 504:
        return "gateway time-out";
    default:
        return status >= 500 ? "server error" : status >= 400 ? "refused" : "unexpected answer";
    }
}

/// As one line of bounded length, cut between two characters.
static void append_line(struct buf *out, const uint8_t *text, size_t size)
{
    size_t kept = size < SHOWN_SIZE_MAX ? size : SHOWN_SIZE_MAX;
    while (kept > 0 && kept < size && (text[kept] & 0xc0) == 0x80) {
        kept--;
    }
    for (size_t i = 0; i < kept; i++) {
        bool control = text[i] < ' ' || text[i] == 0x7f;
        buf_append_char(out, control ? ' ' : (char)text[i]);
    }
    if (kept < size) {
        buf_append_text(out, "...");
    }
}

/// The text at a path behind `before`. False when there is none.
static bool append_found(const struct buf *body, const char *path, const char *before,
                         struct buf *out)
{
    struct buf text;
    buf_init(&text, body->size + 1);
    bool found = json_find_text(body->data, body->size, path, &text) && text.size > 0;
    if (found) {
        buf_append_text(out, before);
        append_line(out, text.data, text.size);
    }
    buf_release(&text);
    return found;
}

static bool append_error(const struct buf *body, struct buf *out)
{
    if (append_found(body, "error/type", "", out)) {
        (void)append_found(body, "error/reason", ": ", out); // some have none
        (void)append_found(body, "error/caused_by/reason", "; ", out);
        return true;
    }
    if (append_found(body, "error", "", out)) {
        (void)append_found(body, "message", ": ", out); // only Kibana has one
        return true;
    }
    return append_found(body, "message", "", out);
}

void cluster_explain(const struct cluster_reply *reply, struct buf *out)
{
    const struct buf *body = &reply->body;
    if (reply->problem[0] != '\0') {
        buf_append_text(out, reply->problem);
    } else if (append_error(body, out)) {
        return;
    } else if (body->size > 0 && body->data[0] > ' ' && body->data[0] != '<') {
        append_line(out, body->data, body->size);
    } else {
        buf_printf(out, "HTTP %u, %s", reply->status, status_words(reply->status));
    }
}
