// SPDX-License-Identifier: Apache-2.0
/* There are one or two streams as a rule: a list will do. */
#include "transport/backing.h"

#include <stddef.h>

/// Where a stream's entry is, or would be; BACKING_STREAMS_MAX: nowhere.
static size_t find(const struct backing *b, uint64_t stream)
{
    size_t i = 0;
    while (i < BACKING_STREAMS_MAX && b->streams[i] != 0 && b->streams[i] != stream) {
        i++;
    }
    return i;
}

void backing_learn(struct backing *b, uint64_t stream, uint64_t index)
{
    size_t i = find(b, stream);
    if (i < BACKING_STREAMS_MAX) {
        b->streams[i] = stream;
        b->indices[i] = index;
    }
}

bool backing_is(const struct backing *b, uint64_t stream, uint64_t index)
{
    size_t i = find(b, stream);
    return i < BACKING_STREAMS_MAX && b->streams[i] == stream && b->indices[i] == index;
}
