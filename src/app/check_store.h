// SPDX-License-Identifier: Apache-2.0
/* What weir check says of the store, and of who may ask it over HTTP. */
#pragma once

#include <stdbool.h>

#include "app/options.h"

/// Reports; false: run would not start.
bool check_store(const struct settings *s);
bool check_access(const struct settings *s, unsigned outputs);
