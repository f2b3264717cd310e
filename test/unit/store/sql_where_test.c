// SPDX-License-Identifier: Apache-2.0
/*
 * KQL asked of records and of the store: both say yes to the same ones, whatever is asked. Records
 * and questions are drawn from a few seeds; SEED=n takes others, from that one on, and ROUNDS=n
 * draws more questions from each.
 */
#include "store/sql.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../folder.h"
#include "base/clock.h"
#include "store/store.h"
#include "store/texts.h"
#include "store/writer.h"

#include "others.h"

enum { PATH_SIZE = 256, FLOWS = 400, TEXT_SIZE = 32 << 10, ROUNDS = 300, DEPTH = 3, SEEDS = 3 };

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct mapping *mapping;
    struct store *store;
    struct writer *writer;
    struct duck_conn *conn;
    struct batch_pool *pool;
    struct batch *batch;
    struct applications *applications;
    struct err err;
    unsigned seed_number; ///< which is told where something fails
    uint64_t seed;
    char text[TEXT_SIZE];
    size_t size;
};

static uint64_t draw(struct fixture *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

static uint32_t below(struct fixture *f, uint32_t n)
{
    return (uint32_t)(draw(f) % n);
}

// --- Random records ------------------------------------------------------------------------------

/// Few values, so that questions meet them.
static struct addr draw_addr(struct fixture *f)
{
    uint8_t v4[4] = { 10, (uint8_t)below(f, 2), (uint8_t)below(f, 3), (uint8_t)below(f, 4) };
    uint8_t v6[16] = {
        0x20, 0x01, 0x0d, 0xb8, [7] = (uint8_t)below(f, 2), [15] = (uint8_t)below(f, 4)
    };
    static const uint8_t MAPPED[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
    switch (below(f, 9)) {
    case 0:
        return (struct addr){ 0 };
    case 1:
    case 2:
        return addr_v6(v6);
    case 3:
        return below(f, 3) > 0 ? addr_v6(MAPPED) : (struct addr){ .size = 3, .bytes = { 10, 1 } };
    default:
        return addr_v4(v4);
    }
}

static struct span draw_text(struct fixture *f, struct batch *b, const char *const *texts,
                             uint32_t count)
{
    const char *text = texts[below(f, count)];
    return batch_append(b, text, strlen(text));
}

static void draw_place(struct fixture *f, struct batch *b, struct place *p)
{
    static const char *const GEO[] = {
        "{\"country_iso_code\":\"DE\",\"country_name\":\"Germany\",\"city_name\":\"Köln\"}",
        "{\"country_iso_code\":\"FR\",\"country_name\":\"France\",\"continent_name\":\"Europe\"}",
        "", ""
    };
    static const char *const AS[] = {
        "{\"number\":64500,\"organization\":{\"name\":\"Example Net, Inc.\"}}",
        "{\"number\":64501,\"organization\":{\"name\":\"Fa\\u00e7ade \\\"One\\\"\"}}", ""
    };
    static const char *const NETWORKS[] = { "office", "dmz-1", "" };
    uint32_t geo = below(f, 4);
    p->geo = draw_text(f, b, &GEO[geo], 1);
    if (p->geo.count > 0) {
        memcpy(p->country, geo == 0 ? "DE" : "FR", 2);
    }
    uint32_t as = below(f, 3);
    p->as = draw_text(f, b, &AS[as], 1);
    p->as_number = p->as.count > 0 ? 64500 + as : 0;
    p->network = draw_text(f, b, NETWORKS, 3);
}

/// A field with a few values; the times near each other.
static void draw_field(struct fixture *f, struct flow *flow, enum field field)
{
    void *place = (uint8_t *)flow + FIELDS[field].offset;
    if (below(f, 4) == 0) {
        return;
    }
    flow->present |= FLOW_BIT(field);
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
        *(uint32_t *)place = below(f, 6);
        break;
    case FIELD_KIND_U32:
        *(uint32_t *)place = below(f, 5);
        break;
    case FIELD_KIND_U64:
        *(uint64_t *)place = below(f, 12) == 0 ? UINT64_MAX - below(f, 2) : below(f, 5);
        break;
    case FIELD_KIND_ADDR:
        *(struct addr *)place = draw_addr(f);
        break;
    default:
        break; // lists: draw_lists()
    }
}

enum { LIST_MAX = 3, LONG_LIST_MAX = TEXT_SIZE_MAX / 17 + 2 }; // the long one has no number

static struct span draw_numbers(struct fixture *f, struct batch *b)
{
    uint32_t numbers[LIST_MAX];
    uint32_t count = below(f, LIST_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = below(f, 5);
    }
    struct span span = batch_append(b, numbers, count * sizeof(numbers[0]));
    span.count = count;
    return span;
}

/// Of either family, mapped, of an odd size and empty, beside each other; some lists are long.
static struct span draw_addrs(struct fixture *f, struct batch *b)
{
    static struct addr addrs[LONG_LIST_MAX];
    uint32_t count = below(f, 20) == 0 ? LONG_LIST_MAX : below(f, LIST_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        addrs[i] = draw_addr(f);
    }
    struct span span = batch_append(b, addrs, count * sizeof(addrs[0]));
    span.count = count;
    return span;
}

static void draw_lists(struct fixture *f, struct batch *b, struct flow *flow)
{
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        enum field_kind kind = FIELDS[field].kind;
        bool is_list =
            kind == FIELD_KIND_U32S || kind == FIELD_KIND_LAYERS || kind == FIELD_KIND_ADDRS;
        if (is_list && below(f, 2) == 0) {
            struct span *span = (void *)((uint8_t *)flow + FIELDS[field].offset);
            *span = kind == FIELD_KIND_ADDRS ? draw_addrs(f, b) : draw_numbers(f, b);
            flow->present |= FLOW_BIT(field);
        }
    }
}

static void set_values(struct fixture *f, struct flow *flow)
{
    static const uint32_t PORTS[] = { 22, 53, 443, 50000 };
    static const uint32_t ETYPES[] = { 0x800, 0x86dd, 0x806, 0x8100 };
    static const uint32_t PROTOS[] = { 0, 1, 6, 17, 200, 255, 300 };
    flow->src_port = flow_has(flow, FIELD_SRC_PORT) ? PORTS[below(f, 4)] : 0;
    flow->dst_port = flow_has(flow, FIELD_DST_PORT) ? PORTS[below(f, 4)] : 0;
    flow->etype = flow_has(flow, FIELD_ETYPE) ? ETYPES[below(f, 4)] : 0;
    flow->proto = flow_has(flow, FIELD_PROTO) ? PROTOS[below(f, 7)] : 0;
    uint64_t *times[] = { &flow->time_received_ns, &flow->time_flow_start_ns,
                          &flow->time_flow_end_ns };
    static const enum field TIMES[] = { FIELD_TIME_RECEIVED_NS, FIELD_TIME_FLOW_START_NS,
                                        FIELD_TIME_FLOW_END_NS };
    for (size_t i = 0; i < 3; i++) {
        *times[i] =
            flow_has(flow, TIMES[i]) ? UINT64_C(1767225600) * NS_PER_S + below(f, 5) * NS_PER_S : 0;
    }
}

/// Texts that the table `texts` does not take.
static void draw_long_texts(struct fixture *f, struct batch *b, struct flow *flow)
{
    static char name[TEXT_SIZE_MAX + 2];
    static char geo[TEXT_SIZE_MAX + 100];
    memset(name, 'x', sizeof(name));
    memcpy(name, "core ", 5);
    int size =
        snprintf(geo, sizeof(geo), "{\"city_name\":\"Wien\",\"x\":\"%.*s\"}", TEXT_SIZE_MAX, name);
    flow->exporter_name = batch_append(b, name, sizeof(name));
    flow->src_place.geo = batch_append(b, geo, (size_t)size);
    flow->in_names.alias = flow->exporter_name;
    (void)f;
}

static void draw_flow(struct fixture *f, struct batch *b, struct flow *flow)
{
    static const char *const NAMES[] = { "core-1", "Core-2", "uplink to ISP", "" };
    *flow = (struct flow){ .kind = RECORD_FLOW };
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        draw_field(f, flow, field);
    }
    draw_lists(f, b, flow);
    set_values(f, flow);
    flow->sampling_default = below(f, 3) == 0 ? 7 : 0;
    draw_place(f, b, &flow->src_place);
    draw_place(f, b, &flow->dst_place);
    if (flow->proto == 0 && below(f, 2) == 0) {
        flow->proto_text = batch_append(b, "Frob", 4);
    }
    if (flow->etype == 0 && below(f, 2) == 0) {
        flow->etype_text = batch_append(b, "MPLS", 4);
    }
    if (flow->type == 0 && below(f, 2) == 0) {
        flow->type_text = batch_append(b, "JFLOW", 5);
    }
    flow->in_names.name = draw_text(f, b, NAMES, 4);
    flow->in_names.alias = draw_text(f, b, NAMES, 4);
    flow->out_names.name = draw_text(f, b, NAMES, 4);
    flow->out_names.alias = draw_text(f, b, NAMES, 4);
    flow->exporter_name = draw_text(f, b, NAMES, 4);
    if (below(f, 20) == 0) {
        draw_long_texts(f, b, flow);
    }
    if (below(f, 2) == 0) {
        others_draw_customs(&f->seed, f->mapping, b, flow);
    }
    if (below(f, 2) == 0) {
        others_draw_extras(&f->seed, b, flow);
    }
    if (below(f, 3) == 0) {
        flow->file = 1;
        flow->offset = below(f, 5);
    }
}

/// A line that could not be read.
static void draw_error(struct fixture *f, struct batch *b, struct flow *flow)
{
    *flow = (struct flow){ .kind = RECORD_ERROR,
                           .time_received_ns = UINT64_C(1767225600) * NS_PER_S,
                           .file = 1,
                           .offset = below(f, 5),
                           .src_addr = draw_addr(f),
                           .original = batch_append(b, "{", 1),
                           .body = batch_append(b, "no JSON: ends early", 19) };
}

static int set_up(void **state)
{
    static struct fixture f;
    const unsigned *number = *state;
    f = (struct fixture){ .seed_number = *number,
                          .seed = UINT64_C(88172645463325252) ^
                                  *number * UINT64_C(0x9e3779b97f4a7c15) };
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder);
    struct store_settings settings = { .folder = f.store_folder };
    struct writer_count count;
    assert_int_equal(batch_pool_new(4, NULL, NULL, &f.pool), 0);
    f.mapping = others_mapping(OTHERS_MAPPING);
    settings.mapping = f.mapping;
    if (applications_open("", &f.applications, &f.err) != 0 ||
        store_open(&settings, &f.store, &f.err) != 0 ||
        writer_new(f.store, &f.writer, &f.err) != 0 ||
        store_connect(f.store, &f.conn, &f.err) != 0) {
        fail_msg("%s", f.err.text);
    }
    f.batch = batch_get(f.pool);
    struct origin values = { .is_file = true,
                             .path = "/var/log/gö\\flow2.log",
                             .input_type = "log" };
    f.batch->files[f.batch->file_count++] = (struct batch_file){ .origin = origin_new(&values) };
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow *flow = &f.batch->flows[f.batch->flow_count++];
        if (i % 20 == 19) {
            draw_error(&f, f.batch, flow);
        } else {
            draw_flow(&f, f.batch, flow);
        }
        flow->index = i; // by which rows are found again
    }
    assert_int_equal(writer_add(f.writer, f.batch, &count), 0);
    if (writer_commit(f.writer, &count, &f.err) != 0) {
        fail_msg("%s", f.err.text);
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    duck_disconnect(f->conn);
    writer_free(f->writer);
    store_close(f->store);
    mapping_free(f->mapping);
    applications_unref(f->applications);
    batch_unref(f->batch);
    batch_pool_free(f->pool);
    folder_remove_store(f->store_folder);
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

// --- Random questions ----------------------------------------------------------------------------

static void put(struct fixture *f, const char *text)
{
    size_t size = strlen(text);
    if (f->size + size < sizeof(f->text)) {
        memcpy(f->text + f->size, text, size + 1);
        f->size += size;
    }
}

static void put_one(struct fixture *f, const char *const *texts, uint32_t count)
{
    put(f, texts[below(f, count)]);
}

#define PUT_ONE(f, texts) put_one(f, texts, sizeof(texts) / sizeof((texts)[0]))

static const char *const WORDS[] = { "core-1",
                                     "Core-2",
                                     "core*",
                                     "*-2",
                                     "\"uplink to ISP\"",
                                     "uplink*",
                                     "*",
                                     "DE",
                                     "FR",
                                     "d*",
                                     "D*",
                                     "Germany",
                                     "Eur*",
                                     "Köln",
                                     "K*n",
                                     "\"Example Net, Inc.\"",
                                     "Ex*",
                                     "office",
                                     "dmz*",
                                     "tcp",
                                     "udp",
                                     "hopopt",
                                     "un*",
                                     "ipv4",
                                     "ip*",
                                     "arp",
                                     "1",
                                     "4",
                                     "0",
                                     "SFLOW_5",
                                     "NET*",
                                     "event",
                                     "pipeline_error",
                                     "02*",
                                     "*00*",
                                     "\"/var/log/gö\\\\flow2.log\"",
                                     "*log",
                                     "north",
                                     "x*",
                                     "IPv4",
                                     "frob",
                                     "Jf*",
                                     "JFLOW",
                                     "mpls",
                                     "Wien",
                                     "FLOWUNKNOWN",
                                     "200" };

static void put_value(struct fixture *f, enum query_type type)
{
    static const char *const ADDRS[] = { "10.0.0.1",
                                         "10.1.2.3",
                                         "10.0.0.0/8",
                                         "10.1.0.0/16",
                                         "2001:db8::1",
                                         "2001:db8::/32",
                                         "10.0.*",
                                         "::ffff:10.0.0.1",
                                         "2001:db8:0:1::/64",
                                         "0.0.0.0/0",
                                         "::/0",
                                         "10.0.0.2/31",
                                         "*" };
    static const char *const NUMBERS[] = { "0",
                                           "1",
                                           "2",
                                           "3",
                                           "4",
                                           "7",
                                           "6",
                                           "443",
                                           "53",
                                           "22",
                                           "50000",
                                           "64500",
                                           "*",
                                           "28",
                                           "64501",
                                           "9223372036854775807",
                                           "18446744073709551615" };
    static const char *const DATES[] = { "2026-01-01", "\"2026-01-01T00:00:02Z\"",
                                         "\"2026-01-01T00:00:03Z\"", "2025", "*" };
    switch (type) {
    case QUERY_TYPE_IP:
        PUT_ONE(f, ADDRS);
        break;
    case QUERY_TYPE_NUMBER:
        PUT_ONE(f, NUMBERS);
        break;
    case QUERY_TYPE_DATE:
        PUT_ONE(f, DATES);
        break;
    default:
        PUT_ONE(f, WORDS);
        break;
    }
}

static void put_range(struct fixture *f, enum query_type type)
{
    static const char *const SIGNS[] = { " < ", " <= ", " > ", " >= " };
    static const char *const ADDRS[] = { "10.0.0.2", "10.1.0.0", "2001:db8::2" };
    static const char *const NUMBERS[] = {
        "0", "2", "2.5", "100", "64500", "10000", "9223372036854775806"
    };
    static const char *const DATES[] = { "2026-01-01", "\"2026-01-01T00:00:02Z\"" };
    PUT_ONE(f, SIGNS);
    if (type == QUERY_TYPE_IP) {
        PUT_ONE(f, ADDRS);
    } else if (type == QUERY_TYPE_DATE) {
        PUT_ONE(f, DATES);
    } else {
        PUT_ONE(f, NUMBERS);
    }
}

static void put_other(struct fixture *f)
{
    put_one(f, OTHERS, OTHER_COUNT);
    if (below(f, 4) == 0) {
        PUT_ONE(f, OTHER_RANGES);
        return;
    }
    uint32_t count = below(f, 3) + 1;
    put(f, ": (");
    for (uint32_t i = 0; i < count; i++) {
        put(f, i > 0 ? " or " : "");
        PUT_ONE(f, OTHER_VALUES);
    }
    put(f, ")");
}

static void put_leaf(struct fixture *f)
{
    static const char *const BARE[] = { "10.0.0.1",        "443",   "core", "germany",
                                        "\"example net\"", "https", "tcp",  "10.0.0.0/8",
                                        "uplink",          "*",     "dns",  "de" };
    static const char *const ALIASES[] = { "src: 10.0.0.0/16",
                                           "host: 10.*",
                                           "port: 443",
                                           "as: 64500",
                                           "country: DE",
                                           "exporter: core-1",
                                           "if: 2",
                                           "if: core*",
                                           "proto: tcp",
                                           "proto: 17",
                                           "app: https",
                                           "vlan: 3",
                                           "network.application: d*",
                                           "goflow2.site: north",
                                           "goflow2.site: *",
                                           "goflow2.other: 1",
                                           "*.port: 53",
                                           "source.*: DE" };
    switch (below(f, 8)) {
    case 0:
        PUT_ONE(f, BARE);
        return;
    case 1:
    case 2:
        PUT_ONE(f, ALIASES);
        return;
    case 3:
        put_other(f);
        return;
    default:
        break;
    }
    enum query_field field = (enum query_field)below(f, QUERY_OTHER);
    struct query_field_info info = query_field_info(field);
    put(f, info.path);
    bool range =
        below(f, 4) == 0 && (info.type == QUERY_TYPE_IP || info.type == QUERY_TYPE_NUMBER ||
                             info.type == QUERY_TYPE_DATE);
    if (range) {
        put_range(f, info.type);
        return;
    }
    put(f, ": ");
    if (below(f, 4) > 0) {
        put_value(f, info.type);
        return;
    }
    put(f, "(");
    put_value(f, info.type);
    put(f, below(f, 2) == 0 ? " or " : " and not ");
    put_value(f, info.type);
    put(f, ")");
}

static void put_tree(struct fixture *f, unsigned depth)
{
    switch (depth == 0 ? 3 : below(f, 5)) {
    case 0:
        put(f, "not (");
        put_tree(f, depth - 1);
        put(f, ")");
        break;
    case 1:
    case 2:
        put(f, "(");
        put_tree(f, depth - 1);
        put(f, below(f, 2) == 0 ? ") and (" : ") or (");
        put_tree(f, depth - 1);
        put(f, ")");
        break;
    default:
        put_leaf(f);
        break;
    }
}

// --- Comparing -----------------------------------------------------------------------------------

static void ask_store(struct fixture *f, const struct kql *kql, bool ret_found[FLOWS])
{
    struct sql q;
    struct duck_stmt *s = NULL;
    struct duck_rows *rows = NULL;
    sql_init(&q);
    sql_text(&q, "SELECT flow_index FROM records WHERE ");
    sql_where(&q, kql);
    if (sql_prepare(&q, f->conn, &s, &f->err) != 0 || duck_run(s, &rows, &f->err) != 0) {
        fail_msg("SEED=%u: %s: %s", f->seed_number, f->text, f->err.text);
    }
    int more;
    memset(ret_found, 0, FLOWS * sizeof(ret_found[0]));
    while ((more = duck_next(rows, &f->err)) > 0) {
        ret_found[duck_u64(rows, 0)] = true;
    }
    if (more < 0) {
        fail_msg("SEED=%u: %s: %s", f->seed_number, f->text, f->err.text);
    }
    duck_rows_free(rows);
    duck_finish(s);
    sql_release(&q);
}

/// Returns how many are found; -1: the text was refused.
static int compare(struct fixture *f)
{
    static bool found[FLOWS];
    struct kql *kql;
    struct kql_error error;
    const struct kql_context context = { .now_ns = UINT64_C(1767300000) * NS_PER_S,
                                         .applications = f->applications,
                                         .mapping = f->mapping };
    if (kql_parse(f->text, f->size, &context, &kql, &error) != 0) {
        assert_true(error.offset <= f->size && error.text[0] != '\0');
        return -1;
    }
    ask_store(f, kql, found);
    int count = 0;
    for (uint32_t i = 0; i < FLOWS; i++) {
        bool live = kql_matches(kql, f->batch, &f->batch->flows[i]);
        if (live != found[i]) {
            fail_msg("SEED=%u: %s: record %u is %s live and %s in the store", f->seed_number,
                     f->text, i, live ? "in" : "out", found[i] ? "in" : "out");
        }
        count += live;
    }
    kql_free(kql);
    return count;
}

static void records_and_store_agree(void **state)
{
    struct fixture *f = *state;
    const char *more = getenv("ROUNDS");
    unsigned rounds = more == NULL ? ROUNDS : (unsigned)strtoul(more, NULL, 10);
    unsigned refused = 0;
    unsigned some = 0;
    for (unsigned i = 0; i < rounds; i++) {
        f->size = 0;
        f->text[0] = '\0';
        put_tree(f, below(f, DEPTH + 1));
        int count = compare(f);
        refused += count < 0;
        some += count > 0 && count < FLOWS;
    }
    print_message("SEED=%u: %u questions, %u refused, %u with some records\n", f->seed_number,
                  rounds, refused, some);
    assert_true(refused < rounds / 2);
    assert_true(some > rounds / 4); // they ask for what is there
}

static void every_field_is_asked_alone(void **state)
{
    struct fixture *f = *state;
    for (enum query_field field = 0; field < QUERY_OTHER; field++) {
        struct query_field_info info = query_field_info(field);
        for (unsigned i = 0; i < 16; i++) {
            f->size = 0;
            put(f, info.path);
            put(f, ": ");
            if (i == 0) {
                put(f, "*");
            } else {
                put_value(f, info.type);
            }
            (void)compare(f);
        }
    }
}

static void ten_thousand_terms(void **state)
{
    struct fixture *f = *state;
    enum { TERMS = 10000 };
    struct buf text;
    struct kql *kql;
    struct kql_error error;
    static bool found[FLOWS];
    const struct kql_context context = { .now_ns = 1, .applications = f->applications };
    buf_init(&text, KQL_SIZE_MAX);
    for (unsigned i = 0; i < TERMS; i++) {
        buf_printf(&text, "%ssource.port: %u", i > 0 ? " or " : "", i);
    }
    assert_int_equal(kql_parse(buf_text(&text), text.size, &context, &kql, &error), 0);
    ask_store(f, kql, found);
    for (uint32_t i = 0; i < FLOWS; i++) {
        assert_int_equal(found[i], kql_matches(kql, f->batch, &f->batch->flows[i]));
    }
    kql_free(kql);
    buf_release(&text);
}

/// An address or a network of either family, some of them odd.
static void put_listed_address(struct fixture *f)
{
    static const char *const PATTERNS[] = {
        "10.A.B.0/24", "10.A.B.2/31", "10.A.B.1",        "2001:db8:0:A::/64", "2001:db8:A::B",
        "::A:B/112",   "10.B.0.A/15", "::ffff:10.A.0.B", "2001:db8::A/31"
    };
    char text[64];
    size_t size = 0;
    for (const char *at = PATTERNS[below(f, 9)]; *at != '\0'; at++) {
        bool drawn = *at == 'A' || *at == 'B';
        text[size++] = drawn ? (char)('0' + below(f, 4)) : *at;
    }
    text[size] = '\0';
    put(f, text);
}

static void put_list(struct fixture *f, const char *name, bool is_addr, unsigned count)
{
    char number[16];
    f->size = 0;
    put(f, name);
    put(f, ": (");
    for (unsigned i = 0; i < count; i++) {
        put(f, i > 0 ? " or " : "");
        if (is_addr) {
            put_listed_address(f);
        } else {
            (void)snprintf(number, sizeof(number), "%u", below(f, 60));
            put(f, number);
        }
    }
    put(f, ")");
}

/// Lists of all lengths around those at which they are asked in another way.
static void long_lists(void **state)
{
    static const struct {
        const char *name;
        bool is_addr;
    } FIELDS_ASKED[] = { { "source.port", false },
                         { "src", true },
                         { "host", true },
                         { "if", false },
                         { "proto", false },
                         { "not src", true },
                         { "not port", false },
                         { "not if", false },
                         { "goflow2.mpls_ip", true },
                         { "not goflow2.ipv6_routing_header_addresses", true } };
    static const unsigned COUNTS[] = { 1, 2, 16, 17, 64, 65, 66, 150, 400 };
    struct fixture *f = *state;
    unsigned some = 0;
    for (size_t i = 0; i < sizeof(FIELDS_ASKED) / sizeof(FIELDS_ASKED[0]); i++) {
        for (size_t n = 0; n < sizeof(COUNTS) / sizeof(COUNTS[0]); n++) {
            put_list(f, FIELDS_ASKED[i].name, FIELDS_ASKED[i].is_addr, COUNTS[n]);
            int count = compare(f);
            assert_true(count >= 0);
            some += count > 0 && count < FLOWS;
        }
    }
    assert_true(some > 30);
}

#define WITH_SEED(test, index)                                                                     \
    cmocka_unit_test_prestate_setup_teardown(test, set_up, tear_down, &seeds[index])

int main(void)
{
    static unsigned seeds[SEEDS];
    const char *first = getenv("SEED");
    for (unsigned i = 0; i < SEEDS; i++) {
        seeds[i] = (first == NULL ? 0 : (unsigned)strtoul(first, NULL, 10)) + i;
    }
    const struct CMUnitTest tests[] = {
        WITH_SEED(every_field_is_asked_alone, 0),
        WITH_SEED(records_and_store_agree, 0),
        WITH_SEED(long_lists, 0),
        WITH_SEED(every_field_is_asked_alone, 1),
        WITH_SEED(records_and_store_agree, 1),
        WITH_SEED(long_lists, 1),
        WITH_SEED(every_field_is_asked_alone, 2),
        WITH_SEED(records_and_store_agree, 2),
        WITH_SEED(long_lists, 2),
        WITH_SEED(ten_thousand_terms, 0),
    };
    return UNIT_MAIN("store/sql_where", tests);
}
