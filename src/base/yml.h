// SPDX-License-Identifier: Apache-2.0
/*
 * A YAML document as a tree that knows where each node stands, so that whoever reads a file can say
 * FILE:LINE:COLUMN. Anchors, aliases and merge keys (<<) work; only the first document is read, as
 * goflow2 does.
 *
 * Nodes are small values that borrow from the file, which owns all texts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct yml_file;

/// A node; `id` 0 is "nothing there".
struct yml_node {
    struct yml_file *file;
    int id;
};

enum yml_kind { YML_KIND_NONE, YML_KIND_SCALAR, YML_KIND_LIST, YML_KIND_MAP };

/// Parses `text`; `name` is copied and stands in messages. Refuses syntax errors, duplicate keys
/// and an empty document. ERR_INVALID, ERR_NO_MEMORY.
int yml_parse(const char *text, size_t size, const char *name, struct yml_file **ret_file,
              struct err *err) MUST_USE;

/// yml_parse() of a file of at most `size_max` bytes. ERR_IO as well.
int yml_load(const char *path, size_t size_max, struct yml_file **ret_file,
             struct err *err) MUST_USE;
void yml_free(struct yml_file *f);

struct yml_node yml_root(struct yml_file *f);
enum yml_kind yml_kind(struct yml_node n);

/// The text of a scalar (NUL-terminated, owned by the file).
const char *yml_text(struct yml_node n);
/// An unquoted empty text, ~ or null; and a node that is not there.
bool yml_is_null(struct yml_node n);
/// Written without quotes or block marks: may be a number or a bool.
bool yml_is_plain(struct yml_node n);

/// Elements of a list.
size_t yml_count(struct yml_node list);
struct yml_node yml_item(struct yml_node list, size_t index);

/// Calls `each` for every pair of a map, merged ones (<<) included where they are not overridden.
/// Stops at the first non-zero return and returns it.
typedef int yml_each_fn(void *context, struct yml_node key, struct yml_node value);
int yml_each(struct yml_node map, yml_each_fn *each, void *context);

/// The value of a key, through merges; "nothing there" when there is none.
struct yml_node yml_get(struct yml_node map, const char *key);

/// Sets `err` to "NAME:LINE:COLUMN: ..." for this node and returns ERR_INVALID.
int yml_err(struct err *err, struct yml_node n, const char *format, ...) PRINTF_LIKE(3, 4);

/// Line and column of a node, from 1.
unsigned yml_line(struct yml_node n);
unsigned yml_column(struct yml_node n);
/// The name given when parsing.
const char *yml_name(struct yml_node n);
