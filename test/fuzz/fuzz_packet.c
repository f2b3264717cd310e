// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a sampled header, with and without packet rules. The first byte chooses the mapping
 * and the protocol of the header. */
#include <string.h>

#include "decode/decode.h"
#include "fuzz.h"

static void put32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(v >> (24 - 8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t PROTOCOLS[] = { 1, 11, 12, 13, 7 };
    enum { AROUND = 28 + 8 + 32 + 8 + 16, HEADER_MAX = 60000 };
    static uint8_t datagram[AROUND + HEADER_MAX];
    if (size == 0 || size > HEADER_MAX) {
        return 0;
    }
    uint32_t header = (uint32_t)size - 1;
    const uint32_t words[] = { 5,
                               1,
                               0xc0000201,
                               0,
                               1,
                               0,
                               1, // datagram
                               1,
                               32 + 8 + 16 + header,
                               1,
                               1,
                               1,
                               1,
                               0,
                               1,
                               2,
                               1, // sample
                               1,
                               16 + header,
                               PROTOCOLS[(data[0] >> 1) % 5],
                               header,
                               0,
                               header };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        put32(datagram + 4 * i, words[i]);
    }
    memcpy(datagram + AROUND, data + 1, header);
    struct fuzz_path *p = fuzz_path((data[0] & 1) != 0);
    struct chunk chunk = fuzz_chunk(datagram, AROUND + header);
    fuzz_decode(p, &chunk);
    fuzz_check(p);
    return 0;
}
