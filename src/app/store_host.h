// SPDX-License-Identifier: Apache-2.0
/*
 * Who does what a command wants of a store: the weir that has it and answers on the local socket,
 * or the command itself. One that has it and does not answer is opening it, which takes a while
 * after a crash, or closing it, and is waited for; that is said once.
 */
#pragma once

#include <stdbool.h>

#include "app/store_options.h"

struct store_host_patience {
    uint64_t changing_ns; ///< with one that opens or closes the store
    uint64_t silent_ns;   ///< with one that has it open: an import, or a weir with another -data
};

/// A minute, and five seconds.
extern const struct store_host_patience STORE_HOST_PATIENCE;

/// Whether a weir answers that has the store: any, or the one in the folder `store` when that is
/// not "". False: nobody has it, or not one that answers, and opening it says so. ERR_EXISTS: it
/// took too long. ERR_CLOSED: SIGINT or SIGTERM, where these are blocked.
int store_host_find(const struct store_options *o, const char *store,
                    const struct store_host_patience *patience, bool *ret_answers,
                    struct err *err) MUST_USE;
