// SPDX-License-Identifier: Apache-2.0
/* libdeflate, which wants the whole block and knows beforehand how large it can become. */
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
    if (p->compressor != NULL) {
        libdeflate_free_compressor(p->compressor);
    }
    if (p->decompressor != NULL) {
        libdeflate_free_decompressor(p->decompressor);
    }
    mem_free(p);
}

int packer_pack(struct packer *p, const void *data, size_t size, struct buf *out)
{
    size_t bound = libdeflate_gzip_compress_bound(p->compressor, size);
    int status = buf_reserve(out, bound);
    if (status != 0) {
        return status;
    }
    size_t packed = libdeflate_gzip_compress(p->compressor, data, size, buf_tail(out), bound);
    CHECK(packed > 0); // it fits what it said
    out->size += packed;
    return 0;
}

int packer_unpack(struct packer *p, const void *data, size_t size, size_t raw_size,
                  struct buf *out)
{
    int status = buf_reserve(out, raw_size);
    if (status != 0) {
        return status;
    }
    size_t used;
    size_t made;
    enum libdeflate_result result = libdeflate_gzip_decompress_ex(
        p->decompressor, data, size, buf_tail(out), raw_size, &used, &made);
    if (result != LIBDEFLATE_SUCCESS || used != size || made != raw_size) {
        return ERR_INVALID;
    }
    out->size += made;
    return 0;
}
