// SPDX-License-Identifier: Apache-2.0
#include "../unit.h"
#include "source/excludes.h"

static void anywhere_in_the_path(void **state)
{
    (void)state;
    const char *const expressions[] = { "\\.gz$", "/old/", "^/tmp/(a|b)[0-9]+" };
    struct excludes *x;
    struct err err;
    assert_int_equal(excludes_new(expressions, 3, &x, &err), 0);
    assert_true(excludes_match(x, "/var/log/x.log.gz"));
    assert_false(excludes_match(x, "/var/log/x.gz.log"));
    assert_true(excludes_match(x, "/var/old/x.log"));
    assert_true(excludes_match(x, "/tmp/b12/x.log"));
    assert_false(excludes_match(x, "/var/tmp/b12/x.log"));
    excludes_free(x);
}

static void none(void **state)
{
    (void)state;
    struct excludes *x;
    struct err err;
    assert_int_equal(excludes_new(NULL, 0, &x, &err), 0);
    assert_false(excludes_match(x, "/var/log/x.log"));
    excludes_free(x);
    excludes_free(NULL);
}

static void one_that_cannot_be(void **state)
{
    (void)state;
    const char *const expressions[] = { "fine", "[a" };
    struct excludes *x = NULL;
    struct err err;
    assert_int_equal(excludes_new(expressions, 2, &x, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "exclude_files=[a: "));
    assert_null(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anywhere_in_the_path),
        cmocka_unit_test(none),
        cmocka_unit_test(one_that_cannot_be),
    };
    return UNIT_MAIN("excludes", tests);
}
