// SPDX-License-Identifier: Apache-2.0
/*
 * One sorted list of (protocol, port, name), in which the user's names take the place of the
 * well-known ones. The names file is the one of exporters and interfaces (enrich/roster.h), which
 * passes over what is read here:
 *
 *     applications:
 *       tcp: {8443: intranet, 9000-9010: cluster}
 *       udp:
 *         5000: voice
 *
 * and as CSV
 *
 *     application,tcp,8443,intranet
 */
#include "query/applications.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/yml.h"
#include "enrich/csv.h"
#include "enrich/name.h"
#include "flow/names.h"

enum {
    FILE_SIZE_MAX = 64 << 20,
    ENTRIES_MAX = 1 << 20,
    NAME_SIZE_MAX = 64,
    TCP = 6,
    UDP = 17,
    SCTP = 132,
    BOTH = UINT8_MAX + 1, ///< TCP and UDP
};

struct entry {
    uint32_t proto;
    uint32_t port;
    uint32_t order;   ///< the user's first
    const char *name; ///< owned by the list of names, or a constant
};

struct name {
    struct name *next;
    char text[NAME_SIZE_MAX + 1];
};

struct applications {
    _Atomic uint32_t refs;
    struct entry *entries;
    size_t count;
    size_t room;
    struct name *names;
};

// --- The list ------------------------------------------------------------------------------------

static int add(struct applications *a, uint32_t proto, uint32_t port, const char *name,
               struct err *err)
{
    if (a->count == a->room) {
        size_t room = a->room == 0 ? 512 : 2 * a->room;
        void *entries =
            room > ENTRIES_MAX ? NULL : mem_resize(a->entries, room * sizeof(a->entries[0]));
        if (entries == NULL) {
            return room > ENTRIES_MAX
                       ? err_set(err, ERR_FULL, "more than %d ports have names", ENTRIES_MAX)
                       : err_set(err, ERR_NO_MEMORY, "out of memory");
        }
        a->entries = entries;
        a->room = room;
    }
    a->entries[a->count] = (struct entry){ proto, port, (uint32_t)a->count, name };
    a->count++;
    return 0;
}

static int compare(const struct entry *a, uint32_t proto, uint32_t port)
{
    return a->proto != proto ? (a->proto > proto ? 1 : -1) : (a->port > port) - (a->port < port);
}

static int compare_entries(const void *a_, const void *b_)
{
    const struct entry *a = a_;
    const struct entry *b = b_;
    int order = compare(a, b->proto, b->port);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/// Sorts the list, and keeps the first of each port: the user's.
static void finish(struct applications *a)
{
    size_t kept = 0;
    qsort(a->entries, a->count, sizeof(a->entries[0]), compare_entries);
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *e = &a->entries[i];
        if (kept == 0 || compare(&a->entries[kept - 1], e->proto, e->port) != 0) {
            a->entries[kept++] = *e;
        }
    }
    a->count = kept;
}

static int add_known(struct applications *a, struct err *err)
{
    static const struct {
        uint32_t proto;
        uint32_t port;
        const char *name;
    } KNOWN[] = {
#define APPLICATION(proto, port, name) { proto, port, name },
#include "query/applications.def"
#undef APPLICATION
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        bool both = KNOWN[i].proto == BOTH;
        status = add(a, both ? TCP : KNOWN[i].proto, KNOWN[i].port, KNOWN[i].name, err);
        if (status == 0 && both) {
            status = add(a, UDP, KNOWN[i].port, KNOWN[i].name, err);
        }
    }
    return status;
}

// --- The names file ------------------------------------------------------------------------------

static int read_proto(const char *text, uint32_t *ret_proto, struct err *err)
{
    uint64_t number;
    int known = proto_by_name(text, strlen(text));
    if (known >= 0) {
        *ret_proto = (uint32_t)known;
        return 0;
    }
    if (num_get_u64(text, strlen(text), UINT8_MAX, &number) != 0) {
        return err_set(err, ERR_INVALID, "\"%.60s\" is no protocol (tcp, udp, 132)", text);
    }
    *ret_proto = (uint32_t)number;
    return 0;
}

/// 8443 or 9000-9010.
static int read_ports(const char *text, uint64_t *ret_first, uint64_t *ret_last, struct err *err)
{
    const char *dash = strchr(text, '-');
    size_t size = dash == NULL ? strlen(text) : (size_t)(dash - text);
    uint64_t first;
    if (num_get_u64(text, size, UINT16_MAX, &first) != 0) {
        return err_set(err, ERR_INVALID, "\"%.60s\" is no port (8443, 9000-9010)", text);
    }
    uint64_t last = first;
    if (dash != NULL &&
        (num_get_u64(dash + 1, strlen(dash + 1), UINT16_MAX, &last) != 0 || last < first)) {
        return err_set(err, ERR_INVALID, "\"%.60s\" are no ports (9000-9010)", text);
    }
    *ret_first = first;
    *ret_last = last;
    return 0;
}

static int add_own(struct applications *a, const char *proto_text, const char *ports,
                   const char *text, struct err *err)
{
    uint32_t proto = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    size_t size = strlen(text);
    if (read_proto(proto_text, &proto, err) != 0 || read_ports(ports, &first, &last, err) != 0) {
        return err->status;
    }
    if (size == 0 || size > NAME_SIZE_MAX) {
        return err_set(err, ERR_INVALID, "an application's name has 1 to %d bytes", NAME_SIZE_MAX);
    }
    struct name *name = mem_zalloc(sizeof(*name));
    if (name == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    memcpy(name->text, text, size);
    name->next = a->names;
    a->names = name;
    int status = 0;
    for (uint64_t port = first; status == 0 && port <= last; port++) {
        status = add(a, proto, (uint32_t)port, name->text, err);
    }
    return status;
}

static int read_csv(struct applications *a, const char *path, struct err *err)
{
    struct csv *csv;
    struct csv_record r;
    struct err words;
    if (csv_open(path, FILE_SIZE_MAX, &csv, err) != 0) {
        return err->status;
    }
    int status;
    while ((status = csv_next(csv, &r, err)) == 0) {
        if (strcasecmp(r.fields[0], "application") != 0) {
            continue;
        }
        if (r.count != 4) {
            status =
                csv_err(err, csv, &r, "%zu fields; wanted are application,tcp,8443,name", r.count);
            break;
        }
        if (add_own(a, r.fields[1], r.fields[2], r.fields[3], &words) != 0) {
            status = csv_err(err, csv, &r, "%s", words.text);
            break;
        }
    }
    csv_free(csv);
    return status == ERR_NOT_FOUND ? 0 : status;
}

struct reading {
    struct applications *applications;
    const char *proto;
    struct err *err;
};

static int read_port(void *context, struct yml_node key, struct yml_node value)
{
    const struct reading *r = context;
    struct err words;
    if (yml_kind(key) != YML_KIND_SCALAR || yml_kind(value) != YML_KIND_SCALAR) {
        return yml_err(r->err, key, "wanted is a port and a name: 8443: intranet");
    }
    return add_own(r->applications, r->proto, yml_text(key), yml_text(value), &words) == 0
               ? 0
               : yml_err(r->err, key, "%s", words.text);
}

static int read_protocol(void *context, struct yml_node key, struct yml_node value)
{
    struct reading *r = context;
    if (yml_kind(key) != YML_KIND_SCALAR || yml_kind(value) != YML_KIND_MAP) {
        return yml_err(r->err, key, "wanted are ports below a protocol: tcp: {8443: intranet}");
    }
    r->proto = yml_text(key);
    return yml_each(value, read_port, r);
}

static int read_yaml(struct applications *a, const char *path, struct err *err)
{
    struct yml_file *file;
    struct reading r = { .applications = a, .err = err };
    if (yml_load(path, FILE_SIZE_MAX, &file, err) != 0) {
        return err->status;
    }
    int status = 0;
    struct yml_node root = yml_root(file);
    struct yml_node section = { .file = file };
    if (yml_kind(root) == YML_KIND_MAP) {
        section = yml_get(root, "applications");
    }
    if (yml_kind(section) == YML_KIND_MAP) {
        status = yml_each(section, read_protocol, &r);
    } else if (!yml_is_null(section)) {
        status = yml_err(err, section, "wanted are protocols: tcp: {8443: intranet}");
    }
    yml_free(file);
    return status;
}

// --- What others call ----------------------------------------------------------------------------

int applications_open(const char *path, struct applications **ret_applications, struct err *err)
{
    struct applications *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    atomic_init(&a->refs, 1);
    int status = 0;
    if (path != NULL && path[0] != '\0') {
        status = name_file_is_yaml(path) ? read_yaml(a, path, err) : read_csv(a, path, err);
    }
    status = status == 0 ? add_known(a, err) : status;
    if (status != 0) {
        applications_unref(a);
        return status;
    }
    finish(a);
    *ret_applications = a;
    return 0;
}

void applications_ref(struct applications *a)
{
    atomic_fetch_add(&a->refs, 1);
}

void applications_unref(struct applications *a)
{
    if (a == NULL || atomic_fetch_sub(&a->refs, 1) > 1) {
        return;
    }
    while (a->names != NULL) {
        struct name *next = a->names->next;
        mem_free(a->names);
        a->names = next;
    }
    mem_free(a->entries);
    mem_free(a);
}

const char *applications_name(const struct applications *a, uint32_t proto, uint32_t port)
{
    size_t begin = 0;
    size_t end = a->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        int order = compare(&a->entries[middle], proto, port);
        if (order == 0) {
            return a->entries[middle].name;
        }
        begin = order < 0 ? middle + 1 : begin;
        end = order < 0 ? end : middle;
    }
    return NULL;
}

void applications_each(const struct applications *a, applications_each_fn *each, void *context)
{
    for (size_t i = 0; i < a->count; i++) {
        each(context, a->entries[i].proto, a->entries[i].port, a->entries[i].name);
    }
}
