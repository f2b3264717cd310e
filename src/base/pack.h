// SPDX-License-Identifier: Apache-2.0
/*
 * gzip (RFC 1952) of whole blocks: for what goes over HTTP, and for what weir keeps on disk. The
 * streams that logrotate makes are read by source/inflate.
 */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"

struct packer;

/// `level`: 1 (least) to 9. One thread at a time. ERR_NO_MEMORY.
int packer_new(int level, struct packer **ret_packer) MUST_USE;
void packer_free(struct packer *p);

/// Appends `data` as one gzip member. ERR_NO_MEMORY, ERR_FULL (out's cap).
int packer_pack(struct packer *p, const void *data, size_t size, struct buf *out) MUST_USE;

/// Appends what a member holds: exactly `raw_size` bytes, else ERR_INVALID. ERR_NO_MEMORY,
/// ERR_FULL.
int packer_unpack(struct packer *p, const void *data, size_t size, size_t raw_size,
                  struct buf *out) MUST_USE;
