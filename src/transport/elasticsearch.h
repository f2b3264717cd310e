// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery to Elasticsearch and OpenSearch: ECS documents, by _bulk requests with `create` and the
 * record id as _id, so that what is sent twice is there once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "cluster/cluster.h"
#include "format/ecs.h"
#include "format/format.h"
#include "transport/transport.h"

enum {
    ELASTICSEARCH_CONNECTIONS_MAX = 16,
    ELASTICSEARCH_STREAM_SIZE = 256, ///< the longest name of an index, with NUL
};

/// Batches that the transport may hold besides those of its ring.
size_t elasticsearch_batches_max(size_t connections);

/// Texts, and what is pointed to, are borrowed for as long as the transport lives.
struct elasticsearch_settings {
    const struct cluster_settings *cluster;
    const struct format_settings *format; ///< with `ecs`; its name is not looked at
    const char *index;                    ///< of all documents; "": logs-DATASET-NAMESPACE of each
    const char *pipeline;   ///< none, default, or a name; "": none, of raw lines the index's own
    int gzip;               ///< level; 0: none
    size_t connections;     ///< requests at the same time
    size_t bulk_size;       ///< that requests grow to, bytes
    uint64_t flush_ns;      ///< that a document waits for others
    const char *spool;      ///< folder; "": nothing is spooled
    uint64_t spool_size;    ///< bytes
    const char *deadletter; ///< path
};

/// Makes what TRANSPORT_ELASTICSEARCH delivers with; asks no server anything. Errors with words.
int elasticsearch_open(const struct elasticsearch_settings *settings, void **ret_self,
                       struct err *err) MUST_USE;

extern const struct transport_kind TRANSPORT_ELASTICSEARCH;

/// The stream or index that documents of a dataset go to. ERR_RANGE when the name is too long.
int elasticsearch_stream(const char *index, const struct ecs_settings *ecs,
                         enum ecs_dataset dataset,
                         char ret_stream[static ELASTICSEARCH_STREAM_SIZE]) MUST_USE;

/// What `pipeline` of the settings means to a request: "_none", "" (the index's own), or its name.
const char *elasticsearch_pipeline(const char *pipeline, bool raw);
