// SPDX-License-Identifier: Apache-2.0
/*
 * How long a server keeps documents, as JSON for each of the three ways there are. No server is
 * asked here.
 */
#pragma once

#include <stdint.h>

#include "app/setup_template.h"

/// 90d, 36h, 10m, 45s: a whole number of the largest unit that says it exactly; what is less than a
/// second is left out.
void setup_put_time(char *text, size_t size, uint64_t ns);

/// What servers of this product and version use. KEEP_NOT when it is not known.
enum setup_keeper setup_keeper_of(const struct cluster_info *info);

/// The path that asks for the lifecycle of this kind; KEEP_NOT has none.
void setup_append_keeper_path(const struct setup_names *n, enum setup_keeper keeper,
                              struct buf *out);

/// The body of PUT _ilm/policy/... or _plugins/_ism/policies/...: documents are deleted once they
/// are `keep_ns` old, and not before.
void setup_append_ilm(uint64_t keep_ns, struct buf *out);
void setup_append_ism(const struct setup_names *n, uint64_t keep_ns, struct buf *out);

/// Whether the answer to GET of a policy is one that weir made.
bool setup_policy_is_ours(const struct setup_names *n, enum setup_keeper keeper,
                          struct json_value answer);
/// The part of that answer which a body is compared with.
struct json_value setup_policy_of(const struct setup_names *n, enum setup_keeper keeper,
                                  struct json_value answer);
