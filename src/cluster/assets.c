// SPDX-License-Identifier: Apache-2.0
/*
 * The assembler reads the files: it is the one tool that gcc and clang both bring along for this,
 * and neither a list of a million numbers nor a linker's symbols are needed. The paths are those
 * from the top of the tree, where make runs. Sizes are data of their own, since the distance of two
 * symbols is nothing that C knows.
 */
#include "cluster/assets.h"

#define ASSET(symbol, path)                                                                        \
    __asm__(".pushsection .rodata." #symbol ", \"a\", %progbits\n"                                 \
            ".globl " #symbol "_data, " #symbol "_size\n"                                          \
            ".hidden " #symbol "_data, " #symbol "_size\n"                                         \
            ".balign 4\n" #symbol "_size: .4byte 2f - 1f\n" #symbol "_data:\n"                     \
            "1: .incbin \"" path "\"\n"                                                            \
            "2: .popsection\n");                                                                   \
    extern const uint8_t symbol##_data[];                                                          \
    extern const uint32_t symbol##_size

ASSET(asset_kibana, "dashboards/kibana-8.11.ndjson");
ASSET(asset_osd, "dashboards/opensearch-dashboards-2.ndjson");

struct asset asset_kibana(void)
{
    return (struct asset){ "kibana-8.11.ndjson", asset_kibana_data, asset_kibana_size };
}

struct asset asset_opensearch_dashboards(void)
{
    return (struct asset){ "opensearch-dashboards-2.ndjson", asset_osd_data, asset_osd_size };
}
