// SPDX-License-Identifier: Apache-2.0
/*
 * Flow to bytes. A format is made once from a mapping and is then constant: any thread may append
 * with it. Appending reads the flow and its batch and writes into the caller's buffer, nothing
 * else.
 *
 * To add a format: one file, and a line in the table of format.c.
 */
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "flow/batch.h"
#include "flow/mapping.h"

struct format;

/// `name` is json, text or bin. The mapping must outlive the format. ERR_NOT_FOUND with the list of
/// names, ERR_NO_MEMORY.
int format_new(const char *name, const struct mapping *mapping, struct format **ret_format,
               struct err *err) MUST_USE;
void format_free(struct format *f);

/// Appends one message, without any separator. Records that are not flows append nothing and
/// return false. What does not fit sets out->bad and leaves no part of the message behind.
bool format_append(const struct format *f, const struct batch *batch, const struct flow *flow,
                   struct buf *out);
