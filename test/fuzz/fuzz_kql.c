// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a KQL text: refused with words and a place in the text, or a tree that can be asked
 * about records, turned round and turned back, and made into SQL. Whether SQL and the tree agree is
 * asked in test/unit/store/sql_where_test.c; here no database is opened.
 */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "fuzz.h"
#include "query/kql.h"
#include "store/sql.h"

enum { RECORDS = 4, NEEDS_SIZE_MAX = 64 << 10 };

static const char MAPPING[] = "formatter:\n"
                              "  fields: [n, ip, text]\n"
                              "  protobuf:\n"
                              "    - {name: n, index: 1, type: varint}\n"
                              "    - {name: ip, index: 2, type: bytes, array: true}\n"
                              "    - {name: text, index: 3, type: string}\n"
                              "  render: {ip: ip, text: string}\n"
                              "  rename: {text: label}\n";

struct world {
    struct mapping *mapping;
    struct applications *applications;
    struct batch_pool *pool;
    struct batch *batch;
};

static struct span append(struct batch *b, const char *text)
{
    return batch_append(b, text, strlen(text));
}

static void set_place(struct batch *b, struct place *p)
{
    p->geo = append(b, "{\"country_iso_code\":\"DE\",\"city_name\":\"K\\u00f6ln\"}");
    p->as = append(b, "{\"number\":64500,\"organization\":{\"name\":\"Example Net, Inc.\"}}");
    p->network = append(b, "office");
    p->as_number = 64500;
    memcpy(p->country, "DE", sizeof(p->country));
}

static void set_full(struct batch *b, struct flow *f)
{
    static const uint8_t V4[] = { 10, 0, 0, 1 };
    static const uint8_t V6[] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
    static const uint32_t NUMBERS[] = { 0, 1, 64500, UINT32_MAX };
    struct extra_value extra = { .name = append(b, "\"site\""), .json = append(b, "[1,\"x\"]") };
    const struct custom_value customs[] = {
        { .column = 0, .number = 5 },
        { .column = 1, .bytes = batch_append(b, V4, sizeof(V4)) },
        { .column = 1, .bytes = batch_append(b, V6, sizeof(V6)) },
        { .column = 2, .bytes = append(b, "north") },
    };
    f->present = UINT64_MAX >> (64 - FIELD_COUNT);
    f->src_addr = addr_v4(V4);
    f->dst_addr = addr_v6(V6);
    f->src_port = 50000;
    f->dst_port = 443;
    f->proto = 6;
    f->etype = 0x800;
    f->bytes = UINT64_MAX;
    f->src_mac = UINT64_C(0x0200000000ff);
    f->time_received_ns = UINT64_C(1767225600) * NS_PER_S;
    f->exporter_name = append(b, "core-1");
    f->in_names.name = append(b, "uplink to ISP");
    f->as_path = batch_append(b, NUMBERS, sizeof(NUMBERS));
    f->as_path.count = sizeof(NUMBERS) / sizeof(NUMBERS[0]);
    f->layer_stack = f->as_path;
    f->extras = batch_append(b, &extra, sizeof(extra));
    f->extras.count = 1;
    f->custom = batch_append(b, customs, sizeof(customs));
    f->custom.count = sizeof(customs) / sizeof(customs[0]);
    set_place(b, &f->src_place);
}

/// A record that has nothing, one that has much, one whose protocol has no number, and an error.
static const struct world *world(void)
{
    static struct world w;
    struct err err;
    if (w.batch != NULL) {
        return &w;
    }
    CHECK(applications_open("", &w.applications, &err) == 0);
    CHECK(mapping_parse(MAPPING, strlen(MAPPING), "mapping", &w.mapping, &err) == 0);
    CHECK(batch_pool_new(1, NULL, NULL, &w.pool) == 0);
    w.batch = batch_get(w.pool);
    CHECK(w.batch != NULL);
    struct flow *flows = w.batch->flows;
    w.batch->flow_count = RECORDS;
    memset(flows, 0, RECORDS * sizeof(*flows));
    set_full(w.batch, &flows[1]);
    flows[2].proto_text = append(w.batch, "Frob");
    flows[2].etype_text = append(w.batch, "MPLS");
    flows[2].type_text = append(w.batch, "JFLOW");
    flows[3].kind = RECORD_ERROR;
    flows[3].body = append(w.batch, "no JSON: ends early");
    return &w;
}

/// Every question mark has its value, and nothing that was typed is in the text.
static void check_sql(const struct kql *kql)
{
    struct sql q;
    sql_init(&q);
    sql_where(&q, kql);
    size_t marks = 0;
    for (size_t i = 0; i < q.text.size; i++) {
        CHECK(q.text.data[i] >= ' ' && q.text.data[i] <= '~');
        CHECK(q.text.data[i] != ';' && q.text.data[i] != '"');
        marks += q.text.data[i] == '?';
    }
    CHECK(q.bad || marks == q.count);
    sql_release(&q);
}

static void check_needs(const struct kql *kql)
{
    struct buf needs;
    buf_init(&needs, NEEDS_SIZE_MAX);
    sql_needs(kql, &needs);
    CHECK(!needs.bad);
    CHECK(strspn(buf_text(&needs), "abcdefghijklmnopqrstuvwxyz0123456789_,") == needs.size);
    buf_release(&needs);
}

static void check_reversed(const struct world *w, const struct kql *kql)
{
    struct kql *back;
    struct kql *again;
    CHECK(kql_reverse(kql, &back) == 0);
    CHECK(kql_reverse(back, &again) == 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct flow *f = &w->batch->flows[i];
        (void)kql_matches(back, w->batch, f); // it only has to end
        CHECK(kql_matches(kql, w->batch, f) == kql_matches(again, w->batch, f));
    }
    kql_free(again);
    kql_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct world *w = world();
    const struct kql_context context = { .now_ns = UINT64_C(1767300000) * NS_PER_S,
                                         .zone_s = 3600,
                                         .applications = w->applications,
                                         .mapping = w->mapping };
    struct kql_error error = { 0 };
    struct kql *kql = NULL;
    int status = kql_parse((const char *)data, size, &context, &kql, &error);
    if (status != 0) {
        CHECK(status == ERR_INVALID);
        CHECK(error.offset <= size && error.column >= 1 && error.column <= error.offset + 1);
        CHECK(error.text[0] != '\0' && memchr(error.text, '\0', sizeof(error.text)) != NULL);
        return 0;
    }
    check_reversed(w, kql);
    check_sql(kql);
    check_needs(kql);
    kql_free(kql);
    return 0;
}
