// SPDX-License-Identifier: Apache-2.0
#include "app/capture.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/checksum.h"
#include "base/rd.h"
#include "source/pcap.h"

enum { SIZE_MAX_UDP = 65507, TIME = 123456789 };

static uint8_t payload[SIZE_MAX_UDP];

static void make_path(char path[static 64])
{
    snprintf(path, 64, "/tmp/weir-capture-test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

static struct capture_datagram datagram(bool ipv6, size_t size)
{
    const uint8_t v4[4] = { 192, 0, 2, 1 };
    const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    struct capture_datagram d = { .src = ipv6 ? addr_v6(v6) : addr_v4(v4),
                                  .src_port = 50000,
                                  .dst_port = 6343,
                                  .data = payload,
                                  .size = size,
                                  .time_ns = UINT64_C(1700000000000000000) + TIME };
    d.dst = d.src;
    d.dst.bytes[d.dst.size - 1] = 254;
    return d;
}

static void write_one(const char *path, const struct capture_datagram *d)
{
    struct capture *c;
    struct err err;
    assert_int_equal(capture_create(path, &c, &err), 0);
    assert_int_equal(capture_write(c, d, &err), 0);
    assert_int_equal(capture_finish(c, &err), 0);
    capture_free(c);
}

/// Reads a file of one datagram back; returns how many frames it took.
static uint64_t read_one(const char *path, const struct capture_datagram *d)
{
    struct pcap_settings settings = { .path = path };
    struct pcap_source *s;
    struct err err;
    struct chunk chunk;
    assert_int_equal(pcap_source_open(&settings, &s, &err), 0);
    assert_true(pcap_source_next(s, &chunk, &err));
    assert_int_equal(chunk.size, d->size);
    assert_memory_equal(chunk.data, d->data, d->size);
    assert_true(addr_equal(&chunk.peer, &d->src));
    assert_int_equal(chunk.peer_port, d->src_port);
    assert_int_equal(chunk.received_ns, d->time_ns);
    assert_false(pcap_source_next(s, &chunk, &err));
    assert_int_equal(err.status, 0);
    struct pcap_stats stats = pcap_source_stats(s);
    assert_int_equal(pcap_stats_difference(&stats), 0);
    assert_int_equal(stats.outcomes[PCAP_DATAGRAM] + stats.outcomes[PCAP_FRAGMENT], stats.frames);
    pcap_source_close(s);
    return stats.frames;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t v4_frames;
        uint64_t v6_frames;
    } CASES[] = {
        { 0, 1, 1 },    { 1, 1, 1 },    { 1452, 1, 1 }, { 1453, 1, 2 },
        { 1472, 1, 2 }, { 1473, 2, 2 }, { 2888, 2, 2 }, { 2889, 2, 3 },
        { 2952, 2, 3 }, { 2953, 3, 3 }, { 9000, 7, 7 }, { SIZE_MAX_UDP, 45, 46 },
    };
    char path[64];
    make_path(path);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        for (int ipv6 = 0; ipv6 < 2; ipv6++) {
            struct capture_datagram d = datagram(ipv6 == 1, CASES[i].size);
            write_one(path, &d);
            assert_int_equal(read_one(path, &d),
                             ipv6 == 1 ? CASES[i].v6_frames : CASES[i].v4_frames);
        }
    }
    unlink(path);
}

/// Checksums by hand: nothing that reads captures here looks at them.
static void checksums_are_right(void **state)
{
    (void)state;
    char path[64];
    make_path(path);
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        for (size_t size = 0; size < 9; size++) {
            struct capture_datagram d = datagram(ipv6 == 1, size);
            write_one(path, &d);
            uint8_t bytes[256];
            FILE *file = fopen(path, "r");
            assert_non_null(file);
            size_t got = fread(bytes, 1, sizeof(bytes), file);
            fclose(file);
            size_t ip_size = ipv6 == 1 ? 40 : 20;
            const uint8_t *ip = bytes + 24 + 16 + 14;
            const uint8_t *udp = ip + ip_size;
            assert_int_equal(got, 24 + 16 + 14 + ip_size + 8 + size);
            if (ipv6 == 0) {
                assert_int_equal(checksum_fold(checksum_add(0, ip, 20)), 0);
            }
            uint32_t sum = 17 + be16(udp + 4);
            sum = checksum_add(sum, d.src.bytes, d.src.size);
            sum = checksum_add(sum, d.dst.bytes, d.dst.size);
            assert_int_equal(checksum_fold(checksum_add(sum, udp, 8 + size)), 0);
            assert_int_not_equal(be16(udp + 6), 0);
        }
    }
    unlink(path);
}

static void failures_name_the_file(void **state)
{
    (void)state;
    struct capture *c;
    struct err err;
    assert_int_equal(capture_create("/nonexistent/x.pcap", &c, &err), ERR_IO);
    assert_string_equal(err.text, "cannot write /nonexistent/x.pcap: No such file or directory");
    assert_int_equal(capture_create("/dev/full", &c, &err), 0);
    assert_int_equal(capture_finish(c, &err), ERR_IO);
    assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
    capture_free(c);
    assert_int_equal(capture_create("/dev/full", &c, &err), 0);
    struct capture_datagram d = datagram(false, 1000);
    int status = 0;
    for (int i = 0; i < 1000 && status == 0; i++) {
        status = capture_write(c, &d, &err);
    }
    assert_int_equal(status, ERR_IO);
    assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
    capture_free(c);
    capture_free(NULL);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 31 + i / 256);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(checksums_are_right),
        cmocka_unit_test(failures_name_the_file),
    };
    return UNIT_MAIN("app/capture", tests);
}
