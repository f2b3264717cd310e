// SPDX-License-Identifier: Apache-2.0
#include "format/ecs_fields.h"

#include "../unit.h"

/// Whether `path` is `other`, or lies in it.
static bool is_within(const char *path, const char *other)
{
    size_t size = strlen(other);
    return strncmp(path, other, size) == 0 && (path[size] == '.' || path[size] == '\0');
}

static void each_path_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ECS_FIELD_COUNT; i++) {
        for (size_t j = 0; j < ECS_FIELD_COUNT; j++) {
            assert_true(i == j || !is_within(ECS_FIELDS[i].path, ECS_FIELDS[j].path));
        }
        assert_false(is_within(ECS_FIELDS[i].path, "goflow2"));
    }
}

/// Else a mapping would have an object twice.
static void fields_of_an_object_stand_together(void **state)
{
    (void)state;
    char object[100];
    for (size_t i = 0; i < ECS_FIELD_COUNT; i++) {
        for (const char *dot = strchr(ECS_FIELDS[i].path, '.'); dot != NULL;
             dot = strchr(dot + 1, '.')) {
            (void)snprintf(object, sizeof(object), "%.*s", (int)(dot - ECS_FIELDS[i].path),
                           ECS_FIELDS[i].path);
            bool left = false;
            for (size_t j = i; j < ECS_FIELD_COUNT; j++) {
                bool inside = is_within(ECS_FIELDS[j].path, object);
                left = left || !inside;
                assert_false(left && inside);
            }
        }
    }
}

static void columns(void **state)
{
    (void)state;
    assert_int_equal(ecs_column_type(FIELD_BYTES), ECS_TYPE_LONG);
    assert_int_equal(ecs_column_type(FIELD_NEXT_HOP), ECS_TYPE_IP);
    assert_int_equal(ecs_column_type(FIELD_MPLS_IP), ECS_TYPE_IP);
    assert_int_equal(ecs_column_type(FIELD_AS_PATH), ECS_TYPE_LONG);
    assert_int_equal(ecs_column_type(FIELD_SRC_MAC), ECS_TYPE_KEYWORD);
    assert_int_equal(ecs_column_type(FIELD_ETYPE), ECS_TYPE_KEYWORD);
    assert_int_equal(ecs_column_type(FIELD_SRC_NET), ECS_TYPE_KEYWORD); // 192.0.2.0/24
    assert_int_equal(ecs_column_type(FIELD_TYPE), ECS_TYPE_KEYWORD);
    assert_int_equal(ecs_column_type(FIELD_LAYER_STACK), ECS_TYPE_KEYWORD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_path_once),
        cmocka_unit_test(fields_of_an_object_stand_together),
        cmocka_unit_test(columns),
    };
    return UNIT_MAIN("format/ecs_fields", tests);
}
