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

/// ERR_NO_MEMORY.
int elastic_new(struct elastic **ret_elastic) MUST_USE;
void elastic_free(struct elastic *e);

/// A piece of JSON; size 0 is nothing.
struct elastic_json {
    const uint8_t *data;
    size_t size;
};

struct elastic_input {
    const uint8_t *line; ///< as it was in the file, without its line end; any bytes
    size_t size;
    /// The event as the agent hands it over: a JSON object with @timestamp, tags, event.timezone,
    /// agent, log and so on, without `message`.
    struct elastic_json event;
    /// What the databases say of source.ip and destination.ip: objects for geo and as.
    struct elastic_json src_geo;
    struct elastic_json dst_geo;
    struct elastic_json src_as;
    struct elastic_json dst_as;
    bool city_unavailable; ///< no database: the steps only leave their tag
    bool asn_unavailable;
    const char *ecs_version;
};

/// Appends the document, without a line end. Returns whether the pipeline failed on it (it is an
/// error document then). May set out->bad; then nothing of it is left.
bool elastic_append(struct elastic *e, const struct elastic_input *in, struct buf *out);
