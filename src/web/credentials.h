// SPDX-License-Identifier: Apache-2.0
/*
 * Passwords and tokens as their files have them. A set is read whole or not at all, and does not
 * change; it is counted, because a request may still look at the old one when there is a new one.
 *
 * Passwords are htpasswd's: bcrypt, SHA-512 and SHA-256 crypt. What can be guessed quickly (MD5,
 * DES, SHA-1) or is no hash at all is refused, with the command that makes a better one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct credentials;

/// Reads the files; "" is none. ERR_INVALID with file and line, ERR_IO, ERR_NO_MEMORY.
int credentials_read(const char *password_file, const char *token_file,
                     struct credentials **ret_credentials, struct err *err) MUST_USE;
struct credentials *credentials_ref(struct credentials *c);
/// NULL is fine.
void credentials_unref(struct credentials *c);

bool credentials_have_passwords(const struct credentials *c);
bool credentials_have_tokens(const struct credentials *c);

/// Whether it is one of the tokens. All of them are looked at, whatever is found.
bool credentials_know_token(const struct credentials *c, const char *token);

/// Whether `pair`, "user:password", was found right a short while ago. Fast.
bool credentials_remember(struct credentials *c, const char *pair, uint64_t now_ns);
/// Whether it is right. As slow as the hash is, also for a user that there is not; what is right is
/// remembered for some minutes.
bool credentials_check(struct credentials *c, const char *pair, uint64_t now_ns);

/// Whether both are the same. The time depends on `size` alone.
bool credentials_same(const void *a, const void *b, size_t size);
