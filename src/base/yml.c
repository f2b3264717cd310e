// SPDX-License-Identifier: Apache-2.0
/*
 * libyaml composes the document: a table of nodes in which an alias is the node it names, so
 * nothing is expanded and no small file becomes a large one. What is added here is what its tree
 * lacks: merge keys, the refusal of duplicate keys, and messages with a place.
 *
 * An alias inside its own anchor makes a cycle; readers descend to known depths only, and merges
 * are followed to a depth and a number.
 */
#include "base/yml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/mem.h"

enum {
    MERGE_DEPTH_MAX = 8,
    /// Maps that one walk may merge: merges of merges multiply.
    MERGE_MAPS_MAX = 10000,
};

struct yml_file {
    yaml_document_t document;
    bool loaded;
    char *name;
};

static yaml_node_t *node_of(struct yml_node n)
{
    return n.id == 0 ? NULL : yaml_document_get_node(&n.file->document, n.id);
}

/// The node of one that is there.
static yaml_node_t *known_node(struct yml_node n)
{
    yaml_node_t *node = node_of(n);
    CHECK(node != NULL);
    return node;
}

static int parser_error(const yaml_parser_t *parser, const char *name, struct err *err)
{
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;
    if (parser->error == YAML_READER_ERROR) {
        return err_set(err, ERR_INVALID, "%s: byte %zu: %s", name, parser->problem_offset, problem);
    }
    return err_set(err, ERR_INVALID, "%s:%zu:%zu: %s", name, parser->problem_mark.line + 1,
                   parser->problem_mark.column + 1, problem);
}

static int compare_texts(const void *a, const void *b)
{
    const yaml_node_t *const *left = a;
    const yaml_node_t *const *right = b;
    return strcmp((const char *)(*left)->data.scalar.value,
                  (const char *)(*right)->data.scalar.value);
}

/// Refuses a map in which a key stands twice, as YAML does.
static int check_keys(struct yml_file *f, yaml_node_t *map, struct err *err)
{
    size_t count = (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
    yaml_node_t **keys = mem_zalloc_array(count + 1, sizeof(yaml_node_t *));
    if (keys == NULL) {
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", f->name);
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *key =
            yaml_document_get_node(&f->document, map->data.mapping.pairs.start[i].key);
        if (key->type == YAML_SCALAR_NODE) {
            keys[used++] = key;
        }
    }
    qsort(keys, used, sizeof(keys[0]), compare_texts);
    int status = 0;
    for (size_t i = 1; i < used && status == 0; i++) {
        const char *text = (const char *)keys[i]->data.scalar.value;
        if (compare_texts(&keys[i - 1], &keys[i]) == 0 && strcmp(text, "<<") != 0) {
            const yaml_mark_t *a = &keys[i - 1]->start_mark;
            const yaml_mark_t *b = &keys[i]->start_mark;
            const yaml_mark_t *second = a->index > b->index ? a : b;
            status = err_set(err, ERR_INVALID, "%s:%zu:%zu: key \"%.100s\" stands here twice",
                             f->name, second->line + 1, second->column + 1, text);
        }
    }
    mem_free(keys);
    return status;
}

static int check_document(struct yml_file *f, struct err *err)
{
    if (yaml_document_get_root_node(&f->document) == NULL) {
        return err_set(err, ERR_INVALID, "%s: is empty", f->name);
    }
    for (yaml_node_t *n = f->document.nodes.start; n < f->document.nodes.top; n++) {
        if (n->type == YAML_MAPPING_NODE && check_keys(f, n, err) != 0) {
            return err->status;
        }
    }
    return 0;
}

int yml_parse(const char *text, size_t size, const char *name, struct yml_file **ret_file,
              struct err *err)
{
    yaml_parser_t parser;
    struct yml_file *f = mem_zalloc(sizeof(*f));
    if (f == NULL || (f->name = mem_strdup(name)) == NULL || !yaml_parser_initialize(&parser)) {
        yml_free(f);
        return err_set(err, ERR_NO_MEMORY, "%s: out of memory", name);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    int status = 0;
    if (yaml_parser_load(&parser, &f->document)) {
        f->loaded = true;
        status = check_document(f, err);
    } else {
        status = parser_error(&parser, name, err);
    }
    yaml_parser_delete(&parser);
    if (status != 0) {
        yml_free(f);
        return status;
    }
    *ret_file = f;
    return 0;
}

static int read_all(int fd, const char *path, struct buf *text, struct err *err)
{
    for (;;) {
        if (buf_reserve(text, 4096) != 0) {
            return err_set(err, ERR_RANGE, "%s: larger than %zu bytes", path, text->size_max);
        }
        ssize_t n = read(fd, buf_tail(text), 4096);
        if (n < 0 && errno != EINTR) {
            return err_set_errno(err, errno, "cannot read %s", path);
        }
        if (n == 0) {
            return 0;
        }
        text->size += n > 0 ? (size_t)n : 0;
    }
}

int yml_load(const char *path, size_t size_max, struct yml_file **ret_file, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    struct buf text;
    buf_init(&text, size_max);
    int status = read_all(fd, path, &text, err);
    if (status == 0) {
        status = yml_parse((const char *)text.data, text.size, path, ret_file, err);
    }
    buf_release(&text);
    (void)close(fd); // nothing was written
    return status;
}

void yml_free(struct yml_file *f)
{
    if (f == NULL) {
        return;
    }
    if (f->loaded) {
        yaml_document_delete(&f->document);
    }
    mem_free(f->name);
    mem_free(f);
}

struct yml_node yml_root(struct yml_file *f)
{
    return (struct yml_node){ .file = f, .id = 1 };
}

enum yml_kind yml_kind(struct yml_node n)
{
    const yaml_node_t *node = node_of(n);
    if (node == NULL) {
        return YML_KIND_NONE;
    }
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return YML_KIND_SCALAR;
    case YAML_SEQUENCE_NODE:
        return YML_KIND_LIST;
    case YAML_MAPPING_NODE:
        return YML_KIND_MAP;
    case YAML_NO_NODE:
        break;
    }
    return YML_KIND_NONE;
}

const char *yml_text(struct yml_node n)
{
    CHECK(yml_kind(n) == YML_KIND_SCALAR);
    return (const char *)known_node(n)->data.scalar.value;
}

bool yml_is_plain(struct yml_node n)
{
    return yml_kind(n) == YML_KIND_SCALAR &&
           known_node(n)->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool yml_is_null(struct yml_node n)
{
    if (yml_kind(n) == YML_KIND_NONE) {
        return true;
    }
    if (!yml_is_plain(n)) {
        return false;
    }
    const char *text = yml_text(n);
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0;
}

size_t yml_count(struct yml_node list)
{
    const yaml_node_t *node = known_node(list);
    CHECK(node->type == YAML_SEQUENCE_NODE);
    return (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
}

struct yml_node yml_item(struct yml_node list, size_t index)
{
    CHECK(index < yml_count(list));
    return (struct yml_node){ .file = list.file,
                              .id = known_node(list)->data.sequence.items.start[index] };
}

/// A map and the ones that merge it, innermost first: a key of an inner one is overridden.
struct merge_path {
    const struct merge_path *outer;
    struct yml_node map;
    int depth;
    unsigned *budget; ///< maps that the walk may still merge
};

static bool is_merge_key(struct yml_node key)
{
    return yml_is_plain(key) && strcmp(yml_text(key), "<<") == 0;
}

/// The pair with this key that stands in the map itself.
static struct yml_node own_value(struct yml_node map, const char *text)
{
    const yaml_node_t *node = known_node(map);
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        struct yml_node key = { .file = map.file, .id = p->key };
        if (yml_kind(key) == YML_KIND_SCALAR && strcmp(yml_text(key), text) == 0) {
            return (struct yml_node){ .file = map.file, .id = p->value };
        }
    }
    return (struct yml_node){ .file = map.file };
}

static bool is_overridden(const struct merge_path *path, struct yml_node key)
{
    for (const struct merge_path *p = path->outer; p != NULL; p = p->outer) {
        if (yml_kind(key) == YML_KIND_SCALAR && own_value(p->map, yml_text(key)).id != 0) {
            return true;
        }
    }
    return false;
}

static int each_of(const struct merge_path *path, yml_each_fn *each, void *context);

/// The value of <<: a map or a list of maps.
// NOLINTNEXTLINE(misc-no-recursion): bounded by MERGE_DEPTH_MAX
static int each_merged(const struct merge_path *path, struct yml_node value, yml_each_fn *each,
                       void *context)
{
    if (*path->budget == 0 || path->depth == MERGE_DEPTH_MAX) {
        return 0;
    }
    if (yml_kind(value) == YML_KIND_MAP) {
        struct merge_path inner = {
            .outer = path, .map = value, .depth = path->depth + 1, .budget = path->budget
        };
        (*path->budget)--;
        return each_of(&inner, each, context);
    }
    int status = 0;
    for (size_t i = 0; yml_kind(value) == YML_KIND_LIST && i < yml_count(value); i++) {
        struct yml_node item = yml_item(value, i);
        if (status == 0 && yml_kind(item) == YML_KIND_MAP) {
            status = each_merged(path, item, each, context);
        }
    }
    return status;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by MERGE_DEPTH_MAX
static int each_of(const struct merge_path *path, yml_each_fn *each, void *context)
{
    const yaml_node_t *node = known_node(path->map);
    const yaml_node_pair_t *end = node->data.mapping.pairs.top;
    int status = 0;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < end && status == 0; p++) {
        struct yml_node key = { .file = path->map.file, .id = p->key };
        struct yml_node value = { .file = path->map.file, .id = p->value };
        if (is_merge_key(key)) {
            status = each_merged(path, value, each, context);
        } else if (!is_overridden(path, key)) {
            status = each(context, key, value);
        }
    }
    return status;
}

int yml_each(struct yml_node map, yml_each_fn *each, void *context)
{
    CHECK(yml_kind(map) == YML_KIND_MAP);
    unsigned budget = MERGE_MAPS_MAX;
    struct merge_path path = { .map = map, .budget = &budget };
    return each_of(&path, each, context);
}

struct search {
    const char *text;
    struct yml_node found;
};

static int find(void *context, struct yml_node key, struct yml_node value)
{
    struct search *s = context;
    if (yml_kind(key) != YML_KIND_SCALAR || strcmp(yml_text(key), s->text) != 0) {
        return 0;
    }
    s->found = value;
    return 1;
}

struct yml_node yml_get(struct yml_node map, const char *key)
{
    struct search s = { .text = key, .found = { .file = map.file } };
    if (yml_kind(map) == YML_KIND_MAP) {
        (void)yml_each(map, find, &s); // found or not is in s
    }
    return s.found;
}

int yml_err(struct err *err, struct yml_node n, const char *format, ...)
{
    char text[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); // a cut text is still a text
    va_end(args);
    return err_set(err, ERR_INVALID, "%.200s:%u:%u: %.280s", n.file->name, yml_line(n),
                   yml_column(n), text);
}

unsigned yml_line(struct yml_node n)
{
    const yaml_node_t *node = node_of(n);
    return node == NULL ? 1 : (unsigned)node->start_mark.line + 1;
}

unsigned yml_column(struct yml_node n)
{
    const yaml_node_t *node = node_of(n);
    return node == NULL ? 1 : (unsigned)node->start_mark.column + 1;
}

const char *yml_name(struct yml_node n)
{
    return n.file->name;
}
