// SPDX-License-Identifier: Apache-2.0
/*
 * libmaxminddb is not used. The version that Debian 12 has opens several of the damaged files that
 * MaxMind publishes, and hands out an offset of four billion from one; here a damaged database has
 * to be refused by its name, and one that is overwritten under us must do no harm. What weir needs
 * of the format is small.
 *
 * A database is a tree, sixteen zeros, data, and metadata behind a mark. A node is two records of
 * 24, 28 or 32 bits: below node_count another node, equal to it nothing, above it an offset into
 * the data. Data are values with a control byte of type and size; a pointer stands for a value
 * elsewhere and never points at another pointer.
 */
#include "enrich/mmdb.h"

#include <string.h>

#include "base/mem.h"
#include "base/rd.h"
#include "enrich/mapped.h"

enum {
    SEPARATOR_SIZE = 16,
    /// The metadata's mark is looked for in the last part of the file, as the format says.
    METADATA_SIZE_MAX = 128 << 10,
    TYPE_SIZE_MAX = 127,
    /// Values in one record; GeoIP2's largest have some 300.
    VALUES_MAX = 8192,
    SAMPLE_RECORDS_MAX = 1000,
    SAMPLE_NODES_MAX = 100000,
    ADDR_BITS_MAX = 128,
    V4_AT_BIT = 96, ///< IPv4 lies at ::/96 of a tree for IPv6
};

static const char MARK[] = "\xab\xcd\xefMaxMind.com";

struct mmdb {
    struct mapped file;
    const uint8_t *tree;
    const uint8_t *data;
    size_t data_size;
    uint32_t node_count;
    uint32_t record_bits;
    uint32_t v4_start; ///< the record at which IPv4 begins
    unsigned ip_version;
    uint64_t built_s;
    char type[TYPE_SIZE_MAX + 1];
};

// --- Values --------------------------------------------------------------------------------------

/// The data that offsets count in: the database's, or its metadata.
struct section {
    const uint8_t *data;
    size_t size;
};

/// The format's numbers of types.
enum type {
    TYPE_EXTENDED = 0,
    TYPE_POINTER = 1,
    TYPE_TEXT = 2,
    TYPE_DOUBLE = 3,
    TYPE_BYTES = 4,
    TYPE_U16 = 5,
    TYPE_U32 = 6,
    TYPE_MAP = 7,
    TYPE_I32 = 8,
    TYPE_U64 = 9,
    TYPE_U128 = 10,
    TYPE_LIST = 11,
    TYPE_BOOL = 14,
    TYPE_FLOAT = 15,
};

/// A control byte and what belongs to it.
struct item {
    unsigned type;
    uint32_t size;       ///< or where a pointer points
    const uint8_t *body; ///< of what has bytes
    size_t next;         ///< behind it; of a container: its first member
};

static uint32_t read_pointer(struct rd *r, uint8_t control)
{
    static const uint32_t BASES[] = { 0, 2048, 526336, 0 };
    unsigned size = control >> 3 & 3;
    uint32_t value = size == 3 ? 0 : control & 7U;
    for (unsigned i = 0; i <= size; i++) {
        value = value << 8 | rd_u8(r);
    }
    return value + BASES[size];
}

static uint32_t read_size(struct rd *r, uint8_t control)
{
    enum { SMALL = 29, BASE_1 = 29, BASE_2 = 285, BASE_3 = 65821 };
    uint32_t size = control & 31U;
    if (size < SMALL) {
        return size;
    }
    if (size == SMALL) {
        return BASE_1 + rd_u8(r);
    }
    if (size == SMALL + 1) {
        return BASE_2 + rd_u16(r);
    }
    uint32_t high = rd_u8(r);
    return BASE_3 + (high << 16 | rd_u16(r));
}

static bool has_body(unsigned type)
{
    return type != TYPE_POINTER && type != TYPE_MAP && type != TYPE_LIST && type != TYPE_BOOL;
}

/// False when there is none.
static bool read_item(const struct section *s, size_t at, struct item *ret_item)
{
    if (at >= s->size) {
        return false;
    }
    struct rd r = rd_over(s->data + at, s->size - at);
    uint8_t control = rd_u8(&r);
    struct item item = { .type = control >> 5 };
    if (item.type == TYPE_POINTER) {
        item.size = read_pointer(&r, control);
    } else {
        item.type = item.type == TYPE_EXTENDED ? 7U + rd_u8(&r) : item.type;
        item.size = read_size(&r, control);
    }
    if (has_body(item.type)) {
        item.body = rd_take(&r, item.size);
    }
    if (r.bad || item.type == TYPE_EXTENDED || item.type > TYPE_FLOAT) {
        return false;
    }
    item.next = (size_t)(r.at - s->data);
    *ret_item = item;
    return true;
}

static uint64_t be_number(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/// Floats and doubles have one size each.
static struct mmdb_value real_of(const struct item *item)
{
    struct mmdb_value v = { .kind = MMDB_OTHER };
    uint64_t bits = be_number(item->body, item->size <= 8 ? item->size : 0);
    if (item->type == TYPE_DOUBLE && item->size == sizeof(double)) {
        v.kind = MMDB_DOUBLE;
        memcpy(&v.real, &bits, sizeof(v.real));
    } else if (item->type == TYPE_FLOAT && item->size == sizeof(float)) {
        float real;
        uint32_t low = (uint32_t)bits;
        memcpy(&real, &low, sizeof(real));
        v.kind = MMDB_FLOAT;
        v.real = (double)real;
    }
    return v;
}

static struct mmdb_value value_of(const struct item *item)
{
    switch (item->type) {
    case TYPE_TEXT:
        return (struct mmdb_value){ .kind = MMDB_TEXT, .size = item->size, .text = item->body };
    case TYPE_U16:
    case TYPE_U32:
    case TYPE_U64:
        if (item->size <= sizeof(uint64_t)) {
            return (struct mmdb_value){ .kind = MMDB_NUMBER,
                                        .number = be_number(item->body, item->size) };
        }
        return (struct mmdb_value){ .kind = MMDB_OTHER };
    case TYPE_DOUBLE:
    case TYPE_FLOAT:
        return real_of(item);
    case TYPE_MAP:
    case TYPE_LIST:
        return (struct mmdb_value){ .kind = item->type == TYPE_MAP ? MMDB_MAP : MMDB_LIST,
                                    .size = item->size,
                                    .at = item->next };
    default:
        return (struct mmdb_value){ .kind = MMDB_OTHER };
    }
}

/// A value, and what is behind it, or its pointer, when it is no container.
static bool read_value(const struct section *s, size_t at, struct mmdb_value *ret_value,
                       size_t *ret_next)
{
    struct item item;
    struct item target;
    if (!read_item(s, at, &item)) {
        return false;
    }
    *ret_next = item.next;
    if (item.type != TYPE_POINTER) {
        *ret_value = value_of(&item);
        return true;
    }
    if (!read_item(s, item.size, &target) || target.type == TYPE_POINTER) {
        return false;
    }
    *ret_value = value_of(&target);
    return true;
}

/// What is behind the value at *at, however deep it is, without a stack: one counter of what is
/// still to be passed.
static bool skip(const struct section *s, uint32_t *left, size_t *at)
{
    struct item item;
    for (uint64_t wanted = 1; wanted > 0; wanted--) {
        if (*left == 0 || !read_item(s, *at, &item)) {
            return false;
        }
        --*left;
        *at = item.next;
        wanted += item.type == TYPE_MAP ? 2 * (uint64_t)item.size : 0;
        wanted += item.type == TYPE_LIST ? item.size : 0;
    }
    return true;
}

struct mmdb_walk mmdb_walk(const struct mmdb_value *container)
{
    bool any = container->kind == MMDB_MAP || container->kind == MMDB_LIST;
    return (struct mmdb_walk){ .at = container->at,
                               .left = any ? container->size : 0,
                               .is_map = container->kind == MMDB_MAP };
}

static bool walk_on(const struct section *s, uint32_t *left, struct mmdb_walk *w)
{
    size_t behind;
    if (w->is_map) {
        if (*left == 0 || !read_value(s, w->at, &w->key, &behind) || w->key.kind != MMDB_TEXT) {
            return false;
        }
        --*left;
        w->at = behind;
    }
    return read_value(s, w->at, &w->value, &behind) && skip(s, left, &w->at);
}

bool mmdb_next(struct mmdb_reading *r, struct mmdb_walk *w)
{
    if (w->left == 0 || r->bad) {
        return false;
    }
    const struct section s = { r->db->data, r->db->data_size };
    w->left--;
    r->bad = !walk_on(&s, &r->left, w);
    return !r->bad;
}

bool mmdb_is(const struct mmdb_value *v, const char *text)
{
    size_t size = strlen(text);
    return v->kind == MMDB_TEXT && v->size == size && memcmp(v->text, text, size) == 0;
}

struct mmdb_value mmdb_read(const struct mmdb *db, uint32_t record,
                            struct mmdb_reading *ret_reading)
{
    const struct section s = { db->data, db->data_size };
    struct mmdb_value value = { .kind = MMDB_NOTHING };
    size_t behind;
    bool ok = record > 0 && read_value(&s, record - 1, &value, &behind);
    *ret_reading = (struct mmdb_reading){ .db = db, .left = VALUES_MAX, .bad = !ok };
    return value;
}

// --- The tree ------------------------------------------------------------------------------------

/// Record `bit` of a node, which is one of the tree's.
static uint32_t child(const struct mmdb *db, uint32_t node, unsigned bit)
{
    const uint8_t *at = db->tree + (size_t)node * (db->record_bits / 4);
    switch (db->record_bits) {
    case 24:
        at += 3 * bit;
        return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
    case 28:
        return bit == 0
                   ? (at[3] & 0xf0U) << 20 | (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]
                   : (at[3] & 0x0fU) << 24 | (uint32_t)at[4] << 16 | (uint32_t)at[5] << 8 | at[6];
    default:
        return be32(at + 4 * (size_t)bit);
    }
}

/// A record that is no node: where it points at, plus 1, or 0.
static uint32_t record_of(const struct mmdb *db, uint32_t record)
{
    uint32_t offset = record - db->node_count - SEPARATOR_SIZE; // wraps for what is none
    bool found = record > db->node_count && record - db->node_count >= SEPARATOR_SIZE;
    return found && offset < db->data_size ? offset + 1 : 0;
}

/// An address on its way down the tree.
struct descent {
    struct addr addr;
    uint32_t record;
    unsigned bits; ///< 0: not of this tree
};

static struct descent descent_of(const struct mmdb *db, const struct addr *a)
{
    struct descent d = { .addr = addr_unmap(a), .record = db->node_count };
    if (d.addr.size == ADDR_V4_SIZE) {
        d.bits = 8 * ADDR_V4_SIZE;
        d.record = db->v4_start;
    } else if (d.addr.size == ADDR_V6_SIZE && db->ip_version == 6) {
        d.bits = 8 * ADDR_V6_SIZE;
        d.record = 0;
    }
    return d;
}

void mmdb_find_many(const struct mmdb *db, const struct addr *const *addrs, size_t count,
                    uint32_t *ret_records)
{
    struct descent descents[MMDB_FIND_MAX];
    CHECK(count <= MMDB_FIND_MAX);
    for (size_t k = 0; k < count; k++) {
        descents[k] = descent_of(db, addrs[k]);
    }
    bool any = true;
    for (unsigned i = 0; any && i < ADDR_BITS_MAX; i++) {
        any = false;
        for (size_t k = 0; k < count; k++) {
            struct descent *d = &descents[k];
            if (i < d->bits && d->record < db->node_count) {
                unsigned byte = d->addr.bytes[i / 8];
                d->record = child(db, d->record, byte >> (7 - i % 8) & 1U);
                __builtin_prefetch(db->tree + (size_t)d->record * (db->record_bits / 4));
                any = true;
            }
        }
    }
    for (size_t k = 0; k < count; k++) {
        ret_records[k] = record_of(db, descents[k].record);
    }
}

uint32_t mmdb_find(const struct mmdb *db, const struct addr *a)
{
    uint32_t record;
    mmdb_find_many(db, &a, 1, &record);
    return record;
}

void mmdb_sample(const struct mmdb *db, mmdb_each_fn *each, void *context)
{
    uint32_t stack[ADDR_BITS_MAX + 1]; // the right-hand sides that wait
    size_t depth = 1;
    size_t records = 0;
    stack[0] = 0;
    for (size_t i = 0; i < SAMPLE_NODES_MAX && depth > 0; i++) {
        uint32_t record = stack[--depth];
        if (record < db->node_count && depth + 2 <= ADDR_BITS_MAX + 1) {
            stack[depth++] = child(db, record, 1);
            stack[depth++] = child(db, record, 0);
        } else if (record_of(db, record) != 0 &&
                   (!each(context, record_of(db, record)) || ++records == SAMPLE_RECORDS_MAX)) {
            return;
        }
    }
}

// --- Opening -------------------------------------------------------------------------------------

/// Behind the last mark; NULL without one.
static const uint8_t *find_metadata(const struct mapped *file)
{
    enum { MARK_SIZE = sizeof(MARK) - 1 };
    size_t from = file->size > METADATA_SIZE_MAX ? file->size - METADATA_SIZE_MAX : 0;
    const uint8_t *found = NULL;
    const uint8_t *end = file->data + file->size;
    for (const uint8_t *at = file->data + from;
         (at = memmem(at, (size_t)(end - at), MARK, MARK_SIZE)) != NULL; at++) {
        found = at;
    }
    return found == NULL ? NULL : found + MARK_SIZE;
}

struct metadata {
    uint64_t node_count;
    uint64_t record_bits;
    uint64_t ip_version;
    uint64_t major;
    uint64_t built_s;
    struct mmdb_value type;
};

static bool read_metadata(const struct section *s, struct metadata *ret_metadata)
{
    struct metadata m = { 0 };
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {
        { "node_count", &m.node_count }, { "record_size", &m.record_bits },
        { "ip_version", &m.ip_version }, { "binary_format_major_version", &m.major },
        { "build_epoch", &m.built_s },
    };
    struct mmdb_value map;
    size_t behind;
    uint32_t left = VALUES_MAX;
    if (!read_value(s, 0, &map, &behind) || map.kind != MMDB_MAP) {
        return false;
    }
    struct mmdb_walk w = mmdb_walk(&map);
    for (; w.left > 0; w.left--) {
        if (!walk_on(s, &left, &w)) {
            return false;
        }
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            if (w.value.kind == MMDB_NUMBER && mmdb_is(&w.key, numbers[i].name)) {
                *numbers[i].number = w.value.number;
            }
        }
        m.type = mmdb_is(&w.key, "database_type") ? w.value : m.type;
    }
    *ret_metadata = m;
    return true;
}

/// What the metadata says has to fit the file.
static int use_metadata(struct mmdb *db, const char *path, const struct metadata *m,
                        const uint8_t *metadata, struct err *err)
{
    if (m->major != 2) {
        return err_set(err, ERR_UNSUPPORTED, "%s: MaxMind DB format %llu; weir reads format 2",
                       path, (unsigned long long)m->major);
    }
    bool known = (m->record_bits == 24 || m->record_bits == 28 || m->record_bits == 32) &&
                 (m->ip_version == 4 || m->ip_version == 6);
    size_t before = (size_t)(metadata - db->file.data) - (sizeof(MARK) - 1);
    uint64_t tree_size = m->node_count * (m->record_bits / 4);
    if (!known || m->node_count == 0 || m->node_count > UINT32_MAX ||
        tree_size + SEPARATOR_SIZE > before) {
        return err_set(err, ERR_INVALID, "%s: is damaged or cut short; fetch it again", path);
    }
    db->tree = db->file.data;
    db->data = db->file.data + tree_size + SEPARATOR_SIZE;
    db->data_size = before - SEPARATOR_SIZE - (size_t)tree_size;
    if (db->data_size >= MMDB_RECORD_LIMIT) {
        return err_set(err, ERR_RANGE, "%s: has more than 1 GiB of data", path);
    }
    db->node_count = (uint32_t)m->node_count;
    db->record_bits = (uint32_t)m->record_bits;
    db->ip_version = (unsigned)m->ip_version;
    db->built_s = m->built_s;
    if (m->type.kind == MMDB_TEXT) {
        size_t size = m->type.size < TYPE_SIZE_MAX ? m->type.size : TYPE_SIZE_MAX;
        memcpy(db->type, m->type.text, size);
    }
    for (int i = 0; db->ip_version == 6 && i < V4_AT_BIT && db->v4_start < db->node_count; i++) {
        db->v4_start = child(db, db->v4_start, 0);
    }
    return 0;
}

static int open_mapped(struct mmdb *db, const char *path, struct err *err)
{
    if (mapped_open(path, &db->file, err) != 0) {
        return err->status;
    }
    const uint8_t *metadata = find_metadata(&db->file);
    if (metadata == NULL) {
        return err_set(err, ERR_INVALID,
                       "%s: is no MaxMind DB file, or was cut short; fetch it again", path);
    }
    struct section s = { metadata, (size_t)(db->file.data + db->file.size - metadata) };
    struct metadata m;
    if (!read_metadata(&s, &m)) {
        return err_set(err, ERR_INVALID, "%s: its metadata is damaged; fetch it again", path);
    }
    return use_metadata(db, path, &m, metadata, err);
}

int mmdb_open(const char *path, struct mmdb **ret_db, struct err *err)
{
    struct mmdb *db = mem_zalloc(sizeof(*db));
    if (db == NULL) {
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", path);
    }
    int status = open_mapped(db, path, err);
    if (status != 0) {
        mmdb_close(db);
        return status;
    }
    *ret_db = db;
    return 0;
}

void mmdb_close(struct mmdb *db)
{
    if (db != NULL) {
        mapped_close(&db->file);
        mem_free(db);
    }
}

const char *mmdb_type(const struct mmdb *db)
{
    return db->type;
}

uint64_t mmdb_built_s(const struct mmdb *db)
{
    return db->built_s;
}

unsigned mmdb_ip_version(const struct mmdb *db)
{
    return db->ip_version;
}
