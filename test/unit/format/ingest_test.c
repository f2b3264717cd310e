// SPDX-License-Identifier: Apache-2.0
#include "../unit.h"

#include "format/ingest.h"
#include "format/json_parse.h"

enum { SIZE_MAX_HERE = 4096 };

static struct json_tree *tree;
static struct json_parser *parser;
static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, SIZE_MAX_HERE);
    return json_tree_new(SIZE_MAX_HERE, &tree) + json_parser_new(SIZE_MAX_HERE, &parser);
}

static int tear_down(void **state)
{
    (void)state;
    json_tree_free(tree);
    json_parser_free(parser);
    buf_release(&out);
    return 0;
}

static struct ingest begin(const char *text)
{
    struct json_error error;
    json_tree_clear(tree);
    struct json_node *root = json_parse(parser, tree, json_slice(text, strlen(text)), &error);
    assert_non_null(root);
    return (struct ingest){ .tree = tree, .root = root };
}

static void is(const struct ingest *d, const char *expected)
{
    buf_clear(&out);
    json_tree_append(tree, d->root, &out);
    assert_string_equal(buf_text(&out), expected);
}

static void says(const struct ingest *d, const char *expected)
{
    assert_int_equal(d->message.size, strlen(expected));
    assert_memory_equal(d->message.data, expected, d->message.size);
}

static struct json_node *one(struct ingest *d)
{
    struct json_node *n = ingest_new(d, JSON_NULL);
    json_set_int(n, 1);
    return n;
}

static bool set(struct ingest *d, const char *text)
{
    struct ingest_path path = ingest_path(text);
    return ingest_set(d, &path, one(d));
}

static bool append(struct ingest *d, const char *text)
{
    struct ingest_path path = ingest_path(text);
    return ingest_append(d, &path, one(d));
}

static void paths(void **state)
{
    (void)state;
    assert_int_equal(ingest_path("").count, 0);
    assert_int_equal(ingest_path("tags").count, 1);
    struct ingest_path path = ingest_path("observer.ingress.interface.id");
    assert_int_equal(path.count, 4);
    assert_true(json_slice_is(path.names[1], json_slice("ingress", 7)));
    assert_true(json_slice_is(path.names[3], json_slice("id", 2)));
}

static void setting(void **state)
{
    (void)state;
    struct ingest d = begin("{\"a\":{\"b\":2},\"n\":null,\"l\":[1],\"t\":\"x\"}");
    assert_true(set(&d, "a.b"));
    assert_true(set(&d, "a.c"));
    assert_true(set(&d, "t"));
    assert_true(set(&d, "d.e.f"));
    is(&d, "{\"d\":{\"e\":{\"f\":1}},\"a\":{\"b\":1,\"c\":1},\"n\":null,\"l\":[1],\"t\":1}");
    assert_false(set(&d, "n.x"));
    says(&d, "cannot set [x] with null parent as part of path [n.x]");
    assert_false(set(&d, "n.x.y"));
    says(&d, "cannot resolve [x] from null as part of path [n.x.y]");
    assert_false(set(&d, "l.x"));
    says(&d, "[x] is not an integer, cannot be used as an index as part of path [l.x]");
    assert_false(set(&d, "t.x"));
    says(&d, "cannot set [x] with parent object of type [java.lang.Integer] as part of path [t.x]");
    assert_false(set(&d, "t.x.y"));
    says(&d, "cannot resolve [x] from object of type [java.lang.Integer] as part of path [t.x.y]");
}

static void appending(void **state)
{
    (void)state;
    struct ingest d = begin("{\"l\":[],\"s\":\"x\",\"m\":{\"a\":0},\"z\":null,\"t\":\"x\"}");
    assert_true(append(&d, "l"));
    assert_true(append(&d, "l"));
    assert_true(append(&d, "s"));
    assert_true(append(&d, "m"));
    assert_true(append(&d, "z"));
    assert_true(append(&d, "new"));
    is(&d,
       "{\"l\":[1,1],\"s\":[\"x\",1],\"m\":[{\"a\":0},1],\"z\":[null,1],\"t\":\"x\",\"new\":[1]}");
    assert_false(append(&d, "t.x"));
}

static void getting(void **state)
{
    (void)state;
    struct json_node *n;
    struct ingest d = begin("{\"a\":{\"b\":2},\"n\":null,\"l\":[1],\"t\":\"x\"}");
    const struct ingest_path good = ingest_path("a.b");
    const struct ingest_path missing = ingest_path("a.b.c");
    const struct ingest_path list = ingest_path("l.b");
    const struct ingest_path text = ingest_path("t.b");
    const struct ingest_path null = ingest_path("n.b");
    const struct ingest_path none = ingest_path("x.b");
    assert_non_null(ingest_get(&d, &good));
    assert_null(ingest_get(&d, &missing));
    assert_null(ingest_get(&d, &list));
    assert_true(ingest_get_safely(&d, &good, &n));
    assert_ptr_equal(n, ingest_get(&d, &good));
    assert_true(ingest_get_safely(&d, &null, &n));
    assert_null(n);
    assert_true(ingest_get_safely(&d, &none, &n));
    assert_null(n);
    assert_false(ingest_get_safely(&d, &list, &n));
    says(&d, "Illegal list shortcut value [b].");
    assert_false(ingest_get_safely(&d, &text, &n));
    says(&d, "dynamic getter [java.lang.String, b] not found");
    assert_null(ingest_take(&d, &text));
    assert_null(ingest_take(&d, &missing));
    assert_non_null(ingest_take(&d, &good));
    is(&d, "{\"a\":{},\"n\":null,\"l\":[1],\"t\":\"x\"}");
}

static void renaming(void **state)
{
    (void)state;
    struct ingest d = begin("{\"g\":{\"a\":1,\"b\":2,\"c\":3},\"t\":\"x\"}");
    struct json_node *from = json_get(d.root, json_slice("g", 1));
    const struct ingest_path to = ingest_path("x.y");
    const struct ingest_path bad = ingest_path("t.y");
    assert_true(ingest_rename(&d, from, json_slice("a", 1), &to));
    assert_false(ingest_rename(&d, from, json_slice("b", 1), &to));
    says(&d, "field [x.y] already exists");
    assert_false(ingest_rename(&d, from, json_slice("b", 1), &bad));
    is(&d, "{\"x\":{\"y\":1},\"g\":{\"b\":2,\"c\":3},\"t\":\"x\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),   cmocka_unit_test(setting),  cmocka_unit_test(appending),
        cmocka_unit_test(getting), cmocka_unit_test(renaming),
    };
    return cmocka_run_group_tests_name("format/ingest", tests, set_up, tear_down);
}
