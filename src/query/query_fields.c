// SPDX-License-Identifier: Apache-2.0
/*
 * The table of fields as data, and names: paths by comparing all of them, which is what a few dozen
 * need, and short names, which are a table of their own.
 *
 * Under goflow2.* every field of the field table has its column. Which type a column has follows
 * from how documents show it (format/ecs_rest.c): a prefix length as the network, layers by name.
 */
#include "query/query_fields.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "query/query_other.h"

// --- Fields --------------------------------------------------------------------------------------

static const struct query_field_info INFOS[QUERY_FIELD_COUNT] = {
#define QUERY_FIELD(name, field_path, field_type, field_reversed, field_help)                      \
    [QUERY_##name] = { .path = (field_path),                                                       \
                       .type = QUERY_TYPE_##field_type,                                            \
                       .reversed = QUERY_##field_reversed,                                         \
                       .help = (field_help) },
#include "query/query_fields.def"
#undef QUERY_FIELD
};

static const char *const COLUMN_PATHS[FIELD_COUNT] = {
#define FIELD(name, member, kind, json, go, number, renderer, label)                               \
    [FIELD_##name] = QUERY_OTHER_PREFIX json,
#include "flow/fields.def"
#undef FIELD
};

static enum query_type column_type(enum field field)
{
    switch (FIELDS[field].kind) {
    case FIELD_KIND_ADDR:
    case FIELD_KIND_ADDRS:
        return QUERY_TYPE_IP;
    case FIELD_KIND_LAYERS:
        return QUERY_TYPE_KEYWORD;
    case FIELD_KIND_TYPE:
    case FIELD_KIND_U32:
    case FIELD_KIND_U64:
    case FIELD_KIND_U32S:
        break;
    }
    return FIELDS[field].renderer == RENDER_NETWORK ? QUERY_TYPE_KEYWORD : QUERY_TYPE_NUMBER;
}

static enum field reversed_column(enum field field)
{
    static const enum field PAIRS[][2] = {
        { FIELD_SRC_ADDR, FIELD_DST_ADDR }, { FIELD_SRC_PORT, FIELD_DST_PORT },
        { FIELD_SRC_MAC, FIELD_DST_MAC },   { FIELD_SRC_VLAN, FIELD_DST_VLAN },
        { FIELD_SRC_AS, FIELD_DST_AS },     { FIELD_SRC_NET, FIELD_DST_NET },
        { FIELD_IN_IF, FIELD_OUT_IF },
    };
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        if (PAIRS[i][0] == field || PAIRS[i][1] == field) {
            return PAIRS[i][PAIRS[i][0] == field];
        }
    }
    return field;
}

struct query_field_info query_field_info(enum query_field field)
{
    CHECK(field < QUERY_OTHER);
    if (field < QUERY_FIELD_COUNT) {
        return INFOS[field];
    }
    enum field column = (enum field)(field - QUERY_FIELD_COUNT);
    return (struct query_field_info){ .path = COLUMN_PATHS[column],
                                      .type = column_type(column),
                                      .reversed = QUERY_FIELD_COUNT + reversed_column(column),
                                      .help = FIELDS[column].label };
}

bool query_field_is_numeral(enum query_field field)
{
    switch (field) {
    case QUERY_IANA_NUMBER:
    case QUERY_VLAN:
    case QUERY_INGRESS_ID:
    case QUERY_EGRESS_ID:
    case QUERY_INGRESS_VLAN:
    case QUERY_EGRESS_VLAN:
        return true;
    default:
        return false;
    }
}

// --- Names ---------------------------------------------------------------------------------------

static const struct query_alias ALIASES[] = {
    { "src", { "source.ip", NULL } },
    { "dst", { "destination.ip", NULL } },
    { "host", { "source.ip", "destination.ip" } },
    { "port", { "source.port", "destination.port" } },
    { "as", { "source.as.number", "destination.as.number" } },
    { "asorg", { "source.as.organization.name", "destination.as.organization.name" } },
    { "country", { "source.geo.country_iso_code", "destination.geo.country_iso_code" } },
    { "city", { "source.geo.city_name", "destination.geo.city_name" } },
    { "net", { "goflow2.src_net_name", "goflow2.dst_net_name" } },
    { "exporter", { "observer.ip", "observer.name" } },
    { "if", { "observer.ingress.interface.id", "observer.egress.interface.id" } },
    { "proto", { "network.transport", "network.iana_number" } },
    { "app", { "network.application", NULL } },
    { "application", { "network.application", NULL } },
    { "vlan", { "network.vlan.id", NULL } },
    { "bytes", { "network.bytes", NULL } },
    { "packets", { "network.packets", NULL } },
};

enum { ALIAS_COUNT = sizeof(ALIASES) / sizeof(ALIASES[0]) };

static enum query_field find_path(const char *name, size_t size)
{
    for (enum query_field f = 0; f < QUERY_OTHER; f++) {
        const char *path = query_field_info(f).path;
        if (strlen(path) == size && memcmp(path, name, size) == 0) {
            return f;
        }
    }
    return QUERY_NONE;
}

static const struct query_alias *find_alias(const char *name, size_t size)
{
    for (size_t i = 0; i < ALIAS_COUNT; i++) {
        const char *alias = ALIASES[i].name;
        if (strlen(alias) == size && strncasecmp(alias, name, size) == 0) {
            return &ALIASES[i];
        }
    }
    return NULL;
}

bool query_name_find(const char *name, size_t size, struct query_name *ret_name)
{
    const size_t prefix = sizeof(QUERY_OTHER_PREFIX) - 1;
    struct query_name found = { .fields = { find_path(name, size), QUERY_NONE, QUERY_NONE } };
    const struct query_alias *alias = find_alias(name, size);
    if (alias != NULL) {
        for (size_t i = 0; i < 2 && alias->paths[i] != NULL; i++) {
            found.fields[i] = find_path(alias->paths[i], strlen(alias->paths[i]));
        }
    } else if (found.fields[0] == QUERY_NONE) {
        if (size <= prefix || memcmp(name, QUERY_OTHER_PREFIX, prefix) != 0) {
            return false;
        }
        found.fields[0] = QUERY_OTHER;
    }
    *ret_name = found;
    return true;
}

const struct query_alias *query_alias_at(size_t index)
{
    return index < ALIAS_COUNT ? &ALIASES[index] : NULL;
}
