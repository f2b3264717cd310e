// SPDX-License-Identifier: Apache-2.0
/*
 * What the option table says, for people: on a terminal, as docs/reference.md, as docs/weir.1. Each
 * function appends to `out`.
 */
#pragma once

#include "app/option_table.h"
#include "base/buf.h"

/// `weir help`: the commands, and how to begin.
void help_print_overview(struct buf *out);
/// The flags of a command, with the defaults for the name the program was called by.
void help_print_command(enum command command, bool goflow2, struct buf *out);
/// What follows the message about a mistake: the form of the command and where to read more. Under
/// the name goflow2 all flags, as there.
void help_print_usage(enum command command, bool goflow2, struct buf *out);

void help_print_markdown(struct buf *out);
void help_print_man(struct buf *out);
