// SPDX-License-Identifier: Apache-2.0
/*
 * One table, three readers. On a terminal we break the lines; Markdown and troff break their own.
 * The overview names the commands and how to begin. After a mistake there is only the form of the
 * command, so that nobody has to scroll for the line that says what was wrong.
 */
#include "app/help.h"

#include <stdio.h>
#include <string.h>

#include "app/commands.h"

enum {
    WIDTH = 92,       ///< of a line on a terminal
    HELP_COLUMN = 30, ///< where the words about an option begin
    COMMAND_COLUMN = 32,
    EXAMPLE_COLUMN = 44,
};

static const char ABOUT[] =
    "weir takes flow records from routers and switches to where people search them.";

static const struct {
    const char *line;
    const char *help;
} EXAMPLES[] = {
    { "weir", "keep the sFlow that port 6343 gets" },
    { "weir generate udp://127.0.0.1:6343", "be a switch that sends some, to try it" },
    { "weir query -top src,dst port:443", "who talked most with whom, in the last hour" },
    { "weir import flows.log", "keep what a goflow2 wrote" },
    { "weir backup flows.duckdb", "a copy of what is kept" },
    { "weir -transport.file flows.log", "keep it, and write it into a file as well" },
    { "weir -transport file -mapping c.yaml", "only print it, with the columns of your choice" },
    { "weir replay -transport file a.pcap", "what a capture holds" },
    { "weir setup -transport.elasticsearch URL", "prepare a server, once; and after that" },
    { "weir -transport.elasticsearch URL", "fill it as well" },
    { "weir check -config weir.yaml", "would it run with this file?" },
};
enum { EXAMPLE_COUNT = sizeof(EXAMPLES) / sizeof(EXAMPLES[0]) };

static const struct {
    int code;
    const char *help;
} EXITS[] = {
    { EXIT_DONE, "Done." },
    { EXIT_CANNOT_RUN, "Could not run; one line on standard error says why." },
    { EXIT_USAGE, "A mistake on the command line." },
    { EXIT_BAD_INPUT, "import and replay: finished, but some input was bad or refused." },
};
enum { EXIT_COUNT = sizeof(EXITS) / sizeof(EXITS[0]) };

/// The default as a person would type it; "" when there is nothing to say.
static const char *default_text(enum option_id option, bool goflow2)
{
    const char *text = option_default(option, goflow2);
    if (OPTIONS[option].type == OPTION_TYPE_BOOL) {
        return "";
    }
    return strcmp(text, "\n") == 0 ? "\\n" : text;
}

/// Calls `each` for the options of a command; `each` learns of a new section before its first
/// option.
typedef void each_option_fn(struct buf *out, enum option_id option, bool begins_section,
                            bool goflow2);

static void for_options(enum command command, bool goflow2, each_option_fn *each, struct buf *out)
{
    const char *section = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        enum option_id option = (enum option_id)i;
        if (command != COMMAND_COUNT && !option_is_of(option, command)) {
            continue;
        }
        bool begins = strcmp(section, OPTIONS[i].section) != 0;
        section = OPTIONS[i].section;
        each(out, option, begins, goflow2);
    }
}

// --- On a terminal -----------------------------------------------------------------------------

/// One word, behind a blank or on a new line that begins at `indent`. `*column` is where the line
/// stands.
static void put_word(struct buf *out, const char *word, size_t size, size_t indent, size_t *column)
{
    if (*column > indent && *column + 1 + size > WIDTH) {
        buf_printf(out, "\n%*s", (int)indent, "");
        *column = indent;
    }
    if (*column > indent) {
        buf_append_char(out, ' ');
        ++*column;
    }
    buf_append(out, word, size);
    *column += size;
}

static void put_words(struct buf *out, const char *words, size_t indent, size_t *column)
{
    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        put_word(out, words, size, indent, column);
        words += size;
        words += strspn(words, " ");
    }
}

static void print_option(struct buf *out, enum option_id option, bool begins_section, bool goflow2)
{
    const struct option_info *o = &OPTIONS[option];
    if (begins_section) {
        buf_printf(out, "\n%s\n", o->section);
    }
    size_t before = out->size;
    buf_printf(out, "  -%s%s%s", o->name, o->placeholder[0] == '\0' ? "" : " ", o->placeholder);
    size_t column = out->size - before;
    if (column + 1 >= HELP_COLUMN) {
        buf_append_text(out, "\n");
        column = 0;
    }
    buf_printf(out, "%*s", (int)(HELP_COLUMN - column), "");
    column = HELP_COLUMN;
    put_words(out, o->help, HELP_COLUMN, &column);
    const char *value = default_text(option, goflow2);
    if (value[0] != '\0') {
        char text[128];
        (void)snprintf(text, sizeof(text), "(default %s)", value); // defaults are short
        put_word(out, text, strlen(text), HELP_COLUMN, &column);
    }
    buf_append_text(out, "\n");
}

void help_print_overview(struct buf *out)
{
    buf_printf(out, "%s\n\n", ABOUT);
    for (int c = 0; c < COMMAND_COUNT; c++) {
        size_t before = out->size;
        buf_printf(out, "  weir %s %s", COMMANDS[c].name, COMMANDS[c].arguments);
        size_t column = out->size - before;
        buf_printf(out, "%*s%s\n", (int)(COMMAND_COLUMN - column), "", COMMANDS[c].help);
    }
    buf_append_text(out, "\nTo begin with\n");
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        buf_printf(out, "  %-*s%s\n", EXAMPLE_COLUMN - 2, EXAMPLES[i].line, EXAMPLES[i].help);
    }
    buf_append_text(out,
                    "\n\"weir help run\" lists the flags, \"weir help replay\" those of replay, "
                    "and so on.\nCalled goflow2, weir has goflow2's defaults.\n");
}

void help_print_command(enum command command, bool goflow2, struct buf *out)
{
    if (goflow2) {
        buf_append_text(out, "Usage of goflow2 (weir):\n");
    } else {
        buf_printf(out, "weir %s%s%s\n%s\n", COMMANDS[command].name,
                   COMMANDS[command].arguments[0] == '\0' ? "" : " ", COMMANDS[command].arguments,
                   COMMANDS[command].help);
    }
    for_options(command, goflow2, print_option, out);
    if (command != COMMAND_HELP && command != COMMAND_VERSION) {
        buf_append_text(out,
                        "\nA flag is -name value or -name=value. It can also stand in the file of "
                        "-config, or in the\nenvironment: -transport.file as "
                        "WEIR_TRANSPORT_FILE. Flags come first, then the environment.\n");
    }
}

void help_print_usage(enum command command, bool goflow2, struct buf *out)
{
    if (goflow2) {
        help_print_command(COMMAND_RUN, true, out);
        return;
    }
    if (command == COMMAND_HELP) {
        buf_append_text(out, "\"weir help\" lists the commands.\n");
        return;
    }
    if (command == COMMAND_VERSION) {
        buf_append_text(out, "Usage: weir version\n");
        return;
    }
    buf_printf(out, "Usage: weir %s %s\n\"weir help %s\" says more.\n", COMMANDS[command].name,
               COMMANDS[command].arguments, COMMANDS[command].name);
}

// --- docs/reference.md -------------------------------------------------------------------------

static void print_markdown_option(struct buf *out, enum option_id option, bool begins_section,
                                  bool goflow2)
{
    (void)goflow2; // both are shown
    const struct option_info *o = &OPTIONS[option];
    if (begins_section) {
        buf_printf(out, "\n## %s\n\n| option | default | commands | meaning |\n|---|---|---|---|\n",
                   o->section);
    }
    buf_printf(out, "| `-%s%s%s`%s |", o->name, o->placeholder[0] == '\0' ? "" : " ",
               o->placeholder, o->is_goflow2s ? "" : " *");
    const char *value = default_text(option, false);
    const char *goflow2_value = default_text(option, true);
    if (value[0] != '\0') {
        buf_printf(out, " `%s`", value);
    }
    if (strcmp(value, goflow2_value) != 0) {
        buf_printf(out, "; as goflow2 `%s`", goflow2_value);
    }
    buf_append_text(out, " |");
    for (int c = 0; c < COMMAND_COUNT; c++) {
        if (option_is_of(option, (enum command)c)) {
            buf_printf(out, " %s", COMMANDS[c].name);
        }
    }
    buf_printf(out, " | %s |\n", o->help);
}

void help_print_markdown(struct buf *out)
{
    buf_append_text(out, "# Reference\n\nMade from the option table by `make docs`. How values are "
                         "given, by flag, environment and file, is in\n[configuration.md]"
                         "(configuration.md). An option with a * is weir's own; the others are "
                         "goflow2's.\n\n## Commands\n\n| command | what it does |\n|---|---|\n");
    for (int c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "| `weir %s%s%s` | %s |\n", COMMANDS[c].name,
                   COMMANDS[c].arguments[0] == '\0' ? "" : " ", COMMANDS[c].arguments,
                   COMMANDS[c].help);
    }
    for_options(COMMAND_COUNT, false, print_markdown_option, out);
    buf_append_text(out, "\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (size_t i = 0; i < EXIT_COUNT; i++) {
        buf_printf(out, "| %d | %s |\n", EXITS[i].code, EXITS[i].help);
    }
}

// --- docs/weir.1 -------------------------------------------------------------------------------

/// A text for troff: dashes and backslashes are literal.
static void append_troff(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\') {
            buf_append_text(out, *text == '-' ? "\\-" : "\\e");
        } else {
            buf_append_char(out, *text);
        }
    }
}

static void print_man_option(struct buf *out, enum option_id option, bool begins_section,
                             bool goflow2)
{
    const struct option_info *o = &OPTIONS[option];
    if (begins_section) {
        buf_printf(out, ".SS %s\n", o->section);
    }
    buf_append_text(out, ".TP\n\\fB\\-");
    append_troff(out, o->name);
    buf_printf(out, "\\fR%s", o->placeholder[0] == '\0' ? "" : " \\fI");
    append_troff(out, o->placeholder);
    buf_printf(out, "%s\n", o->placeholder[0] == '\0' ? "" : "\\fR");
    append_troff(out, o->help);
    const char *value = default_text(option, goflow2);
    if (value[0] != '\0') {
        buf_append_text(out, " (default ");
        append_troff(out, value);
        buf_append_text(out, ")");
    }
    buf_append_text(out, "\n");
}

void help_print_man(struct buf *out)
{
    buf_append_text(out, ".\\\" Made from the option table by make docs.\n"
                         ".TH WEIR 1 \"\" weir \"User Commands\"\n.SH NAME\n"
                         "weir \\- takes flow records to where people search them\n.SH SYNOPSIS\n");
    for (int c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "%s.B weir %s\n", c == 0 ? "" : ".br\n", COMMANDS[c].name);
        append_troff(out, COMMANDS[c].arguments);
        buf_append_text(out, COMMANDS[c].arguments[0] == '\0' ? "" : "\n");
    }
    buf_printf(out,
               ".SH DESCRIPTION\n%s\nCalled goflow2, by a symbolic link, it has goflow2's "
               "defaults and knows no commands.\n.SH COMMANDS\n",
               ABOUT);
    for (int c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, ".TP\n.B %s\n", COMMANDS[c].name);
        append_troff(out, COMMANDS[c].help);
        buf_append_text(out, "\n");
    }
    buf_append_text(out, ".SH OPTIONS\nA flag is \\fB\\-name value\\fR or "
                         "\\fB\\-name=value\\fR, with one dash or two. Not every command has every "
                         "flag: \\fBweir help\\fR \\fIcommand\\fR lists those it has.\n");
    for_options(COMMAND_COUNT, false, print_man_option, out);
    buf_append_text(out,
                    ".SH ENVIRONMENT\nEach option is a variable too: \\fB\\-transport.file\\fR is "
                    "\\fBWEIR_TRANSPORT_FILE\\fR. A flag counts more than the environment, the "
                    "environment more than the file of \\fB\\-config\\fR.\n"
                    ".SH SIGNALS\nSIGHUP reopens the output file. SIGTERM and SIGINT end the "
                    "program when all that was received is delivered.\n.SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_COUNT; i++) {
        buf_printf(out, ".TP\n.B %d\n%s\n", EXITS[i].code, EXITS[i].help);
    }
    buf_append_text(out, ".SH EXAMPLES\n");
    for (size_t i = 0; i < EXAMPLE_COUNT; i++) {
        buf_append_text(out, ".TP\n.B ");
        append_troff(out, EXAMPLES[i].line);
        buf_printf(out, "\n%s\n", EXAMPLES[i].help);
    }
}
