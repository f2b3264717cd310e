// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "format/ecs.h"

enum { MILLION = 1000000 };

static struct batch batch; ///< too large for a stack
static const uint64_t TIME_NS = UINT64_C(1722384059314899647);

static struct origin *new_origin(const char *path, uint64_t number)
{
    static const char FIRST_LINE[] = "the first line";
    struct hash128 h = hash128(FIRST_LINE, sizeof(FIRST_LINE) - 1);
    struct origin values = { .id = { .fingerprint = { h.low, h.high }, .number = number },
                             .is_file = true,
                             .path = path,
                             .input_type = "log" };
    struct origin *o = origin_new(&values);
    assert_non_null(o);
    return o;
}

/// The id of a line at `offset` of a file.
static void id_of_line(struct origin *o, uint64_t offset, uint64_t time_ns, char id[static 23])
{
    batch.files[0].origin = o;
    struct flow flow = { .file = 1, .offset = offset, .time_flow_start_ns = time_ns };
    record_id(&batch, &flow, id);
    id[RECORD_ID_SIZE] = '\0';
}

static struct flow datagram_flow(void)
{
    static const uint8_t EXPORTER[4] = { 192, 0, 2, 1 };
    return (struct flow){ .time_received_ns = TIME_NS,
                          .time_flow_start_ns = TIME_NS,
                          .sequence_num = 44,
                          .index = 3,
                          .sampler_address = addr_v4(EXPORTER) };
}

static void id_of(const struct flow *flow, char id[static 23])
{
    record_id(&batch, flow, id);
    id[RECORD_ID_SIZE] = '\0';
}

static uint8_t digit(char c)
{
    const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = strchr(digits, c);
    assert_non_null(at);
    return (uint8_t)(at - digits);
}

/// The seconds in front.
static uint32_t seconds_of(const char *id)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < 6; i++) {
        bits = bits << 6 | digit(id[i]);
    }
    return (uint32_t)(bits >> 4);
}

/// These ids are in people's indices: they may not change.
static void ids_of_old(void **state)
{
    (void)state;
    char id[RECORD_ID_SIZE + 1];
    struct origin *o = new_origin("a.log", 0);
    id_of_line(o, 1234, TIME_NS, id);
    assert_string_equal(id, "Zql-u_BdPlVpIQxmlFAA3w");
    origin_unref(o);
    struct flow flow = datagram_flow();
    id_of(&flow, id);
    assert_string_equal(id, "Zql-u9AadJlacuaggZTtLg");
}

static void time_comes_first(void **state)
{
    (void)state;
    char id[RECORD_ID_SIZE + 1];
    struct origin *o = new_origin("a.log", 0);
    id_of_line(o, 0, TIME_NS, id);
    assert_int_equal(seconds_of(id), TIME_NS / NS_PER_S);
    id_of_line(o, 0, 0, id);
    assert_int_equal(seconds_of(id), 0);
    batch.files[0].origin = o;
    struct flow error = { .kind = RECORD_ERROR, .file = 1, .time_received_ns = TIME_NS };
    record_id(&batch, &error, id);
    assert_int_equal(seconds_of(id), 0); // when it was read is not its time
    origin_unref(o);
    struct flow flow = { .time_received_ns = UINT64_MAX };
    id_of(&flow, id);
    assert_int_equal(seconds_of(id), (uint32_t)(UINT64_MAX / NS_PER_S));
}

/// The name of a file and when it was read do not matter; which file it is and the offset do.
static void lines(void **state)
{
    (void)state;
    char one[RECORD_ID_SIZE + 1];
    char other[RECORD_ID_SIZE + 1];
    struct origin *a = new_origin("a.log", 0);
    struct origin *renamed = new_origin("a.log.1.gz", 0);
    struct origin *another = new_origin("a.log", 1);
    id_of_line(a, 70, TIME_NS, one);
    id_of_line(renamed, 70, TIME_NS, other);
    assert_string_equal(one, other);
    id_of_line(another, 70, TIME_NS, other);
    assert_string_not_equal(one, other);
    id_of_line(a, 71, TIME_NS, other);
    assert_string_not_equal(one, other);
    origin_unref(a);
    origin_unref(renamed);
    origin_unref(another);
}

/// Each part of what a datagram's flow is known by makes another id; nothing else does.
static void datagrams(void **state)
{
    (void)state;
    char ids[8][RECORD_ID_SIZE + 1];
    size_t count = 0;
    struct flow flow = datagram_flow();
    id_of(&flow, ids[count++]);
    flow.sequence_num++;
    id_of(&flow, ids[count++]);
    flow.index++;
    id_of(&flow, ids[count++]);
    flow.observation_domain_id++;
    id_of(&flow, ids[count++]);
    flow.time_received_ns++;
    id_of(&flow, ids[count++]);
    flow.sampler_address.bytes[3]++;
    id_of(&flow, ids[count++]);
    flow.sampler_address.size = ADDR_V6_SIZE;
    id_of(&flow, ids[count++]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
    flow.bytes = 99;
    flow.src_port = 1;
    id_of(&flow, ids[count]);
    assert_string_equal(ids[count], ids[count - 1]);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, RECORD_ID_SIZE);
}

/// A million flows of a second: exporters, datagrams and places in them as they come.
static void a_million(void **state)
{
    (void)state;
    char(*ids)[RECORD_ID_SIZE] = mem_zalloc_array(MILLION, sizeof(*ids));
    assert_non_null(ids);
    struct flow flow = datagram_flow();
    for (uint32_t i = 0; i < MILLION; i++) {
        flow.index = i % 8;
        flow.sequence_num = i / 8 % 1000;
        flow.sampler_address.bytes[3] = (uint8_t)(i / 8000);
        flow.time_received_ns = TIME_NS + i / 800;
        record_id(&batch, &flow, ids[i]);
    }
    qsort(ids, MILLION, sizeof(*ids), compare_ids);
    for (size_t i = 1; i < MILLION; i++) {
        assert_int_not_equal(compare_ids(ids[i - 1], ids[i]), 0);
    }
    mem_free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_old), cmocka_unit_test(time_comes_first), cmocka_unit_test(lines),
        cmocka_unit_test(datagrams),  cmocka_unit_test(a_million),
    };
    return UNIT_MAIN("format/record_id", tests);
}
