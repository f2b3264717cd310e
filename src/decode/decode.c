// SPDX-License-Identifier: Apache-2.0
/*
 * The entry: which protocol a datagram speaks, and the books around it. A listener's scheme
 * decides; flow:// looks at the first word as goflow2 does: 5 is sFlow, and 5, 9 or 10 in its upper
 * half is NetFlow v5, v9 or IPFIX, which are counted as unsupported.
 */
#include "decode/decoder.h"

#include "base/mem.h"
#include "base/rd.h"

int decoder_new(const struct mapping *mapping, struct ledger *ledger, struct decoder **ret_decoder)
{
    struct decoder *d = mem_zalloc(sizeof(*d));
    if (d == NULL) {
        return ERR_NO_MEMORY;
    }
    d->mapping = mapping;
    d->ledger = ledger;
    if (exporters_new(&d->exporters) != 0) {
        mem_free(d);
        return ERR_NO_MEMORY;
    }
    *ret_decoder = d;
    return 0;
}

void decoder_free(struct decoder *d)
{
    if (d != NULL) {
        exporters_free(d->exporters);
        mem_free(d);
    }
}

struct exporters *decoder_exporters(struct decoder *d)
{
    return d->exporters;
}

/// goflow2's automatic scheme.
static enum ledger_entry identify(const struct chunk *chunk)
{
    struct rd r = rd_over(chunk->data, chunk->size);
    uint32_t word = rd_u32(&r);
    if (!r.bad && word == 5) {
        return LEDGER_DATAGRAM_DECODED;
    }
    uint32_t version = word >> 16;
    bool netflow = !r.bad && (version == 5 || version == 9 || version == 10);
    return netflow ? LEDGER_DATAGRAM_UNSUPPORTED : LEDGER_DATAGRAM_UNKNOWN_PROTOCOL;
}

static void dispatch(struct decoder *d, const struct chunk *chunk, struct batch_writer *out,
                     struct decode_result *result)
{
    if (chunk->size == 0) {
        result->outcome = LEDGER_DATAGRAM_EMPTY;
    } else if (chunk->scheme == SCHEME_NETFLOW) {
        result->outcome = LEDGER_DATAGRAM_UNSUPPORTED;
    } else if (chunk->scheme == SCHEME_FLOW) {
        result->outcome = identify(chunk);
    }
    if (result->outcome == LEDGER_DATAGRAM_DECODED) {
        sflow_decode(d, chunk, out, result);
    }
}

/// The exporter of a datagram that did not say who sent it: known by its address alone.
static void set_exporter_by_peer(struct decoder *d, const struct chunk *chunk,
                                 struct decode_result *result)
{
    result->exporter =
        exporters_get(d->exporters, &chunk->peer, &chunk->peer, 0, &result->exporter_new);
}

struct decode_result decode_datagram(struct decoder *d, const struct chunk *chunk,
                                     struct batch_writer *out)
{
    struct decode_result result = { .outcome = LEDGER_DATAGRAM_DECODED };
    dispatch(d, chunk, out, &result);
    decoder_count(d, LEDGER_DATAGRAMS, 1);
    decoder_count(d, result.outcome, 1);
    if (result.exporter == NULL) {
        set_exporter_by_peer(d, chunk, &result);
    }
    struct exporter *x = result.exporter;
    counter_inc(&x->datagrams);
    counter_add(&x->bytes, chunk->size);
    atomic_store_explicit(&x->last_seen_ns.value, chunk->received_ns, memory_order_relaxed);
    if (result.outcome != LEDGER_DATAGRAM_DECODED || result.damaged > 0) {
        counter_inc(&x->errors);
    }
    return result;
}
