// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery into the store of this process: batches are held until the commit that has their
 * records (store/writer.h), which is a second away at most. A line that the store has already is
 * delivered and a duplicate, and so is a record that it refuses because it is there already;
 * batch->known says how many of a batch, before it is given back.
 */
#pragma once

#include "base/status.h"
#include "store/keeper.h"
#include "store/store.h"
#include "transport/transport.h"

/// Batches that it may hold besides those in its ring.
enum { TRANSPORT_STORE_BATCHES_MAX = 1024 };

/// Borrowed for as long as the transport lives.
struct transport_store_settings {
    struct store *store;
    struct keeper *keeper; ///< NULL: nobody makes room
};

/// ERR_NO_MEMORY, ERR_IO.
int transport_store_open(const struct transport_store_settings *settings, void **ret_self,
                         struct err *err) MUST_USE;

extern const struct transport_kind TRANSPORT_STORE;
