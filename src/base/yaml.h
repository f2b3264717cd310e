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

struct yaml_file;

/// A node; `id` 0 is "nothing there".
struct yaml_node {
    struct yaml_file *file;
    int id;
};

enum yaml_kind { YAML_KIND_NONE, YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP };

/// Parses `text`; `name` is copied and stands in messages. Refuses syntax errors, duplicate keys
/// and an empty document. ERR_INVALID, ERR_NO_MEMORY.
int yaml_parse(const char *text, size_t size, const char *name, struct yaml_file **ret_file,
               struct err *err) MUST_USE;

/// yaml_parse() of a file of at most `size_max` bytes. ERR_IO as well.
int yaml_load(const char *path, size_t size_max, struct yaml_file **ret_file,
              struct err *err) MUST_USE;
void yaml_free(struct yaml_file *f);

struct yaml_node yaml_root(struct yaml_file *f);
enum yaml_kind yaml_kind(struct yaml_node n);

/// The text of a scalar (NUL-terminated, owned by the file).
const char *yaml_text(struct yaml_node n);
/// An unquoted empty text, ~ or null; and a node that is not there.
bool yaml_is_null(struct yaml_node n);
/// Written without quotes or block marks: may be a number or a bool.
bool yaml_is_plain(struct yaml_node n);

/// Elements of a list.
size_t yaml_count(struct yaml_node list);
struct yaml_node yaml_item(struct yaml_node list, size_t index);

/// Calls `each` for every pair of a map, merged ones (<<) included where they are not overridden.
/// Stops at the first non-zero return and returns it.
typedef int yaml_each_fn(void *context, struct yaml_node key, struct yaml_node value);
int yaml_each(struct yaml_node map, yaml_each_fn *each, void *context);

/// The value of a key, through merges; "nothing there" when there is none.
struct yaml_node yaml_get(struct yaml_node map, const char *key);

/// Sets `err` to "NAME:LINE:COLUMN: ..." for this node and returns ERR_INVALID.
int yaml_err(struct err *err, struct yaml_node n, const char *format, ...) PRINTF_LIKE(3, 4);

/// Line and column of a node, from 1.
unsigned yaml_line(struct yaml_node n);
unsigned yaml_column(struct yaml_node n);
/// The name given when parsing.
const char *yaml_name(struct yaml_node n);
