// SPDX-License-Identifier: Apache-2.0
/* Where databases lie that nobody named: the folders and names that their updaters use. */
#pragma once

#include <stdbool.h>

enum find_kind { FIND_CITY, FIND_ASN };

/// Folders of Debian's packages and of geoipupdate, apart by colons.
#define FIND_PLACES "/usr/share/GeoIP:/var/lib/GeoIP"

/// The best database of a kind in the folders `places`: a path, or several apart by commas where
/// IPv4 and IPv6 lie apart. The caller frees it with mem_free(). NULL when there is none.
char *find_database(enum find_kind kind, const char *places);
