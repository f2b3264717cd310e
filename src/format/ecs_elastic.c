// SPDX-License-Identifier: Apache-2.0
/*
 * The package works on lines, so here everything is a line: that of the log, or the one that `json`
 * writes for a datagram's flow under the same mapping. That makes both the same by construction.
 */
#include "format/ecs_elastic.h"

#include "base/json_text.h"
#include "base/mem.h"
#include "base/num.h"
#include "format/elastic.h"

enum { SCRATCH_SIZE_MAX = 64 << 20, EVENT_SIZE_MAX = 1024 };

struct ecs_elastic {
    struct elastic *elastic;
    struct format *json; ///< goflow2's line of a flow
    struct buf line;
    struct buf event;
    const struct ecs_settings *settings;
};

void ecs_elastic_free(struct ecs_elastic *e)
{
    if (e != NULL) {
        elastic_free(e->elastic);
        format_free(e->json);
        buf_release(&e->line);
        buf_release(&e->event);
        mem_free(e);
    }
}

int ecs_elastic_new(const struct format_settings *settings, struct ecs_elastic **ret_elastic)
{
    struct ecs_elastic *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return ERR_NO_MEMORY;
    }
    buf_init(&e->line, SCRATCH_SIZE_MAX);
    buf_init(&e->event, SCRATCH_SIZE_MAX);
    e->settings = settings->ecs;
    struct format_settings json = { .name = "json", .mapping = settings->mapping };
    struct err err;
    int status = elastic_new(&e->elastic);
    status = status == 0 ? format_new(&json, &e->json, &err) : status;
    if (status != 0) {
        ecs_elastic_free(e);
        return status;
    }
    *ret_elastic = e;
    return 0;
}

/// The event without the line: what Elastic's agent adds, in weir's name; event.ingested as Fleet's
/// final pipeline has it, in whole seconds. @timestamp stays where the pipeline fails.
static void make_event(struct ecs_elastic *e, struct envelope *envelope, const struct batch *batch,
                       const struct flow *flow, uint64_t now_ns)
{
    struct buf *out = &e->event;
    buf_clear(out);
    size_t origin = flow->file == 0 ? 0 : batch->files[flow->file - 1].origin->json_size;
    if (buf_reserve(out, EVENT_SIZE_MAX + envelope->texts.size + origin) != 0) {
        return;
    }
    enum ecs_dataset dataset = ecs_dataset_of(e->settings, flow);
    // A line that became a flow does not say when it was read.
    uint64_t read_ns = flow->time_received_ns != 0 && (flow->file == 0 || flow->kind != RECORD_FLOW)
                           ? flow->time_received_ns
                           : now_ns;
    uint8_t *at = buf_tail(out);
    at = PUT(at, "{\"@timestamp\":\"");
    at = envelope_put_time(envelope, at, read_ns);
    at = PUT(at, "\",");
    at = envelope_put_head(envelope, at, batch, flow, dataset);
    at = PUT(at, "\"event\":{");
    at = put_piece(at, envelope->events[dataset]);
    at = PUT(at, "\"ingested\":\"");
    at = envelope_put_time_s(envelope, at, now_ns);
    at = PUT(at, "\",");
    if (e->settings->show_id) {
        at = PUT(at, "\"id\":\"");
        record_id(batch, flow, (char *)at);
        at = PUT(at + RECORD_ID_SIZE, "\",");
    }
    at = put_end(at);
    *at++ = ',';
    const enum ecs_object objects[] = { ECS_OBJECT_NETWORK, ECS_OBJECT_OBSERVER };
    const char *const names[] = { "\"network\":{", "\"observer\":{" };
    for (size_t i = 0; i < 2; i++) {
        if (envelope->constants[objects[i]].size > 0) {
            at = put_piece(at, (struct piece){ (const uint8_t *)names[i], strlen(names[i]) });
            at = put_end(put_piece(at, envelope->constants[objects[i]]));
            *at++ = ',';
        }
    }
    uint8_t *without_tags = at;
    at = PUT(at, "\"tags\":");
    at = put_piece(at, envelope->tags);
    if (at[-1] == ',') {
        at = PUT(at - 1, "],");
    } else {
        at = without_tags; // an agent has no empty lists
    }
    buf_advance(out, put_end(at));
}

static struct elastic_json json_of(const struct batch *batch, struct span span)
{
    return (struct elastic_json){ .data = batch_bytes(batch, span), .size = span.count };
}

/// What an agent sends: the line in `message`, for a pipeline to take apart.
static void append_raw(const struct elastic_input *in, struct buf *out)
{
    buf_append(out, in->event.data, in->event.size - 1);
    buf_append_text(out, ",\"message\":");
    json_append_string(out, in->line, in->size);
    buf_append_char(out, '}');
}

enum format_outcome ecs_elastic_append(struct ecs_elastic *e, struct envelope *envelope,
                                       const struct batch *batch, const struct flow *flow,
                                       uint64_t now_ns, struct buf *out)
{
    buf_clear(&e->line);
    if (flow->file == 0) {
        (void)format_append(e->json, batch, flow, &e->line); // what does not fit is in line.bad
    }
    make_event(e, envelope, batch, flow, now_ns);
    if (e->line.bad || e->event.bad) {
        out->bad = true;
        return FORMAT_TOO_LARGE;
    }
    struct elastic_input in = {
        .line = flow->file == 0 ? e->line.data : batch_bytes(batch, flow->original),
        .size = flow->file == 0 ? e->line.size : flow->original.count,
        .event = { .data = e->event.data, .size = e->event.size },
        .src_geo = json_of(batch, flow->src_place.geo),
        .dst_geo = json_of(batch, flow->dst_place.geo),
        .src_as = json_of(batch, flow->src_place.as),
        .dst_as = json_of(batch, flow->dst_place.as),
        .city_unavailable = (flow->lookups & LOOKUP_CITY_UNAVAILABLE) != 0,
        .asn_unavailable = (flow->lookups & LOOKUP_ASN_UNAVAILABLE) != 0,
        .ecs_version = e->settings->version,
    };
    if (e->settings->raw) {
        append_raw(&in, out);
        return FORMAT_MESSAGE;
    }
    return elastic_append(e->elastic, &in, out) ? FORMAT_ERROR_DOCUMENT : FORMAT_MESSAGE;
}
