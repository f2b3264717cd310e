// SPDX-License-Identifier: Apache-2.0
/*
 * Elasticsearch makes a CA of its own when it first starts, and prints the SHA-256 of its
 * certificate; it sends that certificate along with its own. So a client that was told the
 * fingerprint needs no file: the certificate is looked for in what the server sent, and is then
 * the only one that is trusted for this connection. Everything else (signatures, dates, purposes)
 * is checked as ever, by X509_verify_cert(), and the host's name by the HTTP library.
 *
 * Without a fingerprint the same call is made with what the library trusts, so that the names in
 * the certificate are known when they turn out to be wrong.
 */
#include "cluster/pin.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/num.h"

/// Besides OpenSSL's X509_V_ERR_*, which are positive.
enum {
    PIN_NOT_SENT = -1, ///< none of the server's certificates has the fingerprint
    PIN_NO_CA = -2,    ///< one has, but is not a CA's
};

#define OPTION "-transport.elasticsearch."

int pin_parse(const char *text, uint8_t ret_fingerprint[static PIN_SIZE], struct err *err)
{
    uint8_t bytes[PIN_SIZE] = { 0 };
    size_t digits = 0;
    bool sane = true;
    for (const char *c = text; sane && *c != '\0'; c++) {
        int digit = num_hex_digit((uint8_t)*c);
        if (*c == ':' && digits % 2 == 0) {
            continue;
        }
        sane = digit >= 0 && digits < (size_t)2 * PIN_SIZE;
        if (sane) {
            bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | digit);
            digits++;
        }
    }
    if (!sane || digits != (size_t)2 * PIN_SIZE) {
        return err_set(err, ERR_INVALID,
                       OPTION "ca_fingerprint: expected the SHA-256 of a certificate, 64 digits "
                              "in hex, as Elasticsearch prints it or: openssl x509 -noout -sha256 "
                              "-fingerprint -in FILE");
    }
    memcpy(ret_fingerprint, bytes, sizeof(bytes));
    return 0;
}

// --- Names of a certificate ----------------------------------------------------------------------

/// Appends to a list of names as far as there is room. Only harmless characters: it goes into logs.
static void add_name(struct pin *pin, const uint8_t *text, size_t size)
{
    size_t used = strlen(pin->names);
    if (size == 0 || used + size + 3 > sizeof(pin->names)) {
        return;
    }
    if (used > 0) {
        memcpy(pin->names + used, ", ", 2);
        used += 2;
    }
    for (size_t i = 0; i < size; i++) {
        pin->names[used + i] = text[i] <= ' ' || text[i] > '~' ? '?' : (char)text[i];
    }
    pin->names[used + size] = '\0';
}

static void add_alternative(struct pin *pin, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_IPADD) {
        return;
    }
    const uint8_t *data = ASN1_STRING_get0_data(value);
    size_t size = (size_t)ASN1_STRING_length(value);
    if (type == GEN_DNS) {
        add_name(pin, data, size);
    } else if (size == ADDR_V4_SIZE || size == ADDR_V6_SIZE) {
        char text[ADDR_TEXT_SIZE_MAX + 1];
        struct addr addr = size == ADDR_V4_SIZE ? addr_v4(data) : addr_v6(data);
        add_name(pin, (const uint8_t *)text, strlen(addr_text(&addr, text)));
    }
}

static void read_names(struct pin *pin, const X509 *cert)
{
    pin->names[0] = '\0';
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        add_alternative(pin, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
    int at = X509_NAME_get_index_by_NID(X509_get_subject_name(cert), NID_commonName, -1);
    if (pin->names[0] == '\0' && at >= 0) {
        const ASN1_STRING *name =
            X509_NAME_ENTRY_get_data(X509_NAME_get_entry(X509_get_subject_name(cert), at));
        add_name(pin, ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
    }
}

// --- Trust ---------------------------------------------------------------------------------------

static bool has_fingerprint(const X509 *cert, const uint8_t fingerprint[static PIN_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size;
    return X509_digest(cert, EVP_sha256(), digest, &size) == 1 && size == PIN_SIZE &&
           memcmp(digest, fingerprint, PIN_SIZE) == 0;
}

/// The pinned certificate among those that the server sent, or NULL; pin->error says why.
static X509 *find_pinned(struct pin *pin, X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
    pin->error = PIN_NOT_SENT;
    for (int i = 0; i < sk_X509_num(sent); i++) {
        X509 *cert = sk_X509_value(sent, i);
        if (has_fingerprint(cert, pin->fingerprint)) {
            pin->error = PIN_NO_CA;
            return X509_check_ca(cert) > 0 ? cert : NULL;
        }
    }
    return NULL;
}

/// X509_verify_cert() with nothing trusted but the pinned certificate.
static int verify_pinned(struct pin *pin, X509_STORE_CTX *ctx)
{
    X509 *pinned = find_pinned(pin, ctx);
    STACK_OF(X509) *trusted = sk_X509_new_null();
    int verdict = 0;
    if (pinned != NULL && trusted != NULL && sk_X509_push(trusted, pinned) > 0) {
        // An intermediate CA may be pinned as well as a root.
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
        X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
        verdict = X509_verify_cert(ctx);
        pin->error = X509_STORE_CTX_get_error(ctx);
    } else {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
    }
    sk_X509_free(trusted);
    return verdict;
}

static int verify(X509_STORE_CTX *ctx, void *context)
{
    struct pin *pin = context;
    read_names(pin, X509_STORE_CTX_get0_cert(ctx));
    if (pin->wanted) {
        return verify_pinned(pin, ctx);
    }
    int verdict = X509_verify_cert(ctx);
    pin->error = X509_STORE_CTX_get_error(ctx);
    return verdict;
}

void pin_apply(struct pin *pin, void *ssl_ctx)
{
    SSL_CTX_set_cert_verify_callback(ssl_ctx, verify, pin);
}

const char *pin_why(const struct pin *pin)
{
    switch (pin->error) {
    case X509_V_OK:
        return NULL;
    case PIN_NOT_SENT:
        return "none of its certificates has the fingerprint of " OPTION
               "ca_fingerprint (it has to send its CA's)";
    case PIN_NO_CA:
        return OPTION "ca_fingerprint is of the server's own certificate; its CA's is needed";
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "a certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "a certificate is not valid yet (is the clock right?)";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "the certificate is signed by nobody but itself; see " OPTION "ca";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "the certificate is not signed by a CA that is trusted; see " OPTION
               "ca and ca_fingerprint";
    default:
        return X509_verify_cert_error_string(pin->error);
    }
}

// --- Files ---------------------------------------------------------------------------------------

int pin_check_ca(const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return err_set_errno(err, errno, OPTION "ca: cannot read %s", path);
    }
    X509 *cert = PEM_read_X509_AUX(file, NULL, NULL, NULL);
    (void)fclose(file); // it was only read
    ERR_clear_error();
    if (cert == NULL) {
        return err_set(err, ERR_INVALID, OPTION "ca: %.300s holds no certificate in PEM form",
                       path);
    }
    X509_free(cert);
    return 0;
}

/// Nobody is asked for a password on the terminal.
static int no_password(char *text, int size, int writing, void *context)
{
    (void)writing;
    (void)context;
    if (size > 0) {
        text[0] = '\0';
    }
    return 0;
}

static int check_pair(SSL_CTX *ctx, const char *cert, const char *key, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1) {
        return err_set(err, ERR_INVALID, OPTION "cert: %.300s holds no certificate in PEM form",
                       cert);
    }
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(ctx) == 1) {
        return 0;
    }
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509 ||
        ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL) {
        return err_set(err, ERR_INVALID, OPTION "key: %.200s does not belong to %.200s", key, cert);
    }
    return err_set(err, ERR_INVALID,
                   OPTION "key: %.300s holds no key in PEM form, or one that needs a password",
                   key);
}

int pin_check_pair(const char *cert, const char *key, struct err *err)
{
    if (access(cert, R_OK) != 0) {
        return err_set_errno(err, errno, OPTION "cert: cannot read %s", cert);
    }
    if (access(key, R_OK) != 0) {
        return err_set_errno(err, errno, OPTION "key: cannot read %s", key);
    }
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory");
    }
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    int status = check_pair(ctx, cert, key, err);
    ERR_clear_error();
    SSL_CTX_free(ctx);
    return status;
}
