// SPDX-License-Identifier: Apache-2.0
/* The receive threads: each reads one UDP socket into an intake of its own until it is stopped. */
#pragma once

#include "app/intake.h"
#include "app/listen.h"
#include "base/status.h"
#include "source/udp.h"

struct receiver {
    const struct listener *listener; ///< borrowed
    struct udp_socket *socket;
    struct intake *intake;
};

struct receivers;

/// Binds every listener but those of logs and makes the intakes, but receives nothing yet: the
/// kernel queues. The arguments must outlive the receivers. ERR_IO and others, with `err` saying
/// which listener.
int receivers_open(const struct listener *listeners, size_t listener_count,
                   const struct intake_settings *settings, struct receivers **ret_receivers,
                   struct err *err) MUST_USE;

/// Starts the threads.
int receivers_start(struct receivers *rs, struct err *err) MUST_USE;

/// Stops the threads: what the sockets hold by now is still decoded and handed on.
void receivers_stop(struct receivers *rs);
/// Stops first if need be.
void receivers_free(struct receivers *rs);

size_t receivers_count(const struct receivers *rs);
const struct receiver *receivers_at(const struct receivers *rs, size_t index);
