// SPDX-License-Identifier: Apache-2.0
/*
 * The fence around libmicrohttpd: one thread with epoll, few connections, short time-outs. The
 * socket is bound here, so that the reason why it cannot be is known.
 */
#include "web/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    CONNECTIONS_MAX = 64,
    CONNECTION_MEMORY = 32 << 10,
    TIMEOUT_S = 5, ///< goflow2's read-header time-out
    HOST_SIZE = 256,
};

struct server {
    struct server_settings settings;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_size, void **request)
{
    static int seen; // its address marks a request whose headers were seen
    const struct server *s = context;
    (void)version;
    (void)upload_data;
    if (*request == NULL) { // the headers are there, a body may follow
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) { // a body is read and forgotten
        *upload_size = 0;
        return MHD_YES;
    }
    struct server_response r = { .status = MHD_HTTP_OK };
    buf_init(&r.body, SERVER_BODY_SIZE_MAX);
    struct server_request asked = { .method = method, .path = url };
    s->settings.handle(s->settings.context, &asked, &r);
    struct MHD_Response *response =
        r.body.bad
            ? NULL
            : MHD_create_response_from_buffer(r.body.size, r.body.data, MHD_RESPMEM_MUST_COPY);
    buf_release(&r.body);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result =
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r.content_type);
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, r.status, response);
    }
    MHD_destroy_response(response);
    return result;
}

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
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
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

static int open_socket(const char *addr, int *ret_fd, struct err *err)
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

int server_start(const struct server_settings *settings, struct server **ret_server,
                 struct err *err)
{
    struct server *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for the HTTP server");
    }
    s->settings = *settings;
    int fd = -1;
    if (open_socket(settings->addr, &fd, err) != 0) {
        mem_free(s);
        return err->status;
    }
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, s,
                                 MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (s->daemon == NULL) {
        (void)close(fd); // nothing was written
        mem_free(s);
        return err_set(err, ERR_IO, "HTTP server error: cannot start on %s", settings->addr);
    }
    *ret_server = s;
    return 0;
}

void server_stop(struct server *s)
{
    if (s != NULL) {
        MHD_stop_daemon(s->daemon);
        mem_free(s);
    }
}
