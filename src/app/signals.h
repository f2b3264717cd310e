// SPDX-License-Identifier: Apache-2.0
/*
 * Signals are blocked in every thread and fetched by the control thread when it has time for them:
 * no handler runs in the middle of anything.
 */
#pragma once

/// Blocks SIGINT, SIGTERM and SIGHUP and ignores SIGPIPE. Before any thread is started.
void signals_block(void);

/// Waits up to `timeout_ms` for one of them; 0 when none came.
int signals_wait(int timeout_ms);

/// Dies of SIGPIPE, as a program does whose standard output nobody reads any more.
_Noreturn void signals_die_of_pipe(void);
