// SPDX-License-Identifier: Apache-2.0
/*
 * The intake: the way from a source to the hand-over, for one thread. Chunks go in; batches come
 * out at `hand_on`. A UDP receiver and the replay of a capture differ only in where their chunks
 * come from; both feed an intake, and so does every source to come.
 *
 * It owns the decoder, the batch being filled and the thread's books. Only its thread calls it;
 * the fields named below may be read by others.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/sampling.h"
#include "base/addr.h"
#include "base/chunk.h"
#include "base/log.h"
#include "base/status.h"
#include "base/summary.h"
#include "decode/decode.h"
#include "decode/goflow_line.h"
#include "enrich/enrich.h"
#include "flow/batch.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

/// Takes the batch and its reference to the transports. `wait`: rather wait for a place than lose
/// it.
typedef void intake_hand_on_fn(void *context, struct batch *batch, bool wait);

/// What intakes share; must outlive them.
struct intake_settings {
    const struct mapping *mapping;
    struct enrich *enrich;           ///< NULL: nothing is looked up
    const struct sampling *sampling; ///< of records without a rate
    struct goflow_settings lines;    ///< how logs are read
    const struct cidr *allow;        ///< exporters that are listened to; none: everyone
    size_t allow_count;
    bool once;                 ///< what is read can be read again: batches wait rather than be kept
    uint64_t mute_count;       ///< error lines per interval; 0: all of them (goflow2's err.cnt)
    uint64_t mute_interval_ns; ///< 0: all of them (goflow2's err.int)
    struct batch_pool *pool;
    intake_hand_on_fn *hand_on;
    void *context;
};

/// What an intake takes in.
enum intake_kind {
    INTAKE_DATAGRAMS, ///< intake_chunk()
    INTAKE_LINES,     ///< intake_line()
};

struct intake {
    // For any thread.
    struct ledger ledger;
    struct decoder *decoder;       ///< its exporters (decoder_exporters) may be walked
    struct summary *decode_time;   ///< ns per datagram, one datagram in DECODE_TIME_SAMPLE
    struct summary *datagram_size; ///< bytes

    // For the intake's thread.
    const struct intake_settings *settings;
    struct goflow_reader *reader;
    struct enricher *enricher;
    struct batch_writer writer;
    struct log_mute mute;
    const struct log_attr *label; ///< where its chunks come from, for logs; borrowed
    bool wait;
    bool mixed; ///< the source also yields what is no flow data: that is counted, not logged
    uint64_t datagram_count;
};

/// `settings` and `label` must outlive the intake. `wait`: the source can wait for slow transports
/// (a file, a listener with blocking=true). ERR_NO_MEMORY.
int intake_new(const struct intake_settings *settings, enum intake_kind kind,
               const struct log_attr *label, bool wait, struct intake **ret_intake) MUST_USE;
/// Flushed before.
void intake_free(struct intake *in);

/// Decodes one datagram; whole batches go to settings->hand_on. Logs what is worth a line: an
/// exporter heard for the first time, a datagram that could not be read (muted as goflow2 does).
struct decode_result intake_chunk(struct intake *in, const struct chunk *chunk);

/// Reads one line of a log; whole batches go to settings->hand_on. Logs, muted, a line that could
/// not be read. Returns LEDGER_LINE_FLOW, or what else became of it.
enum ledger_entry intake_line(struct intake *in, const struct line *line);

/// Hands on a batch that has waited long enough at `now_ns` (monotonic).
void intake_tick(struct intake *in, uint64_t now_ns);

/// Hands on what there is: nothing more comes for now.
void intake_flush(struct intake *in);

/// Whether a batch is being filled, so that intake_tick() is wanted soon.
static inline bool intake_has_waiting(const struct intake *in)
{
    return in->writer.batch != NULL;
}
