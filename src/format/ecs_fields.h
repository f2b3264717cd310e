// SPDX-License-Identifier: Apache-2.0
/*
 * What the documents of -format ecs may hold, and by which type a server should index it: the
 * table that weir setup makes mappings of (ecs_fields.def). Both profiles share it.
 */
#pragma once

#include <stddef.h>

#include "flow/fields.h"

enum ecs_type {
    ECS_TYPE_TIMESTAMP, ///< @timestamp, without which there is no document in a data stream
    ECS_TYPE_DATE,
    ECS_TYPE_KEYWORD,
    ECS_TYPE_CONSTANT, ///< the same text in all documents of a data stream
    ECS_TYPE_STORED,   ///< kept, but not searched in: it may be of any size
    ECS_TYPE_TEXT,     ///< words to be searched in
    ECS_TYPE_LONG,
    ECS_TYPE_IP,
    ECS_TYPE_GEO_POINT,
};

struct ecs_field {
    const char *path;
    enum ecs_type type;
};

enum {
    ECS_FIELD_COUNT = 0
#define ECS_FIELD(path, type) +1
#include "format/ecs_fields.def"
#undef ECS_FIELD
};

extern const struct ecs_field ECS_FIELDS[ECS_FIELD_COUNT];

/// The type of goflow2's column of a field, as it stands under goflow2.*: that of its default
/// renderer.
enum ecs_type ecs_column_type(enum field field);
