// SPDX-License-Identifier: Apache-2.0
/*
 * What a source of lines hands on, and where a line comes from.
 *
 * An origin is a file under one name: what documents say of it and what its lines' identity is made
 * of. It is constant once made and counted by references, because batches outlive the moment in
 * which a file is renamed, closed or gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/// What a file is known by (docs/import.md): the hash of its first complete line, and a number that
/// tells files apart that begin alike and then differ.
struct file_id {
    uint64_t fingerprint[2]; ///< XXH128 of the first line without its line end: low, high
    uint64_t number;         ///< 0 but for the later ones of several with one fingerprint
};

struct origin {
    struct file_id id;
    uint64_t device;        ///< st_dev; 0 with is_file false
    uint64_t inode;         ///< st_ino
    bool is_file;           ///< false: standard input, a pipe
    const char *path;       ///< as found; "-" for standard input
    uint64_t serial;        ///< made by origin_new(): no other origin of this process has it
    const char *input_type; ///< ECS input.type: "log" for a followed file, "import" otherwise
    void *track;            ///< the source's: where positions are kept
    bool has_places;        ///< its lines are known by their offsets from one run to the next
    const char *json; ///< made by origin_new(): "file":{"path":...,"device_id":...,"inode":...}
    size_t json_size; ///< 0 for what is no file
};

/// A new origin with one reference; texts are copied. NULL when out of memory.
struct origin *origin_new(const struct origin *values) MUST_USE;
void origin_ref(struct origin *o);
/// Frees it with the last reference. NULL is fine.
void origin_unref(struct origin *o);

/// One line, as read. The bytes are the source's and valid until it is asked for more.
struct line {
    const uint8_t *data;
    size_t size;     ///< without its line end (LF or CR LF)
    uint64_t offset; ///< of its first byte in the file, decompressed
    uint64_t end;    ///< offset of the byte behind its line end
    bool cut;        ///< longer than may be: `data` is the beginning
    struct origin *origin;
    uint64_t read_ns; ///< wall clock, ns since 1970
};
