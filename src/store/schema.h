// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of the store. One row of `flows` is one record, and nothing of the record is lost:
 * what has no column of its own lies packed in `rest`.
 *
 * The columns of `flows` are those named below and then those of the field table (flow/fields.def),
 * called as goflow2 calls them. NULL is a field that the source did not carry. By kind of field:
 *
 *     U32, TYPE      one UINTEGER
 *     U64            one UBIGINT; times one BIGINT (see below)
 *     ADDR           two UBIGINT, NAME_hi and NAME_lo: IPv4 as ::ffff:a.b.c.d
 *     U32S, ADDRS, LAYERS   one UINTEGER: the list as bytes, in `texts`
 *
 * Texts and lists stand once in the table `texts` and by number in `flows`: numbers from 1. 0
 * stands for a text that is in `rest`, because `texts` is full.
 *
 * Times are ns since 1970. `ts` is @timestamp: the flow's start, else when it was received, else
 * when it was stored. The three times of the field table are kept as differences from it, which are
 * mostly nothing: time_received_ns + ts is the time.
 *
 * `id` is unique and never given twice: the number of the transaction that stored the record, in
 * the upper half, and the row in it. So whatever is derived from the records (roll-ups) knows up to
 * which transaction it has them.
 *
 * The view `records` is `flows` with what is computed from a row: see RECORDS_VIEW in schema.c.
 *
 * DuckDB's log is safest with plain appends and deletes of ranges: no row is ever updated, and
 * tables are made and changed at start only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/fields.h"
#include "store/duck.h"

/// The columns of `flows` that are not in the field table, in order: COL_ID is column 0.
/// STORE_COLUMN(NAME, "name", "SQL type")
#define STORE_COLUMNS(STORE_COLUMN)                                                                \
    STORE_COLUMN(ID, "id", "UBIGINT")                                                              \
    STORE_COLUMN(TS, "ts", "BIGINT")                                                               \
    STORE_COLUMN(KIND, "kind", "UTINYINT")              /* enum record_kind */                     \
    STORE_COLUMN(FILE, "file", "UINTEGER")              /* of `files`; NULL: not from a line */    \
    STORE_COLUMN(FILE_OFFSET, "file_offset", "UBIGINT") /* of the line, decompressed */            \
    STORE_COLUMN(FLOW_INDEX, "flow_index", "UINTEGER")  /* flow.index */                           \
    STORE_COLUMN(LOOKUPS, "lookups", "UTINYINT")        /* flow.lookups */                         \
    STORE_COLUMN(SAMPLING_DEFAULT, "sampling_default", "UBIGINT")                                  \
    STORE_COLUMN(NETWORK_BYTES, "network_bytes", "UBIGINT")     /* scaled, saturating; NULL: as */ \
    STORE_COLUMN(NETWORK_PACKETS, "network_packets", "UBIGINT") /* ECS network.bytes, .packets */  \
    STORE_COLUMN(SRC_ASN, "src_asn", "UINTEGER") /* ECS source.as.number; NULL: none */            \
    STORE_COLUMN(DST_ASN, "dst_asn", "UINTEGER")                                                   \
    STORE_COLUMN(SRC_COUNTRY, "src_country", "USMALLINT") /* two letters, the first times 256; */  \
    STORE_COLUMN(DST_COUNTRY, "dst_country", "USMALLINT") /* NULL: none */                         \
    STORE_COLUMN(SRC_GEO, "src_geo", "UINTEGER") /* TEXT_GEO; NULL: none, as with the next ones */ \
    STORE_COLUMN(DST_GEO, "dst_geo", "UINTEGER")                                                   \
    STORE_COLUMN(SRC_AS_ORG, "src_as_org", "UINTEGER") /* TEXT_AS */                               \
    STORE_COLUMN(DST_AS_ORG, "dst_as_org", "UINTEGER")                                             \
    STORE_COLUMN(SRC_NETWORK, "src_network", "UINTEGER") /* TEXT_NAME */                           \
    STORE_COLUMN(DST_NETWORK, "dst_network", "UINTEGER")                                           \
    STORE_COLUMN(IN_IF_NAME, "in_if_name", "UINTEGER") /* TEXT_NAME, as all below */               \
    STORE_COLUMN(IN_IF_ALIAS, "in_if_alias", "UINTEGER")                                           \
    STORE_COLUMN(OUT_IF_NAME, "out_if_name", "UINTEGER")                                           \
    STORE_COLUMN(OUT_IF_ALIAS, "out_if_alias", "UINTEGER")                                         \
    STORE_COLUMN(EXPORTER_NAME, "exporter_name", "UINTEGER")                                       \
    STORE_COLUMN(REST, "rest", "BLOB") /* store/rest.h; NULL: nothing */

enum store_column {
#define STORE_COLUMN(name, text, type) COL_##name,
    STORE_COLUMNS(STORE_COLUMN)
#undef STORE_COLUMN
        COL_FIELDS ///< the first column of the field table
};

/// The kinds of texts. Each kind has numbers of its own in its own name space: (kind, value) is
/// unique, and so is the number over all kinds.
enum text_kind {
    TEXT_NAME, ///< plain text: of an exporter, an interface, a network
    TEXT_GEO,  ///< the JSON object of ECS geo
    TEXT_AS,   ///< the JSON object of ECS as
    TEXT_U32S, ///< a list: little-endian uint32_t
    TEXT_ADDRS ///< a list: for each the size, then 16 bytes
};

/// The column of a field, its first one for an address; see COL_FIELDS.
size_t schema_column(enum field field);
/// Whether a field is one of the three times.
bool schema_is_time(enum field field);
/// All columns of `flows`.
size_t schema_column_count(void);

/// What this program reads and writes.
enum { SCHEMA_VERSION = 2 };

/// Makes the tables of a new store, or brings those of an older weir up to date, step by step.
/// ERR_UNSUPPORTED with words: a newer weir made it. ERR_IO.
int schema_open(struct duck_conn *c, struct err *err) MUST_USE;

/*
 * The other tables.
 *
 *     marks      name VARCHAR, value UBIGINT: the largest value of a name counts.
 *                "schema"; the others are told of in store/rollup.h (rollup_marks())
 *     texts      id UINTEGER, kind UTINYINT (enum text_kind), value BLOB
 *     files      id UINTEGER, fingerprint_hi, fingerprint_lo, number, device, inode UBIGINT,
 *                is_file BOOLEAN, path VARCHAR, input_type VARCHAR: struct origin
 *     positions  fingerprint_hi, fingerprint_lo, number, reach UBIGINT: how far the store has a
 *                file's lines; appended to in the transaction of the rows; the largest counts
 *     minutes_X, hours_X   the roll-ups of store/rollups.def
 *     talkers_src, talkers_dst, talkers_pair   the largest of each hour (store/talkers.h)
 */
