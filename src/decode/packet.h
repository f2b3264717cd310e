// SPDX-License-Identifier: Apache-2.0
/* Sampled packet headers: the bytes of a packet to the fields of a flow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "decode/draft.h"
#include "flow/mapping.h"

/// Walks the headers in `data` from `first` on and fills the open draft: fields from the outermost
/// headers, layer lists from all, and what the mapping's packet rules ask for. Damaged or cut
/// headers end the walk; nothing here is an error.
void packet_decode(struct draft *draft, const struct mapping *mapping, enum parser first,
                   const uint8_t *data, size_t size);
