// SPDX-License-Identifier: Apache-2.0
/*
 * What is forgotten, and when: records by age in whole hours; the oldest of them when the store is
 * larger than it may be or the disk has too little room; roll-ups and talkers by ages of their own,
 * and the oldest of them when there are no records left to forget.
 *
 * Large is what is used: blocks of the database file that hold something. The file itself does not
 * become smaller, its free blocks are filled again; so they count as room on the disk.
 *
 * Only records that the minutes have (store/rollup.h) are forgotten.
 */
#pragma once

#include <stdint.h>

#include "store/duck.h"
#include "store/store.h"

struct retention {
    const struct store_settings *settings;
    int64_t age_bound_ns; ///< what is older was forgotten by age, by this process
    int64_t oldest_ns;    ///< least ts, about; 0: not known, or no record
    uint64_t last_ns;     ///< when something was forgotten for size
    uint64_t forgotten;   ///< records, by this process
    uint64_t used_bytes;  ///< as retention_measure() found it
    uint64_t free_bytes;  ///< of the file
    uint64_t disk_free;
};

void retention_init(struct retention *r, const struct store_settings *settings);

/// How large it is and how much room there is. ERR_IO, and as duck_run().
int retention_measure(struct retention *r, struct duck_conn *c, struct err *err) MUST_USE;

/// Forgets what is to be forgotten at `now_ns` (since 1970). What it did until it failed is done.
/// Errors as retention_measure().
int retention_run(struct retention *r, struct duck_conn *c, uint64_t now_ns,
                  struct err *err) MUST_USE;

/// Writes DuckDB's log into the file, which gives blocks of what was deleted free. Somebody else
/// may be writing: then it is tried a few times more, and left to DuckDB otherwise. ERR_CLOSED,
/// ERR_IO.
int retention_checkpoint(struct duck_conn *c, struct err *err) MUST_USE;
