// SPDX-License-Identifier: Apache-2.0
/*
 * Who may ask. On loopback nothing is asked; on any other address there is a file of passwords
 * (htpasswd: bcrypt, SHA-512 and SHA-256 crypt, asked for by Basic) or of tokens (one per line, a
 * name in front if wanted; Bearer). goflow2's own end points stay open. On loopback the Host must
 * be one of this machine's names (DNS rebinding); whatever changes anything wants an Origin of our
 * own. Programs that are no browser send neither Origin nor Sec-Fetch-Site, and may.
 *
 * A file that is set is asked for everywhere, also on loopback.
 */
#pragma once

#include <stdbool.h>

#include "base/status.h"
#include "web/server.h"

struct access;

/// Texts are borrowed. "" is none.
struct access_settings {
    const char *addr;          ///< what is listened on
    const char *password_file; ///< -web.password_file
    const char *token_file;    ///< -web.token_file
    const char *hosts; ///< -web.hosts: more names by which the server may be called, comma list
};

/// ERR_INVALID with words and the flag to set: an address that is not loopback without passwords or
/// tokens; a file that others can read, or that has a line of another form. ERR_IO.
int access_open(const struct access_settings *settings, struct access **ret_access,
                struct err *err) MUST_USE;
/// Reads its files again (SIGHUP); the old ones stay when the new ones are no good.
int access_reload(struct access *a, struct err *err) MUST_USE;
void access_free(struct access *a);

/// What of a request counts here; NULL: the header is not there.
struct access_claim {
    const char *method;
    const char *host;
    const char *origin;
    const char *fetch_site;
    const char *authorization;
    struct addr peer;
    const struct server_request *request; ///< whose client may be gone; NULL: nobody's
};

/// access_allows() for a claim that is not open.
bool access_judge(struct access *a, const struct access_claim *claim,
                  struct server_response *response);

/// Whether the request may go on; else `response` is filled (401, 403, 421, 429). Failed tries are
/// slowed down. `is_open`: the path asks nothing of anybody (goflow2's end points). Any thread.
bool access_allows(struct access *a, const struct server_request *request, bool is_open,
                   struct server_response *response);
