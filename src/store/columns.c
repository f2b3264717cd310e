// SPDX-License-Identifier: Apache-2.0
/*
 * A block of records is small enough to stay in the nearest cache while one column after the other
 * is written. What a column cannot hold is found on the way (a bit per record) and packed into
 * `rest` at the end, which few records need.
 *
 * What the columns mean is what documents show and query_values() says: see there for why.
 */
#include "store/columns.h"

#include <string.h>

#include "base/mem.h"
#include "store/rest.h"
#include "store/schema.h"

enum {
    LIST_SIZE_MAX = LIST_ELEMENTS_MAX * 4 + 8,
    PACKED_ADDR_SIZE = 17,
    REST_SIZE_MAX = 24 << 20, ///< more than the arena of a batch
};

struct columns {
    struct texts *texts;
    struct places *places;
    const struct mapping *mapping;
    uint64_t transaction;
    uint64_t now_ns;
    int64_t oldest_ns;
    int64_t newest_ns;
    uint64_t serial; ///< of the file looked for last, and its number
    uint32_t file;
    struct buf rest;
    struct buf list;
    // The block at hand.
    struct duck_chunk *chunk;
    size_t first;
    size_t count;
    uint64_t odd; ///< bits of records that have something for `rest`
    const struct flow *flows[COLUMNS_BLOCK];
    const struct batch *batches[COLUMNS_BLOCK];
    int64_t ts[COLUMNS_BLOCK];
};

int columns_new(struct texts *texts, struct places *places, const struct mapping *mapping,
                struct columns **ret_columns)
{
    struct columns *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return ERR_NO_MEMORY;
    }
    c->texts = texts;
    c->places = places;
    c->mapping = mapping;
    buf_init(&c->rest, REST_SIZE_MAX);
    buf_init(&c->list, REST_SIZE_MAX);
    *ret_columns = c;
    return 0;
}

void columns_free(struct columns *c)
{
    if (c != NULL) {
        buf_release(&c->rest);
        buf_release(&c->list);
        mem_free(c);
    }
}

void columns_begin(struct columns *c, uint64_t transaction, uint64_t now_ns)
{
    c->transaction = transaction;
    c->now_ns = now_ns;
    c->oldest_ns = INT64_MAX;
    c->newest_ns = 0;
    c->serial = 0;
}

int64_t columns_oldest(const struct columns *c)
{
    return c->oldest_ns;
}

int64_t columns_newest(const struct columns *c)
{
    return c->newest_ns;
}

// --- One column of the block ---------------------------------------------------------------------

static void *data_of(struct columns *c, size_t column, size_t size)
{
    return (uint8_t *)duck_chunk_column(c->chunk, column) + c->first * size;
}

static void set_valid(struct columns *c, size_t column, uint64_t bits)
{
    uint64_t past = c->count < COLUMNS_BLOCK ? UINT64_MAX << c->count : 0;
    duck_chunk_set_valid(c->chunk, column, c->first, bits | past);
}

/// Bits of the records that have a field.
static uint64_t present(const struct columns *c, enum field field)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        bits |= (c->flows[i]->present >> field & 1) << i;
    }
    return bits;
}

static const void *member(const struct flow *flow, enum field field)
{
    return (const uint8_t *)flow + FIELDS[field].offset;
}

static uint32_t u32_of(const struct flow *flow, enum field field)
{
    return *(const uint32_t *)member(flow, field);
}

static uint64_t u64_of(const struct flow *flow, enum field field)
{
    return *(const uint64_t *)member(flow, field);
}

static const struct addr *addr_of(const struct flow *flow, enum field field)
{
    return member(flow, field);
}

static struct span span_of(const struct flow *flow, enum field field)
{
    return *(const struct span *)member(flow, field);
}

static void fill_u32(struct columns *c, size_t column, enum field field)
{
    uint32_t *values = data_of(c, column, sizeof(uint32_t));
    uint64_t bits = present(c, field);
    for (size_t i = 0; i < c->count; i++) {
        values[i] = u32_of(c->flows[i], field);
        c->odd |= (uint64_t)((bits >> i & 1) == 0 && values[i] != 0) << i;
    }
    set_valid(c, column, bits);
}

static void fill_u64(struct columns *c, size_t column, enum field field)
{
    uint64_t *values = data_of(c, column, sizeof(uint64_t));
    uint64_t bits = present(c, field);
    for (size_t i = 0; i < c->count; i++) {
        values[i] = u64_of(c->flows[i], field);
        c->odd |= (uint64_t)((bits >> i & 1) == 0 && values[i] != 0) << i;
    }
    set_valid(c, column, bits);
}

/// Whether a time fits its column: the view adds it to ts.
static bool time_fits(uint64_t ns)
{
    return ns <= INT64_MAX;
}

static void fill_time(struct columns *c, size_t column, enum field field)
{
    int64_t *values = data_of(c, column, sizeof(int64_t));
    uint64_t bits = present(c, field);
    for (size_t i = 0; i < c->count; i++) {
        uint64_t ns = u64_of(c->flows[i], field);
        bool has = (bits >> i & 1) != 0;
        bool fits = has && time_fits(ns);
        values[i] = fits ? (int64_t)ns - c->ts[i] : 0;
        bits &= ~((uint64_t)!fits << i);
        c->odd |= (uint64_t)(has ? !fits : ns != 0) << i;
    }
    set_valid(c, column, bits);
}

/// Big-endian bytes as a number.
static uint64_t half(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, sizeof(v));
    return __builtin_bswap64(v);
}

#define V4_MAPPED UINT64_C(0x0000ffff00000000)

static bool has_halves(const struct addr *a)
{
    return a->size == ADDR_V4_SIZE || a->size == ADDR_V6_SIZE;
}

/// The two halves of an address; false where they do not say all of it: IPv4-mapped is found as
/// IPv4, and what it was is in `rest`.
static bool halves_of(const struct addr *a, uint64_t *ret_hi, uint64_t *ret_lo)
{
    if (a->size == ADDR_V4_SIZE) {
        *ret_hi = 0;
        *ret_lo = V4_MAPPED | half(a->bytes) >> 32;
        return true;
    }
    *ret_hi = half(a->bytes);
    *ret_lo = half(a->bytes + 8);
    return a->size == ADDR_V6_SIZE && !(*ret_hi == 0 && *ret_lo >> 32 == V4_MAPPED >> 32);
}

static void fill_addr(struct columns *c, size_t column, enum field field)
{
    uint64_t *his = data_of(c, column, sizeof(uint64_t));
    uint64_t *los = data_of(c, column + 1, sizeof(uint64_t));
    uint64_t bits = present(c, field);
    for (size_t i = 0; i < c->count; i++) {
        const struct addr *a = addr_of(c->flows[i], field);
        bool has = (bits >> i & 1) != 0;
        bool fits = has && halves_of(a, &his[i], &los[i]);
        bits &= ~((uint64_t)!has_halves(a) << i);
        c->odd |= (uint64_t)(has ? !fits : a->size != 0) << i;
    }
    set_valid(c, column, bits);
    set_valid(c, column + 1, bits);
}

// --- Texts and lists -----------------------------------------------------------------------------

/// A list as in `texts`; valid until the next.
static const struct buf *pack_list(struct columns *c, const struct batch *b, enum field field,
                                   struct span span)
{
    buf_clear(&c->list);
    if (FIELDS[field].kind != FIELD_KIND_ADDRS) { // this machine's order is the table's
        buf_append(&c->list, batch_u32s(b, span), span.count * sizeof(uint32_t));
        return &c->list;
    }
    const struct addr *addrs = batch_addrs(b, span);
    for (uint32_t i = 0; i < span.count; i++) {
        buf_append_char(&c->list, (char)addrs[i].size);
        buf_append(&c->list, addrs[i].bytes, sizeof(addrs[i].bytes));
    }
    return &c->list;
}

static enum text_kind list_kind(enum field field)
{
    return FIELDS[field].kind == FIELD_KIND_ADDRS ? TEXT_ADDRS : TEXT_U32S;
}

static void fill_list(struct columns *c, size_t column, enum field field)
{
    uint32_t *values = data_of(c, column, sizeof(uint32_t));
    uint64_t bits = present(c, field);
    for (size_t i = 0; i < c->count; i++) {
        struct span span = span_of(c->flows[i], field);
        bool has = (bits >> i & 1) != 0;
        values[i] = 0;
        if (has) {
            const struct buf *list = pack_list(c, c->batches[i], field, span);
            values[i] = texts_number(c->texts, list_kind(field), list->data, list->size);
        }
        c->odd |= (uint64_t)(has ? values[i] == 0 : span.count != 0) << i;
    }
    set_valid(c, column, bits);
}

/// The texts that enrich found, and where they go.
struct text_column {
    enum store_column column;
    enum text_kind kind;
    size_t offset; ///< of the span in struct flow
};

static const struct text_column TEXT_COLUMNS[] = {
    { COL_SRC_GEO, TEXT_GEO, offsetof(struct flow, src_place.geo) },
    { COL_DST_GEO, TEXT_GEO, offsetof(struct flow, dst_place.geo) },
    { COL_SRC_AS_ORG, TEXT_AS, offsetof(struct flow, src_place.as) },
    { COL_DST_AS_ORG, TEXT_AS, offsetof(struct flow, dst_place.as) },
    { COL_SRC_NETWORK, TEXT_NAME, offsetof(struct flow, src_place.network) },
    { COL_DST_NETWORK, TEXT_NAME, offsetof(struct flow, dst_place.network) },
    { COL_IN_IF_NAME, TEXT_NAME, offsetof(struct flow, in_names.name) },
    { COL_IN_IF_ALIAS, TEXT_NAME, offsetof(struct flow, in_names.alias) },
    { COL_OUT_IF_NAME, TEXT_NAME, offsetof(struct flow, out_names.name) },
    { COL_OUT_IF_ALIAS, TEXT_NAME, offsetof(struct flow, out_names.alias) },
    { COL_EXPORTER_NAME, TEXT_NAME, offsetof(struct flow, exporter_name) },
};

enum { TEXT_COLUMN_COUNT = sizeof(TEXT_COLUMNS) / sizeof(TEXT_COLUMNS[0]) };

static const char *const COLUMN_NAMES[] = {
#define STORE_COLUMN(name, text, type) [COL_##name] = text,
    STORE_COLUMNS(STORE_COLUMN)
#undef STORE_COLUMN
};

static struct span text_of(const struct flow *flow, const struct text_column *t)
{
    return *(const struct span *)(const void *)((const uint8_t *)flow + t->offset);
}

static void fill_text(struct columns *c, const struct text_column *t)
{
    uint32_t *values = data_of(c, t->column, sizeof(uint32_t));
    uint64_t bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        struct span span = text_of(c->flows[i], t);
        if (span.count > 0) {
            bits |= UINT64_C(1) << i;
            values[i] =
                texts_number(c->texts, t->kind, batch_bytes(c->batches[i], span), span.count);
            c->odd |= (uint64_t)(values[i] == 0) << i;
        }
    }
    set_valid(c, t->column, bits);
}

// --- Columns that are not in the field table -----------------------------------------------------

/// @timestamp; of an error document it is when the line was read.
static uint64_t time_of(const struct flow *f)
{
    bool received = f->kind == RECORD_ERROR || f->time_flow_start_ns == 0;
    return received ? f->time_received_ns : f->time_flow_start_ns;
}

static void fill_keys(struct columns *c, uint32_t number)
{
    uint64_t *ids = data_of(c, COL_ID, sizeof(uint64_t));
    int64_t *times = data_of(c, COL_TS, sizeof(int64_t));
    uint8_t *kinds = data_of(c, COL_KIND, sizeof(uint8_t));
    uint8_t *lookups = data_of(c, COL_LOOKUPS, sizeof(uint8_t));
    uint32_t *indexes = data_of(c, COL_FLOW_INDEX, sizeof(uint32_t));
    uint64_t *defaults = data_of(c, COL_SAMPLING_DEFAULT, sizeof(uint64_t));
    for (size_t i = 0; i < c->count; i++) {
        const struct flow *f = c->flows[i];
        uint64_t ns = time_of(f);
        ns = ns == 0 ? c->now_ns : ns;
        c->ts[i] = ns > INT64_MAX ? INT64_MAX : (int64_t)ns;
        c->oldest_ns = c->ts[i] < c->oldest_ns ? c->ts[i] : c->oldest_ns;
        c->newest_ns = c->ts[i] > c->newest_ns ? c->ts[i] : c->newest_ns;
        ids[i] = c->transaction << 32 | (number + (uint32_t)i);
        times[i] = c->ts[i];
        kinds[i] = (uint8_t)f->kind;
        lookups[i] = (uint8_t)f->lookups;
        indexes[i] = f->index;
        defaults[i] = f->sampling_default;
    }
}

static int fill_files(struct columns *c)
{
    uint32_t *files = data_of(c, COL_FILE, sizeof(uint32_t));
    uint64_t *offsets = data_of(c, COL_FILE_OFFSET, sizeof(uint64_t));
    uint64_t bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct flow *f = c->flows[i];
        if (f->file == 0) {
            continue;
        }
        const struct origin *origin = c->batches[i]->files[f->file - 1].origin;
        if (origin->serial != c->serial) {
            c->serial = origin->serial;
            c->file = places_file(c->places, origin);
        }
        if (c->file == 0) {
            c->serial = 0;
            return ERR_NO_MEMORY;
        }
        bits |= UINT64_C(1) << i;
        files[i] = c->file;
        offsets[i] = f->offset;
    }
    set_valid(c, COL_FILE, bits);
    set_valid(c, COL_FILE_OFFSET, bits);
    return 0;
}

static uint64_t scaled(const struct flow *f, uint64_t value)
{
    uint64_t rate = f->sampling_rate != 0 ? f->sampling_rate : f->sampling_default;
    uint64_t product;
    bool over = __builtin_mul_overflow(value, rate == 0 ? 1 : rate, &product);
    return over || product > INT64_MAX ? INT64_MAX : product; // ECS keeps longs
}

static void fill_traffic(struct columns *c)
{
    uint64_t *bytes = data_of(c, COL_NETWORK_BYTES, sizeof(uint64_t));
    uint64_t *packets = data_of(c, COL_NETWORK_PACKETS, sizeof(uint64_t));
    uint64_t bytes_bits = 0;
    uint64_t packets_bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct flow *f = c->flows[i];
        bool is_error = f->kind == RECORD_ERROR;
        bool has_packets = flow_has(f, FIELD_PACKETS);
        bytes[i] = scaled(f, f->bytes);
        packets[i] = scaled(f, has_packets ? f->packets : 1);
        bytes_bits |= (uint64_t)(!is_error && flow_has(f, FIELD_BYTES)) << i;
        bool counts = has_packets || f->type <= FLOW_TYPE_SFLOW_5; // a sample is a packet
        packets_bits |= (uint64_t)(!is_error && counts) << i;
    }
    set_valid(c, COL_NETWORK_BYTES, bytes_bits);
    set_valid(c, COL_NETWORK_PACKETS, packets_bits);
}

static const struct place *place_of(const struct flow *f, bool is_dst)
{
    return is_dst ? &f->dst_place : &f->src_place;
}

static void fill_place(struct columns *c, bool is_dst)
{
    enum store_column asn_column = is_dst ? COL_DST_ASN : COL_SRC_ASN;
    enum store_column country_column = is_dst ? COL_DST_COUNTRY : COL_SRC_COUNTRY;
    uint32_t *asns = data_of(c, asn_column, sizeof(uint32_t));
    uint16_t *countries = data_of(c, country_column, sizeof(uint16_t));
    uint64_t asn_bits = 0;
    uint64_t country_bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct flow *f = c->flows[i];
        const struct place *p = place_of(f, is_dst);
        asns[i] = p->as.count > 0 ? p->as_number : is_dst ? f->dst_as : f->src_as;
        asn_bits |= (uint64_t)(asns[i] != 0) << i;
        countries[i] =
            (uint16_t)((uint16_t)(uint8_t)p->country[0] << 8 | (uint16_t)(uint8_t)p->country[1]);
        country_bits |= (uint64_t)(countries[i] != 0) << i;
    }
    set_valid(c, asn_column, asn_bits);
    set_valid(c, country_column, country_bits);
}

// --- The rest ------------------------------------------------------------------------------------

static void put_field(struct columns *c, enum field field, bool has, const void *value, size_t size)
{
    enum { NAME_SIZE = 64 };
    char name[NAME_SIZE];
    size_t name_size = strlen(FIELDS[field].json_name);
    name[0] = '!'; // not present, and yet a value
    memcpy(name + 1, FIELDS[field].json_name, name_size);
    rest_put(&c->rest, REST_FIELD, has ? name + 1 : name, has ? name_size : name_size + 1, value,
             size);
}

static void put_number(struct columns *c, enum field field, bool has, uint64_t value)
{
    uint64_t big = __builtin_bswap64(value);
    put_field(c, field, has, &big, sizeof(big));
}

/// As the fill functions find it, for one record.
static void put_odd_field(struct columns *c, size_t i, enum field field)
{
    const struct flow *f = c->flows[i];
    bool has = flow_has(f, field);
    uint64_t hi;
    uint64_t lo;
    switch (FIELDS[field].kind) {
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
        if (!has && u32_of(f, field) != 0) {
            put_number(c, field, has, u32_of(f, field));
        }
        break;
    case FIELD_KIND_U64: {
        uint64_t value = u64_of(f, field);
        bool fits = has && (time_fits(value) || !schema_is_time(field));
        if (!fits && (has || value != 0)) {
            put_number(c, field, has, value);
        }
        break;
    }
    case FIELD_KIND_ADDR: {
        const struct addr *a = addr_of(f, field);
        if (!(has && halves_of(a, &hi, &lo)) && (has || a->size != 0)) {
            uint8_t packed[PACKED_ADDR_SIZE] = { a->size };
            memcpy(packed + 1, a->bytes, sizeof(a->bytes));
            put_field(c, field, has, packed, sizeof(packed));
        }
        break;
    }
    default: {
        struct span span = span_of(f, field);
        if (!has && span.count == 0) {
            break;
        }
        const struct buf *list = pack_list(c, c->batches[i], field, span);
        if (!has || texts_number(c->texts, list_kind(field), list->data, list->size) == 0) {
            put_field(c, field, has, list->data, list->size);
        }
        break;
    }
    }
}

static void put_odd_texts(struct columns *c, size_t i)
{
    for (size_t t = 0; t < TEXT_COLUMN_COUNT; t++) {
        struct span span = text_of(c->flows[i], &TEXT_COLUMNS[t]);
        const uint8_t *text = batch_bytes(c->batches[i], span);
        if (span.count > 0 && texts_number(c->texts, TEXT_COLUMNS[t].kind, text, span.count) == 0) {
            const char *name = COLUMN_NAMES[TEXT_COLUMNS[t].column];
            rest_put(&c->rest, REST_TEXT, name, strlen(name), text, span.count);
        }
    }
}

static bool has_rest(const struct flow *f)
{
    return f->custom.count + f->extras.count + f->body.count + f->original.count +
               f->proto_text.count + f->etype_text.count + f->type_text.count >
           0;
}

static int fill_rest(struct columns *c)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < c->count; i++) {
        bool odd = (c->odd >> i & 1) != 0;
        if (!odd && !has_rest(c->flows[i])) {
            continue;
        }
        buf_clear(&c->rest);
        rest_put_record(&c->rest, c->mapping, c->batches[i], c->flows[i]);
        for (enum field field = 0; odd && field < FIELD_COUNT; field++) {
            put_odd_field(c, i, field);
        }
        if (odd) {
            put_odd_texts(c, i);
        }
        if (c->rest.bad || c->list.bad) {
            return ERR_NO_MEMORY;
        }
        if (c->rest.size > 0) {
            bits |= UINT64_C(1) << i;
            duck_chunk_set_bytes(c->chunk, COL_REST, c->first + i, c->rest.data, c->rest.size);
        }
    }
    set_valid(c, COL_REST, bits);
    return 0;
}

// --- All of them ---------------------------------------------------------------------------------

static void fill_fields(struct columns *c)
{
    size_t column = COL_FIELDS;
    for (enum field field = 0; field < FIELD_COUNT; field++, column++) {
        switch (FIELDS[field].kind) {
        case FIELD_KIND_TYPE:
        case FIELD_KIND_U32:
            fill_u32(c, column, field);
            break;
        case FIELD_KIND_U64:
            if (schema_is_time(field)) {
                fill_time(c, column, field);
            } else {
                fill_u64(c, column, field);
            }
            break;
        case FIELD_KIND_ADDR:
            fill_addr(c, column, field);
            column++;
            break;
        default:
            fill_list(c, column, field);
            break;
        }
    }
}

int columns_fill(struct columns *c, struct duck_chunk *chunk, size_t first, const struct row *rows,
                 size_t count, uint32_t number)
{
    c->chunk = chunk;
    c->first = first;
    c->count = count;
    c->odd = 0;
    for (size_t i = 0; i < count; i++) {
        c->batches[i] = rows[i].batch;
        c->flows[i] = &rows[i].batch->flows[rows[i].flow];
    }
    fill_keys(c, number);
    fill_traffic(c);
    fill_place(c, false);
    fill_place(c, true);
    for (size_t t = 0; t < TEXT_COLUMN_COUNT; t++) {
        fill_text(c, &TEXT_COLUMNS[t]);
    }
    fill_fields(c);
    int status = fill_files(c);
    return status == 0 ? fill_rest(c) : status;
}
