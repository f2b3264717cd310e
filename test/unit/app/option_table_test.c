// SPDX-License-Identifier: Apache-2.0
#include "app/option_table.h"

#include "../unit.h"

static void names_are_found(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const char *name = OPTIONS[i].name;
        assert_in_range(strlen(name), 1, OPTION_NAME_SIZE_MAX - 1);
        assert_int_equal(option_by_name(name, strlen(name)), i); // and stands there once
    }
    assert_int_equal(option_by_name("listen=x", 6), OPTION_LISTEN);
    assert_int_equal(option_by_name("liste", 5), -1);
    assert_int_equal(option_by_name("", 0), -1);
    assert_int_equal(command_by_name("replay"), COMMAND_REPLAY);
    assert_int_equal(command_by_name("Replay"), -1);
}

static void every_option_is_described(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct option_info *o = &OPTIONS[i];
        assert_int_not_equal(o->commands, 0);
        assert_true(o->help[0] != '\0' && o->section[0] != '\0');
        assert_int_equal(o->placeholder[0] == '\0', o->type == OPTION_TYPE_BOOL);
        // Else the tables of the reference would break.
        assert_null(strpbrk(o->help, "|\n"));
    }
}

static void environment_and_defaults(void **state)
{
    (void)state;
    char name[OPTION_ENV_SIZE_MAX];
    assert_string_equal(option_env_name(OPTION_TRANSPORT_FILE_SEP, name),
                        "WEIR_TRANSPORT_FILE_SEP");
    assert_string_equal(option_default(OPTION_ADDR, false), "127.0.0.1:8080");
    assert_string_equal(option_default(OPTION_ADDR, true), ":8080");
    assert_string_equal(option_default(OPTION_FORMAT, true), "json");
    assert_true(option_is_of(OPTION_PORT, COMMAND_REPLAY));
    assert_false(option_is_of(OPTION_PORT, COMMAND_RUN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(every_option_is_described),
        cmocka_unit_test(environment_and_defaults),
    };
    return UNIT_MAIN("app/option_table", tests);
}
