// SPDX-License-Identifier: Apache-2.0
/*
 * The same ledger as /metrics and the books at the end, as JSON. In each group of the books what
 * came equals what was used and what was set aside, by name. Kernel drops and sequence gaps stand
 * beside them: that is what never came.
 */
#include "app/health.h"

#include <inttypes.h>

#include "base/json_text.h"
#include "source/udp.h"

enum { EXPORTERS_SHOWN_MAX = 1000 };

static struct ledger_sums sum_ledgers(const struct health *h)
{
    struct ledger_sums sums = { 0 };
    for (size_t i = 0; i < receivers_count(h->receivers); i++) {
        ledger_add_to(&receivers_at(h->receivers, i)->intake->ledger, &sums);
    }
    for (size_t i = 0; i < followers_count(h->followers); i++) {
        ledger_add_to(&followers_at(h->followers, i)->intake->ledger, &sums);
    }
    return sums;
}

/// "datagrams":{"received":9,"decoded":9},... Entries of 0 are left out.
static void print_books(const struct health *h, struct buf *out)
{
    struct ledger_sums sums = sum_ledgers(h);
    buf_append_text(out, "\"books\":{");
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        const char *before = "";
        buf_printf(out, "%s\"%s\":{", g == 0 ? "" : ",", ledger_group_text(g));
        for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
            if (LEDGER_ENTRIES[i].group == g && sums.entries[i] > 0) {
                buf_printf(out, "%s\"%s\":%" PRIu64, before, LEDGER_ENTRIES[i].name,
                           sums.entries[i]);
                before = ",";
            }
        }
        buf_append_char(out, '}');
    }
    buf_append_text(out, "},");
}

static void print_transports(const struct health *h, struct buf *out)
{
    buf_append_text(out, "\"transports\":[");
    for (size_t i = 0; i < h->pipeline->transport_count; i++) {
        struct transport *t = h->pipeline->transports[i];
        struct transport_books b = transport_books(t);
        buf_printf(out,
                   "%s{\"name\":\"%s\",\"received\":%" PRIu64 ",\"delivered\":%" PRIu64
                   ",\"duplicates\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"spooled\":%" PRIu64
                   ",\"refused\":%" PRIu64 ",\"behind\":%s,\"dropped\":{",
                   i == 0 ? "" : ",", transport_name(t), b.received, b.delivered, b.duplicates,
                   b.waiting, b.spooled, b.refused, transport_is_behind(t) ? "true" : "false");
        const char *before = "";
        for (enum transport_drop d = 0; d < TRANSPORT_DROP_COUNT; d++) {
            if (b.dropped[d] > 0) {
                buf_printf(out, "%s\"%s\":%" PRIu64, before, transport_drop_text(d), b.dropped[d]);
                before = ",";
            }
        }
        buf_append_text(out, "}}");
    }
    buf_printf(out, "],\"handed_over\":%" PRIu64 ",", atomic_load(&h->pipeline->handed_over));
}

static void print_exporter(const struct exporter *x, struct buf *out)
{
    char text[ADDR_TEXT_SIZE_MAX + 1];
    const char *peer = x->overflow ? "other" : addr_text(&x->peer, text);
    buf_printf(out, "{\"address\":\"%s\"", peer);
    buf_printf(out, ",\"agent\":\"%s\"", x->overflow ? "other" : addr_text(&x->agent, text));
    buf_printf(out,
               ",\"datagrams\":%" PRIu64 ",\"flows\":%" PRIu64 ",\"sequence_gaps\":%" PRIu64
               ",\"errors\":%" PRIu64 ",\"last_seen_ms\":%" PRIu64 "}",
               counter_get(&x->datagrams), counter_get(&x->flows), counter_get(&x->sequence_gaps),
               counter_get(&x->errors), counter_get(&x->last_seen_ns) / 1000000);
}

/// Sockets with what the kernel dropped, then who was heard on them.
static void print_receivers(const struct health *h, struct buf *out)
{
    uint64_t drops = 0;
    size_t shown = 0;
    buf_append_text(out, "\"exporters_heard\":[");
    for (size_t i = 0; i < receivers_count(h->receivers); i++) {
        const struct receiver *r = receivers_at(h->receivers, i);
        const struct exporters *e = decoder_exporters(r->intake->decoder);
        drops += udp_kernel_drops(r->socket);
        for (size_t k = 0; k < exporters_count(e) && shown < EXPORTERS_SHOWN_MAX; k++, shown++) {
            buf_append_text(out, shown == 0 ? "" : ",");
            print_exporter(exporters_at(e, k), out);
        }
    }
    buf_printf(out, "],\"kernel_drops\":%" PRIu64 ",", drops);
}

static void print_logs(const struct health *h, struct buf *out)
{
    buf_append_text(out, "\"logs\":[");
    for (size_t i = 0; i < followers_count(h->followers); i++) {
        const struct follower *f = followers_at(h->followers, i);
        const struct follow_counts *c = follow_counts(f->follow);
        buf_append_text(out, i == 0 ? "{\"path\":" : ",{\"path\":");
        json_append_text(out, f->listener->log.pattern);
        buf_printf(out,
                   ",\"files\":%" PRIu64 ",\"read_bytes\":%" PRIu64 ",\"behind_bytes\":%" PRIu64
                   ",\"unreadable\":%" PRIu64 "}",
                   atomic_load(&c->files), atomic_load(&c->bytes), atomic_load(&c->behind),
                   atomic_load(&c->unreadable));
    }
    buf_append_text(out, "],");
}

void health_print(void *context, struct buf *out)
{
    const struct health *h = context;
    print_books(h, out);
    print_transports(h, out);
    print_receivers(h, out);
    print_logs(h, out);
}

void health_judge(void *context, struct health_reasons *r)
{
    const struct health *h = context;
    for (size_t i = 0; i < h->pipeline->transport_count; i++) {
        struct transport *t = h->pipeline->transports[i];
        uint64_t spooled = transport_books(t).spooled;
        if (spooled > 0) {
            health_reasons_add(r, HEALTH_WARNING,
                               "%" PRIu64 " records wait on disk for %s, which does not take them, "
                               "or not as fast as they come",
                               spooled, transport_name(t));
        }
    }
    if (atomic_load(&h->pipeline->positions_failing)) {
        health_reasons_add(r, HEALTH_WARNING,
                           "how far logs are read cannot be saved; it is tried again");
    }
}
