// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates: the fence around OpenSSL. Checks the files that are set, trusts a CA by its
 * fingerprint, and knows afterwards why a server was not believed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { PIN_SIZE = 32, PIN_NAMES_SIZE = 200 };

/// One session's. Filled while a connection is made, by the thread that makes it.
struct pin {
    bool wanted; ///< else whatever the library trusts
    uint8_t fingerprint[PIN_SIZE];
    long error; ///< of the last certificate: X509_V_ERR_*, or one of ours; 0: it is fine
    char names[PIN_NAMES_SIZE]; ///< whom the server's certificate is for, "es1, 10.0.0.1"
};

/// "AB:CD:..." or "abcd...": SHA-256 in hex. ERR_INVALID.
int pin_parse(const char *text, uint8_t ret_fingerprint[static PIN_SIZE], struct err *err) MUST_USE;

/// Makes `pin` decide about the connections of an SSL_CTX, which is given as the HTTP library
/// gives it. The name is for others to check.
void pin_apply(struct pin *pin, void *ssl_ctx);

/// Why the last server's certificates were not believed, for people; NULL when they were.
const char *pin_why(const struct pin *pin);

/// Whether the file holds a CA's certificate. ERR_IO, ERR_INVALID.
int pin_check_ca(const char *path, struct err *err) MUST_USE;

/// Whether both can be read and belong together. ERR_IO, ERR_INVALID.
int pin_check_pair(const char *cert, const char *key, struct err *err) MUST_USE;
