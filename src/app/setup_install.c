// SPDX-License-Identifier: Apache-2.0
/*
 * First everything is looked at, then everything is written, in the order in which one thing names
 * another: the policy, the components, the template. So what stops a setup stops it before it has
 * done half of its work, but for rights that are missing for one kind of thing only.
 */
#include "app/setup_install.h"

#include <string.h>

#include "app/setup_keep.h"
#include "app/setup_thing.h"
#include "base/num.h"

enum { PATH_SIZE_MAX = 1024 };

/// What is on the server.
struct install {
    struct setup_server *server;
    struct setup_plan *plan;
    struct setup_found found[THING_COUNT];
    struct setup_keep keep;
};

// --- Looking -------------------------------------------------------------------------------------

static bool look_at_things(struct install *in)
{
    const struct setup_names *n = in->plan->names;
    bool ours = true;
    for (enum setup_thing t = 0; t < THING_COUNT; t++) {
        struct setup_found *f = &in->found[t];
        if (!setup_thing_look(in->server, n, t, f)) {
            return false;
        }
        if (f->there && t != THING_CUSTOM && !setup_found_is_ours(f)) {
            setup_say(in->server, "FAIL", "template",
                      "there is a %s %s that weir setup did not make: it is not touched, and "
                      "nothing else is. Rename or delete it",
                      setup_thing_kind(t), setup_thing_name(n, t));
            ours = false;
        }
        setup_found_adopt_refusals(f, in->plan);
    }
    return ours;
}

/// The first of a template's patterns that names of weir's data streams fit, or no value.
static struct json_value common_pattern(const struct setup_names *n, struct json_value template)
{
    struct json_value mine = { (const uint8_t *)n->pattern, strlen(n->pattern) };
    struct json_value patterns = setup_json_at(template, "index_patterns");
    struct json_each e = { .json = patterns.data, .size = patterns.size };
    while (patterns.data != NULL && json_each(&e)) {
        struct json_value text = setup_json_bare(e.value);
        if (setup_patterns_meet(mine, text)) {
            return text;
        }
    }
    return (struct json_value){ 0 };
}

/// Somebody else's template. False when weir's cannot be beside it.
static bool look_at_other(struct setup_server *s, const struct setup_names *n,
                          struct json_value entry)
{
    struct json_value name = setup_json_bare(setup_json_at(entry, "name"));
    struct json_value priority = setup_json_at(entry, "index_template/priority");
    struct json_value pattern = common_pattern(n, setup_json_at(entry, "index_template"));
    uint64_t number = 0;
    bool said = priority.data != NULL &&
                num_get_u64((const char *)priority.data, priority.size, INT64_MAX, &number) == 0;
    if (setup_json_is(entry, "name", n->template) || pattern.data == NULL || !said ||
        number < SETUP_PRIORITY) {
        return true;
    }
    bool fleet = setup_json_is(entry, "index_template/_meta/managed_by", "fleet");
    if (number == SETUP_PRIORITY) {
        setup_say(s, "FAIL", "template",
                  "index template %.*s has priority %d as weir's would have, and fits %.*s, too: "
                  "servers refuse that. It is not touched; give it another priority",
                  (int)name.size, name.data, SETUP_PRIORITY, (int)pattern.size, pattern.data);
        return false;
    }
    setup_say(s, "warn", "template",
              "index template %.*s%s goes before weir's (its priority is %.*s) for %.*s: data "
              "streams of these names have its mappings, lifecycle and pipelines. It is not "
              "touched",
              (int)name.size, name.data, fleet ? " of Fleet" : "", (int)priority.size,
              priority.data, (int)pattern.size, pattern.data);
    return true;
}

static bool look_at_others(struct install *in)
{
    enum setup_outcome outcome = setup_ask(in->server, "/_index_template");
    struct json_value all = setup_json_at(setup_answer(in->server), "index_templates");
    struct json_each e = { .json = all.data, .size = all.size };
    bool fits = true;
    while (all.data != NULL && outcome == SETUP_DONE && json_each(&e)) {
        fits = look_at_other(in->server, in->plan->names, e.value) && fits;
    }
    return fits && outcome != SETUP_FAILED;
}

/// Whether the one name is an index: then no data stream of that name can be made.
static bool look_at_index(struct install *in)
{
    const struct setup_names *n = in->plan->names;
    struct buf path;
    buf_init(&path, PATH_SIZE_MAX);
    buf_printf(&path, "/%s?filter_path=*.data_stream", n->pattern);
    enum setup_outcome outcome =
        n->one_index ? setup_ask(in->server, buf_text(&path)) : SETUP_ABSENT;
    buf_release(&path);
    struct json_value answer = setup_answer(in->server);
    if (outcome == SETUP_DONE &&
        (answer.data == NULL || memmem(answer.data, answer.size, "data_stream", 11) == NULL)) {
        in->plan->stream = false;
        setup_say(in->server, "warn", "stream",
                  "%s is an index and no data stream: its mappings stay as they are, the template "
                  "is for when it is made again",
                  n->pattern);
    }
    return outcome != SETUP_FAILED;
}

// --- Writing -------------------------------------------------------------------------------------

static void write_all(struct install *in)
{
    struct setup_server *s = in->server;
    unsigned before = s->changes;
    struct setup_changed changed = { 0 };
    setup_keep_write(s, in->plan, &in->keep);
    changed.policy = s->changes > before;
    for (enum setup_thing t = 0; t < THING_COUNT && !s->failed; t++) {
        const struct setup_found *f = &in->found[t];
        bool skip = t == THING_CUSTOM && (f->there || in->plan->has[SETUP_IGNORE_MISSING]);
        if (!skip) {
            before = s->changes;
            setup_thing_write(s, in->plan, t, f);
            changed.template = changed.template || s->changes > before;
        }
    }
    if (!s->failed) {
        setup_keep_streams(s, in->plan, &in->keep, changed);
    }
}

void setup_install(struct setup_server *s, struct setup_plan *p, uint64_t keep_ns)
{
    struct install in = { .server = s, .plan = p };
    for (size_t i = 0; i < THING_COUNT; i++) {
        setup_found_init(&in.found[i]);
    }
    setup_keep_init(&in.keep, keep_ns);
    p->stream = true;
    if (look_at_things(&in) && look_at_index(&in) && look_at_others(&in) &&
        setup_keep_look(s, p, &in.keep)) {
        if (p->keeper == KEEP_NOT) {
            setup_keep_adopt(p, in.found[THING_SETTINGS].body);
        }
        write_all(&in);
    }
    setup_keep_release(&in.keep);
    for (size_t i = 0; i < THING_COUNT; i++) {
        setup_found_release(&in.found[i]);
    }
}

// --- Taking away ---------------------------------------------------------------------------------

/// Whether the user's component has anything in it.
static bool is_filled(const struct setup_found *f)
{
    struct json_value template = setup_json_at(f->body, "template");
    struct json_each e = { .json = template.data, .size = template.size };
    return template.data != NULL && json_each(&e);
}

/// False when it stays because something uses it.
static bool delete_thing(struct setup_server *s, const struct setup_names *n, enum setup_thing t)
{
    struct buf path;
    buf_init(&path, PATH_SIZE_MAX);
    setup_thing_append_path(n, t, &path);
    enum setup_outcome outcome = setup_change(s, "DELETE", buf_text(&path), NULL);
    buf_release(&path);
    if (outcome == SETUP_DONE) {
        setup_say_done(s, "template", "%s %s taken away", setup_thing_kind(t),
                       setup_thing_name(n, t));
    } else if (outcome == SETUP_REFUSED) {
        setup_say(s, "warn", "template", "%s %s stays: %s", setup_thing_kind(t),
                  setup_thing_name(n, t), buf_text(&s->why));
    }
    return outcome == SETUP_DONE || outcome == SETUP_ABSENT;
}

/// False when it stays because something uses it, or because that could not be found out.
static bool remove_thing(struct setup_server *s, const struct setup_names *n, enum setup_thing t)
{
    struct setup_found f;
    setup_found_init(&f);
    bool gone = setup_thing_look(s, n, t, &f);
    if (gone && f.there && !setup_found_is_ours(&f)) {
        setup_say(s, "warn", "template", "%s %s is not weir's: it stays", setup_thing_kind(t),
                  setup_thing_name(n, t));
    } else if (gone && f.there && t == THING_CUSTOM && is_filled(&f)) {
        setup_say(s, "warn", "template", "component template %s is yours now: it stays", n->custom);
    } else if (gone && (f.there || s->session == NULL)) {
        gone = delete_thing(s, n, t);
    }
    setup_found_release(&f);
    return gone;
}

void setup_uninstall(struct setup_server *s, const struct setup_names *names)
{
    if (!remove_thing(s, names, THING_TEMPLATE)) {
        if (!s->failed) {
            setup_say(s, "warn", "template",
                      "data streams that are there need it, and it needs the rest: all of it "
                      "stays. DELETE /_data_stream/NAME takes a data stream away with its "
                      "documents; then uninstall again");
        }
        return;
    }
    bool gone = true;
    for (enum setup_thing t = 0; t < THING_TEMPLATE; t++) {
        gone = remove_thing(s, names, t) && gone;
    }
    if (gone && !s->failed) {
        setup_keep_remove(s, names);
    }
}
