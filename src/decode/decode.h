// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes to flows. One decoder per receive thread: it owns what must be remembered between datagrams
 * (exporters, sequence numbers; templates when they come) and scratch space, all made by
 * decoder_new(). Decoding reads no clock and no file, logs nothing and allocates nothing.
 *
 * Bad input costs itself and nothing beside it: a datagram that cannot be read is set aside whole,
 * a sample or record that cannot be read alone, each counted in the ledger under its reason.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/status.h"
#include "decode/exporter.h"
#include "flow/batch.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

struct decoder;

/// `mapping` and `ledger` must outlive the decoder. ERR_NO_MEMORY.
int decoder_new(const struct mapping *mapping, struct ledger *ledger,
                struct decoder **ret_decoder) MUST_USE;
void decoder_free(struct decoder *d);

struct decode_result {
    /// LEDGER_DATAGRAM_DECODED, or why the whole datagram was set aside.
    enum ledger_entry outcome;
    /// Samples and records of a decoded datagram that were set aside as damaged (unknown ones do
    /// not count).
    uint32_t damaged;
    /// The first reason among `damaged`.
    enum ledger_entry damage;
    /// Who sent it; known by the peer's address alone where the header does not tell. Never NULL.
    struct exporter *exporter;
    /// `exporter` was never heard before.
    bool exporter_new;
};

/// Decodes one datagram and appends its flows to `out`. Counts everything in the ledger, the
/// datagram itself included (LEDGER_DATAGRAMS and its outcome).
struct decode_result decode_datagram(struct decoder *d, const struct chunk *chunk,
                                     struct batch_writer *out);

/// The exporters heard so far; see exporter.h for which parts other threads may read.
struct exporters *decoder_exporters(struct decoder *d);
