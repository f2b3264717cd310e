// SPDX-License-Identifier: Apache-2.0
/*
 * The table is made from fields.def by the compiler; look-ups by name are for set-up only and walk
 * it.
 */
#include "flow/fields.h"

#include <string.h>

#include "flow/flow.h"

const struct field_info FIELDS[FIELD_COUNT] = {
#define FIELD(name, member, kind_, json, go, number, renderer_, label_)                            \
    [FIELD_##name] = { .json_name = (json),                                                        \
                       .go_name = (go),                                                            \
                       .label = (label_),                                                          \
                       .kind = FIELD_KIND_##kind_,                                                 \
                       .renderer = RENDER_##renderer_,                                             \
                       .offset = offsetof(struct flow, member),                                    \
                       .protobuf_number = (number) },
#include "flow/fields.def"
#undef FIELD
};

int field_by_json_name(const char *name)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(FIELDS[i].json_name, name) == 0) {
            return i;
        }
    }
    return -1;
}

int field_by_go_name(const char *name)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(FIELDS[i].go_name, name) == 0) {
            return i;
        }
    }
    return -1;
}
