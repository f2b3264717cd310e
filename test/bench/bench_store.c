// SPDX-License-Identifier: Apache-2.0
/*
 * What storing costs: records as sFlow gives them into a store, in whole groups, as fast as can be.
 * Prints records per second, CPU time of the process per record, and bytes of the database per
 * record.
 *
 *     bench_store FOLDER [RECORDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "bench.h"
#include "store/writer.h"

enum { BATCHES = STORE_GROUP_ROWS / BATCH_FLOWS_MAX, RECORDS_DEFAULT = 5000000 };

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 24;
}

/// Few are talked to much, and many little.
static uint32_t skewed(uint64_t *state, uint32_t count)
{
    uint64_t a = next(state) % count;
    uint64_t b = next(state) % count;
    return (uint32_t)(a * b / count * (next(state) % count) / count);
}

static struct addr make_addr(uint64_t *state, bool v6)
{
    uint32_t n = skewed(state, 500000);
    uint64_t low = next(state);
    uint8_t bytes[16] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
    if (!v6) {
        return addr_v4(bytes);
    }
    for (size_t i = 8; i < 16; i++) {
        bytes[i] = (uint8_t)(low >> (8 * (i - 8)));
    }
    return addr_v6(bytes);
}

/// Fills in what an sFlow sample of an Ethernet frame has.
static void make_flow(struct batch *b, struct flow *f, uint64_t *state, uint64_t ns, uint32_t n)
{
    static const enum field FIELDS_THERE[] = { FIELD_TYPE,
                                               FIELD_TIME_RECEIVED_NS,
                                               FIELD_SEQUENCE_NUM,
                                               FIELD_SAMPLING_RATE,
                                               FIELD_BYTES,
                                               FIELD_TIME_FLOW_START_NS,
                                               FIELD_TIME_FLOW_END_NS,
                                               FIELD_SAMPLER_ADDRESS,
                                               FIELD_PACKETS,
                                               FIELD_SRC_ADDR,
                                               FIELD_DST_ADDR,
                                               FIELD_ETYPE,
                                               FIELD_PROTO,
                                               FIELD_SRC_PORT,
                                               FIELD_DST_PORT,
                                               FIELD_IN_IF,
                                               FIELD_OUT_IF,
                                               FIELD_SRC_MAC,
                                               FIELD_DST_MAC,
                                               FIELD_SRC_VLAN,
                                               FIELD_DST_VLAN,
                                               FIELD_VLAN_ID,
                                               FIELD_IP_TOS,
                                               FIELD_IP_TTL,
                                               FIELD_TCP_FLAGS,
                                               FIELD_LAYER_STACK,
                                               FIELD_LAYER_SIZE };
    static const uint32_t STACK[] = { LAYER_ETHERNET, LAYER_IPV4, LAYER_TCP };
    static const uint32_t SIZES[] = { 14, 20, 20 };
    bool v6 = next(state) % 10 == 0;
    *f = (struct flow){ .type = FLOW_TYPE_SFLOW_5,
                        .time_received_ns = ns,
                        .time_flow_start_ns = ns,
                        .time_flow_end_ns = ns,
                        .sequence_num = n / 8,
                        .index = n % 8,
                        .sampling_rate = 1000,
                        .bytes = 64 + next(state) % 1400,
                        .packets = 1,
                        .etype = v6 ? 0x86dd : 0x0800,
                        .proto = next(state) % 5 == 0 ? 17 : 6,
                        .src_port = (uint32_t)(1024 + next(state) % 60000),
                        .dst_port = skewed(state, 1000),
                        .in_if = (uint32_t)(next(state) % 48),
                        .out_if = (uint32_t)(next(state) % 48),
                        .src_mac = UINT64_C(0x020000000000) + next(state) % 500,
                        .dst_mac = UINT64_C(0x020000000000) + next(state) % 500,
                        .vlan_id = (uint32_t)(next(state) % 20),
                        .ip_ttl = (uint32_t)(32 + next(state) % 64),
                        .tcp_flags = (uint32_t)(next(state) % 32) };
    for (size_t i = 0; i < sizeof(FIELDS_THERE) / sizeof(FIELDS_THERE[0]); i++) {
        f->present |= FLOW_BIT(FIELDS_THERE[i]);
    }
    const uint8_t sampler[4] = { 192, 0, 2, (uint8_t)(next(state) % 10) };
    f->sampler_address = addr_v4(sampler);
    f->src_addr = make_addr(state, v6);
    f->dst_addr = make_addr(state, v6);
    f->layer_stack = batch_append(b, STACK, sizeof(STACK));
    f->layer_size = batch_append(b, SIZES, sizeof(SIZES));
    f->layer_stack.count /= sizeof(uint32_t);
    f->layer_size.count /= sizeof(uint32_t);
}

static void must(int status, const struct err *err)
{
    if (status != 0) {
        (void)printf("%s\n", err->text);
        exit(1);
    }
}

/// What DuckDB needs to write the same columns when nobody has to make them.
static int copy(struct store *store, struct err *err)
{
    struct duck_conn *c;
    int status = store_connect(store, &c, err);
    if (status == 0) {
        status =
            duck_exec(c, "CREATE TABLE copied AS FROM flows; DROP TABLE copied; CHECKPOINT", err);
        duck_disconnect(c);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    struct err err = { 0 };
    struct batch_pool *pool;
    struct store *store;
    struct writer *writer;
    struct batch *batches[BATCHES];
    uint64_t wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : RECORDS_DEFAULT;
    const struct store_settings settings = { .folder = argv[1], .memory_max = 1 << 30 };
    CHECK(batch_pool_new(BATCHES, NULL, NULL, &pool) == 0);
    must(store_open(&settings, &store, &err), &err);
    must(writer_new(store, &writer, &err), &err);
    uint64_t state = 1;
    uint64_t ns = UINT64_C(1700000000000000000);
    uint64_t wall_ns = 0;
    double cpu = 0;
    uint64_t done = 0;
    while (done < wanted) {
        struct writer_count count;
        for (size_t i = 0; i < BATCHES; i++) {
            struct batch *b = batches[i] = batch_get(pool);
            CHECK(b != NULL);
            for (; b->flow_count < BATCH_FLOWS_MAX; b->flow_count++, done++, ns += 8640) {
                make_flow(b, &b->flows[b->flow_count], &state, ns, (uint32_t)done);
            }
        }
        uint64_t begun_ns = clock_mono_ns();
        cpu -= cpu_ns();
        for (size_t i = 0; i < BATCHES; i++) {
            CHECK(writer_add(writer, batches[i], &count) == 0);
        }
        must(writer_commit(writer, &count, &err), &err);
        wall_ns += clock_mono_ns() - begun_ns;
        cpu += cpu_ns();
        for (size_t i = 0; i < BATCHES; i++) {
            batch_unref(batches[i]);
        }
    }
    writer_free(writer);
    char path[4096];
    struct stat st = { 0 };
    (void)snprintf(path, sizeof(path), "%s/store.duckdb", argv[1]); // cut: no such file
    (void)stat(path, &st);                                          // then it has no size
    uint64_t floor_ns = clock_mono_ns();
    double floor_cpu = -cpu_ns();
    must(copy(store, &err), &err);
    floor_ns = clock_mono_ns() - floor_ns;
    floor_cpu += cpu_ns();
    store_close(store);
    (void)printf(
        "  %.0f records/s, %.0f ns CPU/record, %.1f B/record; floor (DuckDB copies the table) "
        "%.0f records/s, %.0f ns CPU/record\n",
        (double)done * 1e9 / (double)wall_ns, cpu / (double)done, (double)st.st_size / (double)done,
        (double)done * 1e9 / (double)floor_ns, floor_cpu / (double)done);
    batch_pool_free(pool);
    return 0;
}
