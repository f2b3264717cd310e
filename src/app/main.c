// SPDX-License-Identifier: Apache-2.0
/* Which command, with which settings; everything else is in a file of its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/version.h"
#include "base/log.h"

enum { HELP_SIZE_MAX = 1 << 20 };

static int print_help(const struct settings *s, FILE *out)
{
    struct buf text;
    buf_init(&text, HELP_SIZE_MAX);
    const char *what = s->command == COMMAND_HELP && s->arg_count > 0 ? s->args[0] : "";
    if (strcmp(what, "markdown") == 0) {
        options_print_markdown(&text);
    } else if (strcmp(what, "man") == 0) {
        options_print_man(&text);
    } else {
        options_print_usage(s, &text);
    }
    int written = fputs(buf_text(&text), out);
    buf_release(&text);
    return written < 0 ? EXIT_CANNOT_RUN : EXIT_DONE;
}

/// goflow2's line has a place for build information behind the version.
static int print_version(const struct settings *s)
{
    int written = printf(s->goflow2 ? "GoFlow2 %s (weir)\n" : "weir %s\n", version_text());
    return written < 0 ? EXIT_CANNOT_RUN : EXIT_DONE;
}

static int set_up_log(const struct settings *s)
{
    int level;
    if (log_level_parse(s->loglevel, &level) != 0) {
        (void)fprintf(stderr, "weir: -loglevel \"%s\": expected debug, info, warn or error\n",
                      s->loglevel); // nowhere else to say it
        return ERR_INVALID;
    }
    log_set_up(level, strcmp(s->logfmt, "json") == 0);
    return 0;
}

static int dispatch(struct settings *s)
{
    if (s->version || s->command == COMMAND_VERSION) {
        return print_version(s);
    }
    if (s->command == COMMAND_HELP) {
        return print_help(s, stdout);
    }
    if (set_up_log(s) != 0) {
        return EXIT_CANNOT_RUN;
    }
    switch (s->command) {
    case COMMAND_REPLAY:
        return replay_command(s);
    case COMMAND_GENERATE:
        return generate_command(s);
    case COMMAND_CHECK:
        return check_command(s);
    case COMMAND_RUN:
    case COMMAND_HELP:
    case COMMAND_VERSION:
    case COMMAND_COUNT:
        break;
    }
    if (s->arg_count > 0 && !s->goflow2) {
        (void)fprintf(stderr, "weir: unexpected argument \"%s\"; see weir help\n",
                      s->args[0]); // nowhere else to say it
        return EXIT_USAGE;
    }
    return run_command(s);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct err err = { 0 };
    int code = EXIT_DONE;
    int status = options_parse(argc, argv, environ, &settings, &err);
    if (status == 0 && settings.help) {
        code = print_help(&settings, stderr);
    } else if (status == 0) {
        code = dispatch(&settings);
    } else if (status == ERR_USAGE) {
        (void)fprintf(stderr, "%s\n", err.text); // nowhere else to say it
        (void)print_help(&settings, stderr);     // likewise
        code = EXIT_USAGE;
    } else {
        (void)fprintf(stderr, "weir: %s\n", err.text); // nowhere else to say it
        code = EXIT_CANNOT_RUN;
    }
    settings_release(&settings);
    return code;
}
