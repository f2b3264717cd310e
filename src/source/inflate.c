// SPDX-License-Identifier: Apache-2.0
/*
 * Both libraries stop at the end of a member (frame); it is begun anew when input follows. Zeros
 * behind the last gzip member are padding, as gzip itself takes them.
 */
#include "source/inflate.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/status.h"

struct inflate {
    enum inflate_kind kind;
    bool complete; ///< between two members
    bool padding;  ///< zeros behind the last member
    z_stream gzip;
    ZSTD_DCtx *zstd;
    size_t zstd_wanted; ///< bytes that zstd asks for next: a block, or what is before one
};

enum { GZIP_WINDOW_BITS = 15 + 16 }; // the largest window; a gzip header is expected

enum inflate_kind inflate_kind_of(const uint8_t *data, size_t size)
{
    static const uint8_t GZIP[] = { 0x1f, 0x8b };
    static const uint8_t ZSTD[] = { 0x28, 0xb5, 0x2f, 0xfd };
    if (size >= sizeof(GZIP) && memcmp(data, GZIP, sizeof(GZIP)) == 0) {
        return INFLATE_GZIP;
    }
    bool zstd = size >= sizeof(ZSTD) && memcmp(data, ZSTD, sizeof(ZSTD)) == 0;
    return zstd ? INFLATE_ZSTD : INFLATE_NONE;
}

int inflate_new(enum inflate_kind kind, struct inflate **ret_inflate)
{
    struct inflate *s = mem_zalloc(sizeof(*s));
    if (s == NULL) {
        return ERR_NO_MEMORY;
    }
    s->kind = kind;
    bool ok = kind == INFLATE_GZIP ? inflateInit2(&s->gzip, GZIP_WINDOW_BITS) == Z_OK
                                   : (s->zstd = ZSTD_createDCtx()) != NULL;
    if (!ok) {
        mem_free(s);
        return ERR_NO_MEMORY;
    }
    *ret_inflate = s;
    return 0;
}

void inflate_free(struct inflate *s)
{
    if (s == NULL) {
        return;
    }
    if (s->kind == INFLATE_GZIP) {
        (void)inflateEnd(&s->gzip); // says only whether the stream was read to its end
    } else {
        (void)ZSTD_freeDCtx(s->zstd); // always 0
    }
    mem_free(s);
}

static enum inflate_verdict step_gzip(struct inflate *s, const uint8_t *in, size_t in_size,
                                      uint8_t *out, size_t out_size, size_t *ret_taken,
                                      size_t *ret_made)
{
    size_t zeros = 0;
    while (s->complete && zeros < in_size && in[zeros] == 0) {
        zeros++;
        s->padding = true;
    }
    if (s->padding || in_size == 0) {
        *ret_taken = zeros;
        return zeros == in_size ? INFLATE_OK : INFLATE_DAMAGED;
    }
    if (s->complete && inflateReset(&s->gzip) != Z_OK) {
        return INFLATE_DAMAGED;
    }
    s->complete = false;
    s->gzip.next_in = in;
    s->gzip.avail_in = (uInt)in_size;
    s->gzip.next_out = out;
    s->gzip.avail_out = (uInt)out_size;
    int status = inflate(&s->gzip, Z_NO_FLUSH);
    *ret_taken = in_size - s->gzip.avail_in;
    *ret_made = out_size - s->gzip.avail_out;
    s->complete = status == Z_STREAM_END;
    bool ok = status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR;
    return ok ? INFLATE_OK : INFLATE_DAMAGED;
}

enum { ZSTD_HEADER_SIZE = 3 }; // of a block; zstd asks for a block and the next one's header

/// Block by block: where one is damaged, zstd gives nothing of what it made in the same call.
// NOLINTBEGIN(readability-non-const-parameter): zstd writes to `out`
static enum inflate_verdict step_zstd(struct inflate *s, const uint8_t *in, size_t in_size,
                                      uint8_t *out, size_t out_size, size_t *ret_taken,
                                      size_t *ret_made)
{
    size_t wanted = s->zstd_wanted > ZSTD_HEADER_SIZE ? s->zstd_wanted - ZSTD_HEADER_SIZE : 1;
    ZSTD_inBuffer from = { .src = in, .size = in_size < wanted ? in_size : wanted };
    ZSTD_outBuffer to = { .dst = out, .size = out_size };
    size_t status = ZSTD_decompressStream(s->zstd, &to, &from);
    *ret_taken = from.pos;
    *ret_made = to.pos;
    if (ZSTD_isError(status)) {
        return INFLATE_DAMAGED;
    }
    s->zstd_wanted = status;
    if (from.pos > 0 || to.pos > 0) {
        s->complete = status == 0;
    }
    return INFLATE_OK;
}
// NOLINTEND(readability-non-const-parameter)

enum inflate_verdict inflate_step(struct inflate *s, const uint8_t *in, size_t in_size,
                                  uint8_t *out, size_t out_size, size_t *ret_taken,
                                  size_t *ret_made)
{
    *ret_taken = 0;
    *ret_made = 0;
    return s->kind == INFLATE_GZIP ? step_gzip(s, in, in_size, out, out_size, ret_taken, ret_made)
                                   : step_zstd(s, in, in_size, out, out_size, ret_taken, ret_made);
}

bool inflate_is_complete(const struct inflate *s)
{
    return s->complete;
}
