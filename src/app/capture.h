// SPDX-License-Identifier: Apache-2.0
/*
 * Writing a capture: UDP datagrams in Ethernet frames, in a pcap file with nanoseconds. What does
 * not fit a frame of 1500 bytes is cut into IP fragments, as a sender would.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct capture;

struct capture_datagram {
    struct addr src; ///< of the same family as `dst`
    struct addr dst;
    uint16_t src_port;
    uint16_t dst_port;
    const uint8_t *data;
    size_t size; ///< up to 65507 bytes
    uint64_t time_ns;
};

/// Makes the file, or empties it. `path` must outlive it. ERR_IO, ERR_NO_MEMORY.
int capture_create(const char *path, struct capture **ret_capture, struct err *err) MUST_USE;

/// ERR_IO: the disk is full, say.
int capture_write(struct capture *c, const struct capture_datagram *d, struct err *err) MUST_USE;

/// Nothing more comes: all that was written is in the file, or ERR_IO.
int capture_finish(struct capture *c, struct err *err) MUST_USE;

/// Without capture_finish() the end of the file may be missing. NULL is fine.
void capture_free(struct capture *c);
