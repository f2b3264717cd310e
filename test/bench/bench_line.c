// SPDX-License-Identifier: Apache-2.0
/*
 * What a line costs in one thread: read into a flow, enriched, written as a document. Nothing is
 * read from a disk or written to one. Prints nanoseconds of CPU time per line.
 *
 *     bench_line FILE [CITY ASN]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/mem.h"
#include "bench.h"
#include "decode/goflow_line.h"
#include "enrich/enrich.h"
#include "format/ecs.h"
#include "format/format.h"

enum { LINES_MAX = 1 << 21, FILE_SIZE_MAX = 1 << 30 };

struct sink {
    struct enricher *enricher; ///< NULL: nothing is looked up
    struct format *format;     ///< NULL: nothing is written
    struct buf out;
    uint64_t flows;
    uint64_t bytes;
};

static struct line lines[LINES_MAX];
static size_t line_count;

static void take(void *context, struct batch *batch)
{
    struct sink *s = context;
    buf_clear(&s->out);
    if (s->enricher != NULL) {
        enrich_batch(s->enricher, batch);
    }
    for (uint32_t i = 0; s->format != NULL && i < batch->flow_count; i++) {
        (void)format_append(s->format, batch, &batch->flows[i], &s->out); // it fits
    }
    s->flows += batch->flow_count;
    s->bytes += s->out.size;
    batch_unref(batch);
}

static void measure(const char *name, const struct ecs_settings *ecs, struct enrich *enrich)
{
    struct err err;
    struct mapping *mapping;
    struct batch_pool *pool;
    struct goflow_reader *reader;
    struct batch_writer writer;
    static struct ledger ledger;
    struct sink sink = { 0 };
    buf_init(&sink.out, 64 << 20);
    CHECK(mapping_default(&mapping) == 0);
    struct format_settings format = { .name = "ecs", .mapping = mapping, .ecs = ecs };
    CHECK(ecs == NULL || format_new(&format, &sink.format, &err) == 0);
    CHECK(enrich == NULL || enricher_new(enrich, &sink.enricher) == 0);
    struct goflow_settings settings = { .keep_original =
                                            ecs != NULL && ecs->profile == ECS_PROFILE_ELASTIC };
    CHECK(batch_pool_new(2, NULL, NULL, &pool) == 0);
    CHECK(goflow_reader_new(mapping, &settings, &ledger, &reader) == 0);
    batch_writer_init(&writer, pool, take, &sink);
    double begin = cpu_ns();
    for (size_t i = 0; i < line_count; i++) {
        (void)goflow_read(reader, &lines[i], &writer); // the log is a good one
    }
    batch_writer_flush(&writer);
    double ns = (cpu_ns() - begin) / (double)line_count;
    CHECK(sink.flows == line_count);
    printf("  %-44s %6.0f ns per line, %5.2f M/s, %4.0f bytes\n", name, ns, 1e3 / ns,
           (double)sink.bytes / (double)line_count);
    goflow_reader_free(reader);
    enricher_free(sink.enricher);
    format_free(sink.format);
    batch_pool_free(pool);
    mapping_free(mapping);
    buf_release(&sink.out);
}

/// The lines of a file, kept in memory.
static void load(const char *path, struct origin *origin)
{
    FILE *file = fopen(path, "rb");
    uint8_t *text = mem_map(FILE_SIZE_MAX);
    CHECK(file != NULL && text != NULL);
    size_t size = fread(text, 1, FILE_SIZE_MAX, file);
    (void)fclose(file); // it was only read
    for (size_t at = 0; at < size && line_count < LINES_MAX; line_count++) {
        const uint8_t *end = memchr(text + at, '\n', size - at);
        CHECK(end != NULL);
        size_t length = (size_t)(end - (text + at));
        lines[line_count] = (struct line){ .data = text + at,
                                           .size = length,
                                           .offset = at,
                                           .end = at + length + 1,
                                           .origin = origin };
        at += length + 1;
    }
}

int main(int argc, char **argv)
{
    struct origin values = { .path = "bench.log", .input_type = "import", .is_file = true };
    struct ecs_settings ecs = { .version = "8.11.0",
                                .tags = "sflow,forwarded",
                                .namespace = "default",
                                .dataset = "",
                                .timezone = "+00:00",
                                .fields = "",
                                .agent_name = "bench",
                                .agent_version = "0" };
    struct err err = { 0 };
    struct enrich *enrich = NULL;
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bench_line FILE [CITY ASN]\n");
        return 2;
    }
    load(argv[1], origin_new(&values));
    measure("line to flow", NULL, NULL);
    measure("line to document", &ecs, NULL);
    if (argc == 4) {
        struct enrich_settings settings = {
            .city = argv[2], .asn = argv[3], .networks = "", .names = ""
        };
        if (enrich_open(&settings, &enrich, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        measure("line to flow, city and AS", NULL, enrich);
        measure("line to document, city and AS", &ecs, enrich);
    }
    ecs.profile = ECS_PROFILE_ELASTIC;
    measure(argc == 4 ? "the same in profile elastic" : "line to document, profile elastic", &ecs,
            enrich);
    enrich_free(enrich);
    return 0;
}
