// SPDX-License-Identifier: Apache-2.0
/*
 * OPTIONS is the one place where an option is named. Reading fills a text per option from the first
 * of flag, environment and file that has one; then each text, or the default for the program's
 * name, is converted and put into struct settings.
 *
 * The flag syntax and its error texts are those of Go's flag package, which goflow2's users and
 * scripts know.
 */
#include "app/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/go_value.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/yml.h"

enum type { TYPE_TEXT, TYPE_BOOL, TYPE_INT, TYPE_DURATION };

enum {
    IN_RUN = 1 << COMMAND_RUN,
    IN_REPLAY = 1 << COMMAND_REPLAY,
    IN_GENERATE = 1 << COMMAND_GENERATE,
    IN_CHECK = 1 << COMMAND_CHECK,
    IN_ALL = IN_RUN | IN_REPLAY | IN_GENERATE | IN_CHECK,
    IN_PIPELINE = IN_RUN | IN_REPLAY | IN_CHECK,
    IN_LISTENING = IN_RUN | IN_CHECK,
    CONFIG_DEPTH_MAX = 6,
    NAME_SIZE_MAX = 64,
};

struct option {
    const char *name;
    enum type type;
    unsigned commands;         ///< IN_*
    size_t offset;             ///< in struct settings
    const char *value;         ///< default
    const char *goflow2_value; ///< default under that name; NULL: the same
    const char *section;
    const char *help;
};

#define AT(member) offsetof(struct settings, member)

// clang-format off
static const struct option OPTIONS[] = {
    { "config", TYPE_TEXT, IN_ALL, AT(config), "", NULL, "General",
      "YAML file with options: its keys are these names" },
    { "loglevel", TYPE_TEXT, IN_ALL, AT(loglevel), "info", NULL, "General",
      "Least level that is logged (debug, info, warn, error)" },
    { "logfmt", TYPE_TEXT, IN_ALL, AT(logfmt), "normal", NULL, "General",
      "Form of log lines (normal, json)" },
    { "err.cnt", TYPE_INT, IN_PIPELINE, AT(err_cnt), "10", NULL, "General",
      "Error lines per interval before muting; 0 never mutes" },
    { "err.int", TYPE_DURATION, IN_PIPELINE, AT(err_int_ns), "10s", NULL, "General",
      "Interval of muting; 0 never mutes" },
    { "v", TYPE_BOOL, IN_RUN, AT(version), "false", NULL, "General", "Print the version and exit" },

    { "listen", TYPE_TEXT, IN_LISTENING, AT(listen), "sflow://:6343",
      "sflow://:6343,netflow://:2055", "Receiving",
      "Comma list of sflow://HOST:PORT, flow://HOST:PORT; keys count, blocking, rcvbuf, device" },
    { "allow", TYPE_TEXT, IN_PIPELINE, AT(allow), "", NULL, "Receiving",
      "Comma list of networks whose exporters are heard; empty for all" },
    { "mapping", TYPE_TEXT, IN_PIPELINE, AT(mapping), "", NULL, "Records",
      "Mapping file: columns, names, renderers, custom columns" },
    { "produce", TYPE_TEXT, IN_PIPELINE, AT(produce), "sample", NULL, "Records",
      "What a record is (sample)" },
    { "format", TYPE_TEXT, IN_PIPELINE, AT(format), "json", NULL, "Output",
      "How a record is written (json, text, bin)" },
    { "transport", TYPE_TEXT, IN_PIPELINE, AT(transport), "file", NULL, "Output",
      "Where records go (file)" },
    { "transport.file", TYPE_TEXT, IN_PIPELINE, AT(transport_file), "", NULL, "Output",
      "File to append to; empty for standard output. SIGHUP reopens it" },
    { "transport.file.sep", TYPE_TEXT, IN_PIPELINE, AT(transport_file_sep), "\n", NULL, "Output",
      "What follows each record (a line feed unless given)" },

    { "addr", TYPE_TEXT, IN_LISTENING, AT(addr), "127.0.0.1:8080", ":8080", "HTTP",
      "Address for /metrics and /__health; empty for no HTTP" },
    { "templates.path", TYPE_TEXT, IN_LISTENING, AT(templates_path), "/templates", NULL, "HTTP",
      "Path that shows NetFlow templates; empty for none" },

    { "port", TYPE_TEXT, IN_REPLAY, AT(ports), "", NULL, "Replay",
      "Comma list of UDP ports to read; empty for whatever is flow data" },

    { "rate", TYPE_INT, IN_GENERATE, AT(rate), "1000", NULL, "Generate",
      "Datagrams per second; 0 for as fast as can be" },
    { "count", TYPE_INT, IN_GENERATE, AT(count), "0", NULL, "Generate",
      "Datagrams in all; 0 for no end (in a file: 1000)" },
    { "duration", TYPE_DURATION, IN_GENERATE, AT(duration_ns), "0", NULL, "Generate",
      "How long; 0 for no end" },
    { "exporters", TYPE_INT, IN_GENERATE, AT(exporters), "1", NULL, "Generate",
      "Exporters, each with an address of its own" },
    { "flows", TYPE_INT, IN_GENERATE, AT(flows), "6", NULL, "Generate",
      "Flow samples per datagram" },
    { "ipv6", TYPE_INT, IN_GENERATE, AT(ipv6), "20", NULL, "Generate",
      "Percent of flows over IPv6" },
    { "expanded", TYPE_INT, IN_GENERATE, AT(expanded), "10", NULL, "Generate",
      "Percent of samples in the expanded form" },
    { "counters", TYPE_INT, IN_GENERATE, AT(counters), "5", NULL, "Generate",
      "Percent of datagrams with a counter sample" },
    { "seed", TYPE_INT, IN_GENERATE, AT(seed), "1", NULL, "Generate",
      "The same seed gives the same datagrams" },

    { "transport.kafka.brokers", TYPE_TEXT, IN_PIPELINE, AT(kafka_brokers),
      "127.0.0.1:9092,[::1]:9092", NULL, "Kafka", "Comma list of brokers" },
    { "transport.kafka.compression", TYPE_TEXT, IN_PIPELINE, AT(kafka_compression), "", NULL,
      "Kafka", "Compression (none, gzip, snappy, lz4, zstd)" },
    { "transport.kafka.flushbytes", TYPE_INT, IN_PIPELINE, AT(kafka_flushbytes), "104857600", NULL,
      "Kafka", "Bytes that are sent at once" },
    { "transport.kafka.flushfreq", TYPE_DURATION, IN_PIPELINE, AT(kafka_flushfreq_ns), "5s", NULL,
      "Kafka", "How often is sent" },
    { "transport.kafka.hashing", TYPE_BOOL, IN_PIPELINE, AT(kafka_hashing), "false", NULL, "Kafka",
      "Choose the partition by key" },
    { "transport.kafka.maxmsgbytes", TYPE_INT, IN_PIPELINE, AT(kafka_maxmsgbytes), "1000000", NULL,
      "Kafka", "Largest message" },
    { "transport.kafka.sasl", TYPE_TEXT, IN_PIPELINE, AT(kafka_sasl), "none", NULL, "Kafka",
      "SASL mechanism (none, plain, scram-sha256, scram-sha512)" },
    { "transport.kafka.srv", TYPE_TEXT, IN_PIPELINE, AT(kafka_srv), "", NULL, "Kafka",
      "DNS SRV name of the brokers" },
    { "transport.kafka.tls", TYPE_BOOL, IN_PIPELINE, AT(kafka_tls), "false", NULL, "Kafka",
      "Use TLS" },
    { "transport.kafka.tls.ca", TYPE_TEXT, IN_PIPELINE, AT(kafka_tls_ca), "", NULL, "Kafka",
      "CA certificate file" },
    { "transport.kafka.tls.client", TYPE_TEXT, IN_PIPELINE, AT(kafka_tls_client), "", NULL, "Kafka",
      "Client certificate file" },
    { "transport.kafka.tls.insecure", TYPE_BOOL, IN_PIPELINE, AT(kafka_tls_insecure), "false", NULL,
      "Kafka", "Do not verify the broker" },
    { "transport.kafka.tls.key", TYPE_TEXT, IN_PIPELINE, AT(kafka_tls_key), "", NULL, "Kafka",
      "Client key file" },
    { "transport.kafka.topic", TYPE_TEXT, IN_PIPELINE, AT(kafka_topic), "flow-messages", NULL,
      "Kafka", "Topic" },
    { "transport.kafka.version", TYPE_TEXT, IN_PIPELINE, AT(kafka_version), "2.8.0", NULL, "Kafka",
      "Kafka version" },
};

static const struct {
    const char *name;
    const char *arguments;
    const char *help;
} COMMANDS[COMMAND_COUNT] = {
    [COMMAND_RUN] = { "run", "[FLAGS]", "collect until stopped (the default)" },
    [COMMAND_REPLAY] = { "replay", "[FLAGS] FILE...",
                         "read pcap and pcapng captures as though received" },
    [COMMAND_GENERATE] = { "generate", "[FLAGS] URL",
                           "synthetic exporters: sFlow to udp://HOST:PORT or into pcap://FILE" },
    [COMMAND_CHECK] = { "check", "[FLAGS]", "read everything and say what would run" },
    [COMMAND_HELP] = { "help", "[COMMAND]", "this, or the options of one command" },
    [COMMAND_VERSION] = { "version", "", "print the version" },
};
// clang-format on

enum { OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0]) };
_Static_assert((int)OPTION_COUNT <= (int)OPTIONS_MAX, "every option has its place");

/// Commands of later versions: named, so that who types them learns more than "unknown".
static const char *const LATER_COMMANDS[] = { "import", "query", "backup", "setup" };

/// A run over the sources of values.
struct reader {
    struct settings *settings;
    struct err *err;
    const char *texts[OPTION_COUNT];                ///< NULL until some source has one
    struct yml_node nodes[OPTION_COUNT];            ///< where in the file, for those from there
    char sources[OPTION_COUNT][NAME_SIZE_MAX + 32]; ///< for messages: "flag -x"
};

const char *command_text(enum command command)
{
    CHECK(command < COMMAND_COUNT);
    return COMMANDS[command].name;
}

static int option_by_name(const char *name, size_t size)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (strlen(OPTIONS[i].name) == size && strncmp(OPTIONS[i].name, name, size) == 0) {
            return i;
        }
    }
    return -1;
}

// --- Values ------------------------------------------------------------------------------------

/// Converts `text` and puts it into the settings.
static int store(const struct option *o, const char *text, struct settings *s)
{
    uint8_t *at = (uint8_t *)s + o->offset;
    bool flag;
    int64_t number;
    uint64_t duration;
    int status = 0;
    switch (o->type) {
    case TYPE_TEXT:
        memcpy(at, &text, sizeof(text));
        break;
    case TYPE_BOOL:
        status = go_bool(text, &flag);
        memcpy(at, &flag, status == 0 ? sizeof(flag) : 0);
        break;
    case TYPE_INT:
        status = text_get_i64(text, &number);
        memcpy(at, &number, status == 0 ? sizeof(number) : 0);
        break;
    case TYPE_DURATION:
        status = go_duration(text, o->commands == IN_GENERATE, &duration);
        memcpy(at, &duration, status == 0 ? sizeof(duration) : 0);
        break;
    }
    return status;
}

/// Go's words for a value that does not convert.
static int bad_value(struct reader *r, int option, const char *text, int status)
{
    const struct option *o = &OPTIONS[option];
    const char *why = status == ERR_RANGE ? "value out of range" : "parse error";
    if (r->nodes[option].id != 0) {
        return yml_err(r->err, r->nodes[option], "%s: invalid value \"%.100s\": %s", o->name, text,
                       why);
    }
    return err_set(r->err, ERR_USAGE, "invalid %svalue \"%.150s\" for %s: %s",
                   o->type == TYPE_BOOL ? "boolean " : "", text, r->sources[option], why);
}

static int set(struct reader *r, int option, const char *text, const char *before,
               const char *after)
{
    struct settings scratch;
    int status = store(&OPTIONS[option], text, &scratch);
    (void)snprintf(r->sources[option], sizeof(r->sources[option]), "%s%s%s", before,
                   OPTIONS[option].name, after); // names are short
    if (status != 0) {
        return bad_value(r, option, text, status);
    }
    r->texts[option] = text;
    return 0;
}

// --- Flags -------------------------------------------------------------------------------------

static int unknown_flag(struct reader *r, const char *name, size_t size)
{
    char text[NAME_SIZE_MAX];
    (void)snprintf(text, sizeof(text), "%.*s", (int)size, name); // cut is fine
    struct text_nearest nearest = text_nearest_to(text);
    for (int i = 0; i < OPTION_COUNT; i++) {
        text_nearest_try(&nearest, OPTIONS[i].name);
    }
    return err_set(r->err, ERR_USAGE, "flag provided but not defined: -%s%s", text,
                   r->settings->goflow2 ? "" : text_nearest_hint(&nearest));
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
    if ((size == 1 && *name == 'h') || (size == 4 && strncmp(name, "help", 4) == 0)) {
        r->settings->help = true;
        return 0;
    }
    int option = option_by_name(name, size);
    bool applies = option >= 0 && (OPTIONS[option].commands >> r->settings->command & 1) != 0;
    if (!applies) {
        return unknown_flag(r, name, size);
    }
    if (value == NULL && OPTIONS[option].type == TYPE_BOOL) {
        value = "true";
    }
    if (value == NULL) {
        if (*index == argc) {
            return err_set(r->err, ERR_USAGE, "flag needs an argument: -%s", OPTIONS[option].name);
        }
        value = argv[(*index)++];
    }
    return set(r, option, value, "flag -", "");
}

static int parse_flags(struct reader *r, int argc, char **argv, int index)
{
    while (index < argc && argv[index][0] == '-' && argv[index][1] != '\0' && !r->settings->help) {
        if (strcmp(argv[index], "--") == 0) {
            index++;
            break;
        }
        if (parse_flag(r, argc, argv, &index) != 0) {
            return r->err->status;
        }
    }
    r->settings->args = argv + index;
    r->settings->arg_count = argc - index;
    return 0;
}

/// The first argument, when it is no flag, is a command; under the name goflow2 there are none.
static int parse_command(struct reader *r, int argc, char **argv, int *ret_index)
{
    *ret_index = 1;
    if (r->settings->goflow2 || argc < 2 || argv[1][0] == '-') {
        return 0;
    }
    for (enum command c = 0; c < COMMAND_COUNT; c++) {
        if (strcmp(argv[1], COMMANDS[c].name) == 0) {
            r->settings->command = c;
            *ret_index = 2;
            return 0;
        }
    }
    struct text_nearest nearest = text_nearest_to(argv[1]);
    for (enum command c = 0; c < COMMAND_COUNT; c++) {
        text_nearest_try(&nearest, COMMANDS[c].name);
    }
    for (size_t i = 0; i < sizeof(LATER_COMMANDS) / sizeof(LATER_COMMANDS[0]); i++) {
        if (strcmp(argv[1], LATER_COMMANDS[i]) == 0) {
            return err_set(r->err, ERR_USAGE, "weir %s comes in a later version", argv[1]);
        }
    }
    return err_set(r->err, ERR_USAGE, "unknown command \"%.50s\"%s", argv[1],
                   text_nearest_hint(&nearest));
}

// --- Environment -------------------------------------------------------------------------------

/// Whether `entry` is WEIR_<NAME>=..., the name in capitals with _ for a dot.
static const char *env_value(const char *entry, const char *name)
{
    const char *p = entry + strlen("WEIR_");
    for (; *name != '\0'; name++, p++) {
        if (*p != (*name == '.' ? '_' : (char)toupper((unsigned char)*name))) {
            return NULL;
        }
    }
    return *p == '=' ? p + 1 : NULL;
}

static int parse_env(struct reader *r, char **env)
{
    for (; env != NULL && *env != NULL; env++) {
        if (strncmp(*env, "WEIR_", strlen("WEIR_")) != 0) {
            continue;
        }
        for (int i = 0; i < OPTION_COUNT; i++) {
            const char *value = env_value(*env, OPTIONS[i].name);
            if (value != NULL && r->texts[i] == NULL &&
                set(r, i, value, "-", " in the environment") != 0) {
                return r->err->status;
            }
        }
    }
    return 0;
}

// --- File --------------------------------------------------------------------------------------

/// The file's keys under some dotted name.
struct config_level {
    struct reader *reader;
    const char *prefix; ///< "" or "transport."
    int depth;
};

/// The text of a value: a scalar, or a list of them joined by commas.
static const char *config_text(struct reader *r, struct yml_node value)
{
    if (yml_kind(value) == YML_KIND_SCALAR) {
        return yml_is_null(value) ? "" : yml_text(value);
    }
    struct settings *s = r->settings;
    if (yml_kind(value) != YML_KIND_LIST || s->owned_count == OPTIONS_MAX) {
        return NULL;
    }
    struct buf *text = &s->owned[s->owned_count++];
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

static int parse_config_key(void *context, struct yml_node key, struct yml_node value);

static int unknown_key(struct reader *r, struct yml_node key, const char *name)
{
    struct text_nearest nearest = text_nearest_to(name);
    for (int i = 0; i < OPTION_COUNT; i++) {
        text_nearest_try(&nearest, OPTIONS[i].name);
    }
    return yml_err(r->err, key, "unknown option \"%.60s\"%s", name, text_nearest_hint(&nearest));
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by CONFIG_DEPTH_MAX
static int parse_config_key(void *context, struct yml_node key, struct yml_node value)
{
    const struct config_level *level = context;
    struct reader *r = level->reader;
    char name[NAME_SIZE_MAX + 2];
    if (yml_kind(key) != YML_KIND_SCALAR ||
        snprintf(name, sizeof(name) - 1, "%s%s", level->prefix, yml_text(key)) >= NAME_SIZE_MAX) {
        return yml_err(r->err, key, "expected the name of an option");
    }
    int option = option_by_name(name, strlen(name));
    if (yml_kind(value) == YML_KIND_MAP && option < 0 && level->depth < CONFIG_DEPTH_MAX) {
        name[strlen(name) + 1] = '\0';
        name[strlen(name)] = '.';
        struct config_level inner = { .reader = r, .prefix = name, .depth = level->depth + 1 };
        return yml_each(value, parse_config_key, &inner);
    }
    if (option < 0 || strcmp(name, "config") == 0 || strcmp(name, "v") == 0) {
        return unknown_key(r, key, name);
    }
    const char *text = config_text(r, value);
    if (text == NULL) {
        return yml_err(r->err, value, "%s: expected a value or a list of values", name);
    }
    if (r->texts[option] != NULL) {
        return 0; // the flag or the environment has it
    }
    r->nodes[option] = value;
    return set(r, option, text, "", "");
}

static int parse_config(struct reader *r)
{
    int config = option_by_name("config", strlen("config"));
    const char *path = r->texts[config];
    if (path == NULL || path[0] == '\0') {
        return 0;
    }
    struct yml_file **file = &r->settings->config_file;
    if (yml_load(path, CONFIG_FILE_SIZE_MAX, file, r->err) != 0) {
        return r->err->status;
    }
    struct yml_node root = yml_root(*file);
    if (yml_kind(root) != YML_KIND_MAP) {
        return yml_err(r->err, root, "expected a map of options");
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

static void store_all(const struct reader *r)
{
    struct settings *s = r->settings;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        const char *text = r->texts[i];
        if (text == NULL) {
            text = s->goflow2 && o->goflow2_value != NULL ? o->goflow2_value : o->value;
        }
        CHECK(store(o, text, s) == 0); // given ones were tried before, defaults are ours
    }
    s->listen_given = r->texts[option_by_name("listen", strlen("listen"))] != NULL;
}

int options_parse(int argc, char **argv, char **env, struct settings *ret_settings, struct err *err)
{
    static char *no_args[] = { NULL };
    struct settings *s = ret_settings;
    *s = (struct settings){ .goflow2 = argc > 0 && is_goflow2(argv[0]), .args = no_args };
    struct reader *r = mem_zalloc(sizeof(*r));
    s->owned = mem_zalloc_array(OPTIONS_MAX, sizeof(s->owned[0]));
    if (r == NULL || s->owned == NULL) {
        mem_free(r);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    r->settings = s;
    r->err = err;
    int index;
    int status = parse_command(r, argc, argv, &index);
    if (status == 0) {
        status = parse_flags(r, argc, argv, index);
    }
    if (status == 0 && !s->help) {
        status = parse_env(r, env);
    }
    if (status == 0 && !s->help) {
        status = parse_config(r);
    }
    if (status == 0) {
        store_all(r);
    }
    mem_free(r);
    return status;
}

void settings_release(struct settings *s)
{
    for (size_t i = 0; i < s->owned_count; i++) {
        buf_release(&s->owned[i]);
    }
    mem_free(s->owned);
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

int settings_check(const struct settings *s, struct err *err)
{
    if (strcmp(s->produce, "raw") == 0) {
        return err_set(err, ERR_UNSUPPORTED, "-produce raw is not in this version; sample is");
    }
    if (strcmp(s->produce, "sample") != 0) {
        return err_set(err, ERR_INVALID, "-produce \"%.50s\": no such producer (sample)",
                       s->produce);
    }
    if (strcmp(s->format, "ecs") == 0) {
        return err_set(err, ERR_UNSUPPORTED,
                       "-format ecs is not in this version; json, text and bin are");
    }
    if (strcmp(s->transport, "kafka") == 0) {
        return err_set(err, ERR_UNSUPPORTED, "-transport kafka is not in this version; file is");
    }
    if (strcmp(s->transport, "file") != 0) {
        return err_set(err, ERR_INVALID, "-transport \"%.50s\": no such transport (file)",
                       s->transport);
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
    return is_range(err, "err.cnt", s->err_cnt, 0, INT64_MAX) ? 0 : err->status;
}

// --- For people --------------------------------------------------------------------------------

static const char *const TYPE_TEXTS[] = {
    [TYPE_TEXT] = "TEXT", [TYPE_BOOL] = "", [TYPE_INT] = "N", [TYPE_DURATION] = "TIME"
};

static const char *default_of(const struct option *o, bool goflow2)
{
    const char *text = goflow2 && o->goflow2_value != NULL ? o->goflow2_value : o->value;
    return strcmp(text, "\n") == 0 || o->type == TYPE_BOOL ? "" : text;
}

/// The options of a command, section by section.
static void print_options(const struct settings *s, enum command command, struct buf *out)
{
    const char *section = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        if ((o->commands >> command & 1) == 0) {
            continue;
        }
        if (strcmp(section, o->section) != 0) {
            section = o->section;
            buf_printf(out, "\n%s\n", section);
        }
        size_t before = out->size;
        buf_printf(out, "  -%s %s", o->name, TYPE_TEXTS[o->type]);
        const char *value = default_of(o, s->goflow2);
        size_t width = out->size - before;
        if (width > 30) {
            buf_append_text(out, "\n");
            width = 0;
        }
        buf_printf(out, "%*s%s", (int)(32 - width), "", o->help);
        if (value[0] != '\0') {
            buf_printf(out, "\n%34s(default %s)", "", value);
        }
        buf_append_text(out, "\n");
    }
}

void options_print_usage(const struct settings *s, struct buf *out)
{
    enum command command = s->command;
    for (enum command c = 0; command == COMMAND_HELP && c < COMMAND_COUNT; c++) {
        if (s->arg_count > 0 && strcmp(s->args[0], COMMANDS[c].name) == 0) {
            command = c;
        }
    }
    if (s->goflow2) {
        buf_append_text(out, "Usage of goflow2 (weir):\n");
        print_options(s, COMMAND_RUN, out);
        return;
    }
    if (command == COMMAND_RUN || command == COMMAND_HELP) {
        buf_append_text(out, "weir takes flow records from routers and switches to where people "
                             "search them.\n\n");
        for (enum command c = 0; c < COMMAND_COUNT; c++) {
            buf_printf(out, "  weir %-9s%-16s %s\n", COMMANDS[c].name, COMMANDS[c].arguments,
                       COMMANDS[c].help);
        }
        command = COMMAND_RUN;
    } else {
        buf_printf(out, "weir %s %s: %s\n", COMMANDS[command].name, COMMANDS[command].arguments,
                   COMMANDS[command].help);
    }
    print_options(s, command, out);
    buf_append_text(out, "\nFlags are -name value or -name=value. Each can also stand in the file "
                         "of -config, or in\nthe environment: -transport.file is "
                         "WEIR_TRANSPORT_FILE. Called goflow2, weir has its defaults.\n");
}

void options_print_markdown(struct buf *out)
{
    buf_append_text(out,
                    "# Reference\n\nMade from the option table by `make docs`.\n\n## Commands\n\n"
                    "| command | what it does |\n|---|---|\n");
    for (enum command c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "| `weir %s%s%s` | %s |\n", COMMANDS[c].name,
                   COMMANDS[c].arguments[0] == '\0' ? "" : " ", COMMANDS[c].arguments,
                   COMMANDS[c].help);
    }
    const char *section = "";
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &OPTIONS[i];
        if (strcmp(section, o->section) != 0) {
            section = o->section;
            buf_printf(out,
                       "\n## %s\n\n| option | default | under the name goflow2 | commands | "
                       "meaning |\n|---|---|---|---|---|\n",
                       section);
        }
        const char *value = default_of(o, false);
        const char *goflow2_value = default_of(o, true);
        const char *tick = value[0] == '\0' ? "" : "`";
        bool same = strcmp(value, goflow2_value) == 0;
        buf_printf(out, "| `-%s` | %s%s%s | %s%s%s |", o->name, tick, value, tick, same ? "" : "`",
                   same ? "" : goflow2_value, same ? "" : "`");
        for (enum command c = 0; c < COMMAND_COUNT; c++) {
            if ((o->commands >> c & 1) != 0) {
                buf_printf(out, " %s", COMMANDS[c].name);
            }
        }
        buf_printf(out, " | %s |\n", o->help);
    }
}

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

void options_print_man(struct buf *out)
{
    buf_append_text(out, ".\\\" Made from the option table by make docs.\n.TH WEIR 1\n.SH NAME\n"
                         "weir \\- takes flow records to where people search them\n.SH SYNOPSIS\n");
    for (enum command c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, "%s.B weir %s\n", c == 0 ? "" : ".br\n", COMMANDS[c].name);
        append_troff(out, COMMANDS[c].arguments);
        buf_append_text(out, COMMANDS[c].arguments[0] == '\0' ? "" : "\n");
    }
    buf_append_text(out, ".SH COMMANDS\n");
    for (enum command c = 0; c < COMMAND_COUNT; c++) {
        buf_printf(out, ".TP\n.B %s\n", COMMANDS[c].name);
        append_troff(out, COMMANDS[c].help);
        buf_append_text(out, "\n");
    }
    buf_append_text(out,
                    ".SH OPTIONS\nA flag is \\fB\\-name value\\fR or \\fB\\-name=value\\fR. "
                    "Each can also stand in the file of \\fB\\-config\\fR, or in the "
                    "environment: \\fB\\-transport.file\\fR is \\fBWEIR_TRANSPORT_FILE\\fR.\n");
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *value = default_of(&OPTIONS[i], false);
        buf_printf(out, ".TP\n\\fB\\-%s\\fR %s\n", OPTIONS[i].name, TYPE_TEXTS[OPTIONS[i].type]);
        append_troff(out, OPTIONS[i].help);
        if (value[0] != '\0') {
            buf_append_text(out, " (default ");
            append_troff(out, value);
            buf_append_text(out, ")");
        }
        buf_append_text(out, "\n");
    }
    buf_append_text(out,
                    ".SH SIGNALS\nSIGHUP reopens the output file. SIGTERM and SIGINT end the "
                    "program when all that was received is delivered.\n.SH EXIT STATUS\n"
                    "0 done; 1 could not run; 2 bad usage; 3 (replay) finished, but some input "
                    "was bad.\n");
}
