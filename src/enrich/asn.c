// SPDX-License-Identifier: Apache-2.0
/*
 * Of an MMDB record the number and the organization are read, under MaxMind's names; those of an
 * ISP database are the same.
 *
 * A list is read in one pass: half a million lines in a fifth of a second. Owners are kept once by
 * number and name; a list with 200,000 of them takes some 10 MB beside its ranges. Lines come in
 * the order of their addresses, IPv4 and IPv6 each; where ranges overlap the later one counts.
 * Addresses may be written as whole numbers, as some lists have it: up to 2^32-1 they are IPv4.
 */
#include "enrich/asn.h"

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "enrich/csv.h"
#include "enrich/mmdb.h"
#include "enrich/ranges.h"

enum {
    DATABASES_MAX = 4,
    DATABASE_SHIFT = 30, ///< above it: which database
    LIST_SIZE_MAX = 512 << 20,
    OWNERS_FIRST = 1024,
    OWNERS_MAX = 1 << 24,
    NAMES_FIRST = 64 << 10,
    NAME_SIZE_MAX = 1024,
};

_Static_assert(MMDB_RECORD_LIMIT <= 1 << DATABASE_SHIFT, "a record and its database are a number");

struct owner {
    uint32_t number;
    uint32_t name; ///< where it begins in the names
    uint32_t name_size;
};

/// A CSV list. Owners are numbered from 1.
struct list {
    struct ranges *ranges;
    struct owner *owners;
    size_t owner_count;
    size_t owner_capacity;
    uint8_t *names;
    size_t names_size;
    size_t names_capacity;
    uint32_t *places; ///< a hash table of owners while it is being read
    size_t place_count;
};

struct asn {
    size_t count;
    struct mmdb *databases[DATABASES_MAX];
    struct list *list; ///< instead of databases
};

// --- MMDB ----------------------------------------------------------------------------------------

/// False when the record is damaged.
static bool read_owner(const struct mmdb *db, uint32_t record, struct asn_owner *ret_owner)
{
    struct asn_owner owner = { 0 };
    struct mmdb_reading r;
    struct mmdb_value root = mmdb_read(db, record, &r);
    struct mmdb_walk w = mmdb_walk(&root);
    while (root.kind == MMDB_MAP && mmdb_next(&r, &w)) {
        if (w.value.kind == MMDB_NUMBER && w.value.number <= UINT32_MAX &&
            mmdb_is(&w.key, "autonomous_system_number")) {
            owner.number = (uint32_t)w.value.number;
        } else if (w.value.kind == MMDB_TEXT && mmdb_is(&w.key, "autonomous_system_organization")) {
            owner.name = w.value.text;
            owner.name_size = w.value.size;
        }
    }
    *ret_owner = owner;
    return !r.bad;
}

struct sample {
    const struct mmdb *db;
    bool any;
    bool bad;
    bool owners;
    bool places;
};

/// Until an owner is found.
static bool look_at(void *context, uint32_t record)
{
    struct sample *s = context;
    struct asn_owner owner;
    struct mmdb_reading r;
    s->any = true;
    s->bad = s->bad || !read_owner(s->db, record, &owner);
    if (s->bad) {
        return false;
    }
    struct mmdb_value root = mmdb_read(s->db, record, &r);
    struct mmdb_walk w = mmdb_walk(&root);
    while (mmdb_next(&r, &w)) {
        s->places = s->places || mmdb_is(&w.key, "country") || mmdb_is(&w.key, "city") ||
                    mmdb_is(&w.key, "country_code");
    }
    s->owners = owner.number != 0 || owner.name_size > 0;
    return !s->owners;
}

static int check_kind(const struct mmdb *db, const char *path, struct err *err)
{
    struct sample s = { .db = db };
    mmdb_sample(db, look_at, &s);
    if (s.bad) {
        return err_set(err, ERR_INVALID, "%s: holds damaged records; fetch it again", path);
    }
    if (s.owners) {
        return 0;
    }
    if (!s.any) {
        return err_set(err, ERR_INVALID, "%s: holds nothing (its type is \"%s\")", path,
                       mmdb_type(db));
    }
    return err_set(
        err, ERR_INVALID, "%s: holds no AS numbers (its type is \"%s\")%s", path, mmdb_type(db),
        s.places ? "; a City database goes to -geoip.city" : "; an ASN database is wanted");
}

static int open_databases(struct asn *a, const char *const *paths, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (mmdb_open(paths[i], &a->databases[i], err) != 0) {
            return err->status;
        }
        a->count++;
        if (check_kind(a->databases[i], paths[i], err) != 0) {
            return err->status;
        }
    }
    return 0;
}

// --- Lists ---------------------------------------------------------------------------------------

static void list_free(struct list *l)
{
    if (l != NULL) {
        ranges_free(l->ranges);
        mem_free(l->owners);
        mem_free(l->names);
        mem_free(l->places);
        mem_free(l);
    }
}

static size_t place_of(const struct list *l, uint32_t number, const char *name, size_t size)
{
    uint64_t hash = hash64_seeded(name, size, number);
    size_t at = hash & (l->place_count - 1);
    for (;; at = (at + 1) & (l->place_count - 1)) {
        if (l->places[at] == 0) {
            return at;
        }
        const struct owner *o = &l->owners[l->places[at] - 1];
        if (o->number == number && o->name_size == size &&
            memcmp(l->names + o->name, name, size) == 0) {
            return at;
        }
    }
}

/// Twice as many owners may come.
static int grow_owners(struct list *l)
{
    size_t capacity = l->owner_capacity == 0 ? OWNERS_FIRST : 2 * l->owner_capacity;
    if (capacity > OWNERS_MAX) {
        return ERR_NO_MEMORY;
    }
    struct owner *owners = mem_resize(l->owners, capacity * sizeof(owners[0]));
    if (owners == NULL) {
        return ERR_NO_MEMORY;
    }
    l->owners = owners;
    l->owner_capacity = capacity;
    mem_free(l->places);
    l->place_count = 2 * capacity;
    l->places = mem_zalloc_array(l->place_count, sizeof(l->places[0]));
    if (l->places == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < l->owner_count; i++) {
        const struct owner *o = &owners[i];
        l->places[place_of(l, o->number, (const char *)l->names + o->name, o->name_size)] =
            (uint32_t)i + 1;
    }
    return 0;
}

static int add_name(struct list *l, const char *name, size_t size, uint32_t *ret_offset)
{
    if (l->names_size + size > l->names_capacity) {
        size_t capacity = 2 * l->names_capacity;
        uint8_t *names = capacity > UINT32_MAX ? NULL : mem_resize(l->names, capacity);
        if (names == NULL) {
            return ERR_NO_MEMORY;
        }
        l->names = names;
        l->names_capacity = capacity;
    }
    memcpy(l->names + l->names_size, name, size);
    *ret_offset = (uint32_t)l->names_size;
    l->names_size += size;
    return 0;
}

static int owner_of(struct list *l, uint32_t number, const char *name, size_t size,
                    uint32_t *ret_owner)
{
    int status = l->owner_count == l->owner_capacity ? grow_owners(l) : 0;
    if (status != 0) {
        return status;
    }
    size_t place = place_of(l, number, name, size);
    if (l->places[place] == 0) {
        struct owner owner = { .number = number, .name_size = (uint32_t)size };
        status = add_name(l, name, size, &owner.name);
        if (status != 0) {
            return status;
        }
        l->owners[l->owner_count++] = owner;
        l->places[place] = (uint32_t)l->owner_count;
    }
    *ret_owner = l->places[place];
    return 0;
}

/// An address as a whole number: IPv4 up to 2^32-1, above it IPv6.
static int number_get(const char *text, size_t size, struct addr *ret_addr)
{
    uint8_t bytes[ADDR_V6_SIZE] = { 0 };
    for (size_t i = 0; i < size; i++) {
        unsigned carry = (unsigned)(text[i] - '0');
        if (carry > 9) {
            return ERR_INVALID;
        }
        for (size_t k = ADDR_V6_SIZE; k-- > 0;) {
            carry += bytes[k] * 10U;
            bytes[k] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry > 0) {
            return ERR_RANGE;
        }
    }
    static const uint8_t ZEROS[ADDR_V6_SIZE - ADDR_V4_SIZE];
    bool is_v4 = memcmp(bytes, ZEROS, sizeof(ZEROS)) == 0;
    *ret_addr = is_v4 ? addr_v4(bytes + sizeof(ZEROS)) : addr_v6(bytes);
    return size > 0 ? 0 : ERR_INVALID;
}

static int address_get(const char *text, size_t size, struct addr *ret_addr)
{
    struct addr a;
    int status = addr_get((const uint8_t *)text, size, &a);
    status = status == 0 ? 0 : number_get(text, size, &a);
    if (status == 0) {
        *ret_addr = addr_unmap(&a);
    }
    return status;
}

/// 13335 or AS13335.
static int as_get(const char *text, size_t size, uint32_t *ret_number)
{
    uint64_t number;
    size_t prefix = size > 2 && strncasecmp(text, "AS", 2) == 0 ? 2 : 0;
    int status = num_get_u64(text + prefix, size - prefix, UINT32_MAX, &number);
    if (status == 0) {
        *ret_number = (uint32_t)number;
    }
    return status;
}

static int add_range(struct list *l, const struct csv *csv, const struct csv_record *r,
                     struct err *err)
{
    struct addr first;
    struct addr last;
    uint32_t number;
    if (r->count < 3 || r->count > 4) {
        return csv_err(err, csv, r, "%zu fields; wanted are start,end,number,name", r->count);
    }
    for (size_t i = 0; i < 2; i++) {
        if (address_get(r->fields[i], r->sizes[i], i == 0 ? &first : &last) != 0) {
            return csv_err(err, csv, r, "\"%.60s\" is no address", r->fields[i]);
        }
    }
    if (as_get(r->fields[2], r->sizes[2], &number) != 0) {
        return csv_err(err, csv, r, "\"%.60s\" is no AS number", r->fields[2]);
    }
    const char *name = r->count > 3 ? r->fields[3] : "";
    size_t name_size = r->count > 3 ? r->sizes[3] : 0;
    if (name_size > NAME_SIZE_MAX) {
        return csv_err(err, csv, r, "a name of %zu bytes", name_size);
    }
    if (first.size != last.size) {
        return csv_err(err, csv, r, "a range from IPv4 to IPv6");
    }
    if (number == 0 && name_size == 0) {
        return 0; // nobody's
    }
    uint32_t owner;
    int status = owner_of(l, number, name, name_size, &owner);
    status = status == 0 ? ranges_add(l->ranges, &first, &last, owner) : status;
    switch (status) {
    case 0:
        return 0;
    case ERR_INVALID:
        return csv_err(err, csv, r, "the range ends before it begins");
    case ERR_RANGE:
        return csv_err(err, csv, r, "%s comes after a higher address; sort the file", r->fields[0]);
    case ERR_FULL:
        return csv_err(err, csv, r, "more than %d ranges overlap here", RANGES_DEPTH_MAX);
    default:
        return err_set(err, status, "out of memory for the AS list");
    }
}

/// A first line of column names: its first field has no digit.
static bool is_heading(const struct csv_record *r)
{
    return r->line == 1 && strpbrk(r->fields[0], "0123456789:") == NULL;
}

static int read_list(struct list *l, const char *path, struct err *err)
{
    struct csv *csv;
    struct csv_record record;
    size_t count = 0;
    if (csv_open(path, LIST_SIZE_MAX, &csv, err) != 0) {
        return err->status;
    }
    int status;
    while ((status = csv_next(csv, &record, err)) == 0) {
        if (is_heading(&record)) {
            continue;
        }
        status = add_range(l, csv, &record, err);
        if (status != 0) {
            break;
        }
        count++;
    }
    csv_free(csv);
    if (status != ERR_NOT_FOUND) {
        return status;
    }
    return count > 0 ? 0 : err_set(err, ERR_INVALID, "%s: holds no ranges", path);
}

static int open_list(struct asn *a, const char *const *paths, size_t count, struct err *err)
{
    struct list *l = a->list = mem_zalloc(sizeof(*l));
    if (l == NULL || ranges_new(&l->ranges) != 0 || (l->names = mem_zalloc(NAMES_FIRST)) == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the AS list");
    }
    l->names_capacity = NAMES_FIRST;
    for (size_t i = 0; i < count; i++) {
        if (read_list(l, paths[i], err) != 0) {
            return err->status;
        }
    }
    mem_free(l->places);
    l->places = NULL;
    if (ranges_finish(l->ranges) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the AS list");
    }
    return 0;
}

// --- Both ----------------------------------------------------------------------------------------

static bool is_list(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot != NULL && strcasecmp(dot, ".csv") == 0;
}

int asn_open(const char *const *paths, size_t count, struct asn **ret_asn, struct err *err)
{
    CHECK(count <= DATABASES_MAX);
    for (size_t i = 1; i < count; i++) {
        if (is_list(paths[i]) != is_list(paths[0])) {
            return err_set(err, ERR_INVALID, "%s and %s: a CSV list and an MMDB do not go together",
                           paths[0], paths[i]);
        }
    }
    struct asn *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = count > 0 && is_list(paths[0]) ? open_list(a, paths, count, err)
                                                : open_databases(a, paths, count, err);
    if (status != 0) {
        asn_free(a);
        return status;
    }
    *ret_asn = a;
    return 0;
}

void asn_free(struct asn *a)
{
    if (a != NULL) {
        list_free(a->list);
        for (size_t i = 0; i < a->count; i++) {
            mmdb_close(a->databases[i]);
        }
        mem_free(a);
    }
}

uint32_t asn_find(const struct asn *a, const struct addr *address)
{
    if (a->list != NULL) {
        return ranges_find(a->list->ranges, address);
    }
    for (size_t i = 0; i < a->count; i++) {
        uint32_t record = mmdb_find(a->databases[i], address);
        if (record != 0) {
            return (uint32_t)i << DATABASE_SHIFT | record;
        }
    }
    return 0;
}

struct asn_owner asn_get(const struct asn *a, uint32_t owner)
{
    struct asn_owner found = { 0 };
    if (a->list != NULL) {
        const struct owner *o = &a->list->owners[owner - 1];
        return (struct asn_owner){ .number = o->number,
                                   .name = a->list->names + o->name,
                                   .name_size = o->name_size };
    }
    const struct mmdb *db = a->databases[owner >> DATABASE_SHIFT];
    bool ok = read_owner(db, owner & ((UINT32_C(1) << DATABASE_SHIFT) - 1), &found);
    return ok ? found : (struct asn_owner){ 0 };
}

/// DB-IP's free files are CC BY 4.0 and say so in their types; others' terms are their users'.
const char *asn_notice(const struct asn *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (strncmp(mmdb_type(a->databases[i]), "DBIP-", 5) == 0) {
            return "IP Geolocation by DB-IP, https://db-ip.com";
        }
    }
    return "";
}
