// SPDX-License-Identifier: Apache-2.0
/*
 * Where an address is: City and Country databases in MaxMind's layout (GeoLite2, GeoIP2, DB-IP) and
 * in the flat one of the free DB-IP files, from one file or several (IPv4 and IPv6 apart).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/status.h"

struct city;

enum {
    /// What city_put() may write.
    CITY_JSON_SIZE_MAX = 1088,
};

/// Opens the files of one database; each has to hold places. Words in `err` name the file and say
/// what to do. ERR_IO, ERR_INVALID, ERR_NO_MEMORY, ERR_UNSUPPORTED.
int city_open(const char *const *paths, size_t count, struct city **ret_city,
              struct err *err) MUST_USE;
void city_free(struct city *c);

/// The place of an address, a number that stands for it in this database, or 0. Many addresses
/// share one.
uint32_t city_find(const struct city *c, const struct addr *a);

enum { CITY_FIND_MAX = 16 };

/// city_find() of up to CITY_FIND_MAX addresses together, which is faster.
void city_find_many(const struct city *c, const struct addr *const *addrs, size_t count,
                    uint32_t *ret_places);

/// Writes the place as the JSON object of ECS `geo` at `at` (room CITY_JSON_SIZE_MAX) and returns
/// one past the last byte; `at` itself when there is nothing to say. The country's two letters, or
/// zeros, go to `ret_country`.
uint8_t *city_put(const struct city *c, uint32_t place, uint8_t *at, char ret_country[static 2]);

/// Whom the data's licence wants named, or "".
const char *city_notice(const struct city *c);
