// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"

static void zeros_and_overflow(void **state)
{
    (void)state;
    uint8_t *p = mem_zalloc_array(10, 10);
    assert_non_null(p);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(p[i], 0);
    }
    mem_free(p);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(mem_zalloc_array(huge, 3));
    char *text = mem_strndup("abcdef", 3);
    assert_string_equal(text, "abc");
    mem_free(text);
    mem_free(NULL);
    uint8_t *mapped = mem_map(1 << 20);
    assert_non_null(mapped);
    assert_int_equal(mapped[(1 << 20) - 1], 0);
    mem_unmap(mapped, 1 << 20);
}

/// A sealed thread that allocates aborts in builds with WEIR_DEBUG.
static void the_seal_holds(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        mem_seal_thread();
        void *volatile p = mem_zalloc(1);
        _exit(p == NULL ? 2 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
#ifdef WEIR_DEBUG
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#else
    assert_true(WIFEXITED(status));
#endif
    mem_seal_thread();
    mem_unseal_thread();
    mem_free(mem_zalloc(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeros_and_overflow),
        cmocka_unit_test(the_seal_holds),
    };
    return UNIT_MAIN("base/mem", tests);
}
