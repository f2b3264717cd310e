// SPDX-License-Identifier: Apache-2.0
/*
 * The file is read into memory, since fields lose their quotes in place; a list of half a million
 * ranges is read once and let go. A quoted field ends on its line: names have no line ends, and a
 * quote that was forgotten must not eat the file.
 */
#include "enrich/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct csv {
    char *path;
    char *text; ///< mapped, not the file: with a NUL behind it
    size_t map_size;
    size_t size;
    char *at;
    size_t line;
};

static int read_file(struct csv *c, int fd, size_t size_max, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_set_errno(err, errno, "cannot look at %s", c->path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no file", c->path);
    }
    if ((uint64_t)st.st_size > size_max) {
        return err_set(err, ERR_RANGE, "%s: larger than %zu bytes", c->path, size_max);
    }
    c->map_size = (size_t)st.st_size + 1;
    c->text = mem_map(c->map_size);
    if (c->text == NULL) {
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", c->path);
    }
    while (c->size + 1 < c->map_size) {
        ssize_t n = read(fd, c->text + c->size, c->map_size - 1 - c->size);
        if (n == 0) {
            break; // it was cut since
        }
        if (n < 0 && errno != EINTR) {
            return err_set_errno(err, errno, "cannot read %s", c->path);
        }
        c->size += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int csv_open(const char *path, size_t size_max, struct csv **ret_csv, struct err *err)
{
    static const char BYTE_ORDER_MARK[] = "\xef\xbb\xbf";
    struct csv *c = mem_zalloc(sizeof(*c));
    if (c == NULL || (c->path = mem_strdup(path)) == NULL) {
        mem_free(c);
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", path);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe does not make us wait
    int status = fd < 0 ? err_set_errno(err, errno, "cannot open %s", path)
                        : read_file(c, fd, size_max, err);
    if (fd >= 0) {
        (void)close(fd); // nothing was written
    }
    if (status != 0) {
        csv_free(c);
        return status;
    }
    bool marked = strncmp(c->text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0;
    c->at = c->text + (marked ? strlen(BYTE_ORDER_MARK) : 0);
    *ret_csv = c;
    return 0;
}

void csv_free(struct csv *c)
{
    if (c != NULL) {
        mem_unmap(c->text, c->map_size);
        mem_free(c->path);
        mem_free(c);
    }
}

int csv_err(struct err *err, const struct csv *c, const struct csv_record *record,
            const char *format, ...)
{
    char words[ERR_TEXT_SIZE / 2];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args); // cut is fine
    va_end(args);
    return err_set(err, ERR_INVALID, "%s:%zu: %s", c->path, record->line, words);
}

static char *pass_blanks(char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/// A field from behind its quote on, without its quotes, in place. NULL when it has no end.
static char *unquote(char *at, char **ret_field, size_t *ret_size)
{
    char *out = at;
    *ret_field = at;
    for (;; at++) {
        if (*at == '\0') {
            return NULL;
        }
        if (*at == '"' && at[1] != '"') {
            break;
        }
        at += *at == '"';
        *out++ = *at;
    }
    *ret_size = (size_t)(out - *ret_field);
    at = pass_blanks(at + 1);
    if (*at != ',' && *at != '\0') {
        return NULL;
    }
    char *end = at;
    bool last = *end == '\0';
    *out = '\0';
    return last ? end : end + 1;
}

/// A field up to its comma; a line that ends with a comma has an empty one behind it.
static char *plain(char *at, char **ret_field, size_t *ret_size, bool *ret_more)
{
    size_t size = strcspn(at, ",");
    *ret_more = at[size] == ',';
    char *next = at + size + *ret_more;
    *ret_field = at;
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) {
        size--;
    }
    at[size] = '\0';
    *ret_size = size;
    return next;
}

static int split(const struct csv *c, char *at, struct csv_record *record, struct err *err)
{
    bool more = true;
    while (more) {
        if (record->count == CSV_FIELDS_MAX) {
            return csv_err(err, c, record, "more than %d fields", CSV_FIELDS_MAX);
        }
        char **field = &record->fields[record->count];
        size_t *size = &record->sizes[record->count++];
        at = pass_blanks(at);
        if (*at == '"') {
            at = unquote(at + 1, field, size);
            if (at == NULL) {
                return csv_err(err, c, record, "field %zu: the quotes do not end before a comma",
                               record->count);
            }
            more = at[-1] == ',';
        } else {
            at = plain(at, field, size, &more);
        }
    }
    return 0;
}

int csv_next(struct csv *c, struct csv_record *ret_record, struct err *err)
{
    const char *end = c->text + c->size;
    while (c->at < end) {
        char *line = c->at;
        char *line_end = memchr(line, '\n', (size_t)(end - line));
        c->at = line_end == NULL ? c->text + c->size : line_end + 1;
        line_end = line_end == NULL ? c->at : line_end;
        line_end -= line_end > line && line_end[-1] == '\r';
        *line_end = '\0';
        c->line++;
        struct csv_record record = { .line = c->line };
        if (strlen(line) != (size_t)(line_end - line)) {
            return csv_err(err, c, &record, "holds a zero byte: is this a text file?");
        }
        line = pass_blanks(line);
        if (*line == '\0' || *line == '#') {
            continue;
        }
        int status = split(c, line, &record, err);
        *ret_record = record;
        return status;
    }
    return ERR_NOT_FOUND;
}
