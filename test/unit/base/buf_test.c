// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include "../unit.h"
#include "base/status.h"

static void grows_to_its_cap_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++) {
        buf_append(&b, "0123456789", 10);
    }
    assert_false(b.bad);
    assert_int_equal(b.size, 1000);
    buf_append_char(&b, 'x');
    assert_true(b.bad);
    assert_int_equal(b.size, 1000);
    assert_int_equal(buf_reserve(&b, 1), ERR_FULL);
    buf_clear(&b);
    assert_false(b.bad);
    buf_append_text(&b, "again");
    assert_string_equal(buf_text(&b), "again");
    assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_FULL);
    buf_release(&b);
}

static void appends(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_string_equal(buf_text(&b), "");
    buf_append_u64(&b, UINT64_MAX);
    buf_printf(&b, " %s %d", "text", -5);
    buf_append(&b, NULL, 0);
    assert_string_equal(buf_text(&b), "18446744073709551615 text -5");
    assert_int_equal(buf_reserve(&b, 4), 0);
    memcpy(buf_tail(&b), "tail", 4);
    buf_advance(&b, buf_tail(&b) + 4);
    assert_string_equal(buf_text(&b), "18446744073709551615 text -5tail");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_cap_and_no_further),
        cmocka_unit_test(appends),
    };
    return UNIT_MAIN("base/buf", tests);
}
