// SPDX-License-Identifier: Apache-2.0
/*
 * Top talkers: for each hour that is over, the addresses (sources, destinations, pairs of them)
 * with the most traffic, and one row `other` with the sum of all the rest, so that an hour's rows
 * add up to the hour.
 *
 *     ts                begin of the hour
 *     other             true: the rest; its addresses are NULL
 *     src_addr_hi ...   the address; NULL in a row that is not `other`: records without one
 *     flows, network_bytes, network_packets, samples, unknown   as in the roll-ups
 *
 * An address is there when it is among the TALKERS_MAX largest by bytes, by packets or by flows. So
 * what one that is not there can have had in an hour is bounded: no more than the TALKERS_MAX-th.
 *
 * An hour has its row `other` in talkers_src when its talkers were made, and otherwise no row in
 * any of the tables. They have exactly the records that the minutes have (store/rollup.h): who
 * asks adds those above the mark. When the minutes take records of an hour its talkers are thrown
 * away, and made again later. An hour of which records were forgotten keeps what it has.
 */
#pragma once

#include <stdint.h>

#include "store/duck.h"

enum { TALKERS_MAX = 1000 };

/// The latest hour that has ended at `before_ns` and has no talkers. 1: there is one; 0: there is
/// none. Hours are known from hours_X. Errors as duck_run().
int talkers_next(struct duck_conn *c, int64_t before_ns, int64_t *ret_hour_ns,
                 struct err *err) MUST_USE;
/// Makes the talkers of an hour. Errors as duck_run(); then nothing has changed.
int talkers_make(struct duck_conn *c, int64_t hour_ns, struct err *err) MUST_USE;

/// Compares the talkers with the records, as far as these are still there. ERR_INVALID: they
/// differ. For tests. Reads everything.
int talkers_check(struct duck_conn *c, struct err *err) MUST_USE;
