// SPDX-License-Identifier: Apache-2.0
/*
 * What is done beside writing, on a thread and a connection of its own: roll-ups (store/rollup.h),
 * talkers of the hours that closed or that late records touched (store/talkers.h), retention
 * (store/retention.h), and the figures of store_state() that only DuckDB knows.
 */
#pragma once

#include "store/store.h"

struct keeper;

/// Starts the thread. ERR_IO, ERR_NO_MEMORY.
int keeper_start(struct store *s, struct keeper **ret_keeper, struct err *err) MUST_USE;
/// Ends it after what it is doing, which it is asked to cut short. NULL is fine.
void keeper_stop(struct keeper *k);

/// Does all that there is to do now, on the caller's thread and without a keeper: after an import,
/// and for tests.
int keeper_run_once(struct store *s, struct err *err) MUST_USE;

/// Asks the keeper to make room soon: a commit found the disk full. Any thread.
void keeper_hurry(struct keeper *k);
