// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a list of AS ranges, as names of networks and as names of exporters, in CSV or YAML
 * by the first byte: refused with the file's name, or read and used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "enrich/asn.h"
#include "enrich/name.h"
#include "enrich/networks.h"
#include "enrich/roster.h"
#include "fuzz.h"

static const char *const ADDRESSES[] = { "0.0.0.0", "10.0.0.1", "192.0.2.1",  "255.255.255.255",
                                         "::",      "::1",      "2001:db8::1" };

enum { ADDRESS_COUNT = sizeof(ADDRESSES) / sizeof(ADDRESSES[0]) };

static void check_name(const char *name)
{
    CHECK(strlen(name) <= NAME_JSON_SIZE_MAX);
}

static struct addr address(size_t i)
{
    struct addr a;
    CHECK(addr_parse(ADDRESSES[i], &a) == 0);
    return a;
}

static void try_asn(const char *path)
{
    struct err err = { 0 };
    struct asn *asn;
    if (asn_open(&path, 1, &asn, &err) != 0) {
        CHECK(strstr(err.text, path) != NULL);
        return;
    }
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        struct addr a = address(i);
        uint32_t owner = asn_find(asn, &a);
        if (owner != 0) {
            struct asn_owner found = asn_get(asn, owner);
            CHECK(found.number != 0 || found.name_size > 0);
        }
    }
    asn_free(asn);
}

static void try_networks(const char *path)
{
    struct err err = { 0 };
    struct networks *n;
    if (networks_open(path, &n, &err) != 0) {
        CHECK(strstr(err.text, path) != NULL);
        return;
    }
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        struct addr a = address(i);
        uint32_t network = networks_find(n, &a);
        if (network != 0) {
            check_name(networks_name(n, network));
        }
    }
    networks_free(n);
}

static void try_roster(const char *path)
{
    struct err err = { 0 };
    struct roster *r;
    if (roster_open(path, &r, &err) != 0) {
        CHECK(strstr(err.text, path) != NULL);
        return;
    }
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        struct addr a = address(i);
        uint32_t exporter = roster_find(r, &a);
        if (exporter != 0) {
            check_name(roster_name(r, exporter));
            check_name(roster_interface(r, exporter, (uint32_t)i).name);
            check_name(roster_interface(r, exporter, (uint32_t)i).alias);
        }
    }
    roster_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char folder[] = "/tmp/fuzz-names-XXXXXX";
    static bool made;
    char path[64];
    if (size == 0) {
        return 0;
    }
    if (!made) {
        made = mkdtemp(folder) != NULL;
        CHECK(made);
    }
    bool yaml = data[0] == 'y';
    (void)snprintf(path, sizeof(path), "%s/f.%s", folder, yaml ? "yaml" : "csv"); // it is short
    FILE *out = fopen(path, "wb");
    CHECK(out != NULL);
    CHECK(fwrite(data + 1, 1, size - 1, out) == size - 1);
    CHECK(fclose(out) == 0);
    if (!yaml) {
        try_asn(path);
    }
    try_networks(path);
    try_roster(path);
    CHECK(unlink(path) == 0);
    return 0;
}
