// SPDX-License-Identifier: Apache-2.0
/*
 * The ledger: what came in and where it went, counted by name (ledger.def). Each receive thread
 * keeps its own; whoever shows numbers adds them up. /metrics, the line at exit and the tests read
 * the same one. Past the hand-over each transport keeps books of its own (transport/transport.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/counter.h"

enum ledger_group {
    LEDGER_GROUP_DATAGRAM,
    LEDGER_GROUP_SAMPLE,
    LEDGER_GROUP_RECORD,
    LEDGER_GROUP_LINE,
    LEDGER_GROUP_FLOW,
    LEDGER_GROUP_COUNT
};

enum ledger_side { LEDGER_SIDE_IN, LEDGER_SIDE_DONE, LEDGER_SIDE_ASIDE };

enum ledger_entry {
#define LEDGER(group, side, name, text, words) LEDGER_##name,
#include "flow/ledger.def"
#undef LEDGER
    LEDGER_ENTRY_COUNT
};

struct ledger_info {
    enum ledger_group group;
    enum ledger_side side;
    const char *name;
    const char *words;
};

extern const struct ledger_info LEDGER_ENTRIES[LEDGER_ENTRY_COUNT];

/// Written by one thread.
struct ledger {
    struct counter entries[LEDGER_ENTRY_COUNT];
};

/// Sums, for showing.
struct ledger_sums {
    uint64_t entries[LEDGER_ENTRY_COUNT];
};

static inline void ledger_count(struct ledger *l, enum ledger_entry entry, uint64_t n)
{
    counter_add(&l->entries[entry], n);
}

/// "datagram", "sample", "record", "line", "flow".
const char *ledger_group_text(enum ledger_group group);

/// Adds what `l` says now to `sums`.
void ledger_add_to(const struct ledger *l, struct ledger_sums *sums);

/// IN - DONE - ASIDE of a group: 0 when its books balance. Meaningful once the writers are still.
int64_t ledger_difference(const struct ledger_sums *sums, enum ledger_group group);

/// "received=9 decoded=8 sflow_version=1" into `out`: entries that are 0 are left out, but for the
/// first two.
void ledger_print(const struct ledger_sums *sums, enum ledger_group group, struct buf *out);
