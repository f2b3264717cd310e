// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a datagram, and then as two: no crash, the books balance, every list lies in its
 * batch, and every format can write what came out. The first byte chooses the mapping.
 */
#include "decode/decode.h"
#include "format/format.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_path *p = fuzz_path(size > 0 && (data[0] & 1) != 0);
    if (size == 0) {
        return 0;
    }
    struct chunk chunk = fuzz_chunk(data + 1, size - 1);
    fuzz_decode(p, &chunk);
    chunk.scheme = SCHEME_FLOW;
    fuzz_decode(p, &chunk);
    fuzz_check(p);
    return 0;
}
