// SPDX-License-Identifier: Apache-2.0
/* What servers of several makes and ages say to GET /. */
#include "../unit.h"
#include "cluster/identify.h"

static struct cluster_info of(const char *body)
{
    return identify_parse((const uint8_t *)body, strlen(body));
}

static void products_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum cluster_product product;
        unsigned major;
        unsigned minor;
    } CASES[] = {
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"9.5.3\",\"build_flavor\":\"default\"}"
          "}",
          CLUSTER_ELASTICSEARCH, 9, 5 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"7.10.2\",\"build_flavor\":\"oss\"}}",
          CLUSTER_ELASTICSEARCH, 7, 10 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"6.2.0-SNAPSHOT\"}}",
          CLUSTER_ELASTICSEARCH, 6, 2 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"8.11.0\","
          "\"build_flavor\":\"serverless\"}}",
          CLUSTER_SERVERLESS, 8, 11 },
        { "{\"cluster_name\":\"c\",\"version\":{\"distribution\":\"opensearch\","
          "\"number\":\"1.3.20\"}}",
          CLUSTER_OPENSEARCH, 1, 3 },
        { "{\"version\":{\"number\":\"3.6.0\",\"distribution\":\"opensearch\"}}",
          CLUSTER_OPENSEARCH, 3, 6 },
        { "{\"cluster_name\":\"c\",\"version\":{\"distribution\":\"easysearch\","
          "\"number\":\"1.8.0\"}}",
          CLUSTER_UNKNOWN, 0, 0 },
        { "{\"version\":{\"number\":\"8.1.0\"}}", CLUSTER_UNKNOWN, 0, 0 },
        { "{\"cluster_name\":\"c\"}", CLUSTER_UNKNOWN, 0, 0 },
        { "{\"cluster_name\":\"c\",\"version\":\"8.1.0\"}", CLUSTER_UNKNOWN, 0, 0 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":8.1}}", CLUSTER_UNKNOWN, 0, 0 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"odd\"}}", CLUSTER_ELASTICSEARCH, 0,
          0 },
        { "{\"cluster_name\":\"c\",\"version\":{\"number\":\"99999999999999999999.1\"}}",
          CLUSTER_ELASTICSEARCH, 0, 1 },
        { "<html>", CLUSTER_UNKNOWN, 0, 0 },
        { "[]", CLUSTER_UNKNOWN, 0, 0 },
        { "", CLUSTER_UNKNOWN, 0, 0 },
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct cluster_info info = of(CASES[i].body);
        if (info.product != CASES[i].product || info.major != CASES[i].major ||
            info.minor != CASES[i].minor) {
            fail_msg("%s: %d %u.%u", CASES[i].body, (int)info.product, info.major, info.minor);
        }
    }
}

static void texts_are_cut_and_harmless(void **state)
{
    (void)state;
    struct cluster_info info =
        of("{\"cluster_name\":\"a\\nb\\u001b[31m\xff\",\"version\":{\"number\":"
           "\"1.2.3-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}}");
    assert_string_equal(info.name, "a?b?[31m?");
    assert_int_equal(strlen(info.version), sizeof(info.version) - 1);
    assert_int_equal(info.major, 1);
}

static void products_have_names(void **state)
{
    (void)state;
    enum cluster_product product = CLUSTER_UNKNOWN;
    for (int i = CLUSTER_UNKNOWN + 1; i < CLUSTER_PRODUCT_COUNT; i++) {
        const char *text = cluster_product_text((enum cluster_product)i);
        assert_true(identify_product(text, &product));
        assert_int_equal(product, i);
    }
    assert_false(identify_product("unknown", &product));
    assert_false(identify_product("Elasticsearch", &product));
    assert_false(identify_product("", &product));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_told_apart),
        cmocka_unit_test(texts_are_cut_and_harmless),
        cmocka_unit_test(products_have_names),
    };
    return UNIT_MAIN("cluster/identify", tests);
}
