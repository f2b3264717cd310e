// SPDX-License-Identifier: Apache-2.0
/* What a decoder holds; for the files of decode/ only. */
#pragma once

#include "decode/decode.h"
#include "decode/draft.h"

struct decoder {
    const struct mapping *mapping;
    struct ledger *ledger;
    struct exporters *exporters;
    struct draft draft;
};

static inline void decoder_count(struct decoder *d, enum ledger_entry entry, uint64_t n)
{
    ledger_count(d->ledger, entry, n);
}

/// Notes in `result` and in the ledger that a part of the datagram was set aside as damaged.
static inline void decoder_damage(struct decoder *d, struct decode_result *result,
                                  enum ledger_entry reason)
{
    decoder_count(d, reason, 1);
    if (result->damaged == 0) {
        result->damage = reason;
    }
    result->damaged++;
}

/// sFlow version 5 (sflow.org, sflow_version_5.txt). Fills `result`; counts all but the datagram.
void sflow_decode(struct decoder *d, const struct chunk *chunk, struct batch_writer *out,
                  struct decode_result *result);
