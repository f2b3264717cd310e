// SPDX-License-Identifier: Apache-2.0
/*
 * Every golden datagram, whole, cut at every length, and with each byte set to 00 and ff, from heap
 * blocks of exactly its size: nothing is read past the end, every format can write what comes out,
 * and the books balance each time. And what the entry makes of what is not sFlow.
 */
#include <glob.h>

#include "../unit.h"
// The path from datagram to bytes that the fuzz targets use.
#include "../../fuzz/fuzz.c"

enum { DATAGRAMS_MAX = 200, HEX_SIZE_MAX = 8192 };

struct datagram {
    size_t size;
    uint8_t bytes[HEX_SIZE_MAX];
};

static int hex_digit(int c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Annotated hex; "---" begins another datagram.
static size_t read_hex(const char *path, struct datagram *out, size_t room)
{
    FILE *f = fopen(path, "r");
    char line[512];
    size_t count = 1;
    int high = -1;
    assert_non_null(f);
    out[0].size = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "---", 3) == 0) {
            assert_true(count < room);
            out[count++].size = 0;
            continue;
        }
        for (const char *c = line; *c != '\0' && *c != '#'; c++) {
            int digit = hex_digit(*c);
            if (digit < 0) {
                continue;
            }
            struct datagram *d = &out[count - 1];
            if (high >= 0) {
                assert_true(d->size < HEX_SIZE_MAX);
                d->bytes[d->size++] = (uint8_t)(high << 4 | digit);
                high = -1;
            } else {
                high = digit;
            }
        }
    }
    fclose(f);
    return count;
}

static struct datagram *golden(size_t *ret_count)
{
    static struct datagram datagrams[DATAGRAMS_MAX];
    static size_t count;
    glob_t found;
    if (count == 0 && glob("test/golden/cases/*/input.hex", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            count += read_hex(found.gl_pathv[i], datagrams + count, DATAGRAMS_MAX - count);
        }
        globfree(&found);
    }
    assert_true(count >= 30);
    *ret_count = count;
    return datagrams;
}

static void decode(const uint8_t *bytes, size_t size, bool with_rules)
{
    struct fuzz_path *p = fuzz_path(with_rules);
    struct chunk chunk = fuzz_chunk(bytes, size);
    fuzz_decode(p, &chunk);
    fuzz_check(p);
}

static void cut_at_every_length(void **state)
{
    (void)state;
    size_t count;
    struct datagram *all = golden(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t size = 0; size <= all[i].size; size++) {
            decode(all[i].bytes, size, true);
            decode(all[i].bytes, size, false);
        }
    }
}

static void every_byte_flipped(void **state)
{
    (void)state;
    size_t count;
    struct datagram *all = golden(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < all[i].size; at++) {
            uint8_t kept = all[i].bytes[at];
            all[i].bytes[at] = 0x00;
            decode(all[i].bytes, all[i].size, true);
            all[i].bytes[at] = 0xff;
            decode(all[i].bytes, all[i].size, false);
            all[i].bytes[at] = kept;
        }
    }
}

/// A cut datagram yields a prefix of the whole one's flows.
static void a_cut_datagram_yields_a_prefix(void **state)
{
    (void)state;
    size_t count;
    const struct datagram *all = golden(&count);
    struct fuzz_path *p = fuzz_path(false);
    for (size_t i = 0; i < count; i++) {
        uint64_t before = 0;
        for (size_t size = 0; size <= all[i].size; size++) {
            uint64_t start = counter_get(&p->ledger.entries[LEDGER_FLOW_HANDED_ON]);
            decode(all[i].bytes, size, false);
            uint64_t flows = counter_get(&p->ledger.entries[LEDGER_FLOW_HANDED_ON]) - start;
            assert_true(flows >= before || flows + 1 == before);
            before = flows;
        }
    }
}

static enum ledger_entry outcome(const char *bytes, size_t size, enum scheme scheme)
{
    struct fuzz_path *p = fuzz_path(false);
    struct chunk chunk = fuzz_chunk((const uint8_t *)bytes, size);
    chunk.scheme = scheme;
    struct decode_result result = decode_datagram(p->decoder, &chunk, &p->writer);
    fuzz_check(p);
    assert_non_null(result.exporter);
    return result.outcome;
}

static void what_is_not_sflow(void **state)
{
    (void)state;
    assert_int_equal(outcome("", 0, SCHEME_SFLOW), LEDGER_DATAGRAM_EMPTY);
    assert_int_equal(outcome("\0\0\0\5", 4, SCHEME_SFLOW), LEDGER_DATAGRAM_SFLOW_SHORT);
    assert_int_equal(outcome("\0\0\0\4\0\0\0\1", 8, SCHEME_SFLOW), LEDGER_DATAGRAM_SFLOW_VERSION);
    assert_int_equal(outcome("\0\0\0\5\0\0\0\3", 8, SCHEME_SFLOW), LEDGER_DATAGRAM_SFLOW_AGENT);
    assert_int_equal(outcome("\0\0\0\5\0\0\0\0", 8, SCHEME_SFLOW), LEDGER_DATAGRAM_SFLOW_AGENT);
    assert_int_equal(outcome("\0\5\0\0", 4, SCHEME_FLOW), LEDGER_DATAGRAM_UNSUPPORTED);
    assert_int_equal(outcome("\0\x09\0\0", 4, SCHEME_FLOW), LEDGER_DATAGRAM_UNSUPPORTED);
    assert_int_equal(outcome("\0\x0a\0\0", 4, SCHEME_FLOW), LEDGER_DATAGRAM_UNSUPPORTED);
    assert_int_equal(outcome("\0\x0b\0\0", 4, SCHEME_FLOW), LEDGER_DATAGRAM_UNKNOWN_PROTOCOL);
    assert_int_equal(outcome("\0\5", 2, SCHEME_FLOW), LEDGER_DATAGRAM_UNKNOWN_PROTOCOL);
    assert_int_equal(outcome("\0\5\0\0", 4, SCHEME_NETFLOW), LEDGER_DATAGRAM_UNSUPPORTED);
    char many[28] = "\0\0\0\5\0\0\0\1\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\xe9";
    assert_int_equal(outcome(many, 28, SCHEME_SFLOW), LEDGER_DATAGRAM_SFLOW_SAMPLES);
    many[27] = (char)0xe8; // a thousand are announced, none is there
    assert_int_equal(outcome(many, 28, SCHEME_SFLOW), LEDGER_DATAGRAM_DECODED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_sflow),
        cmocka_unit_test(a_cut_datagram_yields_a_prefix),
        cmocka_unit_test(cut_at_every_length),
        cmocka_unit_test(every_byte_flipped),
    };
    return UNIT_MAIN("decode/decode", tests);
}
