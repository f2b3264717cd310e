// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a database, as City and as ASN: it is refused with words, or addresses are looked up
 * in it, and what comes out is JSON in UTF-8 of one line.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json_rd.h"
#include "base/utf8.h"
#include "enrich/enrich.h"
#include "fuzz.h"

enum { TEXT_SIZE_MAX = 2000 };

static const char *const ADDRESSES[] = { "0.0.0.0",
                                         "1.1.1.1",
                                         "10.0.0.1",
                                         "81.2.69.160",
                                         "128.0.0.0",
                                         "192.0.2.1",
                                         "216.160.83.57",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "2001:218::1",
                                         "2001:db8::1",
                                         "2a02:ffff::",
                                         "8000::",
                                         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                         "::ffff:10.0.0.1" };

static void check_text(const uint8_t *text, size_t size)
{
    uint32_t code;
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_next(text + i, size - i, &code);
        CHECK(length > 0);
        CHECK(code >= 0x20);
    }
}

static void check_json(const struct batch *b, struct span span)
{
    struct json_rd r = { .begin = batch_bytes(b, span),
                         .at = batch_bytes(b, span),
                         .end = batch_bytes(b, span) + span.count };
    if (span.count > 0) {
        CHECK(span.count <= TEXT_SIZE_MAX);
        CHECK(json_rd_is_at(&r, '{'));
        CHECK(json_rd_value(&r));
        CHECK(r.at == r.end);
        check_text(r.begin, span.count);
    }
}

static void look_up(struct enricher *x, struct batch_pool *pool)
{
    struct batch *b = batch_get(pool);
    for (size_t i = 0; i < sizeof(ADDRESSES) / sizeof(ADDRESSES[0]); i++) {
        struct flow *f = &b->flows[b->flow_count++];
        memset(f, 0, sizeof(*f));
        CHECK(addr_parse(ADDRESSES[i], &f->src_addr) == 0);
        f->dst_addr = f->src_addr;
        f->sampler_address = f->src_addr;
        f->in_if = (uint32_t)i;
    }
    enrich_batch(x, b);
    for (size_t i = 0; i < b->flow_count; i++) {
        const struct place *p = &b->flows[i].src_place;
        check_json(b, p->geo);
        check_json(b, p->as);
        CHECK(p->as_name.count <= TEXT_SIZE_MAX);
        CHECK(p->geo.offset == b->flows[i].dst_place.geo.offset);
    }
    batch_unref(b);
}

static void try_as(const char *city, const char *asn)
{
    static struct batch_pool *pool;
    struct err err = { 0 };
    struct enrich *e;
    struct enricher *x;
    const struct enrich_settings settings = {
        .city = city, .asn = asn, .networks = "", .names = ""
    };
    if (pool == NULL) {
        CHECK(batch_pool_new(1, NULL, NULL, &pool) == 0);
    }
    if (enrich_open(&settings, &e, &err) != 0) {
        CHECK(err.text[0] != '\0');
        return;
    }
    CHECK(enricher_new(e, &x) == 0);
    look_up(x, pool);
    look_up(x, pool);
    enricher_free(x);
    enrich_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(size == 0 || write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); // it is short
    try_as(path, "none");
    try_as("none", path);
    CHECK(close(fd) == 0);
    return 0;
}
