// SPDX-License-Identifier: Apache-2.0
/*
 * Each source that has a value for an option (flags, environment, file, in this order) gives its
 * text; the first text stays. At the end each text, or the default, is converted and put into
 * struct settings. Texts are converted once before, where they are found, so that a mistake can be
 * reported with its place.
 *
 * The flag syntax and its error texts are those of Go's flag package, which goflow2's users and
 * scripts know. What Go does not know (environment, file, commands) has messages of our own.
 */
#include "app/options.h"

#include <stdio.h>
#include <string.h>

#include "app/go_value.h"
#include "app/value.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/yml.h"

enum {
    QUERY_ROWS_MAX = 10000,
    CONFIG_DEPTH_MAX = 6,
    QUOTED_SIZE = 256,
    WARNINGS_SIZE_MAX = 1 << 16
};

/// Flags that goflow2 v3 has and v2 has not.
static const char *const LATER_FLAGS[] = { "templates.ttl", "templates.sweep-interval",
                                           "templates.ttl.extend-on-access", "templates.json.path",
                                           "templates.json.interval" };

/// A run over the sources of values.
struct reader {
    struct settings *settings;
    struct err *err;
    const char *texts[OPTION_COUNT]; ///< NULL until some source has one
    bool in_file[OPTION_COUNT];
};

// --- Values ------------------------------------------------------------------------------------

/// Converts `text` and puts it into the settings. ERR_INVALID, ERR_RANGE.
static int store(enum option_id option, const char *text, struct settings *s)
{
    const struct option_info *o = &OPTIONS[option];
    uint8_t *at = (uint8_t *)s + o->offset;
    bool flag;
    int64_t number;
    uint64_t ns;
    int status = 0;
    switch (o->type) {
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_SECRET:
        memcpy(at, &text, sizeof(text));
        break;
    case OPTION_TYPE_BOOL:
        status = go_bool(text, &flag);
        memcpy(at, &flag, status == 0 ? sizeof(flag) : 0);
        break;
    case OPTION_TYPE_INT:
        status = text_get_i64(text, &number);
        memcpy(at, &number, status == 0 ? sizeof(number) : 0);
        break;
    case OPTION_TYPE_DURATION:
        status = go_duration(text, !o->is_goflow2s, &number);
        ns = status != 0 || number < 0 ? 0 : (uint64_t)number;
        // goflow2 takes a negative interval as none.
        status = status == 0 && number < 0 && !o->is_goflow2s ? ERR_RANGE : status;
        memcpy(at, &ns, status == 0 ? sizeof(ns) : 0);
        break;
    case OPTION_TYPE_TIME:
        ns = 0;
        status = text[0] == '\0' ? 0 : value_time(text, &ns);
        memcpy(at, &ns, status == 0 ? sizeof(ns) : 0);
        break;
    case OPTION_TYPE_SIZE:
        status = value_size(text, UINT64_MAX, &ns);
        memcpy(at, &ns, status == 0 ? sizeof(ns) : 0);
        break;
    }
    return status;
}

static int try_value(enum option_id option, const char *text)
{
    struct settings scratch;
    return store(option, text, &scratch);
}

static const char *expected(enum option_id option, int status)
{
    static const char *const WORDS[] = {
        [OPTION_TYPE_TEXT] = "a text",
        [OPTION_TYPE_BOOL] = "true or false",
        [OPTION_TYPE_INT] = "a whole number",
        [OPTION_TYPE_DURATION] = "a time such as 10s or 1m30s",
        [OPTION_TYPE_TIME] = "a time such as 2026-01-31 or 2026-01-31T12:00:00Z",
        [OPTION_TYPE_SIZE] = "bytes, such as 65536, 64k or 50GB",
        [OPTION_TYPE_SECRET] = "a text",
    };
    return status == ERR_RANGE ? "a number in range" : WORDS[OPTIONS[option].type];
}

static void take(struct reader *r, enum option_id option, const char *text,
                 enum option_source source)
{
    r->texts[option] = text;
    r->settings->sources[option] = source;
}

// --- Flags -------------------------------------------------------------------------------------

static enum command first_command_of(enum option_id option)
{
    int command = 0;
    while (!option_is_of(option, (enum command)command)) {
        command++; // each option has one
    }
    return (enum command)command;
}

/// The way out for a flag that is not there; "" when there is none to name.
static void hint_for_flag(const struct settings *s, const char *name, char ret_hint[TEXT_HINT_SIZE])
{
    ret_hint[0] = '\0';
    for (size_t i = 0; i < sizeof(LATER_FLAGS) / sizeof(LATER_FLAGS[0]); i++) {
        if (strcmp(LATER_FLAGS[i], name) == 0) {
            (void)snprintf(ret_hint, TEXT_HINT_SIZE,
                           "; it is goflow2 v3's and comes with NetFlow in a later version");
            return;
        }
    }
    if (s->goflow2) {
        return; // which gives no hints
    }
    int option = option_by_name(name, strlen(name));
    if (option >= 0) {
        (void)snprintf(ret_hint, TEXT_HINT_SIZE, "; it is a flag of weir %s",
                       COMMANDS[first_command_of((enum option_id)option)].name);
        return;
    }
    struct text_nearest nearest = text_nearest_to(name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (option_is_of((enum option_id)i, s->command)) {
            text_nearest_try(&nearest, OPTIONS[i].name);
        }
    }
    (void)snprintf(ret_hint, TEXT_HINT_SIZE, "%s", text_nearest_hint(&nearest)); // fits
}

static int unknown_flag(struct reader *r, const char *name, size_t size)
{
    char text[OPTION_NAME_SIZE_MAX];
    char hint[TEXT_HINT_SIZE];
    (void)snprintf(text, sizeof(text), "%.*s", (int)size, name); // cut is fine
    hint_for_flag(r->settings, text, hint);
    return err_set(r->err, ERR_USAGE, "flag provided but not defined: -%s%s", text, hint);
}

/// What a value of weir's own options looks like; goflow2's have Go's words alone.
static const char *example_for(enum option_id option)
{
    if (OPTIONS[option].is_goflow2s) {
        return "";
    }
    switch (OPTIONS[option].type) {
    case OPTION_TYPE_DURATION:
        return ", expected a number with a unit, such as 10s, 5m, 12h or 90d";
    case OPTION_TYPE_TIME:
        return ", expected 2026-01-31 or 2026-01-31T12:00:00Z";
    case OPTION_TYPE_SIZE:
        return ", expected bytes, such as 65536, 64k, 4m or 50GB";
    default:
        return "";
    }
}

/// Go's words for a value that does not convert.
static int bad_flag_value(struct reader *r, enum option_id option, const char *text, int status)
{
    char quoted[QUOTED_SIZE];
    bool is_bool = OPTIONS[option].type == OPTION_TYPE_BOOL;
    return err_set(r->err, ERR_USAGE, "invalid %svalue %s for %s-%s: %s%s",
                   is_bool ? "boolean " : "", go_quote(text, quoted, sizeof(quoted)),
                   is_bool ? "" : "flag ", OPTIONS[option].name,
                   status == ERR_RANGE ? "value out of range" : "parse error",
                   status == ERR_RANGE ? "" : example_for(option));
}

/// Command lines and files are read by many.
static int refuse_secret(struct err *err, enum option_id option, int status)
{
    char env[OPTION_ENV_SIZE_MAX];
    return err_set(err, status,
                   "%s is a secret: put it into %s in the environment, or use -%s_file",
                   OPTIONS[option].name, option_env_name(option, env), OPTIONS[option].name);
}

/// One flag at argv[*index]; moves on past it and its value.
static int parse_flag(struct reader *r, int argc, char **argv, int *index)
{
    const char *name = argv[*index] + 1;
    name += *name == '-';
    size_t size = strcspn(name, "=");
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    ++*index;
    if (size == 0 || *name == '-') {
        return err_set(r->err, ERR_USAGE, "bad flag syntax: %.100s", argv[*index - 1]);
    }
    int found = option_by_name(name, size);
    if (found < 0 || !option_is_of((enum option_id)found, r->settings->command)) {
        if ((size == 1 && *name == 'h') || (size == 4 && strncmp(name, "help", 4) == 0)) {
            r->settings->help = true;
            return 0;
        }
        return unknown_flag(r, name, size);
    }
    enum option_id option = (enum option_id)found;
    if (OPTIONS[option].type == OPTION_TYPE_SECRET) {
        return refuse_secret(r->err, option, ERR_USAGE);
    }
    if (value == NULL && OPTIONS[option].type == OPTION_TYPE_BOOL) {
        value = "true";
    }
    if (value == NULL) {
        if (*index == argc) {
            return err_set(r->err, ERR_USAGE, "flag needs an argument: -%s", OPTIONS[option].name);
        }
        value = argv[(*index)++];
    }
    int status = try_value(option, value);
    if (status != 0) {
        return bad_flag_value(r, option, value, status);
    }
    take(r, option, value, SOURCE_FLAG);
    return 0;
}

static int parse_flags(struct reader *r, int argc, char **argv, int index)
{
    int status = 0;
    while (status == 0 && index < argc && argv[index][0] == '-' && argv[index][1] != '\0' &&
           !r->settings->help) {
        if (strcmp(argv[index], "--") == 0) {
            index++;
            break;
        }
        status = parse_flag(r, argc, argv, &index);
    }
    r->settings->args = argv + index;
    r->settings->arg_count = argc - index;
    return status;
}

static int unknown_command(const char *name, struct err *err)
{
    struct text_nearest nearest = text_nearest_to(name);
    for (int c = 0; c < COMMAND_COUNT; c++) {
        text_nearest_try(&nearest, COMMANDS[c].name);
    }
    return err_set(err, ERR_USAGE, "unknown command \"%.50s\"%s", name,
                   text_nearest_hint(&nearest));
}

/// The first argument, when it is no flag, is a command; under the name goflow2 there are none.
static int parse_command(struct reader *r, int argc, char **argv, int *ret_index)
{
    *ret_index = 1;
    if (r->settings->goflow2 || argc < 2 || argv[1][0] == '-') {
        return 0;
    }
    int command = command_by_name(argv[1]);
    if (command < 0) {
        r->settings->command = COMMAND_HELP; // it is what helps on
        return unknown_command(argv[1], r->err);
    }
    r->settings->command = (enum command)command;
    *ret_index = 2;
    return 0;
}

/// weir help [COMMAND]; the last two make the files in docs/.
static int check_help_args(const struct settings *s, struct err *err)
{
    const char *first = s->arg_count > 0 ? s->args[0] : "run";
    bool known =
        command_by_name(first) >= 0 || strcmp(first, "markdown") == 0 || strcmp(first, "man") == 0;
    return known ? 0 : unknown_command(first, err);
}

static const char *operand_of(enum command command)
{
    switch (command) {
    case COMMAND_IMPORT:
        return "FILE, a log that goflow2 wrote (plain, .gz, .zst), a .parquet file of weir's, or - "
               "for standard input";
    case COMMAND_REPLAY:
        return "FILE, a pcap or pcapng capture";
    case COMMAND_BACKUP:
        return "FILE, which is made and must not be there yet";
    default:
        return "URL: udp://HOST:PORT or pcap://FILE";
    }
}

/// A condition that the shell took apart is put together again by the command; a flag behind it was
/// hardly meant as a word to look for.
static int check_condition(const struct settings *s, struct err *err)
{
    for (int i = 1; i < s->arg_count; i++) {
        const char *name = s->args[i] + 1;
        int option = option_by_name(name, strcspn(name, "="));
        if (s->args[i][0] == '-' && option >= 0 &&
            option_is_of((enum option_id)option, COMMAND_QUERY)) {
            return err_set(err, ERR_USAGE, "flags go first: %.60s before \"%.100s\"", s->args[i],
                           s->args[0]);
        }
    }
    return 0;
}

/// import, replay, backup and generate take arguments, behind their flags.
static int check_operands(const struct settings *s, bool resends, struct err *err)
{
    if (resends) {
        return s->arg_count == 0 ? 0
                                 : err_set(err, ERR_USAGE,
                                           "unexpected argument \"%.100s\": -deadletter sends its "
                                           "own file again, and reads no logs",
                                           s->args[0]);
    }
    if (s->arg_count == 0) {
        return err_set(err, ERR_USAGE, "weir %s needs a %s", COMMANDS[s->command].name,
                       operand_of(s->command));
    }
    for (int i = 1; i < s->arg_count; i++) {
        const char *name = s->args[i] + 1;
        if (s->args[i][0] == '-' && option_by_name(name, strcspn(name, "=")) >= 0) {
            return err_set(err, ERR_USAGE, "flags go first: %.60s before \"%.100s\"", s->args[i],
                           s->args[0]);
        }
    }
    bool one = s->command == COMMAND_GENERATE || s->command == COMMAND_BACKUP;
    if (one && s->arg_count > 1) {
        return err_set(err, ERR_USAGE, "unexpected argument \"%.100s\": %s has one %s", s->args[1],
                       COMMANDS[s->command].name, s->command == COMMAND_GENERATE ? "URL" : "FILE");
    }
    return 0;
}

/// What is left of the command line must be something that the command takes. goflow2 passes over
/// it.
static int check_args(const struct reader *r)
{
    const struct settings *s = r->settings;
    struct err *err = r->err;
    if (s->goflow2 || s->help) {
        return 0;
    }
    if (s->command == COMMAND_HELP) {
        return check_help_args(s, err);
    }
    if (s->command == COMMAND_IMPORT || s->command == COMMAND_REPLAY ||
        s->command == COMMAND_GENERATE || s->command == COMMAND_BACKUP) {
        bool resends =
            r->texts[OPTION_DEADLETTER] != NULL && r->texts[OPTION_DEADLETTER][0] != '\0';
        return check_operands(s, resends, err);
    }
    if (s->command == COMMAND_QUERY) {
        return check_condition(s, err);
    }
    if (s->arg_count == 0) {
        return 0;
    }
    const char *first = s->args[0];
    if (s->command == COMMAND_RUN && command_by_name(first) >= 0) {
        return err_set(err, ERR_USAGE, "the command goes first: weir %s [FLAGS]", first);
    }
    return err_set(err, ERR_USAGE, "unexpected argument \"%.100s\"", first);
}

// --- Environment -------------------------------------------------------------------------------

/// Something like WEIR_FROMAT: most likely an option was meant.
static void warn_of_unknown(struct reader *r, const char *name)
{
    char(*names)[OPTION_ENV_SIZE_MAX] = mem_zalloc_array(OPTION_COUNT, sizeof(names[0]));
    CHECK(names != NULL); // a few kilobytes
    struct text_nearest nearest = text_nearest_to(name + strlen("WEIR_"));
    for (int i = 0; i < OPTION_COUNT; i++) {
        text_nearest_try(&nearest, option_env_name((enum option_id)i, names[i]) + strlen("WEIR_"));
    }
    if (text_nearest_hint(&nearest)[0] != '\0') {
        buf_printf(&r->settings->warnings,
                   "%s in the environment is no option; did you mean WEIR_%s?\n", name,
                   nearest.best);
    }
    mem_free(names);
}

static int parse_env_entry(struct reader *r, const char *entry)
{
    size_t size = strcspn(entry, "=");
    for (int i = 0; i < OPTION_COUNT; i++) {
        enum option_id option = (enum option_id)i;
        char name[OPTION_ENV_SIZE_MAX];
        if (strlen(option_env_name(option, name)) != size || memcmp(name, entry, size) != 0) {
            continue;
        }
        const char *value = entry[size] == '=' ? entry + size + 1 : "";
        if (!option_is_of(option, r->settings->command) || r->texts[option] != NULL) {
            return 0;
        }
        int status = try_value(option, value);
        if (status != 0) {
            char quoted[QUOTED_SIZE];
            return err_set(r->err, ERR_INVALID, "%s=%s in the environment: expected %s", name,
                           go_quote(value, quoted, sizeof(quoted)), expected(option, status));
        }
        take(r, option, value, SOURCE_ENVIRONMENT);
        return 0;
    }
    char name[OPTION_ENV_SIZE_MAX];
    (void)snprintf(name, sizeof(name), "%.*s", (int)size, entry); // cut is fine
    warn_of_unknown(r, name);
    return 0;
}

static int parse_env(struct reader *r, char **env)
{
    int status = 0;
    for (; status == 0 && env != NULL && *env != NULL; env++) {
        if (strncmp(*env, "WEIR_", strlen("WEIR_")) == 0) {
            status = parse_env_entry(r, *env);
        }
    }
    return status;
}

// --- File --------------------------------------------------------------------------------------

/// The file's keys under some dotted name.
struct config_level {
    struct reader *reader;
    const char *prefix; ///< "" or "transport.kafka."
    int depth;
};

/// The text of a value: a scalar, or a list of them joined by commas. NULL for anything else.
static const char *config_text(struct settings *s, struct yml_node value)
{
    if (yml_kind(value) == YML_KIND_SCALAR) {
        return yml_is_null(value) ? "" : yml_text(value);
    }
    if (yml_kind(value) != YML_KIND_LIST) {
        return NULL;
    }
    CHECK(s->list_count < OPTION_COUNT); // each option is taken once
    struct buf *text = &s->lists[s->list_count++];
    buf_init(text, CONFIG_FILE_SIZE_MAX);
    for (size_t i = 0; i < yml_count(value); i++) {
        if (yml_kind(yml_item(value, i)) != YML_KIND_SCALAR) {
            return NULL;
        }
        buf_append_text(text, i > 0 ? "," : "");
        buf_append_text(text, yml_text(yml_item(value, i)));
    }
    return buf_text(text);
}

static int unknown_key(struct reader *r, struct yml_node key, const char *name)
{
    struct text_nearest nearest = text_nearest_to(name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        text_nearest_try(&nearest, OPTIONS[i].name);
    }
    return yml_err(r->err, key, "unknown option \"%.60s\"%s", name, text_nearest_hint(&nearest));
}

static int take_from_file(struct reader *r, enum option_id option, struct yml_node key,
                          struct yml_node value)
{
    const char *name = OPTIONS[option].name;
    if (r->in_file[option]) {
        return yml_err(r->err, key, "%s is set twice in this file", name);
    }
    r->in_file[option] = true;
    if (OPTIONS[option].type == OPTION_TYPE_SECRET) {
        struct err refusal;
        (void)refuse_secret(&refusal, option, ERR_INVALID); // only its words
        return yml_err(r->err, key, "%s", refusal.text);
    }
    if (yml_kind(value) == YML_KIND_MAP) {
        return yml_err(r->err, value,
                       "%s has a value of its own: write names below it in full, as in "
                       "\"transport.file: flows.log\"",
                       name);
    }
    const char *text = config_text(r->settings, value);
    if (text == NULL) {
        return yml_err(r->err, value, "%s: expected a value or a list of values", name);
    }
    int status = try_value(option, text);
    if (status != 0) {
        return yml_err(r->err, value, "%s: expected %s, not \"%.100s\"", name,
                       expected(option, status), text);
    }
    if (r->texts[option] == NULL) { // else a flag or the environment has it
        take(r, option, text, SOURCE_FILE);
    }
    return 0;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by CONFIG_DEPTH_MAX
static int parse_config_key(void *context, struct yml_node key, struct yml_node value)
{
    const struct config_level *level = context;
    struct reader *r = level->reader;
    char name[OPTION_NAME_SIZE_MAX];
    if (yml_kind(key) != YML_KIND_SCALAR ||
        snprintf(name, sizeof(name), "%s%s", level->prefix, yml_text(key)) >= (int)sizeof(name)) {
        return yml_err(r->err, key, "expected the name of an option");
    }
    int option = option_by_name(name, strlen(name));
    if (option < 0 && yml_kind(value) == YML_KIND_MAP && level->depth < CONFIG_DEPTH_MAX) {
        char prefix[OPTION_NAME_SIZE_MAX + 1];
        (void)snprintf(prefix, sizeof(prefix), "%s.", name); // fits
        struct config_level inner = { .reader = r, .prefix = prefix, .depth = level->depth + 1 };
        return yml_each(value, parse_config_key, &inner);
    }
    if (option < 0) {
        return unknown_key(r, key, name);
    }
    if (option == OPTION_CONFIG || option == OPTION_VERSION) {
        return yml_err(r->err, key, "%s belongs on the command line", name);
    }
    return take_from_file(r, (enum option_id)option, key, value);
}

static int parse_config(struct reader *r)
{
    const char *path = r->texts[OPTION_CONFIG];
    if (path == NULL || path[0] == '\0') {
        return 0;
    }
    struct yml_file **file = &r->settings->config_file;
    if (yml_load(path, CONFIG_FILE_SIZE_MAX, file, r->err) != 0) {
        return r->err->status;
    }
    struct yml_node root = yml_root(*file);
    if (yml_kind(root) != YML_KIND_MAP) {
        return yml_err(r->err, root, "expected options, such as \"format: json\"");
    }
    struct config_level level = { .reader = r, .prefix = "" };
    return yml_each(root, parse_config_key, &level);
}

// --- All of it ---------------------------------------------------------------------------------

static bool is_goflow2(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, "goflow2") == 0;
}

/// Help and version work whatever the environment and the file say.
static bool wants_only_words(const struct reader *r)
{
    const struct settings *s = r->settings;
    bool version = false;
    if (r->texts[OPTION_VERSION] != NULL) {
        CHECK(go_bool(r->texts[OPTION_VERSION], &version) == 0); // it was tried
    }
    return version || s->help || s->command == COMMAND_HELP || s->command == COMMAND_VERSION;
}

static int read_all(struct reader *r, int argc, char **argv, char **env)
{
    int index;
    if (parse_command(r, argc, argv, &index) != 0 || parse_flags(r, argc, argv, index) != 0 ||
        check_args(r) != 0) {
        return r->err->status;
    }
    if (wants_only_words(r)) {
        return 0;
    }
    int status = parse_env(r, env);
    return status != 0 ? status : parse_config(r);
}

int options_parse(int argc, char **argv, char **env, struct settings *ret_settings, struct err *err)
{
    struct settings *s = ret_settings;
    *s = (struct settings){ .goflow2 = argc > 0 && is_goflow2(argv[0]) };
    buf_init(&s->warnings, WARNINGS_SIZE_MAX);
    struct reader *r = mem_zalloc(sizeof(*r));
    s->lists = mem_zalloc_array(OPTION_COUNT, sizeof(s->lists[0]));
    if (r == NULL || s->lists == NULL) {
        mem_free(r);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    r->settings = s;
    r->err = err;
    int status = read_all(r, argc, argv, env);
    for (int i = 0; status == 0 && i < OPTION_COUNT; i++) {
        enum option_id option = (enum option_id)i;
        const char *text = r->texts[i] != NULL ? r->texts[i] : option_default(option, s->goflow2);
        CHECK(store(option, text, s) == 0); // given ones were tried, defaults are ours
    }
    mem_free(r);
    return status;
}

void settings_release(struct settings *s)
{
    for (size_t i = 0; i < s->list_count; i++) {
        buf_release(&s->lists[i]);
    }
    mem_free(s->lists);
    buf_release(&s->warnings);
    yml_free(s->config_file);
    *s = (struct settings){ 0 };
}

static bool is_range(struct err *err, const char *name, int64_t value, int64_t min, int64_t max)
{
    if (value >= min && value <= max) {
        return true;
    }
    (void)err_set(err, ERR_INVALID, "-%s %lld: must be from %lld to %lld", name, (long long)value,
                  (long long)min, (long long)max);
    return false;
}

static bool is_one_of(struct err *err, const char *option, const char *value,
                      const char *const *choices)
{
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], value) == 0) {
            return true;
        }
    }
    struct text_nearest nearest = text_nearest_to(value);
    for (size_t i = 0; choices[i] != NULL; i++) {
        text_nearest_try(&nearest, choices[i]);
    }
    (void)err_set(err, ERR_INVALID, "-%s \"%.50s\": there is no such %s%s", option, value,
                  strcmp(option, "o") == 0 ? "form (table, json, csv, ndjson)"
                                           : "measure (bytes, packets, flows)",
                  text_nearest_hint(&nearest)); // false says it
    return false;
}

static int check_question(const struct settings *s, struct err *err)
{
    static const char *const FORMS[] = { "table", "json", "csv", "ndjson", NULL };
    static const char *const MEASURES[] = { "bytes", "packets", "flows", NULL };
    if (!is_one_of(err, "o", s->output, FORMS) || !is_one_of(err, "by", s->by, MEASURES) ||
        !is_range(err, "n", s->rows, 1, QUERY_ROWS_MAX)) {
        return err->status;
    }
    if (s->top[0] != '\0' && s->series[0] != '\0') {
        return err_set(err, ERR_INVALID, "-top and -series: one of them");
    }
    return 0;
}

int settings_check(const struct settings *s, struct err *err)
{
    if (strcmp(s->produce, "raw") == 0) {
        return err_set(err, ERR_UNSUPPORTED, "-produce raw is not in this version; sample is");
    }
    if (strcmp(s->produce, "sample") != 0) {
        return err_set(err, ERR_INVALID, "-produce \"%.50s\": no such producer (sample)",
                       s->produce);
    }
    if (s->command == COMMAND_IMPORT) {
        if (s->summary[0] != '\0' && strcmp(s->summary, "json") != 0) {
            return err_set(err, ERR_INVALID, "-summary \"%.50s\": json", s->summary);
        }
        bool ok = is_range(err, "import.threads", s->import_threads, 0, IMPORT_THREADS_MAX) &&
                  is_range(err, "import.line_max", (int64_t)s->import_line_max, LOG_LINE_SIZE_LEAST,
                           LOG_LINE_SIZE_MAX);
        return ok ? 0 : err->status;
    }
    if (s->command == COMMAND_QUERY) {
        return check_question(s, err);
    }
    if (s->command == COMMAND_GENERATE) {
        bool ok = is_range(err, "rate", s->rate, 0, 10000000) &&
                  is_range(err, "count", s->count, 0, INT64_MAX) &&
                  is_range(err, "exporters", s->exporters, 1, 250) &&
                  is_range(err, "flows", s->flows, 1, 32) &&
                  is_range(err, "ipv6", s->ipv6, 0, 100) &&
                  is_range(err, "expanded", s->expanded, 0, 100) &&
                  is_range(err, "counters", s->counters, 0, 100);
        return ok ? 0 : err->status;
    }
    return 0;
}
