// SPDX-License-Identifier: Apache-2.0
/* One function per subcommand, one file each. They return the exit code. */
#pragma once

#include "app/options.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_CANNOT_RUN = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_INPUT = 3, ///< finished, but some input was bad
};

int run_command(struct settings *s);
int import_command(const struct settings *s);
/// import -deadletter.
int resend_command(const struct settings *s);
int replay_command(const struct settings *s);
int query_command(const struct settings *s);
int backup_command(const struct settings *s);
int generate_command(const struct settings *s);
int setup_command(const struct settings *s);
int check_command(struct settings *s);
