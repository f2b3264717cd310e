// SPDX-License-Identifier: Apache-2.0
#include "store/restore.h"

#include <stdlib.h>

#include "../folder.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "flow/ledger.h"
#include "format/ecs.h"
#include "format/format.h"
#include "store/writer.h"

enum { PATH_SIZE = 256, POOL = 64, FLOWS = 300, LIST_MAX = 5, OUT_MAX = 32 << 20 };
enum { LONG_LISTS = 90, LONG_MAX = 4000 };
enum { FORMATS = 6, ELASTIC = 5 };

static const char MAPPING[] = "formatter:\n"
                              "  protobuf:\n"
                              "    - {name: ttl, index: 200, type: varint}\n"
                              "    - {name: payload, index: 201, type: bytes}\n"
                              "    - {name: label, index: 202, type: string}\n";

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct mapping *mapping;
    struct store *store;
    struct writer *writer;
    struct duck_conn *conn;
    struct batch_pool *pool;
    struct restorer *restorer;
    struct err err;
    uint64_t seed;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .seed = 88172645463325252U };
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder);
    struct store_settings settings = { .folder = f.store_folder };
    if (mapping_parse(MAPPING, strlen(MAPPING), "mapping", &f.mapping, &f.err) != 0) {
        fail_msg("%s", f.err.text);
    }
    settings.mapping = f.mapping;
    assert_int_equal(batch_pool_new(POOL, NULL, NULL, &f.pool), 0);
    if (store_open(&settings, &f.store, &f.err) != 0 ||
        writer_new(f.store, &f.writer, &f.err) != 0 ||
        store_connect(f.store, &f.conn, &f.err) != 0 ||
        restorer_new(f.store, f.pool, &f.restorer, &f.err) != 0) {
        fail_msg("%s", f.err.text);
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    restorer_free(f->restorer);
    duck_disconnect(f->conn);
    writer_free(f->writer);
    store_close(f->store);
    batch_pool_free(f->pool);
    mapping_free(f->mapping);
    folder_remove_store(f->store_folder);
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

// --- Random records ------------------------------------------------------------------------------

static uint64_t draw(struct fixture *f)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return f->seed;
}

static bool one_in(struct fixture *f, unsigned n)
{
    return draw(f) % n == 0;
}

static struct addr draw_addr(struct fixture *f)
{
    struct addr a = { 0 };
    static const uint8_t SIZES[] = { 4, 4, 4, 16, 16, 16, 0, 7 };
    a.size = SIZES[draw(f) % sizeof(SIZES)];
    for (size_t i = 0; i < a.size; i++) {
        a.bytes[i] = (uint8_t)draw(f);
    }
    if (a.size == 16 && one_in(f, 5)) { // IPv4-mapped, and said so
        memset(a.bytes, 0, 10);
        a.bytes[10] = a.bytes[11] = 0xff;
    }
    return a;
}

static struct span draw_text(struct fixture *f, struct batch *b, const char *const texts[4])
{
    const char *text = texts[draw(f) % 4];
    return batch_append(b, text, strlen(text));
}

static struct span draw_bytes(struct fixture *f, struct batch *b, size_t size_max)
{
    uint8_t bytes[256];
    size_t size = draw(f) % size_max + 1;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(0x20 + draw(f) % 0x5f);
    }
    return batch_append(b, bytes, size);
}

static void draw_list(struct fixture *f, struct batch *b, void *place, bool of_addrs)
{
    struct addr addrs[LIST_MAX];
    uint32_t numbers[LIST_MAX];
    struct span *span = place;
    uint32_t count = (uint32_t)(draw(f) % (LIST_MAX + 1));
    for (uint32_t i = 0; i < count; i++) {
        addrs[i] = draw_addr(f);
        numbers[i] = (uint32_t)(draw(f) % 100);
    }
    *span = of_addrs ? batch_append(b, addrs, count * sizeof(addrs[0]))
                     : batch_append(b, numbers, count * sizeof(numbers[0]));
    span->count = count;
}

static void draw_field(struct fixture *f, struct batch *b, struct flow *flow, enum field field)
{
    void *place = (uint8_t *)flow + FIELDS[field].offset;
    bool present = !one_in(f, 3);
    if (!present && !one_in(f, 20)) {
        return; // absent, and zero, as it is with most
    }
    flow->present |= present ? FLOW_BIT(field) : 0;
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
        *(uint32_t *)place = (uint32_t)(draw(f) % 7);
        break;
    case FIELD_KIND_U32:
        *(uint32_t *)place = (uint32_t)(one_in(f, 4) ? draw(f) : draw(f) % 300);
        break;
    case FIELD_KIND_U64:
        *(uint64_t *)place =
            one_in(f, 8) ? draw(f) : UINT64_C(1700000000000000000) + draw(f) % 1000;
        break;
    case FIELD_KIND_ADDR:
        *(struct addr *)place = draw_addr(f);
        break;
    default:
        draw_list(f, b, place, FIELDS[field].kind == FIELD_KIND_ADDRS);
        break;
    }
}

static void draw_place(struct fixture *f, struct batch *b, struct place *p)
{
    static const char *const GEO[] = { "{\"country_iso_code\":\"DE\",\"city_name\":\"Köln\"}",
                                       "{\"country_iso_code\":\"FR\"}", "", "" };
    static const char *const AS[] = { "{\"number\":64500,\"organization\":{\"name\":\"A\"}}",
                                      "{\"number\":64501}", "", "" };
    static const char *const NETWORKS[] = { "office", "dmz", "", "" };
    p->geo = draw_text(f, b, GEO);
    p->as = draw_text(f, b, AS);
    p->network = draw_text(f, b, NETWORKS);
    p->as_number = p->as.count > 0 ? (uint32_t)(64500 + draw(f) % 2) : 0;
    if (p->geo.count > 0) {
        memcpy(p->country, one_in(f, 2) ? "DE" : "FR", 2);
    }
}

static void draw_customs(struct fixture *f, struct batch *b, struct flow *flow)
{
    struct custom_value values[3];
    uint32_t count = (uint32_t)(draw(f) % 4);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (struct custom_value){ .column = (uint32_t)(draw(f) % 3) };
        if (f->mapping->customs[values[i].column].type == CUSTOM_VARINT) {
            values[i].number = draw(f);
        } else {
            values[i].bytes = draw_bytes(f, b, 40);
        }
    }
    flow->custom = batch_append(b, values, count * sizeof(values[0]));
    flow->custom.count = count;
}

static void draw_extras(struct fixture *f, struct batch *b, struct flow *flow)
{
    struct extra_value values[2];
    uint32_t count = (uint32_t)(draw(f) % 3);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (struct extra_value){ .name = batch_append(b, i == 0 ? "\"a\"" : "\"b\"", 3),
                                          .json = batch_append(b, "[1,\"x\"]", 7) };
    }
    flow->extras = batch_append(b, values, count * sizeof(values[0]));
    flow->extras.count = count;
}

static void draw_flow(struct fixture *f, struct batch *b, struct flow *flow)
{
    static const char *const NAMES[] = { "eth0", "core-1", "", "" };
    *flow = (struct flow){ .kind = one_in(f, 10) ? RECORD_ERROR : RECORD_FLOW };
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        draw_field(f, b, flow, field);
    }
    flow->index = (uint32_t)(draw(f) % 8);
    flow->lookups = (uint32_t)(draw(f) % 4);
    flow->sampling_default = one_in(f, 3) ? draw(f) % 5000 : 0;
    draw_place(f, b, &flow->src_place);
    draw_place(f, b, &flow->dst_place);
    flow->in_names.name = draw_text(f, b, NAMES);
    flow->in_names.alias = draw_text(f, b, NAMES);
    flow->out_names.name = draw_text(f, b, NAMES);
    flow->out_names.alias = draw_text(f, b, NAMES);
    flow->exporter_name = draw_text(f, b, NAMES);
    if (one_in(f, 3)) {
        draw_customs(f, b, flow);
        draw_extras(f, b, flow);
        flow->original = draw_bytes(f, b, 200);
        flow->body = draw_bytes(f, b, 60);
        flow->proto_text = draw_bytes(f, b, 10);
        flow->etype_text = draw_bytes(f, b, 10);
        flow->type_text = draw_bytes(f, b, 10);
    }
    if (flow->kind == RECORD_ERROR && flow->index >= LEDGER_ENTRY_COUNT) {
        flow->index = 0;
    }
    if (b->file_count > 0 && one_in(f, 2)) {
        flow->file = (uint32_t)(1 + draw(f) % b->file_count);
        flow->offset = draw(f) % 100000;
    }
}

static struct batch *draw_batch(struct fixture *f)
{
    struct batch *b = batch_get(f->pool);
    assert_non_null(b);
    for (uint32_t i = 0; i < 3; i++) {
        struct origin values = { .id = { .fingerprint = { draw(f), draw(f) }, .number = i },
                                 .device = 5,
                                 .inode = i,
                                 .is_file = i > 0,
                                 .path = i == 0 ? "-" : "goflow2.log",
                                 .input_type = i == 2 ? "log" : "import" };
        struct origin *o = origin_new(&values);
        assert_non_null(o);
        b->files[b->file_count++] = (struct batch_file){ .origin = o };
    }
    while (b->flow_count < FLOWS) {
        draw_flow(f, b, &b->flows[b->flow_count++]);
    }
    return b;
}

// --- Comparing -----------------------------------------------------------------------------------

static void same_bytes(const struct batch *a, struct span x, const struct batch *b, struct span y)
{
    assert_int_equal(x.count, y.count);
    assert_memory_equal(batch_bytes(a, x), batch_bytes(b, y), x.count);
}

static void same_field(const struct batch *a, const struct flow *x, const struct batch *b,
                       const struct flow *y, enum field field)
{
    const uint8_t *p = (const uint8_t *)x + FIELDS[field].offset;
    const uint8_t *q = (const uint8_t *)y + FIELDS[field].offset;
    const struct span *s = (const void *)p;
    const struct span *t = (const void *)q;
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        assert_memory_equal(p, q, sizeof(uint32_t));
        break;
    case FIELD_KIND_U64:
        assert_memory_equal(p, q, sizeof(uint64_t));
        break;
    case FIELD_KIND_ADDR:
        assert_memory_equal(p, q, sizeof(struct addr));
        break;
    case FIELD_KIND_ADDRS:
        assert_int_equal(s->count, t->count);
        assert_memory_equal(batch_addrs(a, *s), batch_addrs(b, *t), s->count * sizeof(struct addr));
        break;
    default:
        assert_int_equal(s->count, t->count);
        assert_memory_equal(batch_u32s(a, *s), batch_u32s(b, *t), s->count * sizeof(uint32_t));
        break;
    }
}

static void same_place(const struct batch *a, const struct place *x, const struct batch *b,
                       const struct place *y)
{
    same_bytes(a, x->geo, b, y->geo);
    same_bytes(a, x->as, b, y->as);
    same_bytes(a, x->network, b, y->network);
    assert_int_equal(x->as_number, y->as_number);
    assert_memory_equal(x->country, y->country, 2);
}

static void same_lists(const struct batch *a, const struct flow *x, const struct batch *b,
                       const struct flow *y)
{
    assert_int_equal(x->custom.count, y->custom.count);
    for (uint32_t i = 0; i < x->custom.count; i++) {
        const struct custom_value *v = &batch_customs(a, x->custom)[i];
        const struct custom_value *w = &batch_customs(b, y->custom)[i];
        assert_int_equal(v->column, w->column);
        assert_true(v->number == w->number);
        same_bytes(a, v->bytes, b, w->bytes);
    }
    assert_int_equal(x->extras.count, y->extras.count);
    for (uint32_t i = 0; i < x->extras.count; i++) {
        same_bytes(a, batch_extras(a, x->extras)[i].name, b, batch_extras(b, y->extras)[i].name);
        same_bytes(a, batch_extras(a, x->extras)[i].json, b, batch_extras(b, y->extras)[i].json);
    }
}

static void same_origin(const struct batch *a, const struct flow *x, const struct batch *b,
                        const struct flow *y)
{
    assert_int_equal(x->file != 0, y->file != 0);
    assert_int_equal(x->offset, y->offset);
    if (x->file != 0) {
        const struct origin *o = a->files[x->file - 1].origin;
        const struct origin *p = b->files[y->file - 1].origin;
        assert_memory_equal(&o->id, &p->id, sizeof(o->id));
        assert_string_equal(o->path, p->path);
        assert_string_equal(o->input_type, p->input_type);
        assert_int_equal(o->json_size, p->json_size);
        assert_memory_equal(o->json, p->json, o->json_size);
    }
}

static void same_flow(const struct batch *a, const struct flow *x, const struct batch *b,
                      const struct flow *y)
{
    char id_x[RECORD_ID_SIZE];
    char id_y[RECORD_ID_SIZE];
    assert_int_equal(x->kind, y->kind);
    assert_true(x->present == y->present);
    assert_int_equal(x->index, y->index);
    assert_int_equal(x->lookups, y->lookups);
    assert_true(x->sampling_default == y->sampling_default);
    for (enum field field = 0; field < FIELD_COUNT; field++) {
        same_field(a, x, b, y, field);
    }
    same_place(a, &x->src_place, b, &y->src_place);
    same_place(a, &x->dst_place, b, &y->dst_place);
    same_bytes(a, x->in_names.name, b, y->in_names.name);
    same_bytes(a, x->in_names.alias, b, y->in_names.alias);
    same_bytes(a, x->out_names.name, b, y->out_names.name);
    same_bytes(a, x->out_names.alias, b, y->out_names.alias);
    same_bytes(a, x->exporter_name, b, y->exporter_name);
    same_bytes(a, x->original, b, y->original);
    same_bytes(a, x->body, b, y->body);
    same_bytes(a, x->proto_text, b, y->proto_text);
    same_bytes(a, x->etype_text, b, y->etype_text);
    same_bytes(a, x->type_text, b, y->type_text);
    same_lists(a, x, b, y);
    same_origin(a, x, b, y);
    record_id(a, x, id_x);
    record_id(b, y, id_y);
    assert_memory_equal(id_x, id_y, RECORD_ID_SIZE);
}

/// Writes over a time of a document, which begins behind `key`.
static void hide_time(struct buf *text, const char *key)
{
    enum { DIGITS_MAX = 36 };
    char *found = strstr(buf_text(text), key);
    for (size_t i = strlen(key); found != NULL && i < strlen(key) + DIGITS_MAX; i++) {
        if (found[i] >= '0' && found[i] <= '9') {
            found[i] = 'x';
        }
    }
}

/// The documents of both but for when they were made, which in profile elastic is @timestamp too.
static void same_message(struct format *format, bool elastic, const struct batch *a,
                         const struct flow *x, const struct batch *b, const struct flow *y)
{
    struct buf texts[2];
    buf_init(&texts[0], OUT_MAX);
    buf_init(&texts[1], OUT_MAX);
    assert_int_equal(format_append(format, a, x, &texts[0]),
                     format_append(format, b, y, &texts[1]));
    for (size_t i = 0; i < 2; i++) {
        hide_time(&texts[i], "\"ingested\":\"");
        if (elastic) {
            hide_time(&texts[i], "\"@timestamp\":\"");
        }
    }
    assert_int_equal(texts[0].size, texts[1].size);
    assert_string_equal(buf_text(&texts[0]), buf_text(&texts[1]));
    buf_release(&texts[0]);
    buf_release(&texts[1]);
}

// --- Tests ---------------------------------------------------------------------------------------

/// What is compared with what comes back: IPv4 comes first.
struct expected {
    struct fixture *f;
    const struct batch *batch;
    struct format *formats[FORMATS];
    size_t count;
    uint32_t order[FLOWS];
    uint64_t last_id;
};

static bool compare(void *context, const struct batch *batch, const struct flow *flow, uint64_t id)
{
    struct expected *e = context;
    assert_true(id > e->last_id);
    e->last_id = id;
    const struct flow *stored = &e->batch->flows[e->order[e->count++]];
    same_flow(e->batch, stored, batch, flow);
    for (size_t i = 0; i < FORMATS && e->formats[i] != NULL; i++) {
        same_message(e->formats[i], i == ELASTIC, e->batch, stored, batch, flow);
    }
    return true;
}

static void make_order(struct expected *e)
{
    size_t count = 0;
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < FLOWS; i++) {
            if ((e->batch->flows[i].src_addr.size == 4) == (round == 0)) {
                e->order[count++] = i;
            }
        }
    }
}

static void store(struct fixture *f, struct batch *b)
{
    struct writer_count count;
    assert_int_equal(writer_add(f->writer, b, &count), 0);
    if (writer_commit(f->writer, &count, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
}

static void read_back(struct fixture *f, struct expected *e)
{
    static const char SQL[] = "SELECT flows.* FROM flows ORDER BY id";
    struct duck_stmt *s;
    assert_int_equal(duck_prepare(f->conn, SQL, &s, &f->err), 0);
    if (restore_records(f->restorer, s, compare, e, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
    duck_finish(s);
}

static void make_formats(struct fixture *f, const struct ecs_settings ecs[3], struct expected *e)
{
    static const struct {
        const char *name;
        size_t ecs;
    } WANTED[FORMATS] = { { "json", 0 }, { "text", 0 }, { "bin", 0 },
                          { "ecs", 0 },  { "ecs", 1 },  { "ecs", 2 } };
    for (size_t i = 0; i < FORMATS; i++) {
        struct format_settings settings = { .name = WANTED[i].name,
                                            .mapping = f->mapping,
                                            .ecs = &ecs[WANTED[i].ecs] };
        if (format_new(&settings, &e->formats[i], &f->err) != 0) {
            fail_msg("%s", f->err.text);
        }
    }
}

static void records_come_back_as_they_were(void **state)
{
    struct fixture *f = *state;
    const struct ecs_settings ecs[3] = {
        { .profile = ECS_PROFILE_WEIR,
          .version = "8.11.0",
          .tags = "a,b",
          .preserve_original = true,
          .namespace = "default",
          .dataset = "",
          .timezone = "",
          .fields = "",
          .agent_name = "n",
          .agent_version = "v",
          .show_id = true },
        { .profile = ECS_PROFILE_WEIR,
          .version = "8.11.0",
          .tags = "",
          .namespace = "default",
          .dataset = "x",
          .timezone = "",
          .fields = "",
          .agent_name = "n",
          .agent_version = "v" },
        { .profile = ECS_PROFILE_ELASTIC,
          .version = "8.11.0",
          .tags = "",
          .namespace = "default",
          .dataset = "",
          .timezone = "",
          .fields = "",
          .agent_name = "n",
          .agent_version = "v" },
    };
    for (int round = 0; round < 5; round++) {
        struct expected e = { .f = f, .batch = draw_batch(f) };
        make_order(&e);
        make_formats(f, ecs, &e);
        store(f, (struct batch *)(uintptr_t)e.batch);
        read_back(f, &e);
        assert_int_equal(e.count, FLOWS);
        for (size_t i = 0; i < FORMATS; i++) {
            format_free(e.formats[i]);
        }
        batch_unref((struct batch *)(uintptr_t)e.batch);
        assert_int_equal(duck_exec(f->conn, "DELETE FROM flows", &f->err), 0);
    }
}

static void draw_long_list(struct fixture *f, struct batch *b, struct flow *flow, enum field field)
{
    bool of_addrs = FIELDS[field].kind == FIELD_KIND_ADDRS;
    size_t each = of_addrs ? sizeof(struct addr) : sizeof(uint32_t);
    uint32_t count = (uint32_t)(LONG_MAX - draw(f) % 100);
    uint8_t *values = mem_zalloc(count * each);
    assert_non_null(values);
    for (uint32_t i = 0; i < count; i++) {
        struct addr a = draw_addr(f);
        uint32_t number = (uint32_t)draw(f);
        memcpy(values + i * each, of_addrs ? (const void *)&a : (const void *)&number, each);
    }
    struct span *span = (void *)((uint8_t *)flow + FIELDS[field].offset);
    *span = batch_append(b, values, count * each);
    assert_int_not_equal(span->count, 0);
    span->count = count;
    flow->present |= FLOW_BIT(field);
    mem_free(values);
}

/// Lists as long as a datagram can hold, different ones, more of them than any cache keeps.
static void long_lists_come_back(void **state)
{
    struct fixture *f = *state;
    struct batch *b = batch_get(f->pool);
    struct expected e = { .f = f, .batch = b };
    assert_non_null(b);
    while (b->flow_count < LONG_LISTS) {
        struct flow *flow = &b->flows[b->flow_count];
        *flow = (struct flow){ 0 };
        draw_long_list(f, b, flow,
                       b->flow_count % 2 == 0 ? FIELD_IPV6_ROUTING_HEADER_ADDRESSES
                                              : FIELD_AS_PATH);
        e.order[b->flow_count] = b->flow_count;
        b->flow_count++;
    }
    store(f, b);
    read_back(f, &e);
    assert_int_equal(e.count, LONG_LISTS);
    batch_unref(b);
}

static bool look_for_sizes(void *context, const struct batch *batch, const struct flow *flow,
                           uint64_t id)
{
    size_t *count = context;
    (void)id;
    assert_int_equal(flow->mpls_ip.count, 2);
    assert_int_equal(batch_addrs(batch, flow->mpls_ip)[0].size, 0);
    assert_int_equal(batch_addrs(batch, flow->mpls_ip)[1].size, 4);
    *count += 1;
    return true;
}

/// The size of an address is used to read it: one from a damaged store must not be believed.
static void a_damaged_size_is_no_address(void **state)
{
    struct fixture *f = *state;
    const struct addr list[2] = { addr_v4((const uint8_t[]){ 192, 0, 2, 1 }),
                                  addr_v4((const uint8_t[]){ 192, 0, 2, 2 }) };
    struct batch *b = batch_get(f->pool);
    struct duck_stmt *s;
    size_t count = 0;
    assert_non_null(b);
    b->flows[b->flow_count++] =
        (struct flow){ .present = FLOW_BIT(FIELD_MPLS_IP),
                       .mpls_ip = { .offset = batch_append(b, list, sizeof(list)).offset,
                                    .count = 2 } };
    store(f, b);
    assert_int_equal(
        duck_exec(f->conn, "UPDATE texts SET value = ('\\xFF'::BLOB || value[2:])", &f->err), 0);
    assert_int_equal(duck_prepare(f->conn, "SELECT flows.* FROM flows", &s, &f->err), 0);
    assert_int_equal(restore_records(f->restorer, s, look_for_sizes, &count, &f->err), 0);
    assert_int_equal(count, 1);
    duck_finish(s);
    batch_unref(b);
}

static bool take_three(void *context, const struct batch *batch, const struct flow *flow,
                       uint64_t id)
{
    uint64_t *count = context;
    (void)batch;
    (void)flow;
    (void)id;
    *count += 1;
    return *count < 3;
}

static void enough_is_enough(void **state)
{
    struct fixture *f = *state;
    struct batch *b = draw_batch(f);
    struct duck_stmt *s;
    uint64_t count = 0;
    store(f, b);
    assert_int_equal(duck_prepare(f->conn, "SELECT flows.* FROM flows", &s, &f->err), 0);
    assert_int_equal(restore_records(f->restorer, s, take_three, &count, &f->err), 0);
    assert_int_equal(count, 3);
    count = 0; // and the connection is of use still
    assert_int_equal(restore_records(f->restorer, s, take_three, &count, &f->err), 0);
    assert_int_equal(count, 3);
    duck_finish(s);
    batch_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_come_back_as_they_were, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lists_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_size_is_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enough_is_enough, set_up, tear_down),
    };
    return UNIT_MAIN("store/restore", tests);
}
