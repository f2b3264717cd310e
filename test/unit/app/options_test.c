// SPDX-License-Identifier: Apache-2.0
#include "app/options.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"

enum { ARGS_MAX = 16 };

/// Parses a line of arguments, blanks between; `env` may be NULL.
static int parse(const char *line, char **env, struct settings *s, struct err *err)
{
    static char copy[1024];
    char *argv[ARGS_MAX] = { NULL };
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    char *rest = copy;
    for (char *arg; (arg = strsep(&rest, " ")) != NULL && argc < ARGS_MAX;) {
        argv[argc++] = arg;
    }
    *err = (struct err){ 0 };
    return options_parse(argc, argv, env, s, err);
}

static void refused(const char *line, const char *message)
{
    struct settings s;
    struct err err;
    assert_int_equal(parse(line, NULL, &s, &err), ERR_USAGE);
    assert_string_equal(err.text, message);
    settings_release(&s);
}

static void defaults_follow_the_name(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    assert_int_equal(parse("/usr/bin/weir", NULL, &s, &err), 0);
    assert_false(s.goflow2);
    assert_string_equal(s.listen, "sflow://:6343");
    assert_string_equal(s.addr, "127.0.0.1:8080");
    settings_release(&s);
    assert_int_equal(parse("./goflow2 -v stop -format text", NULL, &s, &err), 0);
    assert_true(s.goflow2);
    assert_true(s.version);
    assert_string_equal(s.listen, "sflow://:6343,netflow://:2055");
    assert_string_equal(s.addr, ":8080");
    assert_string_equal(s.format, "json"); // the first argument that is no flag ends them
    assert_int_equal(s.arg_count, 3);
    settings_release(&s);
}

static void flags_as_go_reads_them(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    assert_int_equal(parse("goflow2 -format=text --err.cnt 0x10 -err.int=1m30s -format bin "
                           "-transport.kafka.tls -transport.file.sep= -- -v",
                           NULL, &s, &err),
                     0);
    assert_string_equal(s.format, "bin"); // the last wins
    assert_int_equal(s.err_cnt, 16);
    assert_int_equal(s.err_int_ns, 90 * NS_PER_S);
    assert_true(s.kafka_tls);
    assert_string_equal(s.transport_file_sep, "");
    assert_int_equal(s.arg_count, 1);
    settings_release(&s);
    assert_int_equal(parse("weir replay -port 6343 a.pcap b.pcap", NULL, &s, &err), 0);
    assert_int_equal(s.command, COMMAND_REPLAY);
    assert_int_equal(s.arg_count, 2);
    settings_release(&s);
    assert_int_equal(parse("weir -h", NULL, &s, &err), 0);
    assert_true(s.help);
    settings_release(&s);
}

static void own_options_say_what_is_expected(void **state)
{
    (void)state;
    refused("weir setup -keep 3",
            "invalid value \"3\" for flag -keep: parse error, expected a number with a unit, such "
            "as 10s, 5m, 12h or 90d");
    refused("weir import -since yesterday a.log",
            "invalid value \"yesterday\" for flag -since: parse error, expected 2026-01-31 or "
            "2026-01-31T12:00:00Z");
    refused("weir import -import.line_max big a.log",
            "invalid value \"big\" for flag -import.line_max: parse error, expected bytes, such as "
            "65536, 64k, 4m or 50GB");
}

static void errors_are_gos(void **state)
{
    (void)state;
    refused("goflow2 -bogus", "flag provided but not defined: -bogus");
    refused("goflow2 -err.cnt abc", "invalid value \"abc\" for flag -err.cnt: parse error");
    refused("goflow2 -err.cnt 99999999999999999999",
            "invalid value \"99999999999999999999\" for flag -err.cnt: value out of range");
    refused("goflow2 -err.int 10", "invalid value \"10\" for flag -err.int: parse error");
    refused("goflow2 -v=x", "invalid boolean value \"x\" for -v: parse error");
    refused("goflow2 -listen", "flag needs an argument: -listen");
    refused("goflow2 ---x", "bad flag syntax: ---x");
    refused("weir -fromat json",
            "flag provided but not defined: -fromat; did you mean \"format\"?");
    refused("weir replai", "unknown command \"replai\"; did you mean \"replay\"?");
    refused(
        "weir import",
        "weir import needs a FILE, a log that goflow2 wrote (plain, .gz, .zst), a .parquet file "
        "of weir's, or - for standard input");
    refused("weir backup", "weir backup needs a FILE, which is made and must not be there yet");
    refused("weir backup a b", "unexpected argument \"b\": backup has one FILE");
    refused("weir query port:53 -n 5", "flags go first: -n before \"port:53\"");
    refused("weir generate -format json",
            "flag provided but not defined: -format; it is a flag of weir run");
    refused("goflow2 -templates.ttl 5m", "flag provided but not defined: -templates.ttl; it is "
                                         "goflow2 v3's and comes with NetFlow in a later version");
    refused("goflow2 -err.cnt \x1b\"",
            "invalid value \"\\x1b\\\"\" for flag -err.cnt: parse error");
}

static void arguments_have_their_place(void **state)
{
    (void)state;
    refused("weir -format json replay x", "the command goes first: weir replay [FLAGS]");
    refused("weir check x", "unexpected argument \"x\"");
    refused("weir -format json x", "unexpected argument \"x\"");
    refused("weir replay", "weir replay needs a FILE, a pcap or pcapng capture");
    refused("weir replay a.pcap -format=text", "flags go first: -format=text before \"a.pcap\"");
    refused("weir generate", "weir generate needs a URL: udp://HOST:PORT or pcap://FILE");
    refused("weir generate a b", "unexpected argument \"b\": generate has one URL");
    refused("weir generate a -b", "unexpected argument \"-b\": generate has one URL");
    refused("weir generate a -seed 3", "flags go first: -seed before \"a\"");
    refused("weir help wier", "unknown command \"wier\"");
}

static const char *config_file(const char *text)
{
    static char path[] = "/tmp/weir-options-test-XXXXXX";
    static bool made;
    if (!made) {
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        made = true;
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static int parse_with(const char *config, const char *flags, char **env, struct settings *s,
                      struct err *err)
{
    char line[512];
    snprintf(line, sizeof(line), "weir -config %s%s", config_file(config), flags);
    return parse(line, env, s, err);
}

static void flag_before_environment_before_file(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    char format[] = "WEIR_FORMAT=text";
    char file[] = "WEIR_TRANSPORT_FILE=/env";
    char other[] = "WEIRD=1";
    char *env[] = { format, file, other, NULL };
    const char *config = "format: bin\n"
                         "transport.file: /file\n"
                         "transport.file.sep: ''\n"
                         "listen: [sflow://:1, sflow://:2]\n"
                         "err: {cnt: 5, int: 1s}\n"
                         "transport.kafka.tls.ca: x\n";
    assert_int_equal(parse_with(config, " -format json", env, &s, &err), 0);
    assert_string_equal(s.format, "json");
    assert_string_equal(s.transport_file, "/env");
    assert_string_equal(s.transport_file_sep, "");
    assert_string_equal(s.listen, "sflow://:1,sflow://:2");
    assert_int_equal(s.sources[OPTION_LISTEN], SOURCE_FILE);
    assert_int_equal(s.sources[OPTION_FORMAT], SOURCE_FLAG);
    assert_int_equal(s.sources[OPTION_TRANSPORT_FILE], SOURCE_ENVIRONMENT);
    assert_int_equal(s.sources[OPTION_ADDR], SOURCE_DEFAULT);
    assert_string_equal(buf_text(&s.warnings), "");
    assert_int_equal(s.err_cnt, 5);
    assert_int_equal(s.err_int_ns, NS_PER_S);
    settings_release(&s);
}

static void wrong_file(const char *config, const char *message)
{
    struct settings s;
    struct err err;
    assert_int_equal(parse_with(config, "", NULL, &s, &err), ERR_INVALID);
    const char *place = strchr(err.text, ':');
    assert_non_null(place);
    assert_string_equal(place, message);
    settings_release(&s);
}

static void a_wrong_file_says_where(void **state)
{
    (void)state;
    wrong_file("format: json\nlistn: x\n",
               ":2:1: unknown option \"listn\"; did you mean \"listen\"?");
    wrong_file("err: {cnt: many}\n", ":1:12: err.cnt: expected a whole number, not \"many\"");
    wrong_file("err: {int: 5}\n",
               ":1:12: err.int: expected a time such as 10s or 1m30s, not \"5\"");
    wrong_file("transport.kafka.tls: yes\n",
               ":1:22: transport.kafka.tls: expected true or false, not \"yes\"");
    wrong_file("err.cnt: 99999999999999999999\n",
               ":1:10: err.cnt: expected a number in range, not \"99999999999999999999\"");
    wrong_file("transport: {file: x}\n",
               ":1:12: transport has a value of its own: write names below it in full, as in "
               "\"transport.file: flows.log\"");
    wrong_file("err: {cnt: 1}\nerr.cnt: 2\n", ":2:1: err.cnt is set twice in this file");
    wrong_file("listen: [[a]]\n", ":1:9: listen: expected a value or a list of values");
    wrong_file("config: other.yaml\n", ":1:1: config belongs on the command line");
    wrong_file("a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}\n",
               ":1:25: unknown option \"a.b.c.d.e.f.g\"");
    wrong_file("- a\n", ":1:1: expected options, such as \"format: json\"");
    struct settings s;
    struct err err;
    assert_int_equal(parse("weir -config /nowhere", NULL, &s, &err), ERR_IO);
    settings_release(&s);
    // What the file says is checked also where a flag counts more.
    assert_int_equal(parse_with("err.cnt: x\n", " -err.cnt 1", NULL, &s, &err), ERR_INVALID);
    settings_release(&s);
    unlink(config_file(""));
}

static void the_environment_is_checked(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    char bad[] = "WEIR_ERR_CNT=many";
    char slip[] = "WEIR_FROMAT=text";
    char other[] = "WEIR_SERVICE_HOST=10.0.0.1"; // what Kubernetes sets for a service
    char port[] = "WEIR_PORT=tcp://10.0.0.1:80"; // likewise, and no option of weir run
    char *env[] = { bad, NULL };
    assert_int_equal(parse("weir", env, &s, &err), ERR_INVALID);
    assert_string_equal(err.text,
                        "WEIR_ERR_CNT=\"many\" in the environment: expected a whole number");
    settings_release(&s);
    char *odd[] = { slip, other, port, NULL };
    assert_int_equal(parse("weir", odd, &s, &err), 0);
    assert_string_equal(s.format, "json");
    assert_string_equal(buf_text(&s.warnings), "WEIR_FROMAT in the environment is no option; did "
                                               "you mean WEIR_FORMAT?\n");
    settings_release(&s);
    // Help and version come whatever stands there.
    static const char *const LINES[] = { "weir help", "weir version", "weir -h",
                                         "weir -v",   "goflow2 -v",   "weir replay -h" };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        assert_int_equal(parse(LINES[i], env, &s, &err), 0);
        settings_release(&s);
    }
    assert_int_equal(parse("weir -v=false", env, &s, &err), ERR_INVALID);
    settings_release(&s);
}

static void negative_means_never_mute(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    assert_int_equal(parse("goflow2 -err.cnt -5 -err.int -5s", NULL, &s, &err), 0);
    assert_int_equal(s.err_cnt, -5);
    assert_int_equal(s.err_int_ns, 0);
    settings_release(&s);
    refused("weir generate -duration -5s udp://x:1",
            "invalid value \"-5s\" for flag -duration: value out of range");
}

static void what_is_not_there_yet(void **state)
{
    (void)state;
    static const char *const LINES[][2] = {
        { "weir -produce raw", "-produce raw is not in this version; sample is" },
        { "weir -produce x", "-produce \"x\": no such producer (sample)" },
        { "weir generate -flows 33 udp://x:1", "-flows 33: must be from 1 to 32" },
    };
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        struct settings s;
        struct err err;
        assert_int_equal(parse(LINES[i][0], NULL, &s, &err), 0);
        assert_int_not_equal(settings_check(&s, &err), 0);
        assert_string_equal(err.text, LINES[i][1]);
        settings_release(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_follow_the_name),
        cmocka_unit_test(flags_as_go_reads_them),
        cmocka_unit_test(errors_are_gos),
        cmocka_unit_test(own_options_say_what_is_expected),
        cmocka_unit_test(arguments_have_their_place),
        cmocka_unit_test(the_environment_is_checked),
        cmocka_unit_test(negative_means_never_mute),
        cmocka_unit_test(flag_before_environment_before_file),
        cmocka_unit_test(a_wrong_file_says_where),
        cmocka_unit_test(what_is_not_there_yet),
    };
    return UNIT_MAIN("app/options", tests);
}
