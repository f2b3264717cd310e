// SPDX-License-Identifier: Apache-2.0
/* -transport: which transports there are to be, and making them from the settings. */
#pragma once

#include <stdbool.h>

#include "app/options.h"
#include "app/pipeline.h"
#include "base/status.h"

enum {
    OUTPUT_FILE = 1 << 0,
    OUTPUT_ELASTICSEARCH = 1 << 1,
    OUTPUT_STORE = 1 << 2,
};

/// Which of them: those that -transport names; when it names none, those of which an option is
/// given and, unless the program is called goflow2, the store. -transport.store none is no store.
/// If that leaves none, file. ERR_INVALID, ERR_UNSUPPORTED.
int outputs_read(const struct settings *s, unsigned *ret_outputs, struct err *err) MUST_USE;

/// Whether anything makes ECS documents with what the databases and names know.
bool outputs_want_enrich(const struct settings *s, unsigned outputs);
/// Whether anything makes ECS documents.
bool outputs_want_ecs(const struct settings *s, unsigned outputs);
/// Whether anything wants lines whole, as they were read.
bool outputs_want_lines(const struct settings *s, unsigned outputs);

/// Batches that they may hold besides those in their rings.
size_t outputs_batches_max(const struct settings *s, unsigned outputs);

/// Starts them into p->transports, the store last: it may take its time. An import and a replay
/// give to the weir that has the store, when one does, and open it themselves otherwise.
/// `capacity`: of their rings. Errors with words.
int outputs_start(struct pipeline *p, const struct settings *s, unsigned outputs, size_t capacity,
                  transport_closed_fn *closed, struct err *err) MUST_USE;
