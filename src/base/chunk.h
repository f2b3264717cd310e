// SPDX-License-Identifier: Apache-2.0
/*
 * What a source hands on: bytes, who sent them and when. The bytes stay the source's and are valid
 * until the call they are passed to returns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/// How the bytes are to be read: goflow2's URL schemes.
enum scheme {
    SCHEME_SFLOW,   ///< sflow://
    SCHEME_NETFLOW, ///< netflow://: v5, v9 and IPFIX on one socket
    SCHEME_FLOW,    ///< flow://: all of them, told apart by their first four bytes
    SCHEME_COUNT
};

/// "sflow", "netflow", "flow".
const char *scheme_text(enum scheme scheme);

struct chunk {
    const uint8_t *data;
    size_t size;
    enum scheme scheme;
    struct addr peer; ///< sender; an IPv4 sender is four bytes also on a dual-stack socket
    uint16_t peer_port;
    uint64_t received_ns; ///< wall clock, ns since 1970
};
