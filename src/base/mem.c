// SPDX-License-Identifier: Apache-2.0
/*
 * Thin over libc: the point is that all allocation passes here, so that the seal can be checked
 * and house rules can be enforced. Memory comes zeroed, which makes half-built objects safe to
 * release.
 */
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local bool sealed;

void *mem_zalloc(size_t size)
{
    return mem_zalloc_array(1, size);
}

void *mem_zalloc_array(size_t count, size_t size)
{
    DCHECK(!sealed);
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : calloc(1, bytes);
}

void *mem_resize(void *p, size_t size)
{
    DCHECK(!sealed);
    DCHECK(size > 0);
    return realloc(p, size);
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t size)
{
    CHECK(size < SIZE_MAX);
    char *copy = mem_zalloc(size + 1);
    if (copy != NULL && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void *mem_map(size_t size)
{
    DCHECK(!sealed);
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void mem_unmap(void *p, size_t size)
{
    if (p != NULL) {
        CHECK(munmap(p, size) == 0);
    }
}

void mem_seal_thread(void)
{
    sealed = true;
}

void mem_unseal_thread(void)
{
    sealed = false;
}

/*
 * In the dev build libc's own callers are caught too: the program's malloc is this one, which looks
 * at the seal and hands on to glibc. Sanitizers bring their own malloc, so not with them.
 */
#ifdef WEIR_CATCH_MALLOC
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
#define EXPORTED __attribute__((visibility("default")))
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *p, size_t size);

void *malloc(size_t size)
{
    CHECK(!sealed);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    CHECK(!sealed);
    return __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    CHECK(!sealed);
    return __libc_realloc(p, size);
}
#endif
