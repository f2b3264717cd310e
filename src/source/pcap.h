// SPDX-License-Identifier: Apache-2.0
/*
 * Captures: pcap and pcapng files, one UDP datagram at a time, with the capture's times. IP
 * fragments are put together; such a datagram has the time of the fragment that made it whole.
 * What is not a datagram is counted under its name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/status.h"

/// Frames of a capture, each counted once.
enum pcap_outcome {
    PCAP_DATAGRAM, ///< handed on as a datagram (the fragment that made one whole included)
    PCAP_FRAGMENT, ///< a fragment of a packet that became whole
    PCAP_NOT_IP,
    PCAP_NOT_UDP,
    PCAP_OTHER_PORT, ///< not a port that is wanted
    PCAP_TRUNCATED,  ///< cut by the capture's snap length; of a port that is wanted, or unknown
    PCAP_DAMAGED,    ///< lengths that contradict each other
    PCAP_INCOMPLETE, ///< a fragment of a packet that never became whole
    PCAP_OUTCOME_COUNT
};

struct pcap_stats {
    uint64_t frames;
    uint64_t outcomes[PCAP_OUTCOME_COUNT];
};

struct pcap_settings {
    const char *path;
    const uint16_t *ports; ///< destination ports that are wanted; none: all
    size_t port_count;
    enum scheme scheme; ///< put into each chunk
};

struct pcap_source;

/// Settings' texts and ports must outlive the source. On failure `err` names the path and says why.
/// ERR_IO, ERR_INVALID (no capture), ERR_UNSUPPORTED (a link type that is not read), ERR_NO_MEMORY.
int pcap_source_open(const struct pcap_settings *settings, struct pcap_source **ret_source,
                     struct err *err) MUST_USE;
void pcap_source_close(struct pcap_source *s);

/// The next datagram, valid until the next call. False at the end of the file (err->status is 0),
/// and where it is broken: then err->status is ERR_INVALID and the text says after which frame.
bool pcap_source_next(struct pcap_source *s, struct chunk *ret_chunk, struct err *err);

/// Complete once pcap_source_next() has said false.
struct pcap_stats pcap_source_stats(const struct pcap_source *s);

/// frames - the sum of all outcomes: 0 when the books balance.
int64_t pcap_stats_difference(const struct pcap_stats *stats);
/// "frames=12 datagram=10 not_udp=2"; outcomes that are 0 are left out.
void pcap_stats_print(const struct pcap_stats *stats, struct buf *out);
