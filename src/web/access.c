// SPDX-License-Identifier: Apache-2.0
/*
 * See web/access.h. In this order: the Host, where a request comes from, who makes it; so that a
 * page of another site learns nothing about passwords.
 *
 * Hashes are slow on purpose, and a page asks for many things at once. So few are computed at the
 * same time, the others wait, and most of them find that the same pair was found right meanwhile.
 * Who guesses wrong hears of it half a second later; who guesses wrong too often waits longer and
 * costs nothing.
 */
#include "web/access.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/secret_file.h"
#include "web/credentials.h"
#include "web/listening.h"
#include "web/throttle.h"

enum {
    HASHING_MAX = 2,
    WAITING_MAX = 64, ///< threads that wait for their turn to hash
    SORRY_MAX = 16,   ///< threads that sleep before they say no
    SORRY_MS = 500,
    SORRY_STEP_MS = 50,
    PAIR_SIZE_MAX = 1024,
    HOST_SIZE = 256,
};

struct access {
    struct access_settings settings;
    bool is_loopback;
    char own_name[HOST_NAME_MAX + 1];
    pthread_mutex_t lock; ///< of all below
    pthread_cond_t turn;
    struct credentials *credentials; ///< NULL: nothing is asked
    unsigned hashing;
    unsigned waiting;
    unsigned sorry;
    struct throttle throttle;
};

// --- Refusing ------------------------------------------------------------------------------------

static bool refuse(struct server_response *response, unsigned status, const char *words)
{
    response->status = status;
    response->content_type = "application/json";
    buf_append_text(&response->body, "{\"error\":{\"text\":");
    json_append_text(&response->body, words);
    buf_append_text(&response->body, "}}\n");
    return false;
}

static bool refuse_for_now(struct server_response *response, unsigned wait_s)
{
    server_add_header(response, "Retry-After", "%u", wait_s);
    return refuse(response, 429, "too many wrong passwords or tokens; try again later");
}

static bool refuse_nobody(const struct credentials *c, struct server_response *response,
                          const char *words)
{
    if (credentials_have_passwords(c)) {
        server_add_header(response, "WWW-Authenticate", "Basic realm=\"weir\", charset=\"UTF-8\"");
    }
    if (credentials_have_tokens(c)) {
        server_add_header(response, "WWW-Authenticate", "Bearer realm=\"weir\"");
    }
    return refuse(response, 401, words);
}

// --- Host and Origin -----------------------------------------------------------------------------

/// The name in HOST or HOST:PORT, without brackets and the dot at its end. False: it is none.
static bool split_host(const char *host, char name[static HOST_SIZE])
{
    const char *begin = host;
    size_t size;
    if (host[0] == '[') {
        begin++;
        size = strcspn(begin, "]");
        if (begin[size] == '\0' || (begin[size + 1] != '\0' && begin[size + 1] != ':')) {
            return false;
        }
    } else {
        size = strcspn(begin, ":");
        if (begin[size] == ':' && strchr(begin + size + 1, ':') != NULL) {
            return false;
        }
    }
    size -= size > 0 && begin[size - 1] == '.' ? 1 : 0;
    if (size == 0 || size >= HOST_SIZE) {
        return false;
    }
    memcpy(name, begin, size);
    name[size] = '\0';
    return true;
}

/// Whether `name` is in a list with commas.
static bool is_listed(const char *list, const char *name)
{
    size_t size = strlen(name);
    bool found = false;
    for (const char *at = list; *at != '\0' && !found;) {
        at += strspn(at, ", ");
        size_t part = strcspn(at, ", ");
        found = part == size && strncasecmp(at, name, size) == 0;
        at += part;
    }
    return found;
}

/// An address that only this machine can have. No page of another site is asked for by one.
static bool is_loopback_address(const char *name)
{
    struct addr a;
    struct cidr v4;
    return addr_parse(name, &a) == 0 && cidr_parse("127.0.0.0/8", &v4) == 0 &&
           (cidr_contains(&v4, &a) || strcmp(name, "::1") == 0);
}

static bool is_our_host(const struct access *a, const char *host)
{
    char name[HOST_SIZE];
    return split_host(host, name) &&
           (strcasecmp(name, "localhost") == 0 || is_loopback_address(name) ||
            strcasecmp(name, a->own_name) == 0 || is_listed(a->settings.hosts, name));
}

static bool only_reads(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static bool is_our_page(const struct access_claim *claim)
{
    if (claim->fetch_site != NULL) {
        return strcmp(claim->fetch_site, "same-origin") == 0 ||
               strcmp(claim->fetch_site, "none") == 0;
    }
    if (claim->origin == NULL) {
        return true; // no browser
    }
    const char *scheme_end = strstr(claim->origin, "://");
    return scheme_end != NULL && claim->host != NULL &&
           strcasecmp(scheme_end + strlen("://"), claim->host) == 0;
}

// --- Passwords -----------------------------------------------------------------------------------

enum verdict { VERDICT_RIGHT, VERDICT_WRONG, VERDICT_LATER };

static void sleep_ms(uint64_t ms)
{
    const struct timespec t = { .tv_nsec = (long)(ms * NS_PER_MS) };
    (void)nanosleep(&t, NULL); // shorter is fine
}

/// Waits before a no, unless too many wait already. False: they do.
static bool be_sorry(struct access *a, const struct access_claim *claim)
{
    (void)pthread_mutex_lock(&a->lock); // ours
    bool may = a->sorry < SORRY_MAX;
    a->sorry += may ? 1 : 0;
    (void)pthread_mutex_unlock(&a->lock);
    if (!may) {
        return false;
    }
    for (unsigned ms = 0; ms < SORRY_MS; ms += SORRY_STEP_MS) {
        if (claim->request != NULL && server_is_gone(claim->request)) {
            break;
        }
        sleep_ms(SORRY_STEP_MS);
    }
    (void)pthread_mutex_lock(&a->lock); // ours
    a->sorry--;
    (void)pthread_mutex_unlock(&a->lock);
    return true;
}

/// Waits for a turn to hash. False: too many wait already. With the lock.
static bool take_turn(struct access *a)
{
    if (a->waiting == WAITING_MAX) {
        return false;
    }
    a->waiting++;
    while (a->hashing == HASHING_MAX) {
        (void)pthread_cond_wait(&a->turn, &a->lock); // cannot fail
    }
    a->waiting--;
    a->hashing++;
    return true;
}

static enum verdict check_pair(struct access *a, struct credentials *c, const char *pair,
                               const struct addr *peer, unsigned *ret_wait_s)
{
    if (credentials_remember(c, pair, clock_mono_ns())) {
        return VERDICT_RIGHT;
    }
    *ret_wait_s = 1;
    (void)pthread_mutex_lock(&a->lock); // ours
    enum verdict verdict = VERDICT_LATER;
    if (take_turn(a)) {
        uint64_t now_ns = clock_mono_ns();
        if (credentials_remember(c, pair, now_ns)) { // by another one meanwhile
            verdict = VERDICT_RIGHT;
        } else if (throttle_allows(&a->throttle, peer, now_ns, ret_wait_s)) {
            throttle_take(&a->throttle, peer, now_ns);
            (void)pthread_mutex_unlock(&a->lock);
            bool right = credentials_check(c, pair, now_ns);
            (void)pthread_mutex_lock(&a->lock);
            verdict = right ? VERDICT_RIGHT : VERDICT_WRONG;
            if (right) {
                throttle_give_back(&a->throttle, peer);
            }
        }
        a->hashing--;
        (void)pthread_cond_signal(&a->turn); // cannot fail
    }
    (void)pthread_mutex_unlock(&a->lock);
    return verdict;
}

static enum verdict check_token(struct access *a, const struct credentials *c, const char *token,
                                const struct addr *peer, unsigned *ret_wait_s)
{
    if (credentials_know_token(c, token)) { // 16 characters are not found by guessing
        return VERDICT_RIGHT;
    }
    uint64_t now_ns = clock_mono_ns();
    (void)pthread_mutex_lock(&a->lock); // ours
    bool may = throttle_allows(&a->throttle, peer, now_ns, ret_wait_s);
    if (may) {
        throttle_take(&a->throttle, peer, now_ns);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return may ? VERDICT_WRONG : VERDICT_LATER;
}

/// What follows the scheme of an Authorization header; NULL: it is another scheme.
static const char *after_scheme(const char *authorization, const char *scheme)
{
    size_t size = strlen(scheme);
    if (strncasecmp(authorization, scheme, size) != 0 || authorization[size] != ' ') {
        return NULL;
    }
    return authorization + size + strspn(authorization + size, " ");
}

static enum verdict check_authorization(struct access *a, struct credentials *c,
                                        const struct access_claim *claim, unsigned *ret_wait_s)
{
    const char *token = after_scheme(claim->authorization, "Bearer");
    const char *basic = after_scheme(claim->authorization, "Basic");
    if (token != NULL && credentials_have_tokens(c)) {
        return check_token(a, c, token, &claim->peer, ret_wait_s);
    }
    if (basic == NULL || !credentials_have_passwords(c)) {
        return VERDICT_WRONG;
    }
    struct buf pair;
    buf_init(&pair, PAIR_SIZE_MAX);
    enum verdict verdict = VERDICT_WRONG;
    if (base64_decode(basic, strlen(basic), &pair) && pair.size > 0 &&
        memchr(pair.data, '\0', pair.size) == NULL) {
        const char *text = buf_text(&pair); // "" when it is too long
        verdict = check_pair(a, c, text, &claim->peer, ret_wait_s);
    }
    secret_wipe(&pair);
    return verdict;
}

static bool judge_claim(struct access *a, struct credentials *c, const struct access_claim *claim,
                        struct server_response *response)
{
    if (claim->authorization == NULL) {
        return refuse_nobody(c, response, "a password or a token is needed");
    }
    unsigned wait_s = 1;
    switch (check_authorization(a, c, claim, &wait_s)) {
    case VERDICT_RIGHT:
        return true;
    case VERDICT_WRONG:
        return be_sorry(a, claim) ? refuse_nobody(c, response, "wrong password or token")
                                  : refuse_for_now(response, wait_s);
    default:
        return refuse_for_now(response, wait_s);
    }
}

bool access_judge(struct access *a, const struct access_claim *claim,
                  struct server_response *response)
{
    if (a->is_loopback && claim->host != NULL && !is_our_host(a, claim->host)) {
        return refuse(response, 421,
                      "this server is not known by the name in Host; "
                      "add it to -web.hosts if it is one of its own");
    }
    if (!only_reads(claim->method) && !is_our_page(claim)) {
        return refuse(response, 403, "a page of another site asks for this");
    }
    (void)pthread_mutex_lock(&a->lock); // ours
    struct credentials *c = a->credentials == NULL ? NULL : credentials_ref(a->credentials);
    (void)pthread_mutex_unlock(&a->lock);
    bool may = c == NULL || judge_claim(a, c, claim, response);
    credentials_unref(c);
    return may;
}

bool access_allows(struct access *a, const struct server_request *request, bool is_open,
                   struct server_response *response)
{
    if (is_open || request->is_local) {
        return true;
    }
    const struct access_claim claim = {
        .method = request->method,
        .host = server_header(request, "Host"),
        .origin = server_header(request, "Origin"),
        .fetch_site = server_header(request, "Sec-Fetch-Site"),
        .authorization = server_header(request, "Authorization"),
        .peer = request->peer,
        .request = request,
    };
    return access_judge(a, &claim, response);
}

// --- Set-up --------------------------------------------------------------------------------------

/// NULL when no file is set.
static int read_credentials(const struct access_settings *s, struct credentials **ret_credentials,
                            struct err *err)
{
    *ret_credentials = NULL;
    if (s->password_file[0] == '\0' && s->token_file[0] == '\0') {
        return 0;
    }
    return credentials_read(s->password_file, s->token_file, ret_credentials, err);
}

int access_open(const struct access_settings *settings, struct access **ret_access, struct err *err)
{
    bool is_loopback = listening_is_loopback(settings->addr);
    if (!is_loopback && settings->password_file[0] == '\0' && settings->token_file[0] == '\0') {
        return err_set(err, ERR_INVALID,
                       "-addr %.100s can be reached from other machines: set -web.password_file or "
                       "-web.token_file, or listen on 127.0.0.1",
                       settings->addr);
    }
    struct credentials *credentials;
    if (read_credentials(settings, &credentials, err) != 0) {
        return err->status;
    }
    struct access *a = mem_zalloc(sizeof(*a));
    if (a == NULL) {
        credentials_unref(credentials);
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    a->settings = *settings;
    a->is_loopback = is_loopback;
    a->credentials = credentials;
    (void)gethostname(a->own_name, sizeof(a->own_name) - 1); // without a name there is one less
    (void)pthread_mutex_init(&a->lock, NULL);                // cannot fail on Linux
    (void)pthread_cond_init(&a->turn, NULL);                 // nor this
    *ret_access = a;
    return 0;
}

int access_reload(struct access *a, struct err *err)
{
    struct credentials *fresh;
    if (read_credentials(&a->settings, &fresh, err) != 0) {
        return err->status;
    }
    (void)pthread_mutex_lock(&a->lock); // ours
    struct credentials *old = a->credentials;
    a->credentials = fresh;
    (void)pthread_mutex_unlock(&a->lock);
    credentials_unref(old);
    return 0;
}

void access_free(struct access *a)
{
    if (a != NULL) {
        credentials_unref(a->credentials);
        (void)pthread_cond_destroy(&a->turn); // nobody waits
        (void)pthread_mutex_destroy(&a->lock);
        mem_free(a);
    }
}
