// SPDX-License-Identifier: Apache-2.0
/*
 * What can be known about a flow beyond what its exporter said: where its addresses are (GeoIP),
 * whose they are (AS), which of the site's networks they lie in, and what its exporter and
 * interfaces are called. Done in place on a batch before it is handed on.
 *
 * `struct enrich` holds the databases and files and is shared; they can be read again at any time
 * (SIGHUP, a replaced file) without a pause: look-ups see the old ones until the new ones are
 * whole. `struct enricher` is one thread's: its caches, made at start. Enriching does not allocate.
 */
#pragma once

#include <stdbool.h>

#include "base/status.h"
#include "flow/batch.h"

struct enrich;
struct enricher;

/// Paths; "" is none given. A database may be several files apart by commas (IPv4 and IPv6). For
/// the two databases "" means that they are looked for under their usual names in `places`, and
/// "none" that they are not wanted: no look-up, no mark.
struct enrich_settings {
    const char *city;     ///< MMDB: GeoLite2/GeoIP2/DB-IP City or Country, or DB-IP's flat layout
    const char *asn;      ///< MMDB, or a CSV of ranges: start,end,number,name
    const char *networks; ///< CSV or YAML: CIDR, name
    const char *names;    ///< CSV or YAML: exporter, its name; interface, name, alias
    const char *places;   ///< folders apart by colons; NULL: enrich/find.h's
};

/// Opens what is there. A file that was asked for and is damaged, of the wrong kind or not there is
/// refused with its name: ERR_INVALID, ERR_IO, ERR_NO_MEMORY.
int enrich_open(const struct enrich_settings *settings, struct enrich **ret_enrich,
                struct err *err) MUST_USE;
/// Every enricher is gone.
void enrich_free(struct enrich *e);

/// Reads files again: all of them, or only those that were replaced since (`changed_only`), once
/// they have not changed between two calls. One that cannot be read now is named in the log and the
/// old one stays, and it is tried again when it changes again. A database that was overwritten in
/// place is no longer whole: it is set aside until it can be read. One thread at a time.
void enrich_reload(struct enrich *e, bool changed_only);

/// What is in use, for the log and `weir check`. Paths are "" for what is not there; valid until
/// the next reload.
struct enrich_files {
    const char *city;
    const char *asn;
    const char *networks;
    const char *names;
    const char *notice; ///< whom the licences of the data want named, or ""
};
struct enrich_files enrich_files(const struct enrich *e);

/// One thread's. ERR_NO_MEMORY.
int enricher_new(struct enrich *e, struct enricher **ret_enricher) MUST_USE;
void enricher_free(struct enricher *x);

/// Fills src_place, dst_place, the names and `lookups` of every record of a batch that is full but
/// not yet handed on. Whatever is not known stays empty; what is known always fits.
void enrich_batch(struct enricher *x, struct batch *batch);
