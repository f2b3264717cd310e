// SPDX-License-Identifier: Apache-2.0
/* The -transport.elasticsearch* options as a cluster wants them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/options.h"
#include "cluster/cluster.h"

enum { CLUSTER_STREAM_SIZE = 256 }; ///< an index has a name of up to 255 bytes

/// Whether a server is named.
bool cluster_options_given(const struct settings *s);

/// Checks what can be checked without reading a file: exactly one way to the server, at most one
/// kind of secret, pairs that belong together. Texts are borrowed from the settings. ERR_INVALID.
int cluster_options_read(const struct settings *s, struct cluster_settings *ret_cluster,
                         struct err *err) MUST_USE;

/// The data stream or index that ordinary documents go to; returns `text`.
const char *cluster_options_stream(const struct settings *s, char text[static CLUSTER_STREAM_SIZE]);
