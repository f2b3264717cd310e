// SPDX-License-Identifier: Apache-2.0
#include "web/arguments.h"

#include "../unit.h"

static void reads_names_and_values(void **state)
{
    (void)state;
    struct arguments a;
    assert_int_equal(arguments_read("q=a%20b+c%3D&n=5&empty=&bare&&n=6&x=1=2", &a), ARGUMENTS_FINE);
    assert_int_equal(a.count, 6);
    assert_string_equal(arguments_find(&a, "q"), "a b c=");
    assert_string_equal(arguments_find(&a, "n"), "5");
    assert_string_equal(arguments_find(&a, "empty"), "");
    assert_string_equal(arguments_find(&a, "bare"), "");
    assert_string_equal(arguments_find(&a, "x"), "1=2");
    assert_string_equal(arguments_name(&a, 4), "n");
    assert_null(arguments_find(&a, "Q"));
    arguments_release(&a);
    assert_int_equal(arguments_read(NULL, &a), ARGUMENTS_FINE);
    assert_int_equal(a.count, 0);
    arguments_release(&a);
}

static void a_percent_without_digits_is_itself(void **state)
{
    (void)state;
    struct arguments a;
    assert_int_equal(arguments_read("a=%&b=%4&c=%zz&d=100%25&e=%c3%A9", &a), ARGUMENTS_FINE);
    assert_string_equal(arguments_find(&a, "a"), "%");
    assert_string_equal(arguments_find(&a, "b"), "%4");
    assert_string_equal(arguments_find(&a, "c"), "%zz");
    assert_string_equal(arguments_find(&a, "d"), "100%");
    assert_string_equal(arguments_find(&a, "e"), "\xc3\xa9");
    arguments_release(&a);
}

static void refuses_what_is_too_much(void **state)
{
    (void)state;
    struct arguments a;
    assert_int_equal(arguments_read("q=a%00b", &a), ARGUMENTS_NUL);
    arguments_release(&a);
    char many[3 * (ARGUMENTS_MAX + 1) + 1];
    for (size_t i = 0; i <= ARGUMENTS_MAX; i++) {
        memcpy(many + 3 * i, "&a=", 3);
    }
    many[sizeof(many) - 1] = '\0';
    assert_int_equal(arguments_read(many, &a), ARGUMENTS_TOO_MANY);
    arguments_release(&a);
    static char large[ARGUMENTS_SIZE_MAX + 1000];
    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(arguments_read(large, &a), ARGUMENTS_TOO_LONG);
    arguments_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_and_values),
        cmocka_unit_test(a_percent_without_digits_is_itself),
        cmocka_unit_test(refuses_what_is_too_much),
    };
    return UNIT_MAIN("web/arguments", tests);
}
