// SPDX-License-Identifier: Apache-2.0
#include "app/file_copy.h"

#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"

static void a_copy_and_a_move(void **state)
{
    (void)state;
    char from[300];
    char to[300];
    char third[300];
    struct err err;
    char folder_path[] = "/tmp/weir-copy-XXXXXX";
    assert_non_null(mkdtemp(folder_path));
    (void)snprintf(from, sizeof(from), "%s/a", folder_path);
    (void)snprintf(to, sizeof(to), "%s/b", folder_path);
    (void)snprintf(third, sizeof(third), "%s/c", folder_path);
    FILE *f = fopen(from, "w");
    assert_non_null(f);
    for (int i = 0; i < 300000; i++) {
        (void)fputs("0123456789", f);
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(file_copy(from, to, &err), 0);
    assert_int_equal(file_copy(from, to, &err), ERR_IO); // it is there already
    assert_int_equal(access(from, F_OK), 0);
    f = fopen(to, "r");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    assert_int_equal(ftell(f), 3000000);
    (void)fclose(f);
    assert_int_equal(file_move(from, third, &err), 0);
    assert_int_not_equal(access(from, F_OK), 0);
    assert_int_equal(file_move(third, to, &err), ERR_IO);
    assert_int_not_equal(access(third, F_OK), 0); // gone in any case
    assert_int_equal(file_copy(third, from, &err), ERR_IO);
    assert_int_equal(unlink(to), 0);
    assert_int_equal(rmdir(folder_path), 0); // no other name is left over
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_copy_and_a_move) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
