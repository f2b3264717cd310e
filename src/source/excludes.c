// SPDX-License-Identifier: Apache-2.0
/* libc's expressions, compiled once. */
#include "source/excludes.h"

#include <regex.h>

#include "base/mem.h"

struct excludes {
    size_t count;
    regex_t expressions[EXCLUDES_MAX];
};

int excludes_new(const char *const *expressions, size_t count, struct excludes **ret_excludes,
                 struct err *err)
{
    CHECK(count <= EXCLUDES_MAX);
    struct excludes *x = mem_zalloc(sizeof(*x));
    if (x == NULL) {
        return err_set(err, ERR_NO_MEMORY, "out of memory for exclude_files");
    }
    for (size_t i = 0; i < count; i++) {
        int error = regcomp(&x->expressions[i], expressions[i], REG_EXTENDED | REG_NOSUB);
        if (error != 0) {
            char text[128];
            (void)regerror(error, &x->expressions[i], text, sizeof(text)); // cut is fine
            (void)err_set(err, ERR_INVALID, "exclude_files=%.200s: %s", expressions[i], text);
            excludes_free(x);
            return ERR_INVALID;
        }
        x->count++;
    }
    *ret_excludes = x;
    return 0;
}

void excludes_free(struct excludes *x)
{
    if (x == NULL) {
        return;
    }
    for (size_t i = 0; i < x->count; i++) {
        regfree(&x->expressions[i]);
    }
    mem_free(x);
}

bool excludes_match(const struct excludes *x, const char *path)
{
    for (size_t i = 0; i < x->count; i++) {
        if (regexec(&x->expressions[i], path, 0, NULL, 0) == 0) {
            return true;
        }
    }
    return false;
}
