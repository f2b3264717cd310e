// SPDX-License-Identifier: Apache-2.0
/*
 * The store is looked at from outside: its folder, its disk, and who has it. It is not opened,
 * because that may take long, and changes it.
 */
#include "app/check_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/local.h"
#include "app/report.h"
#include "app/store_options.h"
#include "app/web.h"
#include "base/mem.h"
#include "store/folder_lock.h"
#include "web/access.h"

enum { MB = 1000 * 1000 };

/// The folder, or the nearest above it that is there: what run would write to.
static void find_parent(const char *folder, char parent[static DATA_PATH_SIZE])
{
    (void)snprintf(parent, DATA_PATH_SIZE, "%s", folder); // fits
    while (access(parent, F_OK) != 0) {
        char *slash = strrchr(parent, '/');
        if (slash == NULL || slash == parent) {
            (void)snprintf(parent, DATA_PATH_SIZE, slash == NULL ? "." : "/"); // fits
            return;
        }
        *slash = '\0';
    }
}

static void report_space(const struct settings *s, const char *folder)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        return; // nothing to say
    }
    unsigned long long left = (unsigned long long)disk.f_bavail * disk.f_frsize;
    report(left > s->store_free ? "ok" : "warn", "store",
           "%llu MB are free on its disk, %llu MB of them are left free", left / MB,
           (unsigned long long)s->store_free / MB);
}

static bool report_folder(const struct settings *s, const struct store_options *o)
{
    struct err err;
    char parent[DATA_PATH_SIZE];
    struct folder_holder holder = folder_lock_look(o->folder);
    bool exists = store_options_find(o, &err) == 0;
    find_parent(o->folder, parent);
    if (access(parent, W_OK | X_OK) != 0) {
        (void)err_set_errno(&err, errno, "cannot write to %.300s", parent);
        return report_failed("store", &err);
    }
    report("ok", "store", "%s, which %s", o->folder, exists ? "is there" : "will be made");
    report_space(s, parent);
    if (holder.held) {
        bool answers = local_has_store(o->socket, s->store);
        report("warn", "store", "another weir has it now (pid %s): %s", holder.pid,
               answers ? "wait for its end, or name another -data; import, replay, query and "
                         "backup work through it"
                       : "wait for its end, or name another -data");
    }
    return true;
}

bool check_store(const struct settings *s)
{
    struct err err;
    struct store_options *o = mem_zalloc(sizeof(*o));
    CHECK(o != NULL); // a few kilobytes
    bool ok = store_options_read(o, s, NULL, &err) == 0 ? report_folder(s, o)
                                                        : report_failed("store", &err);
    mem_free(o);
    return ok;
}

bool check_access(const struct settings *s, unsigned outputs)
{
    struct err err;
    struct access *access;
    const struct access_settings settings = { .addr = s->addr,
                                              .password_file = s->web_password_file,
                                              .token_file = s->web_token_file,
                                              .hosts = s->web_hosts };
    if (s->addr[0] == '\0' || !web_has_api(s, outputs)) {
        return true;
    }
    if (access_open(&settings, &access, &err) != 0) {
        return report_failed("access", &err);
    }
    access_free(access);
    bool guarded = s->web_password_file[0] != '\0' || s->web_token_file[0] != '\0';
    bool tls = s->web_cert[0] != '\0';
    report("ok", "access", "%s%s%s%s%s",
           guarded ? "asked for: " : "nothing is asked on this machine's own address",
           s->web_password_file, s->web_password_file[0] != '\0' && guarded ? " " : "",
           s->web_token_file, tls ? ", over TLS" : "");
    if (guarded && !tls) {
        report("warn", "access",
               "without -web.cert passwords and tokens go over the wire as they "
               "are");
    }
    return true;
}
