// SPDX-License-Identifier: Apache-2.0
/*
 * goflow2's text: name=value, one blank between, lists [a,b].
 *
 * goflow2 neither quotes nor escapes, so that a value with a blank or a line feed breaks the line.
 * Here a text that holds a blank, a quote, a backslash, an equals sign or a control character is
 * quoted, with \" \\ \n \r \t and \xNN inside; every other stays as it is.
 */
#include "base/num.h"
#include "format/column.h"
#include "format/kinds.h"

static bool needs_quotes(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f) {
            return true;
        }
    }
    return false;
}

static uint8_t *put_escaped(uint8_t *at, uint8_t c)
{
    static const char SHORT[] = "\"\"\\\\\nn\rr\tt";
    for (const char *s = SHORT; *s != '\0'; s += 2) {
        if (*s == (char)c) {
            *at++ = '\\';
            *at++ = (uint8_t)s[1];
            return at;
        }
    }
    if (c < ' ' || c == 0x7f) {
        *at++ = '\\';
        *at++ = 'x';
        return num_put_hex(at, c, 2);
    }
    *at++ = c;
    return at;
}

static void put_text(struct buf *out, const uint8_t *text, size_t size)
{
    enum { ESCAPE_SIZE_MAX = 4 };
    if (!needs_quotes(text, size)) {
        buf_append(out, text, size);
        return;
    }
    if (buf_reserve(out, ESCAPE_SIZE_MAX * size + 2) != 0) {
        return;
    }
    uint8_t *at = buf_tail(out);
    *at++ = '"';
    for (size_t i = 0; i < size; i++) {
        at = put_escaped(at, text[i]);
    }
    *at++ = '"';
    buf_advance(out, at);
}

static void put_name(struct buf *out, const char *name)
{
    put_text(out, (const uint8_t *)name, strlen(name));
    buf_append_char(out, '=');
}

static int plan_new(const struct format_settings *settings, void **ret_plan, struct err *err)
{
    static const struct column_style STYLE = { .separator = ' ',
                                               .quote = "",
                                               .put_text = put_text };
    (void)err; // nothing can be wrong with the settings
    struct column_plan *plan = column_plan_new(settings->mapping, &STYLE, put_name);
    *ret_plan = plan;
    return plan == NULL ? ERR_NO_MEMORY : 0;
}

static void plan_free(void *plan)
{
    column_plan_free(plan);
}

/// Columns of a log that no field stands for: a name without its quotes, and the value as JSON.
static void append_extras(const struct batch *batch, const struct flow *flow, struct buf *out)
{
    const struct extra_value *extras = batch_extras(batch, flow->extras);
    for (uint32_t i = 0; i < flow->extras.count; i++) {
        buf_append_char(out, ' ');
        buf_append(out, batch_bytes(batch, extras[i].name) + 1, extras[i].name.count - 2);
        buf_append_char(out, '=');
        buf_append(out, batch_bytes(batch, extras[i].json), extras[i].json.count);
    }
}

static enum format_outcome append(void *plan, const struct batch *batch, const struct flow *flow,
                                  struct buf *out)
{
    column_plan_append(plan, batch, flow, out);
    append_extras(batch, flow, out);
    return FORMAT_MESSAGE;
}

const struct format_kind FORMAT_TEXT = {
    .name = "text", .plan_new = plan_new, .plan_free = plan_free, .append = append
};
