// SPDX-License-Identifier: Apache-2.0
#include "../unit.h"

#include "format/json_tree.h"

enum { SIZE_MAX_HERE = 1024, OUT_SIZE_MAX = 1 << 20 };

static struct json_tree *tree;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, OUT_SIZE_MAX);
    return json_tree_new(SIZE_MAX_HERE, &tree);
}

static int tear_down(void **state)
{
    (void)state;
    json_tree_free(tree);
    buf_release(&out);
    return 0;
}

static struct json_slice words(const char *text)
{
    return json_slice(text, strlen(text));
}

static struct json_node *named(const char *name, int64_t number)
{
    struct json_node *n = json_new(tree, JSON_INT);
    json_set_int(n, number);
    n->key = (const uint8_t *)name;
    n->key_size = (uint32_t)strlen(name);
    return n;
}

static void is(const struct json_node *root, const char *expected)
{
    buf_clear(&out);
    json_tree_append(tree, root, &out);
    assert_false(out.bad);
    assert_string_equal(buf_text(&out), expected);
}

static void members_come_and_go(void **state)
{
    (void)state;
    json_tree_clear(tree);
    struct json_node *map = json_new(tree, JSON_MAP);
    assert_null(json_take(map, words("a")));
    json_push(map, named("a", 1));
    json_push(map, named("b", 2));
    json_push_first(map, named("c", 3));
    json_push(map, named("much longer", 4));
    is(map, "{\"c\":3,\"a\":1,\"b\":2,\"much longer\":4}");
    is(json_get(map, words("b")), "2");
    assert_null(json_get(map, words("much longes")));
    assert_null(json_get(map, words("")));
    is(json_take(map, words("much longer")), "4");
    json_push(map, named("d", 5));
    is(map, "{\"c\":3,\"a\":1,\"b\":2,\"d\":5}");
    assert_non_null(json_take(map, words("c")));
    assert_non_null(json_take(map, words("b")));
    assert_non_null(json_take(map, words("a")));
    assert_non_null(json_take(map, words("d")));
    assert_int_equal(map->size, 0);
    is(map, "{}");
    json_push_first(map, named("e", 6));
    json_push(map, named("f", 7));
    is(map, "{\"e\":6,\"f\":7}");
}

static void members_can_be_shared(void **state)
{
    (void)state;
    json_tree_clear(tree);
    struct json_node *list = json_new(tree, JSON_LIST);
    struct json_node *map = json_new(tree, JSON_MAP);
    struct json_node *raw = json_new(tree, JSON_RAW);
    struct json_node *same = json_new(tree, JSON_NULL);
    json_set_text(raw, words("{\"x\": 1}"));
    raw->kind = JSON_RAW;
    json_push(map, named("a", -1));
    json_set_same(same, map);
    json_push(list, map);
    json_push(list, same);
    json_push(list, raw);
    is(list, "[{\"a\":-1},{\"a\":-1},{\"x\": 1}]");
}

static void texts(void **state)
{
    (void)state;
    json_tree_clear(tree);
    struct json_slice plain = words("plain \xc3\xa9");
    assert_ptr_equal(json_tree_utf8(tree, plain).data, plain.data);
    struct json_slice mended =
        json_tree_utf8(tree, words("12345678\xff\xc3\xa9\xe2\x82z\xed\xa0\x80"));
    struct json_slice want = words("12345678\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbdz"
                                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(json_slice_is(mended, want));
    struct json_node *n = json_new(tree, JSON_NULL);
    json_set_text(n, words("seven 7\"eight 8\\ and \x01\x1f\n, \xed\xa0\xbd, \xed\x95\x9c"));
    is(n, "\"seven 7\\\"eight 8\\\\ and \\u0001\\u001f\\n, \\ud83d, \xed\x95\x9c\"");
    for (size_t size = 0; size < 20; size++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "\"%.*s\"", (int)size, "abcdefghijklmnopqrstu");
        json_set_text(n, json_slice("abcdefghijklmnopqrstu", size));
        is(n, expected);
    }
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    static char large[64 << 10];
    json_tree_clear(tree);
    while (json_text_room(tree, sizeof(large)) != NULL) {
        json_text_begin(tree);
        json_text_add(tree, large, sizeof(large));
        assert_int_equal(json_text_end(tree).size, sizeof(large));
    }
    assert_true(json_tree_full(tree));
    json_tree_clear(tree);
    assert_false(json_tree_full(tree));
    while (json_new(tree, JSON_NULL) != NULL) {
    }
    assert_true(json_tree_full(tree));
    json_tree_clear(tree);
    assert_non_null(json_new(tree, JSON_NULL));
}

static void output_that_does_not_fit(void **state)
{
    (void)state;
    struct buf small;
    json_tree_clear(tree);
    struct json_node *map = json_new(tree, JSON_MAP);
    json_push(map, named("a", 1));
    buf_init(&small, 4);
    json_tree_append(tree, map, &small);
    assert_true(small.bad);
    buf_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(members_can_be_shared),
        cmocka_unit_test(texts),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(output_that_does_not_fit),
    };
    return cmocka_run_group_tests_name("format/json_tree", tests, set_up, tear_down);
}
