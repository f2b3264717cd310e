// SPDX-License-Identifier: Apache-2.0
/* The path from a datagram to bytes, for fuzz targets and tests that feed it bad input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_path;

/// One of two paths, made at the first call: without a mapping file, or with many packet rules.
struct fuzz_path *fuzz_path(bool with_rules);

struct chunk fuzz_chunk(const uint8_t *data, size_t size);

/// Decodes from a heap block of exactly the chunk's size, so that a byte past it is seen.
void fuzz_decode(struct fuzz_path *p, const struct chunk *chunk);

/// Hands on what waits, formats it in every format, and aborts unless the books balance.
void fuzz_check(struct fuzz_path *p);
