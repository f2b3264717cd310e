// SPDX-License-Identifier: Apache-2.0
/*
 * Java's own ideas about text, as far as Elasticsearch lets them show in documents: numbers as
 * Double.toString() spells them, maps and lists as toString() prints them, small letters as
 * toLowerCase(Locale.ROOT) makes them, what InetAddresses takes for an IP address.
 */
#pragma once

#include "format/json_tree.h"

enum { JAVA_DOUBLE_SIZE_MAX = 32 };

/// 1.0, 1.0E7, 1.0E-4, Infinity, NaN at `at` (room JAVA_DOUBLE_SIZE_MAX). Returns one past the end.
uint8_t *java_put_double(uint8_t *at, double value);

/// -123 at `at` (room JAVA_DOUBLE_SIZE_MAX).
uint8_t *java_put_int(uint8_t *at, int64_t value);

/// "java.lang.Integer" and so on, for messages; a null has none and is "null".
const char *java_class(const struct json_node *n);

/// String.valueOf(): texts bare, {a=1}, [1, 2]. Maps are printed, and from then on held, in the
/// order in which Java's HashMap has them.
struct json_slice java_string(struct json_tree *t, struct json_node *n);

/// As java_string(), but a list is {0=a, 1=b}: what a template makes of a value.
struct json_slice java_template(struct json_tree *t, struct json_node *n);

/// toLowerCase(Locale.ROOT). `text` itself when there is nothing to change.
struct json_slice java_lower(struct json_tree *t, struct json_slice text);

/// Whether Elasticsearch takes `text` for an IPv4 or IPv6 address; a zone (%eth0) is fine.
bool java_is_inet_address(struct json_slice text);
