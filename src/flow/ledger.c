// SPDX-License-Identifier: Apache-2.0
/*
 * The table is made from ledger.def by the compiler. A group balances when what came in equals
 * what was used plus what was set aside; nobody may count one side without the other.
 */
#include "flow/ledger.h"

const struct ledger_info LEDGER_ENTRIES[LEDGER_ENTRY_COUNT] = {
#define LEDGER(group_, side_, name_, text, words_)                                                 \
    [LEDGER_##name_] = { .group = LEDGER_GROUP_##group_,                                           \
                         .side = LEDGER_SIDE_##side_,                                              \
                         .name = (text),                                                           \
                         .words = (words_) },
#include "flow/ledger.def"
#undef LEDGER
};

const char *ledger_group_text(enum ledger_group group)
{
    static const char *const TEXTS[LEDGER_GROUP_COUNT] = {
        [LEDGER_GROUP_DATAGRAM] = "datagram", [LEDGER_GROUP_SAMPLE] = "sample",
        [LEDGER_GROUP_RECORD] = "record",     [LEDGER_GROUP_LINE] = "line",
        [LEDGER_GROUP_FLOW] = "flow",
    };
    CHECK(group < LEDGER_GROUP_COUNT);
    return TEXTS[group];
}

void ledger_add_to(const struct ledger *l, struct ledger_sums *sums)
{
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        sums->entries[i] += counter_get(&l->entries[i]);
    }
}

int64_t ledger_difference(const struct ledger_sums *sums, enum ledger_group group)
{
    int64_t difference = 0;
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].group == group) {
            int64_t n = (int64_t)sums->entries[i];
            difference += LEDGER_ENTRIES[i].side == LEDGER_SIDE_IN ? n : -n;
        }
    }
    return difference;
}

void ledger_print(const struct ledger_sums *sums, enum ledger_group group, struct buf *out)
{
    unsigned printed = 0;
    for (int i = 0; i < LEDGER_ENTRY_COUNT; i++) {
        if (LEDGER_ENTRIES[i].group == group && (sums->entries[i] > 0 || printed < 2)) {
            buf_printf(out, "%s%s=%llu", printed > 0 ? " " : "", LEDGER_ENTRIES[i].name,
                       (unsigned long long)sums->entries[i]);
            printed++;
        }
    }
}
