// SPDX-License-Identifier: Apache-2.0
/*
 * The dead-letter file: documents that a server refused for good, one JSON object a line:
 *
 *     {"time":"2026-01-31T12:00:00.000Z","index":"logs-goflow2.sflow-default","id":"...",
 *      "status":400,"reason":"document_parsing_exception: ...","document":{...}}
 *
 * `weir import -deadletter FILE` sends them again. So that the file may be moved away at any time
 * (by that command, by logrotate), it is opened for each entry under a lock and closed again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/// One refused document. Texts need not end with NUL.
struct deadletter {
    const uint8_t *index;
    size_t index_size;
    const uint8_t *id; ///< size 0: it had none
    size_t id_size;
    const uint8_t *document; ///< one JSON object, without newline
    size_t document_size;
    unsigned status;
    const char *reason;
};

/// Appends the entry's line to `out`.
void deadletter_append(const struct deadletter *entry, uint64_t now_ns, struct buf *out);

/// Appends `lines` to the file, makes it and its folder when they are not there (mode 0600), and
/// syncs it. All of them or none: a torn end is cut off again. ERR_IO, logged once until it works
/// again. Any thread.
int deadletter_write(const char *path, const struct buf *lines) MUST_USE;

/// Reads a line into `ret_entry`, whose texts point into it (index and id are plain: without
/// escapes). False when it is none.
bool deadletter_parse(const uint8_t *line, size_t size, struct deadletter *ret_entry) MUST_USE;

/// Takes the file `path` aside, to be sent again, as `path`.resending, so that refusals may be
/// written to `path` meanwhile. When an earlier try left one it is that one: then the file itself
/// is to be taken next. ERR_NOT_FOUND: neither is there; ERR_EXISTS: another process is at it. The
/// descriptor is the caller's and holds the lock. With words.
int deadletter_take_aside(const char *path, int *ret_fd, struct err *err) MUST_USE;
/// All that deadletter_take_aside() gave is sent.
void deadletter_done(const char *path);
