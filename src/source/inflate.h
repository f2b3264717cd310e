// SPDX-License-Identifier: Apache-2.0
/*
 * gzip and zstd streams as they stand in files: several members or frames behind one another are
 * one stream. The fence around zlib and libzstd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum inflate_kind { INFLATE_NONE, INFLATE_GZIP, INFLATE_ZSTD };

/// By the first bytes: INFLATE_NONE for what is neither. Four bytes tell.
enum inflate_kind inflate_kind_of(const uint8_t *data, size_t size);

struct inflate;

/// ERR_NO_MEMORY.
int inflate_new(enum inflate_kind kind, struct inflate **ret_inflate) MUST_USE;
void inflate_free(struct inflate *s);

enum inflate_verdict {
    INFLATE_OK,      ///< went on; more input or more room is wanted
    INFLATE_DAMAGED, ///< the data are no such stream, or their checksum says so
};

/// Takes from `in` and writes to `out`; how much of each is in *ret_taken and *ret_made. What was
/// made before damage is good.
enum inflate_verdict inflate_step(struct inflate *s, const uint8_t *in, size_t in_size,
                                  uint8_t *out, size_t out_size, size_t *ret_taken,
                                  size_t *ret_made);

/// Whether the stream may end here: between two members or frames.
bool inflate_is_complete(const struct inflate *s);
