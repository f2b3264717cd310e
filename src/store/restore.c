// SPDX-License-Identifier: Apache-2.0
/*
 * Rows are read in groups: their numbers first, then all texts that the group names, with one
 * statement on a connection of the restorer's own, because the first one is busy with the rows;
 * then each record is built in a batch and handed over.
 *
 * place.as_name is not restored: whoever shows the organization takes it from the JSON in place.as.
 */
#include "store/restore.h"

#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "store/rest.h"
#include "store/schema.h"

enum {
    GROUP = 64, ///< rows
    COLUMNS_MAX = 128,
    TEXT_IDS_MAX = 24, ///< of a row, at most
    CACHE_SLOTS = 1 << 12,
    CACHE_KEPT_MAX = 2 << 20, ///< bytes that are kept for the next group
    ORIGINS_MAX = 256,
    GROUP_SIZE_ENOUGH = 16 << 20, ///< bytes in `rest` after which a group has no more rows
    GROUP_SIZE_MAX = 256 << 20,
    CACHE_SIZE_MAX = CACHE_KEPT_MAX + GROUP_SIZE_MAX,
    PACKED_ADDR_SIZE = 17,
    NAME_SIZE_MAX = 64,
};

/// A row as it was read; numbers of BIGINT columns as two's complement.
struct raw {
    uint64_t values[COLUMNS_MAX];
    bool nulls[COLUMNS_MAX];
    size_t rest_at; ///< in group.rest
    size_t rest_size;
};

/// A text that is known, in restorer.texts.
struct known {
    uint32_t id; ///< 0: free
    struct span text;
};

struct restorer {
    struct store *store;
    struct batch_pool *pool;
    struct duck_conn *conn;
    size_t known_count;
    struct known known[CACHE_SLOTS];
    struct buf texts;
    uint32_t origin_ids[ORIGINS_MAX];
    struct origin *origins[ORIGINS_MAX];
    struct buf rests;
    struct buf scratch;
    struct buf list;
    size_t row_count;
    struct raw rows[GROUP];
};

/// The columns that are numbers of texts, and where they go.
struct text_column {
    enum store_column column;
    size_t offset; ///< of the span in struct flow
};

static const struct text_column TEXT_COLUMNS[] = {
    { COL_SRC_GEO, offsetof(struct flow, src_place.geo) },
    { COL_DST_GEO, offsetof(struct flow, dst_place.geo) },
    { COL_SRC_AS_ORG, offsetof(struct flow, src_place.as) },
    { COL_DST_AS_ORG, offsetof(struct flow, dst_place.as) },
    { COL_SRC_NETWORK, offsetof(struct flow, src_place.network) },
    { COL_DST_NETWORK, offsetof(struct flow, dst_place.network) },
    { COL_IN_IF_NAME, offsetof(struct flow, in_names.name) },
    { COL_IN_IF_ALIAS, offsetof(struct flow, in_names.alias) },
    { COL_OUT_IF_NAME, offsetof(struct flow, out_names.name) },
    { COL_OUT_IF_ALIAS, offsetof(struct flow, out_names.alias) },
    { COL_EXPORTER_NAME, offsetof(struct flow, exporter_name) },
};

enum { TEXT_COLUMN_COUNT = sizeof(TEXT_COLUMNS) / sizeof(TEXT_COLUMNS[0]) };

static const char *const COLUMN_NAMES[] = {
#define STORE_COLUMN(name, text, type) [COL_##name] = text,
    STORE_COLUMNS(STORE_COLUMN)
#undef STORE_COLUMN
};

int restorer_new(struct store *s, struct batch_pool *pool, struct restorer **ret_restorer,
                 struct err *err)
{
    struct restorer *r = mem_zalloc(sizeof(*r));
    if (r == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    r->store = s;
    r->pool = pool;
    buf_init(&r->texts, CACHE_SIZE_MAX);
    buf_init(&r->rests, GROUP_SIZE_MAX);
    buf_init(&r->scratch, BATCH_ARENA_SIZE);
    buf_init(&r->list, BATCH_ARENA_SIZE);
    if (store_connect(s, &r->conn, err) != 0) {
        restorer_free(r);
        return err->status;
    }
    *ret_restorer = r;
    return 0;
}

void restorer_free(struct restorer *r)
{
    if (r != NULL) {
        for (size_t i = 0; i < ORIGINS_MAX; i++) {
            origin_unref(r->origins[i]);
        }
        buf_release(&r->texts);
        buf_release(&r->rests);
        buf_release(&r->scratch);
        buf_release(&r->list);
        duck_disconnect(r->conn);
        mem_free(r);
    }
}

// --- Rows ----------------------------------------------------------------------------------------

static bool is_signed(size_t column)
{
    return column == COL_TS || column == schema_column(FIELD_TIME_RECEIVED_NS) ||
           column == schema_column(FIELD_TIME_FLOW_START_NS) ||
           column == schema_column(FIELD_TIME_FLOW_END_NS);
}

static int read_row(struct restorer *r, const struct duck_rows *rows, size_t columns,
                    struct err *err)
{
    struct raw *raw = &r->rows[r->row_count];
    for (size_t i = 0; i < columns; i++) {
        raw->nulls[i] = duck_is_null(rows, i);
        raw->values[i] = is_signed(i) ? (uint64_t)duck_i64(rows, i) : duck_u64(rows, i);
    }
    struct duck_text rest = duck_bytes(rows, COL_REST);
    raw->rest_at = r->rests.size;
    raw->rest_size = rest.size;
    buf_append(&r->rests, rest.data, rest.size);
    if (r->rests.bad) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    r->row_count++;
    return 0;
}

/// Reads up to GROUP rows, fewer when they are large. Negative: an error.
static int read_group(struct restorer *r, struct duck_rows *rows, struct err *err)
{
    r->row_count = 0;
    buf_clear(&r->rests);
    size_t columns = schema_column_count();
    int found = 1;
    while (r->row_count < GROUP && r->rests.size < GROUP_SIZE_ENOUGH &&
           (found = duck_next(rows, err)) > 0) {
        if (read_row(r, rows, columns, err) != 0) {
            return err->status;
        }
    }
    return found < 0 ? found : 0;
}

// --- Texts ---------------------------------------------------------------------------------------

static struct known *find(struct restorer *r, uint32_t id)
{
    size_t at = id * UINT32_C(2654435761) % CACHE_SLOTS;
    while (r->known[at].id != 0 && r->known[at].id != id) {
        at = (at + 1) % CACHE_SLOTS;
    }
    return &r->known[at];
}

static void forget_texts(struct restorer *r)
{
    memset(r->known, 0, sizeof(r->known));
    r->known_count = 0;
    buf_clear(&r->texts);
}

/// Calls for every number of a text that a row has: those of places and names, those of lists.
static size_t text_ids(const struct raw *raw, uint32_t ret_ids[static TEXT_IDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < TEXT_COLUMN_COUNT; i++) {
        ret_ids[count++] = (uint32_t)raw->values[TEXT_COLUMNS[i].column];
    }
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        bool is_list = FIELDS[f].kind == FIELD_KIND_U32S || FIELDS[f].kind == FIELD_KIND_ADDRS ||
                       FIELDS[f].kind == FIELD_KIND_LAYERS;
        if (is_list) {
            CHECK(count < TEXT_IDS_MAX);
            ret_ids[count++] = (uint32_t)raw->values[schema_column(f)];
        }
    }
    return count;
}

static int load_texts(struct restorer *r, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_ask(r->conn, buf_text(&r->scratch), &rows, err);
    if (status != 0) {
        return status;
    }
    int found;
    while ((found = duck_next(rows, err)) > 0) {
        uint32_t id = (uint32_t)duck_u64(rows, 0);
        struct duck_text text = duck_bytes(rows, 1);
        struct known *known = find(r, id);
        if (known->id == 0) {
            *known = (struct known){ .id = id,
                                     .text = { .offset = (uint32_t)r->texts.size,
                                               .count = (uint32_t)text.size } };
            r->known_count++;
            buf_append(&r->texts, text.data, text.size);
        }
    }
    duck_rows_free(rows);
    if (found == 0 && r->texts.bad) {
        found = err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    return found;
}

/// Sees to it that all texts of the group are known.
static int find_texts(struct restorer *r, struct err *err)
{
    if (r->known_count > CACHE_SLOTS / 4 || r->texts.size > CACHE_KEPT_MAX) {
        forget_texts(r); // the group has room for all of its own
    }
    size_t missing = 0;
    buf_clear(&r->scratch);
    buf_append_text(&r->scratch, "SELECT id, value FROM texts WHERE id IN (");
    for (size_t i = 0; i < r->row_count; i++) {
        uint32_t ids[TEXT_IDS_MAX];
        size_t count = text_ids(&r->rows[i], ids);
        for (size_t j = 0; j < count; j++) {
            if (ids[j] != 0 && find(r, ids[j])->id == 0) {
                buf_printf(&r->scratch, "%s%u", missing++ > 0 ? "," : "", ids[j]);
            }
        }
    }
    buf_append_text(&r->scratch, ")");
    if (r->scratch.bad) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    return missing > 0 ? load_texts(r, err) : 0;
}

// --- Files ---------------------------------------------------------------------------------------

static struct origin *make_origin(const struct duck_rows *rows)
{
    struct duck_text path = duck_bytes(rows, 6);
    struct duck_text type = duck_bytes(rows, 7);
    char *path_text = mem_strndup(path.data, path.size);
    char *type_text = mem_strndup(type.data, type.size);
    const struct origin values = { .id = { .fingerprint = { duck_u64(rows, 0), duck_u64(rows, 1) },
                                           .number = duck_u64(rows, 2) },
                                   .device = duck_u64(rows, 3),
                                   .inode = duck_u64(rows, 4),
                                   .is_file = duck_u64(rows, 5) != 0,
                                   .path = path_text,
                                   .input_type = type_text };
    struct origin *o = path_text == NULL || type_text == NULL ? NULL : origin_new(&values);
    mem_free(path_text);
    mem_free(type_text);
    return o;
}

/// The file of a number; the restorer's own reference.
static int find_origin(struct restorer *r, uint32_t id, struct origin **ret_origin, struct err *err)
{
    size_t at = id % ORIGINS_MAX;
    if (r->origins[at] != NULL && r->origin_ids[at] == id) {
        *ret_origin = r->origins[at];
        return 0;
    }
    struct duck_rows *rows;
    buf_clear(&r->scratch);
    buf_printf(&r->scratch,
               "SELECT fingerprint_lo, fingerprint_hi, number, device, inode, is_file, path, "
               "input_type FROM files WHERE id = %u",
               id);
    int status = duck_ask(r->conn, buf_text(&r->scratch), &rows, err);
    if (status != 0) {
        return status;
    }
    int found = duck_next(rows, err);
    struct origin *o = found > 0 ? make_origin(rows) : NULL;
    duck_rows_free(rows);
    if (o == NULL) {
        return found < 0 ? found : err_set(err, ERR_INVALID, "the store has no file %u", id);
    }
    origin_unref(r->origins[at]);
    r->origins[at] = o;
    r->origin_ids[at] = id;
    *ret_origin = o;
    return 0;
}

// --- A record ------------------------------------------------------------------------------------

/// What a record is built from.
struct build {
    struct restorer *r;
    const struct raw *raw;
    struct batch *batch;
    struct flow *flow;
    bool overflow; ///< the arena is full
};

static struct span keep(struct build *b, const void *bytes, size_t size)
{
    struct span span = batch_append(b->batch, bytes, size);
    b->overflow = b->overflow || (size > 0 && span.count == 0);
    return span;
}

static void *member(struct flow *flow, enum field field)
{
    return (uint8_t *)flow + FIELDS[field].offset;
}

static bool known_text(struct build *b, uint32_t id, const uint8_t **ret_text, size_t *ret_size)
{
    const struct known *known = find(b->r, id);
    *ret_text = b->r->texts.data + known->text.offset;
    *ret_size = known->text.count;
    return known->id != 0;
}

static void set_addr(struct addr *a, uint64_t hi, uint64_t lo)
{
    uint8_t bytes[ADDR_V6_SIZE];
    hi = __builtin_bswap64(hi);
    lo = __builtin_bswap64(lo);
    memcpy(bytes, &hi, sizeof(hi));
    memcpy(bytes + sizeof(hi), &lo, sizeof(lo));
    static const uint8_t MAPPED[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    bool is_v4 = memcmp(bytes, MAPPED, sizeof(MAPPED)) == 0;
    *a = is_v4 ? addr_v4(bytes + sizeof(MAPPED)) : addr_v6(bytes);
}

/// PACKED_ADDR_SIZE bytes; a size that none can have (damage) leaves it empty.
static struct addr unpack_addr(const uint8_t *bytes)
{
    struct addr a = { .size = bytes[0] };
    if (a.size > sizeof(a.bytes)) {
        return (struct addr){ 0 };
    }
    memcpy(a.bytes, bytes + 1, sizeof(a.bytes));
    return a;
}

/// A list as `texts` and `rest` have it, into the arena.
static void set_list(struct build *b, enum field field, const uint8_t *bytes, size_t size)
{
    struct span *span = member(b->flow, field);
    if (FIELDS[field].kind != FIELD_KIND_ADDRS) {
        *span = keep(b, bytes, size);
        span->count /= sizeof(uint32_t);
        return;
    }
    buf_clear(&b->r->list);
    for (size_t at = 0; at + PACKED_ADDR_SIZE <= size; at += PACKED_ADDR_SIZE) {
        struct addr a = unpack_addr(bytes + at);
        buf_append(&b->r->list, &a, sizeof(a));
    }
    b->overflow = b->overflow || b->r->list.bad;
    *span = keep(b, b->r->list.data, b->r->list.size);
    span->count /= sizeof(struct addr);
}

static void set_field(struct build *b, enum field field, size_t column)
{
    const struct raw *raw = b->raw;
    void *place = member(b->flow, field);
    if (raw->nulls[column]) {
        return;
    }
    b->flow->present |= FLOW_BIT(field);
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        *(uint32_t *)place = (uint32_t)raw->values[column];
        break;
    case FIELD_KIND_U64:
        *(uint64_t *)place =
            raw->values[column] + (schema_is_time(field) ? raw->values[COL_TS] : 0);
        break;
    case FIELD_KIND_ADDR:
        set_addr(place, raw->values[column], raw->values[column + 1]);
        break;
    default: {
        const uint8_t *text;
        size_t size;
        if (known_text(b, (uint32_t)raw->values[column], &text, &size)) {
            set_list(b, field, text, size);
        }
        break;
    }
    }
}

static void set_country(const struct raw *raw, size_t column, struct place *place)
{
    if (!raw->nulls[column]) {
        place->country[0] = (char)(raw->values[column] >> 8);
        place->country[1] = (char)(raw->values[column] & 0xff);
    }
}

static void set_texts(struct build *b)
{
    for (size_t i = 0; i < TEXT_COLUMN_COUNT; i++) {
        uint32_t id = (uint32_t)b->raw->values[TEXT_COLUMNS[i].column];
        const uint8_t *text;
        size_t size;
        if (id != 0 && known_text(b, id, &text, &size)) {
            struct span *span = (void *)((uint8_t *)b->flow + TEXT_COLUMNS[i].offset);
            *span = keep(b, text, size);
        }
    }
}

/// The AS number is a database's where there is a JSON object of it.
static void set_places(struct build *b)
{
    struct flow *f = b->flow;
    const struct raw *raw = b->raw;
    set_country(raw, COL_SRC_COUNTRY, &f->src_place);
    set_country(raw, COL_DST_COUNTRY, &f->dst_place);
    f->src_place.as_number = f->src_place.as.count > 0 ? (uint32_t)raw->values[COL_SRC_ASN] : 0;
    f->dst_place.as_number = f->dst_place.as.count > 0 ? (uint32_t)raw->values[COL_DST_ASN] : 0;
}

// --- What has no column --------------------------------------------------------------------------

static int custom_by_name(const struct mapping *mapping, const struct rest_entry *e)
{
    bool is_number = e->tag == REST_CUSTOM_NUMBER;
    int i = mapping == NULL ? -1 : mapping_custom_by_name(mapping, e->name, e->name_size);
    return i >= 0 && (mapping->customs[i].type == CUSTOM_VARINT) == is_number ? i : -1;
}

static void add_custom(struct build *b, const struct rest_entry *e, int column)
{
    struct custom_value value = { .column = (uint32_t)column };
    if (e->tag == REST_CUSTOM_NUMBER) {
        value.number = rest_number(e);
    } else {
        value.bytes = keep(b, e->value, e->value_size);
    }
    buf_append(&b->r->scratch, &value, sizeof(value));
}

/// Number, or hexadecimal digits, as JSON.
static struct span custom_json(struct build *b, const struct rest_entry *e)
{
    struct buf json;
    buf_init(&json, 2 * e->value_size + 32);
    if (e->tag == REST_CUSTOM_NUMBER) {
        buf_append_u64(&json, rest_number(e));
    } else {
        buf_append_char(&json, '"');
        for (size_t i = 0; i < e->value_size; i++) {
            buf_printf(&json, "%02x", e->value[i]);
        }
        buf_append_char(&json, '"');
    }
    struct span span = keep(b, json.data, json.size);
    buf_release(&json);
    return span;
}

static struct extra_value make_extra(struct build *b, const struct rest_entry *e)
{
    if (e->tag == REST_EXTRA) {
        return (struct extra_value){ .name = keep(b, e->name, e->name_size),
                                     .json = keep(b, e->value, e->value_size) };
    }
    enum { ROOM = 4096 };
    uint8_t name[ROOM];
    size_t size = e->name_size < ROOM / JSON_ESCAPE_SIZE_MAX - 2 ? e->name_size
                                                                 : ROOM / JSON_ESCAPE_SIZE_MAX - 2;
    uint8_t *end = json_put_string(name, (const uint8_t *)e->name, size);
    return (struct extra_value){ .name = keep(b, name, (size_t)(end - name)),
                                 .json = custom_json(b, e) };
}

static void set_odd_field(struct build *b, const struct rest_entry *e)
{
    char name[NAME_SIZE_MAX];
    bool absent = e->name_size > 0 && e->name[0] == '!';
    size_t size = e->name_size - absent;
    if (size >= sizeof(name)) {
        return;
    }
    memcpy(name, e->name + absent, size);
    name[size] = '\0';
    int field = field_by_json_name(name);
    if (field < 0) {
        return;
    }
    b->flow->present |= absent ? 0 : FLOW_BIT(field);
    void *place = member(b->flow, (enum field)field);
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        *(uint32_t *)place = (uint32_t)rest_number(e);
        break;
    case FIELD_KIND_U64:
        *(uint64_t *)place = rest_number(e);
        break;
    case FIELD_KIND_ADDR:
        if (e->value_size == PACKED_ADDR_SIZE) {
            *(struct addr *)place = unpack_addr(e->value);
        }
        break;
    default:
        set_list(b, (enum field)field, e->value, e->value_size);
        break;
    }
}

static void set_odd_text(struct build *b, const struct rest_entry *e)
{
    for (size_t i = 0; i < TEXT_COLUMN_COUNT; i++) {
        const char *name = COLUMN_NAMES[TEXT_COLUMNS[i].column];
        if (strlen(name) == e->name_size && memcmp(name, e->name, e->name_size) == 0) {
            struct span *span = (void *)((uint8_t *)b->flow + TEXT_COLUMNS[i].offset);
            *span = keep(b, e->value, e->value_size);
        }
    }
}

/// What is one text or field of a record.
static void set_entry(struct build *b, const struct rest_entry *e)
{
    struct flow *f = b->flow;
    switch (e->tag) {
    case REST_BODY:
        f->body = keep(b, e->value, e->value_size);
        break;
    case REST_ORIGINAL:
        f->original = keep(b, e->value, e->value_size);
        break;
    case REST_PROTO_TEXT:
        f->proto_text = keep(b, e->value, e->value_size);
        break;
    case REST_ETYPE_TEXT:
        f->etype_text = keep(b, e->value, e->value_size);
        break;
    case REST_TYPE_TEXT:
        f->type_text = keep(b, e->value, e->value_size);
        break;
    case REST_FIELD:
        set_odd_field(b, e);
        break;
    case REST_TEXT:
        set_odd_text(b, e);
        break;
    default: // lists of them: set_rest()
        break;
    }
}

/// The customs that the mapping has (`customs`), or the extras and the other customs, as a list.
static struct span collect(struct build *b, bool customs)
{
    const struct mapping *mapping = store_settings(b->r->store)->mapping;
    struct rest_reader reader;
    struct rest_entry e;
    uint32_t count = 0;
    buf_clear(&b->r->scratch);
    rest_read(&reader, b->r->rests.data + b->raw->rest_at, b->raw->rest_size);
    while (rest_next(&reader, &e)) {
        bool is_custom = e.tag == REST_CUSTOM_NUMBER || e.tag == REST_CUSTOM_BYTES;
        int column = is_custom ? custom_by_name(mapping, &e) : -1;
        if (customs && column >= 0) {
            add_custom(b, &e, column);
            count++;
        } else if (!customs && column < 0 && (is_custom || e.tag == REST_EXTRA)) {
            struct extra_value extra = make_extra(b, &e);
            buf_append(&b->r->scratch, &extra, sizeof(extra));
            count++;
        }
    }
    struct span span = keep(b, b->r->scratch.data, b->r->scratch.size);
    b->overflow = b->overflow || b->r->scratch.bad;
    return (struct span){ .offset = span.offset, .count = span.count == 0 ? 0 : count };
}

static void set_rest(struct build *b)
{
    if (b->raw->rest_size == 0) {
        return;
    }
    struct rest_reader reader;
    struct rest_entry e;
    rest_read(&reader, b->r->rests.data + b->raw->rest_at, b->raw->rest_size);
    while (rest_next(&reader, &e)) {
        set_entry(b, &e);
    }
    b->flow->custom = collect(b, true);
    b->flow->extras = collect(b, false);
}

// --- Batches -------------------------------------------------------------------------------------

/// The batch's entry for a file, from 1. 0: it has no room for one more.
static uint32_t file_of(struct batch *batch, struct origin *origin, uint64_t offset)
{
    for (uint32_t i = 0; i < batch->file_count; i++) {
        if (batch->files[i].origin == origin) {
            return i + 1;
        }
    }
    if (batch->file_count == BATCH_FILES_MAX) {
        return 0;
    }
    origin_ref(origin);
    batch->files[batch->file_count++] =
        (struct batch_file){ .origin = origin, .begin = offset, .end = offset };
    return batch->file_count;
}

static int set_file(struct build *b, struct err *err)
{
    if (b->raw->nulls[COL_FILE]) {
        return 0;
    }
    struct origin *origin = NULL;
    if (find_origin(b->r, (uint32_t)b->raw->values[COL_FILE], &origin, err) != 0) {
        return err->status;
    }
    b->flow->offset = b->raw->values[COL_FILE_OFFSET];
    b->flow->file = file_of(b->batch, origin, b->flow->offset);
    return b->flow->file == 0 ? ERR_FULL : 0;
}

/// The next record of the group in the batch. ERR_FULL: the batch has no room for it.
static int build(struct build *b, struct err *err)
{
    const struct raw *raw = b->raw;
    struct batch *batch = b->batch;
    b->flow = &batch->flows[batch->flow_count];
    *b->flow = (struct flow){ .kind = (uint32_t)raw->values[COL_KIND],
                              .index = (uint32_t)raw->values[COL_FLOW_INDEX],
                              .lookups = (uint32_t)raw->values[COL_LOOKUPS],
                              .sampling_default = raw->values[COL_SAMPLING_DEFAULT] };
    b->overflow = false;
    size_t column = COL_FIELDS;
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        set_field(b, f, column);
        column += FIELDS[f].kind == FIELD_KIND_ADDR ? 2 : 1;
    }
    set_texts(b);
    set_rest(b);
    set_places(b);
    if (b->overflow) {
        return ERR_FULL;
    }
    int status = set_file(b, err);
    batch->flow_count += status == 0;
    return status;
}

/// Hands over the records of a batch. False: enough.
static bool tell(struct restorer *r, const struct batch *batch, size_t first, restore_each_fn *each,
                 void *context)
{
    for (uint32_t i = 0; i < batch->flow_count; i++) {
        if (!each(context, batch, &batch->flows[i], r->rows[first + i].values[COL_ID])) {
            return false;
        }
    }
    return true;
}

/// Builds and hands over the group. 1: go on; 0: enough.
static int tell_group(struct restorer *r, restore_each_fn *each, void *context, struct err *err)
{
    for (size_t at = 0; at < r->row_count;) {
        size_t first = at;
        struct batch *batch = batch_get(r->pool);
        if (batch == NULL) {
            return err_set(err, ERR_NO_MEMORY, "no batch is free for records of the store");
        }
        int status = 0;
        for (; at < r->row_count && status == 0; at += status == 0) {
            struct build b = { .r = r, .raw = &r->rows[at], .batch = batch };
            status = build(&b, err);
        }
        if (status == ERR_FULL && batch->flow_count == 0) {
            status = err_set(err, ERR_INVALID, "a record of the store is larger than a batch");
        }
        bool more = (status == 0 || status == ERR_FULL) && tell(r, batch, first, each, context);
        batch_unref(batch);
        if (!more) {
            return status == ERR_FULL ? 0 : status;
        }
    }
    return 1;
}

int restore_records(struct restorer *r, struct duck_stmt *statement, restore_each_fn *each,
                    void *context, struct err *err)
{
    struct duck_rows *rows;
    int status = duck_run(statement, &rows, err);
    if (status != 0) {
        return status;
    }
    CHECK(schema_column_count() <= COLUMNS_MAX);
    int more = 1;
    while (more > 0) {
        more = read_group(r, rows, err);
        if (more < 0 || r->row_count == 0) {
            break;
        }
        more = find_texts(r, err);
        more = more < 0 ? more : tell_group(r, each, context, err);
    }
    duck_rows_free(rows);
    return more < 0 ? more : 0;
}
