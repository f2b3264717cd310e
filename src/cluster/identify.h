// SPDX-License-Identifier: Apache-2.0
/* Which server it is, by what it says to GET /. */
#pragma once

#include "cluster/cluster.h"

/// Reads the body of an answer. What it does not say stays unknown, empty or 0.
struct cluster_info identify_parse(const uint8_t *body, size_t size);

/// By the name of -transport.elasticsearch.product. False when there is none like it.
bool identify_product(const char *text, enum cluster_product *ret_product) MUST_USE;
