// SPDX-License-Identifier: Apache-2.0
/*
 * Texts are cut rather than refused when they are too long: a message with its end missing is
 * still better than none.
 */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const TEXTS[STATUS_COUNT] = {
    [STATUS_OK] = "no error",
#define STATUS(name, text) [STATUS_##name] = text,
#include "base/status.def"
#undef STATUS
};

const char *status_text(int status)
{
    CHECK(status <= 0 && -status < STATUS_COUNT);
    return TEXTS[-status];
}

int err_set(struct err *err, int status, const char *format, ...)
{
    CHECK(status < 0 && -status < STATUS_COUNT);
    err->status = status;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof(err->text), format, args); // a cut text is still a text
    va_end(args);
    return status;
}

int err_set_errno(struct err *err, int errno_value, const char *format, ...)
{
    char what[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args); // a cut text is still a text
    va_end(args);
    char reason[128];
    const char *text = strerror_r(errno_value, reason, sizeof(reason));
    return err_set(err, ERR_IO, "%.350s: %.128s", what, text);
}

int err_prefix(struct err *err, const char *format, ...)
{
    char prefix[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(prefix, sizeof(prefix), format, args); // a cut text is still a text
    va_end(args);
    char text[ERR_TEXT_SIZE];
    memcpy(text, err->text, sizeof(text));
    return err_set(err, err->status, "%.200s: %.300s", prefix, text);
}
