// SPDX-License-Identifier: Apache-2.0
/*
 * The spool: on disk, in order, what a transport could not deliver yet. Bounded. It survives kill
 * -9 and power cuts, and it knows at each moment how many records are in it.
 *
 * Two lanes: records of datagrams, of which the oldest make room for new ones when the spool is
 * full; and lines of logs that are followed, which are never given up (whoever reads them stops
 * reading instead). A lane is a row of segment files; a segment is a row of frames, each with a
 * header that has a checksum of its own, and a payload, packed, that has one too. How far a lane is
 * delivered stands in a small file, its watermark. A frame is put into the spool by one thread and
 * taken out by another; both lanes, and the bound, are shared.
 *
 * What is damaged is passed over, named and counted. A frame that was being written when the power
 * went is left out, and not counted: nobody was told that it was kept. A last frame whose header
 * was damaged afterwards looks the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum spool_lane {
    SPOOL_DATAGRAMS, ///< the oldest are dropped when the spool is full
    SPOOL_LINES,     ///< never dropped
    SPOOL_LANE_COUNT
};

struct spool;

struct spool_settings {
    const char *folder; ///< made if it is not there; borrowed for the call
    uint64_t size_max;  ///< bytes on disk, both lanes; 0: nothing new is taken
};

/// Opens the spool of a folder and finds out what is in it. A second process that has it open is
/// ERR_EXISTS. ERR_IO, ERR_INVALID (it is of a newer weir), ERR_NO_MEMORY; all with words.
int spool_open(const struct spool_settings *settings, struct spool **ret_spool,
               struct err *err) MUST_USE;
void spool_close(struct spool *s);

/// Keeps `data`, `count` records, at the end of a lane; when it returns 0 they outlive a power cut.
/// For datagrams the oldest segments of datagrams make room. ERR_FULL: no room (lines, or one frame
/// larger than all), nothing is kept; ERR_IO: neither, the reason is logged once; ERR_NO_MEMORY.
/// Any thread.
int spool_put(struct spool *s, enum spool_lane lane, const void *data, size_t size, uint32_t count);

/// Whether lines can still be kept: false some time before spool_put() would say ERR_FULL, so that
/// what is already read finds room. Any thread.
bool spool_takes_lines(struct spool *s);

/// The oldest frame of a lane, appended to `out`. *ret_count: its records. It stays in the spool
/// until spool_done() or spool_put_back(). ERR_NOT_FOUND when the lane is empty; ERR_IO,
/// ERR_NO_MEMORY, ERR_FULL (the cap of `out`): it may come the next time. Damaged frames on the way
/// are passed over. One frame at a time in each lane; one thread.
int spool_take(struct spool *s, enum spool_lane lane, struct buf *out, uint32_t *ret_count);

/// The frame last taken from the lane is delivered: it is gone for good.
void spool_done(struct spool *s, enum spool_lane lane);

/// The frame last taken from the lane is not delivered after all: it stays. If room was made of it
/// meanwhile it is gone, and counted as dropped.
void spool_put_back(struct spool *s, enum spool_lane lane);

/// Writes to disk how far things are delivered, now and then (about once a second) and before the
/// end: what was delivered since may be delivered again after a power cut, not after a kill. Any
/// thread.
void spool_tick(struct spool *s);

/// What is in it, and what became of what was. Any thread.
struct spool_books {
    uint64_t found;    ///< records that were in it when it was opened
    uint64_t put;      ///< since then
    uint64_t done;     ///< delivered out of it
    uint64_t dropped;  ///< made room for newer ones
    uint64_t damaged;  ///< could not be read back, as far as it can be told how many
    uint64_t waiting;  ///< in it now: found + put - done - dropped - damaged
    uint64_t bytes;    ///< on disk
    uint64_t oldest_s; ///< when the oldest record was put in, seconds since 1970; 0: it is empty
};

struct spool_books spool_books(struct spool *s);
