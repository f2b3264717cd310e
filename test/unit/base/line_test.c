// SPDX-License-Identifier: Apache-2.0
/* Origins: their texts are copies, their serials are their own, and the last reference frees. */
#include "base/line.h"

#include <pthread.h>

#include "../unit.h"

static void texts_are_copied(void **state)
{
    (void)state;
    char path[] = "/var/log/goflow2.log";
    struct origin values = { .id = { .fingerprint = { 1, 2 }, .number = 3 },
                             .device = 66306,
                             .inode = UINT64_MAX,
                             .is_file = true,
                             .path = path,
                             .input_type = "log" };
    struct origin *o = origin_new(&values);
    assert_non_null(o);
    memset(path, 'x', sizeof(path) - 1);
    assert_string_equal(o->path, "/var/log/goflow2.log");
    assert_string_equal(o->input_type, "log");
    assert_int_equal(o->id.number, 3);
    static const char JSON[] =
        "\"file\":{\"path\":\"/var/log/goflow2.log\",\"device_id\":\"66306\","
        "\"inode\":\"18446744073709551615\"}";
    assert_int_equal(o->json_size, sizeof(JSON) - 1);
    assert_memory_equal(o->json, JSON, sizeof(JSON) - 1);
    struct origin *other = origin_new(o);
    assert_non_null(other);
    assert_true(other->serial != o->serial && other->serial != 0);
    origin_unref(o);
    assert_string_equal(other->path, "/var/log/goflow2.log");
    origin_unref(other);
    origin_unref(NULL);
}

/// A path may hold any byte but 0.
static void odd_paths_are_json(void **state)
{
    char path[256];
    (void)state;
    for (size_t i = 0; i < 255; i++) {
        path[i] = (char)(i + 1);
    }
    path[255] = '\0';
    struct origin *o =
        origin_new(&(struct origin){ .is_file = true, .path = path, .input_type = "import" });
    assert_non_null(o);
    assert_null(memchr(o->json, '\n', o->json_size));
    assert_null(memchr(o->json, '\xff', o->json_size));
    assert_non_null(memmem(o->json, o->json_size, "\\u0001\\u0002", 12));
    origin_unref(o);
    o = origin_new(&(struct origin){ .path = "-", .input_type = "import" });
    assert_non_null(o);
    assert_int_equal(o->json_size, 0); // what is no file has no place
    origin_unref(o);
}

enum { ROUNDS = 10000 };

static void *hold(void *argument)
{
    for (int i = 0; i < ROUNDS; i++) {
        origin_ref(argument);
        origin_unref(argument);
    }
    origin_unref(argument);
    return NULL;
}

static void references_are_counted_by_many(void **state)
{
    enum { THREADS = 4 };
    (void)state;
    pthread_t threads[THREADS];
    struct origin *o = origin_new(&(struct origin){ .path = "a", .input_type = "log" });
    assert_non_null(o);
    for (int i = 0; i < THREADS; i++) {
        origin_ref(o);
        assert_int_equal(pthread_create(&threads[i], NULL, hold, o), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_string_equal(o->path, "a"); // ours is left
    origin_unref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(odd_paths_are_json),
        cmocka_unit_test(references_are_counted_by_many),
    };
    return UNIT_MAIN("line", tests);
}
