// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets to listen on: TCP in Go's form of an address, and a local socket that is its owner's
 * alone.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/status.h"

/// Binds and listens, without waiting in accept(). ":8080" is every address, both families.
/// ERR_INVALID, ERR_IO.
int listening_open(const char *addr, int *ret_fd, struct err *err) MUST_USE;

/// A local socket: its file, and which one it is.
struct listening_local {
    int fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    dev_t device;
    ino_t inode;
};

/// Makes `path` with mode 0600. What a program that was killed has left there is replaced.
/// ERR_EXISTS: somebody answers there. ERR_INVALID: no socket is there but something else, or the
/// path is too long. ERR_IO.
int listening_open_local(const char *path, struct listening_local *ret_local,
                         struct err *err) MUST_USE;
/// Removes the file, unless it is another's by now. The descriptor is the caller's to close.
void listening_remove_local(const struct listening_local *l);

/// Whether `addr` can only be reached from this machine. False for what is no address.
bool listening_is_loopback(const char *addr);
