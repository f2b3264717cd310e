// SPDX-License-Identifier: Apache-2.0
/*
 * Kibana and OpenSearch Dashboards: putting weir's dashboards there, and taking them away again.
 *
 * All objects have ids that begin with "weir-", and nothing else is written or deleted. Importing
 * again replaces them: whoever has changed one keeps it by saving it under a name of his own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "cluster/assets.h"
#include "cluster/cluster.h"

/// What is to be done to the Kibana at `url` (http(s)://HOST[:PORT][/PATH][/s/SPACE], no slash at
/// the end).
struct kibana_request {
    const char *url;
    enum cluster_product
        product;  ///< of the cluster behind it, for one that does not say its version
    bool dry_run; ///< ask for the version only
};

/// Imports the dashboards. Appends what was done, or would be, to `said`: lines, each with a
/// newline. ERR_IO, ERR_INVALID (it is too old, or refuses), with words.
int kibana_import(struct cluster_session *s, const struct kibana_request *request, struct buf *said,
                  struct err *err) MUST_USE;

/// Deletes them; those that are not there are no failure. As kibana_import().
int kibana_remove(struct cluster_session *s, const struct kibana_request *request, struct buf *said,
                  struct err *err) MUST_USE;

// --- Parts of it, for tests ----------------------------------------------------------------------

/// Between the parts of a multipart body; it is in none of the files.
#define KIBANA_BOUNDARY "weir-dashboards-5f1c9a7e2b"

/// Which file is for it, by the body of GET /api/status. ERR_INVALID: none is, with words.
int kibana_choose(const uint8_t *body, size_t size, enum cluster_product product,
                  struct asset *ret_asset, struct err *err) MUST_USE;

/// The body of the import: multipart/form-data with one file.
void kibana_append_form(const struct asset *asset, struct buf *out);

/// What the import's answer (of status 200) says. ERR_INVALID unless all was imported: with the
/// first objects that were not, and why.
int kibana_read_import(const uint8_t *body, size_t size, struct buf *said,
                       struct err *err) MUST_USE;

/// Appends "/api/saved_objects/TYPE/ID?force=true" of an object, a line of an asset. False when it
/// is none of ours.
bool kibana_append_path(const uint8_t *line, size_t size, struct buf *out) MUST_USE;
