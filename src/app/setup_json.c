// SPDX-License-Identifier: Apache-2.0
/*
 * What a server gives back is compared with what weir would send, so that nothing is sent twice.
 * It is asked whether the one contains the other rather than whether both are equal: newer servers
 * add members with defaults.
 */
#include "app/setup_json.h"

#include <string.h>

enum { DEPTH_MAX = 32, NAME_SIZE_MAX = 256, INDENT = 2 };

struct json_value setup_json_at(struct json_value json, const char *path)
{
    struct json_value found = { 0 };
    bool there = json.data != NULL && json_find(json.data, json.size, path, &found);
    return there ? found : (struct json_value){ 0 };
}

struct json_value setup_json_bare(struct json_value v)
{
    bool quoted = v.size >= 2 && v.data[0] == '"';
    return quoted ? (struct json_value){ v.data + 1, v.size - 2 } : v;
}

static bool same_text(struct json_value a, struct json_value b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

bool setup_json_is(struct json_value json, const char *path, const char *text)
{
    struct json_value found = setup_json_at(json, path);
    return found.data != NULL && found.data[0] == '"' &&
           same_text(setup_json_bare(found),
                     (struct json_value){ (const uint8_t *)text, strlen(text) });
}

static bool is_list(struct json_value v)
{
    return v.size > 0 && v.data[0] == '[';
}

static bool is_object(struct json_value v)
{
    return v.size > 0 && v.data[0] == '{';
}

/// The member of that name, which stands in quotes. Not json_find(): names may have slashes.
static struct json_value member(struct json_value object, struct json_value name)
{
    struct json_each e = { .json = object.data, .size = object.size };
    while (json_each(&e)) {
        if (same_text(e.name, name)) {
            return e.value;
        }
    }
    return (struct json_value){ 0 };
}

/// The only element of a list of one; anything else as it is.
static struct json_value single(struct json_value v)
{
    struct json_each e = { .json = v.data, .size = v.size };
    if (!is_list(v) || !json_each(&e)) {
        return v;
    }
    struct json_value first = e.value;
    return json_each(&e) ? v : first;
}

static bool contains(struct json_value got, struct json_value want, unsigned depth);

// NOLINTNEXTLINE(misc-no-recursion): as contains()
static bool list_contains(struct json_value got, struct json_value want, unsigned depth)
{
    struct json_each g = { .json = got.data, .size = got.size };
    struct json_each w = { .json = want.data, .size = want.size };
    while (json_each(&w)) {
        if (!json_each(&g) || !contains(g.value, w.value, depth)) {
            return false;
        }
    }
    return !json_each(&g);
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX, and by what weir made
static bool contains(struct json_value got, struct json_value want, unsigned depth)
{
    got = is_list(want) ? got : single(got);
    want = is_list(got) ? want : single(want);
    if (got.data == NULL || depth == DEPTH_MAX || is_object(got) != is_object(want) ||
        is_list(got) != is_list(want)) {
        return false;
    }
    if (is_list(want)) {
        return list_contains(got, want, depth + 1);
    }
    if (!is_object(want)) {
        return same_text(setup_json_bare(got), setup_json_bare(want));
    }
    struct json_each e = { .json = want.data, .size = want.size };
    while (json_each(&e)) {
        if (!contains(member(got, e.name), e.value, depth + 1)) {
            return false;
        }
    }
    return true;
}

bool setup_json_contains(struct json_value got, struct json_value want)
{
    return contains(got, want, 0);
}

// --- For people ----------------------------------------------------------------------------------

static void begin_line(struct buf *out, unsigned depth)
{
    buf_printf(out, "\n%*s", (int)(depth * INDENT), "");
}

/// A string and all that is in it. Returns what is behind it.
static const uint8_t *append_string(struct buf *out, const uint8_t *at, const uint8_t *end)
{
    const uint8_t *begin = at++;
    while (at < end && *at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    at = at < end ? at + 1 : end;
    buf_append(out, begin, (size_t)(at - begin));
    return at;
}

void setup_json_append_pretty(struct json_value json, struct buf *out)
{
    const uint8_t *end = json.data + json.size;
    unsigned depth = 0;
    for (const uint8_t *at = json.data; at < end;) {
        char c = (char)*at;
        bool empty = at + 1 < end && (at[1] == '}' || at[1] == ']');
        if (c == '"') {
            at = append_string(out, at, end);
            continue;
        }
        if ((c == '{' || c == '[') && empty) {
            buf_append(out, at, 2);
            at += 2;
            continue;
        }
        if (c == '}' || c == ']') {
            depth -= depth > 0;
            begin_line(out, depth);
        }
        buf_append_char(out, c);
        if (c == '{' || c == '[') {
            begin_line(out, ++depth);
        } else if (c == ',') {
            begin_line(out, depth);
        } else if (c == ':') {
            buf_append_char(out, ' ');
        }
        at++;
    }
}
