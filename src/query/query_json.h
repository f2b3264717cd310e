// SPDX-License-Identifier: Apache-2.0
/*
 * Values as texts, for whoever compares them: the same for live records and for columns of the
 * store. Nothing here takes memory; what needs room is given it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query/query_fields.h"

/// Bytes in JSON, or in the given room.
struct query_text {
    const char *data;
    size_t size;
};

/// Room for any text that enrich makes, and for most others.
enum { QUERY_TEXT_ROOM = 1024 };

/// The JSON string `json` (with its quotes) without its escapes. One that has some and does not fit
/// the room keeps them. False when it is no string.
bool query_json_string(const uint8_t *json, size_t size, char *room, size_t room_size,
                       struct query_text *ret_text);

/// The string at `path` (base/json_find.h) of an object.
bool query_json_text(const uint8_t *json, size_t size, const char *path, char *room,
                     size_t room_size, struct query_text *ret_text);

/// Calls `each` for a JSON value as a KEYWORD, or for each element of a list and of lists in it,
/// until it says true. null, "" and objects are nothing.
bool query_json_values(const uint8_t *json, size_t size, query_each_fn *each, void *context);

/// The member of ECS geo that a field is; NULL for other fields.
const char *query_geo_member(enum query_field field);

/// AA-BB-CC-DD-EE-FF, without NUL; returns its size.
enum { QUERY_MAC_SIZE = 17 };
size_t query_mac_text(uint64_t mac, char text[static QUERY_MAC_SIZE]);

/// The network of an address as goflow2 shows it: 10.0.0.0/8. No NUL. Returns its size, 0 where
/// there is none: no address, or a prefix of 0 or longer than it.
enum { QUERY_NETWORK_SIZE = ADDR_TEXT_SIZE_MAX + 1 + 10 };
size_t query_network_text(const struct addr *addr, uint32_t prefix,
                          char text[static QUERY_NETWORK_SIZE]);
