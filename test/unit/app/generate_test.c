// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "app/commands.h"
#include "base/clock.h"
#include "base/log.h"
#include "source/pcap.h"
#include "source/udp.h"

enum { PORT_FIRST = 21340, PORTS = 20 };

/// What -name value ... would give, with `target` behind it.
static int generate(const struct settings *given, const char *target)
{
    char copy[128];
    snprintf(copy, sizeof(copy), "%s", target);
    char *args[] = { copy, NULL };
    struct settings s = *given;
    s.command = COMMAND_GENERATE;
    s.args = args;
    s.arg_count = 1;
    s.produce = "sample";
    s.format = "json";
    s.transport = "file";
    return generate_command(&s);
}

static struct settings settings_of(int64_t rate, int64_t count, int64_t exporters)
{
    return (struct settings){ .rate = rate,
                              .count = count,
                              .exporters = exporters,
                              .flows = 3,
                              .ipv6 = 30,
                              .expanded = 30,
                              .counters = 20,
                              .seed = 1 };
}

struct temporary {
    char path[64];
};

static struct temporary temporary(void)
{
    struct temporary t = { .path = "/tmp/weir-generate-XXXXXX.pcap" };
    int fd = mkstemps(t.path, 5);
    assert_true(fd >= 0);
    close(fd);
    return t;
}

static size_t slurp(const char *path, uint8_t *bytes, size_t size_max)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(bytes, 1, size_max, file);
    fclose(file);
    assert_true(size < size_max);
    return size;
}

static void captures_repeat(void **state)
{
    (void)state;
    enum { ROOM = 1 << 20 };
    static uint8_t bytes[2][ROOM];
    size_t sizes[2];
    struct settings s = settings_of(1000, 200, 5);
    for (int i = 0; i < 2; i++) {
        struct temporary t = temporary();
        char target[80];
        snprintf(target, sizeof(target), "%s%s", i == 0 ? "pcap://" : "", t.path);
        assert_int_equal(generate(&s, target), EXIT_DONE);
        sizes[i] = slurp(t.path, bytes[i], ROOM);
        unlink(t.path);
    }
    assert_true(sizes[0] > 200 * 500);
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
}

/// How many datagrams a capture has, and the time between the first and the last.
static size_t count_capture(const struct settings *s, uint64_t *ret_span_ns)
{
    struct temporary t = temporary();
    assert_int_equal(generate(s, t.path), EXIT_DONE);
    struct pcap_settings pcap = { .path = t.path };
    struct pcap_source *source;
    struct err err;
    struct chunk chunk;
    size_t count = 0;
    uint64_t first_ns = 0;
    assert_int_equal(pcap_source_open(&pcap, &source, &err), 0);
    for (; pcap_source_next(source, &chunk, &err); count++) {
        first_ns = count == 0 ? chunk.received_ns : first_ns;
        *ret_span_ns = chunk.received_ns - first_ns;
    }
    assert_int_equal(err.status, 0);
    pcap_source_close(source);
    unlink(t.path);
    return count;
}

static void lengths_of_captures(void **state)
{
    (void)state;
    uint64_t span_ns;
    struct settings s = settings_of(100, 0, 3);
    assert_int_equal(count_capture(&s, &span_ns), 1000);
    assert_int_equal(span_ns, 9990 * NS_PER_MS);
    s.duration_ns = 2500 * NS_PER_MS;
    assert_int_equal(count_capture(&s, &span_ns), 250);
    assert_int_equal(span_ns, 2490 * NS_PER_MS);
    s.count = 7;
    assert_int_equal(count_capture(&s, &span_ns), 7);
    s = settings_of(0, 50, 1);
    assert_int_equal(count_capture(&s, &span_ns), 50);
}

static struct udp_socket *listen_somewhere(uint16_t *ret_port)
{
    struct udp_settings udp = { .host = "127.0.0.1", .count = 1, .receive_buffer = 4 << 20 };
    struct udp_socket *socket;
    struct err err;
    for (int i = 0; i < PORTS; i++) {
        udp.port = (uint16_t)(PORT_FIRST + (getpid() + i) % PORTS);
        if (udp_open(&udp, &socket, &err) == 0) {
            *ret_port = udp.port;
            return socket;
        }
    }
    fail_msg("%s", err.text);
    return NULL;
}

/// Each exporter has an address of its own, and its datagrams are those of a capture.
static void udp_sends_what_a_capture_holds(void **state)
{
    (void)state;
    enum { COUNT = 300, EXPORTERS = 4 };
    struct settings s = settings_of(10000, COUNT, EXPORTERS);
    uint16_t port;
    struct udp_socket *socket = listen_somewhere(&port);
    char target[64];
    snprintf(target, sizeof(target), "udp://127.0.0.1:%u", port);
    assert_int_equal(generate(&s, target), EXIT_DONE);

    struct temporary t = temporary();
    assert_int_equal(generate(&s, t.path), EXIT_DONE);
    static struct {
        uint8_t bytes[2000];
        size_t size;
    } captured[COUNT];
    struct pcap_settings pcap = { .path = t.path };
    struct pcap_source *source;
    struct err err;
    struct chunk chunk;
    assert_int_equal(pcap_source_open(&pcap, &source, &err), 0);
    for (size_t n = 0; n < COUNT; n++) {
        assert_true(pcap_source_next(source, &chunk, &err));
        assert_true(chunk.size <= sizeof(captured[n].bytes));
        memcpy(captured[n].bytes, chunk.data, chunk.size);
        captured[n].size = chunk.size;
    }
    pcap_source_close(source);
    unlink(t.path);

    static struct chunk chunks[RECV_MESSAGES_MAX];
    size_t next[EXPORTERS] = { 0, 1, 2, 3 };
    size_t received = 0;
    for (size_t got; received < COUNT && (got = udp_receive(socket, 1000, chunks)) > 0;
         received += got) {
        for (size_t i = 0; i < got; i++) {
            assert_in_range(chunks[i].peer.bytes[3], 1, EXPORTERS);
            size_t exporter = chunks[i].peer.bytes[3] - 1U;
            size_t n = next[exporter];
            assert_true(n < COUNT);
            assert_int_equal(chunks[i].size, captured[n].size);
            assert_memory_equal(chunks[i].data, captured[n].bytes, captured[n].size);
            next[exporter] += EXPORTERS;
        }
    }
    assert_int_equal(received, COUNT);
    udp_close(socket);
}

static void the_rate_is_held(void **state)
{
    (void)state;
    struct settings s = settings_of(200, 60, 2);
    uint16_t port;
    struct udp_socket *socket = listen_somewhere(&port);
    char target[64];
    snprintf(target, sizeof(target), "udp://127.0.0.1:%u", port);
    uint64_t begin_ns = clock_mono_ns();
    assert_int_equal(generate(&s, target), EXIT_DONE);
    assert_true(clock_mono_ns() - begin_ns >= 295 * NS_PER_MS); // the 60th is due then
    s.rate = 0;
    s.count = 0;
    s.duration_ns = 50 * NS_PER_MS;
    begin_ns = clock_mono_ns();
    assert_int_equal(generate(&s, target), EXIT_DONE);
    assert_true(clock_mono_ns() - begin_ns >= 50 * NS_PER_MS);
    udp_close(socket);
}

static void nobody_listening_is_no_failure(void **state)
{
    (void)state;
    struct settings s = settings_of(0, 500, 2);
    uint16_t port;
    udp_close(listen_somewhere(&port));
    char target[64];
    snprintf(target, sizeof(target), "udp://127.0.0.1:%u", port);
    assert_int_equal(generate(&s, target), EXIT_DONE);
}

/// A pending signal ends it at once, with nothing to wait for but the next datagram.
static void signals_end_it(void **state)
{
    (void)state;
    struct settings s = settings_of(1, 0, 1);
    uint16_t port;
    struct udp_socket *socket = listen_somewhere(&port);
    char target[64];
    snprintf(target, sizeof(target), "udp://127.0.0.1:%u", port);
    raise(SIGTERM); // the tests before have it blocked
    uint64_t begin_ns = clock_mono_ns();
    assert_int_equal(generate(&s, target), EXIT_DONE);
    assert_true(clock_mono_ns() - begin_ns < NS_PER_S);
    udp_close(socket);
}

static void what_cannot_be_done_is_told(void **state)
{
    (void)state;
    struct settings s = settings_of(0, 10, 1);
    assert_int_equal(generate(&s, "tcp://127.0.0.1:1"), EXIT_USAGE);
    assert_int_equal(generate(&s, "udp://127.0.0.1"), EXIT_USAGE);
    assert_int_equal(generate(&s, "udp://:6343"), EXIT_USAGE);
    assert_int_equal(generate(&s, "udp://::1:6343"), EXIT_USAGE);
    assert_int_equal(generate(&s, "udp://127.0.0.1:no-such-service"), EXIT_CANNOT_RUN);
    assert_int_equal(generate(&s, "pcap:///nonexistent/x.pcap"), EXIT_CANNOT_RUN);
    assert_int_equal(generate(&s, "pcap:///dev/full"), EXIT_CANNOT_RUN);
    s.exporters = 251;
    assert_int_equal(generate(&s, "udp://127.0.0.1:6343"), EXIT_CANNOT_RUN);
    s.exporters = 1;
    s.flows = 33;
    assert_int_equal(generate(&s, "udp://127.0.0.1:6343"), EXIT_CANNOT_RUN);
}

int main(void)
{
    log_set_up(100, false); // the messages are looked at elsewhere
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_repeat),
        cmocka_unit_test(lengths_of_captures),
        cmocka_unit_test(udp_sends_what_a_capture_holds),
        cmocka_unit_test(the_rate_is_held),
        cmocka_unit_test(nobody_listening_is_no_failure),
        cmocka_unit_test(signals_end_it),
        cmocka_unit_test(what_cannot_be_done_is_told),
    };
    return UNIT_MAIN("app/generate", tests);
}
