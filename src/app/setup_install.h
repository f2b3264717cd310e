// SPDX-License-Identifier: Apache-2.0
/* The steps of weir setup. What they find and do is said as they go. */
#pragma once

#include <stdint.h>

#include "app/setup_server.h"
#include "app/setup_template.h"

/// Installs templates and, when `keep_ns` is not 0, a lifecycle. Looks at everything first: nothing
/// is changed when something of the same name is somebody else's. s->failed says how it went.
void setup_install(struct setup_server *s, struct setup_plan *p, uint64_t keep_ns);

/// Takes away what setup_install() made, as far as nobody uses it. Documents stay.
void setup_uninstall(struct setup_server *s, const struct setup_names *names);
