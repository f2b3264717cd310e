// SPDX-License-Identifier: Apache-2.0
/*
 * The files behind the tables, and reading them again.
 *
 * A file counts as replaced when its stamp (inode, size, times) is another one. It is read when two
 * looks in a row saw the same stamp, so that one that is being copied there is not read half. A
 * stamp that could not be read is not tried twice.
 *
 * Replacing by renaming leaves the old database whole until the new one is. A database that was
 * overwritten in place is gone at once, since it is mapped (enrich/mapped.h): then nothing is
 * looked up in it until it can be read.
 */
#include "enrich/enrich.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "enrich/find.h"
#include "enrich/mapped.h"
#include "enrich/tables.h"

enum { FILES_MAX = 4, SHOWN_SIZE_MAX = 64 << 10 };

/// How one part is read and let go.
struct part_type {
    const char *option;
    bool is_mapped; ///< for all but CSV lists
    bool may_be_found;
    enum find_kind find;
    uint32_t missing; ///< bit of `lookups`
    int (*open)(const char *const *paths, size_t count, struct part *part, struct err *err);
    void (*close)(struct part *part);
};

static int open_city(const char *const *paths, size_t count, struct part *part, struct err *err)
{
    return city_open(paths, count, &part->city, err);
}

static void close_city(struct part *part)
{
    city_free(part->city);
}

static int open_asn(const char *const *paths, size_t count, struct part *part, struct err *err)
{
    return asn_open(paths, count, &part->asn, err);
}

static void close_asn(struct part *part)
{
    asn_free(part->asn);
}

static int open_networks(const char *const *paths, size_t count, struct part *part, struct err *err)
{
    (void)count; // it is one
    return networks_open(paths[0], &part->networks, err);
}

static void close_networks(struct part *part)
{
    networks_free(part->networks);
}

static int open_roster(const char *const *paths, size_t count, struct part *part, struct err *err)
{
    (void)count; // it is one
    return roster_open(paths[0], &part->roster, err);
}

static void close_roster(struct part *part)
{
    roster_free(part->roster);
}

static const struct part_type TYPES[PART_COUNT] = {
    [PART_CITY] = { .option = "-geoip.city",
                    .is_mapped = true,
                    .may_be_found = true,
                    .find = FIND_CITY,
                    .missing = LOOKUP_CITY_UNAVAILABLE,
                    .open = open_city,
                    .close = close_city },
    [PART_ASN] = { .option = "-geoip.asn",
                   .is_mapped = true,
                   .may_be_found = true,
                   .find = FIND_ASN,
                   .missing = LOOKUP_ASN_UNAVAILABLE,
                   .open = open_asn,
                   .close = close_asn },
    [PART_NETWORKS] = { .option = "-networks", .open = open_networks, .close = close_networks },
    [PART_ROSTER] = { .option = "-names", .open = open_roster, .close = close_roster },
};

/// Stamps of the files of a part.
struct stamps {
    bool known;
    struct file_stamp of[FILES_MAX];
};

struct source {
    const struct part_type *type;
    bool unwanted;  ///< "none", or nothing to look for
    bool by_itself; ///< nobody named it
    char *list;     ///< paths apart by commas, as given or found; NULL: nothing found
    char *copy;     ///< cut at the commas
    const char *paths[FILES_MAX];
    size_t count;
    struct stamps read;    ///< of what is in use
    struct stamps refused; ///< of what could not be read
    struct stamps seen;    ///< a change at the last look
};

struct enrich {
    struct tables_in_use in_use;
    struct tables *old; ///< sets that enrichers may still hold
    struct source sources[PART_COUNT];
    char *places;
};

// --- Sets of tables ------------------------------------------------------------------------------

struct tables *tables_now(struct tables_in_use *u, struct tables *old)
{
    if (old != NULL && atomic_load_explicit(&u->current, memory_order_acquire) == old) {
        return old;
    }
    CHECK(pthread_mutex_lock(&u->mutex) == 0);
    struct tables *now = atomic_load_explicit(&u->current, memory_order_relaxed);
    now->refs++;
    if (old != NULL) {
        old->refs--; // enrich_reload() frees it: that takes time that we do not have
    }
    CHECK(pthread_mutex_unlock(&u->mutex) == 0);
    return now;
}

void tables_let_go(struct tables_in_use *u, struct tables *t)
{
    CHECK(pthread_mutex_lock(&u->mutex) == 0);
    t->refs--;
    CHECK(pthread_mutex_unlock(&u->mutex) == 0);
}

static void part_unref(enum part_kind kind, struct part *part)
{
    if (part != NULL && --part->refs == 0) {
        TYPES[kind].close(part);
        mem_free(part);
    }
}

static void tables_free(struct tables *t)
{
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        part_unref(kind, t->parts[kind]);
    }
    mem_free(t);
}

/// Frees the old sets that nobody holds any more.
static void free_old(struct enrich *e)
{
    struct tables **link = &e->old;
    while (*link != NULL) {
        struct tables *t = *link;
        CHECK(pthread_mutex_lock(&e->in_use.mutex) == 0);
        bool held = t->refs > 0;
        CHECK(pthread_mutex_unlock(&e->in_use.mutex) == 0);
        if (held) {
            link = &t->next;
        } else {
            *link = t->next;
            tables_free(t);
        }
    }
}

static struct tables *current(const struct enrich *e)
{
    return atomic_load_explicit(&e->in_use.current, memory_order_relaxed); // we alone change it
}

/// A set with one part replaced, which takes over `part` (NULL: none); the others are shared.
static struct tables *tables_with(const struct enrich *e, enum part_kind changed, struct part *part)
{
    struct tables *t = mem_zalloc(sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    const struct tables *old = current(e);
    t->refs = 1;
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        t->parts[kind] = kind == changed ? part : old == NULL ? NULL : old->parts[kind];
        if (t->parts[kind] != NULL) {
            t->parts[kind]->refs++;
        }
        if (t->parts[kind] == NULL && !e->sources[kind].unwanted) {
            t->lookups |= TYPES[kind].missing;
        }
    }
    return t;
}

/// From now on there is this part. ERR_NO_MEMORY, and nothing has changed.
static int use_part(struct enrich *e, enum part_kind kind, struct part *part)
{
    struct tables *new = tables_with(e, kind, part);
    if (new == NULL) {
        return ERR_NO_MEMORY;
    }
    struct tables *old = current(e);
    CHECK(pthread_mutex_lock(&e->in_use.mutex) == 0);
    atomic_store_explicit(&e->in_use.current, new, memory_order_release);
    if (old != NULL) {
        old->refs--;
    }
    CHECK(pthread_mutex_unlock(&e->in_use.mutex) == 0);
    if (old != NULL) {
        old->next = e->old;
        e->old = old;
    }
    return 0;
}

// --- Files ---------------------------------------------------------------------------------------

static void forget_list(struct source *s)
{
    mem_free(s->list);
    mem_free(s->copy);
    s->list = NULL;
    s->copy = NULL;
    s->count = 0;
}

/// Takes over a list of paths.
static int set_list(struct source *s, char *list, struct err *err)
{
    forget_list(s);
    s->list = list;
    s->copy = list == NULL ? NULL : mem_strdup(list);
    if (s->copy == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    char *rest = s->copy;
    while (rest != NULL) {
        char *path = rest;
        if (s->type->may_be_found) { // a file of names is one, commas and all
            path = strsep(&rest, ",");
        } else {
            rest = NULL;
        }
        if (path[0] == '\0') {
            continue;
        }
        if (s->count == FILES_MAX) {
            return err_set(err, ERR_INVALID, "%s: more than %d files", s->type->option, FILES_MAX);
        }
        s->paths[s->count++] = path;
    }
    return s->count > 0 ? 0 : err_set(err, ERR_INVALID, "%s: no file is named", s->type->option);
}

/// How the files are now. False when one is not there.
static bool look(const struct source *s, struct stamps *ret_stamps)
{
    struct stamps now = { .known = true };
    for (size_t i = 0; i < s->count; i++) {
        struct stat st;
        if (stat(s->paths[i], &st) != 0) {
            return false;
        }
        now.of[i] = file_stamp_of(&st);
    }
    *ret_stamps = now;
    return true;
}

static bool same(const struct source *s, const struct stamps *a, const struct stamps *b)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!file_stamp_equal(&a->of[i], &b->of[i])) {
            return false;
        }
    }
    return a->known && b->known;
}

/// Whether a file that is mapped holds other bytes by now.
static bool is_overwritten(const struct source *s, const struct stamps *now)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct file_stamp *a = &s->read.of[i];
        const struct file_stamp *b = &now->of[i];
        if (a->device == b->device && a->inode == b->inode &&
            (a->size != b->size || a->modified_ns != b->modified_ns)) {
            return s->read.known && s->type->is_mapped;
        }
    }
    return false;
}

/// Reads the files into a part that counts from now on.
static int read_source(struct enrich *e, struct source *s, struct err *err)
{
    enum part_kind kind = (enum part_kind)(s - e->sources);
    struct stamps stamps = { 0 };
    (void)look(s, &stamps); // before it is read: a change after that is seen at the next look
    struct part *part = mem_zalloc(sizeof(*part));
    if (part == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    int status = s->type->open(s->paths, s->count, part, err);
    if (status != 0) {
        mem_free(part);
        s->refused = stamps;
        return status;
    }
    if (use_part(e, kind, part) != 0) {
        s->type->close(part);
        mem_free(part);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    s->read = stamps;
    s->refused = (struct stamps){ 0 };
    return 0;
}

// --- Opening -------------------------------------------------------------------------------------

/// Whether files that changed have come to rest.
static bool is_settled(struct source *s, const struct stamps *now)
{
    bool settled = same(s, now, &s->seen);
    s->seen = *now;
    return settled;
}

/// What nobody named and cannot be read is as good as missing. `started`: one that appears now may
/// be in the making.
static int find_source(struct enrich *e, struct source *s, bool started, struct err *err)
{
    char *found = find_database(s->type->find, e->places);
    struct err words = { 0 };
    if (found == NULL) {
        return 0;
    }
    if (set_list(s, found, err) != 0) {
        return err->status;
    }
    struct stamps now;
    if (!look(s, &now) || same(s, &now, &s->refused) || (started && !is_settled(s, &now))) {
        return 0;
    }
    if (read_source(e, s, &words) != 0) {
        log_with(LOG_LEVEL_WARN, "a database was found but cannot be read; it is left out", NULL,
                 LOG_TEXT("error", words.text));
    }
    return words.status == ERR_NO_MEMORY ? err_set(err, ERR_NO_MEMORY, "out of memory") : 0;
}

static int open_source(struct enrich *e, enum part_kind kind, const char *setting, struct err *err)
{
    struct source *s = &e->sources[kind];
    if (s->unwanted) {
        return 0;
    }
    if (s->by_itself) {
        return find_source(e, s, false, err);
    }
    char *list = mem_strdup(setting);
    if (set_list(s, list, err) != 0) {
        return err->status;
    }
    return read_source(e, s, err) == 0 ? 0 : err_prefix(err, "%s", s->type->option);
}

int enrich_open(const struct enrich_settings *settings, struct enrich **ret_enrich, struct err *err)
{
    const char *const given[PART_COUNT] = { settings->city, settings->asn, settings->networks,
                                            settings->names };
    struct enrich *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    CHECK(pthread_mutex_init(&e->in_use.mutex, NULL) == 0);
    e->places = mem_strdup(settings->places == NULL ? FIND_PLACES : settings->places);
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        struct source *s = &e->sources[kind];
        s->type = &TYPES[kind];
        bool none = given[kind][0] == '\0';
        s->by_itself = none && s->type->may_be_found;
        s->unwanted = s->type->may_be_found ? strcmp(given[kind], "none") == 0 : none;
    }
    int status = e->places == NULL || use_part(e, PART_CITY, NULL) != 0
                     ? err_set(err, ERR_NO_MEMORY, "out of memory")
                     : 0;
    for (enum part_kind kind = 0; status == 0 && kind < PART_COUNT; kind++) {
        status = open_source(e, kind, given[kind], err);
    }
    if (status != 0) {
        enrich_free(e);
        return status;
    }
    free_old(e);
    *ret_enrich = e;
    return 0;
}

void enrich_free(struct enrich *e)
{
    if (e == NULL) {
        return;
    }
    struct tables *now = current(e);
    if (now != NULL) {
        CHECK(now->refs == 1);
        now->refs = 0;
        now->next = e->old;
        e->old = now;
    }
    free_old(e);
    CHECK(e->old == NULL);
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        forget_list(&e->sources[kind]);
    }
    CHECK(pthread_mutex_destroy(&e->in_use.mutex) == 0);
    mem_free(e->places);
    mem_free(e);
}

// --- Reading again -------------------------------------------------------------------------------

/// A mapped database that changed under us is not looked up in any more.
static void set_aside(struct enrich *e, struct source *s)
{
    enum part_kind kind = (enum part_kind)(s - e->sources);
    if (use_part(e, kind, NULL) != 0) {
        return; // out of memory: it is tried at the next look
    }
    s->read = (struct stamps){ 0 };
    log_with(LOG_LEVEL_WARN,
             "a database was overwritten in place and is left out until it can be read; replace "
             "databases by renaming",
             NULL, LOG_TEXT("file", s->list));
}

static void read_again(struct enrich *e, struct source *s)
{
    struct err err;
    if (read_source(e, s, &err) == 0) {
        log_with(LOG_LEVEL_INFO, "read again", NULL, LOG_TEXT("option", s->type->option),
                 LOG_TEXT("file", s->list));
        return;
    }
    bool none = current(e)->parts[s - e->sources] == NULL;
    log_with(LOG_LEVEL_ERROR,
             none ? "a file cannot be read; it is left out until it changes"
                  : "a file cannot be read; what was read before stays",
             NULL, LOG_TEXT("option", s->type->option), LOG_TEXT("error", err.text));
}

static void reload_source(struct enrich *e, struct source *s, bool changed_only)
{
    struct err err;
    struct stamps now;
    bool any = current(e)->parts[s - e->sources] != NULL;
    if (s->unwanted) {
        return;
    }
    if (s->by_itself && !any && !s->read.known) {
        if (find_source(e, s, changed_only, &err) == 0 &&
            current(e)->parts[s - e->sources] != NULL) {
            log_with(LOG_LEVEL_INFO, "a database was found", NULL, LOG_TEXT("file", s->list));
        }
        return;
    }
    bool there = look(s, &now);
    if (there && is_overwritten(s, &now)) {
        set_aside(e, s);
    }
    bool changed = there && !same(s, &now, &s->read) && !same(s, &now, &s->refused);
    if (!changed_only || (changed && is_settled(s, &now))) {
        read_again(e, s); // says what is wrong with one that is not there
    }
}

void enrich_reload(struct enrich *e, bool changed_only)
{
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        reload_source(e, &e->sources[kind], changed_only);
    }
    free_old(e);
}

struct enrich_files enrich_files(const struct enrich *e)
{
    const struct tables *t = current(e);
    const char *shown[PART_COUNT];
    for (enum part_kind kind = 0; kind < PART_COUNT; kind++) {
        shown[kind] = t->parts[kind] == NULL ? "" : e->sources[kind].list;
    }
    const char *notice = t->parts[PART_CITY] == NULL ? "" : city_notice(t->parts[PART_CITY]->city);
    if (notice[0] == '\0' && t->parts[PART_ASN] != NULL) {
        notice = asn_notice(t->parts[PART_ASN]->asn);
    }
    return (struct enrich_files){ .city = shown[PART_CITY],
                                  .asn = shown[PART_ASN],
                                  .networks = shown[PART_NETWORKS],
                                  .names = shown[PART_ROSTER],
                                  .notice = notice };
}

int enricher_new(struct enrich *e, struct enricher **ret_enricher)
{
    return enricher_make(&e->in_use, ret_enricher);
}
