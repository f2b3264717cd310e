// SPDX-License-Identifier: Apache-2.0
/*
 * A local socket has its mode before it has a name: Linux makes the file with the mode of the
 * socket, so that there is no moment in which others could connect, and the umask of the process,
 * which other threads depend on, stays as it is.
 */
#include "web/listening.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

enum { HOST_SIZE = 256, LOCAL_MODE = 0600 };

// --- TCP -----------------------------------------------------------------------------------------

/// ":8080" is every address, both families.
static int split_addr(const char *addr, char host[static HOST_SIZE], const char **ret_port,
                      struct err *err)
{
    const char *colon = strrchr(addr, ':');
    const char *begin = addr;
    size_t size = colon == NULL ? 0 : (size_t)(colon - addr);
    if (size >= 2 && begin[0] == '[' && begin[size - 1] == ']') {
        begin++;
        size -= 2;
    }
    if (colon == NULL || size >= HOST_SIZE) {
        return err_set(err, ERR_INVALID, "-addr \"%.100s\": expected HOST:PORT", addr);
    }
    memcpy(host, begin, size);
    host[size] = '\0';
    *ret_port = colon + 1;
    return 0;
}

static int bind_listening(const struct addrinfo *info, int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) {
        return ERR_IO;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0) {
        int error = errno;
        (void)close(fd); // nothing was written
        errno = error;
        return ERR_IO;
    }
    *ret_fd = fd;
    return 0;
}

int listening_open(const char *addr, int *ret_fd, struct err *err)
{
    char host[HOST_SIZE] = "";
    const char *port = NULL;
    if (split_addr(addr, host, &port, err) != 0) {
        return err->status;
    }
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *info;
    int status = getaddrinfo(host[0] == '\0' ? "::" : host, port, &hints, &info);
    if (status != 0) {
        return err_set(err, ERR_INVALID, "-addr \"%.100s\": %s", addr, gai_strerror(status));
    }
    status = bind_listening(info, ret_fd);
    freeaddrinfo(info);
    if (status != 0 && host[0] == '\0' && errno == EAFNOSUPPORT) { // a kernel without IPv6
        hints.ai_family = AF_INET;
        if (getaddrinfo("0.0.0.0", port, &hints, &info) == 0) {
            status = bind_listening(info, ret_fd);
            freeaddrinfo(info);
        }
    }
    return status == 0 ? 0
                       : err_set_errno(err, errno, "HTTP server error: cannot listen on %s", addr);
}

/// Whether what getaddrinfo() found stays on this machine.
static bool stays_here(const struct addrinfo *info)
{
    char text[NI_MAXHOST];
    struct addr found;
    struct cidr v4;
    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) !=
            0 ||
        addr_parse(text, &found) != 0 || cidr_parse("127.0.0.0/8", &v4) != 0) {
        return false;
    }
    return cidr_contains(&v4, &found) || strcmp(text, "::1") == 0;
}

bool listening_is_loopback(const char *addr)
{
    char host[HOST_SIZE] = "";
    const char *port = NULL;
    struct err err;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *info;
    if (split_addr(addr, host, &port, &err) != 0 || host[0] == '\0' ||
        getaddrinfo(host, port, &hints, &info) != 0) {
        return false;
    }
    bool stays = true;
    for (const struct addrinfo *i = info; i != NULL; i = i->ai_next) {
        stays = stays && stays_here(i);
    }
    freeaddrinfo(info);
    return stays;
}

// --- The local socket ----------------------------------------------------------------------------

/// Removes a socket that nobody listens on any more.
static int make_way(const struct sockaddr_un *at, struct err *err)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return errno == ENOENT ? 0
                               : err_set_errno(err, errno, "cannot listen on %.200s", at->sun_path);
    }
    if (!S_ISSOCK(st.st_mode)) {
        return err_set(err, ERR_INVALID, "cannot listen on %.200s: something else is there",
                       at->sun_path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot listen on %.200s", at->sun_path);
    }
    int error = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ? 0 : errno;
    (void)close(fd);                     // nothing was written
    if (error == 0 || error == EAGAIN) { // EAGAIN: so busy that it has to wait
        return err_set(err, ERR_EXISTS, "another weir answers on %.200s", at->sun_path);
    }
    if (error != ECONNREFUSED && error != ENOENT) {
        return err_set_errno(err, error, "cannot listen on %.200s", at->sun_path);
    }
    return unlink(at->sun_path) == 0 || errno == ENOENT
               ? 0
               : err_set_errno(err, errno, "cannot replace %.200s", at->sun_path);
}

int listening_open_local(const char *path, struct listening_local *ret_local, struct err *err)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct stat st;
    if (strlen(path) >= sizeof(at.sun_path)) {
        return err_set(err, ERR_INVALID,
                       "cannot listen on %.200s: the path of a socket has %zu bytes at most; name "
                       "a shorter -data",
                       path, sizeof(at.sun_path) - 1);
    }
    memcpy(at.sun_path, path, strlen(path));
    if (make_way(&at, err) != 0) {
        return err->status;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, LOCAL_MODE) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 || lstat(path, &st) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        (void)err_set_errno(err, errno, "cannot listen on %.200s", path); // returned below
        if (fd >= 0) {
            (void)close(fd); // nothing was written
        }
        return err->status;
    }
    *ret_local = (struct listening_local){ .fd = fd, .device = st.st_dev, .inode = st.st_ino };
    memcpy(ret_local->path, at.sun_path, sizeof(at.sun_path));
    return 0;
}

void listening_remove_local(const struct listening_local *l)
{
    struct stat st;
    if (lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode) {
        (void)unlink(l->path); // what stays is replaced by the next one
    }
}
