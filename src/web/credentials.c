// SPDX-License-Identifier: Apache-2.0
/*
 * Tokens, and passwords that were found right, are kept as HMAC-SHA-256 with a key that is made
 * when the files are read: all are of one size, which a comparison in constant time wants, and the
 * memory holds none of them.
 */
#include "web/credentials.h"

#include <crypt.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret_file.h"
#include "base/text.h"

enum {
    FILE_SIZE_MAX = 256 << 10,
    USERS_MAX = 1000,
    TOKENS_MAX = 1000,
    TOKEN_SIZE_MIN = 16,
    DIGEST_SIZE = 32,
    REMEMBERED_MAX = 64,
    REMEMBERED_S = 300,
    BCRYPT_SIZE = 60,
    BCRYPT_COST_MAX = 16, ///< some seconds; the one above takes twice as long
    ROUNDS_MAX = 10 * 1000 * 1000,
    SALT_SIZE_MAX = 16,
};

#define PASSWORD_FLAG "-web.password_file"
#define TOKEN_FLAG "-web.token_file"
/// What a hash is written with.
#define HASH_CHARS "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/// What a bearer token may have (RFC 6750).
#define TOKEN_CHARS "-._~+/=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

struct user {
    const char *name; ///< in the text of the file
    const char *hash;
};

struct remembered {
    struct digest pair;
    uint64_t until_ns;
};

struct credentials {
    _Atomic unsigned count; ///< of references
    uint8_t key[DIGEST_SIZE];
    struct buf passwords; ///< the file, cut into texts
    size_t user_count;
    struct user *users;
    size_t token_count;
    struct digest *tokens;
    pthread_mutex_t lock; ///< of what is remembered
    struct remembered remembered[REMEMBERED_MAX];
};

bool credentials_same(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= x[i] ^ y[i];
    }
    return difference == 0;
}

static struct digest digest_of(const struct credentials *c, const char *text)
{
    struct digest d;
    unsigned size = sizeof(d.bytes);
    CHECK(HMAC(EVP_sha256(), c->key, sizeof(c->key), (const uint8_t *)text, strlen(text), d.bytes,
               &size) != NULL);
    return d;
}

// --- Reading -------------------------------------------------------------------------------------

/// Calls `each` for every line that says something, without the blanks around it.
static int each_line(struct credentials *c, struct buf *text,
                     int (*each)(struct credentials *c, char *line, size_t number, struct err *err),
                     struct err *err)
{
    char *at = (char *)text->data;
    for (size_t number = 1; at != NULL; number++) {
        char *end = strchr(at, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        char *line = at + strspn(at, " \t\r");
        size_t size = strlen(line);
        while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL) {
            line[--size] = '\0';
        }
        if (size > 0 && line[0] != '#' && each(c, line, number, err) != 0) {
            return err->status;
        }
        at = end == NULL ? NULL : end + 1;
    }
    return 0;
}

static bool is_of(const char *text, size_t size, const char *chars)
{
    return strlen(text) == size && strspn(text, chars) == size;
}

/// $2y$10$ and 53 characters.
static bool is_bcrypt(const char *hash)
{
    uint64_t cost = 0;
    char digits[3] = { 0 };
    if (strlen(hash) != BCRYPT_SIZE || strncmp(hash, "$2", 2) != 0 || hash[2] == '\0' ||
        strchr("aby", hash[2]) == NULL || hash[3] != '$' || hash[6] != '$') {
        return false;
    }
    memcpy(digits, hash + (hash[4] == '0' ? 5 : 4), hash[4] == '0' ? 1 : 2);
    return text_get_u64(digits, &cost) == 0 && cost >= 4 && cost <= BCRYPT_COST_MAX &&
           is_of(hash + 7, BCRYPT_SIZE - 7, HASH_CHARS);
}

/// $6$salt$ and 86 characters, $5$salt$ and 43; with rounds=N$ in front of the salt, if wanted.
static bool is_sha_crypt(const char *hash)
{
    if (strncmp(hash, "$6$", 3) != 0 && strncmp(hash, "$5$", 3) != 0) {
        return false;
    }
    const char *salt = hash + 3;
    if (strncmp(salt, "rounds=", strlen("rounds=")) == 0) {
        char digits[12] = { 0 };
        uint64_t rounds = 0;
        salt += strlen("rounds=");
        size_t size = strspn(salt, "0123456789");
        if (size == 0 || size >= sizeof(digits) || salt[0] == '0' || salt[size] != '$') {
            return false;
        }
        memcpy(digits, salt, size);
        if (text_get_u64(digits, &rounds) != 0 || rounds < 1000 || rounds > ROUNDS_MAX) {
            return false;
        }
        salt += size + 1;
    }
    size_t size = strcspn(salt, "$");
    return size > 0 && size <= SALT_SIZE_MAX && strspn(salt, HASH_CHARS) == size &&
           salt[size] == '$' && is_of(salt + size + 1, hash[1] == '6' ? 86 : 43, HASH_CHARS);
}

static int read_user(struct credentials *c, char *line, size_t number, struct err *err)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line) {
        return err_set(err, ERR_INVALID,
                       PASSWORD_FLAG ": line %zu: expected USER:HASH, as "
                                     "htpasswd -B writes it",
                       number);
    }
    *colon = '\0';
    const char *hash = colon + 1;
    if (!is_bcrypt(hash) && !is_sha_crypt(hash)) {
        return err_set(err, ERR_INVALID,
                       PASSWORD_FLAG ": line %zu: the password of %.60s is no bcrypt, SHA-512 or "
                                     "SHA-256 hash that can be used; make it with htpasswd -B",
                       number, line);
    }
    for (size_t i = 0; i < c->user_count; i++) {
        if (strcmp(c->users[i].name, line) == 0) {
            return err_set(err, ERR_INVALID, PASSWORD_FLAG ": line %zu: %.60s is there twice",
                           number, line);
        }
    }
    if (c->user_count == USERS_MAX) {
        return err_set(err, ERR_INVALID, PASSWORD_FLAG ": more than %d users", (int)USERS_MAX);
    }
    c->users[c->user_count++] = (struct user){ .name = line, .hash = hash };
    return 0;
}

static int read_token(struct credentials *c, char *line, size_t number, struct err *err)
{
    const char *colon = strrchr(line, ':'); // no token has one
    const char *token = colon == NULL ? line : colon + 1;
    if (strlen(token) < TOKEN_SIZE_MIN || strspn(token, TOKEN_CHARS) != strlen(token)) {
        return err_set(err, ERR_INVALID,
                       TOKEN_FLAG ": line %zu: expected TOKEN or NAME:TOKEN; a token has %d or "
                                  "more letters, digits and -._~+/=",
                       number, (int)TOKEN_SIZE_MIN);
    }
    if (c->token_count == TOKENS_MAX) {
        return err_set(err, ERR_INVALID, TOKEN_FLAG ": more than %d tokens", (int)TOKENS_MAX);
    }
    c->tokens[c->token_count++] = digest_of(c, token);
    return 0;
}

static int read_file(const char *flag, const char *path, struct buf *text, struct err *err)
{
    if (secret_file_read(flag, path, text, err) != 0) {
        return err->status;
    }
    if (text->size > 0 && memchr(text->data, '\0', text->size) != NULL) {
        return err_set(err, ERR_INVALID, "%s: %.300s is no text", flag, path);
    }
    (void)buf_text(text); // has a NUL behind it now, unless it is bad
    return text->bad ? err_set(err, ERR_INVALID, "%s: %.300s is too large", flag, path) : 0;
}

static int read_passwords(struct credentials *c, const char *path, struct err *err)
{
    if (read_file(PASSWORD_FLAG, path, &c->passwords, err) != 0 ||
        each_line(c, &c->passwords, read_user, err) != 0) {
        return err->status;
    }
    return c->user_count > 0 ? 0
                             : err_set(err, ERR_INVALID,
                                       PASSWORD_FLAG ": %.300s has no users; "
                                                     "add one with htpasswd -B",
                                       path);
}

static int read_tokens(struct credentials *c, const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, FILE_SIZE_MAX);
    int status = read_file(TOKEN_FLAG, path, &text, err);
    if (status == 0) {
        status = each_line(c, &text, read_token, err);
    }
    secret_wipe(&text);
    if (status == 0 && c->token_count == 0) {
        status = err_set(err, ERR_INVALID, TOKEN_FLAG ": %.300s has no tokens", path);
    }
    return status;
}

int credentials_read(const char *password_file, const char *token_file,
                     struct credentials **ret_credentials, struct err *err)
{
    struct credentials *c = mem_zalloc(sizeof(*c));
    if (c == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for passwords");
    }
    atomic_init(&c->count, 1);
    (void)pthread_mutex_init(&c->lock, NULL); // cannot fail on Linux
    buf_init(&c->passwords, FILE_SIZE_MAX);
    c->users = mem_zalloc_array(USERS_MAX, sizeof(*c->users));
    c->tokens = mem_zalloc_array(TOKENS_MAX, sizeof(*c->tokens));
    int status = 0;
    if (c->users == NULL || c->tokens == NULL) {
        status = err_set(err, ERR_NO_MEMORY, "out of memory for passwords");
    } else if (getrandom(c->key, sizeof(c->key), 0) != (ssize_t)sizeof(c->key)) {
        status = err_set(err, ERR_IO, "the kernel has no random numbers");
    } else if ((password_file[0] != '\0' && read_passwords(c, password_file, err) != 0) ||
               (token_file[0] != '\0' && read_tokens(c, token_file, err) != 0)) {
        status = err->status;
    }
    if (status != 0) {
        credentials_unref(c);
        return status;
    }
    *ret_credentials = c;
    return 0;
}

struct credentials *credentials_ref(struct credentials *c)
{
    atomic_fetch_add(&c->count, 1);
    return c;
}

void credentials_unref(struct credentials *c)
{
    if (c == NULL || atomic_fetch_sub(&c->count, 1) > 1) {
        return;
    }
    secret_wipe(&c->passwords);
    (void)pthread_mutex_destroy(&c->lock); // nobody has it
    mem_free(c->users);
    mem_free(c->tokens);
    explicit_bzero(c, sizeof(*c));
    mem_free(c);
}

// --- Looking -------------------------------------------------------------------------------------

bool credentials_have_passwords(const struct credentials *c)
{
    return c->user_count > 0;
}

bool credentials_have_tokens(const struct credentials *c)
{
    return c->token_count > 0;
}

bool credentials_know_token(const struct credentials *c, const char *token)
{
    struct digest d = digest_of(c, token);
    bool known = false;
    for (size_t i = 0; i < c->token_count; i++) {
        known |= credentials_same(&d, &c->tokens[i], sizeof(d));
    }
    return known;
}

bool credentials_remember(struct credentials *c, const char *pair, uint64_t now_ns)
{
    struct digest d = digest_of(c, pair);
    bool known = false;
    (void)pthread_mutex_lock(&c->lock); // ours
    for (size_t i = 0; i < REMEMBERED_MAX; i++) {
        known |= credentials_same(&d, &c->remembered[i].pair, sizeof(d)) &&
                 now_ns < c->remembered[i].until_ns;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return known;
}

/// The one that would be forgotten first makes room.
static void memorize(struct credentials *c, const char *pair, uint64_t now_ns)
{
    struct digest d = digest_of(c, pair);
    (void)pthread_mutex_lock(&c->lock); // ours
    struct remembered *oldest = &c->remembered[0];
    for (size_t i = 1; i < REMEMBERED_MAX; i++) {
        oldest = c->remembered[i].until_ns < oldest->until_ns ? &c->remembered[i] : oldest;
    }
    *oldest = (struct remembered){ .pair = d, .until_ns = now_ns + REMEMBERED_S * NS_PER_S };
    (void)pthread_mutex_unlock(&c->lock);
}

static bool hash_fits(const char *password, const char *hash)
{
    struct crypt_data *data = mem_zalloc(sizeof(*data)); // 32 KB: too large for a stack
    if (data == NULL) {
        return false;
    }
    const char *made = crypt_r(password, hash, data);
    size_t size = strlen(hash);
    bool fits = made != NULL && strlen(made) == size && credentials_same(made, hash, size);
    explicit_bzero(data, sizeof(*data));
    mem_free(data);
    return fits;
}

bool credentials_check(struct credentials *c, const char *pair, uint64_t now_ns)
{
    const char *colon = strchr(pair, ':');
    if (colon == NULL || c->user_count == 0) {
        return false;
    }
    const struct user *user = NULL;
    for (size_t i = 0; i < c->user_count; i++) {
        const char *name = c->users[i].name;
        if (strlen(name) == (size_t)(colon - pair) && memcmp(name, pair, strlen(name)) == 0) {
            user = &c->users[i];
        }
    }
    bool fits = hash_fits(colon + 1, user != NULL ? user->hash : c->users[0].hash);
    if (user == NULL || !fits) {
        return false;
    }
    memorize(c, pair, now_ns);
    return true;
}
