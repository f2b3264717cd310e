// SPDX-License-Identifier: Apache-2.0
/*
 * Times are dates with milliseconds (ECS has no other kind), though weir writes nanoseconds: those
 * are in the document, and what searches and sorts by them uses milliseconds, as everything else
 * in Elasticsearch that follows ECS. Nanosecond dates end in 2262, sort differently from the dates
 * of other indices, and old servers lack them.
 */
#include "format/ecs_fields.h"

#include <stdbool.h>

const struct ecs_field ECS_FIELDS[ECS_FIELD_COUNT] = {
#define ECS_FIELD(path, type) { path, ECS_TYPE_##type },
#include "format/ecs_fields.def"
#undef ECS_FIELD
};

static enum ecs_type type_of_kind(enum field_kind kind)
{
    switch (kind) {
    case FIELD_KIND_ADDR:
    case FIELD_KIND_ADDRS:
        return ECS_TYPE_IP;
    case FIELD_KIND_U32:
    case FIELD_KIND_U64:
    case FIELD_KIND_U32S:
        return ECS_TYPE_LONG;
    case FIELD_KIND_TYPE:
    case FIELD_KIND_LAYERS:
        break;
    }
    return ECS_TYPE_KEYWORD;
}

enum ecs_type ecs_column_type(enum field field)
{
    const struct field_info *info = &FIELDS[field];
    bool plain = info->renderer == RENDER_NONE || info->renderer == RENDER_IP;
    return plain ? type_of_kind(info->kind) : ECS_TYPE_KEYWORD;
}
