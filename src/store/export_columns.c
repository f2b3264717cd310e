// SPDX-License-Identifier: Apache-2.0
/* The columns of `flows` that hold numbers of `texts`, from the tables of columns and fields. */
#include "store/export_columns.h"

static const char *const STORE_NAMES[] = {
#define STORE_COLUMN(name, text, type) text,
    STORE_COLUMNS(STORE_COLUMN)
#undef STORE_COLUMN
};

static enum text_kind kind_of(size_t column)
{
    switch (column) {
    case COL_SRC_GEO:
    case COL_DST_GEO:
        return TEXT_GEO;
    case COL_SRC_AS_ORG:
    case COL_DST_AS_ORG:
        return TEXT_AS;
    default:
        return TEXT_NAME;
    }
}

static void add(struct export_columns *t, const char *name, enum text_kind kind)
{
    CHECK(t->count < EXPORT_COLUMNS_MAX);
    t->names[t->count] = name;
    t->kinds[t->count] = kind;
    t->count++;
}

struct export_columns export_columns(void)
{
    struct export_columns t = { 0 };
    for (size_t i = COL_SRC_GEO; i <= COL_EXPORTER_NAME; i++) {
        add(&t, STORE_NAMES[i], kind_of(i));
    }
    for (enum field f = 0; f < FIELD_COUNT; f++) {
        enum field_kind kind = FIELDS[f].kind;
        if (kind == FIELD_KIND_U32S || kind == FIELD_KIND_LAYERS) {
            add(&t, FIELDS[f].json_name, TEXT_U32S);
        } else if (kind == FIELD_KIND_ADDRS) {
            add(&t, FIELDS[f].json_name, TEXT_ADDRS);
        }
    }
    return t;
}
