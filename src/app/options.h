// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the options of option_table.h into `struct settings`.
 *
 * A value comes from the flag, else from the environment (WEIR_TRANSPORT_FILE for -transport.file),
 * else from the file that -config names, else from the default, which depends on the name the
 * program was called by.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/option_table.h"
#include "base/buf.h"
#include "base/status.h"

enum { CONFIG_FILE_SIZE_MAX = 1 << 20 };

enum option_source { SOURCE_DEFAULT, SOURCE_FLAG, SOURCE_ENVIRONMENT, SOURCE_FILE };

struct settings {
    bool goflow2; ///< called by that name: its defaults, its manners
    enum command command;
    bool help;   ///< -h
    char **args; ///< what is left of the command line; borrowed
    int arg_count;

    // Texts are never NULL.
    const char *config;
    const char *listen;
    const char *allow;
    const char *produce;
    const char *format;
    const char *transport;
    const char *mapping;
    const char *loglevel;
    const char *logfmt;
    int64_t err_cnt;
    uint64_t err_int_ns;
    const char *addr;
    const char *templates_path;
    bool version;
    const char *transport_file;
    const char *transport_file_sep;
    bool kafka_tls;
    const char *kafka_tls_client;
    const char *kafka_tls_key;
    const char *kafka_tls_ca;
    bool kafka_tls_insecure;
    const char *kafka_sasl;
    const char *kafka_topic;
    const char *kafka_srv;
    const char *kafka_brokers;
    int64_t kafka_maxmsgbytes;
    int64_t kafka_flushbytes;
    uint64_t kafka_flushfreq_ns;
    bool kafka_hashing;
    const char *kafka_version;
    const char *kafka_compression;
    const char *data;
    const char *state;
    uint64_t since_ns;
    uint64_t until_ns;
    const char *import_errors;
    int64_t import_threads;
    uint64_t import_line_max;
    const char *summary;
    const char *sampling_default;
    const char *ecs_profile;
    const char *ecs_version;
    const char *ecs_tags;
    bool ecs_preserve_original_event;
    const char *ecs_namespace;
    const char *ecs_dataset;
    const char *ecs_timezone;
    const char *ecs_fields;
    bool ecs_id;
    const char *geoip_city;
    const char *geoip_asn;
    const char *networks;
    const char *names;
    const char *deadletter; ///< import
    const char *store;      ///< folder
    uint64_t store_keep_ns;
    uint64_t store_keep_minutes_ns;
    uint64_t store_keep_hours_ns;
    uint64_t store_size;   ///< bytes
    uint64_t store_free;   ///< bytes
    uint64_t store_memory; ///< bytes
    bool store_dedupe;
    uint64_t store_timeout_ns;
    const char *web_password_file;
    const char *web_token_file;
    const char *web_cert;
    const char *web_key;
    const char *web_hosts;
    const char *es_url;
    const char *es_cloud_id;
    const char *es_product;
    const char *es_api_key_file;
    const char *es_api_key;
    const char *es_user;
    const char *es_password_file;
    const char *es_password;
    const char *es_token_file;
    const char *es_token;
    const char *es_ca;
    const char *es_ca_fingerprint;
    const char *es_cert;
    const char *es_key;
    bool es_insecure;
    const char *es_index;
    const char *es_pipeline;
    bool es_raw;
    int64_t es_gzip;
    int64_t es_connections;
    uint64_t es_bulk_size;
    uint64_t es_flush_ns;
    uint64_t es_timeout_ns;
    uint64_t es_spool; ///< bytes
    const char *es_deadletter;
    uint64_t keep_ns; ///< setup; 0: for ever
    const char *kibana;
    bool dry_run;
    bool uninstall;
    uint64_t last_ns; ///< query
    const char *from;
    const char *to;
    const char *tz;
    const char *top;
    const char *series;
    uint64_t step_ns;
    const char *by;
    int64_t rows;
    bool other;
    bool both;
    const char *output;
    const char *ports;    ///< replay
    int64_t rate;         ///< generate: datagrams per second, 0 for as fast as can be
    int64_t count;        ///< datagrams in all, 0 for no end
    uint64_t duration_ns; ///< 0 for no end
    int64_t exporters;
    int64_t flows;    ///< per datagram
    int64_t ipv6;     ///< percent
    int64_t expanded; ///< percent of flow samples in the expanded form
    int64_t counters; ///< percent of datagrams that carry a counter sample too
    int64_t seed;

    enum option_source sources[OPTION_COUNT]; ///< where each value comes from
    struct buf warnings;          ///< a line for each WEIR_* that is likely a slip of the pen
    struct yml_file *config_file; ///< owned; texts may point into it
    struct buf *lists;            ///< owned; texts put together from YAML lists
    size_t list_count;
};

/// Reads the command line, the environment (`env`, as environ) and the file that -config names; the
/// latter two not when only help or the version is asked for. Texts of settings point into `argv`
/// and `env`. ERR_USAGE: the message belongs before the usage, exit 2. ERR_INVALID, ERR_IO,
/// ERR_NO_MEMORY: exit 1. On failure `goflow2`, `command`, `args` are still set; on failure as on
/// success settings_release() is due.
int options_parse(int argc, char **argv, char **env, struct settings *ret_settings,
                  struct err *err) MUST_USE;
void settings_release(struct settings *s);

/// Refuses what the options ask for and this version does not have. ERR_UNSUPPORTED, ERR_INVALID.
int settings_check(const struct settings *s, struct err *err) MUST_USE;
