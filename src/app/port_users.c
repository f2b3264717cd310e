// SPDX-License-Identifier: Apache-2.0
/*
 * Collectors open their sockets with SO_REUSEPORT, weir and goflow2 alike. So a second one on the
 * same port gets no error: the kernel gives it the datagrams of some exporters, and both are silent
 * about it. The sockets of a port stand in /proc/net/udp and udp6, their inodes in the /proc/PID/fd
 * of their owners. Processes of other users can only be counted, not named, without privileges.
 *
 * Where there is no /proc nothing is found; it is advice, nobody depends on it.
 */
#include "app/port_users.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

enum { LINE_SIZE = 512, PATH_SIZE = 320, USERS_MAX = 8, TOKENS = 10 };
enum { TOKEN_LOCAL = 1, TOKEN_REMOTE = 2, TOKEN_INODE = 9 };

/// A search: what is looked for, and the processes found so far.
struct search {
    const struct addr *address;
    uint16_t port;
    uint64_t pids[USERS_MAX]; ///< 0 for one that cannot be named
    size_t count;
    struct buf *out;
};

/// The number at `text`, `digits` hexadecimal digits; false when they are not.
static bool get_hex(const char *text, size_t digits, uint32_t *ret_value)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        static const char DIGITS[] = "0123456789ABCDEF";
        const char *at = text[i] == '\0' ? NULL : strchr(DIGITS, text[i]);
        if (at == NULL) {
            return false;
        }
        value = value << 4 | (uint32_t)(at - DIGITS);
    }
    *ret_value = value;
    return true;
}

/// "0100007F:18C7": words of the address as this machine has them in memory, then the port.
static bool get_endpoint(const char *text, struct addr *ret_addr, uint16_t *ret_port)
{
    size_t size = strcspn(text, ":");
    struct addr addr = { .size = size == 8 ? ADDR_V4_SIZE : ADDR_V6_SIZE };
    uint32_t port;
    if ((size != 8 && size != 32) || text[size] != ':' || !get_hex(text + size + 1, 4, &port)) {
        return false;
    }
    for (size_t i = 0; i < size / 8; i++) {
        uint32_t word;
        if (!get_hex(text + 8 * i, 8, &word)) {
            return false;
        }
        memcpy(addr.bytes + 4 * i, &word, sizeof(word));
    }
    *ret_addr = addr_unmap(&addr);
    *ret_port = (uint16_t)port;
    return true;
}

/// Whether `a` is every address, `b` among them. :: is so for IPv4 too, 0.0.0.0 not for IPv6.
static bool includes(const struct addr *a, const struct addr *b)
{
    static const uint8_t ZEROS[ADDR_V6_SIZE];
    bool is_every = memcmp(a->bytes, ZEROS, a->size) == 0;
    return is_every && (a->size != ADDR_V4_SIZE || b->size == ADDR_V4_SIZE);
}

/// The next entry of a folder that nobody else reads; NULL at the end and when it is not open.
static const struct dirent *next_entry(DIR *folder)
{
    return folder == NULL ? NULL : readdir(folder); // NOLINT(concurrency-mt-unsafe): one reader
}

/// Whether process `pid` has the socket with this inode open.
static bool has_socket(const char *pid, const char *inode)
{
    char path[PATH_SIZE];
    char wanted[64];
    char target[64];
    (void)snprintf(wanted, sizeof(wanted), "socket:[%.20s]", inode); // fits
    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);       // fits
    DIR *folder = opendir(path);
    bool found = false;
    for (const struct dirent *e; !found && (e = next_entry(folder)) != NULL;) {
        ssize_t size = readlinkat(dirfd(folder), e->d_name, target, sizeof(target) - 1);
        target[size < 0 ? 0 : size] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder != NULL) {
        (void)closedir(folder); // was only read
    }
    return found;
}

/// The process that has the socket; 0 when it cannot be seen.
static uint64_t find_owner(const char *inode)
{
    DIR *folder = opendir("/proc");
    uint64_t owner = 0;
    for (const struct dirent *e; owner == 0 && (e = next_entry(folder)) != NULL;) {
        uint64_t pid;
        if (num_get_u64(e->d_name, strlen(e->d_name), UINT32_MAX, &pid) == 0 &&
            has_socket(e->d_name, inode)) {
            owner = pid;
        }
    }
    if (folder != NULL) {
        (void)closedir(folder); // was only read
    }
    return owner;
}

static void append_user(const struct search *s, uint64_t pid)
{
    char path[PATH_SIZE];
    char name[64] = "";
    buf_append_text(s->out, s->count > 0 ? ", " : "");
    if (pid == 0) {
        buf_append_text(s->out, "another process");
        return;
    }
    (void)snprintf(path, sizeof(path), "/proc/%llu/comm", (unsigned long long)pid); // fits
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        if (fgets(name, sizeof(name), file) == NULL) {
            name[0] = '\0';
        }
        (void)fclose(file); // was only read
    }
    name[strcspn(name, "\n")] = '\0';
    buf_printf(s->out, "%s (pid %llu)", name, (unsigned long long)pid);
}

/// A line of /proc/net/udp: sl local remote st queues timer retrnsmt uid timeout inode ...
static void search_line(struct search *s, char *line)
{
    char *tokens[TOKENS];
    size_t count = 0;
    char *rest = line;
    for (char *token; count < TOKENS && (token = strsep(&rest, " \n")) != NULL;) {
        if (token[0] != '\0') {
            tokens[count++] = token;
        }
    }
    struct addr local;
    struct addr remote;
    uint16_t port;
    uint16_t remote_port;
    if (count < TOKENS || s->count == USERS_MAX ||
        !get_endpoint(tokens[TOKEN_LOCAL], &local, &port) ||
        !get_endpoint(tokens[TOKEN_REMOTE], &remote, &remote_port) || port != s->port ||
        remote_port != 0) { // a connected socket gets nothing from others
        return;
    }
    if (!includes(&local, s->address) && !includes(s->address, &local) &&
        !addr_equal(&local, s->address)) {
        return;
    }
    uint64_t pid = find_owner(tokens[TOKEN_INODE]);
    for (size_t i = 0; i < s->count; i++) {
        if (s->pids[i] == pid) {
            return;
        }
    }
    append_user(s, pid);
    s->pids[s->count++] = pid;
}

size_t port_users(const struct addr *address, uint16_t port, struct buf *out)
{
    static const char *const FILES[] = { "/proc/net/udp", "/proc/net/udp6" };
    struct search s = { .address = address, .port = port, .out = out };
    for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
        char line[LINE_SIZE];
        FILE *file = fopen(FILES[i], "re");
        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            search_line(&s, line);
        }
        if (file != NULL) {
            (void)fclose(file); // was only read
        }
    }
    return s.count;
}
