// SPDX-License-Identifier: Apache-2.0
/*
 * libdeflate works on whole blocks and is about twice as fast as zlib at the same level. Its
 * checksum of the content is looked at when unpacking.
 */
#include "base/pack.h"

#include <libdeflate.h>

#include "base/mem.h"
#include "base/status.h"

struct packer {
    struct libdeflate_compressor *compressor;
    struct libdeflate_decompressor *decompressor;
};

int packer_new(int level, struct packer **ret_packer)
{
    struct packer *p = mem_zalloc(sizeof(*p));
    if (p == NULL) {
        return ERR_NO_MEMORY;
    }
    p->compressor = libdeflate_alloc_compressor(level);
    p->decompressor = libdeflate_alloc_decompressor();
    if (p->compressor == NULL || p->decompressor == NULL) {
        packer_free(p);
        return ERR_NO_MEMORY;
    }
    *ret_packer = p;
    return 0;
}

void packer_free(struct packer *p)
{
    if (p == NULL) {
        return;
    }
    libdeflate_free_compressor(p->compressor); // NULL is fine for both
    libdeflate_free_decompressor(p->decompressor);
    mem_free(p);
}

int packer_pack(struct packer *p, const void *data, size_t size, struct buf *out)
{
    size_t room = libdeflate_gzip_compress_bound(p->compressor, size);
    int status = buf_reserve(out, room);
    if (status != 0) {
        return status;
    }
    size_t packed = libdeflate_gzip_compress(p->compressor, data, size, buf_tail(out), room);
    CHECK(packed > 0); // there is room for the worst case
    buf_advance(out, buf_tail(out) + packed);
    return 0;
}

int packer_unpack(struct packer *p, const void *data, size_t size, size_t raw_size, struct buf *out)
{
    uint8_t none = 0; // libdeflate wants a place to write to, even for nothing
    size_t used = 0;
    int status = buf_reserve(out, raw_size);
    if (status != 0) {
        return status;
    }
    // Without a place for the actual size anything but raw_size bytes is refused.
    enum libdeflate_result result = libdeflate_gzip_decompress_ex(
        p->decompressor, data, size, raw_size > 0 ? buf_tail(out) : &none, raw_size, &used, NULL);
    if (result != LIBDEFLATE_SUCCESS || used != size) {
        return ERR_INVALID;
    }
    if (raw_size > 0) {
        buf_advance(out, buf_tail(out) + raw_size);
    }
    return 0;
}
