// SPDX-License-Identifier: Apache-2.0
/* Who else has a UDP port. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

/// Appends the other processes that have sockets on this port and this address (size 0: every
/// address), as "goflow2 (pid 12), another process". Returns how many there are.
size_t port_users(const struct addr *address, uint16_t port, struct buf *out);
