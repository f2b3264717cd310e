// SPDX-License-Identifier: Apache-2.0
/*
 * A flow in the making. Its fixed fields are written in place in the batch; its lists gather here,
 * in memory made once per decoder, and go into the batch's arena when the flow is done.
 *
 * The lists are as long as the largest datagram can make them. What a mapping's packet rules add on
 * top may still not fit: then the draft is `too_large` and draft_commit() says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "flow/batch.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

struct u32_list {
    size_t count;
    uint32_t items[LIST_ELEMENTS_MAX];
};

struct addr_list {
    size_t count;
    struct addr items[LIST_ADDRESSES_MAX];
};

struct draft {
    struct batch_writer *out;
    struct flow *flow; ///< NULL between flows
    bool too_large;
    bool unmappable; ///< a rule asked for a number from more than eight bytes
    bool has_lists;  ///< something was pushed since the lists were last cleared

    struct u32_list bgp_communities;
    struct u32_list as_path;
    struct u32_list mpls_ttl;
    struct u32_list mpls_label;
    struct u32_list layer_stack;
    struct u32_list layer_size;
    struct addr_list mpls_ip;
    struct addr_list routing_addresses;
    size_t custom_count;
    struct custom_value customs[CUSTOM_VALUES_MAX];
    size_t custom_bytes_size;
    uint8_t custom_bytes[CUSTOM_BYTES_MAX];
};

/// Begins a flow in `out`; the draft's lists are empty.
struct flow *draft_begin(struct draft *d, struct batch_writer *out);

/// The flow is done: LEDGER_FLOW_HANDED_ON will count it later. Returns whether it is in the batch;
/// if not, *ret_reason says why.
bool draft_commit(struct draft *d, enum ledger_entry *ret_reason) MUST_USE;

void draft_abandon(struct draft *d);

/// The list of a field of kind U32S.
struct u32_list *draft_list(struct draft *d, enum field field);

static inline void draft_push(struct draft *d, struct u32_list *list, uint32_t value)
{
    d->has_lists = true;
    if (list->count == LIST_ELEMENTS_MAX) {
        d->too_large = true;
        return;
    }
    list->items[list->count++] = value;
}

static inline void draft_push_addr(struct draft *d, struct addr_list *list, struct addr value)
{
    d->has_lists = true;
    if (list->count == LIST_ADDRESSES_MAX) {
        d->too_large = true;
        return;
    }
    list->items[list->count++] = value;
}

static inline void draft_mark(struct draft *d, uint64_t field_bits)
{
    d->flow->present |= field_bits;
}

/// A value of a custom column: `number` for a varint one, else the bytes, which are copied.
void draft_push_custom(struct draft *d, const struct custom *custom, uint32_t column,
                       const uint8_t *value, size_t size, uint64_t number);

/// Writes a value that a mapping rule took (a packet's bits, later a template's element) where the
/// rule says: Numbers are cut to the field's width; more than eight bytes are no
/// number, which makes the draft unmappable.
void draft_assign(struct draft *d, const struct mapping *mapping,
                  const struct destination *destination, const uint8_t *value, size_t size);
