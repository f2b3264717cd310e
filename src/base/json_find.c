// SPDX-License-Identifier: Apache-2.0
/*
 * One pass over the text for each level of the path, since json_rd_value() passes over whatever is
 * not wanted. Texts are the answers of a server, tens of kilobytes, now and then.
 */
#include "base/json_find.h"

#include "base/json_rd.h"
#include "base/num.h"

/// A member's name and the colon behind it.
static bool read_name(struct json_rd *r, struct json_value *ret_name)
{
    const uint8_t *begin = r->at;
    struct json_text text;
    if (!json_rd_string(r, &text)) {
        return false;
    }
    *ret_name = (struct json_value){ .data = begin, .size = (size_t)(r->at - begin) };
    if (!json_rd_blanks(r) || !json_rd_is_at(r, ':')) {
        return false;
    }
    r->at++;
    return json_rd_blanks(r);
}

/// The bracket at the beginning, or the comma between two; false at the end of the list.
static bool read_border(struct json_rd *r, bool first, uint8_t close)
{
    if (!json_rd_blanks(r)) {
        return false;
    }
    if (first) {
        r->at++;
    } else if (json_rd_is_at(r, ',')) {
        r->at++;
        return json_rd_blanks(r);
    }
    return json_rd_blanks(r) && first && !json_rd_is_at(r, close);
}

bool json_each(struct json_each *e)
{
    if (e->size == 0 || (e->json[0] != '{' && e->json[0] != '[')) {
        return false;
    }
    struct json_rd r = { .begin = e->json, .at = e->json + e->at, .end = e->json + e->size };
    bool is_object = e->json[0] == '{';
    if (!read_border(&r, e->at == 0, is_object ? '}' : ']')) {
        return false;
    }
    e->name = (struct json_value){ 0 };
    if (is_object && !read_name(&r, &e->name)) {
        return false;
    }
    const uint8_t *begin = r.at;
    if (!json_rd_value(&r)) {
        return false;
    }
    e->value = (struct json_value){ .data = begin, .size = (size_t)(r.at - begin) };
    e->at = (size_t)(r.at - e->json);
    return true;
}

/// Whether a member's name, as it stands in the text, is the one that is wanted. Names with escapes
/// are nobody's.
static bool is_name(struct json_value name, const char *wanted, size_t size)
{
    return name.data != NULL && name.size == size + 2 && memcmp(name.data + 1, wanted, size) == 0;
}

static bool find_one(struct json_value in, const char *name, size_t size,
                     struct json_value *ret_value)
{
    struct json_each e = { .json = in.data, .size = in.size };
    bool is_list = in.size > 0 && in.data[0] == '[';
    uint64_t wanted = 0;
    if (is_list && num_get_u64(name, size, SIZE_MAX, &wanted) != 0) {
        return false;
    }
    for (uint64_t i = 0; json_each(&e); i++) {
        if (is_list ? i == wanted : is_name(e.name, name, size)) {
            *ret_value = e.value;
            return true;
        }
    }
    return false;
}

bool json_find(const uint8_t *json, size_t size, const char *path, struct json_value *ret_value)
{
    if (size == 0) { // there may be no text at all
        return false;
    }
    struct json_rd r = { .begin = json, .at = json, .end = json + size };
    if (!json_rd_blanks(&r) || r.at == r.end) {
        return false;
    }
    struct json_value value = { .data = r.at, .size = (size_t)(r.end - r.at) };
    while (*path != '\0') {
        size_t name_size = strcspn(path, "/");
        if (!find_one(value, path, name_size, &value)) {
            return false;
        }
        path += name_size;
        path += *path == '/';
    }
    *ret_value = value;
    return true;
}

bool json_find_text(const uint8_t *json, size_t size, const char *path, struct buf *out)
{
    struct json_value value;
    struct json_text text;
    if (!json_find(json, size, path, &value)) {
        return false;
    }
    struct json_rd r = { .begin = value.data, .at = value.data, .end = value.data + value.size };
    if (!json_rd_string(&r, &text) || buf_reserve(out, text.size + 1) != 0) {
        return false;
    }
    out->size += json_unescape(&text, buf_tail(out));
    return true;
}

bool json_find_true(const uint8_t *json, size_t size, const char *path)
{
    struct json_value value;
    return json_find(json, size, path, &value) && value.size == 4 &&
           memcmp(value.data, "true", 4) == 0;
}
