// SPDX-License-Identifier: Apache-2.0
/* The records of sFlow samples. */
#pragma once

#include <stdint.h>

#include "base/rd.h"
#include "decode/draft.h"
#include "flow/ledger.h"
#include "flow/mapping.h"

/// Reads one flow record (the bytes after its length field) into the open draft. `format` is the
/// whole 32-bit word, enterprise included. Returns LEDGER_RECORD_READ, LEDGER_RECORD_UNKNOWN, or
/// LEDGER_RECORD_MALFORMED with the draft untouched.
enum ledger_entry sflow_flow_record(struct draft *draft, const struct mapping *mapping,
                                    uint32_t format, struct rd record);

/// Looks at one counter record. Same answers.
enum ledger_entry sflow_counter_record(uint32_t format, struct rd record);
