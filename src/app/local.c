// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP over the socket weir.sock, so that its answers are those of the API. A socket file without
 * anybody behind it is what a kill -9 leaves: nobody is there then.
 */
#include "app/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/version.h"
#include "base/clock.h"
#include "base/json_find.h"
#include "base/mem.h"
#include "cluster/http.h"

enum { STATE_TIMEOUT_MS = 5000, TEXT_SIZE_MAX = 8 << 10 };

struct local {
    struct http *http;
    char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/// 0 or an errno.
static int try_connect(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(at.sun_path)) {
        return ENAMETOOLONG;
    }
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ? 0 : errno;
    (void)close(fd); // nothing was written
    return error;
}

bool local_is_there(const char *socket)
{
    return try_connect(socket) == 0;
}

static bool is_same_folder(const char *a, const char *b)
{
    struct stat stat_a;
    struct stat stat_b;
    return stat(a, &stat_a) == 0 && stat(b, &stat_b) == 0 && stat_a.st_dev == stat_b.st_dev &&
           stat_a.st_ino == stat_b.st_ino;
}

bool local_has_store(const char *socket, const char *store)
{
    struct err err;
    struct local *l = NULL;
    struct cluster_reply reply;
    if (local_open(socket, STATE_TIMEOUT_MS * NS_PER_MS, &l, &err) != 0 || l == NULL) {
        return false; // who wants the store itself then hears why it cannot be had
    }
    cluster_reply_init(&reply);
    const struct cluster_request request = { .method = "GET", .path = "/local/state" };
    struct buf folder;
    buf_init(&folder, TEXT_SIZE_MAX);
    bool has = local_ask(l, &request, &reply) == 0 && reply.status == 200 &&
               json_find_text(reply.body.data, reply.body.size, "folder", &folder) &&
               (store[0] == '\0' || is_same_folder(store, buf_text(&folder)));
    buf_release(&folder);
    cluster_reply_release(&reply);
    local_close(l);
    return has;
}

int local_open(const char *socket, uint64_t timeout_ns, struct local **ret_local, struct err *err)
{
    int error = try_connect(socket);
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
        return err_set(err, ERR_NOT_FOUND, "no weir runs on %.300s", socket);
    }
    if (error != 0) {
        (void)err_set_errno(err, error, "%.300s: cannot speak to the weir that runs", socket);
        return ERR_IO;
    }
    struct local *l = mem_zalloc(sizeof(*l));
    if (l == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    memcpy(l->socket, socket, strlen(socket)); // it is short enough: it could be connected to
    const struct http_settings settings = { .ca = "",
                                            .cert = "",
                                            .key = "",
                                            .timeout_ns = timeout_ns,
                                            .agent = "weir",
                                            .socket_path = l->socket };
    if (http_new(&settings, &l->http) != 0) {
        mem_free(l);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    *ret_local = l;
    return 0;
}

void local_close(struct local *l)
{
    if (l != NULL) {
        http_free(l->http);
        mem_free(l);
    }
}

int local_ask(struct local *l, const struct cluster_request *request, struct cluster_reply *reply)
{
    return http_perform(l->http, "http://localhost", request, NULL, reply);
}

int local_complain(const struct cluster_reply *reply, struct err *err)
{
    if (reply->status == 0) {
        return err_set(err, ERR_IO, "the weir that runs does not answer: %s", reply->problem);
    }
    struct buf text;
    buf_init(&text, TEXT_SIZE_MAX);
    if (json_find_text(reply->body.data, reply->body.size, "error/text", &text)) {
        (void)err_set(err, ERR_INVALID, "%s", buf_text(&text)); // returned below
    } else {
        (void)err_set(err, ERR_INVALID, "the weir that runs answered HTTP status %u",
                      reply->status); // likewise
    }
    buf_release(&text);
    return err->status;
}
