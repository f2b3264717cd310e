// SPDX-License-Identifier: Apache-2.0
/*
 * What enriching alone costs: batches whose addresses are drawn by Zipf from 500,000 (one in five
 * IPv6), looked up in databases given on the command line. Prints nanoseconds of CPU time per
 * record, and what a look-up costs when nothing is remembered.
 *
 *     bench_enrich CITY ASN
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "bench.h"
#include "enrich/enrich.h"

enum { ADDRESSES = 500000, BATCHES = 10000, IPV6_PERCENT = 20 };

static struct addr addresses[ADDRESSES];
static double sums[ADDRESSES]; ///< of 1/rank
static uint64_t state = 88172645463325252U;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/// Public unicast, mostly: 1.0.0.0 to 223.255.255.255, 2000::/3 to 2c00::.
static struct addr random_address(void)
{
    uint8_t bytes[16];
    uint64_t high = next_random();
    uint64_t low = next_random();
    memcpy(bytes, &high, 8);
    memcpy(bytes + 8, &low, 8);
    if (next_random() % 100 < IPV6_PERCENT) {
        static const uint8_t FIRSTS[][2] = { { 0x20, 0x01 }, { 0x24, 0x08 }, { 0x26, 0x00 },
                                             { 0x2a, 0x00 }, { 0x2a, 0x02 }, { 0x28, 0x04 } };
        memcpy(bytes, FIRSTS[bytes[0] % 6], 2);
        return addr_v6(bytes);
    }
    bytes[0] = (uint8_t)(1 + bytes[0] % 223);
    return addr_v4(bytes);
}

static const struct addr *zipf(void)
{
    double wanted = (double)(next_random() >> 11) * 0x1p-53 * sums[ADDRESSES - 1];
    size_t low = 0;
    size_t high = ADDRESSES - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sums[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &addresses[low];
}

static size_t run(struct enricher *x, struct batch_pool *pool, bool repeated, double *ret_ns)
{
    size_t found = 0;
    double ns = 0;
    for (int i = 0; i < BATCHES; i++) {
        struct batch *b = batch_get(pool);
        b->flow_count = BATCH_FLOWS_MAX;
        for (uint32_t k = 0; k < b->flow_count; k++) {
            memset(&b->flows[k], 0, sizeof(b->flows[k]));
            b->flows[k].src_addr = repeated ? *zipf() : random_address();
            b->flows[k].dst_addr = repeated ? *zipf() : random_address();
        }
        double begin = cpu_ns();
        enrich_batch(x, b);
        ns += cpu_ns() - begin;
        for (uint32_t k = 0; k < b->flow_count; k++) {
            found += b->flows[k].src_place.geo.count > 0 ? 1U : 0U;
            found += b->flows[k].dst_place.geo.count > 0 ? 1U : 0U;
        }
        batch_unref(b);
    }
    *ret_ns = ns / BATCHES / BATCH_FLOWS_MAX;
    return found;
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    struct enrich *e;
    struct enricher *x;
    struct batch_pool *pool;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench_enrich CITY ASN\n");
        return 2;
    }
    const struct enrich_settings settings = {
        .city = argv[1], .asn = argv[2], .networks = "", .names = ""
    };
    double begin = cpu_ns();
    if (enrich_open(&settings, &e, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("  opening                      %7.0f ms\n", (cpu_ns() - begin) / 1e6);
    CHECK(enricher_new(e, &x) == 0);
    CHECK(batch_pool_new(1, NULL, NULL, &pool) == 0);
    for (size_t i = 0; i < ADDRESSES; i++) {
        addresses[i] = random_address();
        sums[i] = (i > 0 ? sums[i - 1] : 0) + 1.0 / (double)(i + 1);
    }
    double ns;
    size_t found = run(x, pool, true, &ns);
    printf("  first %d batches           %7.0f ns per record, %.0f %% of addresses found\n",
           BATCHES, ns, 100.0 * (double)found / BATCHES / BATCH_FLOWS_MAX / 2);
    (void)run(x, pool, true, &ns); // the same addresses: as many are found
    printf("  warm                         %7.0f ns per record\n", ns);
    (void)run(x, pool, false, &ns); // likewise
    printf("  addresses never seen before  %7.0f ns per record\n", ns);
    batch_pool_free(pool);
    enricher_free(x);
    enrich_free(e);
    return 0;
}
