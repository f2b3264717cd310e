// SPDX-License-Identifier: Apache-2.0
#include "enrich/mapped.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-mapped-XXXXXX";
static char path[256];

static void write_pages(size_t count, char c)
{
    char page[4096];
    memset(page, c, sizeof(page));
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fwrite(page, sizeof(page), 1, out), 1);
    }
    assert_int_equal(fclose(out), 0);
}

/// What is cut off under the mapping reads as zeros, and nothing dies of it.
static void survives_a_cut(void **state)
{
    (void)state;
    struct mapped m;
    struct err err = { 0 };
    write_pages(8, 'x');
    assert_int_equal(mapped_open(path, &m, &err), 0);
    assert_int_equal(m.size, 8 * 4096);
    assert_int_equal(m.data[5 * 4096], 'x');
    assert_int_equal(truncate(path, 2 * 4096), 0);
    assert_int_equal(m.data[4096], 'x');
    assert_int_equal(m.data[5 * 4096], 0);
    assert_int_equal(m.data[8 * 4096 - 1], 0);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(m.data[0], 0);
    write_pages(8, 'y');
    assert_int_equal(m.data[0], 0); // a page that was gone stays so
    mapped_close(&m);
    mapped_close(&m); // twice is fine
    assert_int_equal(mapped_open(path, &m, &err), 0);
    assert_int_equal(m.data[0], 'y');
    mapped_close(&m);
}

static void stamps_tell_states_apart(void **state)
{
    (void)state;
    struct stat st;
    write_pages(1, 'x');
    assert_int_equal(stat(path, &st), 0);
    struct file_stamp a = file_stamp_of(&st);
    struct file_stamp b = a;
    assert_true(file_stamp_equal(&a, &b));
    b.size++;
    assert_false(file_stamp_equal(&a, &b));
    b = a;
    b.modified_ns++;
    assert_false(file_stamp_equal(&a, &b));
    b = a;
    b.inode++;
    assert_false(file_stamp_equal(&a, &b));
}

static void refuses(void **state)
{
    (void)state;
    struct mapped m;
    struct err err = { 0 };
    write_pages(0, 'x');
    assert_int_equal(mapped_open(path, &m, &err), ERR_INVALID);
    assert_int_equal(mapped_open(folder, &m, &err), ERR_INVALID);
    assert_int_equal(mapped_open("/nowhere/at/all", &m, &err), ERR_IO);
    assert_string_equal(err.text, "cannot open /nowhere/at/all: No such file or directory");
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "file", path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_cut),
        cmocka_unit_test(stamps_tell_states_apart),
        cmocka_unit_test(refuses),
    };
    int failed = UNIT_MAIN("enrich/mapped", tests);
    (void)unlink(path); // there or not
    (void)rmdir(folder);
    return failed;
}
