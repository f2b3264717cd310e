// SPDX-License-Identifier: Apache-2.0
/*
 * Reading MaxMind DB files (format 2.0): a binary tree over address bits whose leaves point at
 * values like those of JSON. Nothing is copied or allocated after opening, any number of threads
 * may read.
 *
 * A file may hold anything at all (it can even change while it is mapped, see enrich/mapped.h):
 * every offset is compared with what there is, nothing recurs, and what one record may hold is
 * bounded. What is damaged reads as not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct mmdb;

/// Opens a database and looks at its metadata. Words in `err` name the file. ERR_IO, ERR_INVALID,
/// ERR_NO_MEMORY, ERR_UNSUPPORTED.
int mmdb_open(const char *path, struct mmdb **ret_db, struct err *err) MUST_USE;
void mmdb_close(struct mmdb *db);

/// What the metadata says: "GeoLite2-City", seconds since 1970, 4 or 6.
const char *mmdb_type(const struct mmdb *db);
uint64_t mmdb_built_s(const struct mmdb *db);
unsigned mmdb_ip_version(const struct mmdb *db);

enum {
    /// Offsets of records are smaller, which leaves two bits for who keeps them.
    MMDB_RECORD_LIMIT = 1 << 30,
};

/// The record of an address (v4-mapped counts as v4): where it is, which names it, or 0 for none.
uint32_t mmdb_find(const struct mmdb *db, const struct addr *a);

enum { MMDB_FIND_MAX = 16 };

/// mmdb_find() of up to MMDB_FIND_MAX addresses together, which wait for memory together.
void mmdb_find_many(const struct mmdb *db, const struct addr *const *addrs, size_t count,
                    uint32_t *ret_records);

enum mmdb_kind {
    MMDB_NOTHING,
    MMDB_TEXT,
    MMDB_NUMBER,
    MMDB_DOUBLE,
    MMDB_FLOAT,
    MMDB_MAP,
    MMDB_LIST,
    MMDB_OTHER
};

/// A value: small, borrows from the file.
struct mmdb_value {
    enum mmdb_kind kind;
    uint32_t size;       ///< bytes of a text, members of a map or list
    const uint8_t *text; ///< of a text; no NUL, not always UTF-8
    uint64_t number;     ///< an unsigned number
    double real;         ///< a double or float
    size_t at;           ///< of a map or list: where its members begin
};

/// One reading of one record: all its walks together may pass a bounded number of values.
struct mmdb_reading {
    const struct mmdb *db;
    uint32_t left;
    bool bad; ///< damaged, or larger than a record may be
};

/// A record that mmdb_find() gave. MMDB_NOTHING and `bad` when it is damaged.
struct mmdb_value mmdb_read(const struct mmdb *db, uint32_t record,
                            struct mmdb_reading *ret_reading);

/*
 *     struct mmdb_walk w = mmdb_walk(r, &map);
 *     while (mmdb_next(r, &w)) { w.key, w.value }
 *
 * Over anything else than a map or list there is nothing to walk. The keys of a list are empty.
 */
struct mmdb_walk {
    struct mmdb_value key;
    struct mmdb_value value;
    size_t at;
    uint32_t left;
    bool is_map;
};

struct mmdb_walk mmdb_walk(const struct mmdb_value *container);
bool mmdb_next(struct mmdb_reading *r, struct mmdb_walk *w);

bool mmdb_is(const struct mmdb_value *v, const char *text);

/// Calls `each` for some records, those of the lowest addresses first, until it returns false, a
/// bounded number of times. A record may come more than once.
typedef bool mmdb_each_fn(void *context, uint32_t record);
void mmdb_sample(const struct mmdb *db, mmdb_each_fn *each, void *context);
