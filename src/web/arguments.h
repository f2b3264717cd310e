// SPDX-License-Identifier: Apache-2.0
/*
 * The arguments of a URL (`q=bytes%20%3E%201&n=5`): names and values, decoded one after the other.
 * Nothing but the text is needed, so a request that no server received can have them too.
 *
 * As browsers write them: & between them, + is a blank, %XX a byte. A % without two hex digits
 * stands for itself. A NUL cannot be part of a text and ends the reading: nobody types it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
    ARGUMENTS_MAX = 64,            ///< of one URL
    ARGUMENTS_SIZE_MAX = 64 << 10, ///< as long as a request's header may be
};

struct arguments {
    struct buf texts; ///< names and values, each with a NUL behind it
    size_t count;
    struct {
        size_t name; ///< offsets in texts
        size_t value;
    } at[ARGUMENTS_MAX];
};

enum arguments_fault {
    ARGUMENTS_FINE,
    ARGUMENTS_TOO_MANY,
    ARGUMENTS_TOO_LONG, ///< or out of memory
    ARGUMENTS_NUL,
};

/// Reads `query` (NULL: there are none). What `ret_arguments` has is to be released in any case.
enum arguments_fault arguments_read(const char *query, struct arguments *ret_arguments);
void arguments_release(struct arguments *a);

/// Valid until the arguments are released.
const char *arguments_name(const struct arguments *a, size_t index);
const char *arguments_value(const struct arguments *a, size_t index);
/// The first one's value; NULL: it is not there.
const char *arguments_find(const struct arguments *a, const char *name);
