// SPDX-License-Identifier: Apache-2.0
/*
 * A line of goflow2's log becomes a flow with exactly its columns, or an error that says what to
 * change. What goflow2's formats print of a flow, read back, is that flow.
 */
#include "decode/goflow_line.h"

#include <stdlib.h>

#include "format/format.h"
#include "line_rig.h"

static const struct goflow_settings PLAIN = { 0 };

static const char *const COLUMNS[] = {
    "\"type\":\"SFLOW_5\"",
    "\"time_flow_start_ns\":1722384059314000000",
    "\"sampler_address\":\"192.0.2.1\"",
    "\"sequence_num\":7",
    "\"in_if\":0",
    "\"out_if\":1073741823",
    "\"src_addr\":\"198.51.100.7\"",
    "\"dst_addr\":\"2001:db8::2\"",
    "\"etype\":\"IPv6\"",
    "\"proto\":\"ESP\"",
    "\"src_port\":443",
    "\"dst_port\":65535",
    "\"src_vlan\":4094",
    "\"dst_vlan\":0",
    "\"sampling_rate\":1000",
    "\"bytes\":9000",
};
static const enum field FIELDS_OF_COLUMNS[] = {
    FIELD_TYPE,
    FIELD_TIME_FLOW_START_NS,
    FIELD_SAMPLER_ADDRESS,
    FIELD_SEQUENCE_NUM,
    FIELD_IN_IF,
    FIELD_OUT_IF,
    FIELD_SRC_ADDR,
    FIELD_DST_ADDR,
    FIELD_ETYPE,
    FIELD_PROTO,
    FIELD_SRC_PORT,
    FIELD_DST_PORT,
    FIELD_SRC_VLAN,
    FIELD_DST_VLAN,
    FIELD_SAMPLING_RATE,
    FIELD_BYTES,
};
enum { SIXTEEN = 16 };

static void check_fields(const struct flow *f, uint64_t present)
{
    static const uint64_t NUMBERS[SIXTEEN] = { FLOW_TYPE_SFLOW_5,
                                               UINT64_C(1722384059314000000),
                                               0,
                                               7,
                                               0,
                                               1073741823,
                                               0,
                                               0,
                                               0x86dd,
                                               50,
                                               443,
                                               65535,
                                               4094,
                                               0,
                                               1000,
                                               9000 };
    assert_true(f->present == present);
    for (size_t i = 0; i < SIXTEEN; i++) {
        enum field field = FIELDS_OF_COLUMNS[i];
        bool there = (present & FLOW_BIT(field)) != 0;
        if (FIELDS[field].kind != FIELD_KIND_ADDR) {
            assert_true(rig_number(f, field) == (there ? NUMBERS[i] : 0));
        }
    }
    assert_int_equal(f->src_addr.size, (present & FLOW_BIT(FIELD_SRC_ADDR)) != 0 ? 4 : 0);
    assert_int_equal(f->dst_addr.size, (present & FLOW_BIT(FIELD_DST_ADDR)) != 0 ? 16 : 0);
}

static void any_order_and_any_subset(void **state)
{
    enum { ROUNDS = 2000 };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    unsigned seed = 1;
    for (int round = 0; round < ROUNDS; round++) {
        size_t order[SIXTEEN];
        char line[1024] = "{";
        uint64_t present = 0;
        for (size_t i = 0; i < SIXTEEN; i++) { // shuffled
            size_t at = (size_t)rand_r(&seed) % (i + 1);
            order[i] = order[at];
            order[at] = i;
        }
        size_t count = round % 3 == 0 ? SIXTEEN : (size_t)rand_r(&seed) % SIXTEEN;
        bool has_time = false;
        for (size_t i = 0; i < count; i++) {
            strcat(line, i > 0 ? "," : "");
            strcat(line, COLUMNS[order[i]]);
            present |= FLOW_BIT(FIELDS_OF_COLUMNS[order[i]]);
            has_time = has_time || order[i] == 1;
        }
        strcat(line, "}");
        rig_expect(r, line, has_time ? LEDGER_LINE_FLOW : LEDGER_LINE_NO_TIME);
        if (has_time) {
            check_fields(r->flow, present);
        }
    }
    rig_free(r);
}

/// A flow with everything in it, drawn from `seed`.
static void fill(struct batch_writer *w, struct flow *f, unsigned *seed)
{
    uint32_t numbers[3] = { (uint32_t)rand_r(seed), UINT32_MAX, 0 };
    uint32_t layers[3] = { LAYER_ETHERNET, LAYER_IPV6, LAYER_GENEVE };
    struct addr addresses[2] = { { .size = 4, .bytes = { 192, 0, 2, 1 } },
                                 { .size = 16, .bytes = { 0x20, 1, 0xd, 0xb8, 5 } } };
    for (enum field i = 0; i < FIELD_COUNT; i++) {
        uint8_t *at = (uint8_t *)f + FIELDS[i].offset;
        uint64_t wide = (uint64_t)rand_r(seed) << 33 | (uint64_t)rand_r(seed);
        uint32_t narrow = (uint32_t)rand_r(seed) * 2;
        struct span list = { 0 };
        switch (FIELDS[i].kind) {
        case FIELD_KIND_U64:
            wide = i == FIELD_SRC_MAC || i == FIELD_DST_MAC ? wide >> 16 : wide;
            wide = strncmp(FIELDS[i].json_name, "time_", 5) == 0 ? wide >> 1 : wide; // as int64
            memcpy(at, &wide, sizeof(wide));
            break;
        case FIELD_KIND_U32:
            memcpy(at, &narrow, sizeof(narrow));
            break;
        case FIELD_KIND_TYPE:
            narrow = 1 + narrow % 4;
            memcpy(at, &narrow, sizeof(narrow));
            break;
        case FIELD_KIND_ADDR:
            memcpy(at, &addresses[narrow % 2], sizeof(addresses[0]));
            break;
        case FIELD_KIND_U32S:
            list = batch_writer_add(w, numbers, 3, sizeof(numbers[0]));
            memcpy(at, &list, sizeof(list));
            break;
        case FIELD_KIND_LAYERS:
            list = batch_writer_add(w, layers, 3, sizeof(layers[0]));
            memcpy(at, &list, sizeof(list));
            break;
        case FIELD_KIND_ADDRS:
            list = batch_writer_add(w, addresses, 2, sizeof(addresses[0]));
            memcpy(at, &list, sizeof(list));
            break;
        }
        f->present |= FLOW_BIT(i);
    }
    f->proto = (uint32_t)rand_r(seed) % 2 == 0 ? 17 : 58;
    f->etype = 0x0800;
    f->src_net = 24;
    f->dst_net = 8;
}

static void keep(void *context, struct batch *batch)
{
    struct batch **kept = context;
    *kept = batch;
}

/// Prints drawn flows as goflow2 would, reads them, and prints them again: the same bytes.
static void round_trip(const char *mapping)
{
    enum { ROUNDS = 200 };
    struct rig *r = rig_new(mapping, PLAIN);
    struct format_settings settings = { .name = "json", .mapping = r->mapping };
    struct format *format;
    struct err err;
    struct batch_pool *pool;
    struct batch_writer w;
    struct batch *batch = NULL;
    struct buf first;
    struct buf second;
    unsigned seed = 3;
    assert_int_equal(format_new(&settings, &format, &err), 0);
    assert_int_equal(batch_pool_new(1, NULL, NULL, &pool), 0);
    batch_writer_init(&w, pool, keep, &batch);
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        fill(&w, batch_writer_begin(&w), &seed);
        assert_true(batch_writer_commit(&w));
        batch_writer_flush(&w);
        buf_clear(&first);
        buf_clear(&second);
        assert_int_equal(format_append(format, batch, &batch->flows[0], &first), FORMAT_MESSAGE);
        enum ledger_entry is = rig_read_bytes(r, first.data, first.size, false);
        if (is != LEDGER_LINE_FLOW) {
            fail_msg("%s in %s", goflow_words(r->reader), buf_text(&first));
        }
        assert_int_equal(format_append(format, r->batch, r->flow, &second), FORMAT_MESSAGE);
        assert_string_equal(buf_text(&second), buf_text(&first));
        assert_int_equal(r->flow->extras.count, 0);
        if (mapping == NULL) {
            assert_true(r->flow->present == batch->flows[0].present);
        }
        batch_unref(batch);
    }
    buf_release(&first);
    buf_release(&second);
    format_free(format);
    batch_pool_free(pool);
    rig_free(r);
}

static void what_json_prints_is_read_back(void **state)
{
    (void)state;
    round_trip(NULL);
    round_trip("formatter:\n"
               "  fields: [dst_port, time_received_ns, type, bytes, src_mac, etype, proto]\n"
               "  rename: {bytes: octets, type: kind}\n"
               "  render: {time_received_ns: datetimenano, src_mac: none, etype: none, proto: "
               "none}\n");
}

static void what_is_unknown_is_kept(void **state)
{
    static const char *const VALUES[] = {
        "1",
        "-1.5e300",
        "18446744073709551616",
        "true",
        "null",
        "\"\"",
        "\"a\\\"b\\u0041\"",
        "[1,{\"a\":[]}]",
        "{\"a\":{\"b\":null}}",
        "[]",
        "{}",
        "\"\xc3\xa9\"",
        "\"\xff\xfe\"",
    };
    char text[256];
    char want[256];
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (size_t i = 0; i < sizeof(VALUES) / sizeof(VALUES[0]); i++) {
        assert_int_equal(rig_read_column(r, "post_nat\\u0020x", VALUES[i]), LEDGER_LINE_FLOW);
        assert_int_equal(r->flow->extras.count, 1);
        (void)snprintf(want, sizeof(want), "\"post_nat\\u0020x\"=%s", VALUES[i]); // fits
        assert_string_equal(rig_extra(r, 0, text), want);
    }
    rig_expect(r, "{\"a\":1,\"time_flow_start_ns\":5,\"b\":2,\"\":3}", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->extras.count, 3);
    assert_string_equal(rig_extra(r, 2, text), "\"\"=3");
    rig_expect(r, "{\"a\":1,\"time_flow_start_ns\":5,\"a\":2}", LEDGER_LINE_DUPLICATE);
    rig_free(r);
}

static void names_may_have_escapes_and_blanks(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (int i = 0; i < 2; i++) {
        rig_expect(r, "{\"b\\u0079tes\":5,\"time_flow_start_ns\":9}", LEDGER_LINE_FLOW);
        assert_int_equal(r->flow->bytes, 5);
        rig_expect(r, " \t{ \"bytes\" \t:\r 5 , \"time_flow_start_ns\":\t9 } ", LEDGER_LINE_FLOW);
        assert_int_equal(r->flow->bytes, 5);
        rig_expect(r, "{\"bytes\":/**/5,/*,*/\"time_flow_start_ns\":9}// end", LEDGER_LINE_FLOW);
        assert_int_equal(r->flow->bytes, 5);
        rig_expect(r, "{\"bytes\":\t5,\"time_flow_start_ns\":/*:*/9}", LEDGER_LINE_FLOW);
        assert_int_equal(r->flow->bytes, 5);
    }
    rig_expect(r, "{\"b\\u0079tes\":5,\"bytes\":6,\"time_flow_start_ns\":9}",
               LEDGER_LINE_DUPLICATE);
    rig_free(r);
}

static void what_is_no_json_is_said(void **state)
{
    static const char *const LINES[] = {
        "{",
        "{\"",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":'1'}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":[1,}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\"}}",
        "\xef\xbb\xbf{}",
        "hello",
        "\"",
        "/* {}",
        "{\"bytes\":1x}",
        "{\"bytes\":12 3}",
        "{\"src_addr\":\"1.2.3.4}",
        "{\"type\":\"SF\"LOW\"}",
    };
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
        rig_expect(r, LINES[i], LEDGER_LINE_NOT_JSON);
        assert_int_equal(strncmp(goflow_words(r->reader), "not JSON: ", 10), 0);
        assert_int_equal(r->flow->index, LEDGER_LINE_NOT_JSON);
        assert_int_equal(r->flow->original.count, strlen(LINES[i])); // nothing of it is lost
        assert_memory_equal(batch_bytes(r->batch, r->flow->original), LINES[i], strlen(LINES[i]));
        assert_int_equal(r->flow->time_received_ns, 77);
    }
    rig_expect(r, "{\"bytes\":1x}", LEDGER_LINE_NOT_JSON);
    assert_string_equal(goflow_words(r->reader),
                        "not JSON: byte 0x78 at column 11 is not expected there");
    rig_expect(r, "{\"bytes\":1", LEDGER_LINE_NOT_JSON);
    assert_string_equal(goflow_words(r->reader), "not JSON: the line ends too early, at column 11");
    static const char *const OTHERS[] = { "[]",   "[{\"a\":1}]", "1",  "null",
                                          "true", "\"x\"",       "  ", "// x" };
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
        rig_expect(r, OTHERS[i], LEDGER_LINE_NOT_OBJECT);
    }
    assert_int_equal(rig_read(r, ""), LEDGER_LINE_EMPTY);
    assert_null(r->flow);
    rig_free(r);
}

/// goflow2 prints strings without escaping them.
static void unescaped_quotes_are_an_error(void **state)
{
    (void)state;
    struct rig *r = rig_new("formatter:\n  fields: [time_flow_start_ns, name]\n"
                            "  protobuf: [{name: name, index: 2000, type: string}]\n"
                            "  render: {name: string}\n",
                            PLAIN);
    rig_expect(r, "{\"time_flow_start_ns\":5,\"name\":\"a\"b\"}", LEDGER_LINE_NOT_JSON);
    rig_expect(r, "{\"time_flow_start_ns\":5,\"name\":\"a\\\"}", LEDGER_LINE_NOT_JSON);
    rig_expect(r, "{\"time_flow_start_ns\":5,\"name\":\"ab\"}", LEDGER_LINE_FLOW);
    rig_free(r);
}

static void other_programs_are_known(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    rig_expect(r,
               "{\"type\":\"sflow\",\"message\":{\"version\":5,\"samples\":[]},"
               "\"src\":\"[::ffff:192.0.2.1]:50514\",\"time_received\":\"2024-07-31T00:00:59Z\"}",
               LEDGER_LINE_RAW);
    assert_non_null(strstr(goflow_words(r->reader), "-produce sample"));
    rig_expect(r,
               "{\"Bytes\":20800,\"DstAddr\":\"192.0.2.1\",\"TimeFlowStart\":0,"
               "\"TimeReceived\":1628419398,\"Type\":\"IPFIX\"}",
               LEDGER_LINE_GOFLOW1);
    assert_non_null(strstr(goflow_words(r->reader), "goflow2 2.x"));
    // A value of it that does not fit says less than where it comes from.
    rig_expect(r, "{\"src_addr\":\"wAACAQ==\",\"time_received\":\"1628419398\",\"bytes\":\"1\"}",
               LEDGER_LINE_GOFLOW1);
    rig_expect(r, "{\"time_received\":1,\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW); // a 2.x
    rig_expect(r, "{\"message\":\"text\",\"src\":\"x\",\"time_flow_start_ns\":5}",
               LEDGER_LINE_FLOW);
    rig_expect(r, "{\"bytes\":1}", LEDGER_LINE_NO_TIME);
    assert_non_null(strstr(goflow_words(r->reader), "formatter.fields"));
    rig_expect(r, "{\"time_flow_start_ns\":0}", LEDGER_LINE_NO_TIME);
    rig_expect(r, "{\"time_received_ns\":5}", LEDGER_LINE_FLOW);
    rig_expect(r, "{}", LEDGER_LINE_NO_TIME);
    rig_free(r);
}

static void errors_keep_the_addresses(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    rig_expect(r,
               "{\"src_addr\":\"192.0.2.1\",\"bytes\":-1,\"dst_addr\":\"2001:db8::1\","
               "\"time_flow_start_ns\":5}",
               LEDGER_LINE_VALUE);
    assert_int_equal(r->flow->src_addr.size, 4);
    assert_int_equal(r->flow->dst_addr.size, 16);
    assert_string_equal(goflow_words(r->reader),
                        "bytes -1 at column 33 is not a value that this column can have");
    char text[256];
    assert_string_equal(rig_span(r, r->flow->body, text), goflow_words(r->reader));
    // The first thing wrong is the one that is said.
    rig_expect(r, "{\"in_if\":true,\"bytes\":-1,\"bytes\":1}", LEDGER_LINE_VALUE);
    assert_non_null(strstr(goflow_words(r->reader), "in_if true"));
    rig_free(r);
}

static void long_lines_and_many_columns(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    assert_int_equal(rig_read_bytes(r, "{\"bytes\":1,\"b", 13, true), LEDGER_LINE_TOO_LONG);
    assert_int_equal(r->flow->original.count, 13);
    assert_non_null(strstr(goflow_words(r->reader), "first 13 bytes"));

    struct buf line;
    buf_init(&line, 64 << 20);
    for (int count = 4096; count <= 4097; count++) {
        buf_clear(&line);
        buf_append_text(&line, "{\"time_flow_start_ns\":5");
        for (int i = 0; i < count; i++) {
            buf_printf(&line, ",\"x%d\":%d", i, i);
        }
        buf_append_text(&line, "}");
        assert_int_equal(rig_read_bytes(r, line.data, line.size, false),
                         count == 4096 ? LEDGER_LINE_FLOW : LEDGER_LINE_TOO_LARGE);
    }
    for (int count = LIST_ELEMENTS_MAX; count <= LIST_ELEMENTS_MAX + 1; count++) {
        buf_clear(&line);
        buf_append_text(&line, "{\"time_flow_start_ns\":5,\"as_path\":[0");
        for (int i = 1; i < count; i++) {
            buf_append_text(&line, ",1");
        }
        buf_append_text(&line, "]}");
        assert_int_equal(rig_read_bytes(r, line.data, line.size, false),
                         count == LIST_ELEMENTS_MAX ? LEDGER_LINE_FLOW : LEDGER_LINE_TOO_LARGE);
    }
    // The longest line that may be asked for, as one column that nobody knows; and as an error.
    buf_clear(&line);
    buf_append_text(&line, "{\"time_flow_start_ns\":5,\"x\":\"");
    while (line.size < LOG_LINE_SIZE_MAX - 2) {
        buf_append_char(&line, 'x');
    }
    buf_append_text(&line, "\"}");
    assert_int_equal(rig_read_bytes(r, line.data, line.size, false), LEDGER_LINE_FLOW);
    assert_int_equal(rig_read_bytes(r, line.data, line.size - 1, false), LEDGER_LINE_NOT_JSON);
    assert_int_equal(r->flow->original.count, line.size - 1);
    buf_release(&line);
    rig_free(r);
}

static void the_longest_line_is_kept_beside_what_it_says(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, (struct goflow_settings){ .keep_original = true });
    struct buf line;
    buf_init(&line, 64 << 20);
    buf_append_text(&line, "{\"time_flow_start_ns\":5,\"x\":\"");
    while (line.size < LOG_LINE_SIZE_MAX - 2) {
        buf_append_char(&line, 'x');
    }
    buf_append_text(&line, "\"}");
    enum ledger_entry is = rig_read_bytes(r, line.data, line.size, false);
    assert_true(is == LEDGER_LINE_FLOW || is == LEDGER_LINE_TOO_LARGE); // never nothing
    assert_int_equal(r->flow->original.count, line.size);
    rig_expect(r, "{\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->original.count, 24);
    buf_release(&line);
    rig_free(r);
}

/// goflow2's workers write at the same time: records without a line end between them.
static void several_records_on_a_line(void **state)
{
    (void)state;
    static const char LINE[] =
        "{\"time_flow_start_ns\":5,\"bytes\":1}{\"time_flow_start_ns\":6,"
        "\"bytes\":2,\"x\":{\"y\":[{}]}}{\"bytes\":3}{\"time_flow_start_ns\":7}";
    static const uint64_t OFFSETS[] = { 0, 34, 83, 94 };
    struct rig *r = rig_new(NULL, (struct goflow_settings){ .keep_original = true });
    assert_int_equal(rig_give(r, LINE, sizeof(LINE) - 1, false), LEDGER_LINE_NO_TIME);
    assert_int_equal(r->batch->flow_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct flow *f = &r->batch->flows[i];
        uint64_t end = i < 3 ? OFFSETS[i + 1] : sizeof(LINE) - 1;
        assert_int_equal(f->offset, OFFSETS[i]);
        assert_int_equal(f->kind, i == 2 ? RECORD_ERROR : RECORD_FLOW);
        assert_int_equal(f->original.count, end - OFFSETS[i]);
        assert_memory_equal(batch_bytes(r->batch, f->original), LINE + OFFSETS[i],
                            f->original.count);
    }
    assert_int_equal(r->batch->flows[1].bytes, 2);
    assert_int_equal(r->batch->file_count, 1); // one unbroken run of bytes
    assert_int_equal(r->batch->files[0].begin, 0);
    assert_int_equal(r->batch->files[0].end, sizeof(LINE)); // its line end too
    rig_free(r);
    // What follows is no object, or is none that is whole.
    r = rig_new(NULL, (struct goflow_settings){ 0 });
    rig_expect(r, "{\"time_flow_start_ns\":5},{\"time_flow_start_ns\":6}", LEDGER_LINE_NOT_JSON);
    assert_int_equal(r->batch->flow_count, 1);
    static const char HALF[] = "{\"time_flow_start_ns\":5}{\"time_flow_start_ns\":";
    assert_int_equal(rig_give(r, HALF, sizeof(HALF) - 1, false), LEDGER_LINE_NOT_JSON);
    assert_int_equal(r->batch->flow_count, 2);
    assert_int_equal(r->batch->flows[0].kind, RECORD_FLOW);
    rig_free(r);
    r = rig_new(NULL, (struct goflow_settings){ .one_record = true });
    assert_int_equal(rig_give(r, LINE, sizeof(LINE) - 1, false), LEDGER_LINE_NOT_JSON);
    assert_int_equal(r->batch->flow_count, 1);
    rig_free(r);
}

static void since_and_until_are_exact(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, (struct goflow_settings){ .since_ns = 1000, .until_ns = 2000 });
    rig_expect(r, "{\"time_flow_start_ns\":999}", LEDGER_LINE_OUTSIDE);
    assert_null(r->flow);
    rig_expect(r, "{\"time_flow_start_ns\":1000}", LEDGER_LINE_FLOW);
    rig_expect(r, "{\"time_flow_start_ns\":1999}", LEDGER_LINE_FLOW);
    rig_expect(r, "{\"time_flow_start_ns\":2000}", LEDGER_LINE_OUTSIDE);
    rig_expect(r, "{\"time_received_ns\":2000}", LEDGER_LINE_OUTSIDE);
    rig_expect(r, "{\"time_received_ns\":5,\"time_flow_start_ns\":1500}", LEDGER_LINE_FLOW);
    rig_expect(r, "{\"time_flow_start_ns\":999,\"bytes\":-1}", LEDGER_LINE_VALUE); // never passed
    rig_free(r);
}

/// What the reader remembers of one line does not leak into the next.
static void lines_do_not_mix(void **state)
{
    (void)state;
    struct rig *r = rig_new(NULL, PLAIN);
    rig_expect(r, "{\"type\":\"odd\",\"as_path\":[1,2],\"time_flow_start_ns\":5,\"x\":1}",
               LEDGER_LINE_FLOW);
    rig_expect(r, "{\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->type_text.count, 0);
    assert_int_equal(r->flow->as_path.count, 0);
    assert_int_equal(r->flow->extras.count, 0);
    assert_true(r->flow->present == FLOW_BIT(FIELD_TIME_FLOW_START_NS));
    rig_expect(r, "{\"as_path\":[1,2],\"bytes\":-1,\"time_flow_start_ns\":5}", LEDGER_LINE_VALUE);
    rig_expect(r, "{\"as_path\":[3],\"bytes\":1,\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->as_path.count, 1);
    // A name of which another is the beginning, at the same place.
    rig_expect(r, "{\"src_net\":1,\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW);
    rig_expect(r, "{\"src_ne\":1,\"time_flow_start_ns\":5}", LEDGER_LINE_FLOW);
    assert_int_equal(r->flow->extras.count, 1);
    rig_expect(r, "{\"src_net\"", LEDGER_LINE_NOT_JSON);
    rig_expect(r, "{\"src_net\":", LEDGER_LINE_NOT_JSON);
    rig_expect(r, "{\"src_net\":1", LEDGER_LINE_NOT_JSON);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_subset),
        cmocka_unit_test(what_json_prints_is_read_back),
        cmocka_unit_test(what_is_unknown_is_kept),
        cmocka_unit_test(names_may_have_escapes_and_blanks),
        cmocka_unit_test(what_is_no_json_is_said),
        cmocka_unit_test(unescaped_quotes_are_an_error),
        cmocka_unit_test(other_programs_are_known),
        cmocka_unit_test(errors_keep_the_addresses),
        cmocka_unit_test(long_lines_and_many_columns),
        cmocka_unit_test(the_longest_line_is_kept_beside_what_it_says),
        cmocka_unit_test(several_records_on_a_line),
        cmocka_unit_test(since_and_until_are_exact),
        cmocka_unit_test(lines_do_not_mix),
    };
    return UNIT_MAIN("goflow_line", tests);
}
