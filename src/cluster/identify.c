// SPDX-License-Identifier: Apache-2.0
/*
 * OpenSearch says so in version.distribution, unless it was told to pass for Elasticsearch 7.10.2
 * (compatibility.override_main_response_version), when it cannot be told from it: both know the
 * same calls then. Serverless says so in version.build_flavor and has a version that means nothing.
 * Elasticsearch is what has a version.number and a cluster_name. No header is insisted on.
 */
#include "cluster/identify.h"

#include <string.h>

#include "base/json_find.h"
#include "base/num.h"

enum { TEXT_MAX = 256 };

static const char *const PRODUCTS[CLUSTER_PRODUCT_COUNT] = {
    [CLUSTER_UNKNOWN] = "unknown",
    [CLUSTER_ELASTICSEARCH] = "elasticsearch",
    [CLUSTER_SERVERLESS] = "serverless",
    [CLUSTER_OPENSEARCH] = "opensearch",
};

const char *cluster_product_text(enum cluster_product product)
{
    return PRODUCTS[product];
}

bool identify_product(const char *text, enum cluster_product *ret_product)
{
    for (int i = CLUSTER_UNKNOWN + 1; i < CLUSTER_PRODUCT_COUNT; i++) {
        if (strcmp(text, PRODUCTS[i]) == 0) {
            *ret_product = (enum cluster_product)i;
            return true;
        }
    }
    return false;
}

/// A text of the answer as a C string, cut to its room; "" when it is not there. What is no
/// printable ASCII becomes "?": it goes into logs.
static void get_text(const uint8_t *body, size_t size, const char *path, char *text,
                     size_t text_size)
{
    struct buf value;
    buf_init(&value, size + 1);
    text[0] = '\0';
    if (json_find_text(body, size, path, &value) && value.size > 0) {
        size_t kept = value.size < text_size - 1 ? value.size : text_size - 1;
        for (size_t i = 0; i < kept; i++) {
            text[i] = value.data[i] < ' ' || value.data[i] > '~' ? '?' : (char)value.data[i];
        }
        text[kept] = '\0';
    }
    buf_release(&value);
}

/// The whole number that the text begins with, 0 when there is none or it is too large.
static unsigned leading_number(const char *text)
{
    uint64_t number;
    size_t size = strspn(text, "0123456789");
    return num_get_u64(text, size, UINT16_MAX, &number) == 0 ? (unsigned)number : 0;
}

struct cluster_info identify_parse(const uint8_t *body, size_t size)
{
    struct cluster_info info = { .product = CLUSTER_UNKNOWN };
    char distribution[TEXT_MAX];
    char flavor[TEXT_MAX];
    get_text(body, size, "version/number", info.version, sizeof(info.version));
    get_text(body, size, "cluster_name", info.name, sizeof(info.name));
    get_text(body, size, "version/distribution", distribution, sizeof(distribution));
    get_text(body, size, "version/build_flavor", flavor, sizeof(flavor));
    if (strcmp(distribution, "opensearch") == 0) {
        info.product = CLUSTER_OPENSEARCH;
    } else if (distribution[0] != '\0') {
        return info; // somebody else's: what all have is used
    } else if (strcmp(flavor, "serverless") == 0) {
        info.product = CLUSTER_SERVERLESS;
    } else if (info.version[0] != '\0' && info.name[0] != '\0') {
        info.product = CLUSTER_ELASTICSEARCH;
    }
    if (info.product != CLUSTER_UNKNOWN) {
        const char *dot = strchr(info.version, '.');
        info.major = leading_number(info.version);
        info.minor = dot == NULL ? 0 : leading_number(dot + 1);
    }
    return info;
}
