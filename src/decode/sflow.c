// SPDX-License-Identifier: Apache-2.0
/*
 * sFlow version 5: a header, samples in it, records in those, each level with a length of its own,
 * so that what is not understood is stepped over and what is damaged costs itself alone. goflow2
 * discards the datagram in both cases.
 *
 * Every announced sample and record gets exactly one outcome in the ledger; those that the datagram
 * is too short for are `missing`.
 *
 * An interface field of a compact sample carries its kind in the top two bits (0 an ifIndex, 1 a
 * discard reason, 2 a number of interfaces). goflow2 leaves them in the number; weir prints the
 * value without them, as both do for expanded samples, and says it is present only when it is an
 * ifIndex.
 */
#include "base/rd.h"
#include "decode/decoder.h"
#include "decode/sflow_record.h"

enum {
    SFLOW_VERSION = 5,
    SAMPLE_FLOW_COMPACT = 1,
    SAMPLE_COUNTER_COMPACT = 2,
    SAMPLE_FLOW_EXPANDED = 3,
    SAMPLE_COUNTER_EXPANDED = 4,
    SAMPLE_DISCARD = 5,
    TAG_SIZE = 8, ///< format and length, before each sample and record
};

/// The datagram being read.
struct sflow {
    struct decoder *decoder;
    struct batch_writer *out;
    struct decode_result *result;
    struct addr agent;
    uint32_t sequence;
    uint64_t received_ns;
    uint32_t flow_index;
};

/// An interface as samples tell it.
struct interface {
    uint32_t kind; ///< 0: value is an ifIndex
    uint32_t value;
};

/// The fixed part of a sample of any kind.
struct sample {
    uint32_t source_type;
    uint32_t source_index;
    uint32_t sampling_rate;
    struct interface in;
    struct interface out;
    uint32_t record_count;
};

static struct interface interface_compact(uint32_t word)
{
    return (struct interface){ .kind = word >> 30, .value = word & 0x3fffffff };
}

static bool read_source(struct rd *r, bool expanded, struct sample *s)
{
    (void)rd_u32(r); // the sample's own sequence number
    uint32_t source = rd_u32(r);
    s->source_type = expanded ? source : source >> 24;
    s->source_index = expanded ? rd_u32(r) : source & 0xffffff;
    return !r->bad;
}

static bool read_record_count(struct rd *r, struct sample *s)
{
    s->record_count = rd_u32(r);
    return !r->bad && s->record_count <= SFLOW_RECORDS_MAX;
}

static bool read_flow_sample(struct rd *r, bool expanded, struct sample *s)
{
    if (!read_source(r, expanded, s)) {
        return false;
    }
    s->sampling_rate = rd_u32(r);
    rd_skip(r, 8); // sample pool, drops
    if (expanded) {
        s->in.kind = rd_u32(r);
        s->in.value = rd_u32(r);
        s->out.kind = rd_u32(r);
        s->out.value = rd_u32(r);
    } else {
        s->in = interface_compact(rd_u32(r));
        s->out = interface_compact(rd_u32(r));
    }
    return read_record_count(r, s);
}

/// Gives every record of a sample its outcome; `draft` is NULL for counter records. Returns how
/// many were malformed and through `ret_readable` how many were not.
static uint32_t read_records(struct sflow *in, struct rd *r, uint32_t count, struct draft *draft,
                             uint32_t *ret_readable)
{
    struct decoder *d = in->decoder;
    uint32_t malformed = 0;
    uint32_t i = 0;
    decoder_count(d, LEDGER_RECORDS, count);
    for (*ret_readable = 0; i < count && rd_left(r) >= TAG_SIZE; i++) {
        uint32_t format = rd_u32(r);
        uint32_t size = rd_u32(r);
        if (size > rd_left(r)) {
            decoder_damage(d, in->result, LEDGER_RECORD_TRUNCATED);
            i++;
            break;
        }
        struct rd record = rd_sub(r, size);
        enum ledger_entry outcome = draft == NULL
                                        ? sflow_counter_record(format, record)
                                        : sflow_flow_record(draft, d->mapping, format, record);
        if (outcome == LEDGER_RECORD_MALFORMED) {
            malformed++;
            decoder_damage(d, in->result, outcome);
        } else {
            (*ret_readable)++;
            decoder_count(d, outcome, 1);
        }
    }
    decoder_count(d, LEDGER_RECORD_MISSING, count - i);
    return malformed;
}

static void set_common(const struct sflow *in, const struct sample *s, struct draft *draft)
{
    struct flow *flow = draft->flow;
    flow->type = FLOW_TYPE_SFLOW_5;
    flow->time_received_ns = in->received_ns;
    flow->time_flow_start_ns = in->received_ns;
    flow->time_flow_end_ns = in->received_ns;
    flow->sequence_num = in->sequence;
    flow->sampler_address = in->agent;
    flow->sampling_rate = s->sampling_rate;
    flow->packets = 1;
    flow->in_if = s->in.value;
    flow->out_if = s->out.value;
    draft_mark(draft, FLOW_BIT(FIELD_TYPE) | FLOW_BIT(FIELD_TIME_RECEIVED_NS) |
                          FLOW_BIT(FIELD_TIME_FLOW_START_NS) | FLOW_BIT(FIELD_TIME_FLOW_END_NS) |
                          FLOW_BIT(FIELD_SEQUENCE_NUM) | FLOW_BIT(FIELD_SAMPLER_ADDRESS) |
                          FLOW_BIT(FIELD_SAMPLING_RATE) | FLOW_BIT(FIELD_PACKETS));
    draft_mark(draft, s->in.kind == 0 ? FLOW_BIT(FIELD_IN_IF) : 0);
    draft_mark(draft, s->out.kind == 0 ? FLOW_BIT(FIELD_OUT_IF) : 0);
}

static enum ledger_entry decode_flow_sample(struct sflow *in, struct rd *r, bool expanded,
                                            struct exporter *exporter)
{
    struct sample s = { 0 };
    if (!read_flow_sample(r, expanded, &s)) {
        return LEDGER_SAMPLE_MALFORMED;
    }
    struct draft *draft = &in->decoder->draft;
    draft_begin(draft, in->out);
    set_common(in, &s, draft);
    uint32_t readable;
    uint32_t malformed = read_records(in, r, s.record_count, draft, &readable);
    enum sample_kind kind = expanded ? SAMPLE_KIND_EXPANDED_FLOW : SAMPLE_KIND_FLOW;
    counter_inc(&exporter->samples[kind]);
    counter_add(&exporter->sample_records[kind], s.record_count);
    if (malformed > 0 && readable == 0) {
        draft_abandon(draft);
        return LEDGER_SAMPLE_NO_RECORD;
    }
    draft->flow->index = in->flow_index++;
    decoder_count(in->decoder, LEDGER_FLOWS, 1);
    enum ledger_entry reason;
    if (!draft_commit(draft, &reason)) {
        decoder_damage(in->decoder, in->result, reason);
    } else {
        counter_inc(&exporter->flows);
    }
    return LEDGER_SAMPLE_FLOW;
}

static enum ledger_entry decode_counter_sample(struct sflow *in, struct rd *r, bool expanded,
                                               struct exporter *exporter)
{
    struct sample s = { 0 };
    if (!read_source(r, expanded, &s) || !read_record_count(r, &s)) {
        return LEDGER_SAMPLE_MALFORMED;
    }
    uint32_t readable;
    (void)read_records(in, r, s.record_count, NULL, &readable); // each has its outcome
    enum sample_kind kind = expanded ? SAMPLE_KIND_EXPANDED_COUNTER : SAMPLE_KIND_COUNTER;
    counter_inc(&exporter->samples[kind]);
    counter_add(&exporter->sample_records[kind], s.record_count);
    struct interface_samples *i =
        exporters_interface(in->decoder->exporters, &in->agent, s.source_type, s.source_index);
    counter_inc(&i->counter_samples);
    return LEDGER_SAMPLE_COUNTER;
}

/// sflow_drops.txt: discarded packets. Counted; its records are looked at, and forgotten.
static enum ledger_entry decode_drop_sample(struct sflow *in, struct rd *r,
                                            struct exporter *exporter)
{
    struct sample s = { 0 };
    if (!read_source(r, true, &s)) {
        return LEDGER_SAMPLE_MALFORMED;
    }
    rd_skip(r, 16); // drops, input, output, reason
    if (!read_record_count(r, &s)) {
        return LEDGER_SAMPLE_MALFORMED;
    }
    struct draft *draft = &in->decoder->draft;
    draft_begin(draft, in->out);
    uint32_t readable;
    (void)read_records(in, r, s.record_count, draft, &readable); // each has its outcome
    draft_abandon(draft);
    counter_inc(&exporter->samples[SAMPLE_KIND_DROP]);
    counter_add(&exporter->sample_records[SAMPLE_KIND_DROP], s.record_count);
    struct interface_samples *i =
        exporters_interface(in->decoder->exporters, &in->agent, s.source_type, s.source_index);
    counter_inc(&i->drop_samples);
    return LEDGER_SAMPLE_DROP;
}

static enum ledger_entry decode_sample(struct sflow *in, uint32_t format, struct rd sample)
{
    struct exporter *exporter = in->result->exporter;
    switch (format) { // the enterprise in the upper 20 bits is part of it: 0 is sflow.org's
    case SAMPLE_FLOW_COMPACT:
    case SAMPLE_FLOW_EXPANDED:
        return decode_flow_sample(in, &sample, format == SAMPLE_FLOW_EXPANDED, exporter);
    case SAMPLE_COUNTER_COMPACT:
    case SAMPLE_COUNTER_EXPANDED:
        return decode_counter_sample(in, &sample, format == SAMPLE_COUNTER_EXPANDED, exporter);
    case SAMPLE_DISCARD:
        return decode_drop_sample(in, &sample, exporter);
    default:
        counter_inc(&exporter->samples[SAMPLE_KIND_UNKNOWN]);
        return LEDGER_SAMPLE_UNKNOWN;
    }
}

static void decode_samples(struct sflow *in, struct rd *r, uint32_t count)
{
    struct decoder *d = in->decoder;
    uint32_t i = 0;
    decoder_count(d, LEDGER_SAMPLES, count);
    for (; i < count && rd_left(r) >= TAG_SIZE; i++) {
        uint32_t format = rd_u32(r);
        uint32_t size = rd_u32(r);
        if (size > rd_left(r)) {
            decoder_damage(d, in->result, LEDGER_SAMPLE_TRUNCATED);
            i++;
            break;
        }
        enum ledger_entry outcome = decode_sample(in, format, rd_sub(r, size));
        if (outcome == LEDGER_SAMPLE_MALFORMED || outcome == LEDGER_SAMPLE_NO_RECORD) {
            decoder_damage(d, in->result, outcome);
        } else {
            decoder_count(d, outcome, 1);
        }
    }
    decoder_count(d, LEDGER_SAMPLE_MISSING, count - i);
}

void sflow_decode(struct decoder *d, const struct chunk *chunk, struct batch_writer *out,
                  struct decode_result *result)
{
    struct rd r = rd_over(chunk->data, chunk->size);
    uint32_t version = rd_u32(&r);
    uint32_t agent_type = rd_u32(&r);
    if (r.bad || version != SFLOW_VERSION) {
        result->outcome = r.bad ? LEDGER_DATAGRAM_SFLOW_SHORT : LEDGER_DATAGRAM_SFLOW_VERSION;
        return;
    }
    if (agent_type != 1 && agent_type != 2) {
        result->outcome = LEDGER_DATAGRAM_SFLOW_AGENT;
        return;
    }
    const uint8_t *agent = rd_take(&r, agent_type == 1 ? ADDR_V4_SIZE : ADDR_V6_SIZE);
    const uint8_t *p = rd_take(&r, 16); // sub-agent, sequence number, uptime, samples
    if (agent == NULL || p == NULL) {
        result->outcome = LEDGER_DATAGRAM_SFLOW_SHORT;
        return;
    }
    uint32_t sample_count = be32(p + 12);
    if (sample_count > SFLOW_SAMPLES_MAX) {
        result->outcome = LEDGER_DATAGRAM_SFLOW_SAMPLES;
        return;
    }
    struct sflow in = { .decoder = d,
                        .out = out,
                        .result = result,
                        .agent = agent_type == 1 ? addr_v4(agent) : addr_v6(agent),
                        .sequence = be32(p + 4),
                        .received_ns = chunk->received_ns };
    result->exporter =
        exporters_get(d->exporters, &chunk->peer, &in.agent, be32(p), &result->exporter_new);
    exporter_sequence(result->exporter, in.sequence);
    decode_samples(&in, &r, sample_count);
}
