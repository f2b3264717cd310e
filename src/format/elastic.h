// SPDX-License-Identifier: Apache-2.0
/*
 * The document that Elastic's GoFlow2 package (0.7.0) makes of a line of goflow2's log: the same
 * steps in the same order on the same kind of tree, oddities and failures included.
 * docs/elastic.md lists them.
 *
 * For files of format/ only. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

struct elastic;

enum {
    /// The largest event: an agent's is below 2 KiB, but for its paths.
    ELASTIC_EVENT_SIZE_MAX = 64 << 10,
};

/// Maps its areas, which cost only what is touched. ERR_NO_MEMORY.
int elastic_new(struct elastic **ret_elastic) MUST_USE;
void elastic_free(struct elastic *e);

/// A piece of JSON; size 0 is nothing.
struct elastic_json {
    const uint8_t *data;
    size_t size;
};

struct elastic_input {
    const uint8_t *line; ///< as it was in the file, without its line end; any bytes
    size_t size;         ///< at most LOG_LINE_SIZE_MAX
    /// The event as the agent hands it over: a JSON object with @timestamp, tags, event.timezone,
    /// agent, log and so on, without `message`. At most ELASTIC_EVENT_SIZE_MAX; what is no object
    /// is taken for {}.
    struct elastic_json event;
    /// What the databases say of source.ip and destination.ip: the objects that become source.geo
    /// and so on, as they are to be: valid JSON in UTF-8. Only used when the document comes to have
    /// that address.
    struct elastic_json src_geo;
    struct elastic_json dst_geo;
    struct elastic_json src_as;
    struct elastic_json dst_as;
    bool city_unavailable; ///< no database: the steps only leave their tag
    bool asn_unavailable;
    const char *ecs_version;
};

/// Appends the document, without a line end, in valid UTF-8. Returns whether the pipeline failed on
/// it (it is an error document then). May set out->bad, also for a line or an event that is too
/// long; then nothing of it is left.
bool elastic_append(struct elastic *e, const struct elastic_input *in, struct buf *out);
