// SPDX-License-Identifier: Apache-2.0
/* The -transport.elasticsearch.* options as the transport wants them. */
#pragma once

#include "app/data_dir.h"
#include "app/options.h"
#include "base/status.h"
#include "cluster/cluster.h"
#include "flow/mapping.h"
#include "format/ecs.h"
#include "format/format.h"
#include "transport/elasticsearch.h"

/// Points into itself: it is not to be copied.
struct elasticsearch_options {
    struct elasticsearch_settings settings;
    struct cluster_settings cluster;
    struct ecs_settings ecs; ///< those of -ecs.*, and raw
    struct format_settings format;
    char spool[DATA_PATH_SIZE];
    char deadletter[DATA_PATH_SIZE];
};

/// Borrows from its arguments. Makes the folders of -data. ERR_INVALID, ERR_IO.
int elasticsearch_options_read(struct elasticsearch_options *o, const struct settings *s,
                               const struct ecs_settings *ecs, const struct mapping *mapping,
                               struct err *err) MUST_USE;

/// The same without making anything: whether the values are sane.
int elasticsearch_options_check(const struct settings *s, struct err *err) MUST_USE;
