// SPDX-License-Identifier: Apache-2.0
/* Columns that no field stands for: asked of records, of the store, and of what the store gives
 * back, also under another mapping; and of a `rest` that is damaged. */
#include "store/sql_match.h"

#include <stdlib.h>

#include "../folder.h"
#include "store/rest.h"
#include "store/restore.h"
#include "store/sql.h"
#include "store/store.h"
#include "store/writer.h"

#include "others.h"

enum { PATH_SIZE = 256, FLOWS = 400, TEXT_SIZE = 4 << 10, KEPT_MAX = 30 };

/// The same store, later: columns have gone, changed, and come.
static const char NEXT_MAPPING[] = "formatter:\n"
                                   "  fields: [n, ns, hex, ip, own, site]\n"
                                   "  protobuf:\n"
                                   "    - {name: n, index: 200, type: string}\n"
                                   "    - {name: ns, index: 201, type: varint}\n"
                                   "    - {name: hex, index: 203, type: bytes, array: true}\n"
                                   "    - {name: ip, index: 204, type: bytes}\n"
                                   "    - {name: own, index: 209, type: string}\n"
                                   "    - {name: site, index: 300, type: string}\n"
                                   "  render: {hex: string, n: string, site: string}\n"
                                   "  rename: {hex: text, site: other}\n";

/// A record as it came, or as the store gives it back.
struct asked {
    const struct batch *batch;
    const struct flow *flow;
};

struct fixture {
    char folder[FOLDER_SIZE];
    char store_folder[PATH_SIZE];
    struct mapping *mapping;
    struct store *store;
    struct writer *writer;
    struct duck_conn *conn;
    struct batch_pool *pool;
    struct batch *batch;
    size_t kept_count;
    struct batch *kept[KEPT_MAX];
    struct asked asked[FLOWS];
    struct err err;
    char text[TEXT_SIZE];
    size_t size;
};

static void open_store(struct fixture *f, const char *mapping)
{
    struct store_settings settings = { .folder = f->store_folder };
    f->mapping = others_mapping(mapping);
    settings.mapping = f->mapping;
    if (store_open(&settings, &f->store, &f->err) != 0 ||
        writer_new(f->store, &f->writer, &f->err) != 0 ||
        store_connect(f->store, &f->conn, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
}

static void close_store(struct fixture *f)
{
    duck_disconnect(f->conn);
    writer_free(f->writer);
    store_close(f->store);
    mapping_free(f->mapping);
}

static int set_up(void **state)
{
    static struct fixture f;
    uint64_t seed = 88172645463325252U;
    struct writer_count count;
    f = (struct fixture){ 0 };
    folder_make(f.folder);
    (void)snprintf(f.store_folder, sizeof(f.store_folder), "%s/store", f.folder);
    assert_int_equal(batch_pool_new(KEPT_MAX + 2, NULL, NULL, &f.pool), 0);
    open_store(&f, OTHERS_MAPPING);
    f.batch = batch_get(f.pool);
    for (uint32_t i = 0; i < FLOWS; i++) {
        struct flow *flow = &f.batch->flows[f.batch->flow_count++];
        *flow = (struct flow){ .kind = RECORD_FLOW, .index = i };
        f.asked[i] = (struct asked){ f.batch, flow };
        if (i % 3 > 0) {
            others_draw_customs(&seed, f.mapping, f.batch, flow);
        }
        if (i % 4 > 1) {
            others_draw_extras(&seed, f.batch, flow);
        }
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
    close_store(f);
    batch_unref(f->batch);
    for (size_t i = 0; i < f->kept_count; i++) {
        batch_unref(f->kept[i]);
    }
    batch_pool_free(f->pool);
    folder_remove_store(f->store_folder);
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

// --- Asking --------------------------------------------------------------------------------------

static void put(struct fixture *f, const char *text)
{
    size_t size = strlen(text);
    if (f->size + size < sizeof(f->text)) {
        memcpy(f->text + f->size, text, size + 1);
        f->size += size;
    }
}

static void ask_store(struct fixture *f, const struct kql *kql, bool ret_found[FLOWS])
{
    struct sql q;
    struct duck_stmt *s = NULL;
    struct duck_rows *rows = NULL;
    sql_init(&q);
    sql_text(&q, "SELECT flow_index FROM records WHERE ");
    sql_where(&q, kql);
    if (sql_prepare(&q, f->conn, &s, &f->err) != 0 || duck_run(s, &rows, &f->err) != 0) {
        fail_msg("%s: %s", f->text, f->err.text);
    }
    int more;
    memset(ret_found, 0, FLOWS * sizeof(ret_found[0]));
    while ((more = duck_next(rows, &f->err)) > 0) {
        ret_found[duck_u64(rows, 0)] = true;
    }
    if (more < 0) {
        fail_msg("%s: %s", f->text, f->err.text);
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
    const struct kql_context context = { .mapping = f->mapping };
    if (kql_parse(f->text, f->size, &context, &kql, &error) != 0) {
        return -1;
    }
    ask_store(f, kql, found);
    int count = 0;
    for (uint32_t i = 0; i < FLOWS; i++) {
        if (kql_matches(kql, f->asked[i].batch, f->asked[i].flow) != found[i]) {
            fail_msg("%s: record %u is %s the store only", f->text, i, found[i] ? "in" : "out of");
        }
        count += found[i];
    }
    kql_free(kql);
    return count;
}

/// Asks for each column with each value; returns how often some records are meant.
static unsigned ask_others(struct fixture *f)
{
    unsigned some = 0;
    for (size_t name = 0; name < OTHER_COUNT; name++) {
        for (size_t i = 0; i < OTHER_VALUE_COUNT + OTHER_RANGE_COUNT; i++) {
            f->size = 0;
            put(f, OTHERS[name]);
            put(f, i < OTHER_VALUE_COUNT ? ": " : "");
            put(f, i < OTHER_VALUE_COUNT ? OTHER_VALUES[i] : OTHER_RANGES[i - OTHER_VALUE_COUNT]);
            int count = compare(f);
            some += count > 0 && count < FLOWS;
        }
    }
    print_message("%u questions with some records\n", some);
    return some;
}

static void records_and_store_agree(void **state)
{
    struct fixture *f = *state;
    assert_true(ask_others(f) > 200);
}

/// A restore_each_fn: what the store gives back is what is asked.
static bool keep(void *context, const struct batch *batch, const struct flow *flow, uint64_t id)
{
    struct fixture *f = context;
    union {
        const struct batch *seen;
        struct batch *kept;
    } b = { .seen = batch };
    (void)id;
    if (f->kept_count == 0 || f->kept[f->kept_count - 1] != batch) {
        batch_ref(b.kept);
        f->kept[f->kept_count++] = b.kept;
    }
    f->asked[flow->index] = (struct asked){ batch, flow };
    return f->kept_count < KEPT_MAX;
}

static void records_agree_after_another_mapping(void **state)
{
    struct fixture *f = *state;
    struct restorer *restorer;
    struct duck_stmt *s;
    close_store(f);
    open_store(f, NEXT_MAPPING);
    if (restorer_new(f->store, f->pool, &restorer, &f->err) != 0 ||
        duck_prepare(f->conn, "SELECT flows.* FROM flows", &s, &f->err) != 0 ||
        restore_records(restorer, s, keep, f, &f->err) != 0) {
        fail_msg("%s", f->err.text);
    }
    duck_finish(s);
    restorer_free(restorer);
    assert_true(ask_others(f) > 200);
}

// --- Damage --------------------------------------------------------------------------------------

/// What kql_leaf() says of a `rest`.
static bool ask_leaf(struct fixture *f, const struct kql *kql, const uint8_t *rest, size_t size)
{
    struct sql q;
    struct buf leaf;
    struct duck_stmt *s = NULL;
    struct duck_rows *rows = NULL;
    buf_init(&leaf, TEXT_SIZE);
    sql_init(&q);
    sql_match_pack(kql_root(kql), &leaf);
    sql_text(&q, "SELECT CASE WHEN kql_leaf(");
    sql_blob(&q, rest, size);
    sql_text(&q, ", 'rest other', ");
    sql_bytes(&q, (const char *)leaf.data, leaf.size);
    sql_text(&q, ") THEN 1 ELSE 0 END");
    if (sql_prepare(&q, f->conn, &s, &f->err) != 0 || duck_run(s, &rows, &f->err) != 0 ||
        duck_next(rows, &f->err) != 1) {
        fail_msg("%s", f->err.text);
    }
    bool found = duck_u64(rows, 0) == 1;
    duck_rows_free(rows);
    duck_finish(s);
    sql_release(&q);
    buf_release(&leaf);
    return found;
}

/// Cut and flipped everywhere: what comes before the damage is found, and nothing else happens.
static void damage_does_no_harm(void **state)
{
    static const struct {
        const char *text;
        unsigned entries; ///< how many of the entries it takes to be so
    } ASKED[] = { { "goflow2.n: 5", 1 },
                  { "goflow2.ip: 10.0.0.1", 2 },
                  { "goflow2.hex: 0a*", 3 },
                  { "goflow2.site: north", 4 },
                  { "goflow2.left: 6162", 5 } };
    struct fixture *f = *state;
    struct kql_error error;
    struct buf rest;
    size_t ends[6];
    const struct kql_context context = { .mapping = f->mapping };
    buf_init(&rest, TEXT_SIZE);
    ends[0] = 0;
    rest_put(&rest, REST_CUSTOM_NUMBER, "n", 1, "\0\0\0\0\0\0\0\5", 8);
    ends[1] = rest.size;
    rest_put(&rest, REST_CUSTOM_BYTES, "ip", 2, "\x0a\0\0\1", 4);
    ends[2] = rest.size;
    rest_put(&rest, REST_CUSTOM_BYTES, "hex", 3, "\x0a\xff", 2);
    ends[3] = rest.size;
    rest_put(&rest, REST_EXTRA, "\"s\\u0069te\"", 11, "[1,[\"n\\u006frth\"]]", 18);
    ends[4] = rest.size;
    rest_put(&rest, REST_CUSTOM_BYTES, "left", 4, "ab", 2);
    ends[5] = rest.size;
    for (size_t i = 0; i < sizeof(ASKED) / sizeof(ASKED[0]); i++) {
        struct kql *kql;
        assert_int_equal(kql_parse(ASKED[i].text, strlen(ASKED[i].text), &context, &kql, &error),
                         0);
        for (size_t size = 1; size <= rest.size; size++) {
            assert_int_equal(ask_leaf(f, kql, rest.data, size), size >= ends[ASKED[i].entries]);
        }
        for (size_t bit = 0; bit < 8 * rest.size; bit++) {
            rest.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            bool found = ask_leaf(f, kql, rest.data, rest.size);
            assert_true(found || bit / 8 < ends[ASKED[i].entries]);
            rest.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        kql_free(kql);
    }
    buf_release(&rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_and_store_agree, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_agree_after_another_mapping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_does_no_harm, set_up, tear_down),
    };
    return UNIT_MAIN("store/sql_match", tests);
}
