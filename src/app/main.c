// SPDX-License-Identifier: Apache-2.0
/* Which command, with which settings; everything else is in a file of its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/help.h"
#include "app/options.h"
#include "app/version.h"
#include "base/log.h"

enum { HELP_SIZE_MAX = 1 << 20 };

/// weir help, help of a command, and the two files in docs/.
static void print_help(const struct settings *s, struct buf *out)
{
    const char *what = s->command == COMMAND_HELP && s->arg_count > 0 ? s->args[0] : "";
    int command = command_by_name(what);
    if (strcmp(what, "markdown") == 0) {
        help_print_markdown(out);
    } else if (strcmp(what, "man") == 0) {
        help_print_man(out);
    } else if (command >= 0) {
        help_print_command((enum command)command, s->goflow2, out);
    } else if (s->command == COMMAND_HELP) {
        help_print_overview(out);
    } else {
        help_print_command(s->command, s->goflow2, out);
    }
}

static void print_usage(const struct settings *s, struct buf *out)
{
    help_print_usage(s->command, s->goflow2, out);
}

/// Has `print` fill a text and writes it.
static int show(const struct settings *s, void (*print)(const struct settings *, struct buf *),
                FILE *out)
{
    struct buf text;
    buf_init(&text, HELP_SIZE_MAX);
    print(s, &text);
    int written = fputs(buf_text(&text), out);
    buf_release(&text);
    return written < 0 || fflush(out) != 0 ? EXIT_CANNOT_RUN : EXIT_DONE;
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

static void log_warnings(struct settings *s)
{
    char line[ERR_TEXT_SIZE];
    for (const char *at = buf_text(&s->warnings); *at != '\0';) {
        size_t size = strcspn(at, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)size, at); // cut is fine
        log_write(LOG_LEVEL_WARN, line, NULL, NULL);
        at += size + (at[size] == '\n');
    }
}

static int dispatch(struct settings *s)
{
    if (s->version || s->command == COMMAND_VERSION) {
        return print_version(s);
    }
    if (s->command == COMMAND_HELP) {
        return show(s, print_help, stdout);
    }
    if (set_up_log(s) != 0) {
        return EXIT_CANNOT_RUN;
    }
    if (s->command != COMMAND_CHECK) { // it says so itself
        log_warnings(s);
    }
    switch (s->command) {
    case COMMAND_IMPORT:
        return s->deadletter[0] != '\0' ? resend_command(s) : import_command(s);
    case COMMAND_REPLAY:
        return replay_command(s);
    case COMMAND_QUERY:
        return query_command(s);
    case COMMAND_BACKUP:
        return backup_command(s);
    case COMMAND_GENERATE:
        return generate_command(s);
    case COMMAND_SETUP:
        return setup_command(s);
    case COMMAND_CHECK:
        return check_command(s);
    case COMMAND_RUN:
    case COMMAND_HELP:
    case COMMAND_VERSION:
    case COMMAND_COUNT:
        break;
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
        code = show(&settings, print_help, stderr);
    } else if (status == 0) {
        code = dispatch(&settings);
    } else if (status == ERR_USAGE) {
        (void)fprintf(stderr, "%s\n", err.text);    // nowhere else to say it
        (void)show(&settings, print_usage, stderr); // likewise
        code = EXIT_USAGE;
    } else {
        (void)fprintf(stderr, "weir: %s\n", err.text); // nowhere else to say it
        code = EXIT_CANNOT_RUN;
    }
    settings_release(&settings);
    return code;
}
