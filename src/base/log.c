// SPDX-License-Identifier: Apache-2.0
/*
 * The line is put together in a buffer on the stack and written whole, so that lines of several
 * threads do not mix. Quoting follows log/slog: a text is quoted when it is empty or holds a blank,
 * a quote, an equals sign or a control character.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"

enum { LINE_SIZE_MAX = 2048 };

/// A line in the making; what does not fit is cut.
struct line {
    size_t size;
    char text[LINE_SIZE_MAX];
};

static int threshold = LOG_LEVEL_INFO;
static bool as_json;

void log_set_up(int level, bool json)
{
    threshold = level;
    as_json = json;
}

static void put(struct line *l, const char *text, size_t size)
{
    size_t room = LINE_SIZE_MAX - 1 - l->size; // the line feed has its place
    size = size > room ? room : size;
    memcpy(l->text + l->size, text, size);
    l->size += size;
}

static void put_text(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static void put_formatted(struct line *l, const char *format, ...) PRINTF_LIKE(2, 3);
static void put_formatted(struct line *l, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); // short texts only
    va_end(args);
    put_text(l, text);
}

/// A text in quotes; Go's strconv.Quote and its JSON differ only in how control characters look.
static void put_quoted(struct line *l, const char *text)
{
    put(l, "\"", 1);
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            put(l, "\\", 1);
            put(l, p, 1);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            put_text(l, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (c < 0x20 || c == 0x7f) {
            put_formatted(l, as_json ? "\\u%04x" : "\\x%02x", (unsigned)c);
        } else {
            put(l, p, 1);
        }
    }
    put(l, "\"", 1);
}

static bool needs_quotes(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= ' ' || c == '"' || c == '=' || c == 0x7f) {
            return true;
        }
    }
    return text[0] == '\0';
}

static void put_value(struct line *l, const char *text)
{
    if (as_json || needs_quotes(text)) {
        put_quoted(l, text);
    } else {
        put_text(l, text);
    }
}

static void put_key(struct line *l, const char *key)
{
    if (as_json) {
        put(l, l->size == 0 ? "{" : ",", 1);
        put_quoted(l, key);
        put(l, ":", 1);
        return;
    }
    if (l->size > 0) {
        put(l, " ", 1);
    }
    put_text(l, key);
    put(l, "=", 1);
}

/// Local time: milliseconds in text, nanoseconds in JSON, as slog.
static void put_time(struct line *l)
{
    struct timespec now;
    struct tm tm;
    (void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail for this clock
    if (localtime_r(&now.tv_sec, &tm) == NULL) {
        return;
    }
    put_key(l, "time");
    put_text(l, as_json ? "\"" : "");
    put_formatted(l, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                  tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (as_json) {
        put_formatted(l, ".%09ld", now.tv_nsec);
    } else {
        put_formatted(l, ".%03ld", now.tv_nsec / 1000000);
    }
    long offset_min = tm.tm_gmtoff / 60;
    if (offset_min == 0) {
        put_text(l, "Z");
    } else {
        put_formatted(l, "%c%02ld:%02ld", offset_min < 0 ? '-' : '+', labs(offset_min) / 60,
                      labs(offset_min) % 60);
    }
    put_text(l, as_json ? "\"" : "");
}

static void put_level(struct line *l, int level)
{
    static const struct {
        int level;
        const char *name;
    } NAMES[] = { { LOG_LEVEL_ERROR, "ERROR" },
                  { LOG_LEVEL_WARN, "WARN" },
                  { LOG_LEVEL_INFO, "INFO" },
                  { LOG_LEVEL_DEBUG, "DEBUG" } };
    size_t i = 0;
    while (i < 3 && level < NAMES[i].level) {
        i++;
    }
    put_key(l, "level");
    put_text(l, as_json ? "\"" : "");
    put_text(l, NAMES[i].name);
    if (level != NAMES[i].level) {
        put_formatted(l, "%+d", level - NAMES[i].level);
    }
    put_text(l, as_json ? "\"" : "");
}

static void put_attrs(struct line *l, const struct log_attr *attrs)
{
    for (const struct log_attr *a = attrs; a != NULL && a->key != NULL; a++) {
        put_key(l, a->key);
        switch (a->type) {
        case LOG_TYPE_TEXT:
            put_value(l, a->text);
            break;
        case LOG_TYPE_U64:
            put_formatted(l, "%llu", (unsigned long long)a->number);
            break;
        case LOG_TYPE_BOOL:
            put_text(l, a->number != 0 ? "true" : "false");
            break;
        }
    }
}

void log_write(int level, const char *msg, const struct log_attr *context,
               const struct log_attr *attrs)
{
    if (level < threshold) {
        return;
    }
    struct line l;
    l.size = 0;
    put_time(&l);
    put_level(&l, level);
    put_key(&l, "msg");
    put_value(&l, msg);
    put_attrs(&l, context);
    put_attrs(&l, attrs);
    if (as_json) {
        put(&l, "}", 1);
    }
    l.text[l.size++] = '\n';
    ssize_t written = write(STDERR_FILENO, l.text, l.size);
    (void)written; // there is nowhere to say that the log cannot be written
}

int log_level_parse(const char *text, int *ret_level)
{
    static const struct {
        const char *name;
        int level;
    } NAMES[] = { { "debug", LOG_LEVEL_DEBUG },
                  { "info", LOG_LEVEL_INFO },
                  { "warn", LOG_LEVEL_WARN },
                  { "error", LOG_LEVEL_ERROR } };
    size_t size = strcspn(text, "+-");
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strlen(NAMES[i].name) != size || strncasecmp(NAMES[i].name, text, size) != 0) {
            continue;
        }
        uint64_t offset = 0;
        const char *digits = text + size;
        if (*digits != '\0' && num_get_u64(digits + 1, strlen(digits + 1), 1000, &offset) != 0) {
            return ERR_INVALID;
        }
        *ret_level = NAMES[i].level + (*digits == '-' ? -(int)offset : (int)offset);
        return 0;
    }
    return ERR_INVALID;
}

void log_mute_init(struct log_mute *m, uint64_t count_max, uint64_t interval_ns)
{
    *m = (struct log_mute){ .count_max = count_max, .interval_ns = interval_ns };
}

enum log_mute_verdict log_mute_event(struct log_mute *m, uint64_t now_ns, uint64_t *ret_skipped)
{
    *ret_skipped = 0;
    if (m->count_max == 0 || m->interval_ns == 0) {
        return LOG_MUTE_LOG;
    }
    if (m->count > m->count_max) {
        *ret_skipped = m->count - m->count_max;
    }
    if (now_ns - m->window_ns > m->interval_ns) {
        m->window_ns = now_ns;
        m->count = 0;
    }
    m->count++;
    if (m->count > m->count_max) {
        return *ret_skipped == 0 ? LOG_MUTE_MUTING : LOG_MUTE_SILENT;
    }
    return *ret_skipped > 0 ? LOG_MUTE_SKIPPED : LOG_MUTE_LOG;
}
