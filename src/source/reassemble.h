// SPDX-License-Identifier: Apache-2.0
/*
 * IP fragments to packets (RFC 791, RFC 8200 section 4.5), in whatever order they were captured.
 * Bounded: REASSEMBLE_PACKETS_MAX packets at a time, each up to 64 kB, none for longer than
 * REASSEMBLE_TIMEOUT_S of capture time. Every fragment that came is merged, dropped or waiting.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/check.h"
#include "source/frame.h"

struct reassembler;

/// Fragments, each counted once: merged + waiting + dropped = all that came.
struct reassemble_stats {
    uint64_t merged;  ///< into packets that became whole
    uint64_t packets; ///< that became whole
    uint64_t dropped; ///< of packets that never did
    uint64_t waiting;
};

/// ERR_NO_MEMORY.
int reassembler_new(struct reassembler **ret_reassembler) MUST_USE;
void reassembler_free(struct reassembler *r);

/// Takes a FRAME_FRAGMENT captured at `now_ns`. When it makes its packet whole, `f` becomes what
/// the packet holds (FRAME_UDP, FRAME_NOT_UDP, FRAME_DAMAGED), valid until the next call, and true
/// is returned.
bool reassembler_add(struct reassembler *r, struct frame *f, uint64_t now_ns);

/// Drops all that waits: the capture is over.
void reassembler_finish(struct reassembler *r);

struct reassemble_stats reassembler_stats(const struct reassembler *r);
