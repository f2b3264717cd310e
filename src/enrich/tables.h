// SPDX-License-Identifier: Apache-2.0
/*
 * What look-ups are made in at one time, and how it is changed under threads that look up: enrich.c
 * makes a new set of tables and points at it, and each enricher (enricher.c) moves over when it
 * begins its next batch. Until then it holds the old set, which goes when nobody holds it.
 *
 * Of what is in a set, all sets that hold it share one: a file of names that is read again does not
 * open the databases again.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"
#include "enrich/asn.h"
#include "enrich/city.h"
#include "enrich/networks.h"
#include "enrich/roster.h"

enum part_kind { PART_CITY, PART_ASN, PART_NETWORKS, PART_ROSTER, PART_COUNT };

/// One thing that was read, shared.
struct part {
    uint32_t refs; ///< of sets; only enrich.c's
    union {
        struct city *city;
        struct asn *asn;
        struct networks *networks;
        struct roster *roster;
    };
};

/// Constant but for `refs`.
struct tables {
    struct tables *next; ///< of those that are no longer in use; only enrich.c's
    uint32_t refs;       ///< under the mutex: of enrichers, and one while it is the current set
    uint32_t lookups;    ///< enum lookup: which databases are missing
    struct part *parts[PART_COUNT]; ///< NULL: not there
};

struct tables_in_use {
    _Atomic(struct tables *) current;
    pthread_mutex_t mutex;
};

/// Another set than `old` when there is one by now, which is let go (`old` may be NULL). For each
/// thread that looks up; takes the mutex only when the set has changed.
struct tables *tables_now(struct tables_in_use *u, struct tables *old);
/// An enricher holds its set no longer.
void tables_let_go(struct tables_in_use *u, struct tables *t);

struct enricher;

/// enricher_new() for who has the tables. ERR_NO_MEMORY.
int enricher_make(struct tables_in_use *in_use, struct enricher **ret_enricher) MUST_USE;
