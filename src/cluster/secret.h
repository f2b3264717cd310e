// SPDX-License-Identifier: Apache-2.0
/*
 * The secret that goes with each request: an API key, a user with a password, or a bearer token,
 * from a file or as it is. No text of an error or a log holds any part of one.
 */
#pragma once

#include "base/status.h"
#include "cluster/cluster.h"

/// Reads files as they are now and makes the value of the Authorization header; NULL when no
/// secret is set. The caller frees it with secret_free(). ERR_IO, ERR_INVALID (also a file that
/// others may read, and what is no key), ERR_NO_MEMORY.
int secret_read(const struct cluster_settings *s, char **ret_authorization,
                struct err *err) MUST_USE;

/// Wipes and frees it; NULL is fine.
void secret_free(char *authorization);

/// Whether a file is there, can be read, and cannot be read by others than its owner and group.
int secret_check_file(const char *option, const char *path, struct err *err) MUST_USE;
