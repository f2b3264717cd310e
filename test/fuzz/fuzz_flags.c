// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a command line: arguments are separated by NUL or line feeds, those that begin with
 * WEIR_ are the environment. What is accepted goes on to the listen URLs, the allow list and help.
 */
#include <string.h>

#include "app/help.h"
#include "app/listen.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "base/mem.h"
#include "fuzz.h"

enum { ARGS_MAX = 32 };

static void use(struct settings *s, struct err *err)
{
    struct listener *listeners = mem_zalloc_array(LISTENERS_MAX, sizeof(*listeners));
    struct cidr *allow;
    size_t count;
    struct buf text;
    CHECK(listeners != NULL);
    if (listen_parse(s->listen, listeners, &count, err) == 0) {
        CHECK(count > 0);
    }
    if (allow_parse(s->allow, &allow, &count, err) == 0) {
        mem_free(allow);
    }
    (void)settings_check(s, err); // either answer is fine
    buf_init(&text, 1 << 20);
    help_print_command(s->command, s->goflow2, &text);
    CHECK(!text.bad);
    buf_release(&text);
    mem_free(listeners);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = mem_strndup((const char *)data, size);
    char name[] = "weir";
    char *argv[ARGS_MAX + 1] = { name };
    char *env[ARGS_MAX + 1] = { NULL };
    int argc = 1;
    int env_count = 0;
    CHECK(copy != NULL);
    for (size_t at = 0; at < size && argc < ARGS_MAX && env_count < ARGS_MAX;) {
        size_t length = strcspn(copy + at, "\n");
        copy[at + length] = '\0';
        char *argument = copy + at;
        if (strncmp(argument, "WEIR_", 5) == 0) {
            env[env_count++] = argument;
        } else if (strstr(argument, "config") == NULL) { // no files of this machine
            argv[argc++] = argument;
        }
        at += length + 1;
    }
    struct settings settings;
    struct err err = { 0 };
    if (env_count == 0 || strstr(env[0], "CONFIG") == NULL) {
        if (options_parse(argc, argv, env, &settings, &err) == 0) {
            use(&settings, &err);
        } else {
            CHECK(err.text[0] != '\0');
        }
        settings_release(&settings);
    }
    mem_free(copy);
    return 0;
}
