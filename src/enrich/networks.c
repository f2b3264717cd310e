// SPDX-License-Identifier: Apache-2.0
/*
 * Networks nest or lie apart, so that in the order of their first addresses, the larger of two that
 * begin together first, they are ranges (enrich/ranges.h) of which the later ones lie in the
 * earlier.
 */
#include "enrich/networks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/yml.h"
#include "enrich/csv.h"
#include "enrich/name.h"
#include "enrich/ranges.h"

enum {
    NETWORKS_FILE_SIZE_MAX = 64 << 20,
    NETWORKS_MAX = 1 << 20,
    NETWORKS_FIRST = 256,
};

struct network {
    struct cidr cidr;
    size_t line;
    char *name;
};

struct networks {
    struct network *list; ///< numbered from 1
    size_t count;
    size_t capacity;
    struct ranges *ranges;
};

/// `text` as a network, into the list. Words without a place.
static int add(struct networks *n, const char *text, const char *name, size_t line, struct err *err)
{
    struct network new = { .line = line };
    if (cidr_parse(text, &new.cidr) != 0) {
        return err_set(err, ERR_INVALID,
                       "\"%.60s\" is no network; wanted is one such as 192.0.2.0/24", text);
    }
    size_t size = strlen(name);
    if (size == 0) {
        return err_set(err, ERR_INVALID, "network %.60s has no name", text);
    }
    if (name_fit((const uint8_t *)name, size) != size) {
        return err_set(err, ERR_INVALID, "a name of more than %d bytes", NAME_JSON_SIZE_MAX);
    }
    if (n->count == n->capacity) {
        size_t capacity = n->capacity == 0 ? NETWORKS_FIRST : 2 * n->capacity;
        struct network *list =
            capacity > NETWORKS_MAX ? NULL : mem_resize(n->list, capacity * sizeof(list[0]));
        if (list == NULL) {
            return err_set(err, ERR_NO_MEMORY, "out of memory, or more than %d networks",
                           NETWORKS_MAX);
        }
        n->list = list;
        n->capacity = capacity;
    }
    new.name = mem_strdup(name);
    if (new.name == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    n->list[n->count++] = new;
    return 0;
}

// --- CSV -----------------------------------------------------------------------------------------

static bool is_heading(const struct csv_record *r)
{
    return r->line == 1 && strpbrk(r->fields[0], "0123456789:") == NULL;
}

static int read_csv(struct networks *n, const char *path, struct err *err)
{
    struct csv *csv;
    struct csv_record r;
    struct err words;
    if (csv_open(path, NETWORKS_FILE_SIZE_MAX, &csv, err) != 0) {
        return err->status;
    }
    int status;
    while ((status = csv_next(csv, &r, err)) == 0) {
        if (is_heading(&r)) {
            continue;
        }
        if (r.count != 2) {
            status = csv_err(err, csv, &r, "%zu field%s; wanted are network,name", r.count,
                             r.count == 1 ? "" : "s");
        } else if (add(n, r.fields[0], r.fields[1], r.line, &words) != 0) {
            status = csv_err(err, csv, &r, "%s", words.text);
        }
        if (status != 0) {
            break;
        }
    }
    csv_free(csv);
    return status == ERR_NOT_FOUND ? 0 : status;
}

// --- YAML ----------------------------------------------------------------------------------------

struct yaml_reading {
    struct networks *networks;
    struct err *err;
};

static int read_pair(void *context, struct yml_node key, struct yml_node value)
{
    struct yaml_reading *y = context;
    struct err words;
    if (yml_kind(key) != YML_KIND_SCALAR || yml_kind(value) != YML_KIND_SCALAR) {
        return yml_err(y->err, key, "wanted are lines such as 192.0.2.0/24: name");
    }
    const char *name = yml_is_null(value) ? "" : yml_text(value);
    if (add(y->networks, yml_text(key), name, yml_line(key), &words) != 0) {
        return yml_err(y->err, key, "%s", words.text);
    }
    return 0;
}

static int read_yaml(struct networks *n, const char *path, struct err *err)
{
    struct yml_file *file;
    struct yaml_reading y = { .networks = n, .err = err };
    if (yml_load(path, NETWORKS_FILE_SIZE_MAX, &file, err) != 0) {
        return err->status;
    }
    int status = yml_kind(yml_root(file)) == YML_KIND_MAP
                     ? yml_each(yml_root(file), read_pair, &y)
                     : yml_err(err, yml_root(file), "wanted are lines such as 192.0.2.0/24: name");
    yml_free(file);
    return status;
}

// --- Both ----------------------------------------------------------------------------------------

/// IPv4 first, by address, the shorter prefix first.
static int compare(const void *a, const void *b)
{
    const struct network *left = a;
    const struct network *right = b;
    if (left->cidr.addr.size != right->cidr.addr.size) {
        return left->cidr.addr.size - right->cidr.addr.size;
    }
    int order = memcmp(left->cidr.addr.bytes, right->cidr.addr.bytes, ADDR_V6_SIZE);
    return order != 0 ? order : left->cidr.prefix - right->cidr.prefix;
}

static struct addr last_of(const struct cidr *c)
{
    struct addr last = c->addr;
    for (unsigned i = c->prefix; i < 8U * c->addr.size; i++) {
        last.bytes[i / 8] |= (uint8_t)(0x80U >> i % 8);
    }
    return last;
}

/// ::ffff:10.0.0.0/104 is 10.0.0.0/8.
static struct cidr unmapped(const struct cidr *c)
{
    enum { MAPPED_BITS = 96 };
    struct addr plain = addr_unmap(&c->addr);
    if (plain.size == c->addr.size || c->prefix < MAPPED_BITS) {
        return *c;
    }
    return (struct cidr){ .addr = plain, .prefix = (uint8_t)(c->prefix - MAPPED_BITS) };
}

static int make_ranges(struct networks *n, const char *path, struct err *err)
{
    int status = ranges_new(&n->ranges);
    for (size_t i = 0; i < n->count; i++) {
        n->list[i].cidr = unmapped(&n->list[i].cidr);
    }
    if (n->count > 0) {
        qsort(n->list, n->count, sizeof(n->list[0]), compare);
    }
    for (size_t i = 0; status == 0 && i < n->count; i++) {
        const struct network *this = &n->list[i];
        if (i > 0 && compare(this, this - 1) == 0) {
            size_t line = this->line > this[-1].line ? this->line : this[-1].line;
            char text[ADDR_TEXT_SIZE_MAX + 1];
            return err_set(err, ERR_INVALID, "%s:%zu: network %s/%u stands here twice", path, line,
                           addr_text(&this->cidr.addr, text), this->cidr.prefix);
        }
        struct addr last = last_of(&this->cidr);
        status = ranges_add(n->ranges, &this->cidr.addr, &last, (uint32_t)i + 1);
    }
    status = status == 0 ? ranges_finish(n->ranges) : status;
    return status == 0 ? 0 : err_set(err, status, "%s: %s", path, status_text(status));
}

int networks_open(const char *path, struct networks **ret_networks, struct err *err)
{
    struct networks *n = mem_zalloc(sizeof(*n));
    if (n == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = name_file_is_yaml(path) ? read_yaml(n, path, err) : read_csv(n, path, err);
    status = status == 0 ? make_ranges(n, path, err) : status;
    if (status != 0) {
        networks_free(n);
        return status;
    }
    *ret_networks = n;
    return 0;
}

void networks_free(struct networks *n)
{
    if (n != NULL) {
        for (size_t i = 0; i < n->count; i++) {
            mem_free(n->list[i].name);
        }
        mem_free(n->list);
        ranges_free(n->ranges);
        mem_free(n);
    }
}

size_t networks_count(const struct networks *n)
{
    return n->count;
}

uint32_t networks_find(const struct networks *n, const struct addr *a)
{
    return ranges_find(n->ranges, a);
}

const char *networks_name(const struct networks *n, uint32_t network)
{
    return n->list[network - 1].name;
}
