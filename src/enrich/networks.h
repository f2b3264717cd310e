// SPDX-License-Identifier: Apache-2.0
/*
 * The site's own networks and what they are called (-networks): CIDR and name, as CSV
 *
 *     network,name
 *     10.1.0.0/16,Vienna
 *
 * or as a YAML map. The longest prefix counts. Read once, then by any number of threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct networks;

/// A path that ends in .yaml or .yml is YAML, others are CSV. Words in `err` have the place.
/// ERR_IO, ERR_INVALID, ERR_RANGE, ERR_NO_MEMORY.
int networks_open(const char *path, struct networks **ret_networks, struct err *err) MUST_USE;
void networks_free(struct networks *n);
size_t networks_count(const struct networks *n);

/// The network of an address, or 0.
uint32_t networks_find(const struct networks *n, const struct addr *a);

/// Its name; at most NAME_JSON_SIZE_MAX bytes.
const char *networks_name(const struct networks *n, uint32_t network);
