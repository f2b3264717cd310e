// SPDX-License-Identifier: Apache-2.0
/*
 * Names of applications by protocol and port: the well-known ones (applications.def), and the
 * user's own from the names file (-names), which come first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct applications;

/// `path` of the names file (its section `applications`, or CSV rows application,PROTO,PORT,NAME);
/// "" or NULL: the well-known ones only. ERR_INVALID and ERR_IO with words, ERR_NO_MEMORY.
int applications_open(const char *path, struct applications **ret_applications,
                      struct err *err) MUST_USE;
/// Counts another user, or lets one go. unref(NULL) is fine. Any thread.
void applications_ref(struct applications *a);
void applications_unref(struct applications *a);

/// NULL when it has none. `proto`: IP protocol.
const char *applications_name(const struct applications *a, uint32_t proto, uint32_t port);

/// The ports and protocols of a name, for turning it into a filter: calls `each` for every one.
typedef void applications_each_fn(void *context, uint32_t proto, uint32_t port, const char *name);
void applications_each(const struct applications *a, applications_each_fn *each, void *context);
