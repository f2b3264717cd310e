// SPDX-License-Identifier: Apache-2.0
/*
 * Couriers take parcels to a cluster: one request at a time each, and of each document they see to
 * what became of it. They share what is learned on the way (`struct couriers`): which product it
 * is, how large requests may be, that nobody should go for a while, and where streams write to.
 *
 * What a server says decides, document by document (transport/bulk.h): what is delivered, or was
 * there already, is settled; what it refuses goes to the dead-letter file, and is settled when that
 * is on disk; the rest stays in the parcel, for the caller to try again or to keep.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cluster/cluster.h"
#include "transport/parcel.h"
#include "transport/transport.h"

struct couriers;
struct courier;

/// Texts are borrowed for as long as the couriers live.
struct courier_settings {
    struct cluster *cluster; ///< borrowed likewise
    const char *pipeline;    ///< "": the index's own; "_none"; or a name
    bool data_streams;       ///< the targets are to be data streams
    int gzip;                ///< level; 0: none
    size_t size_max;         ///< of a request, before compression
    const char *deadletter;  ///< path
};

/// ERR_NO_MEMORY.
int couriers_new(const struct courier_settings *settings, struct couriers **ret_couriers) MUST_USE;
/// All couriers are gone.
void couriers_free(struct couriers *cs);

/// How large a request should be now. Any thread.
size_t couriers_size(const struct couriers *cs);
/// Whether nothing can be delivered for now; *ret_wait_ms: until it is worth a try. Any thread.
bool couriers_are_away(struct couriers *cs, uint64_t *ret_wait_ms);
/// Counters in Prometheus' text form. Any thread.
void couriers_print_metrics(struct couriers *cs, struct buf *out);

/// One for each thread. ERR_NO_MEMORY.
int courier_new(struct couriers *cs, struct courier **ret_courier) MUST_USE;
void courier_free(struct courier *c);
/// Ends its request, if there is one, and those to come. Any thread.
void courier_abort(struct courier *c);

enum courier_verdict {
    COURIER_DONE,    ///< nothing is left in the parcel
    COURIER_LATER,   ///< something is left: the server is there, but does not take it now
    COURIER_BLOCKED, ///< the same, and only for what it forbids (a write block, a missing right)
    COURIER_AWAY,    ///< the server is not there, or takes nothing from us
};

/// Takes a parcel to the cluster, in as many requests as it needs, until nothing is left or there
/// is no point in going on. Adds what became of documents to `tally`, takes them out of the parcel.
/// *ret_wait_ms: how long to wait before the next try.
enum courier_verdict courier_try(struct courier *c, struct parcel *p, struct transport_tally *tally,
                                 uint64_t *ret_wait_ms);
