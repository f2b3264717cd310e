// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <errno.h>

#include "../unit.h"

static void texts(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, ERR_FULL, "no room for %d", 5), ERR_FULL);
    assert_int_equal(err.status, ERR_FULL);
    assert_string_equal(err.text, "no room for 5");
    assert_int_equal(err_prefix(&err, "file %s", "x"), ERR_FULL);
    assert_string_equal(err.text, "file x: no room for 5");
    assert_int_equal(err_set_errno(&err, ENOENT, "cannot open %s", "y"), ERR_IO);
    assert_string_equal(err.text, "cannot open y: No such file or directory");
    assert_string_equal(status_text(0), "no error");
    assert_string_equal(status_text(ERR_NO_MEMORY), "out of memory");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    struct err err;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_IO, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_SIZE - 1);
    err_prefix(&err, "%s", text);
    assert_true(strlen(err.text) < ERR_TEXT_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(long_texts_are_cut),
    };
    return UNIT_MAIN("base/status", tests);
}
