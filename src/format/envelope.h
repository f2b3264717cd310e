// SPDX-License-Identifier: Apache-2.0
/*
 * What every ECS document says about how it came to be, whatever its profile: data_stream, agent,
 * ecs.version, input, log, tags, the constant fields. Mostly text that is made once.
 *
 * For the files of format/ only.
 */
#pragma once

#include "base/buf.h"
#include "base/clock.h"
#include "format/ecs.h"

/// A ready-made piece of a document.
struct piece {
    const uint8_t *data;
    size_t size;
};

enum { TIMESTAMP_SIZE = 24, TIMESTAMP_NS_SIZE = 30 };

/// Objects of the document to which constant fields may be added.
enum ecs_object {
    ECS_OBJECT_ROOT, ///< names that weir does not use
    ECS_OBJECT_AGENT,
    ECS_OBJECT_EVENT,
    ECS_OBJECT_NETWORK,
    ECS_OBJECT_OBSERVER,
    ECS_OBJECT_COUNT
};

struct envelope {
    const struct ecs_settings *settings;
    struct piece heads[ECS_DATASET_COUNT];  ///< data_stream, ecs, agent, and the root's constants
    struct piece events[ECS_DATASET_COUNT]; ///< event.dataset, event.timezone, event's constants
    struct piece tags;                      ///< the array without its closing bracket
    struct piece constants[ECS_OBJECT_COUNT];
    struct buf texts;                ///< owns the pieces
    size_t zones[ECS_DATASET_COUNT]; ///< where in it the time zone stands
    uint64_t quarter;                ///< of an hour, in which the time zone was looked up
    uint64_t second;                 ///< of which `date` is the text
    uint8_t date[TIMESTAMP_SIZE];
    struct buf head; ///< what the documents of one origin begin with
    bool head_known;
    uint64_t head_serial; ///< that origin's; 0 for datagrams
    enum ecs_dataset head_dataset;
    uint64_t now_ms; ///< of which `now` is the text
    uint8_t now[TIMESTAMP_SIZE];
};

/// ERR_INVALID for constant fields that cannot be, ERR_NO_MEMORY.
int envelope_init(struct envelope *e, const struct ecs_settings *settings,
                  struct err *err) MUST_USE;
void envelope_release(struct envelope *e);

/// Sets event.timezone to what it is at `now_ns`, when the settings say `local`. The clock may be
/// put forward and back again by the hour: a program that runs for years sees it.
void envelope_set_zone(struct envelope *e, uint64_t now_ns);

/// Zones have whole quarters, and change at one.
enum { ZONE_INTERVAL_S = 15 * 60 };
#define ZONE_INTERVAL_NS (ZONE_INTERVAL_S * NS_PER_S)

/// Before each document, with the time at which it is written.
static inline void envelope_tick(struct envelope *e, uint64_t now_ns)
{
    if (now_ns / ZONE_INTERVAL_NS != e->quarter) {
        envelope_set_zone(e, now_ns);
    }
}

enum ecs_dataset envelope_dataset(const struct flow *flow);

static inline uint8_t *put_piece(uint8_t *at, struct piece piece)
{
    memcpy(at, piece.data, piece.size);
    return at + piece.size;
}

/// A literal.
#define PUT(at, literal) (memcpy(at, literal, sizeof(literal) - 1), (at) + sizeof(literal) - 1)

/// Ends an object whose members each have a comma behind them.
static inline uint8_t *put_end(uint8_t *at)
{
    if (at[-1] == ',') {
        at[-1] = '}';
        return at;
    }
    *at++ = '}';
    return at;
}

/// 2024-07-31T00:00:59.314Z, TIMESTAMP_SIZE bytes, without quotes.
uint8_t *envelope_put_time(struct envelope *e, uint8_t *at, uint64_t ns);
/// The same of a time that is the last one's again or a little later.
uint8_t *envelope_put_now(struct envelope *e, uint8_t *at, uint64_t ns);
/// 2024-07-31T00:00:59Z, whole seconds.
uint8_t *envelope_put_time_s(struct envelope *e, uint8_t *at, uint64_t ns);
/// The same with all nine digits, TIMESTAMP_NS_SIZE bytes.
uint8_t *envelope_put_time_ns(struct envelope *e, uint8_t *at, uint64_t ns);

/// The members that say where a document belongs and comes from: data_stream, ecs, agent,
/// constants, input and, for a line, log; each with a comma behind it. Room: heads[],
/// ENVELOPE_FLOW_SIZE_MAX and origin->json_size.
enum { ENVELOPE_FLOW_SIZE_MAX = 256 };
uint8_t *envelope_put_head(struct envelope *e, uint8_t *at, const struct batch *batch,
                           const struct flow *flow, enum ecs_dataset dataset);
