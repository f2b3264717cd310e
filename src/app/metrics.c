// SPDX-License-Identifier: Apache-2.0
/*
 * Every number is read where it is counted; nothing is kept here. Series per exporter are bounded
 * by the exporter tables, whose last entry stands for all who found them full.
 *
 * goflow2's names have goflow2's labels and mean what they mean there. Several entries of a table
 * may share those labels (sub-agents of one agent, agents behind one address): their numbers are
 * added up, since a series may stand only once. Two things differ: sizes and decoding times are of
 * one datagram in sixteen and per scheme, and flow_dropped_packets_total counts what the kernel
 * dropped, as weir has no queue of datagrams that could be full.
 */
#include "app/metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/version.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/// A label's value, escaped as Prometheus wants it.
static void put_label(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buf_append_char(out, '\\');
        }
        buf_append_char(out, *text == '\n' ? ' ' : *text);
    }
}

/// Which labels a series of an exporter has, beside those of its listener.
enum identity {
    BY_PEER,      ///< remote_ip, local_ip, local_port, type: goflow2's traffic
    BY_ROUTER,    ///< router, name: goflow2's errors
    BY_AGENT,     ///< router, agent, version: goflow2's sFlow
    BY_SUB_AGENT, ///< exporter, agent, sub_agent: weir's own
};

typedef uint64_t exporter_value_fn(const struct exporter *x, enum sample_kind kind);

/// A metric of exporters.
struct exporter_metric {
    const char *name;
    const char *type;
    const char *help;
    enum identity identity;
    bool by_kind; ///< one series for each kind of sample
    exporter_value_fn *value;
};

static uint64_t datagrams_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->datagrams);
}

static uint64_t bytes_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->bytes);
}

static uint64_t errors_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->errors);
}

static uint64_t whole_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    uint64_t errors = counter_get(&x->errors);
    uint64_t datagrams = counter_get(&x->datagrams);
    return datagrams > errors ? datagrams - errors : 0;
}

static uint64_t flows_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->flows);
}

static uint64_t gaps_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->sequence_gaps);
}

static uint64_t resets_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->sequence_resets);
}

static uint64_t last_seen_of(const struct exporter *x, enum sample_kind kind)
{
    (void)kind;
    return counter_get(&x->last_seen_ns) / NS_PER_S;
}

/// goflow2 calls drop samples unknown too.
static uint64_t with_unknown(const struct counter *counters, enum sample_kind kind)
{
    uint64_t n = counter_get(&counters[kind]);
    return kind == SAMPLE_KIND_DROP ? n + counter_get(&counters[SAMPLE_KIND_UNKNOWN]) : n;
}

static uint64_t samples_of(const struct exporter *x, enum sample_kind kind)
{
    return with_unknown(x->samples, kind);
}

static uint64_t records_of(const struct exporter *x, enum sample_kind kind)
{
    return with_unknown(x->sample_records, kind);
}

static const struct exporter_metric EXPORTER_METRICS[] = {
    { "goflow2_flow_traffic_packets_total", "counter", "Datagrams received.", BY_PEER, false,
      datagrams_of },
    { "goflow2_flow_traffic_bytes_total", "counter", "Bytes of datagrams received.", BY_PEER, false,
      bytes_of },
    { "goflow2_flow_decoder_error_total", "counter", "Datagrams set aside, or damaged in part.",
      BY_ROUTER, false, errors_of },
    { "goflow2_flow_process_sf_total", "counter", "sFlow datagrams read whole.", BY_AGENT, false,
      whole_of },
    { "goflow2_flow_process_sf_samples_total", "counter", "sFlow samples.", BY_AGENT, true,
      samples_of },
    { "goflow2_flow_process_sf_samples_records_total", "counter",
      "Records that sFlow samples announced.", BY_AGENT, true, records_of },
    { "weir_exporter_flows_total", "counter", "Flows made.", BY_SUB_AGENT, false, flows_of },
    { "weir_exporter_sequence_gaps_total", "counter",
      "Datagrams that never came, by their sequence numbers.", BY_SUB_AGENT, false, gaps_of },
    { "weir_exporter_sequence_resets_total", "counter", "Sequence numbers that began anew.",
      BY_SUB_AGENT, false, resets_of },
    { "weir_exporter_last_seen_seconds", "gauge",
      "When the exporter was last heard, in seconds since 1970.", BY_SUB_AGENT, false,
      last_seen_of },
};

/// An entry of some receiver's table.
struct entry {
    const struct receiver *receiver;
    const struct exporter *exporter;
};

static int compare_addrs(const struct addr *a, const struct addr *b)
{
    return memcmp(a, b, sizeof(*a));
}

/// Entries with the same labels under an identity compare equal.
static int compare_entries(const void *left, const void *right, void *context)
{
    const struct entry *a = left;
    const struct entry *b = right;
    enum identity identity = *(const enum identity *)context;
    uintptr_t listener_a = (uintptr_t)a->receiver->listener;
    uintptr_t listener_b = (uintptr_t)b->receiver->listener;
    if (identity == BY_PEER && listener_a != listener_b) {
        return listener_a < listener_b ? -1 : 1;
    }
    if (identity == BY_ROUTER && a->receiver->listener->scheme != b->receiver->listener->scheme) {
        return a->receiver->listener->scheme < b->receiver->listener->scheme ? -1 : 1;
    }
    if (a->exporter->overflow != b->exporter->overflow) {
        return a->exporter->overflow ? 1 : -1;
    }
    int order = compare_addrs(&a->exporter->peer, &b->exporter->peer);
    if (order == 0 && identity >= BY_AGENT) {
        order = compare_addrs(&a->exporter->agent, &b->exporter->agent);
    }
    if (order == 0 && identity >= BY_SUB_AGENT &&
        a->exporter->sub_agent != b->exporter->sub_agent) {
        order = a->exporter->sub_agent < b->exporter->sub_agent ? -1 : 1;
    }
    return order;
}

static void print_labels(const struct receiver *r, const struct exporter *x,
                         const struct exporter_metric *m, enum sample_kind kind, struct buf *out)
{
    char peer_text[ADDR_TEXT_SIZE_MAX + 1];
    char agent_text[ADDR_TEXT_SIZE_MAX + 1];
    const char *peer = x->overflow ? "other" : addr_text(&x->peer, peer_text);
    const char *agent = x->overflow ? "other" : addr_text(&x->agent, agent_text);
    const char *scheme = scheme_text(r->listener->scheme);
    switch (m->identity) {
    case BY_PEER:
        buf_printf(out, "remote_ip=\"%s\",local_ip=\"%s\",local_port=\"%u\",type=\"%s\"", peer,
                   udp_local_address(r->socket), r->listener->port, scheme);
        break;
    case BY_ROUTER:
        buf_printf(out, "router=\"%s\",name=\"%s\"", peer, scheme);
        break;
    case BY_AGENT:
        buf_printf(out, "router=\"%s\",agent=\"%s\",version=\"5\"", peer, agent);
        break;
    case BY_SUB_AGENT:
        buf_printf(out, "exporter=\"%s\",agent=\"%s\",sub_agent=\"%u\"", peer, agent, x->sub_agent);
        break;
    }
    if (m->by_kind) {
        buf_printf(out, ",type=\"%s\"", sample_kind_text(kind));
    }
}

/// One series for a run of entries with the same labels: their sum, of a gauge the largest.
static void print_series(const struct entry *entries, size_t count, const struct exporter_metric *m,
                         enum sample_kind kind, struct buf *out)
{
    uint64_t sum = 0;
    uint64_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = m->value(entries[i].exporter, kind);
        sum += value;
        largest = value > largest ? value : largest;
    }
    if (m->by_kind && sum == 0) {
        return;
    }
    buf_printf(out, "%s{", m->name);
    print_labels(entries[0].receiver, entries[0].exporter, m, kind, out);
    buf_printf(out, "} %" PRIu64 "\n", strcmp(m->type, "gauge") == 0 ? largest : sum);
}

static void print_exporter_metric(struct entry *entries, size_t count,
                                  const struct exporter_metric *m, struct buf *out)
{
    enum identity identity = m->identity;
    enum sample_kind kinds = m->by_kind ? SAMPLE_KIND_UNKNOWN : 1;
    head(out, m->name, m->type, m->help);
    qsort_r(entries, count, sizeof(entries[0]), compare_entries, &identity);
    for (size_t first = 0, next = 0; first < count; first = next) {
        while (next < count && compare_entries(&entries[first], &entries[next], &identity) == 0) {
            next++;
        }
        for (enum sample_kind kind = 0; kind < kinds; kind++) {
            print_series(entries + first, next - first, m, kind, out);
        }
    }
}

static void print_exporters(const struct receivers *receivers, struct buf *out)
{
    size_t room = receivers_count(receivers) * EXPORTERS_MAX;
    struct entry *entries = mem_zalloc_array(room, sizeof(entries[0]));
    size_t count = 0;
    if (entries == NULL) {
        out->bad = true; // the request is answered with an error
        return;
    }
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct receiver *r = receivers_at(receivers, i);
        const struct exporters *exporters = decoder_exporters(r->intake->decoder);
        size_t exporter_count = exporters_count(exporters);
        for (size_t k = 0; k < exporter_count; k++) {
            entries[count++] =
                (struct entry){ .receiver = r, .exporter = exporters_at(exporters, k) };
        }
    }
    for (size_t i = 0; i < sizeof(EXPORTER_METRICS) / sizeof(EXPORTER_METRICS[0]); i++) {
        print_exporter_metric(entries, count, &EXPORTER_METRICS[i], out);
    }
    mem_free(entries);
}

static void print_interfaces(const struct receivers *receivers, struct buf *out, const char *name,
                             const char *help, bool drops)
{
    head(out, name, "counter", help);
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct exporters *e = decoder_exporters(receivers_at(receivers, i)->intake->decoder);
        for (size_t k = 0; k < exporters_interface_count(e); k++) {
            const struct interface_samples *s = exporters_interface_at(e, k);
            uint64_t n = counter_get(drops ? &s->drop_samples : &s->counter_samples);
            char agent[ADDR_TEXT_SIZE_MAX + 1];
            if (n > 0) {
                buf_printf(out,
                           "%s{agent=\"%s\",source_type=\"%u\",interface=\"%u\",socket=\"%zu\"} "
                           "%" PRIu64 "\n",
                           name, s->overflow ? "other" : addr_text(&s->agent, agent),
                           s->source_type, s->source_index, i, n);
            }
        }
    }
}

static void print_summary(const struct receivers *receivers, struct buf *out, const char *name,
                          const char *help, const char *label, bool times)
{
    const struct summary *summaries[RECEIVERS_MAX];
    size_t count = 0;
    head(out, name, "summary", help);
    for (enum scheme scheme = 0; scheme < SCHEME_COUNT; scheme++) {
        count = 0;
        for (size_t i = 0; i < receivers_count(receivers); i++) {
            const struct receiver *r = receivers_at(receivers, i);
            if (r->listener->scheme == scheme) {
                summaries[count++] = times ? r->intake->decode_time : r->intake->datagram_size;
            }
        }
        if (count == 0) {
            continue;
        }
        static const char *const QUANTILES[3] = { "0.5", "0.9", "0.99" };
        struct summary_view view;
        summary_read(summaries, count, clock_mono_ns(), &view);
        double unit = times ? 1e-9 : 1.0;
        for (int q = 0; q < 3; q++) {
            buf_printf(out, "%s{%s=\"%s\",quantile=\"%s\"} ", name, label, scheme_text(scheme),
                       QUANTILES[q]);
            if (isnan(view.quantiles[q])) {
                buf_append_text(out, "NaN\n");
            } else {
                buf_printf(out, "%.9g\n", view.quantiles[q] * unit);
            }
        }
        buf_printf(out, "%s_sum{%s=\"%s\"} %.9g\n%s_count{%s=\"%s\"} %" PRIu64 "\n", name, label,
                   scheme_text(scheme), (double)view.sum * unit, name, label, scheme_text(scheme),
                   view.count);
    }
}

static void print_sockets(const struct receivers *receivers, struct buf *out)
{
    head(out, "goflow2_flow_dropped_packets_total", "counter", "Datagrams dropped by the kernel.");
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct receiver *r = receivers_at(receivers, i);
        uint64_t drops = 0;
        for (size_t k = 0; k < receivers_count(receivers); k++) {
            const struct receiver *other = receivers_at(receivers, k);
            drops += other->listener == r->listener ? udp_kernel_drops(other->socket) : 0;
        }
        if (i == 0 || receivers_at(receivers, i - 1)->listener != r->listener) {
            buf_printf(out,
                       "goflow2_flow_dropped_packets_total{remote_ip=\"\",local_ip=\"%s\","
                       "local_port=\"%u\"} %" PRIu64 "\n",
                       udp_local_address(r->socket), r->listener->port, drops);
        }
    }
    head(out, "weir_receive_buffer_bytes", "gauge", "Receive buffer that the kernel granted.");
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct receiver *r = receivers_at(receivers, i);
        buf_printf(out,
                   "weir_receive_buffer_bytes{local_ip=\"%s\",local_port=\"%u\",socket=\"%zu\"} "
                   "%zu\n",
                   udp_local_address(r->socket), r->listener->port, i,
                   udp_receive_buffer(r->socket));
    }
}

static void print_ledger(const struct receivers *receivers, const struct followers *followers,
                         struct buf *out)
{
    struct ledger_sums sums = { 0 };
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        ledger_add_to(&receivers_at(receivers, i)->intake->ledger, &sums);
    }
    for (size_t i = 0; i < followers_count(followers); i++) {
        ledger_add_to(&followers_at(followers, i)->intake->ledger, &sums);
    }
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "weir_%ss_total", ledger_group_text(g)); // short
        head(out, name, "counter", "The books: what came, what was used, what was set aside.");
        for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
            if (LEDGER_ENTRIES[i].group == g) {
                buf_printf(out, "%s{outcome=\"%s\"} %" PRIu64 "\n", name, LEDGER_ENTRIES[i].name,
                           sums.entries[i]);
            }
        }
    }
}

/// A number of a follower.
struct log_metric {
    const char *name;
    const char *type;
    const char *help;
    size_t offset; ///< in struct follow_counts
};

static const struct log_metric LOG_METRICS[] = {
    { "weir_log_files", "gauge", "Files that are followed, or still read to their end.",
      offsetof(struct follow_counts, files) },
    { "weir_log_files_open", "gauge", "Of these, the open ones.",
      offsetof(struct follow_counts, open) },
    { "weir_log_files_unreadable", "gauge", "Files that cannot be read now; the log says why.",
      offsetof(struct follow_counts, unreadable) },
    { "weir_log_behind_bytes", "gauge", "Bytes of open files that are still to be read.",
      offsetof(struct follow_counts, behind) },
    { "weir_log_read_bytes_total", "counter", "Bytes of lines read, decompressed.",
      offsetof(struct follow_counts, bytes) },
    { "weir_log_rotated_total", "counter", "Files that were renamed away or deleted.",
      offsetof(struct follow_counts, rotated) },
    { "weir_log_truncated_total", "counter", "How often a file was truncated.",
      offsetof(struct follow_counts, truncated) },
    { "weir_log_copies_missing_total", "counter",
      "Truncated files of which no copy was found: lines may be lost.",
      offsetof(struct follow_counts, copies_lost) },
    { "weir_log_finished_total", "counter", "Compressed files read whole.",
      offsetof(struct follow_counts, finished) },
    { "weir_log_too_old_total", "counter", "Files passed over by ignore_older.",
      offsetof(struct follow_counts, too_old) },
};

static void print_followers(const struct followers *followers, struct buf *out)
{
    for (size_t m = 0; m < sizeof(LOG_METRICS) / sizeof(LOG_METRICS[0]); m++) {
        const struct log_metric *metric = &LOG_METRICS[m];
        head(out, metric->name, metric->type, metric->help);
        for (size_t i = 0; i < followers_count(followers); i++) {
            const struct follower *f = followers_at(followers, i);
            const char *counts = (const char *)follow_counts(f->follow);
            const void *place = counts + metric->offset;
            const _Atomic uint64_t *value = place;
            buf_printf(out, "%s{path=\"", metric->name);
            put_label(out, f->listener->log.pattern);
            buf_printf(out, "\",listener=\"%zu\"} %" PRIu64 "\n", i, atomic_load(value));
        }
    }
}

static void print_outcome(struct buf *out, const char *transport, const char *outcome, uint64_t n)
{
    buf_printf(out, "weir_transport_flows_total{transport=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
               transport, outcome, n);
}

static void print_note(struct buf *out, const char *transport, const char *note, uint64_t n)
{
    buf_printf(out,
               "weir_transport_delivered_flows_total{transport=\"%s\",note=\"%s\"} %" PRIu64 "\n",
               transport, note, n);
}

static void print_transports(const struct pipeline *pipeline, struct buf *out)
{
    head(out, "weir_transport_flows_total", "counter", "Flows by what became of them.");
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        const char *name = transport_name(pipeline->transports[i]);
        struct transport_books books = transport_books(pipeline->transports[i]);
        print_outcome(out, name, "received", books.received);
        print_outcome(out, name, "delivered", books.delivered);
        print_outcome(out, name, "refused", books.refused);
        print_outcome(out, name, "recovered", books.recovered);
        for (enum transport_drop d = 0; d < TRANSPORT_DROP_COUNT; d++) {
            print_outcome(out, name, transport_drop_text(d), books.dropped[d]);
        }
    }
    head(out, "weir_transport_waiting_flows", "gauge", "Flows that wait for delivery.");
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        buf_printf(out, "weir_transport_waiting_flows{transport=\"%s\"} %" PRIu64 "\n",
                   transport_name(pipeline->transports[i]),
                   transport_books(pipeline->transports[i]).waiting);
    }
    head(out, "weir_transport_delivered_flows_total", "counter", "Delivered flows of note.");
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        const char *name = transport_name(pipeline->transports[i]);
        struct transport_books books = transport_books(pipeline->transports[i]);
        print_note(out, name, "error_document", books.error_documents);
        print_note(out, name, "duplicate", books.duplicates);
        print_note(out, name, "repeat_possible", books.repeats_possible);
        print_note(out, name, "failure_store", books.failure_store);
    }
    head(out, "weir_transport_spooled_flows", "gauge", "Flows that are kept on disk for delivery.");
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        buf_printf(out, "weir_transport_spooled_flows{transport=\"%s\"} %" PRIu64 "\n",
                   transport_name(pipeline->transports[i]),
                   transport_books(pipeline->transports[i]).spooled);
    }
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        transport_print_metrics(pipeline->transports[i], out);
    }
    head(out, "weir_batches_in_use", "gauge", "Batches between receiving and delivery.");
    buf_printf(out, "weir_batches_in_use %zu\n", batch_pool_out(pipeline->pool));
}

/// The second number of /proc/self/statm; 0 when it cannot be read.
static uint64_t resident_pages(void)
{
    char text[128];
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) {
        (void)close(fd); // only read
    }
    text[size < 0 ? 0 : size] = '\0';
    const char *second = strchr(text, ' ');
    if (second == NULL ||
        num_get_u64(second + 1, strcspn(second + 1, " "), UINT64_MAX, &pages) != 0) {
        return 0;
    }
    return pages;
}

static void print_process(struct buf *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        head(out, "process_cpu_seconds_total", "counter", "CPU time used.");
        buf_printf(out, "process_cpu_seconds_total %.2f\n", seconds);
    }
    head(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
    buf_printf(out, "process_resident_memory_bytes %" PRIu64 "\n",
               resident_pages() * (uint64_t)sysconf(_SC_PAGESIZE));
    head(out, "weir_build_info", "gauge", "The version that runs.");
    buf_printf(out, "weir_build_info{version=\"%s\"} 1\n", version_text());
}

void metrics_print(const struct pipeline *pipeline, const struct receivers *receivers,
                   const struct followers *followers, struct buf *out)
{
    print_exporters(receivers, out);
    print_summary(receivers, out, "goflow2_flow_traffic_size_bytes", "Sizes of datagrams.", "type",
                  false);
    print_summary(receivers, out, "goflow2_flow_decoding_time_seconds",
                  "Time to decode a datagram.", "name", true);
    print_sockets(receivers, out);
    print_interfaces(receivers, out, "weir_counter_samples_total",
                     "sFlow counter samples by interface.", false);
    print_interfaces(receivers, out, "weir_drop_samples_total", "sFlow drop samples by interface.",
                     true);
    print_followers(followers, out);
    print_ledger(receivers, followers, out);
    print_transports(pipeline, out);
    print_process(out);
}
