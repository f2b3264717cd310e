// SPDX-License-Identifier: Apache-2.0
/*
 * The pipeline: mapping, batch pool and transports, made from the settings, and the hand-over of
 * batches to every transport. What feeds it (receivers, a replay) has intakes of its own, made with
 * `intake`.
 */
#pragma once

#include "app/ecs_options.h"
#include "app/elasticsearch_options.h"
#include "app/intake.h"
#include "app/options.h"
#include "app/store_options.h"
#include "base/buf.h"
#include "flow/mapping.h"
#include "source/positions.h"
#include "store/keeper.h"
#include "store/store.h"
#include "transport/transport.h"
#include "web/live.h"

/// Batches that a source which reads as fast as it can lets wait for a transport.
enum { PIPELINE_PLACES_FEW = 8 };

struct pipeline {
    struct mapping *mapping;
    struct batch_pool *pool;
    unsigned outputs; ///< OUTPUT_*
    struct cidr *allow;
    size_t transport_count;
    struct transport *transports[TRANSPORTS_MAX];
    struct ecs_options ecs;
    struct elasticsearch_options elasticsearch;
    struct store_options store_options;
    struct store *store; ///< NULL: none, or another weir has it and gets our records
    struct keeper *keeper;
    struct transport *store_transport; ///< one of the transports, or NULL
    struct live *live;                 ///< the caller's; NULL: none
    _Atomic uint64_t handed_over;      ///< records that other commands gave to the store
    _Atomic bool gave_up;              ///< the weir that has the store went away
    struct enrich *enrich;             ///< NULL when the format asks for nothing
    struct sampling *sampling;
    struct positions *positions; ///< of the logs that are read; the caller opens and closes it
    struct intake_settings intake;
    _Atomic bool positions_failing;     ///< that was logged
    struct transport_patience patience; ///< of sources that wait; set before they start
    _Atomic bool closed; ///< a transport ended for good: nobody reads standard output any more
};

/// Reads the mapping and all that intakes need. `intakes`: how many will feed it. Errors with their
/// reason in `err`. pipeline_free() is due on failure as on success.
int pipeline_open(struct pipeline *p, const struct settings *settings, size_t intakes,
                  struct err *err) MUST_USE;

/// Opens the store, if there is to be one, and starts the transports; before the intakes start. The
/// store may take its time, so sockets had better be open.
int pipeline_start(struct pipeline *p, const struct settings *settings, struct err *err) MUST_USE;

/// The end is near: from now on nobody waits for a transport that cannot deliver. Before the
/// intakes are stopped, since they may be waiting.
void pipeline_prepare_stop(struct pipeline *p);

/// Delivers what waits and closes the transports; every intake is flushed before. The store stays
/// open for questions.
void pipeline_stop(struct pipeline *p);

/// What the keeper of a running weir does by and by: after an import. Behind pipeline_stop().
void pipeline_tidy_store(struct pipeline *p);

void pipeline_free(struct pipeline *p);

/// What was delivered will outlive a power cut: a positions_sync_fn; the context is the pipeline.
positions_sync_fn pipeline_sync;

/// Whether nothing waits for delivery. Nothing more comes: what transports gather is to leave.
bool pipeline_is_done(const struct pipeline *p);

/// Whether a transport has so much waiting that who can wait should.
bool pipeline_is_behind(const struct pipeline *p);

/// SIGHUP.
void pipeline_reopen(struct pipeline *p);

/// About once a second, in one thread: replaced databases are opened, positions saved.
void pipeline_tick(struct pipeline *p);

/// Logs the books in one line: those of `sums` and of every transport. Returns whether they
/// balance, to be asked when all is still.
bool pipeline_log_books(const struct pipeline *p, const struct ledger_sums *sums);

/// Reads -allow into a list that the caller frees with mem_free(). ERR_INVALID, ERR_NO_MEMORY.
int allow_parse(const char *text, struct cidr **ret_list, size_t *ret_count,
                struct err *err) MUST_USE;
