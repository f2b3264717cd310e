// SPDX-License-Identifier: Apache-2.0
/* -data: the folder of everything that weir keeps. Made when something is first kept in it. */
#pragma once

#include <stddef.h>

#include "base/status.h"

enum { DATA_PATH_SIZE = 3072 };

/// The path of `name` ("state/positions") in the data folder `data`, or in the default one for ""
/// (/var/lib/weir for root, else below $XDG_STATE_HOME or ~/.local/state), whose folders are made
/// if they are not there. ERR_IO with the path and the reason.
int data_path(const char *data, const char *name, char ret_path[static DATA_PATH_SIZE],
              struct err *err) MUST_USE;

/// The same path, and nothing is made. ERR_RANGE.
int data_path_name(const char *data, const char *name, char ret_path[static DATA_PATH_SIZE],
                   struct err *err) MUST_USE;
