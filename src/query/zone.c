// SPDX-License-Identifier: Apache-2.0
/*
 * A zone's file (RFC 8536) lists the moments at which its offset changes. Its second part is read,
 * whose moments have 64 bits; Debian's files have them up to the year 2037, and after the last one
 * its offset goes on. The C library knows only one zone at a time, for all threads.
 */
#include "query/zone.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rd.h"
#include "base/status.h"

enum {
    FILE_SIZE_MAX = 6 << 10, ///< the largest has 3.6 kB
    NAME_SIZE_MAX = 64,
    PATH_SIZE = 128,
    MAGIC_SIZE = 4,
    UNUSED_SIZE = 15,
    TIME_SIZE_1 = 4, ///< of a moment in the first part
    TIME_SIZE_2 = 8,
    TYPE_SIZE = 6,
};

/// What a part begins with: how many of what it has.
struct head {
    uint32_t ut_count;
    uint32_t std_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t char_count;
};

/// Names become paths: letters, digits and what else is in them, and no way out of the folder.
static bool is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < NAME_SIZE_MAX && name[0] != '/' && strstr(name, "..") == NULL &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") ==
               size;
}

static size_t read_file(const char *name, uint8_t bytes[static FILE_SIZE_MAX])
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name); // fits
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, bytes, FILE_SIZE_MAX);
    (void)close(fd); // only read
    return size < 0 ? 0 : (size_t)size;
}

static bool read_head(struct rd *r, struct head *ret_head)
{
    struct rd magic = rd_sub(r, MAGIC_SIZE);
    bool good = rd_left(&magic) == MAGIC_SIZE && memcmp(magic.at, "TZif", MAGIC_SIZE) == 0;
    rd_skip(r, 1 + UNUSED_SIZE); // version
    ret_head->ut_count = rd_u32(r);
    ret_head->std_count = rd_u32(r);
    ret_head->leap_count = rd_u32(r);
    ret_head->time_count = rd_u32(r);
    ret_head->type_count = rd_u32(r);
    ret_head->char_count = rd_u32(r);
    return good && !r->bad && ret_head->type_count > 0 && ret_head->time_count < FILE_SIZE_MAX &&
           ret_head->leap_count < FILE_SIZE_MAX;
}

static size_t body_size(const struct head *h, size_t time_size)
{
    return h->time_count * (time_size + 1) + (size_t)h->type_count * TYPE_SIZE + h->char_count +
           h->leap_count * (time_size + 4) + h->std_count + h->ut_count;
}

/// The type that holds at a moment: that of the last change before it, else the first.
static uint32_t type_at(struct rd *r, const struct head *h, int64_t at_s)
{
    uint32_t changes = 0;
    for (uint32_t i = 0; i < h->time_count; i++) {
        changes += (int64_t)rd_u64(r) <= at_s;
    }
    uint32_t type = 0;
    for (uint32_t i = 0; i < h->time_count; i++) {
        uint32_t next = rd_u8(r);
        type = i < changes ? next : type;
    }
    return type;
}

int zone_find(const char *name, int64_t at_ns, int32_t *ret_zone_s)
{
    uint8_t bytes[FILE_SIZE_MAX];
    struct head head;
    size_t size = is_name(name) ? read_file(name, bytes) : 0;
    struct rd r = rd_over(bytes, size);
    if (size == 0 || !read_head(&r, &head)) {
        return ERR_INVALID;
    }
    rd_skip(&r, body_size(&head, TIME_SIZE_1));
    if (!read_head(&r, &head)) {
        return ERR_INVALID;
    }
    int64_t at_s = at_ns / (int64_t)NS_PER_S - (at_ns % (int64_t)NS_PER_S < 0);
    uint32_t type = type_at(&r, &head, at_s);
    rd_skip(&r, (size_t)type * TYPE_SIZE);
    uint32_t offset = rd_u32(&r);
    if (r.bad || type >= head.type_count) {
        return ERR_INVALID;
    }
    *ret_zone_s = (int32_t)offset;
    return 0;
}
