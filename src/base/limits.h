// SPDX-License-Identifier: Apache-2.0
/*
 * Every bound of the program that is not an option, with its reason. A bound that input can reach
 * has a counter that says so.
 */
#pragma once

enum {
    /// The largest UDP payload. goflow2 cuts at 9000 bytes unseen; weir reads the whole datagram.
    DATAGRAM_SIZE_MAX = 65535,
    /// Datagrams that one recvmmsg() call may bring.
    RECV_MESSAGES_MAX = 128,

    /// Flows in one batch: large enough that locks and writes vanish, small enough for L2.
    BATCH_FLOWS_MAX = 512,
    /// Lists and texts of one batch. Only what is used is ever touched. A flow may use half of it:
    /// that holds the largest datagram, and the longest line twice.
    BATCH_ARENA_SIZE = 10 << 20,
    /// Left in the arena for what enrich adds to a batch, and enough for all of it.
    BATCH_ARENA_ENRICH = 3 << 20,
    /// Files that one batch may hold lines of.
    BATCH_FILES_MAX = 16,
    /// The longest line of a log that is read, and what is read when nothing else is asked for.
    LOG_LINE_SIZE_MAX = 3 << 20,
    LOG_LINE_SIZE_DEFAULT = 1 << 20,
    /// The least that may be asked for: below it no line of goflow2's is whole.
    LOG_LINE_SIZE_LEAST = 1 << 10,
    /// Files whose positions are kept; the ones longest unused make room.
    POSITIONS_MAX = 65536,
    /// Of a longer line this much is kept.
    LOG_LINE_CUT_SIZE = 64 << 10,
    /// A batch leaves when it is full or this old.
    BATCH_AGE_MAX_MS = 100,

    /// goflow2 and the sFlow decoders before it refuse datagrams above these counts.
    SFLOW_SAMPLES_MAX = 1000,
    SFLOW_RECORDS_MAX = 1000,
    SFLOW_AS_SEGMENT_MAX = 1000,
    SFLOW_COMMUNITIES_MAX = 1000,

    /// Exporters with counters of their own in one receive thread; those above share one entry.
    EXPORTERS_MAX = 2048,
    /// Interfaces with counters of their own (counter and drop samples) in one receive thread.
    INTERFACES_MAX = 4096,

    /// Columns, custom columns, packet rules and port rules of a mapping file.
    MAPPING_COLUMNS_MAX = 512,
    MAPPING_CUSTOMS_MAX = 256,
    MAPPING_RULES_MAX = 1024,
    MAPPING_PORTS_MAX = 256,
    MAPPING_ELEMENTS_MAX = 4096,
    MAPPING_FILE_SIZE_MAX = 4 << 20,
    /// Bytes that one packet rule may take: more than any header has.
    MAPPING_VALUE_SIZE_MAX = 1024,

    /// Elements of one list of a flow (labels, layers, AS numbers): what the largest datagram
    /// holds.
    LIST_ELEMENTS_MAX = DATAGRAM_SIZE_MAX / 4 + 1,
    LIST_ADDRESSES_MAX = DATAGRAM_SIZE_MAX / 16 + 1,
    /// Values that packet rules may add to one flow, and their bytes.
    CUSTOM_VALUES_MAX = 4096,
    CUSTOM_BYTES_MAX = 1 << 16,

    /// Fragmented packets of a capture that are put together at the same time: 4 MB if all are
    /// large. The oldest makes room for a new one.
    REASSEMBLE_PACKETS_MAX = 64,
    /// How long (capture time) fragments wait for the rest: as long as Linux waits.
    REASSEMBLE_TIMEOUT_S = 30,

    LISTENERS_MAX = 64,
    IMPORT_THREADS_MAX = 64,
    RECEIVERS_MAX = 256, ///< receive sockets (and threads) of all listeners together
    TRANSPORTS_MAX = 8,

    ERR_TEXT_SIZE = 512,
};
