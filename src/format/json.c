// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's JSON: one object, members joined by commas, no blanks, numbers bare.
 *
 * Only texts of the renderer `string` and column names can need escaping. goflow2 pastes them as
 * they are and lets Go's encoder look at the result: text that is no legal JSON loses the record,
 * text that is can add members. weir escapes. Where goflow2's output is right the bytes are the
 * same: < > & and U+2028, U+2029 as \u escapes, other UTF-8 as it is. Bytes that are no UTF-8
 * become U+FFFD, as in Go's encoder.
 */
#include "base/utf8.h"
#include "format/column.h"
#include "format/kinds.h"

enum { ESCAPE_SIZE_MAX = 6 };

static uint8_t *put_u_escape(uint8_t *at, uint32_t code)
{
    static const char HEX[] = "0123456789abcdef";
    *at++ = '\\';
    *at++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4) {
        *at++ = (uint8_t)HEX[code >> shift & 0xf];
    }
    return at;
}

static uint8_t *put_ascii(uint8_t *at, uint8_t c)
{
    static const char SHORT[] = "\bb\ff\nn\rr\tt";
    if (c == '"' || c == '\\') {
        *at++ = '\\';
        *at++ = c;
        return at;
    }
    if (c < 0x20) {
        for (const char *s = SHORT; *s != '\0'; s += 2) {
            if (*s == (char)c) {
                *at++ = '\\';
                *at++ = (uint8_t)s[1];
                return at;
            }
        }
    }
    if (c < 0x20 || c == '<' || c == '>' || c == '&') {
        return put_u_escape(at, c);
    }
    *at++ = c;
    return at;
}

static void put_string(struct buf *out, const uint8_t *text, size_t size)
{
    if (buf_reserve(out, ESCAPE_SIZE_MAX * size + 2) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    *at++ = '"';
    for (size_t i = 0; i < size;) {
        uint32_t code;
        size_t length = utf8_next(text + i, size - i, &code);
        if (length == 0) {
            at = put_u_escape(at, 0xfffd);
            i++;
        } else if (length == 1) {
            at = put_ascii(at, text[i++]);
        } else if (code == 0x2028 || code == 0x2029) {
            at = put_u_escape(at, code);
            i += length;
        } else {
            memcpy(at, text + i, length);
            at += length;
            i += length;
        }
    }
    *at++ = '"';
    buf_advance(out, at);
}

static void put_name(struct buf *out, const char *name)
{
    put_string(out, (const uint8_t *)name, strlen(name));
    buf_append_char(out, ':');
}

static int plan_new(const struct format_settings *settings, void **ret_plan, struct err *err)
{
    static const struct column_style STYLE = { .separator = ',',
                                               .quote = "\"",
                                               .put_text = put_string };
    (void)err; // nothing can be wrong with the settings
    struct column_plan *plan = column_plan_new(settings->mapping, &STYLE, put_name);
    *ret_plan = plan;
    return plan == NULL ? ERR_NO_MEMORY : 0;
}

static void plan_free(void *plan)
{
    column_plan_free(plan);
}

/// Columns of a log that no field stands for, as they stood there.
static void append_extras(const struct batch *batch, const struct flow *flow, struct buf *out)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    for (uint32_t i = 0; i < flow->extras.count; i++) {
        if (out->size > 0 && out->data[out->size - 1] != '{') {
            buf_append_char(out, ',');
        }
        buf_append(out, batch_bytes(batch, extras[i].name), extras[i].name.count);
        buf_append_char(out, ':');
        buf_append(out, batch_bytes(batch, extras[i].json), extras[i].json.count);
    }
}

static enum format_outcome append(void *plan, const struct batch *batch, const struct flow *flow,
                                  struct buf *out)
{
    buf_append_char(out, '{');
    column_plan_append(plan, batch, flow, out);
    append_extras(batch, flow, out);
    buf_append_char(out, '}');
    return FORMAT_MESSAGE;
}

const struct format_kind FORMAT_JSON = {
    .name = "json", .plan_new = plan_new, .plan_free = plan_free, .append = append
};
