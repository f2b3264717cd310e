// SPDX-License-Identifier: Apache-2.0
/* Small MaxMind DB files for unit tests: records are put one after the other, networks added to the
 * tree, and the whole written to a file. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/addr.h"

enum { MMDB_FILE_NODES = 2048, MMDB_FILE_DATA = 16384 };

struct mmdb_file {
    unsigned ip_version;
    unsigned record_bits;
    uint32_t nodes[MMDB_FILE_NODES][2]; ///< 0: nothing; a node; DATA | an offset
    uint32_t count;
    uint8_t data[MMDB_FILE_DATA];
    size_t size;
};

#define MMDB_FILE_LEAF UINT32_C(0x80000000)

static inline void mmdb_file_init(struct mmdb_file *f, unsigned ip_version, unsigned record_bits)
{
    memset(f, 0, sizeof(*f));
    f->ip_version = ip_version;
    f->record_bits = record_bits;
    f->count = 1;
}

static inline void mmdb_put(struct mmdb_file *f, const void *bytes, size_t size)
{
    assert_true(f->size + size <= sizeof(f->data));
    memcpy(f->data + f->size, bytes, size);
    f->size += size;
}

static inline void mmdb_put_control(struct mmdb_file *f, unsigned type, size_t size)
{
    assert_true(size < 285);
    uint8_t bytes[3];
    size_t n = 0;
    bytes[n++] = (uint8_t)((type < 8 ? type : 0) << 5 | (size < 29 ? size : 29));
    if (type >= 8) {
        bytes[n++] = (uint8_t)(type - 7);
    }
    if (size >= 29) {
        bytes[n++] = (uint8_t)(size - 29);
    }
    mmdb_put(f, bytes, n);
}

static inline void mmdb_put_map(struct mmdb_file *f, size_t count)
{
    mmdb_put_control(f, 7, count);
}

static inline void mmdb_put_list(struct mmdb_file *f, size_t count)
{
    mmdb_put_control(f, 11, count);
}

static inline void mmdb_put_text(struct mmdb_file *f, const char *text)
{
    mmdb_put_control(f, 2, strlen(text));
    mmdb_put(f, text, strlen(text));
}

static inline void mmdb_put_u32(struct mmdb_file *f, uint32_t value)
{
    const uint8_t bytes[] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                              (uint8_t)value };
    mmdb_put_control(f, 6, sizeof(bytes));
    mmdb_put(f, bytes, sizeof(bytes));
}

static inline void mmdb_put_double(struct mmdb_file *f, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    mmdb_put_control(f, 3, sizeof(bits));
    for (int shift = 56; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t)(bits >> shift);
        mmdb_put(f, &byte, 1);
    }
}

static inline void mmdb_put_float(struct mmdb_file *f, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    mmdb_put_control(f, 15, sizeof(bits));
    for (int shift = 24; shift >= 0; shift -= 8) {
        const uint8_t byte = (uint8_t)(bits >> shift);
        mmdb_put(f, &byte, 1);
    }
}

/// key: value
static inline void mmdb_put_pair(struct mmdb_file *f, const char *key, const char *text)
{
    mmdb_put_text(f, key);
    mmdb_put_text(f, text);
}

/// key: {names: {en: name}}, with room for more members before it
static inline void mmdb_put_names(struct mmdb_file *f, const char *name)
{
    mmdb_put_text(f, "names");
    mmdb_put_map(f, 2);
    mmdb_put_pair(f, "de", "falsch");
    mmdb_put_pair(f, "en", name);
}

/// The record at `offset` of the data is that of a network.
static inline void mmdb_file_add(struct mmdb_file *f, const char *network, size_t offset)
{
    struct cidr c;
    assert_int_equal(cidr_parse(network, &c), 0);
    unsigned before = f->ip_version == 6 && c.addr.size == 4 ? 96 : 0;
    unsigned bits = before + c.prefix;
    uint32_t node = 0;
    for (unsigned i = 0; i < bits; i++) {
        unsigned k = i - before;
        unsigned byte = i < before ? 0 : c.addr.bytes[k / 8];
        unsigned bit = byte >> (7 - k % 8) & 1U;
        uint32_t *child = &f->nodes[node][bit];
        if (i + 1 == bits) {
            *child = MMDB_FILE_LEAF | (uint32_t)offset;
        } else if (*child == 0 || (*child & MMDB_FILE_LEAF) != 0) {
            assert_true(f->count < MMDB_FILE_NODES);
            f->nodes[f->count][0] = f->nodes[f->count][1] = *child;
            *child = f->count++;
        }
        node = *child;
    }
}

static inline void mmdb_write_record(const struct mmdb_file *f, const uint32_t node[2],
                                     uint8_t out[static 8])
{
    uint32_t r[2];
    for (int i = 0; i < 2; i++) {
        r[i] = node[i] == 0                      ? f->count
               : (node[i] & MMDB_FILE_LEAF) != 0 ? f->count + 16 + (node[i] & ~MMDB_FILE_LEAF)
                                                 : node[i];
    }
    unsigned size = f->record_bits / 8;
    for (int i = 0; i < 2; i++) {
        for (unsigned k = 0; k < size; k++) {
            unsigned at = (f->record_bits == 28 && i == 1 ? 4 : size * (unsigned)i) + k;
            out[at] = (uint8_t)(r[i] >> 8 * (size - 1 - k));
        }
    }
    if (f->record_bits == 28) {
        out[3] = (uint8_t)((r[0] >> 24) << 4 | r[1] >> 24);
    }
}

/// The whole file; `type` is its database_type. Returns its size.
static inline size_t mmdb_file_write(struct mmdb_file *f, const char *path, const char *type)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (uint32_t i = 0; i < f->count; i++) {
        uint8_t record[8] = { 0 };
        mmdb_write_record(f, f->nodes[i], record);
        assert_int_equal(fwrite(record, f->record_bits / 4, 1, out), 1);
    }
    const uint8_t zeros[16] = { 0 };
    assert_int_equal(fwrite(zeros, sizeof(zeros), 1, out), 1);
    if (f->size > 0) {
        assert_int_equal(fwrite(f->data, f->size, 1, out), 1);
    }
    struct mmdb_file *m = calloc(1, sizeof(*m));
    assert_non_null(m);
    mmdb_put(m, "\xab\xcd\xefMaxMind.com", 14);
    mmdb_put_map(m, 5);
    mmdb_put_text(m, "node_count");
    mmdb_put_u32(m, f->count);
    mmdb_put_text(m, "record_size");
    mmdb_put_u32(m, f->record_bits);
    mmdb_put_text(m, "ip_version");
    mmdb_put_u32(m, f->ip_version);
    mmdb_put_pair(m, "database_type", type);
    mmdb_put_text(m, "binary_format_major_version");
    mmdb_put_u32(m, 2);
    assert_int_equal(fwrite(m->data, m->size, 1, out), 1);
    size_t size = (size_t)ftell(out);
    free(m);
    assert_int_equal(fclose(out), 0);
    return size;
}

static inline struct addr addr_of(const char *text)
{
    struct addr a;
    assert_int_equal(addr_parse(text, &a), 0);
    return a;
}

/// A file of tests, in a folder of their own.
static inline const char *in_folder(const char *folder, const char *name, char path[static 256])
{
    assert_true(snprintf(path, 256, "%s/%s", folder, name) < 256);
    return path;
}

static inline void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}
