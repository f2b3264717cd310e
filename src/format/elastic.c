// SPDX-License-Identifier: Apache-2.0
/*
 * The pipeline is the table in elastic_steps.def, a row for each processor of Elastic's; here are
 * what the kinds of processors do, and what happens when one fails: the document keeps what it has
 * become so far, and error.message says which processor it was.
 *
 * Two versions of the package matter: the steps are those of 0.2.0, which is public, the tail that
 * of 0.6.0 and later. Texts of failures are Elasticsearch 9's as far as they are known; they depend
 * on its version, so only the type and the tag in them are promises.
 *
 * Painless, their script language, shows in the arithmetic: two 32-bit numbers have a 32-bit
 * product, which wraps; a number past 64 bits counts with its lowest 32 or 64.
 *
 * Not done here: the look-ups of addresses, which come ready, and event.ingested.
 */
#include "format/elastic.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/mem.h"
#include "flow/render.h"
#include "format/ingest.h"
#include "format/java_text.h"
#include "format/json_parse.h"

#define PIPELINE "logs-goflow2.sflow-0.7.0"
#define PRESERVE "preserve_original_event"

enum { BIG_SIZE_MAX = 1024 }; ///< more than the parser lets through

enum when { ALWAYS, COLUMN, VALUE, NO_VALUE, BYTES_AND_RATE };
enum piece { SRC_GEO, DST_GEO, SRC_AS, DST_AS };

struct step;

/// The paths that the code itself names.
struct paths {
    struct ingest_path tags;
    struct ingest_path event_kind;
    struct ingest_path event_original;
    struct ingest_path error_message;
    struct ingest_path message;
};

/// One document on its way.
struct run {
    struct ingest doc;
    struct json_parser *parser;
    struct json_node *goflow2; ///< what the line holds, of any kind; NULL before it is parsed
    const struct elastic_input *in;
    const struct paths *paths;
};

typedef bool step_fn(struct run *r, const struct step *s);

struct row {
    step_fn *function;
    const char *type;
    const char *tag;
    enum when when;
    const char *from;
    const char *to;
    const char *text;
    enum piece piece;
};

/// A row made ready.
struct step {
    const struct row *row;
    struct ingest_path from;
    struct ingest_path to;
};

static struct json_slice words(const char *text)
{
    return json_slice(text, strlen(text));
}

static struct json_node *new_text(struct run *r, struct json_slice text)
{
    struct json_node *n = ingest_new(&r->doc, JSON_TEXT);
    json_set_text(n, text);
    return n;
}

/// A column, when the line was an object.
static struct json_node *column(const struct run *r, const char *name)
{
    return json_get(r->goflow2, words(name));
}

// --- Constants, message ------------------------------------------------------------------------

static bool set_text(struct run *r, const struct step *s)
{
    return ingest_set(&r->doc, &s->to, new_text(r, words(s->row->text)));
}

static bool append_text(struct run *r, const struct step *s)
{
    return ingest_append(&r->doc, &s->to, new_text(r, words(s->row->text)));
}

static bool set_ecs_version(struct run *r, const struct step *s)
{
    return ingest_set(&r->doc, &s->to, new_text(r, words(r->in->ecs_version)));
}

static bool parse_message(struct run *r, const struct step *s)
{
    struct json_error error;
    struct json_slice message = json_text_of(ingest_get(&r->doc, &s->from));
    struct json_node *n = json_parse(r->parser, r->doc.tree, message, &error);
    if (n == NULL) {
        return ingest_fail(&r->doc, "%s\n at [line: 1, byte: %zu]", error.reason, error.at + 1);
    }
    if (!ingest_set(&r->doc, &s->to, n)) {
        return false;
    }
    r->goflow2 = ingest_get(&r->doc, &s->to);
    return true;
}

static bool set_original(struct run *r, const struct step *s)
{
    return ingest_set(&r->doc, &s->to, new_text(r, json_text_of(ingest_get(&r->doc, &s->from))));
}

static bool remove_message(struct run *r, const struct step *s)
{
    (void)ingest_take(&r->doc, &s->from); // it is there, and not wanted
    return true;
}

// --- Arithmetic --------------------------------------------------------------------------------

static bool is_number(const struct json_node *n)
{
    return n->kind == JSON_INT || n->kind == JSON_BIG || n->kind == JSON_DOUBLE;
}

static bool is_long(const struct json_node *n)
{
    return n->kind == JSON_INT && (n->value.number > INT32_MAX || n->value.number < INT32_MIN);
}

/// Number.longValue() of a whole number: its lowest 64 bits.
static int64_t long_of(const struct json_node *n)
{
    if (n->kind == JSON_INT) {
        return n->value.number;
    }
    bool negative = n->value.text[0] == '-';
    uint64_t value = 0;
    for (size_t i = negative; i < n->size; i++) {
        value = value * 10 + (n->value.text[i] - '0');
    }
    return (int64_t)(negative ? 0 - value : value);
}

static int32_t int_of(const struct json_node *n)
{
    return (int32_t)(uint32_t)(uint64_t)long_of(n);
}

static double double_of(const struct json_node *n)
{
    char text[BIG_SIZE_MAX];
    if (n->kind == JSON_DOUBLE) {
        return n->value.real;
    }
    if (n->kind == JSON_INT) {
        return (double)n->value.number;
    }
    CHECK(n->size < sizeof(text));
    memcpy(text, n->value.text, n->size);
    text[n->size] = '\0';
    return strtod(text, NULL);
}

static bool calculate_time(struct run *r, const struct step *s)
{
    enum { NS_PER_MS = 1000000 };
    struct json_node *n;
    if (r->goflow2->kind == JSON_LIST) {
        return ingest_fail(&r->doc, "Illegal list shortcut value [%s].", s->row->from);
    }
    if (r->goflow2->kind != JSON_MAP && r->goflow2->kind != JSON_NULL) {
        return ingest_fail(&r->doc, "dynamic getter [%s, %s] not found", java_class(r->goflow2),
                           s->row->from);
    }
    n = r->goflow2->kind == JSON_NULL ? NULL : column(r, s->row->from);
    if (n == NULL || n->kind == JSON_NULL) {
        return ingest_fail(&r->doc,
                           "Cannot invoke \"Object.getClass()\" because \"leftObject\" is null");
    }
    if (!is_number(n)) {
        return ingest_fail(&r->doc,
                           "Cannot apply [/] operation to types [%s] and [java.lang.Integer].",
                           java_class(n));
    }
    if (n->kind == JSON_DOUBLE) {
        json_set_double(n, n->value.real / NS_PER_MS);
    } else {
        json_set_int(n, (n->kind == JSON_BIG ? int_of(n) : n->value.number) / NS_PER_MS);
    }
    return true;
}

static bool calculate_size(struct run *r, const struct step *s)
{
    const struct json_node *bytes = column(r, s->row->from);
    const struct json_node *rate = column(r, "sampling_rate");
    if (!is_number(bytes) || !is_number(rate)) {
        return ingest_fail(&r->doc, "Cannot apply [*] operation to types [%s] and [%s].",
                           java_class(bytes), java_class(rate));
    }
    struct json_node *n = column(r, "flow_size");
    if (n == NULL) {
        struct json_slice name = words("flow_size");
        n = ingest_new(&r->doc, JSON_NULL);
        n->key = name.data;
        n->key_size = (uint32_t)name.size;
        json_push(r->goflow2, n);
    }
    if (bytes->kind == JSON_DOUBLE || rate->kind == JSON_DOUBLE) {
        json_set_double(n, double_of(bytes) * double_of(rate));
    } else if (is_long(bytes) || is_long(rate)) {
        json_set_int(n, (int64_t)((uint64_t)long_of(bytes) * (uint64_t)long_of(rate)));
    } else {
        json_set_int(n, (int32_t)(uint32_t)((uint64_t)int_of(bytes) * (uint64_t)int_of(rate)));
    }
    return true;
}

/// What calculate_time() left, as milliseconds since 1970: 2024-07-31T00:00:59.314Z.
static bool parse_date(struct run *r, const struct step *s)
{
    enum { MS_PER_S = 1000 };
    const struct json_node *n = column(r, s->row->from);
    if (n->kind == JSON_DOUBLE) {
        uint8_t text[JAVA_DOUBLE_SIZE_MAX];
        int size = (int)(java_put_double(text, n->value.real) - text);
        return ingest_fail(&r->doc, "For input string: \"%.*s\"", size, text);
    }
    int64_t ms = n->value.number % MS_PER_S;
    int64_t seconds = n->value.number / MS_PER_S;
    if (ms < 0) {
        ms += MS_PER_S;
        seconds--;
    }
    json_text_begin(r->doc.tree);
    uint8_t *at = json_text_room(r->doc.tree, RENDER_DATETIME_SIZE_MAX);
    if (at != NULL) {
        at = render_datetime(at, seconds, 0) - 1; // in place of its Z
        *at++ = '.';
        *at++ = (uint8_t)('0' + ms / 100);
        *at++ = (uint8_t)('0' + ms / 10 % 10);
        *at++ = (uint8_t)('0' + ms % 10);
        *at++ = 'Z';
        json_text_added(r->doc.tree, at);
    }
    return ingest_set(&r->doc, &s->to, new_text(r, json_text_end(r->doc.tree)));
}

// --- Columns -----------------------------------------------------------------------------------

static bool rename_column(struct run *r, const struct step *s)
{
    struct json_slice name = s->from.names[0];
    if (json_get(r->goflow2, name) == NULL) {
        return true; // ignore_missing, or the condition has seen to it
    }
    return ingest_rename(&r->doc, r->goflow2, name, &s->to);
}

static bool append_column(struct run *r, const struct step *s)
{
    struct json_node *n = column(r, s->row->from);
    return ingest_append(&r->doc, &s->to, new_text(r, java_template(r->doc.tree, n)));
}

static bool check_one_ip(struct run *r, const struct json_node *n)
{
    if (n->kind == JSON_NULL) {
        return ingest_fail(&r->doc,
                           "Cannot invoke \"String.length()\" because \"ipString\" is null");
    }
    if (n->kind != JSON_TEXT) {
        return ingest_fail(&r->doc,
                           "class %s cannot be cast to class java.lang.String (%s and "
                           "java.lang.String are in module java.base of loader 'bootstrap')",
                           java_class(n), java_class(n));
    }
    if (java_is_inet_address(json_text_of(n))) {
        return true;
    }
    json_text_begin(r->doc.tree);
    json_text_add(r->doc.tree, "'", 1);
    json_text_add(r->doc.tree, n->value.text, n->size);
    struct json_slice rest = words("' is not an IP string literal.");
    json_text_add(r->doc.tree, rest.data, rest.size);
    r->doc.message = json_text_end(r->doc.tree);
    return false;
}

static bool check_ip(struct run *r, const struct step *s)
{
    const struct json_node *n = column(r, s->row->from);
    if (n->kind != JSON_LIST) {
        return check_one_ip(r, n);
    }
    for (const struct json_node *m = n->value.members.first; m != NULL; m = m->next) {
        if (!check_one_ip(r, m)) {
            return false;
        }
    }
    return true;
}

static bool remove_columns(struct run *r, const struct step *s)
{
    static const char *const NAMES[] = {
        "time_flow_start_ns", "proto", "etype", "dst_addr", "src_addr", "sampler_address", "bytes"
    };
    (void)s; // always the same
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        (void)json_take(r->goflow2, words(NAMES[i])); // there or not
    }
    return true;
}

static bool remove_goflow2(struct run *r, const struct step *s)
{
    (void)s; // always the same
    if (r->goflow2->size == 0) {
        (void)json_take(r->doc.root, words("goflow2")); // it is there
    }
    return true;
}

// --- Values ------------------------------------------------------------------------------------

static bool make_string(struct run *r, struct json_node *n)
{
    if (n->kind == JSON_NULL) {
        return ingest_fail(&r->doc,
                           "Cannot invoke \"Object.toString()\" because \"value\" is null");
    }
    json_set_text(n, java_string(r->doc.tree, n));
    return true;
}

static bool convert_to_string(struct run *r, const struct step *s)
{
    struct json_node *n = ingest_get(&r->doc, &s->to);
    if (n == NULL || n->kind == JSON_NULL) {
        return true; // ignore_missing
    }
    if (n->kind != JSON_LIST) {
        return make_string(r, n);
    }
    // A list is changed whole or not at all.
    for (const struct json_node *m = n->value.members.first; m != NULL; m = m->next) {
        if (m->kind == JSON_NULL) {
            return ingest_fail(&r->doc,
                               "Cannot invoke \"Object.toString()\" because \"value\" is null");
        }
    }
    for (struct json_node *m = n->value.members.first; m != NULL; m = m->next) {
        (void)make_string(r, m); // none is null
    }
    return true;
}

static bool rename_value(struct run *r, const struct step *s)
{
    struct ingest_path parent = s->from;
    parent.count--;
    struct json_node *map = ingest_get(&r->doc, &parent);
    struct json_slice name = s->from.names[parent.count];
    if (map == NULL || map->kind != JSON_MAP || json_get(map, name) == NULL) {
        return true; // ignore_missing
    }
    return ingest_rename(&r->doc, map, name, &s->to);
}

static bool append_value(struct run *r, const struct step *s)
{
    struct json_node *n = ingest_get(&r->doc, &s->from);
    return ingest_append(&r->doc, &s->to, new_text(r, java_template(r->doc.tree, n)));
}

static bool lowercase(struct run *r, const struct step *s)
{
    struct json_node *n = ingest_get(&r->doc, &s->to);
    if (n == NULL || n->kind == JSON_NULL) {
        return true; // ignore_missing
    }
    if (n->kind == JSON_TEXT) {
        json_set_text(n, java_lower(r->doc.tree, json_text_of(n)));
        return true;
    }
    if (n->kind != JSON_LIST) {
        return ingest_fail(&r->doc, "field [%s] of type [%s] cannot be cast to [java.lang.String]",
                           s->to.text, java_class(n));
    }
    for (const struct json_node *m = n->value.members.first; m != NULL; m = m->next) {
        if (m->kind != JSON_TEXT) {
            return ingest_fail(
                &r->doc,
                "value of type [%s] in list field [%s] cannot be cast to [java.lang.String]",
                java_class(m), s->to.text);
        }
    }
    for (struct json_node *m = n->value.members.first; m != NULL; m = m->next) {
        json_set_text(m, java_lower(r->doc.tree, json_text_of(m)));
    }
    return true;
}

/// Elasticsearch copies in depth, and cannot copy a number past 64 bits.
static bool can_copy(struct json_tree *t, const struct json_node *root)
{
    for (struct json_walk w = json_walk(t, root); w.node != NULL; json_walk_on(&w)) {
        if (w.node->kind == JSON_BIG) {
            return false;
        }
    }
    return true;
}

/// Nothing for null and "".
static bool set_sample_rate(struct run *r, const struct step *s)
{
    const struct json_node *from = ingest_get(&r->doc, &s->from);
    if (!ingest_is_present(from)) {
        return true;
    }
    if (!can_copy(r->doc.tree, from)) {
        return ingest_fail(&r->doc, "unexpected value type [class java.math.BigInteger]");
    }
    struct json_node *n = ingest_new(&r->doc, JSON_NULL);
    json_set_same(n, from);
    return ingest_set(&r->doc, &s->to, n);
}

/// Without a database the step is one that only leaves its tag, whatever the address.
static bool set_geoip(struct run *r, const struct step *s)
{
    const struct elastic_input *in = r->in;
    bool asn = s->row->piece == SRC_AS || s->row->piece == DST_AS;
    if (asn ? in->asn_unavailable : in->city_unavailable) {
        const char *tag = asn ? "_geoip_database_unavailable_GeoLite2-ASN.mmdb"
                              : "_geoip_database_unavailable_GeoLite2-City.mmdb";
        return ingest_append(&r->doc, &r->paths->tags, new_text(r, words(tag)));
    }
    const struct elastic_json *pieces[] = { &in->src_geo, &in->dst_geo, &in->src_as, &in->dst_as };
    const struct elastic_json *piece = pieces[s->row->piece];
    const struct json_node *ip = ingest_get(&r->doc, &s->from);
    if (piece->size == 0 || ip == NULL || ip->kind == JSON_NULL) {
        return true;
    }
    struct json_node *n = new_text(r, json_slice(piece->data, piece->size));
    n->kind = JSON_RAW;
    return ingest_set(&r->doc, &s->to, n);
}

// --- The pipeline ------------------------------------------------------------------------------

static const struct row ROWS[] = {
#define STEP(function, type, tag, when, from, to, text, piece)                                     \
    { function, type, tag, when, from, to, text, piece },
#include "format/elastic_steps.def"
#undef STEP
};

enum { STEP_COUNT = sizeof(ROWS) / sizeof(ROWS[0]) };

struct elastic {
    struct json_tree *tree;
    struct json_parser *parser;
    struct paths paths;
    struct step steps[STEP_COUNT];
};

int elastic_new(struct elastic **ret_elastic)
{
    enum { JSON_SIZE_MAX = LOG_LINE_SIZE_MAX + ELASTIC_EVENT_SIZE_MAX };
    struct elastic *e = mem_zalloc(sizeof(*e));
    if (e == NULL) {
        return ERR_NO_MEMORY;
    }
    int status = json_tree_new(JSON_SIZE_MAX, &e->tree);
    if (status == 0) {
        status = json_parser_new(JSON_SIZE_MAX, &e->parser);
    }
    if (status != 0) {
        elastic_free(e);
        return status;
    }
    for (size_t i = 0; i < STEP_COUNT; i++) {
        e->steps[i] = (struct step){ .row = &ROWS[i],
                                     .from = ingest_path(ROWS[i].from),
                                     .to = ingest_path(ROWS[i].to) };
    }
    e->paths = (struct paths){ .tags = ingest_path("tags"),
                               .event_kind = ingest_path("event.kind"),
                               .event_original = ingest_path("event.original"),
                               .error_message = ingest_path("error.message"),
                               .message = ingest_path("message") };
    *ret_elastic = e;
    return 0;
}

void elastic_free(struct elastic *e)
{
    if (e != NULL) {
        json_tree_free(e->tree);
        json_parser_free(e->parser);
        mem_free(e);
    }
}

/// Whether a step is to run. Can fail itself: false.
static bool condition(struct run *r, const struct step *s, bool *ret_wanted)
{
    struct json_node *n;
    switch (s->row->when) {
    case ALWAYS:
        *ret_wanted = true;
        return true;
    case COLUMN:
        *ret_wanted = ingest_is_present(json_get(r->goflow2, s->from.names[0]));
        return true;
    case BYTES_AND_RATE:
        *ret_wanted =
            ingest_is_present(column(r, "bytes")) && ingest_is_present(column(r, "sampling_rate"));
        return true;
    case VALUE:
        if (!ingest_get_safely(&r->doc, &s->from, &n)) {
            return false;
        }
        *ret_wanted = ingest_is_present(n);
        return true;
    case NO_VALUE:
        if (!ingest_get_safely(&r->doc, &s->to, &n)) {
            return false;
        }
        *ret_wanted = n == NULL || n->kind == JSON_NULL;
        return true;
    }
    return false;
}

/// The first step that fails, or NULL.
static const struct row *run_steps(struct run *r, const struct step *steps)
{
    for (size_t i = 0; i < STEP_COUNT; i++) {
        bool wanted = false;
        if (!condition(r, &steps[i], &wanted) ||
            (wanted && !steps[i].row->function(r, &steps[i]))) {
            return steps[i].row;
        }
    }
    return NULL;
}

/// As contains() has it in Painless: of a list an element, of a text a part.
static bool has_tag(const struct run *r, const char *tag)
{
    const struct json_node *tags = ingest_get(&r->doc, &r->paths->tags);
    if (tags == NULL) {
        return false;
    }
    if (tags->kind == JSON_TEXT) {
        return memmem(tags->value.text, tags->size, tag, strlen(tag)) != NULL;
    }
    const struct json_node *n = tags->kind == JSON_LIST ? tags->value.members.first : NULL;
    while (n != NULL && !ingest_is_text(n, tag)) {
        n = n->next;
    }
    return n != NULL;
}

static void add_preserve_tag(struct run *r)
{
    if (!has_tag(r, PRESERVE)) {
        (void)ingest_append(&r->doc, &r->paths->tags,
                            new_text(r, words(PRESERVE))); // no way to fail
    }
}

static void on_failure(struct run *r, const struct row *row)
{
    const struct json_slice pieces[] = {
        words("Processor '"),
        words(row->when == ALWAYS ? row->type : "conditional"),
        words("' with tag '"),
        words(row->tag),
        words("' in pipeline '" PIPELINE "' failed with message '"),
        r->doc.message,
        words("'"),
    };
    json_text_begin(r->doc.tree);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        json_text_add(r->doc.tree, pieces[i].data, pieces[i].size);
    }
    struct json_node *message = new_text(r, json_text_end(r->doc.tree));
    // Elasticsearch would refuse a document in which these cannot be set; here it stays as it is.
    (void)ingest_set(&r->doc, &r->paths->error_message, message);
    (void)ingest_set(&r->doc, &r->paths->event_kind, new_text(r, words("pipeline_error")));
    add_preserve_tag(r);
}

/// The event, or an empty one, with the line as its message.
static void make_document(struct run *r)
{
    struct json_error error;
    const struct elastic_json *event = &r->in->event;
    struct json_slice line = json_slice(r->in->line, r->in->size);
    r->doc.root = NULL;
    if (event->size > 0) {
        struct json_slice text = json_tree_utf8(r->doc.tree, json_slice(event->data, event->size));
        r->doc.root = json_parse(r->parser, r->doc.tree, text, &error);
    }
    if (r->doc.root == NULL || r->doc.root->kind != JSON_MAP) {
        r->doc.root = ingest_new(&r->doc, JSON_MAP);
    }
    (void)ingest_set(&r->doc, &r->paths->message,
                     new_text(r, json_tree_utf8(r->doc.tree, line))); // the root is a map
}

bool elastic_append(struct elastic *e, const struct elastic_input *in, struct buf *out)
{
    struct run run = {
        .doc = { .tree = e->tree }, .parser = e->parser, .in = in, .paths = &e->paths
    };
    if (in->size > LOG_LINE_SIZE_MAX || in->event.size > ELASTIC_EVENT_SIZE_MAX) {
        out->bad = true;
        return false;
    }
    json_tree_clear(e->tree);
    make_document(&run);
    const struct row *failed = run_steps(&run, e->steps);
    if (failed != NULL) {
        on_failure(&run, failed);
    } else if (ingest_get(&run.doc, &e->paths.error_message) != NULL) {
        add_preserve_tag(&run);
    }
    // From here on it is Fleet's final pipeline.
    if (!has_tag(&run, PRESERVE)) {
        (void)ingest_take(&run.doc, &e->paths.event_original); // there or not
    }
    size_t before = out->size;
    json_tree_append(e->tree, run.doc.root, out);
    out->bad = out->bad || json_tree_full(e->tree);
    if (out->bad) {
        out->size = before;
    }
    return failed != NULL;
}
