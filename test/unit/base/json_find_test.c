// SPDX-License-Identifier: Apache-2.0
/* Values at paths, in texts that are whole, cut and odd. */
#include "../unit.h"
#include "base/json_find.h"

static const char TEXT[] = " {\"a\":{\"b.c\":[1,{\"d\":\"x\\u0041\\n\"},[ ]],\"t\":true},"
                           "\"a\":{\"t\":false}, \"e\" : \"\" ,\"n\":null,\"f/g\":1}";

static const char *find(const char *json, const char *path)
{
    static char text[256];
    struct json_value v = { 0 };
    if (!json_find((const uint8_t *)json, strlen(json), path, &v)) {
        return NULL;
    }
    assert_true(v.size < sizeof(text));
    memcpy(text, v.data, v.size);
    text[v.size] = '\0';
    return text;
}

static void values_are_found_by_path(void **state)
{
    (void)state;
    assert_string_equal(find(TEXT, "a/b.c/0"), "1");
    assert_string_equal(find(TEXT, "a/b.c/1/d"), "\"x\\u0041\\n\"");
    assert_string_equal(find(TEXT, "a/b.c/2"), "[ ]");
    assert_string_equal(find(TEXT, "a/t"), "true"); // the first "a" counts
    assert_string_equal(find(TEXT, "e"), "\"\"");
    assert_string_equal(find(TEXT, "n"), "null");
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    static const char *const PATHS[] = {
        "b",     "a/b", "a/b.c/3", "a/b.c/x",   "a/b.c/-1",
        "a/t/u", "e/f", "f/g",     "a/b.c/2/0", "a/b.c/18446744073709551616"
    };
    for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
        assert_null(find(TEXT, PATHS[i]));
    }
    static const char *const TEXTS[] = { "",
                                         " ",
                                         "{",
                                         "[",
                                         "{\"a\"",
                                         "{\"a\":",
                                         "{\"b\":1",
                                         "{\"b\":1,",
                                         "{\"b\":1,}",
                                         "nonsense",
                                         "{b:1,\"a\":1}",
                                         "{,\"a\":1}",
                                         "{\"b\" 1,\"a\":1}" };
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        assert_null(find(TEXTS[i], "a"));
    }
}

static void no_text_at_all(void **state)
{
    (void)state;
    struct json_value v;
    struct json_each e = { .json = NULL };
    assert_false(json_find(NULL, 0, "a", &v));
    assert_false(json_find(NULL, 0, "", &v));
    assert_false(json_each(&e));
}

static void a_cut_text_gives_what_is_before_the_cut_or_nothing(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof(TEXT); size++) {
        uint8_t *cut = test_malloc(size + 1); // its end is watched
        memcpy(cut, TEXT, size);
        struct json_value v;
        if (json_find(cut, size, "a/b.c/1/d", &v)) {
            assert_true(v.data >= cut);
            assert_true(v.data + v.size <= cut + size);
        }
        test_free(cut);
    }
}

static void texts_lose_their_escapes(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    const uint8_t *json = (const uint8_t *)TEXT;
    assert_true(json_find_text(json, strlen(TEXT), "a/b.c/1/d", &out));
    assert_string_equal(buf_text(&out), "xA\n");
    assert_true(json_find_text(json, strlen(TEXT), "e", &out));
    assert_int_equal(out.size, 3);
    assert_false(json_find_text(json, strlen(TEXT), "a/b.c/0", &out)); // a number
    assert_false(json_find_text(json, strlen(TEXT), "zz", &out));
    buf_release(&out);
    buf_init(&out, 2);
    assert_false(json_find_text(json, strlen(TEXT), "a/b.c/1/d", &out)); // no room
    buf_release(&out);
}

static void only_true_is_true(void **state)
{
    (void)state;
    const uint8_t *json = (const uint8_t *)TEXT;
    assert_true(json_find_true(json, strlen(TEXT), "a/t"));
    assert_false(json_find_true(json, strlen(TEXT), "n"));
    assert_false(json_find_true(json, strlen(TEXT), "zz"));
    assert_false(json_find_true((const uint8_t *)"{\"a\":\"true\"}", 12, "a"));
    assert_false(json_find_true((const uint8_t *)"{\"a\":false}", 11, "a"));
}

static void each_gives_all(void **state)
{
    (void)state;
    static const char LIST[] = "[1, \"b\" ,{}]";
    struct json_each e = { .json = (const uint8_t *)LIST, .size = strlen(LIST) };
    size_t count = 0;
    for (; json_each(&e); count++) {
        assert_int_equal(e.name.size, 0);
    }
    assert_int_equal(count, 3);
    static const char OBJECT[] = "{ \"x\" : [1,2] , \"y\":{}}";
    e = (struct json_each){ .json = (const uint8_t *)OBJECT, .size = strlen(OBJECT) };
    assert_true(json_each(&e));
    assert_memory_equal(e.name.data, "\"x\"", 3);
    assert_memory_equal(e.value.data, "[1,2]", 5);
    assert_true(json_each(&e));
    assert_memory_equal(e.name.data, "\"y\"", 3);
    assert_false(json_each(&e));
    static const char *const NONE[] = { "[]", "{}", "[ ]", "7", "\"x\"" };
    for (size_t i = 0; i < sizeof(NONE) / sizeof(NONE[0]); i++) {
        e = (struct json_each){ .json = (const uint8_t *)NONE[i], .size = strlen(NONE[i]) };
        assert_false(json_each(&e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_by_path),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(no_text_at_all),
        cmocka_unit_test(a_cut_text_gives_what_is_before_the_cut_or_nothing),
        cmocka_unit_test(texts_lose_their_escapes),
        cmocka_unit_test(only_true_is_true),
        cmocka_unit_test(each_gives_all),
    };
    return UNIT_MAIN("base/json_find", tests);
}
