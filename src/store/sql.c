// SPDX-License-Identifier: Apache-2.0
/*
 * The text grows as it is written, and each value that is bound is kept with its kind until the
 * statement is prepared.
 */
#include "store/sql.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SQL_SIZE_MAX = 64 << 20, PIECE_SIZE = 4096 };

enum value_kind { VALUE_TEXT, VALUE_BLOB };

/// In front of a bound value's bytes.
struct value_head {
    enum value_kind kind;
    size_t size;
};

void sql_init(struct sql *q)
{
    *q = (struct sql){ 0 };
    buf_init(&q->text, SQL_SIZE_MAX);
    buf_init(&q->values, SQL_SIZE_MAX);
}

void sql_release(struct sql *q)
{
    buf_release(&q->text);
    buf_release(&q->values);
}

void sql_text(struct sql *q, const char *text)
{
    buf_append_text(&q->text, text);
}

void sql_printf(struct sql *q, const char *format, ...)
{
    char piece[PIECE_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    q->bad = q->bad || size < 0 || (size_t)size >= sizeof(piece);
    buf_append_text(&q->text, piece);
}

static void put(struct sql *q, enum value_kind kind, const void *bytes, size_t size)
{
    const struct value_head head = { .kind = kind, .size = size };
    buf_append(&q->values, &head, sizeof(head));
    buf_append(&q->values, bytes, size);
    buf_append_char(&q->text, '?');
    q->count++;
}

void sql_u64(struct sql *q, uint64_t value)
{
    sql_printf(q, value > INT64_MAX ? "%" PRIu64 "::UBIGINT" : "%" PRIu64, value);
}

void sql_i64(struct sql *q, int64_t value)
{
    sql_printf(q, "%" PRId64, value);
}

void sql_bytes(struct sql *q, const char *text, size_t size)
{
    put(q, VALUE_TEXT, text, size);
}

void sql_blob(struct sql *q, const void *bytes, size_t size)
{
    put(q, VALUE_BLOB, bytes, size);
}

static void bind(const struct sql *q, struct duck_stmt *s)
{
    size_t at = 0;
    for (size_t i = 1; i <= q->count; i++) {
        struct value_head head;
        memcpy(&head, q->values.data + at, sizeof(head));
        at += sizeof(head);
        const char *bytes = (const char *)q->values.data + at;
        if (head.kind == VALUE_TEXT) {
            duck_bind_text(s, i, bytes, head.size);
        } else {
            duck_bind_blob(s, i, bytes, head.size);
        }
        at += head.size;
    }
}

int sql_prepare(struct sql *q, struct duck_conn *c, struct duck_stmt **ret_stmt, struct err *err)
{
    if (q->bad || q->text.bad || q->values.bad) {
        return err_set(err, ERR_FULL, "the question is too large");
    }
    int status = duck_prepare(c, buf_text(&q->text), ret_stmt, err);
    if (status == 0) {
        bind(q, *ret_stmt);
    }
    return status;
}
