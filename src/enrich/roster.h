// SPDX-License-Identifier: Apache-2.0
/*
 * What exporters and their interfaces are called (-names), as CSV
 *
 *     exporter,ifindex,name,alias
 *     192.0.2.1,,core-1
 *     192.0.2.1,563,xe-0/0/3,uplink to Vienna
 *     192.0.2.2,edge-2
 *
 * or as YAML
 *
 *     192.0.2.1:
 *       name: core-1
 *       interfaces:
 *         563: {name: xe-0/0/3, alias: uplink to Vienna}
 *         564: xe-0/0/4
 *     192.0.2.2: edge-2
 *
 * The file may hold names of applications too (query/applications.h), which are passed over here.
 *
 * An exporter is known by the address its flows carry (sampler_address). Read once, then by any
 * number of threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct roster;

/// A path that ends in .yaml or .yml is YAML, others are CSV. Words in `err` have the place.
/// ERR_IO, ERR_INVALID, ERR_RANGE, ERR_NO_MEMORY.
int roster_open(const char *path, struct roster **ret_roster, struct err *err) MUST_USE;
void roster_free(struct roster *e);
size_t roster_count(const struct roster *e);
size_t roster_interface_count(const struct roster *e);

/// An exporter, from 1, or 0.
uint32_t roster_find(const struct roster *e, const struct addr *a);

/// A name, at most NAME_JSON_SIZE_MAX bytes: borrowed. "" for none.
const char *roster_name(const struct roster *e, uint32_t exporter);

/// Those of an interface; "" for what it has not.
struct roster_interface {
    const char *name;
    const char *alias;
};
struct roster_interface roster_interface(const struct roster *e, uint32_t exporter,
                                         uint32_t ifindex);
