// SPDX-License-Identifier: Apache-2.0
/*
 * Flow to bytes. A format is made once from a mapping and belongs to one thread at a time.
 * Appending reads the flow and its batch and writes into the caller's buffer; it does not allocate.
 *
 * To add a format: one file, and a line in the table of format.c.
 */
#pragma once

#include "base/buf.h"
#include "base/status.h"
#include "flow/batch.h"
#include "flow/mapping.h"

struct format;
struct ecs_settings;

struct format_settings {
    const char *name; ///< json, text, bin or ecs
    const struct mapping *mapping;
    const struct ecs_settings *ecs; ///< for ecs, else NULL
};

/// What `settings` points to must outlive the format. ERR_NOT_FOUND with the list of names,
/// ERR_INVALID, ERR_NO_MEMORY.
int format_new(const struct format_settings *settings, struct format **ret_format,
               struct err *err) MUST_USE;
void format_free(struct format *f);

enum format_outcome {
    FORMAT_NOTHING,        ///< the format has no message for this kind of record
    FORMAT_MESSAGE,        ///< appended
    FORMAT_ERROR_DOCUMENT, ///< appended: a document that says what is wrong
    FORMAT_TOO_LARGE,      ///< did not fit: out->bad is set and nothing is left of it
};

/// Appends one message, without any separator. One thread at a time.
enum format_outcome format_append(struct format *f, const struct batch *batch,
                                  const struct flow *flow, struct buf *out);
