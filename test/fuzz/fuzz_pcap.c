// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a capture file: frames, fragments, books. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "fuzz.h"
#include "source/pcap.h"

/// Looks at every byte, so that one that is not there is seen.
static uint32_t sum_of(const struct chunk *chunk)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < chunk->size; i++) {
        sum += chunk->data[i];
    }
    return sum;
}

static void read_capture(const char *path, const struct pcap_settings *ports)
{
    struct pcap_settings settings = *ports;
    settings.path = path;
    struct pcap_source *s;
    struct err err = { 0 };
    if (pcap_source_open(&settings, &s, &err) != 0) {
        CHECK(err.status < 0 && err.text[0] != '\0');
        return;
    }
    struct chunk chunk;
    volatile uint32_t sum = 0;
    uint64_t datagrams = 0;
    for (; pcap_source_next(s, &chunk, &err); datagrams++) {
        CHECK(chunk.size <= DATAGRAM_SIZE_MAX);
        CHECK(chunk.peer.size == ADDR_V4_SIZE || chunk.peer.size == ADDR_V6_SIZE);
        sum = sum_of(&chunk);
    }
    (void)sum; // only read for the sanitizer
    struct pcap_stats stats = pcap_source_stats(s);
    CHECK(pcap_stats_difference(&stats) == 0);
    CHECK(stats.outcomes[PCAP_DATAGRAM] == datagrams);
    pcap_source_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t PORTS[] = { 6343 };
    static const struct pcap_settings ALL = { .scheme = SCHEME_FLOW };
    static const struct pcap_settings SOME = { .ports = PORTS, .port_count = 1 };
    int fd = memfd_create("capture", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, size) == (ssize_t)size);
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); // short enough
    read_capture(path, size % 2 == 0 ? &ALL : &SOME);
    CHECK(close(fd) == 0);
    return 0;
}
