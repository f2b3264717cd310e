// SPDX-License-Identifier: Apache-2.0
/*
 * One datagram, or one line, at a time: is its sender allowed, decode it, log what is worth a line.
 * A batch that is full is enriched here, in the thread that filled it. The clock is
 * read around one datagram in DECODE_TIME_SAMPLE, for goflow2's decoding-time metric: reading it
 * for each would cost as much as decoding a small one.
 */
#include "app/intake.h"

#include "base/clock.h"
#include "base/mem.h"

enum { DECODE_TIME_SAMPLE = 16 };

static void set_sampling(const struct sampling *sampling, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        struct flow *flow = &batch->flows[i];
        if (flow->sampling_rate == 0) {
            flow->sampling_default = sampling_of(sampling, &flow->sampler_address);
        }
    }
}

/// A batch is full or old: its flows leave this thread's books for the transports'.
static void hand_on(void *context, struct batch *batch)
{
    struct intake *in = context;
    const struct sampling *sampling = in->settings->sampling;
    if (sampling->rate != 0 || sampling->count > 0) {
        set_sampling(sampling, batch);
    }
    if (in->enricher != NULL) {
        enrich_batch(in->enricher, batch);
    }
    batch->keep = in->settings->once   ? BATCH_WAITING
                  : in->reader != NULL ? BATCH_FOLLOWED
                                       : BATCH_PASSING;
    ledger_count(&in->ledger, LEDGER_FLOW_HANDED_ON, batch->flow_count);
    in->settings->hand_on(in->settings->context, batch, in->wait);
}

/// What the kind needs.
static int make_parts(struct intake *in, enum intake_kind kind)
{
    const struct intake_settings *s = in->settings;
    int status = summary_new(&in->decode_time);
    status = status == 0 ? summary_new(&in->datagram_size) : status;
    if (status == 0 && s->enrich != NULL) {
        status = enricher_new(s->enrich, &in->enricher);
    }
    if (status != 0) {
        return status;
    }
    return kind == INTAKE_LINES ? goflow_reader_new(s->mapping, &s->lines, &in->ledger, &in->reader)
                                : decoder_new(s->mapping, &in->ledger, &in->decoder);
}

int intake_new(const struct intake_settings *settings, enum intake_kind kind,
               const struct log_attr *label, bool wait, struct intake **ret_intake)
{
    struct intake *in = mem_zalloc(sizeof(*in));
    if (in == NULL) {
        return ERR_NO_MEMORY;
    }
    in->settings = settings;
    in->label = label;
    in->wait = wait;
    log_mute_init(&in->mute, settings->mute_count, settings->mute_interval_ns);
    batch_writer_init(&in->writer, settings->pool, hand_on, in);
    if (make_parts(in, kind) != 0) {
        intake_free(in);
        return ERR_NO_MEMORY;
    }
    *ret_intake = in;
    return 0;
}

void intake_free(struct intake *in)
{
    if (in == NULL) {
        return;
    }
    CHECK(in->writer.batch == NULL);
    summary_free(in->datagram_size);
    summary_free(in->decode_time);
    decoder_free(in->decoder);
    goflow_reader_free(in->reader);
    enricher_free(in->enricher);
    mem_free(in);
}

static bool is_allowed(const struct intake_settings *settings, const struct addr *peer)
{
    for (size_t i = 0; i < settings->allow_count; i++) {
        if (cidr_contains(&settings->allow[i], peer)) {
            return true;
        }
    }
    return settings->allow_count == 0;
}

static void log_exporter(const struct intake *in, const struct exporter *x)
{
    char peer[ADDR_TEXT_SIZE_MAX + 1];
    char agent[ADDR_TEXT_SIZE_MAX + 1];
    log_with(LOG_LEVEL_INFO, "exporter heard for the first time", in->label,
             LOG_TEXT("exporter", addr_text(&x->peer, peer)),
             LOG_TEXT("agent", addr_text(&x->agent, agent)), LOG_U64("sub_agent", x->sub_agent));
}

/// Whether an `error` line may be logged now: a flood of bad input must not become one of logs.
static bool may_log(struct intake *in)
{
    uint64_t skipped;
    switch (log_mute_event(&in->mute, clock_mono_ns(), &skipped)) {
    case LOG_MUTE_SILENT:
        return false;
    case LOG_MUTE_MUTING:
        log_write(LOG_LEVEL_WARN, "too many receiver messages, muting", in->label, NULL);
        return false;
    case LOG_MUTE_SKIPPED:
        log_with(LOG_LEVEL_WARN, "skipped receiver messages", in->label, LOG_U64("count", skipped));
        return false;
    case LOG_MUTE_LOG:
        break;
    }
    return true;
}

/// goflow2's `error` line for a datagram.
static void log_bad(struct intake *in, const struct chunk *chunk, enum ledger_entry reason)
{
    if (!may_log(in)) {
        return;
    }
    char peer[ADDR_TEXT_SIZE_MAX + 1];
    log_with(LOG_LEVEL_ERROR, "error", in->label, LOG_TEXT("error", LEDGER_ENTRIES[reason].words),
             LOG_TEXT("reason", LEDGER_ENTRIES[reason].name),
             LOG_TEXT("exporter", addr_text(&chunk->peer, peer)), LOG_U64("size", chunk->size));
}

static struct decode_result refuse(struct intake *in, enum ledger_entry reason)
{
    ledger_count(&in->ledger, LEDGER_DATAGRAMS, 1);
    ledger_count(&in->ledger, reason, 1);
    return (struct decode_result){ .outcome = reason };
}

static struct decode_result decode_timed(struct intake *in, const struct chunk *chunk)
{
    if (in->datagram_count++ % DECODE_TIME_SAMPLE != 0) {
        return decode_datagram(in->decoder, chunk, &in->writer);
    }
    uint64_t begin_ns = clock_mono_ns();
    struct decode_result result = decode_datagram(in->decoder, chunk, &in->writer);
    uint64_t end_ns = clock_mono_ns();
    summary_add(in->decode_time, end_ns, end_ns - begin_ns);
    summary_add(in->datagram_size, end_ns, chunk->size);
    return result;
}

struct decode_result intake_chunk(struct intake *in, const struct chunk *chunk)
{
    if (!is_allowed(in->settings, &chunk->peer)) {
        return refuse(in, LEDGER_DATAGRAM_NOT_ALLOWED);
    }
    struct decode_result result = decode_timed(in, chunk);
    bool bad = result.outcome != LEDGER_DATAGRAM_DECODED || result.damaged > 0;
    if (result.exporter_new && !bad) {
        log_exporter(in, result.exporter);
    }
    bool foreign = result.outcome == LEDGER_DATAGRAM_UNKNOWN_PROTOCOL ||
                   result.outcome == LEDGER_DATAGRAM_EMPTY;
    if (bad && !(in->mixed && foreign)) {
        log_bad(in, chunk, result.damaged > 0 ? result.damage : result.outcome);
    }
    return result;
}

enum ledger_entry intake_line(struct intake *in, const struct line *line)
{
    enum ledger_entry outcome = goflow_read(in->reader, line, &in->writer);
    if (LEDGER_ENTRIES[outcome].side == LEDGER_SIDE_ASIDE && may_log(in)) {
        log_with(LOG_LEVEL_ERROR, "a line cannot be read", in->label,
                 LOG_TEXT("file", line->origin->path), LOG_U64("offset", line->offset),
                 LOG_TEXT("reason", LEDGER_ENTRIES[outcome].name),
                 LOG_TEXT("error", goflow_words(in->reader)));
    }
    return outcome;
}

void intake_tick(struct intake *in, uint64_t now_ns)
{
    batch_writer_flush_old(&in->writer, now_ns);
}

void intake_flush(struct intake *in)
{
    batch_writer_flush(&in->writer);
}
