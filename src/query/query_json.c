// SPDX-License-Identifier: Apache-2.0
/*
 * JSON strings without memory: most have no escapes and are used where they stand.
 */
#include "query/query_json.h"

#include <string.h>

#include "base/json_find.h"
#include "base/json_rd.h"

bool query_json_string(const uint8_t *json, size_t size, char *room, size_t room_size,
                       struct query_text *ret_text)
{
    struct json_rd r = { .begin = json, .at = json, .end = json + size };
    struct json_text text;
    if (size == 0 || json[0] != '"' || !json_rd_string(&r, &text)) {
        return false;
    }
    bool escaped = text.size > 0 && memchr(text.data, '\\', text.size) != NULL;
    if (escaped && text.size <= room_size) {
        *ret_text = (struct query_text){ room, json_unescape(&text, (uint8_t *)room) };
    } else {
        *ret_text = (struct query_text){ (const char *)text.data, text.size };
    }
    return true;
}

bool query_json_text(const uint8_t *json, size_t size, const char *path, char *room,
                     size_t room_size, struct query_text *ret_text)
{
    struct json_value value;
    return json_find(json, size, path, &value) &&
           query_json_string(value.data, value.size, room, room_size, ret_text);
}

/// A string, number or truth value.
static bool tell_scalar(const uint8_t *json, size_t size, query_each_fn *each, void *context)
{
    char room[QUERY_TEXT_ROOM];
    struct query_text text = { (const char *)json, size };
    if (size == 0 || json[0] == '{' || (size == 4 && memcmp(json, "null", 4) == 0)) {
        return false;
    }
    if (json[0] == '"' && !query_json_string(json, size, room, sizeof(room), &text)) {
        return false;
    }
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD,
                                   .is_number =
                                       json[0] == '-' || (json[0] >= '0' && json[0] <= '9'),
                                   .text = text.data,
                                   .size = text.size };
    return text.size > 0 && each(context, &v);
}

bool query_json_values(const uint8_t *json, size_t size, query_each_fn *each, void *context)
{
    struct json_rd r = { .begin = json, .at = json, .end = json + size };
    while (json_rd_blanks(&r) && r.at < r.end) {
        const uint8_t *value = r.at;
        if (*value == '[' || *value == ']' || *value == ',') {
            r.at++;
        } else if (!json_rd_value(&r)) {
            return false;
        } else if (tell_scalar(value, (size_t)(r.at - value), each, context)) {
            return true;
        }
    }
    return false;
}
