// SPDX-License-Identifier: Apache-2.0
/*
 * Writes a log as goflow2 would: sixteen columns, the ones that Elastic's documentation asks for,
 * addresses drawn by Zipf's law from 500,000 (one in seven IPv6). The same arguments give the same
 * bytes.
 *
 *     bench_log LINES > FILE
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/mem.h"

enum { ADDRESSES = 500000, FIRST_SECOND = 1764000000, LINES_PER_SECOND = 20000 };

static struct addr addresses[ADDRESSES];
static double shares[ADDRESSES]; ///< of all draws, up to and with this one
static uint64_t state = 1;

static uint32_t draw(void)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 32);
}

/// Anywhere where addresses are given out.
static struct addr make_address(void)
{
    uint8_t bytes[16] = { 0 };
    if (draw() % 7 == 0) {
        static const uint8_t BLOCKS[] = { 0x01, 0x03, 0x04, 0x06, 0x07, 0x0b, 0x0c, 0x0e };
        bytes[0] = draw() % 3 == 0 ? 0x20 : (uint8_t)(draw() % 2 == 0 ? 0x2a : 0x26);
        bytes[1] = BLOCKS[draw() % sizeof(BLOCKS)];
        for (int i = 2; i < 6; i++) {
            bytes[i] = (uint8_t)draw();
        }
        bytes[15] = (uint8_t)draw();
        return addr_v6(bytes);
    }
    do {
        for (int i = 0; i < 4; i++) {
            bytes[i] = (uint8_t)draw();
        }
    } while (bytes[0] == 0 || bytes[0] == 10 || bytes[0] == 127 || bytes[0] >= 224);
    return addr_v4(bytes);
}

static void make_addresses(void)
{
    double sum = 0;
    for (int i = 0; i < ADDRESSES; i++) {
        addresses[i] = make_address();
        sum += 1.0 / (i + 1);
        shares[i] = sum;
    }
    for (int i = 0; i < ADDRESSES; i++) {
        shares[i] /= sum;
    }
}

static const char *draw_address(char text[static ADDR_TEXT_SIZE_MAX + 1], bool *ret_v6)
{
    double at = draw() / 4294967296.0;
    int low = 0;
    int high = ADDRESSES - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (shares[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_v6 = addresses[low].size == ADDR_V6_SIZE;
    return addr_text(&addresses[low], text);
}

static void write_line(unsigned long number)
{
    static const uint16_t PORTS[] = { 443, 80, 53, 22, 123, 3389, 8080, 25 };
    char src[ADDR_TEXT_SIZE_MAX + 1];
    char dst[ADDR_TEXT_SIZE_MAX + 1];
    bool src_v6;
    bool dst_v6;
    (void)draw_address(src, &src_v6);
    do { // both of one family
        (void)draw_address(dst, &dst_v6);
    } while (src_v6 != dst_v6);
    uint32_t kind = draw() % 20;
    const char *proto = kind < 14 ? "TCP" : kind < 19 ? "UDP" : src_v6 ? "IPv6-ICMP" : "ICMP";
    uint16_t port = kind < 19 ? PORTS[draw() % 8] : 0;
    uint32_t high_port = kind < 19 ? 32768 + draw() % 28000 : 0;
    bool answer = draw() % 2 == 0;
    printf(
        "{\"type\":\"SFLOW_5\",\"time_flow_start_ns\":%lu,\"sampler_address\":\"192.0.2.%u\","
        "\"sequence_num\":%lu,\"in_if\":%u,\"out_if\":%u,\"src_addr\":\"%s\",\"dst_addr\":\"%s\","
        "\"etype\":\"%s\",\"proto\":\"%s\",\"src_port\":%u,\"dst_port\":%u,\"src_vlan\":%u,"
        "\"dst_vlan\":%u,\"sampling_rate\":1024,\"bytes\":%u}\n",
        (FIRST_SECOND + number / LINES_PER_SECOND) * 1000000000UL + draw() % 1000000000U,
        1 + (unsigned)(number / 6 % 4), 100000 + number / 6, 1 + draw() % 52, 1 + draw() % 52, src,
        dst, src_v6 ? "IPv6" : "IPv4", proto, answer ? port : high_port, answer ? high_port : port,
        100 + draw() % 30, 100 + draw() % 30, draw() % 3 == 0 ? 1518 : 64 + draw() % 1400);
}

int main(int argc, char **argv)
{
    unsigned long lines = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    if (lines == 0) {
        fprintf(stderr, "usage: bench_log LINES > FILE\n");
        return 2;
    }
    make_addresses();
    for (unsigned long i = 0; i < lines; i++) {
        write_line(i);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
