// SPDX-License-Identifier: Apache-2.0
/*
 * Memory that lives as long as the process or an object, and the seal.
 *
 * The only file that calls malloc. A thread that has called mem_seal_thread() must not allocate
 * again: receive threads seal themselves before their first datagram. Builds with WEIR_DEBUG abort
 * when a sealed thread allocates, through these functions or through libc.
 */
#pragma once

#include <stddef.h>

#include "base/check.h"

/// `size` bytes of zeros, or NULL. The caller owns them until mem_free().
void *mem_zalloc(size_t size) MUST_USE;

/// `count` elements of `size` bytes of zeros, or NULL (also when the product does not fit).
void *mem_zalloc_array(size_t count, size_t size) MUST_USE;

/// As realloc(): NULL leaves `p` as it was. New bytes are not set.
void *mem_resize(void *p, size_t size) MUST_USE;

/// A copy of a text, or NULL.
char *mem_strdup(const char *text) MUST_USE;

/// A copy of `size` bytes with a NUL behind them, or NULL.
char *mem_strndup(const char *text, size_t size) MUST_USE;

void mem_free(void *p);

/// `size` bytes straight from the kernel, zero and not yet backed by memory: for large areas of
/// which little may ever be touched. NULL on failure. mem_unmap() with the same size.
void *mem_map(size_t size) MUST_USE;
void mem_unmap(void *p, size_t size);

/// From here on this thread does not allocate.
void mem_seal_thread(void);
/// For the way out of a sealed thread, where destructors and logs may allocate again.
void mem_unseal_thread(void);
