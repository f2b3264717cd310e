// SPDX-License-Identifier: Apache-2.0
/*
 * To add a transport: a bit in outputs.h, its name here, and a function that starts it.
 */
#include "app/outputs.h"

#include <string.h>

#include "app/handover.h"
#include "app/store_host.h"
#include "transport/elasticsearch.h"
#include "transport/file.h"
#include "transport/store.h"

// --- Which ---------------------------------------------------------------------------------------

static bool is_named(const char *name, size_t size, const char *text)
{
    return strlen(text) == size && memcmp(name, text, size) == 0;
}

static int read_name(const char *name, size_t size, unsigned *outputs, struct err *err)
{
    if (is_named(name, size, "file")) {
        *outputs |= OUTPUT_FILE;
    } else if (is_named(name, size, "elasticsearch") || is_named(name, size, "opensearch")) {
        *outputs |= OUTPUT_ELASTICSEARCH;
    } else if (is_named(name, size, "store")) {
        *outputs |= OUTPUT_STORE;
    } else if (is_named(name, size, "kafka")) {
        return err_set(err, ERR_UNSUPPORTED,
                       "-transport kafka is not in this version; store, file and elasticsearch "
                       "are");
    } else {
        return err_set(err, ERR_INVALID,
                       "-transport \"%.*s\": no such transport (store, file, elasticsearch)",
                       (int)(size < 50 ? size : 50), name);
    }
    return 0;
}

static bool is_given(const struct settings *s, enum option_id option)
{
    return s->sources[option] != SOURCE_DEFAULT;
}

/// Those that nobody named.
static unsigned implied(const struct settings *s)
{
    bool none = strcmp(s->store, "none") == 0;
    bool store = !none && (!s->goflow2 || s->store[0] != '\0');
    bool elasticsearch = s->es_url[0] != '\0' || s->es_cloud_id[0] != '\0';
    unsigned outputs = 0;
    outputs |= store ? OUTPUT_STORE : 0U;
    outputs |= elasticsearch ? OUTPUT_ELASTICSEARCH : 0U;
    outputs |= s->transport_file[0] != '\0' || outputs == 0 ? OUTPUT_FILE : 0U;
    return outputs;
}

int outputs_read(const struct settings *s, unsigned *ret_outputs, struct err *err)
{
    unsigned outputs = 0;
    const char *list = is_given(s, OPTION_TRANSPORT) ? s->transport : "";
    while (*list != '\0') {
        size_t size = strcspn(list, ",");
        if (read_name(list, size, &outputs, err) != 0) {
            return err->status;
        }
        list += size + (list[size] == ',');
    }
    if ((outputs & OUTPUT_STORE) != 0 && strcmp(s->store, "none") == 0) {
        return err_set(err, ERR_INVALID,
                       "-transport store, and -transport.store none: one of "
                       "them");
    }
    *ret_outputs = outputs == 0 ? implied(s) : outputs;
    return 0;
}

static bool is_file_ecs(const struct settings *s, unsigned outputs)
{
    return (outputs & OUTPUT_FILE) != 0 && strcmp(s->format, "ecs") == 0;
}

bool outputs_want_enrich(const struct settings *s, unsigned outputs)
{
    return is_file_ecs(s, outputs) || (outputs & OUTPUT_STORE) != 0 ||
           ((outputs & OUTPUT_ELASTICSEARCH) != 0 && !s->es_raw);
}

bool outputs_want_ecs(const struct settings *s, unsigned outputs)
{
    return is_file_ecs(s, outputs) || (outputs & (OUTPUT_ELASTICSEARCH | OUTPUT_STORE)) != 0;
}

bool outputs_want_lines(const struct settings *s, unsigned outputs)
{
    bool raw = (outputs & OUTPUT_ELASTICSEARCH) != 0 && s->es_raw;
    return raw || (outputs_want_ecs(s, outputs) && strcmp(s->ecs_profile, "elastic") == 0);
}

size_t outputs_batches_max(const struct settings *s, unsigned outputs)
{
    size_t count = (outputs & OUTPUT_ELASTICSEARCH) != 0
                       ? elasticsearch_batches_max((size_t)s->es_connections)
                       : 0;
    return count + ((outputs & OUTPUT_STORE) != 0 ? TRANSPORT_STORE_BATCHES_MAX : 0);
}

// --- Making them ---------------------------------------------------------------------------------

/// Takes `self`.
static int start(struct pipeline *p, const struct transport_kind *kind, void *self, size_t capacity,
                 transport_closed_fn *closed, struct err *err)
{
    int status =
        transport_start(kind, self, capacity, closed, p, &p->transports[p->transport_count]);
    if (status != 0) {
        kind->close(self);
        return err_set(err, status, "cannot start the %s transport: %s", kind->name,
                       status_text(status));
    }
    p->transport_count++;
    return 0;
}

static int start_file(struct pipeline *p, const struct settings *s, size_t capacity,
                      transport_closed_fn *closed, struct err *err)
{
    struct file_settings file = {
        .path = s->transport_file,
        .separator = s->transport_file_sep,
        .errors_path = s->import_errors,
        .format = { .name = s->format, .mapping = p->mapping, .ecs = &p->ecs.ecs }
    };
    void *self;
    if (file_open(&file, &self, err) != 0) {
        return err->status;
    }
    return start(p, &TRANSPORT_FILE, self, capacity, closed, err);
}

static int start_elasticsearch(struct pipeline *p, const struct settings *s, size_t capacity,
                               transport_closed_fn *closed, struct err *err)
{
    struct elasticsearch_options *o = &p->elasticsearch;
    if (elasticsearch_options_read(o, s, &p->ecs.ecs, p->mapping, err) != 0) {
        return err->status;
    }
    void *self;
    if (elasticsearch_open(&o->settings, &self, err) != 0) {
        return err->status;
    }
    return start(p, &TRANSPORT_ELASTICSEARCH, self, capacity, closed, err);
}

/// Another weir has the store: it gets the records.
static int start_handover(struct pipeline *p, size_t capacity, transport_closed_fn *closed,
                          struct err *err)
{
    const struct handover_settings settings = { .socket = p->store_options.socket,
                                                .mapping = p->mapping,
                                                .gave_up = &p->gave_up };
    void *self;
    if (handover_open(&settings, &self, err) != 0) {
        return err->status;
    }
    return start(p, &TRANSPORT_HANDOVER, self, capacity, closed, err);
}

static int start_store(struct pipeline *p, const struct settings *s, size_t capacity,
                       transport_closed_fn *closed, struct err *err)
{
    struct store_options *o = &p->store_options;
    if (store_options_read(o, s, p->mapping, err) != 0) {
        return err->status;
    }
    bool once = s->command == COMMAND_IMPORT || s->command == COMMAND_REPLAY;
    bool answers = false;
    if (once && store_host_find(o, s->store, &STORE_HOST_PATIENCE, &answers, err) != 0) {
        return err->status;
    }
    if (answers) {
        return start_handover(p, capacity, closed, err);
    }
    if (store_options_make(s, err) != 0 || store_open(&o->settings, &p->store, err) != 0 ||
        keeper_start(p->store, &p->keeper, err) != 0) {
        return err->status;
    }
    const struct transport_store_settings store = { .store = p->store, .keeper = p->keeper };
    void *self;
    if (transport_store_open(&store, &self, err) != 0 ||
        start(p, &TRANSPORT_STORE, self, capacity, closed, err) != 0) {
        return err->status;
    }
    p->store_transport = p->transports[p->transport_count - 1];
    return 0;
}

int outputs_start(struct pipeline *p, const struct settings *s, unsigned outputs, size_t capacity,
                  transport_closed_fn *closed, struct err *err)
{
    int status = 0;
    if ((outputs & OUTPUT_FILE) != 0) {
        status = start_file(p, s, capacity, closed, err);
    }
    if (status == 0 && (outputs & OUTPUT_ELASTICSEARCH) != 0) {
        status = start_elasticsearch(p, s, capacity, closed, err);
    }
    if (status == 0 && (outputs & OUTPUT_STORE) != 0) {
        status = start_store(p, s, capacity, closed, err);
    }
    return status;
}
