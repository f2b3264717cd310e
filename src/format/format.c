// SPDX-License-Identifier: Apache-2.0
/*
 * The table of formats, and the rule they share: a message is there whole or not at all.
 */
#include "format/format.h"

#include <string.h>

#include "base/mem.h"
#include "format/kinds.h"

static const struct format_kind *const KINDS[] = { &FORMAT_JSON, &FORMAT_TEXT, &FORMAT_BIN,
                                                   &FORMAT_ECS };

struct format {
    const struct format_kind *kind;
    void *plan;
};

int format_new(const struct format_settings *settings, struct format **ret_format, struct err *err)
{
    const struct format_kind *kind = NULL;
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        if (strcmp(KINDS[i]->name, settings->name) == 0) {
            kind = KINDS[i];
        }
    }
    if (kind == NULL) {
        return err_set(err, ERR_NOT_FOUND, "unknown format \"%.50s\" (json, text, bin or ecs)",
                       settings->name);
    }
    struct format *f = mem_zalloc(sizeof(*f));
    int status = f == NULL ? ERR_NO_MEMORY : kind->plan_new(settings, &f->plan, err);
    if (status != 0) {
        mem_free(f);
        return status == ERR_NO_MEMORY
                   ? err_set(err, status, "out of memory for format %s", settings->name)
                   : status;
    }
    f->kind = kind;
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

enum format_outcome format_append(struct format *f, const struct batch *batch,
                                  const struct flow *flow, struct buf *out)
{
    bool taken = flow->kind == RECORD_FLOW || (flow->kind == RECORD_ERROR && f->kind->takes_errors);
    if (!taken) {
        return FORMAT_NOTHING;
    }
    size_t before = out->size;
    enum format_outcome outcome = f->kind->append(f->plan, batch, flow, out);
    if (out->bad) {
        out->size = before;
        return FORMAT_TOO_LARGE;
    }
    return outcome;
}
