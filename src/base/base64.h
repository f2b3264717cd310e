// SPDX-License-Identifier: Apache-2.0
/* base64 (RFC 4648, with "=" at the end): what secrets and cloud ids are written in. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void base64_encode(const void *data, size_t size, struct buf *out);

/// Appends what `text` stands for. The "=" at its end may be left out. False for anything that is
/// no base64; then nothing is appended.
bool base64_decode(const char *text, size_t size, struct buf *out) MUST_USE;
