// SPDX-License-Identifier: Apache-2.0
/*
 * The threads that follow logs: one for each log:// listener, which reads files into an intake of
 * its own until it is stopped. It waits for slow transports, and looks after its files meanwhile.
 */
#pragma once

#include "app/intake.h"
#include "app/listen.h"
#include "app/pipeline.h"
#include "base/status.h"
#include "source/follow.h"

struct follower {
    const struct listener *listener; ///< borrowed
    struct follow *follow;
    struct intake *intake;
};

struct followers;

/// For the logs among the listeners. Their positions are pipeline->positions, which is open when
/// there is one. The arguments must outlive the followers. `err` says which listener.
int followers_open(const struct listener *listeners, size_t listener_count,
                   const struct pipeline *pipeline, struct followers **ret_followers,
                   struct err *err) MUST_USE;

/// Starts the threads.
int followers_start(struct followers *fs, struct err *err) MUST_USE;

/// Stops the threads: what was read is handed on.
void followers_stop(struct followers *fs);
/// Stops first if need be. NULL is fine.
void followers_free(struct followers *fs);

size_t followers_count(const struct followers *fs);
const struct follower *followers_at(const struct followers *fs, size_t index);
