// SPDX-License-Identifier: Apache-2.0
/*
 * Lines on standard input to Elastic's documents on standard output, one a line.
 *
 *     elastic_tool ECS_VERSION EVENT [SRC_GEO DST_GEO SRC_AS DST_AS]
 *     elastic_tool ECS_VERSION EVENT unavailable
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "format/elastic.h"

enum { OUT_SIZE_MAX = 256 << 20, GEO_ARG = 3 };

static struct elastic_json json_arg(int argc, char **argv, int index)
{
    const char *text = index < argc ? argv[index] : "";
    return (struct elastic_json){ .data = (const uint8_t *)text, .size = strlen(text) };
}

int main(int argc, char **argv)
{
    static char line[LOG_LINE_SIZE_MAX + 1];
    struct elastic *elastic;
    struct buf out;
    CHECK(argc > 2);
    CHECK(elastic_new(&elastic) == 0);
    buf_init(&out, OUT_SIZE_MAX);
    bool unavailable = argc == GEO_ARG + 1;
    struct elastic_input in = { .line = (const uint8_t *)line,
                                .ecs_version = argv[1],
                                .event = json_arg(argc, argv, 2),
                                .city_unavailable = unavailable,
                                .asn_unavailable = unavailable };
    if (!unavailable) {
        in.src_geo = json_arg(argc, argv, GEO_ARG);
        in.dst_geo = json_arg(argc, argv, GEO_ARG + 1);
        in.src_as = json_arg(argc, argv, GEO_ARG + 2);
        in.dst_as = json_arg(argc, argv, GEO_ARG + 3);
    }
    int c = 0;
    while (c != EOF) {
        for (in.size = 0; (c = getchar()) != EOF && c != '\n'; in.size++) {
            CHECK(in.size < LOG_LINE_SIZE_MAX);
            line[in.size] = (char)c;
        }
        if (c == '\n' || in.size > 0) {
            buf_clear(&out);
            (void)elastic_append(elastic, &in, &out); // the document shows whether it failed
            CHECK(!out.bad);
            printf("%s\n", buf_text(&out));
        }
    }
    buf_release(&out);
    elastic_free(elastic);
    return 0;
}
