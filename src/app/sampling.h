// SPDX-License-Identifier: Apache-2.0
/*
 * -sampling.default: the sampling rate that is counted with where a record has none, for everyone
 * and for single exporters: "1000,192.0.2.1=512,10.0.0.0/8=100".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

enum { SAMPLING_RULES_MAX = 256 };

struct sampling_rule {
    struct cidr exporters;
    uint64_t rate;
};

struct sampling {
    uint64_t rate; ///< for everyone else; 0: none
    size_t count;
    struct sampling_rule rules[SAMPLING_RULES_MAX];
};

/// ERR_INVALID.
int sampling_parse(const char *text, struct sampling *ret_sampling, struct err *err) MUST_USE;

/// The rate for an exporter: of the longest network that holds it; 0: none.
uint64_t sampling_of(const struct sampling *s, const struct addr *exporter);
