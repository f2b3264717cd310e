// SPDX-License-Identifier: Apache-2.0
/*
 * Files of dashboards/ that are part of the program: saved objects, one JSON object a line. The
 * build puts them in, so that `weir setup` needs no file beside it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct asset {
    const char *name;
    const uint8_t *data;
    size_t size;
};

/// For Kibana 8.11 and newer.
struct asset asset_kibana(void);
/// For OpenSearch Dashboards 2 and newer.
struct asset asset_opensearch_dashboards(void);
