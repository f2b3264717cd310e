// SPDX-License-Identifier: Apache-2.0
/* The lifecycle on the server: which kind it has, weir's policy, and data streams that exist. */
#pragma once

#include <stdint.h>

#include "app/setup_server.h"
#include "app/setup_template.h"

/// What was found out before anything is changed.
struct setup_keep {
    uint64_t keep_ns;  ///< 0: nothing is asked for
    bool policy_there; ///< weir's, of ILM or ISM
    struct buf policy; ///< owned; the answer that has it
};

void setup_keep_init(struct setup_keep *k, uint64_t keep_ns);
void setup_keep_release(struct setup_keep *k);

/// Finds out by what the server keeps documents (p->keeper), and whether a policy of weir's name is
/// there. False when it is somebody else's, or the server could not be asked: that was said.
bool setup_keep_look(struct setup_server *s, struct setup_plan *p, struct setup_keep *k);

/// Without -keep, what an earlier weir setup set stays in the settings; `settings` is that
/// component template, or no value.
void setup_keep_adopt(struct setup_plan *p, struct json_value settings);

/// Writes the policy unless it is as it should be.
void setup_keep_write(struct setup_server *s, const struct setup_plan *p,
                      const struct setup_keep *k);

/// What changed just now.
struct setup_changed {
    bool template;
    bool policy;
};

/// Sets the lifecycle of data streams that are there already and follow weir's template. That they
/// heed a changed template from their next rollover on is said.
void setup_keep_streams(struct setup_server *s, const struct setup_plan *p,
                        const struct setup_keep *k, struct setup_changed changed);

/// Deletes the policies that weir made.
void setup_keep_remove(struct setup_server *s, const struct setup_names *names);
