// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a command line, an environment and a -config file. Lines are arguments, those that
 * begin with WEIR_ are the environment, and what follows a line "---" is the file, which is kept in
 * memory. What is accepted goes on to the listen URLs, the allow list and help.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/help.h"
#include "app/listen.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "base/mem.h"
#include "fuzz.h"

enum { ARGS_MAX = 32 };

struct input {
    int fd;        ///< of the file; -1 without one
    char path[64]; ///< of the file
    char *argv[ARGS_MAX + 3];
    char *env[ARGS_MAX + 1];
    int argc;
    int env_count;
};

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

/// No files of this machine: only ours is read.
static bool names_a_file(const char *argument)
{
    return strstr(argument, "config") != NULL || strstr(argument, "CONFIG") != NULL;
}

/// Makes the file of `size` bytes.
static void fill_file(struct input *in, const char *text, size_t size)
{
    in->fd = memfd_create("config", MFD_CLOEXEC);
    CHECK(in->fd >= 0);
    CHECK(write(in->fd, text, size) == (ssize_t)size);
    (void)snprintf(in->path, sizeof(in->path), "/proc/self/fd/%d", in->fd); // fits
}

static void split(struct input *in, char *text, size_t size)
{
    static char config[] = "-config";
    for (size_t at = 0; at < size && in->argc < ARGS_MAX && in->env_count < ARGS_MAX;) {
        size_t length = strcspn(text + at, "\n");
        char *argument = text + at;
        argument[length] = '\0';
        at += length < size - at ? length + 1 : length;
        if (strcmp(argument, "---") == 0) {
            fill_file(in, text + at, size - at);
            break;
        }
        if (names_a_file(argument)) {
            continue;
        }
        if (strncmp(argument, "WEIR_", 5) == 0) {
            in->env[in->env_count++] = argument;
        } else {
            in->argv[in->argc++] = argument;
        }
    }
    if (in->fd >= 0) {
        // Behind a command, before whatever ends the flags.
        int place = in->argc > 1 && in->argv[1][0] != '-' ? 2 : 1;
        memmove(in->argv + place + 2, in->argv + place,
                (size_t)(in->argc - place) * sizeof(in->argv[0]));
        in->argv[place] = config;
        in->argv[place + 1] = in->path;
        in->argc += 2;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = mem_strndup((const char *)data, size);
    char weir[] = "weir";
    char goflow2[] = "goflow2";
    CHECK(copy != NULL);
    struct input in = { .fd = -1, .argc = 1 };
    in.argv[0] = size % 2 == 0 ? weir : goflow2;
    split(&in, copy, strlen(copy));
    struct settings settings;
    struct err err = { 0 };
    if (options_parse(in.argc, in.argv, in.env, &settings, &err) == 0) {
        use(&settings, &err);
    } else {
        CHECK(err.text[0] != '\0');
    }
    settings_release(&settings);
    if (in.fd >= 0) {
        (void)close(in.fd); // it is gone with its bytes
    }
    mem_free(copy);
    return 0;
}
