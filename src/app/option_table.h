// SPDX-License-Identifier: Apache-2.0
/*
 * What can be set (options.def) and what can be done (commands), as tables. Reading values is
 * options.h, showing them to people help.h; nobody lists options again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum command {
    COMMAND_RUN,
    COMMAND_IMPORT,
    COMMAND_REPLAY,
    COMMAND_QUERY,
    COMMAND_BACKUP,
    COMMAND_GENERATE,
    COMMAND_SETUP,
    COMMAND_CHECK,
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_COUNT
};

enum option_id {
#define OPTION(id, member, name, type, commands, value, goflow2, whose, placeholder, section,      \
               help)                                                                               \
    OPTION_##id,
#include "app/options.def"
#undef OPTION
    OPTION_COUNT
};

enum {
    OPTION_NAME_SIZE_MAX = 64, ///< with NUL
    OPTION_ENV_SIZE_MAX = OPTION_NAME_SIZE_MAX + 5,
};

/// How a value is converted, and what struct settings holds.
enum option_type {
    OPTION_TYPE_TEXT,     ///< const char *
    OPTION_TYPE_BOOL,     ///< bool
    OPTION_TYPE_INT,      ///< int64_t
    OPTION_TYPE_DURATION, ///< uint64_t nanoseconds
    OPTION_TYPE_TIME,     ///< uint64_t nanoseconds since 1970; "" is 0
    OPTION_TYPE_SIZE,     ///< uint64_t bytes: 65536, 64k, 1m
    OPTION_TYPE_SECRET,   ///< const char *, which only the environment may give
};

struct option_info {
    const char *name; ///< dotted
    enum option_type type;
    unsigned commands;         ///< a bit per enum command
    size_t offset;             ///< in struct settings
    const char *value;         ///< default
    const char *goflow2_value; ///< default under that name; NULL: the same
    bool is_goflow2s;          ///< goflow2 has it too
    const char *placeholder;
    const char *section;
    const char *help;
};

extern const struct option_info OPTIONS[OPTION_COUNT];

struct command_info {
    const char *name;
    const char *arguments;
    const char *help;
};

extern const struct command_info COMMANDS[COMMAND_COUNT];

/// The option whose name is the first `size` bytes of `name`; -1 when there is none.
int option_by_name(const char *name, size_t size);
/// The default, which depends on the name the program was called by.
const char *option_default(enum option_id option, bool goflow2);
bool option_is_of(enum option_id option, enum command command);
/// "WEIR_TRANSPORT_FILE" for transport.file; returns `text`.
const char *option_env_name(enum option_id option, char text[static OPTION_ENV_SIZE_MAX]);

/// The command of this name; -1 when there is none.
int command_by_name(const char *name);
