// SPDX-License-Identifier: Apache-2.0
/*
 * weir check: reads what run would read, says in plain words what would happen, and changes
 * nothing: addresses are bound and let go, an output file is looked at but not made.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/listen.h"
#include "app/pipeline.h"
#include "base/mem.h"
#include "flow/mapping.h"
#include "format/format.h"
#include "source/udp.h"

static bool failed(const char *what, const struct err *err)
{
    printf("FAIL  %-9s %s\n", what, err->text);
    return false;
}

static bool check_listeners(const struct settings *s)
{
    struct listener *listeners = mem_zalloc_array(LISTENERS_MAX, sizeof(*listeners));
    CHECK(listeners != NULL);
    struct err err = { 0 };
    size_t count;
    bool ok = listen_parse(s->listen, listeners, &count, &err) == 0;
    if (!ok) {
        count = 0;
        (void)failed("listen", &err); // said there
    }
    for (size_t i = 0; i < count; i++) {
        const struct listener *l = &listeners[i];
        struct udp_settings udp = { .host = l->host,
                                    .port = l->port,
                                    .count = 1,
                                    .receive_buffer = l->rcvbuf,
                                    .device = l->device,
                                    .scheme = l->scheme };
        struct udp_socket *socket;
        if (udp_open(&udp, &socket, &err) != 0) {
            ok = failed("listen", &err);
            continue;
        }
        printf("ok    listen    %s on %s port %u, %llu socket(s), receive buffer %zu bytes%s\n",
               scheme_text(l->scheme), udp_local_address(socket), l->port,
               (unsigned long long)l->count, udp_receive_buffer(socket),
               udp_receive_buffer(socket) < l->rcvbuf ? " (less than wanted: net.core.rmem_max)"
                                                      : "");
        udp_close(socket);
    }
    mem_free(listeners);
    return ok;
}

static bool check_mapping(const struct settings *s, struct mapping **ret_mapping)
{
    struct err err = { 0 };
    if (s->mapping[0] == '\0') {
        bool ok = mapping_default(ret_mapping) == 0;
        printf("ok    mapping   none: all %d columns\n", FIELD_COUNT);
        return ok;
    }
    if (mapping_load(s->mapping, ret_mapping, &err) != 0) {
        return failed("mapping", &err);
    }
    printf("ok    mapping   %s: %zu columns, %zu custom, %zu ports\n", s->mapping,
           (*ret_mapping)->column_count, (*ret_mapping)->custom_count,
           (*ret_mapping)->port_rule_count);
    const char *warnings = mapping_warnings(*ret_mapping);
    while (*warnings != '\0') {
        size_t size = strcspn(warnings, "\n");
        printf("warn  mapping   %.*s\n", (int)size, warnings);
        warnings += size + (warnings[size] == '\n');
    }
    return true;
}

static bool check_output(const struct settings *s, const struct mapping *mapping)
{
    struct err err = { 0 };
    struct format *format;
    if (settings_check(s, &err) != 0 || format_new(s->format, mapping, &format, &err) != 0) {
        return failed("output", &err);
    }
    format_free(format);
    if (s->transport_file[0] == '\0') {
        printf("ok    output    %s to standard output\n", s->format);
        return true;
    }
    const char *slash = strrchr(s->transport_file, '/');
    char *folder = slash == NULL
                       ? mem_strdup(".")
                       : mem_strndup(s->transport_file, (size_t)(slash - s->transport_file) + 1);
    CHECK(folder != NULL);
    bool exists = access(s->transport_file, F_OK) == 0;
    const char *target = exists ? s->transport_file : folder;
    bool ok = access(target, exists ? W_OK : W_OK | X_OK) == 0;
    if (ok) {
        printf("ok    output    %s to %s%s\n", s->format, s->transport_file,
               exists ? "" : " (to be made)");
    } else {
        (void)err_set_errno(&err, errno, "cannot write to %s", target);
        (void)failed("output", &err);
    }
    mem_free(folder);
    return ok;
}

static bool check_allow(const struct settings *s)
{
    struct err err = { 0 };
    struct cidr *list;
    size_t count;
    if (allow_parse(s->allow, &list, &count, &err) != 0) {
        return failed("allow", &err);
    }
    mem_free(list);
    if (count == 0) {
        printf("ok    allow     every exporter\n");
    } else {
        printf("ok    allow     exporters in %zu network(s)\n", count);
    }
    return true;
}

int check_command(struct settings *s)
{
    if (leave_out_netflow(s)) {
        printf("warn  listen    NetFlow is not read by this version: netflow://:2055 left out\n");
    }
    struct mapping *mapping = NULL;
    bool ok = check_mapping(s, &mapping);
    if (mapping != NULL) {
        ok = check_output(s, mapping) && ok;
    }
    ok = check_allow(s) && ok;
    ok = check_listeners(s) && ok;
    mapping_free(mapping);
    printf(ok ? "weir would run.\n" : "weir would not run.\n");
    return ok ? EXIT_DONE : EXIT_CANNOT_RUN;
}
