// SPDX-License-Identifier: Apache-2.0
/*
 * weir check: reads what run would read, says in plain words what would happen, and changes
 * nothing: addresses are bound and let go, an output file is looked at but not made.
 *
 * One line per finding: ok, warn or FAIL, what it is about, and the words. FAIL is what would keep
 * run from starting. Everything is looked at even when something failed before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/check_cluster.h"
#include "app/check_store.h"
#include "app/commands.h"
#include "app/data_dir.h"
#include "app/listen.h"
#include "app/outputs.h"
#include "app/pipeline.h"
#include "app/report.h"
#include "app/web.h"
#include "base/mem.h"
#include "flow/mapping.h"
#include "format/format.h"
#include "source/excludes.h"
#include "source/glob.h"
#include "source/udp.h"
#include "web/server.h"

enum { TEXT_SIZE_MAX = 1 << 16 };

/// Lines of `text`, each a warning.
static void warn_lines(const char *what, const char *text)
{
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        report("warn", what, "%.*s", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

/// Which options are set, and where: for whoever wonders why a value does not count.
static void check_options(struct settings *s)
{
    static const char *const FROM[] = { [SOURCE_FLAG] = "by flag",
                                        [SOURCE_ENVIRONMENT] = "by the environment",
                                        [SOURCE_FILE] = "by the file" };
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    for (size_t source = SOURCE_FLAG; source <= SOURCE_FILE; source++) {
        const char *before = text.size == 0 ? "" : "; ";
        for (int i = 0; i < OPTION_COUNT; i++) {
            if (s->sources[i] == source) {
                buf_printf(&text, "%s%s", before, OPTIONS[i].name);
                before = ", ";
            }
        }
        if (strcmp(before, ", ") == 0) {
            buf_printf(&text, " %s", FROM[source]);
        }
    }
    if (s->config[0] != '\0') {
        report("ok", "config", "%s", s->config);
    }
    report("ok", "options", "%s", text.size == 0 ? "all defaults" : buf_text(&text));
    warn_lines("options", buf_text(&s->warnings));
    buf_release(&text);
}

static bool check_mapping(const struct settings *s, struct mapping **ret_mapping)
{
    struct err err = { 0 };
    if (s->mapping[0] == '\0') {
        CHECK(mapping_default(ret_mapping) == 0); // only memory can fail
        report("ok", "mapping", "none: all %zu columns", (*ret_mapping)->column_count);
        return true;
    }
    if (mapping_load(s->mapping, ret_mapping, &err) != 0) {
        return report_failed("mapping", &err);
    }
    report("ok", "mapping", "%s: %zu columns, %zu custom, %zu ports", s->mapping,
           (*ret_mapping)->column_count, (*ret_mapping)->custom_count,
           (*ret_mapping)->port_rule_count);
    warn_lines("mapping", mapping_warnings(*ret_mapping));
    return true;
}

/// Whether `path` could be appended to, or made.
static bool check_path(const char *path, bool *ret_exists, struct err *err)
{
    struct stat st;
    *ret_exists = stat(path, &st) == 0;
    if (*ret_exists) {
        bool is_folder = S_ISDIR(st.st_mode);
        if (!is_folder && access(path, W_OK) == 0) {
            return true;
        }
        (void)err_set_errno(err, is_folder ? EISDIR : errno, "cannot write to %s", path);
        return false;
    }
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path) + 1);
    CHECK(folder != NULL);
    bool ok = access(folder, W_OK | X_OK) == 0;
    if (!ok) {
        (void)err_set_errno(err, errno, "cannot make %s in %s", slash == NULL ? path : slash + 1,
                            folder);
    }
    mem_free(folder);
    return ok;
}

static bool check_file(const struct settings *s, const struct mapping *mapping)
{
    struct err err = { 0 };
    struct format *format;
    struct ecs_options ecs = { 0 };
    bool ok = ecs_options_read(&ecs, s, &err) == 0;
    struct format_settings settings = { .name = s->format, .mapping = mapping, .ecs = &ecs.ecs };
    ok = ok && format_new(&settings, &format, &err) == 0;
    ecs_options_release(&ecs);
    if (!ok) {
        return report_failed("output", &err);
    }
    format_free(format);
    if (s->transport_file[0] == '\0') {
        report("ok", "output", "%s to standard output", s->format);
        return true;
    }
    bool exists;
    if (!check_path(s->transport_file, &exists, &err)) {
        return report_failed("output", &err);
    }
    report("ok", "output", "%s to %s, which %s", s->format, s->transport_file,
           exists ? "is there and grows" : "will be made");
    return true;
}

/// Whether a running weir has it; a moment later that may be otherwise.
static bool is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool locked = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(fd); // nothing was written through it
    return locked;
}

/// Where documents are while the server is away, or when it refuses them. The server itself is
/// check_cluster()'s.
static bool check_elasticsearch(const struct settings *s)
{
    struct err err = { 0 };
    char lock[DATA_PATH_SIZE];
    char letters[DATA_PATH_SIZE];
    if (elasticsearch_options_check(s, &err) != 0 ||
        data_path_name(s->data, "spool/elasticsearch/lock", lock, &err) != 0 ||
        data_path_name(s->data, "deadletter/elasticsearch.ndjson", letters, &err) != 0) {
        return report_failed("output", &err);
    }
    report("ok", "output", "%s to Elasticsearch or OpenSearch; what it refuses to %s",
           s->es_raw ? "raw lines" : "documents",
           s->es_deadletter[0] == '\0' ? letters : s->es_deadletter);
    if (s->es_spool == 0) {
        report("warn", "spool", "none: datagrams that come while the server is away are lost");
        return true;
    }
    report("ok", "spool", "up to %llu bytes in %.*s", (unsigned long long)s->es_spool,
           (int)(strlen(lock) - strlen("/lock")), lock);
    if (is_locked(lock)) {
        report("warn", "spool", "another weir has it now: wait for its end, or name another -data");
    }
    return true;
}

static bool check_outputs(const struct settings *s, const struct mapping *mapping,
                          unsigned *ret_outputs)
{
    struct err err = { 0 };
    *ret_outputs = 0;
    if (settings_check(s, &err) != 0 || outputs_read(s, ret_outputs, &err) != 0) {
        return report_failed("output", &err);
    }
    bool ok = (*ret_outputs & OUTPUT_STORE) == 0 || check_store(s);
    ok = ((*ret_outputs & OUTPUT_FILE) == 0 || check_file(s, mapping)) && ok;
    return ((*ret_outputs & OUTPUT_ELASTICSEARCH) == 0 || check_elasticsearch(s)) && ok;
}

static void say_file(const char *what, const char *file, const char *option, const char *setting)
{
    if (file[0] != '\0') {
        report("ok", what, "%s", file);
    } else if (strcmp(setting, "none") == 0) {
        report("ok", what, "none wanted");
    } else {
        report("warn", what, "none was found; name one with %s, or fetch one (docs/geo.md)",
               option);
    }
}

/// The databases and names; only documents show them.
static bool check_enrich(const struct settings *s, unsigned outputs)
{
    struct err err = { 0 };
    struct enrich *enrich;
    const struct enrich_settings settings = {
        .city = s->geoip_city, .asn = s->geoip_asn, .networks = s->networks, .names = s->names
    };
    if (!outputs_want_enrich(s, outputs)) {
        return true;
    }
    if (enrich_open(&settings, &enrich, &err) != 0) {
        return report_failed("geoip", &err);
    }
    struct enrich_files files = enrich_files(enrich);
    say_file("city", files.city, "-geoip.city", s->geoip_city);
    say_file("asn", files.asn, "-geoip.asn", s->geoip_asn);
    if (files.networks[0] != '\0') {
        report("ok", "networks", "%s", files.networks);
    }
    if (files.names[0] != '\0') {
        report("ok", "names", "%s", files.names);
    }
    if (files.notice[0] != '\0') {
        report("ok", "notice", "%s", files.notice);
    }
    enrich_free(enrich);
    return true;
}

static bool check_allow(const struct settings *s)
{
    struct err err = { 0 };
    struct cidr *list;
    size_t count;
    if (allow_parse(s->allow, &list, &count, &err) != 0) {
        return report_failed("allow", &err);
    }
    mem_free(list);
    if (count == 0) {
        report("ok", "allow", "every exporter is heard");
    } else {
        report("ok", "allow", "exporters in %zu network%s are heard", count, count == 1 ? "" : "s");
    }
    return true;
}

/// What a log:// listener would find now.
struct survey {
    const struct excludes *excludes;
    uint64_t files;
    uint64_t bytes;
    uint64_t excluded;
};

static void survey_found(void *context, const char *path, const struct stat *st)
{
    struct survey *s = context;
    if (!S_ISREG(st->st_mode)) {
        return;
    }
    if (excludes_match(s->excludes, path)) {
        s->excluded++;
        return;
    }
    s->files++;
    s->bytes += (uint64_t)st->st_size;
    if (access(path, R_OK) != 0) {
        report("warn", "listen", "%s cannot be read: %s", path, strerrordesc_np(errno));
    }
}

static void survey_problem(void *context, const char *path, int error)
{
    (void)context;
    report("warn", "listen", "%s cannot be looked into: %s", path, strerrordesc_np(error));
}

static bool check_log(const struct log_url *log)
{
    struct err err = { 0 };
    struct excludes *excludes;
    if (glob_check(log->pattern, &err) != 0 ||
        excludes_new(log->excludes, log->exclude_count, &excludes, &err) != 0) {
        return report_failed("listen", &err);
    }
    struct survey s = { .excludes = excludes };
    struct glob_visitor visitor = { .context = &s,
                                    .found = survey_found,
                                    .problem = survey_problem };
    glob_walk(log->pattern, &visitor);
    excludes_free(excludes);
    report(s.files > 0 ? "ok" : "warn", "listen",
           "log %s%s: %llu file%s of %llu bytes now, %llu excluded", log->pattern,
           log->from_end ? ", from its end" : "", (unsigned long long)s.files,
           s.files == 1 ? "" : "s", (unsigned long long)s.bytes, (unsigned long long)s.excluded);
    return true;
}

static bool check_listener(const struct listener *l)
{
    if (l->is_log) {
        return check_log(&l->log);
    }
    struct err err = { 0 };
    struct buf rivals;
    buf_init(&rivals, TEXT_SIZE_MAX);
    size_t rival_count = listener_rivals(l, &rivals); // before we are there ourselves
    struct udp_settings udp = { .host = l->host,
                                .port = l->port,
                                .count = 1,
                                .receive_buffer = l->rcvbuf,
                                .device = l->device,
                                .scheme = l->scheme };
    struct udp_socket *socket;
    bool ok = udp_open(&udp, &socket, &err) == 0;
    if (ok) {
        report("ok", "listen", "%s on %s port %u, %llu socket%s", scheme_text(l->scheme),
               l->host[0] == '\0' ? "every address," : udp_local_address(socket), l->port,
               (unsigned long long)l->count, l->count == 1 ? "" : "s");
        size_t granted = udp_receive_buffer(socket);
        if (granted < l->rcvbuf) {
            report("warn", "listen",
                   "the kernel grants %zu of %llu bytes of receive buffer; raise "
                   "net.core.rmem_max",
                   granted, (unsigned long long)l->rcvbuf);
        }
        udp_close(socket);
    } else {
        (void)report_failed("listen", &err); // ok says it
    }
    if (l->warning[0] != '\0') {
        report("warn", "listen", "%s", l->warning);
    }
    if (rival_count > 0) {
        report("warn", "listen", "port %u is also open in %s: a datagram goes to one of us only",
               l->port, buf_text(&rivals));
    }
    buf_release(&rivals);
    return ok;
}

static bool check_listeners(const struct settings *s)
{
    struct listener *listeners = mem_zalloc_array(LISTENERS_MAX, sizeof(*listeners));
    CHECK(listeners != NULL);
    struct err err = { 0 };
    size_t count = 0;
    bool ok =
        listen_parse(s->listen, listeners, &count, &err) == 0 || report_failed("listen", &err);
    for (size_t i = 0; i < count; i++) {
        ok = check_listener(&listeners[i]) && ok;
    }
    mem_free(listeners);
    return ok;
}

/// Nobody asks in the moment that the server is up; who does is told that nothing is here.
static void answer_nothing(void *context, const struct server_request *request,
                           struct server_response *response)
{
    (void)context;
    (void)request;
    response->status = 404;
    response->content_type = "text/plain";
}

static bool check_http(const struct settings *s, unsigned outputs)
{
    struct err err = { 0 };
    struct server *server;
    struct server_settings web = { .addr = s->addr,
                                   .cert = s->web_cert[0] == '\0' ? NULL : s->web_cert,
                                   .key = s->web_key[0] == '\0' ? NULL : s->web_key,
                                   .handle = answer_nothing };
    if (s->addr[0] == '\0') {
        report("ok", "http", "none");
        return true;
    }
    if (server_start(&web, &server, &err) != 0) {
        return report_failed("http", &err);
    }
    server_stop(server);
    bool api = web_has_api(s, outputs);
    report("ok", "http", "%s/metrics and /__health on %s", api ? "/api/v1, " : "", s->addr);
    return true;
}

int check_command(struct settings *s)
{
    struct mapping *mapping = NULL;
    check_options(s);
    bool ok = check_mapping(s, &mapping);
    if (mapping == NULL) {
        CHECK(mapping_default(&mapping) == 0); // only memory can fail
    }
    unsigned outputs;
    ok = check_outputs(s, mapping, &outputs) && ok;
    ok = check_enrich(s, outputs) && ok;
    ok = check_allow(s) && ok;
    ok = check_listeners(s) && ok;
    ok = check_http(s, outputs) && ok;
    ok = check_access(s, outputs) && ok;
    ok = check_cluster(s) && ok;
    mapping_free(mapping);
    printf(ok ? "weir would run.\n" : "weir would not run.\n");
    return ok ? EXIT_DONE : EXIT_CANNOT_RUN;
}
