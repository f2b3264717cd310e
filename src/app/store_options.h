// SPDX-License-Identifier: Apache-2.0
/* The -transport.store.* options as the store wants them. */
#pragma once

#include "app/data_dir.h"
#include "app/options.h"
#include "base/status.h"
#include "flow/mapping.h"
#include "store/store.h"

/// Points into itself: it is not to be copied.
struct store_options {
    struct store_settings settings;
    char folder[DATA_PATH_SIZE];
    char socket[DATA_PATH_SIZE]; ///< where the weir that has the store listens
};

/// Borrows from its arguments; makes nothing. `mapping` may be NULL. ERR_INVALID, ERR_RANGE.
int store_options_read(struct store_options *o, const struct settings *s,
                       const struct mapping *mapping, struct err *err) MUST_USE;

/// Makes the folder of -data, in which the store's own one is to lie. ERR_IO.
int store_options_make(const struct settings *s, struct err *err) MUST_USE;

/// Whether there is a store: who only asks is not to make one. ERR_NOT_FOUND with words.
int store_options_find(const struct store_options *o, struct err *err) MUST_USE;
