// SPDX-License-Identifier: Apache-2.0
/*
 * The store lies in -data unless -transport.store names another folder. The local socket is in
 * -data always: it is where the other commands look for a running weir.
 */
#include "app/store_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STORE_MEMORY_MIN = 128 << 20 }; ///< below it DuckDB cannot sort what a question sorts

int store_options_read(struct store_options *o, const struct settings *s,
                       const struct mapping *mapping, struct err *err)
{
    if (data_path_name(s->data, "weir.sock", o->socket, err) != 0 ||
        data_path_name(s->data, "store", o->folder, err) != 0) {
        return err->status;
    }
    if (s->store[0] != '\0' &&
        snprintf(o->folder, sizeof(o->folder), "%s", s->store) >= (int)sizeof(o->folder)) {
        return err_set(err, ERR_RANGE, "-transport.store: the path is too long");
    }
    if (s->store_memory < STORE_MEMORY_MIN) {
        return err_set(err, ERR_INVALID, "-transport.store.memory %llu: must be at least 128m",
                       (unsigned long long)s->store_memory);
    }
    o->settings = (struct store_settings){ .folder = o->folder,
                                           .keep_ns = s->store_keep_ns,
                                           .keep_minutes_ns = s->store_keep_minutes_ns,
                                           .keep_hours_ns = s->store_keep_hours_ns,
                                           .size_max = s->store_size,
                                           .free_min = s->store_free,
                                           .memory_max = s->store_memory,
                                           .dedupe = s->store_dedupe,
                                           .mapping = mapping };
    return 0;
}

int store_options_make(const struct settings *s, struct err *err)
{
    char path[DATA_PATH_SIZE];
    return data_path(s->data, "store", path, err);
}

int store_options_find(const struct store_options *o, struct err *err)
{
    char path[DATA_PATH_SIZE + sizeof("/store.duckdb")];
    (void)snprintf(path, sizeof(path), "%s/store.duckdb", o->folder); // fits
    if (access(path, F_OK) == 0) {
        return 0;
    }
    return err_set_errno(err, errno,
                         "no weir runs here, and there is no store at %.300s: name one with -data "
                         "or -transport.store",
                         o->folder);
}
