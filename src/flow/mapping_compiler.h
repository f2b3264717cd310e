// SPDX-License-Identifier: Apache-2.0
/*
 * The compiler of mapping files, for mapping.c (columns, the whole), mapping_rules.c (packet rules,
 * ports, elements) and mapping_compiler.c (what both need to read a tree).
 */
#pragma once

#include "base/buf.h"
#include "base/yml.h"
#include "flow/mapping.h"

/// What a mapping is made of; `mapping` comes first and is what others see. Names point into `file`
/// or are constants.
struct store {
    struct mapping mapping;
    struct yml_file *file;
    struct buf warnings;
    struct column columns[MAPPING_COLUMNS_MAX];
    struct column keys[MAPPING_COLUMNS_MAX];
    struct custom customs[MAPPING_CUSTOMS_MAX];
    bool custom_usable[MAPPING_CUSTOMS_MAX]; ///< has a type that goflow2 knows
    /// A rule keyed by "ip" or "3" belongs to two parsers.
    struct packet_rule packet_rules[2 * MAPPING_RULES_MAX];
    struct reached_rule reached_rules[MAPPING_RULES_MAX];
    struct port_rule port_rules[MAPPING_PORTS_MAX];
    struct element_rule ipfix_rules[MAPPING_ELEMENTS_MAX];
    struct element_rule netflow9_rules[MAPPING_ELEMENTS_MAX];
};

/// A run of the compiler over one file.
struct compiler {
    struct store *store;
    struct mapping *mapping; ///< &store->mapping
    struct err *err;
    struct yml_node formatter;
    struct yml_node render;
    struct yml_node rename;
};

/// Adds "NAME:LINE:COLUMN: what "name"" to the warnings.
void compiler_warn(struct compiler *c, struct yml_node n, const char *what, const char *name);

// Each returns 0, or sets the error with its place and returns ERR_INVALID. What is not there is
// "", 0 or false.

/// A scalar; `what` says what was expected instead of anything else.
int compiler_expect_scalar(struct compiler *c, struct yml_node n, const char *what) MUST_USE;
/// A list of at most `max` elements, or nothing.
int compiler_expect_list(struct compiler *c, struct yml_node n, size_t max,
                         size_t *ret_count) MUST_USE;
/// A map, or nothing.
int compiler_expect_map(struct compiler *c, struct yml_node n) MUST_USE;
/// Warns of keys that are not in `names`, which NULL ends.
int compiler_check_keys(struct compiler *c, struct yml_node map, const char *const *names) MUST_USE;
int compiler_get_text(struct compiler *c, struct yml_node map, const char *key,
                      const char **ret_text) MUST_USE;
int compiler_get_number(struct compiler *c, struct yml_node map, const char *key, int64_t min,
                        int64_t max, int64_t *ret_number) MUST_USE;
int compiler_get_bool(struct compiler *c, struct yml_node map, const char *key,
                      bool *ret_bool) MUST_USE;

/// The sections `sflow`, `ipfix` and `netflowv9` of the file.
int compiler_compile_rules(struct compiler *c, struct yml_node root) MUST_USE;
