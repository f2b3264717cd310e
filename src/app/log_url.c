// SPDX-License-Identifier: Apache-2.0
/* The keys are filestream's where it has them. */
#include "app/log_url.h"

#include <string.h>

#include "app/go_value.h"
#include "app/value.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

enum { POLL_MS = 250, SCAN_MS = 10000, CLOSE_MS = 300000, INTERVAL_MAX_S = 3600 };

enum key { KEY_FROM, KEY_EXCLUDE, KEY_OLDER, KEY_LINE_MAX, KEY_POLL, KEY_SCAN, KEY_CLOSE, KEYS };

static const struct {
    const char *name;
    const char *expected;
} KEY_INFOS[KEYS] = {
    [KEY_FROM] = { "from", "start or end" },
    [KEY_EXCLUDE] = { "exclude_files", "a regular expression (at most 16 of them)" },
    [KEY_OLDER] = { "ignore_older", "a time such as 72h or 3d" },
    [KEY_LINE_MAX] = { "line_max", "bytes, such as 65536, 64k or 1m, from 1k to 3m" },
    [KEY_POLL] = { "poll", "a time such as 250ms, up to 1h" },
    [KEY_SCAN] = { "scan", "a time such as 10s, up to 1h" },
    [KEY_CLOSE] = { "close_inactive", "a time such as 5m, up to 1h" },
};
_Static_assert(LOG_URL_EXCLUDES_MAX == 16 && LOG_LINE_SIZE_MAX == 3 << 20 &&
                   LOG_LINE_SIZE_LEAST == 1 << 10,
               "as the table says");

static int set_interval(const char *value, uint64_t *ret_ms)
{
    int64_t ns;
    if (go_duration(value, true, &ns) != 0 || ns < (int64_t)NS_PER_MS ||
        ns > INTERVAL_MAX_S * (int64_t)NS_PER_S) {
        return ERR_INVALID;
    }
    *ret_ms = (uint64_t)ns / NS_PER_MS;
    return 0;
}

static int set(enum key key, const char *value, struct log_url *u)
{
    int64_t ns;
    switch (key) {
    case KEY_FROM:
        u->from_end = strcmp(value, "end") == 0;
        return u->from_end || strcmp(value, "start") == 0 ? 0 : ERR_INVALID;
    case KEY_EXCLUDE:
        if (value[0] == '\0' || u->exclude_count == LOG_URL_EXCLUDES_MAX) {
            return ERR_INVALID;
        }
        u->excludes[u->exclude_count++] = value;
        return 0;
    case KEY_OLDER:
        if (go_duration(value, true, &ns) != 0 || ns < 0) {
            return ERR_INVALID;
        }
        u->ignore_older_s = (uint64_t)ns / NS_PER_S;
        return 0;
    case KEY_LINE_MAX:
        return value_size(value, LOG_LINE_SIZE_MAX, &u->line_max) == 0 &&
                       u->line_max >= LOG_LINE_SIZE_LEAST
                   ? 0
                   : ERR_INVALID;
    case KEY_POLL:
        return set_interval(value, &u->poll_ms);
    case KEY_SCAN:
        return set_interval(value, &u->scan_ms);
    case KEY_CLOSE:
        return set_interval(value, &u->close_inactive_ms);
    case KEYS:
        break;
    }
    return ERR_INVALID;
}

static int set_pair(const char *url, char *pair, struct log_url *u, struct err *err)
{
    char *value = strchr(pair, '=');
    if (value == NULL || !value_decode_percent(value)) {
        return err_set(err, ERR_INVALID, "-listen \"log://%.150s\": \"%.50s\" is not KEY=VALUE",
                       url, pair);
    }
    *value++ = '\0';
    struct text_nearest nearest = text_nearest_to(pair);
    for (enum key k = 0; k < KEYS; k++) {
        if (strcmp(KEY_INFOS[k].name, pair) == 0) {
            return set(k, value, u) == 0
                       ? 0
                       : err_set(err, ERR_INVALID,
                                 "-listen \"log://%.150s\": %s=%.60s: expected %s", url, pair,
                                 value, KEY_INFOS[k].expected);
        }
        text_nearest_try(&nearest, KEY_INFOS[k].name);
    }
    return err_set(err, ERR_INVALID, "-listen \"log://%.150s\": no such key \"%.40s\"%s", url, pair,
                   text_nearest_hint(&nearest));
}

/// Where the query begins: the last question mark behind which there is KEY=.
static char *find_query(char *text)
{
    char *mark = strrchr(text, '?');
    while (mark != NULL) {
        size_t size = strspn(mark + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (size > 0 && mark[1 + size] == '=') {
            return mark;
        }
        mark = memrchr(text, '?', (size_t)(mark - text)); // look before it
    }
    return NULL;
}

int log_url_parse(const char *url, struct log_url *ret_url, struct err *err)
{
    struct log_url *u = ret_url;
    *u = (struct log_url){ .line_max = LOG_LINE_SIZE_DEFAULT,
                           .poll_ms = POLL_MS,
                           .scan_ms = SCAN_MS,
                           .close_inactive_ms = CLOSE_MS };
    size_t size = strlen(url);
    if (size >= sizeof(u->text)) {
        return err_set(err, ERR_INVALID, "-listen \"log://%.150s\": too long", url);
    }
    memcpy(u->text, url, size + 1);
    char *query = find_query(u->text);
    if (query != NULL) {
        *query++ = '\0';
    }
    if (u->text[0] == '\0' || !value_decode_percent(u->text)) {
        return err_set(err, ERR_INVALID,
                       "-listen \"log://%.150s\": expected a path such as "
                       "log:///var/log/sflow/goflow2/*.log",
                       url);
    }
    u->pattern = u->text;
    for (char *pair; query != NULL && (pair = strsep(&query, "&")) != NULL;) {
        if (pair[0] != '\0' && set_pair(url, pair, u, err) != 0) {
            return err->status;
        }
    }
    return 0;
}
