// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit.h"
#include "app/capture.h"
#include "app/commands.h"
#include "app/synth.h"
#include "base/log.h"

enum { FLOWS = 4, DATAGRAMS = 100, ARGS_MAX = 16 };

static char directory[64];

static const char *in_directory(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
    return path;
}

static void write_datagram(struct capture *c, uint16_t port, const void *data, size_t size)
{
    const uint8_t host[4] = { 192, 0, 2, 1 };
    struct capture_datagram d = { .src = addr_v4(host),
                                  .dst = addr_v4(host),
                                  .src_port = 50000,
                                  .dst_port = port,
                                  .data = data,
                                  .size = size,
                                  .time_ns = UINT64_C(1700000000000000000) };
    struct err err;
    assert_int_equal(capture_write(c, &d, &err), 0);
}

/// A capture with sFlow to 6343 and between it what else is on a wire.
static void make_mixed(const char *name, bool with_bad)
{
    static struct synth s;
    static uint8_t bytes[SYNTH_DATAGRAM_SIZE_MAX];
    struct synth_settings settings = { .seed = 5, .exporters = 1, .flows = FLOWS };
    struct capture *c;
    struct err err;
    synth_init(&s, &settings);
    assert_int_equal(capture_create(in_directory(name), &c, &err), 0);
    for (uint32_t n = 0; n < DATAGRAMS; n++) {
        write_datagram(c, 6343, bytes, synth_datagram(&s, 0, n, bytes));
        write_datagram(c, 53, "\xab\xcd\x01\0\0\1\0\0\0\0\0\0", 12);
        write_datagram(c, 5000, "", 0);
    }
    if (with_bad) {
        write_datagram(c, 6343, "\0\0\0\5\0\0\0\1\xc0", 9); // the beginning of an sFlow header
    }
    assert_int_equal(capture_finish(c, &err), 0);
    capture_free(c);
}

/// Runs weir replay with these arguments; returns the exit code and the lines it wrote.
static int replay(const char *const *given, size_t *ret_lines)
{
    char *argv[ARGS_MAX] = { strdup("weir"), strdup("replay"), strdup("-transport.file"),
                             strdup(in_directory("out.json")) };
    int argc = 4;
    for (; *given != NULL; given++) {
        argv[argc++] = strdup(*given);
    }
    struct settings settings;
    struct err err;
    unlink(in_directory("out.json"));
    assert_int_equal(options_parse(argc, argv, NULL, &settings, &err), 0);
    int code = replay_command(&settings);
    settings_release(&settings);
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
    FILE *file = fopen(in_directory("out.json"), "r");
    *ret_lines = 0;
    for (int c; file != NULL && (c = fgetc(file)) != EOF;) {
        *ret_lines += c == '\n';
    }
    if (file != NULL) {
        fclose(file);
    }
    return code;
}

#define REPLAY(ret_lines, ...) replay((const char *const[]){ __VA_ARGS__, NULL }, ret_lines)

static void mixed_captures_are_fine(void **state)
{
    (void)state;
    size_t lines;
    make_mixed("mixed.pcap", false);
    assert_int_equal(REPLAY(&lines, in_directory("mixed.pcap")), EXIT_DONE);
    assert_int_equal(lines, FLOWS * DATAGRAMS);
    assert_int_equal(REPLAY(&lines, "-port", "6343", in_directory("mixed.pcap")), EXIT_DONE);
    assert_int_equal(lines, FLOWS * DATAGRAMS);
    assert_int_equal(REPLAY(&lines, "-port", "2055", in_directory("mixed.pcap")), EXIT_DONE);
    assert_int_equal(lines, 0);
    // Who names a port says that flow data is there.
    assert_int_equal(REPLAY(&lines, "-port", "6343,53", in_directory("mixed.pcap")),
                     EXIT_BAD_INPUT);
    assert_int_equal(lines, FLOWS * DATAGRAMS);
}

static void bad_flow_data_is_told(void **state)
{
    (void)state;
    size_t lines;
    make_mixed("bad.pcap", true);
    assert_int_equal(REPLAY(&lines, in_directory("bad.pcap")), EXIT_BAD_INPUT);
    assert_int_equal(lines, FLOWS * DATAGRAMS);
}

/// What is there of a broken file is read, and the next file too.
static void broken_files_are_told(void **state)
{
    (void)state;
    size_t lines;
    struct stat status;
    make_mixed("whole.pcap", false);
    make_mixed("short.pcap", false);
    assert_int_equal(stat(in_directory("short.pcap"), &status), 0);
    assert_int_equal(truncate(in_directory("short.pcap"), status.st_size - 1), 0);
    assert_int_equal(REPLAY(&lines, in_directory("short.pcap"), in_directory("whole.pcap")),
                     EXIT_BAD_INPUT);
    assert_int_equal(lines, 2 * FLOWS * DATAGRAMS);
    assert_int_equal(REPLAY(&lines, in_directory("none.pcap"), in_directory("short.pcap"),
                            in_directory("whole.pcap")),
                     EXIT_CANNOT_RUN);
    assert_int_equal(lines, 2 * FLOWS * DATAGRAMS);
}

static void bad_usage_is_told(void **state)
{
    (void)state;
    size_t lines;
    assert_int_equal(REPLAY(&lines, "-port", "6343x", in_directory("mixed.pcap")), EXIT_CANNOT_RUN);
    assert_int_equal(REPLAY(&lines, "-port", "65536", in_directory("mixed.pcap")), EXIT_CANNOT_RUN);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/weir-replay-test.XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const NAMES[] = { "mixed.pcap", "bad.pcap", "short.pcap", "whole.pcap",
                                         "out.json" };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        unlink(in_directory(NAMES[i]));
    }
    return rmdir(directory);
}

int main(void)
{
    log_set_up(100, false); // the messages are looked at elsewhere
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixed_captures_are_fine),
        cmocka_unit_test(bad_flow_data_is_told),
        cmocka_unit_test(broken_files_are_told),
        cmocka_unit_test(bad_usage_is_told),
    };
    return cmocka_run_group_tests_name("app/replay", tests, set_up, tear_down);
}
