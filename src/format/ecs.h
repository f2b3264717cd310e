// SPDX-License-Identifier: Apache-2.0
/*
 * ECS documents: what is set about them, and the identity of a record. The documents themselves are
 * made by `-format ecs` (format/format.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "flow/batch.h"

enum ecs_profile {
    ECS_PROFILE_WEIR,    ///< the same fields at the same places, faults mended, and more
    ECS_PROFILE_ELASTIC, ///< what Elastic's GoFlow2 package makes, oddities included
};

/// Texts are borrowed for as long as the format lives.
struct ecs_settings {
    enum ecs_profile profile;
    const char *version;       ///< ecs.version
    const char *tags;          ///< comma list
    bool preserve_original;    ///< event.original, and its tag first: ecs_tags_preserve() too
    const char *namespace;     ///< data_stream.namespace
    const char *dataset;       ///< data_stream.dataset; "": goflow2.sflow or goflow2.netflow
    const char *timezone;      ///< event.timezone; "": none; ECS_TIMEZONE_LOCAL: this machine's
    const char *fields;        ///< constant fields: a JSON object, or ""
    const char *agent_name;    ///< agent.name
    const char *agent_version; ///< agent.version
    bool show_id;              ///< the record id as event.id
    bool raw;                  ///< the line as it is, in message, and nothing made of it
};

#define ECS_TIMEZONE_LOCAL "local"
#define ECS_TAG_PRESERVE "preserve_original_event"

/// What goes into which dataset.
enum ecs_dataset { ECS_DATASET_SFLOW, ECS_DATASET_NETFLOW, ECS_DATASET_COUNT };

/// Of a record: NetFlow and IPFIX have a dataset of their own.
enum ecs_dataset ecs_dataset_of(const struct ecs_settings *settings, const struct flow *flow);
/// "goflow2.sflow", "goflow2.netflow", or what the settings say for both.
const char *ecs_dataset_text(const struct ecs_settings *settings, enum ecs_dataset dataset);

/// Whether a constant field may be called so; `object` is the one at the top of the document that
/// it is in, "" for the top itself. What weir sets is not to be had.
bool ecs_constant_fits(const char *object, const char *name, bool is_map);

/// Bounds of what a person sets; whatever is longer is refused at start.
enum { ECS_FIELDS_SIZE_MAX = 16 << 10, ECS_TAGS_SIZE_MAX = 2 << 10 };

/// Whether the tag that keeps event.original is one of the comma list.
bool ecs_tags_preserve(const char *tags);

enum { RECORD_ID_SIZE = 22 };

/// The identity of a record (docs/import.md): 32 bits of seconds of @timestamp (0 where a line gave
/// no time) and 96 bits of XXH128 over where it comes from, in base64url. The same input gives the
/// same id each time it is read. No NUL.
void record_id(const struct batch *batch, const struct flow *flow,
               char ret_id[static RECORD_ID_SIZE]);

/// @timestamp in ns since 1970: the flow's start, else when it was received; 0 when it has neither.
static inline uint64_t flow_time_ns(const struct flow *flow)
{
    return flow->time_flow_start_ns != 0 ? flow->time_flow_start_ns : flow->time_received_ns;
}
