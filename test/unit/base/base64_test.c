// SPDX-License-Identifier: Apache-2.0
/* The vectors of RFC 4648, and what is none. */
#include "../unit.h"
#include "base/base64.h"

static const struct {
    const char *plain;
    const char *encoded;
} VECTORS[] = {
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
    { "\xff\xfe\xfd?>", "//79Pz4=" },
};

static bool decodes(const char *text, const char *plain)
{
    struct buf out;
    buf_init(&out, 100);
    bool ok = base64_decode(text, strlen(text), &out);
    if (ok) {
        assert_int_equal(out.size, strlen(plain));
        assert_true(out.size == 0 || memcmp(out.data, plain, out.size) == 0);
    } else {
        assert_int_equal(out.size, 0);
    }
    buf_release(&out);
    return ok;
}

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        struct buf out;
        buf_init(&out, 100);
        base64_encode(VECTORS[i].plain, strlen(VECTORS[i].plain), &out);
        assert_string_equal(buf_text(&out), VECTORS[i].encoded);
        buf_release(&out);
        assert_true(decodes(VECTORS[i].encoded, VECTORS[i].plain));
    }
}

static void the_end_may_be_left_out(void **state)
{
    (void)state;
    assert_true(decodes("Zg", "f"));
    assert_true(decodes("Zm9vYmE", "fooba"));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = { "Z",     "Zg=",  "Zg===", "Z===",  "====", "Zg=a",
                                         "Zm9v ", "Zm9-", "Zm 9v", "Zm9vY", "=Zm9", "Zm9v\n" };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_false(decodes(TEXTS[i], ""));
    }
    struct buf out;
    buf_init(&out, 100);
    assert_false(base64_decode("Zm\0v", 4, &out));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(the_end_may_be_left_out),
        cmocka_unit_test(anything_else_is_refused),
    };
    return UNIT_MAIN("base/base64", tests);
}
