// SPDX-License-Identifier: Apache-2.0
/*
 * Two hash tables, of exporters and of interfaces by exporter and index, made with room to spare
 * when all is read: a look-up ends at the first free place. The file is the operator's, so nobody
 * chooses keys that collide.
 */
#include "enrich/roster.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/yml.h"
#include "enrich/csv.h"
#include "enrich/name.h"

enum {
    FILE_SIZE_MAX = 64 << 20,
    ENTRIES_MAX = 1 << 22,
    PLACES_FIRST = 256,
};

struct exporter {
    struct addr addr;
    char *name; ///< NULL: none
};

struct interface {
    uint32_t exporter; ///< from 1
    uint32_t ifindex;
    char *name;
    char *alias;
};

/// Entries in the order of the file, and places that hold their numbers from 1.
struct table {
    size_t count;
    size_t place_count; ///< a power of two, at least twice the entries
    uint32_t *places;
};

struct roster {
    struct exporter *exporters;
    struct table exporter_table;
    struct interface *interfaces;
    struct table interface_table;
};

// --- Tables --------------------------------------------------------------------------------------

static uint64_t hash_exporter(const struct addr *a)
{
    return hash64(a, sizeof(*a));
}

static uint64_t hash_interface(uint32_t exporter, uint32_t ifindex)
{
    const uint64_t key = (uint64_t)exporter << 32 | ifindex;
    return hash64(&key, sizeof(key));
}

/// Where an exporter is, or could be.
static size_t exporter_place(const struct roster *e, const struct addr *a)
{
    const struct table *t = &e->exporter_table;
    size_t at = hash_exporter(a) & (t->place_count - 1);
    while (t->places[at] != 0 && !addr_equal(&e->exporters[t->places[at] - 1].addr, a)) {
        at = (at + 1) & (t->place_count - 1);
    }
    return at;
}

static size_t interface_place(const struct roster *e, uint32_t exporter, uint32_t ifindex)
{
    const struct table *t = &e->interface_table;
    size_t at = hash_interface(exporter, ifindex) & (t->place_count - 1);
    for (;; at = (at + 1) & (t->place_count - 1)) {
        const struct interface *i = t->places[at] == 0 ? NULL : &e->interfaces[t->places[at] - 1];
        if (i == NULL || (i->exporter == exporter && i->ifindex == ifindex)) {
            return at;
        }
    }
}

/// Room for one more entry of `size` bytes. True when the places have to be filled again.
static int make_room(struct table *t, void **entries, size_t size, bool *ret_moved)
{
    *ret_moved = false;
    if (2 * (t->count + 1) <= t->place_count) {
        return 0;
    }
    size_t place_count = t->place_count == 0 ? PLACES_FIRST : 2 * t->place_count;
    if (place_count > ENTRIES_MAX) {
        return ERR_FULL;
    }
    void *moved = mem_resize(*entries, place_count / 2 * size);
    if (moved == NULL) {
        return ERR_NO_MEMORY;
    }
    *entries = moved;
    uint32_t *places = mem_zalloc_array(place_count, sizeof(places[0]));
    if (places == NULL) {
        return ERR_NO_MEMORY;
    }
    mem_free(t->places);
    t->places = places;
    t->place_count = place_count;
    *ret_moved = true;
    return 0;
}

static int add_exporter(struct roster *e, const struct addr *a, uint32_t *ret_exporter)
{
    struct table *t = &e->exporter_table;
    void *entries = e->exporters;
    bool moved;
    int status = make_room(t, &entries, sizeof(e->exporters[0]), &moved);
    e->exporters = entries;
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; moved && i < t->count; i++) {
        t->places[exporter_place(e, &e->exporters[i].addr)] = (uint32_t)i + 1;
    }
    size_t at = exporter_place(e, a);
    if (t->places[at] == 0) {
        e->exporters[t->count++] = (struct exporter){ .addr = *a };
        t->places[at] = (uint32_t)t->count;
    }
    *ret_exporter = t->places[at];
    return 0;
}

/// A new interface; ERR_EXISTS.
static int add_interface(struct roster *e, uint32_t exporter, uint32_t ifindex,
                         struct interface **ret_interface)
{
    struct table *t = &e->interface_table;
    void *entries = e->interfaces;
    bool moved;
    int status = make_room(t, &entries, sizeof(e->interfaces[0]), &moved);
    e->interfaces = entries;
    if (status != 0) {
        return status;
    }
    for (size_t i = 0; moved && i < t->count; i++) {
        const struct interface *old = &e->interfaces[i];
        t->places[interface_place(e, old->exporter, old->ifindex)] = (uint32_t)i + 1;
    }
    size_t at = interface_place(e, exporter, ifindex);
    if (t->places[at] != 0) {
        return ERR_EXISTS;
    }
    e->interfaces[t->count] = (struct interface){ .exporter = exporter, .ifindex = ifindex };
    *ret_interface = &e->interfaces[t->count++];
    t->places[at] = (uint32_t)t->count;
    return 0;
}

// --- What a file says ----------------------------------------------------------------------------

static int full(struct err *err, int status)
{
    return status == ERR_FULL ? err_set(err, status, "more than %d names", ENTRIES_MAX / 2)
                              : err_set(err, status, "out of memory");
}

/// A copy of a name; NULL for "".
static int copy_name(const char *name, char **ret_name, struct err *err)
{
    size_t size = strlen(name);
    if (name_fit((const uint8_t *)name, size) != size) {
        return err_set(err, ERR_INVALID, "a name of more than %d bytes", NAME_JSON_SIZE_MAX);
    }
    char *copy = size == 0 ? NULL : mem_strdup(name);
    if (size > 0 && copy == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *ret_name = copy;
    return 0;
}

static int exporter_of(struct roster *e, const char *text, uint32_t *ret_exporter, struct err *err)
{
    struct addr a;
    if (addr_parse(text, &a) != 0) {
        return err_set(err, ERR_INVALID, "\"%.60s\" is no address of an exporter", text);
    }
    a = addr_unmap(&a);
    int status = add_exporter(e, &a, ret_exporter);
    return status == 0 ? 0 : full(err, status);
}

static int name_exporter(struct roster *e, uint32_t exporter, const char *name, struct err *err)
{
    struct exporter *x = &e->exporters[exporter - 1];
    char text[ADDR_TEXT_SIZE_MAX + 1];
    if (name[0] == '\0') {
        return err_set(err, ERR_INVALID, "exporter %s has no name", addr_text(&x->addr, text));
    }
    if (x->name != NULL) {
        return err_set(err, ERR_INVALID, "exporter %s has a name already, \"%.60s\"",
                       addr_text(&x->addr, text), x->name);
    }
    return copy_name(name, &x->name, err);
}

static int name_interface(struct roster *e, uint32_t exporter, const char *ifindex,
                          const char *name, const char *alias, struct err *err)
{
    uint64_t number;
    struct interface *i;
    if (num_get_u64(ifindex, strlen(ifindex), UINT32_MAX, &number) != 0) {
        return err_set(err, ERR_INVALID, "\"%.60s\" is no ifindex", ifindex);
    }
    if (name[0] == '\0' && alias[0] == '\0') {
        return err_set(err, ERR_INVALID, "interface %s has no name", ifindex);
    }
    int status = add_interface(e, exporter, (uint32_t)number, &i);
    if (status == ERR_EXISTS) {
        return err_set(err, ERR_INVALID, "interface %s of this exporter stands here twice",
                       ifindex);
    }
    if (status != 0) {
        return full(err, status);
    }
    return copy_name(name, &i->name, err) == 0 ? copy_name(alias, &i->alias, err) : err->status;
}

// --- CSV -----------------------------------------------------------------------------------------

static bool is_heading(const struct csv_record *r)
{
    return r->line == 1 && strcasecmp(r->fields[0], "exporter") == 0;
}

/// Names of applications stand in the same file (query/applications.h).
static bool is_application(const struct csv_record *r)
{
    return strcasecmp(r->fields[0], "application") == 0;
}

static int read_record(struct roster *e, const struct csv_record *r, struct err *err)
{
    uint32_t exporter = 0;
    if (r->count < 2 || r->count > 4) {
        return err_set(err, ERR_INVALID,
                       "%zu field%s; wanted are exporter,name or exporter,ifindex,name,alias",
                       r->count, r->count == 1 ? "" : "s");
    }
    if (exporter_of(e, r->fields[0], &exporter, err) != 0) {
        return err->status;
    }
    if (r->count == 2) {
        return name_exporter(e, exporter, r->fields[1], err);
    }
    const char *alias = r->count == 4 ? r->fields[3] : "";
    if (r->sizes[1] > 0) {
        return name_interface(e, exporter, r->fields[1], r->fields[2], alias, err);
    }
    if (alias[0] != '\0') {
        return err_set(err, ERR_INVALID, "an alias without an ifindex");
    }
    return name_exporter(e, exporter, r->fields[2], err);
}

static int read_csv(struct roster *e, const char *path, struct err *err)
{
    struct csv *csv;
    struct csv_record r;
    struct err words;
    if (csv_open(path, FILE_SIZE_MAX, &csv, err) != 0) {
        return err->status;
    }
    int status;
    while ((status = csv_next(csv, &r, err)) == 0) {
        if (!is_heading(&r) && !is_application(&r) && read_record(e, &r, &words) != 0) {
            status = csv_err(err, csv, &r, "%s", words.text);
            break;
        }
    }
    csv_free(csv);
    return status == ERR_NOT_FOUND ? 0 : status;
}

// --- YAML ----------------------------------------------------------------------------------------

struct yaml_reading {
    struct roster *roster;
    uint32_t exporter; ///< the one whose interfaces are being read
    struct err *err;
};

/// The text of a member; "" when there is none.
static int member(struct yml_node map, const char *key, const char **ret_text, struct err *err)
{
    struct yml_node n = yml_get(map, key);
    if (yml_kind(n) != YML_KIND_NONE && yml_kind(n) != YML_KIND_SCALAR) {
        return yml_err(err, n, "%s: wanted is a text", key);
    }
    *ret_text = yml_is_null(n) ? "" : yml_text(n);
    return 0;
}

struct known {
    const char *const *keys; ///< NULL ends them
    struct err *err;
};

static int check_key(void *context, struct yml_node key, struct yml_node value)
{
    (void)value;
    const struct known *known = context;
    const char *text = yml_kind(key) == YML_KIND_SCALAR ? yml_text(key) : "";
    for (const char *const *k = known->keys; *k != NULL; k++) {
        if (strcmp(text, *k) == 0) {
            return 0;
        }
    }
    return yml_err(known->err, key, "unknown key \"%.60s\"; known are %s and %s", text,
                   known->keys[0], known->keys[1]);
}

static int read_interface(void *context, struct yml_node key, struct yml_node value)
{
    static const char *const KEYS[] = { "name", "alias", NULL };
    const struct yaml_reading *y = context;
    struct known known = { .keys = KEYS, .err = y->err };
    const char *name = "";
    const char *alias = "";
    struct err words;
    if (yml_kind(key) != YML_KIND_SCALAR) {
        return yml_err(y->err, key, "wanted is an ifindex");
    }
    if (yml_kind(value) == YML_KIND_SCALAR) {
        name = yml_is_null(value) ? "" : yml_text(value);
    } else if (yml_kind(value) != YML_KIND_MAP) {
        return yml_err(y->err, value, "wanted is a name, or name and alias");
    } else if (yml_each(value, check_key, &known) != 0 ||
               member(value, "name", &name, y->err) != 0 ||
               member(value, "alias", &alias, y->err) != 0) {
        return y->err->status;
    }
    if (name_interface(y->roster, y->exporter, yml_text(key), name, alias, &words) != 0) {
        return yml_err(y->err, key, "%s", words.text);
    }
    return 0;
}

/// The members of an exporter that is a map.
static int read_members(struct yaml_reading *y, struct yml_node map)
{
    static const char *const KEYS[] = { "name", "interfaces", NULL };
    struct known known = { .keys = KEYS, .err = y->err };
    const char *name = "";
    struct err words;
    if (yml_each(map, check_key, &known) != 0 || member(map, "name", &name, y->err) != 0) {
        return y->err->status;
    }
    if (name[0] != '\0' && name_exporter(y->roster, y->exporter, name, &words) != 0) {
        return yml_err(y->err, map, "%s", words.text);
    }
    struct yml_node interfaces = yml_get(map, "interfaces");
    if (yml_is_null(interfaces)) {
        return 0;
    }
    if (yml_kind(interfaces) != YML_KIND_MAP) {
        return yml_err(y->err, interfaces, "wanted are lines such as 563: name");
    }
    return yml_each(interfaces, read_interface, y);
}

static int read_pair(void *context, struct yml_node key, struct yml_node value)
{
    struct yaml_reading *y = context;
    struct err words;
    if (yml_kind(key) != YML_KIND_SCALAR) {
        return yml_err(y->err, key, "wanted is the address of an exporter");
    }
    if (strcmp(yml_text(key), "applications") == 0) {
        return 0; // names of applications stand in the same file (query/applications.h)
    }
    if (exporter_of(y->roster, yml_text(key), &y->exporter, &words) != 0) {
        return yml_err(y->err, key, "%s", words.text);
    }
    if (yml_kind(value) == YML_KIND_MAP) {
        return read_members(y, value);
    }
    if (yml_kind(value) != YML_KIND_SCALAR) {
        return yml_err(y->err, value, "wanted is a name, or name and interfaces");
    }
    const char *name = yml_is_null(value) ? "" : yml_text(value);
    if (name_exporter(y->roster, y->exporter, name, &words) != 0) {
        return yml_err(y->err, key, "%s", words.text);
    }
    return 0;
}

static int read_yaml(struct roster *e, const char *path, struct err *err)
{
    struct yml_file *file;
    struct yaml_reading y = { .roster = e, .err = err };
    if (yml_load(path, FILE_SIZE_MAX, &file, err) != 0) {
        return err->status;
    }
    int status = yml_kind(yml_root(file)) == YML_KIND_MAP
                     ? yml_each(yml_root(file), read_pair, &y)
                     : yml_err(err, yml_root(file), "wanted are lines such as 192.0.2.1: name");
    yml_free(file);
    return status;
}

// --- Both ----------------------------------------------------------------------------------------

int roster_open(const char *path, struct roster **ret_roster, struct err *err)
{
    struct roster *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = name_file_is_yaml(path) ? read_yaml(e, path, err) : read_csv(e, path, err);
    if (status != 0) {
        roster_free(e);
        return status;
    }
    *ret_roster = e;
    return 0;
}

void roster_free(struct roster *e)
{
    if (e == NULL) {
        return;
    }
    for (size_t i = 0; i < e->exporter_table.count; i++) {
        mem_free(e->exporters[i].name);
    }
    for (size_t i = 0; i < e->interface_table.count; i++) {
        mem_free(e->interfaces[i].name);
        mem_free(e->interfaces[i].alias);
    }
    mem_free(e->exporters);
    mem_free(e->exporter_table.places);
    mem_free(e->interfaces);
    mem_free(e->interface_table.places);
    mem_free(e);
}

size_t roster_count(const struct roster *e)
{
    return e->exporter_table.count;
}

size_t roster_interface_count(const struct roster *e)
{
    return e->interface_table.count;
}

uint32_t roster_find(const struct roster *e, const struct addr *a)
{
    struct addr plain = addr_unmap(a);
    const struct table *t = &e->exporter_table;
    return t->count == 0 ? 0 : t->places[exporter_place(e, &plain)];
}

static const char *or_none(const char *name)
{
    return name == NULL ? "" : name;
}

const char *roster_name(const struct roster *e, uint32_t exporter)
{
    return or_none(e->exporters[exporter - 1].name);
}

struct roster_interface roster_interface(const struct roster *e, uint32_t exporter,
                                         uint32_t ifindex)
{
    const struct table *t = &e->interface_table;
    uint32_t found = t->count == 0 ? 0 : t->places[interface_place(e, exporter, ifindex)];
    if (found == 0) {
        return (struct roster_interface){ .name = "", .alias = "" };
    }
    const struct interface *i = &e->interfaces[found - 1];
    return (struct roster_interface){ .name = or_none(i->name), .alias = or_none(i->alias) };
}
