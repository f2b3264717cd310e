// SPDX-License-Identifier: Apache-2.0
#include "base/yml.h"

#include "../unit.h"

static struct yml_file *parse(const char *text)
{
    struct yml_file *f;
    struct err err = { 0 };
    if (yml_parse(text, strlen(text), "x.yaml", &f, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return f;
}

static void refused(const char *text, const char *message)
{
    struct yml_file *f;
    struct err err = { 0 };
    assert_int_equal(yml_parse(text, strlen(text), "x.yaml", &f, &err), ERR_INVALID);
    assert_string_equal(err.text, message);
}

static void trees(void **state)
{
    (void)state;
    struct yml_file *f = parse("a: 1\nb: [x, 'null', ~]\nc: {d: deep}\n---\nsecond: document\n");
    struct yml_node root = yml_root(f);
    assert_int_equal(yml_kind(root), YML_KIND_MAP);
    assert_string_equal(yml_text(yml_get(root, "a")), "1");
    struct yml_node list = yml_get(root, "b");
    assert_int_equal(yml_count(list), 3);
    assert_string_equal(yml_text(yml_item(list, 0)), "x");
    assert_false(yml_is_null(yml_item(list, 1))); // quoted
    assert_true(yml_is_null(yml_item(list, 2)));
    assert_string_equal(yml_text(yml_get(yml_get(root, "c"), "d")), "deep");
    assert_int_equal(yml_kind(yml_get(root, "nothing")), YML_KIND_NONE);
    assert_true(yml_is_null(yml_get(root, "nothing")));
    assert_int_equal(yml_line(list), 2);
    assert_int_equal(yml_column(list), 4);
    struct err err;
    assert_int_equal(yml_err(&err, list, "is %s", "wrong"), ERR_INVALID);
    assert_string_equal(err.text, "x.yaml:2:4: is wrong");
    yml_free(f);
}

static void merges(void **state)
{
    (void)state;
    struct yml_file *f = parse("base: &b {x: 1, y: 2}\nmore: &m {z: 3, x: 9}\n"
                               "own: {<<: [*b, *m], y: 5}\n");
    struct yml_node own = yml_get(yml_root(f), "own");
    assert_string_equal(yml_text(yml_get(own, "x")), "1"); // the first of the merged
    assert_string_equal(yml_text(yml_get(own, "y")), "5"); // its own wins
    assert_string_equal(yml_text(yml_get(own, "z")), "3");
    yml_free(f);
}

static void syntax_errors_have_a_place(void **state)
{
    (void)state;
    refused("", "x.yaml: is empty");
    refused("# only a comment\n", "x.yaml: is empty");
    refused("a: [1\n", "x.yaml:2:1: did not find expected ',' or ']'");
    refused("a: 1\nb: 2\na: 3\n", "x.yaml:3:1: key \"a\" stands here twice");
    refused("a: *nobody\n", "x.yaml:1:4: found undefined alias");
    refused("a:\tb\n\tc: d\n", "x.yaml:2:1: found a tab character that violates indentation");
}

static int count(void *context, struct yml_node key, struct yml_node value)
{
    (void)key;
    (void)value;
    ++*(int *)context;
    return 0;
}

/// Merges of merges multiply; a walk ends all the same.
static void bombs_fizzle(void **state)
{
    (void)state;
    char text[4096] = "a0: &a0 {k0: v}\n";
    for (int i = 1; i < 12; i++) {
        char line[256];
        snprintf(line, sizeof(line),
                 "a%d: &a%d {k%d: v, <<: [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]}\n", i, i,
                 i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        strncat(text, line, sizeof(text) - strlen(text) - 1);
    }
    struct yml_file *f = parse(text);
    int pairs = 0;
    assert_int_equal(yml_each(yml_get(yml_root(f), "a11"), count, &pairs), 0);
    assert_true(pairs > 0);
    yml_free(f);
    f = parse("a: &a\n  <<: *a\n  b: 1\n"); // merges itself
    pairs = 0;
    assert_int_equal(yml_each(yml_get(yml_root(f), "a"), count, &pairs), 0);
    assert_int_equal(pairs, 1);
    yml_free(f);
}

static void files(void **state)
{
    (void)state;
    struct yml_file *f;
    struct err err;
    assert_int_equal(yml_load("/nowhere/x.yaml", 1000, &f, &err), ERR_IO);
    assert_string_equal(err.text, "cannot open /nowhere/x.yaml: No such file or directory");
    assert_int_equal(yml_load("/dev/zero", 10000, &f, &err), ERR_RANGE);
    assert_string_equal(err.text, "/dev/zero: larger than 10000 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),
        cmocka_unit_test(merges),
        cmocka_unit_test(syntax_errors_have_a_place),
        cmocka_unit_test(bombs_fizzle),
        cmocka_unit_test(files),
    };
    return UNIT_MAIN("base/yml", tests);
}
