// SPDX-License-Identifier: Apache-2.0
/*
 * The pool is sized so that a batch is always there: one for every place in a transport's ring, one
 * in each transport's hands, and one being filled and one being handed on for each intake. Memory
 * backs only those that were ever needed at the same time.
 */
#include "app/pipeline.h"

#include <stdio.h>
#include <string.h>

#include "app/outputs.h"
#include "base/mem.h"

enum {
    /// Batches that may wait for one transport: 131,072 flows, some 80 MB at the very worst.
    RING_BATCHES = 256,
    STOP_DEADLINE_MS = 5000,
};

static void hand_on(void *context, struct batch *batch, bool wait)
{
    struct pipeline *p = context;
    if (p->live != NULL) {
        live_offer(p->live, batch);
    }
    for (size_t i = 0; i < p->transport_count; i++) {
        transport_offer(p->transports[i], batch, wait ? &p->patience : NULL);
    }
    batch_unref(batch);
}

/// Every transport is done with a batch: what it held of files is delivered.
static void released(void *context, const struct batch *batch)
{
    struct pipeline *p = context;
    bool delivered = !atomic_load_explicit(&batch->undelivered, memory_order_relaxed);
    for (uint32_t i = 0; i < batch->file_count; i++) {
        const struct batch_file *file = &batch->files[i];
        if (delivered && file->origin->track != NULL) {
            positions_acknowledge(p->positions, file->origin->track, file->begin, file->end);
        }
    }
}

static void closed(void *context)
{
    struct pipeline *p = context;
    atomic_store(&p->closed, true);
}

int allow_parse(const char *text, struct cidr **ret_list, size_t *ret_count, struct err *err)
{
    size_t count = 1;
    for (const char *c = text; *c != '\0'; c++) {
        count += *c == ',';
    }
    struct cidr *list = mem_zalloc_array(count, sizeof(list[0]));
    char *copy = mem_strdup(text);
    size_t used = 0;
    int status = list == NULL || copy == NULL ? err_set(err, ERR_NO_MEMORY, "out of memory") : 0;
    char *rest = copy;
    for (char *item; status == 0 && (item = strsep(&rest, ",")) != NULL;) {
        if (item[0] != '\0' && cidr_parse(item, &list[used++]) != 0) {
            status = err_set(err, ERR_INVALID,
                             "-allow \"%.60s\": expected a network such as 192.0.2.0/24", item);
        }
    }
    mem_free(copy);
    if (status != 0) {
        mem_free(list);
        return status;
    }
    *ret_list = list;
    *ret_count = used;
    return 0;
}

/// A line for each thing in the mapping that has no effect.
static void log_warnings(const struct mapping *mapping)
{
    const char *warnings = mapping_warnings(mapping);
    while (*warnings != '\0') {
        char line[ERR_TEXT_SIZE];
        size_t size = strcspn(warnings, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)size, warnings); // cut is fine
        log_with(LOG_LEVEL_WARN, "mapping", NULL, LOG_TEXT("warning", line));
        warnings += size + (warnings[size] == '\n');
    }
}

static int open_mapping(struct pipeline *p, const struct settings *settings, struct err *err)
{
    if (settings->mapping[0] != '\0') {
        int status = mapping_load(settings->mapping, &p->mapping, err);
        if (status == 0) {
            log_warnings(p->mapping);
        }
        return status;
    }
    return mapping_default(&p->mapping) == 0 ? 0 : err_set(err, ERR_NO_MEMORY, "out of memory");
}

/// Only documents show what the databases and names say.
static int open_enrich(struct pipeline *p, const struct settings *settings, struct err *err)
{
    if (!outputs_want_enrich(settings, p->outputs)) {
        return 0;
    }
    struct enrich_settings enrich = { .city = settings->geoip_city,
                                      .asn = settings->geoip_asn,
                                      .networks = settings->networks,
                                      .names = settings->names };
    if (enrich_open(&enrich, &p->enrich, err) != 0) {
        return err->status;
    }
    struct enrich_files files = enrich_files(p->enrich);
    log_with(LOG_LEVEL_INFO, "geography and names", NULL, LOG_TEXT("city", files.city),
             LOG_TEXT("asn", files.asn), LOG_TEXT("networks", files.networks),
             LOG_TEXT("names", files.names));
    if (files.notice[0] != '\0') {
        log_with(LOG_LEVEL_INFO, "the data's licence wants this said", NULL,
                 LOG_TEXT("notice", files.notice));
    }
    return 0;
}

/// Who names a form waits for something to appear.
static void note_format(const struct settings *s, unsigned outputs)
{
    if (s->sources[OPTION_FORMAT] != SOURCE_DEFAULT && outputs == OUTPUT_STORE) {
        log_with(LOG_LEVEL_WARN, "-format has no effect: records go into the store alone", NULL,
                 LOG_TEXT("hint", "-transport file prints them instead, store,file does both"));
    }
}

int pipeline_open(struct pipeline *p, const struct settings *settings, size_t intakes,
                  struct err *err)
{
    *p = (struct pipeline){ 0 };
    size_t allow_count;
    p->sampling = mem_zalloc(sizeof(*p->sampling));
    if (p->sampling == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    if (settings_check(settings, err) != 0 || outputs_read(settings, &p->outputs, err) != 0 ||
        open_mapping(p, settings, err) != 0 || ecs_options_read(&p->ecs, settings, err) != 0 ||
        sampling_parse(settings->sampling_default, p->sampling, err) != 0 ||
        open_enrich(p, settings, err) != 0 ||
        allow_parse(settings->allow, &p->allow, &allow_count, err) != 0) {
        return err->status;
    }
    note_format(settings, p->outputs);
    size_t batches = TRANSPORTS_MAX * (RING_BATCHES + 1) +
                     outputs_batches_max(settings, p->outputs) + 2 * intakes;
    if (batch_pool_new(batches, released, p, &p->pool) != 0) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for %zu batches", batches);
    }
    uint64_t mute_count = settings->err_cnt < 0 ? 0 : (uint64_t)settings->err_cnt; // as goflow2
    bool whole = outputs_want_lines(settings, p->outputs);
    bool keep_original =
        whole || (outputs_want_ecs(settings, p->outputs) && p->ecs.ecs.preserve_original);
    p->intake = (struct intake_settings){ .mapping = p->mapping,
                                          .enrich = p->enrich,
                                          .sampling = p->sampling,
                                          .lines = { .keep_original = keep_original,
                                                     .one_record = whole,
                                                     .since_ns = settings->since_ns,
                                                     .until_ns = settings->until_ns },
                                          .allow = p->allow,
                                          .allow_count = allow_count,
                                          .once = settings->command == COMMAND_IMPORT ||
                                                  settings->command == COMMAND_REPLAY,
                                          .mute_count = mute_count,
                                          .mute_interval_ns = settings->err_int_ns,
                                          .pool = p->pool,
                                          .hand_on = hand_on,
                                          .context = p };
    return 0;
}

int pipeline_start(struct pipeline *p, const struct settings *settings, struct err *err)
{
    return outputs_start(p, settings, p->outputs, RING_BATCHES, closed, err);
}

void pipeline_prepare_stop(struct pipeline *p)
{
    for (size_t i = 0; i < p->transport_count; i++) {
        transport_set_deadline(p->transports[i], STOP_DEADLINE_MS);
    }
}

void pipeline_stop(struct pipeline *p)
{
    for (size_t i = 0; i < p->transport_count; i++) {
        transport_stop(p->transports[i]);
    }
    keeper_stop(p->keeper);
    p->keeper = NULL;
}

void pipeline_tidy_store(struct pipeline *p)
{
    struct err err = { 0 };
    if (p->store != NULL && keeper_run_once(p->store, &err) != 0) {
        log_with(LOG_LEVEL_WARN, "the store is not tidied; the next weir that has it does that",
                 NULL, LOG_TEXT("error", err.text));
    }
}

void pipeline_free(struct pipeline *p)
{
    for (size_t i = 0; i < p->transport_count; i++) {
        transport_free(p->transports[i]);
    }
    store_close(p->store);
    batch_pool_free(p->pool);
    enrich_free(p->enrich);
    ecs_options_release(&p->ecs);
    mem_free(p->sampling);
    mem_free(p->allow);
    mapping_free(p->mapping);
    *p = (struct pipeline){ 0 };
}

int pipeline_sync(void *context)
{
    struct pipeline *p = context;
    int status = 0;
    for (size_t i = 0; i < p->transport_count && status == 0; i++) {
        status = transport_sync(p->transports[i]);
    }
    return status;
}

bool pipeline_is_done(const struct pipeline *p)
{
    for (size_t i = 0; i < p->transport_count; i++) {
        if (transport_books(p->transports[i]).waiting > 0) {
            transport_flush(p->transports[i]);
            return false;
        }
    }
    return true;
}

bool pipeline_is_behind(const struct pipeline *p)
{
    for (size_t i = 0; i < p->transport_count; i++) {
        if (transport_is_behind(p->transports[i])) {
            return true;
        }
    }
    return false;
}

void pipeline_reopen(struct pipeline *p)
{
    if (p->enrich != NULL) {
        enrich_reload(p->enrich, false);
    }
    for (size_t i = 0; i < p->transport_count; i++) {
        transport_reopen(p->transports[i]);
    }
}

void pipeline_tick(struct pipeline *p)
{
    if (p->enrich != NULL) {
        enrich_reload(p->enrich, true);
    }
    struct err err;
    if (p->positions == NULL) {
        return;
    }
    if (positions_save(p->positions, &err) == 0) {
        p->positions_failing = false;
    } else if (!p->positions_failing) {
        p->positions_failing = true;
        log_with(LOG_LEVEL_ERROR, "positions cannot be saved; it is tried again", NULL,
                 LOG_TEXT("error", err.text));
    }
}

bool pipeline_log_books(const struct pipeline *p, const struct ledger_sums *sums)
{
    enum { BOOKS_SIZE_MAX = 1 << 16 };
    struct buf texts[LEDGER_GROUP_COUNT + TRANSPORTS_MAX];
    struct log_attr attrs[LEDGER_GROUP_COUNT + TRANSPORTS_MAX + 3];
    size_t count = 0;
    bool balanced = true;
    uint64_t handed_over = atomic_load(&p->handed_over);
    for (enum ledger_group g = 0; g < LEDGER_GROUP_COUNT; g++, count++) {
        buf_init(&texts[count], BOOKS_SIZE_MAX);
        ledger_print(sums, g, &texts[count]);
        attrs[count] = (struct log_attr)LOG_TEXT(ledger_group_text(g), buf_text(&texts[count]));
        balanced = balanced && ledger_difference(sums, g) == 0;
    }
    for (size_t i = 0; i < p->transport_count; i++, count++) {
        struct transport_books books = transport_books(p->transports[i]);
        buf_init(&texts[count], BOOKS_SIZE_MAX);
        transport_books_print(&books, &texts[count]);
        attrs[count] =
            (struct log_attr)LOG_TEXT(transport_name(p->transports[i]), buf_text(&texts[count]));
        uint64_t received = sums->entries[LEDGER_FLOW_HANDED_ON];
        received += p->transports[i] == p->store_transport ? handed_over : 0;
        balanced = balanced && transport_books_difference(&books) == 0 && books.waiting == 0 &&
                   books.received == received;
    }
    size_t text_count = count;
    if (handed_over > 0) { // by imports and replays: in the store's received, and in no one else's
        attrs[count++] = (struct log_attr)LOG_U64("handed_over", handed_over);
    }
    attrs[count++] = (struct log_attr)LOG_BOOL("balanced", balanced);
    attrs[count] = (struct log_attr)LOG_END;
    log_write(balanced ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "books", NULL, attrs);
    for (size_t i = 0; i < text_count; i++) {
        buf_release(&texts[i]);
    }
    return balanced;
}
