// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as what a server answers: which product it is, what is wrong, and values at the paths
 * that are asked for. Whatever comes out is bounded, and nothing that could move a terminal's
 * cursor.
 */
#include <string.h>

#include "base/check.h"
#include "base/json_find.h"
#include "cluster/identify.h"
#include "fuzz.h"

enum { EXPLANATION_SIZE_MAX = 1400 };

static const char *const PATHS[] = { "", "error/type", "error/root_cause/0/reason",
                                     "items/1/create", "version/number" };

static void check_line(const char *text, size_t size, bool ascii)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];
        CHECK(c >= ' ');
        CHECK(c != 0x7f);
        CHECK(!ascii || c < 0x7f);
    }
}

static void identify(const uint8_t *data, size_t size)
{
    struct cluster_info info = identify_parse(data, size);
    CHECK(memchr(info.version, '\0', sizeof(info.version)) != NULL);
    CHECK(memchr(info.name, '\0', sizeof(info.name)) != NULL);
    check_line(info.version, strlen(info.version), true);
    check_line(info.name, strlen(info.name), true);
    CHECK(strlen(cluster_product_text(info.product)) > 0);
    CHECK(info.product != CLUSTER_UNKNOWN || info.major == 0);
}

static void explain(const uint8_t *data, size_t size)
{
    struct cluster_reply reply;
    struct buf out;
    cluster_reply_init(&reply);
    buf_init(&out, EXPLANATION_SIZE_MAX);
    reply.status = size == 0 ? 500 : 200 + 2U * data[0];
    buf_append(&reply.body, data, size);
    cluster_explain(&reply, &out);
    CHECK(!out.bad);
    CHECK(out.size > 0);
    check_line((const char *)out.data, out.size, false);
    buf_release(&out);
    cluster_reply_release(&reply);
}

static void find(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        struct json_value v;
        if (json_find(data, size, PATHS[i], &v)) {
            CHECK(v.data >= data);
            CHECK(v.data + v.size <= data + size);
            CHECK(v.size > 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    identify(data, size);
    explain(data, size);
    find(data, size);
    return 0;
}
