// SPDX-License-Identifier: Apache-2.0
/*
 * The nodes of a cluster: where they are, whose turn it is, and which ones rest because they did
 * not answer. Times come from the caller, so that nothing here waits or looks at a clock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum {
    ENDPOINTS_MAX = 64, ///< nodes: more than anybody lists by hand
    ENDPOINT_PORT = 9200,
    ENDPOINT_REST_MIN_MS = 1000,
    ENDPOINT_REST_MAX_MS = 60000,
};

struct endpoints;

/// One URL of `size` bytes in its full form "https://host:9200/path", without a slash at its end.
/// A user in it is refused, and is in no error text. `option` is whose it is, for the words. The
/// caller frees it. ERR_INVALID, ERR_NO_MEMORY.
int endpoint_url(const char *option, const char *text, size_t size, unsigned default_port,
                 char **ret_url, struct err *err) MUST_USE;

/// From a list of URLs, or if that is empty from an Elastic Cloud id. ERR_INVALID, ERR_NO_MEMORY.
int endpoints_new(const char *urls, const char *cloud_id, struct endpoints **ret_endpoints,
                  struct err *err) MUST_USE;
void endpoints_free(struct endpoints *e);

size_t endpoints_count(const struct endpoints *e);
const char *endpoints_url(const struct endpoints *e, size_t index);

/// The next in turn that does not rest; when all do, the one that has rested enough first. Any
/// thread, as below.
size_t endpoints_pick(struct endpoints *e, uint64_t now_ns);

/// That one gave an answer. True when it had rested.
bool endpoints_answered(struct endpoints *e, size_t index);

/// That one did not: it rests, `dice` (any number) makes it up to a quarter shorter, so that not
/// everybody comes back at the same time. While it rests it is not made longer: several requests
/// fail together. True when it had not rested before.
bool endpoints_failed(struct endpoints *e, size_t index, uint64_t now_ns, uint32_t dice);

/// Whether all rest; *ret_wait_ms: until the first does not, at least 1.
bool endpoints_resting(struct endpoints *e, uint64_t now_ns, uint64_t *ret_wait_ms);
