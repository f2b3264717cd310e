// SPDX-License-Identifier: Apache-2.0
/*
 * Names of indices and pipelines stand in paths and in requests as they are, so what would need
 * escapes there, and what the servers refuse anyway, is refused here.
 */
#include "app/elasticsearch_options.h"

#include <stdio.h>
#include <string.h>

#include "app/cluster_options.h"
#include "base/clock.h"

enum {
    GZIP_MAX = 9,
    BULK_SIZE_LEAST = 64 << 10,
    /// A parcel is larger by what one more batch adds, and has to fit a frame of the spool.
    BULK_SIZE_MAX = 32 << 20,
    SPOOL_LEAST = 1 << 20,
};

/// Small letters (or any, for pipelines), digits and a few signs.
static int check_name(const char *option, const char *name, bool capitals, struct err *err)
{
    size_t size = strlen(name);
    bool sane = size < ELASTICSEARCH_STREAM_SIZE &&
                (size == 0 || (strchr("-_+", name[0]) == NULL && strcmp(name, ".") != 0 &&
                               strcmp(name, "..") != 0));
    for (const char *c = name; *c != '\0'; c++) {
        bool capital = *c >= 'A' && *c <= 'Z';
        sane = sane && (capitals || !capital) && *c > ' ' && *c <= '~' &&
               strchr("\\/*?\"<>|,#:%&+", *c) == NULL;
    }
    return sane ? 0
                : err_set(err, ERR_INVALID,
                          "-%s \"%.60s\": up to 255 %sletters, digits, dots, hyphens and "
                          "underscores, of which the first is no hyphen or underscore",
                          option, name, capitals ? "" : "small ");
}

static int check_range(const char *option, uint64_t value, uint64_t min, uint64_t max,
                       struct err *err)
{
    return value >= min && value <= max
               ? 0
               : err_set(err, ERR_INVALID,
                         "-transport.elasticsearch.%s %lld: must be from %llu to %llu", option,
                         (long long)value, (unsigned long long)min, (unsigned long long)max);
}

int elasticsearch_options_check(const struct settings *s, struct err *err)
{
    struct cluster_settings cluster = { 0 };
    bool ok = cluster_options_read(s, &cluster, err) == 0 &&
              check_name("transport.elasticsearch.index", s->es_index, false, err) == 0 &&
              check_name("transport.elasticsearch.pipeline", s->es_pipeline, true, err) == 0 &&
              check_range("gzip", (uint64_t)s->es_gzip, 0, GZIP_MAX, err) == 0 &&
              check_range("connections", (uint64_t)s->es_connections, 1,
                          ELASTICSEARCH_CONNECTIONS_MAX, err) == 0 &&
              check_range("bulk_size", s->es_bulk_size, BULK_SIZE_LEAST, BULK_SIZE_MAX, err) == 0;
    if (!ok) {
        return err->status;
    }
    if (s->es_spool > 0 && s->es_spool < SPOOL_LEAST) {
        return err_set(err, ERR_INVALID,
                       "-transport.elasticsearch.spool %llu: at least 1m, or 0 for none",
                       (unsigned long long)s->es_spool);
    }
    return 0;
}

static int read_paths(struct elasticsearch_options *o, const struct settings *s, struct err *err)
{
    bool waits = s->command == COMMAND_IMPORT || s->command == COMMAND_REPLAY;
    o->spool[0] = '\0';
    if (!waits && s->es_spool > 0 &&
        data_path(s->data, "spool/elasticsearch", o->spool, err) != 0) {
        return err->status;
    }
    if (s->es_deadletter[0] == '\0') {
        return data_path(s->data, "deadletter/elasticsearch.ndjson", o->deadletter, err);
    }
    int size = snprintf(o->deadletter, sizeof(o->deadletter), "%s", s->es_deadletter);
    return size < (int)sizeof(o->deadletter)
               ? 0
               : err_set(err, ERR_INVALID, "-transport.elasticsearch.deadletter: too long");
}

int elasticsearch_options_read(struct elasticsearch_options *o, const struct settings *s,
                               const struct ecs_settings *ecs, const struct mapping *mapping,
                               struct err *err)
{
    if (elasticsearch_options_check(s, err) != 0 ||
        cluster_options_read(s, &o->cluster, err) != 0 || read_paths(o, s, err) != 0) {
        return err->status;
    }
    o->ecs = *ecs;
    o->ecs.raw = s->es_raw;
    o->format = (struct format_settings){ .name = "ecs", .mapping = mapping, .ecs = &o->ecs };
    o->settings = (struct elasticsearch_settings){ .cluster = &o->cluster,
                                                   .format = &o->format,
                                                   .index = s->es_index,
                                                   .pipeline = s->es_pipeline,
                                                   .gzip = (int)s->es_gzip,
                                                   .connections = (size_t)s->es_connections,
                                                   .bulk_size = s->es_bulk_size,
                                                   .flush_ns = s->es_flush_ns,
                                                   .spool = o->spool,
                                                   .spool_size = s->es_spool,
                                                   .deadletter = o->deadletter };
    return 0;
}
