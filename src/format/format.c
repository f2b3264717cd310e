// SPDX-License-Identifier: Apache-2.0
/*
 * The table of formats, and the rule they share: a message is there whole or not at all.
 */
#include "format/format.h"

#include <string.h>

#include "base/mem.h"
#include "format/kinds.h"

static const struct format_kind *const KINDS[] = { &FORMAT_JSON, &FORMAT_TEXT, &FORMAT_BIN };

struct format {
    const struct format_kind *kind;
    void *plan;
};

int format_new(const char *name, const struct mapping *mapping, struct format **ret_format,
               struct err *err)
{
    const struct format_kind *kind = NULL;
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (strcmp(KINDS[i]->name, name) == 0) {
            kind = KINDS[i];
        }
    }
    if (kind == NULL) {
        return err_set(err, ERR_NOT_FOUND, "unknown format \"%.50s\" (json, text or bin)", name);
    }
    struct format *f = mem_zalloc(sizeof(*f));
    void *plan = f == NULL ? NULL : kind->plan_new(mapping);
    if (plan == NULL) {
        mem_free(f);
        return err_set(err, ERR_NO_MEMORY, "out of memory for format %s", name);
    }
    f->kind = kind;
    f->plan = plan;
    *ret_format = f;
    return 0;
}

void format_free(struct format *f)
{
    if (f != NULL) {
        f->kind->plan_free(f->plan);
        mem_free(f);
    }
}

bool format_append(const struct format *f, const struct batch *batch, const struct flow *flow,
                   struct buf *out)
{
    if (flow->kind != RECORD_FLOW) {
        return false;
    }
    size_t before = out->size;
    f->kind->append(f->plan, batch, flow, out);
    if (out->bad) {
        out->size = before;
    }
    return !out->bad;
}
