// SPDX-License-Identifier: Apache-2.0
/*
 * The same file as that of exporters and interfaces, read again when enrich/enrich.h does so: a
 * change is its stamp, looked at twice, so that one that is being written is not read half.
 */
#include "query/application_source.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "enrich/mapped.h"

struct application_source {
    const char *path;
    pthread_mutex_t mutex; ///< of `now`
    struct applications *now;
    struct file_stamp read; ///< of the last reading, good or bad
    struct file_stamp seen; ///< at the last look
};

/// All zero when it is not there.
static struct file_stamp look(const struct application_source *s)
{
    struct stat st;
    bool there = s->path != NULL && s->path[0] != '\0' && stat(s->path, &st) == 0;
    return there ? file_stamp_of(&st) : (struct file_stamp){ 0 };
}

int application_source_new(const char *path, struct application_source **ret_source,
                           struct err *err)
{
    struct application_source *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    s->path = path;
    s->read = look(s); // before it is read: a change after that is seen at the next look
    if (applications_open(path, &s->now, err) != 0) {
        mem_free(s);
        return err->status;
    }
    CHECK(pthread_mutex_init(&s->mutex, NULL) == 0);
    *ret_source = s;
    return 0;
}

void application_source_free(struct application_source *s)
{
    if (s != NULL) {
        applications_unref(s->now);
        CHECK(pthread_mutex_destroy(&s->mutex) == 0);
        mem_free(s);
    }
}

struct applications *application_source_get(struct application_source *s)
{
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    struct applications *now = s->now;
    applications_ref(now);
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    return now;
}

/// Whether the file is another one than was read, and has come to rest.
static bool has_changed(struct application_source *s, const struct file_stamp *now)
{
    static const struct file_stamp NOT_THERE;
    bool settled = file_stamp_equal(now, &s->seen);
    s->seen = *now;
    return settled && !file_stamp_equal(now, &s->read) && !file_stamp_equal(now, &NOT_THERE);
}

int application_source_reload(struct application_source *s, bool changed_only, struct err *err)
{
    struct applications *new;
    struct file_stamp stamp = look(s);
    if (s->path == NULL || s->path[0] == '\0' || (changed_only && !has_changed(s, &stamp))) {
        return 0;
    }
    s->read = stamp;
    int status = applications_open(s->path, &new, err);
    if (status != 0) {
        return status;
    }
    CHECK(pthread_mutex_lock(&s->mutex) == 0);
    struct applications *old = s->now;
    s->now = new;
    CHECK(pthread_mutex_unlock(&s->mutex) == 0);
    applications_unref(old);
    return 1;
}
