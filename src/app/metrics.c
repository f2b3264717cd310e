// SPDX-License-Identifier: Apache-2.0
/*
 * Every number is read where it is counted; nothing is kept here. Series per exporter are bounded
 * by the exporter tables, whose last entry stands for all who found them full.
 *
 * goflow2's names mean what they mean there, with two differences: sizes and decoding times are of
 * one datagram in sixteen and without the exporter's label, and flow_dropped_packets_total counts
 * what the kernel dropped, since weir has no queue of datagrams that could be full.
 */
#include "app/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/version.h"
#include "base/clock.h"

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_exporter_series(const struct receivers *receivers, struct buf *out,
                                  const char *name, const char *help,
                                  uint64_t (*value)(const struct exporter *))
{
    head(out, name, "counter", help);
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct receiver *r = receivers_at(receivers, i);
        const struct exporters *exporters = decoder_exporters(r->intake->decoder);
        for (size_t k = 0; k < exporters_count(exporters); k++) {
            const struct exporter *x = exporters_at(exporters, k);
            char peer[ADDR_TEXT_SIZE_MAX + 1];
            char agent[ADDR_TEXT_SIZE_MAX + 1];
            buf_printf(out,
                       "%s{remote_ip=\"%s\",agent=\"%s\",sub_agent=\"%u\",local_ip=\"%s\","
                       "local_port=\"%u\",type=\"%s\"} %" PRIu64 "\n",
                       name, x->overflow ? "other" : addr_text(&x->peer, peer),
                       x->overflow ? "other" : addr_text(&x->agent, agent), x->sub_agent,
                       udp_local_address(r->socket), r->listener->port,
                       scheme_text(r->listener->scheme), value(x));
        }
    }
}

static uint64_t datagrams_of(const struct exporter *x)
{
    return counter_get(&x->datagrams);
}

static uint64_t bytes_of(const struct exporter *x)
{
    return counter_get(&x->bytes);
}

static uint64_t errors_of(const struct exporter *x)
{
    return counter_get(&x->errors);
}

static uint64_t flows_of(const struct exporter *x)
{
    return counter_get(&x->flows);
}

static uint64_t gaps_of(const struct exporter *x)
{
    return counter_get(&x->sequence_gaps);
}

static uint64_t resets_of(const struct exporter *x)
{
    return counter_get(&x->sequence_resets);
}

static uint64_t last_seen_of(const struct exporter *x)
{
    return counter_get(&x->last_seen_ns) / NS_PER_S;
}

static uint64_t sflow_datagrams_of(const struct exporter *x)
{
    return counter_get(&x->datagrams) - counter_get(&x->errors);
}

static void print_samples(const struct receivers *receivers, struct buf *out, const char *name,
                          const char *help, bool records)
{
    head(out, name, "counter", help);
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        const struct receiver *r = receivers_at(receivers, i);
        const struct exporters *exporters = decoder_exporters(r->intake->decoder);
        for (size_t k = 0; k < exporters_count(exporters); k++) {
            const struct exporter *x = exporters_at(exporters, k);
            char peer[ADDR_TEXT_SIZE_MAX + 1];
            char agent[ADDR_TEXT_SIZE_MAX + 1];
            for (enum sample_kind kind = 0; kind < SAMPLE_KIND_UNKNOWN; kind++) {
                const struct counter *c = records ? x->sample_records : x->samples;
                uint64_t n = counter_get(&c[kind]);
                if (kind == SAMPLE_KIND_DROP) { // goflow2 has one name for both
                    n += counter_get(&c[SAMPLE_KIND_UNKNOWN]);
                }
                if (n > 0) {
                    buf_printf(out,
                               "%s{router=\"%s\",agent=\"%s\",sub_agent=\"%u\",version=\"5\","
                               "type=\"%s\"} %" PRIu64 "\n",
                               name, x->overflow ? "other" : addr_text(&x->peer, peer),
                               x->overflow ? "other" : addr_text(&x->agent, agent), x->sub_agent,
                               sample_kind_text(kind), n);
                }
            }
        }
    }
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
                           "%s{agent=\"%s\",source_type=\"%u\",interface=\"%u\"} %" PRIu64 "\n",
                           name, s->overflow ? "other" : addr_text(&s->agent, agent),
                           s->source_type, s->source_index, n);
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
        buf_printf(out,
                   "goflow2_flow_dropped_packets_total{local_ip=\"%s\",local_port=\"%u\","
                   "socket=\"%zu\"} %" PRIu64 "\n",
                   udp_local_address(r->socket), r->listener->port, i, udp_kernel_drops(r->socket));
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

static void print_ledger(const struct receivers *receivers, struct buf *out)
{
    struct ledger_sums sums = { 0 };
    for (size_t i = 0; i < receivers_count(receivers); i++) {
        ledger_add_to(&receivers_at(receivers, i)->intake->ledger, &sums);
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

static void print_outcome(struct buf *out, const char *transport, const char *outcome, uint64_t n)
{
    buf_printf(out, "weir_transport_flows_total{transport=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
               transport, outcome, n);
}

static void print_transports(const struct pipeline *pipeline, struct buf *out)
{
    head(out, "weir_transport_flows_total", "counter", "Flows by what became of them.");
    for (size_t i = 0; i < pipeline->transport_count; i++) {
        const char *name = transport_name(pipeline->transports[i]);
        struct transport_books books = transport_books(pipeline->transports[i]);
        print_outcome(out, name, "received", books.received);
        print_outcome(out, name, "delivered", books.delivered);
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
    head(out, "weir_batches_in_use", "gauge", "Batches between receiving and delivery.");
    buf_printf(out, "weir_batches_in_use %zu\n", batch_pool_out(pipeline->pool));
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
    FILE *statm = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;
    if (statm != NULL) {
        if (fscanf(statm, "%*u %lu", &pages) == 1) {
            head(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
            buf_printf(out, "process_resident_memory_bytes %lu\n",
                       pages * (unsigned long)sysconf(_SC_PAGESIZE));
        }
        (void)fclose(statm); // only read
    }
    head(out, "weir_build_info", "gauge", "The version that runs.");
    buf_printf(out, "weir_build_info{version=\"%s\"} 1\n", version_text());
}

void metrics_print(const struct pipeline *pipeline, const struct receivers *receivers,
                   struct buf *out)
{
    print_exporter_series(receivers, out, "goflow2_flow_traffic_packets_total",
                          "Datagrams received.", datagrams_of);
    print_exporter_series(receivers, out, "goflow2_flow_traffic_bytes_total",
                          "Bytes of datagrams received.", bytes_of);
    print_summary(receivers, out, "goflow2_flow_traffic_size_bytes", "Sizes of datagrams.", "type",
                  false);
    print_sockets(receivers, out);
    print_exporter_series(receivers, out, "goflow2_flow_decoder_error_total",
                          "Datagrams set aside, or damaged in part.", errors_of);
    print_summary(receivers, out, "goflow2_flow_decoding_time_seconds",
                  "Time to decode a datagram.", "name", true);
    print_exporter_series(receivers, out, "goflow2_flow_process_sf_total",
                          "sFlow datagrams read whole.", sflow_datagrams_of);
    print_samples(receivers, out, "goflow2_flow_process_sf_samples_total", "sFlow samples.", false);
    print_samples(receivers, out, "goflow2_flow_process_sf_samples_records_total",
                  "Records that sFlow samples announced.", true);
    print_exporter_series(receivers, out, "weir_exporter_flows_total", "Flows made.", flows_of);
    print_exporter_series(receivers, out, "weir_exporter_sequence_gaps_total",
                          "Datagrams that never came, by their sequence numbers.", gaps_of);
    print_exporter_series(receivers, out, "weir_exporter_sequence_resets_total",
                          "Sequence numbers that began anew.", resets_of);
    print_exporter_series(receivers, out, "weir_exporter_last_seen_seconds",
                          "When the exporter was last heard, seconds since 1970.", last_seen_of);
    print_interfaces(receivers, out, "weir_counter_samples_total",
                     "sFlow counter samples by interface.", false);
    print_interfaces(receivers, out, "weir_drop_samples_total", "sFlow drop samples by interface.",
                     true);
    print_ledger(receivers, out);
    print_transports(pipeline, out);
    print_process(out);
}
