// SPDX-License-Identifier: Apache-2.0
/*
 * Whose an address is: autonomous systems from MMDB files (GeoLite2-ASN, GeoIP2-ISP, DB-IP ASN) or
 * from CSV lists of ranges (start,end,number,name), one file or several.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct asn;

/// An autonomous system. The name is borrowed and need not be UTF-8.
struct asn_owner {
    uint32_t number; ///< 0: not known
    const uint8_t *name;
    size_t name_size; ///< 0: not known
};

/// Opens the files of one database, all of one form: those that end in .csv are lists. Words in
/// `err` name the file, and the line, and say what to do. ERR_IO, ERR_INVALID, ERR_NO_MEMORY,
/// ERR_UNSUPPORTED.
int asn_open(const char *const *paths, size_t count, struct asn **ret_asn,
             struct err *err) MUST_USE;
void asn_free(struct asn *a);

/// The owner of an address, a number that stands for it in this database, or 0.
uint32_t asn_find(const struct asn *a, const struct addr *address);

/// What is known of it.
struct asn_owner asn_get(const struct asn *a, uint32_t owner);

/// Whom the data's licence wants named, or "".
const char *asn_notice(const struct asn *a);
