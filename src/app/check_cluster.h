// SPDX-License-Identifier: Apache-2.0
/* What weir check finds out about an Elasticsearch or OpenSearch. */
#pragma once

#include <stdbool.h>

#include "app/options.h"

/// Asks the server, if one is named, and reports; changes nothing there. False when weir could not
/// deliver to it.
bool check_cluster(const struct settings *s);
