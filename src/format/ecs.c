// SPDX-License-Identifier: Apache-2.0
/*
 * `-format ecs`: what both profiles share, and which of them makes the document.
 */
#include "format/ecs.h"

#include "base/clock.h"
#include "base/mem.h"
#include "format/ecs_elastic.h"
#include "format/ecs_weir.h"
#include "format/envelope.h"
#include "format/kinds.h"

struct plan {
    struct envelope envelope;
    struct ecs_elastic *elastic; ///< the profile's; NULL in the other one
    struct ecs_weir *weir;       ///< likewise
};

enum ecs_dataset ecs_dataset_of(const struct ecs_settings *settings, const struct flow *flow)
{
    bool split = settings->profile == ECS_PROFILE_WEIR || settings->raw;
    return split ? envelope_dataset(flow) : ECS_DATASET_SFLOW; // Elastic's package has only this
}

const char *ecs_dataset_text(const struct ecs_settings *settings, enum ecs_dataset dataset)
{
    if (settings->dataset[0] != '\0') {
        return settings->dataset;
    }
    return dataset == ECS_DATASET_NETFLOW ? "goflow2.netflow" : "goflow2.sflow";
}

static enum format_outcome append(void *plan_, const struct batch *batch, const struct flow *flow,
                                  struct buf *out)
{
    struct plan *plan = plan_;
    uint64_t now_ns = clock_wall_coarse_ns();
    envelope_tick(&plan->envelope, now_ns);
    return plan->elastic != NULL
               ? ecs_elastic_append(plan->elastic, &plan->envelope, batch, flow, now_ns, out)
               : ecs_weir_append(plan->weir, batch, flow, now_ns, out);
}

static void plan_free(void *plan_)
{
    struct plan *plan = plan_;
    if (plan != NULL) {
        ecs_weir_free(plan->weir);
        ecs_elastic_free(plan->elastic);
        envelope_release(&plan->envelope);
        mem_free(plan);
    }
}

static int plan_new(const struct format_settings *settings, void **ret_plan, struct err *err)
{
    CHECK(settings->ecs != NULL);
    struct plan *plan = mem_zalloc(sizeof(*plan));
    if (plan == NULL) {
        return ERR_NO_MEMORY;
    }
    int status = envelope_init(&plan->envelope, settings->ecs, err);
    if (status == 0) {
        status = settings->ecs->profile == ECS_PROFILE_ELASTIC || settings->ecs->raw
                     ? ecs_elastic_new(settings, &plan->elastic)
                     : ecs_weir_new(settings, &plan->envelope, &plan->weir);
    }
    if (status != 0) {
        plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return 0;
}

const struct format_kind FORMAT_ECS = { .name = "ecs",
                                        .takes_errors = true,
                                        .plan_new = plan_new,
                                        .plan_free = plan_free,
                                        .append = append };
