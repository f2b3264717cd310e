// SPDX-License-Identifier: Apache-2.0
/* The macros that make options.def a table, and looking things up in it. */
#include "app/option_table.h"

#include <ctype.h>
#include <string.h>

#include "app/options.h"

enum {
    IN_RUN = 1 << COMMAND_RUN,
    IN_REPLAY = 1 << COMMAND_REPLAY,
    IN_GENERATE = 1 << COMMAND_GENERATE,
    IN_CHECK = 1 << COMMAND_CHECK,
    IN_LISTENING = IN_RUN | IN_CHECK,
    IN_IMPORT = 1 << COMMAND_IMPORT,
    IN_PIPELINE = IN_LISTENING | IN_IMPORT | IN_REPLAY,
    IN_SETUP = 1 << COMMAND_SETUP,
    IN_SEARCH = IN_PIPELINE | IN_SETUP,
    IN_QUERY = 1 << COMMAND_QUERY,
    IN_ASKING = IN_QUERY | 1 << COMMAND_BACKUP, ///< a running weir, or the store itself
    IN_KEEPING = IN_PIPELINE,
    IN_STORE = IN_PIPELINE | IN_ASKING,
    IN_NAMES = IN_PIPELINE | IN_QUERY,
    IN_ALL = IN_PIPELINE | IN_ASKING | IN_GENERATE | IN_SETUP,
};

#define SECTION_SEARCH "Elasticsearch and OpenSearch (-transport elasticsearch)"
#define SECTION_STORE "Store (-transport store)"
#define SECTION_QUERY "The question"
#define SECTION_ECS "ECS documents (-format ecs, -transport elasticsearch)"
#define SECTION_NAMES "Geography and names of ECS documents"
/// Read, so that goflow2's command lines work, and of no effect without -transport kafka.
#define SECTION_KAFKA "Kafka (of a later version; without effect in this one)"

const struct option_info OPTIONS[OPTION_COUNT] = {
#define GOFLOW2 true
#define WEIR false
#define OPTION(id, member, name_, type_, commands_, value_, goflow2_, whose, placeholder_,         \
               section_, help_)                                                                    \
    [OPTION_##id] = { .name = (name_),                                                             \
                      .type = OPTION_TYPE_##type_,                                                 \
                      .commands = (commands_),                                                     \
                      .offset = offsetof(struct settings, member),                                 \
                      .value = (value_),                                                           \
                      .goflow2_value = (goflow2_),                                                 \
                      .is_goflow2s = (whose),                                                      \
                      .placeholder = (placeholder_),                                               \
                      .section = (section_),                                                       \
                      .help = (help_) },
#include "app/options.def"
#undef OPTION
};

const struct command_info COMMANDS[COMMAND_COUNT] = {
    [COMMAND_RUN] = { "run", "[FLAGS]", "collect until stopped; this is what weir alone does" },
    [COMMAND_IMPORT] = { "import", "[FLAGS] FILE...",
                         "read goflow2 logs once (plain, .gz, .zst; - is stdin)" },
    [COMMAND_REPLAY] = { "replay", "[FLAGS] FILE...",
                         "read pcap and pcapng captures as though received" },
    [COMMAND_QUERY] = { "query", "[FLAGS] [KQL]",
                        "ask the store of a running weir, or one that nobody holds" },
    [COMMAND_BACKUP] = { "backup", "[FLAGS] FILE",
                         "a whole copy of the store, also while weir runs" },
    [COMMAND_GENERATE] = { "generate", "[FLAGS] URL",
                           "send made-up sFlow to udp://HOST:PORT or into pcap://FILE" },
    [COMMAND_SETUP] = { "setup", "[FLAGS]",
                        "prepare Elasticsearch or OpenSearch: templates, dashboards" },
    [COMMAND_CHECK] = { "check", "[FLAGS]",
                        "read everything, try the server, and say what would run" },
    [COMMAND_HELP] = { "help", "[COMMAND]", "this, or the flags of one command" },
    [COMMAND_VERSION] = { "version", "", "print the version" },
};

int option_by_name(const char *name, size_t size)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (strlen(OPTIONS[i].name) == size && memcmp(OPTIONS[i].name, name, size) == 0) {
            return i;
        }
    }
    return -1;
}

const char *option_default(enum option_id option, bool goflow2)
{
    const struct option_info *o = &OPTIONS[option];
    return goflow2 && o->goflow2_value != NULL ? o->goflow2_value : o->value;
}

bool option_is_of(enum option_id option, enum command command)
{
    return (OPTIONS[option].commands >> command & 1) != 0;
}

const char *option_env_name(enum option_id option, char text[static OPTION_ENV_SIZE_MAX])
{
    static const char PREFIX[] = "WEIR_";
    const char *name = OPTIONS[option].name;
    size_t size = strlen(PREFIX);
    memcpy(text, PREFIX, size);
    for (; *name != '\0'; name++) {
        text[size++] = (char)(*name == '.' ? '_' : toupper((unsigned char)*name));
    }
    text[size] = '\0';
    return text;
}

int command_by_name(const char *name)
{
    for (int c = 0; c < COMMAND_COUNT; c++) {
        if (strcmp(COMMANDS[c].name, name) == 0) {
            return c;
        }
    }
    return -1;
}
