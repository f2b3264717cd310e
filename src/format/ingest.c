// SPDX-License-Identifier: Apache-2.0
/*
 * The messages are those of Elasticsearch's IngestDocument.
 */
#include "format/ingest.h"

#include <stdarg.h>
#include <stdio.h>

#include "format/java_text.h"

enum { MESSAGE_SIZE = 512 };

struct ingest_path ingest_path(const char *text)
{
    struct ingest_path path = { .text = text };
    const char *end;
    for (const char *at = text; *at != '\0'; at = *end == '\0' ? end : end + 1) {
        CHECK(path.count < INGEST_NAMES_MAX);
        end = strchrnul(at, '.');
        path.names[path.count++] = json_slice(at, (size_t)(end - at));
    }
    return path;
}

bool ingest_fail(struct ingest *d, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    CHECK(size >= 0);
    json_text_begin(d->tree);
    json_text_add(d->tree, message, strlen(message));
    d->message = json_text_end(d->tree);
    return false;
}

struct json_node *ingest_get(const struct ingest *d, const struct ingest_path *path)
{
    struct json_node *n = d->root;
    for (size_t i = 0; i < path->count && n != NULL; i++) {
        n = n->kind == JSON_MAP ? json_get(n, path->names[i]) : NULL;
    }
    return n;
}

bool ingest_get_safely(struct ingest *d, const struct ingest_path *path,
                       struct json_node **ret_value)
{
    const struct json_slice *name = &path->names[1];
    struct json_node *parent = json_get(d->root, path->names[0]);
    CHECK(path->count == 2);
    if (parent == NULL || parent->kind == JSON_NULL || parent->kind == JSON_RAW) {
        *ret_value = NULL;
        return true;
    }
    if (parent->kind == JSON_LIST) {
        return ingest_fail(d, "Illegal list shortcut value [%.*s].", (int)name->size, name->data);
    }
    if (parent->kind != JSON_MAP) {
        return ingest_fail(d, "dynamic getter [%s, %.*s] not found", java_class(parent),
                           (int)name->size, name->data);
    }
    *ret_value = json_get(parent, *name);
    return true;
}

struct json_node *ingest_new(struct ingest *d, enum json_kind kind)
{
    struct json_node *n = json_new(d->tree, kind);
    CHECK(n != NULL);
    return n;
}

static void put_new(struct json_node *map, struct json_slice name, struct json_node *n)
{
    n->key = name.data;
    n->key_size = (uint32_t)name.size;
    json_push(map, n);
}

/// The map that a path's last name is in, made if need be; NULL with a message.
static struct json_node *parent_of(struct ingest *d, const struct ingest_path *path)
{
    struct json_node *in = d->root;
    for (size_t i = 0;; i++) {
        const struct json_slice *name = &path->names[i];
        bool last = i == path->count - 1;
        int size = (int)name->size;
        if (in->kind == JSON_MAP && last) {
            return in;
        }
        if (in->kind == JSON_NULL) {
            (void)ingest_fail(d,
                              last ? "cannot set [%.*s] with null parent as part of path [%s]"
                                   : "cannot resolve [%.*s] from null as part of path [%s]",
                              size, name->data, path->text); // it is false
            return NULL;
        }
        if (in->kind == JSON_LIST) {
            (void)ingest_fail(d,
                              "[%.*s] is not an integer, cannot be used as an index as part of "
                              "path [%s]",
                              size, name->data, path->text);
            return NULL;
        }
        if (in->kind != JSON_MAP) {
            (void)ingest_fail(d,
                              last ? "cannot set [%.*s] with parent object of type [%s] as part "
                                     "of path [%s]"
                                   : "cannot resolve [%.*s] from object of type [%s] as part of "
                                     "path [%s]",
                              size, name->data, java_class(in), path->text);
            return NULL;
        }
        struct json_node *next = json_get(in, *name);
        if (next == NULL) {
            // In front: the pipeline's own maps are what most paths begin with.
            next = ingest_new(d, JSON_MAP);
            next->key = name->data;
            next->key_size = (uint32_t)name->size;
            json_push_first(in, next);
        }
        in = next;
    }
}

bool ingest_set(struct ingest *d, const struct ingest_path *path, struct json_node *n)
{
    struct json_node *map = parent_of(d, path);
    if (map == NULL) {
        return false;
    }
    struct json_node *old = json_get(map, path->names[path->count - 1]);
    if (old != NULL) {
        json_set_same(old, n);
    } else {
        put_new(map, path->names[path->count - 1], n);
    }
    return true;
}

bool ingest_append(struct ingest *d, const struct ingest_path *path, struct json_node *n)
{
    struct json_slice name = path->names[path->count - 1];
    struct json_node *map = parent_of(d, path);
    if (map == NULL) {
        return false;
    }
    struct json_node *list = json_get(map, name);
    if (list == NULL) {
        list = ingest_new(d, JSON_LIST);
        put_new(map, name, list);
    } else if (list->kind != JSON_LIST) {
        struct json_node *first = ingest_new(d, JSON_NULL);
        json_set_same(first, list);
        *list = (struct json_node){
            .kind = JSON_LIST, .next = list->next, .key = list->key, .key_size = list->key_size
        };
        json_push(list, first);
    }
    json_push(list, n);
    return true;
}

struct json_node *ingest_take(struct ingest *d, const struct ingest_path *path)
{
    struct json_node *map = d->root;
    for (size_t i = 0; i + 1 < path->count && map != NULL; i++) {
        map = map->kind == JSON_MAP ? json_get(map, path->names[i]) : NULL;
    }
    bool is_map = map != NULL && map->kind == JSON_MAP;
    return is_map ? json_take(map, path->names[path->count - 1]) : NULL;
}

bool ingest_rename(struct ingest *d, struct json_node *from, struct json_slice name,
                   const struct ingest_path *to)
{
    struct json_slice leaf = to->names[to->count - 1];
    struct json_node *map = parent_of(d, to);
    if (map == NULL) {
        return false;
    }
    if (json_get(map, leaf) != NULL) {
        return ingest_fail(d, "field [%s] already exists", to->text);
    }
    struct json_node *n = json_take(from, name);
    CHECK(n != NULL);
    put_new(map, leaf, n);
    return true;
}
