// SPDX-License-Identifier: Apache-2.0
#include "app/sampling.h"

#include "../unit.h"
#include "base/buf.h"

static const struct sampling *parsed(const char *text)
{
    static struct sampling s;
    struct err err = { 0 };
    if (sampling_parse(text, &s, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return &s;
}

static uint64_t rate_of(const struct sampling *s, const char *exporter)
{
    struct addr a = { 0 };
    if (exporter[0] != '\0') {
        assert_int_equal(addr_get((const uint8_t *)exporter, strlen(exporter), &a), 0);
    }
    return sampling_of(s, &a);
}

static void the_longest_network_wins(void **state)
{
    static const char *const ORDERS[] = {
        "1000,192.0.2.1=512,192.0.2.0/24=256,10.0.0.0/8=100,2001:db8::/32=64,2001:db8::1=32",
        "2001:db8::1=32,2001:db8::/32=64,10.0.0.0/8=100,192.0.2.0/24=256,192.0.2.1=512,,1000,",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct sampling *s = parsed(ORDERS[i]);
        assert_int_equal(rate_of(s, "192.0.2.1"), 512);
        assert_int_equal(rate_of(s, "192.0.2.2"), 256);
        assert_int_equal(rate_of(s, "10.255.0.1"), 100);
        assert_int_equal(rate_of(s, "11.0.0.1"), 1000);
        assert_int_equal(rate_of(s, "2001:db8::1"), 32);
        assert_int_equal(rate_of(s, "2001:db8::2"), 64);
        assert_int_equal(rate_of(s, "2001:db9::"), 1000);
        assert_int_equal(rate_of(s, ""), 1000); // an exporter that nobody named
    }
    const struct sampling *s = parsed("");
    assert_int_equal(rate_of(s, "192.0.2.1"), 0);
    s = parsed("0.0.0.0/0=7");
    assert_int_equal(rate_of(s, "192.0.2.1"), 7);
    assert_int_equal(rate_of(s, "::1"), 0);
    assert_int_equal(rate_of(s, ""), 0);
    s = parsed("4294967295");
    assert_int_equal(rate_of(s, "::1"), UINT32_MAX);
}

static void what_is_wrong_is_shown(void **state)
{
    static const char *const BAD[] = { "0",           "-1",
                                       "x",           "1.5",
                                       "4294967296",  "192.0.2.1=0",
                                       "192.0.2.1=",  "=5",
                                       "192.0.2.1",   "192.0.2.0/33=5",
                                       "1000,host=5", "192.0.2.1=5=6",
                                       "1000;5" };
    static struct sampling s;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        assert_int_equal(sampling_parse(BAD[i], &s, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "-sampling.default"));
        assert_non_null(strstr(err.text, "192.0.2.1=512")); // what would be right
    }
    char text[400];
    memset(text, '1', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(sampling_parse(text, &s, &err), ERR_INVALID);
    struct buf many;
    buf_init(&many, 1 << 20);
    for (int i = 0; i < SAMPLING_RULES_MAX; i++) {
        buf_printf(&many, "10.0.%d.%d=5,", i / 256, i % 256);
    }
    assert_int_equal(sampling_parse(buf_text(&many), &s, &err), 0);
    assert_int_equal(s.count, SAMPLING_RULES_MAX);
    buf_append_text(&many, "11.0.0.0=5");
    assert_int_equal(sampling_parse(buf_text(&many), &s, &err), ERR_FULL);
    assert_non_null(strstr(err.text, "more than 256"));
    buf_release(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_network_wins),
        cmocka_unit_test(what_is_wrong_is_shown),
    };
    return UNIT_MAIN("sampling", tests);
}
