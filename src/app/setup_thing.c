// SPDX-License-Identifier: Apache-2.0
/*
 * A server's version says what it should have, its answer what it has: distributions leave modules
 * out, and Elastic Cloud Serverless has no version. So what is refused by its name is left out and
 * tried again, and the thing's _meta remembers it.
 */
#include "app/setup_thing.h"

#include <string.h>

#include "base/num.h"

enum { PATH_SIZE_MAX = 1024, BODY_SIZE_MAX = 1 << 20, ANSWER_SIZE_MAX = 4 << 20 };

static const struct {
    const char *kind;
    const char *path;   ///< without the name
    const char *answer; ///< where in an answer it is
    void (*append)(const struct setup_plan *p, struct buf *out);
} THINGS[THING_COUNT] = {
    [THING_MAPPINGS] = { "component template", "/_component_template/",
                         "component_templates/0/component_template", setup_append_mappings },
    [THING_SETTINGS] = { "component template", "/_component_template/",
                         "component_templates/0/component_template", setup_append_settings },
    [THING_CUSTOM] = { "component template", "/_component_template/",
                       "component_templates/0/component_template", setup_append_custom },
    [THING_TEMPLATE] = { "index template", "/_index_template/", "index_templates/0/index_template",
                         setup_append_template },
};

void setup_found_init(struct setup_found *f)
{
    *f = (struct setup_found){ 0 };
    buf_init(&f->answer, ANSWER_SIZE_MAX);
}

void setup_found_release(struct setup_found *f)
{
    buf_release(&f->answer);
}

const char *setup_thing_name(const struct setup_names *n, enum setup_thing thing)
{
    switch (thing) {
    case THING_MAPPINGS:
        return n->mappings;
    case THING_SETTINGS:
        return n->settings;
    case THING_CUSTOM:
        return n->custom;
    case THING_TEMPLATE:
    case THING_COUNT:
        break;
    }
    return n->template;
}

const char *setup_thing_kind(enum setup_thing thing)
{
    return THINGS[thing].kind;
}

void setup_thing_append_path(const struct setup_names *n, enum setup_thing thing, struct buf *out)
{
    buf_printf(out, "%s%s", THINGS[thing].path, setup_thing_name(n, thing));
}

bool setup_thing_look(struct setup_server *s, const struct setup_names *n, enum setup_thing thing,
                      struct setup_found *f)
{
    struct buf path;
    buf_init(&path, PATH_SIZE_MAX);
    setup_thing_append_path(n, thing, &path);
    enum setup_outcome outcome = setup_ask(s, buf_text(&path));
    if (outcome == SETUP_NO_CALL) {
        setup_say(s, "FAIL", "template", "GET %s: %s; the server has no composable templates",
                  buf_text(&path), buf_text(&s->why));
    }
    buf_release(&path);
    buf_clear(&f->answer);
    buf_append(&f->answer, s->reply.body.data, s->reply.body.size);
    f->body = setup_json_at(setup_json_of(&f->answer), THINGS[thing].answer);
    f->there = outcome == SETUP_DONE && f->body.data != NULL;
    return outcome == SETUP_DONE || outcome == SETUP_ABSENT;
}

bool setup_found_is_ours(const struct setup_found *f)
{
    return setup_is_ours(setup_json_at(f->body, "_meta"));
}

/// Whether a text occurs in a value.
static bool occurs(struct json_value in, const char *text)
{
    return in.data != NULL && memmem(in.data, in.size, text, strlen(text)) != NULL;
}

static void refuse(struct setup_plan *p, size_t feature)
{
    p->has[feature] = false;
    p->refused[feature] = true;
}

void setup_found_adopt_refusals(const struct setup_found *f, struct setup_plan *p)
{
    struct json_value refused = setup_json_at(f->body, "_meta/refused");
    if (!f->there || !setup_json_is(f->body, "_meta/refused_by", p->server)) {
        return;
    }
    for (size_t i = 0; i < SETUP_FEATURE_COUNT; i++) {
        if (p->has[i] && occurs(refused, SETUP_FEATURES[i].name)) {
            refuse(p, i);
        }
    }
}

/// Takes out of the plan what the server just refused. False when it refused something else.
static bool learn(struct setup_server *s, struct setup_plan *p)
{
    struct json_value answer = setup_answer(s);
    for (size_t i = 0; i < SETUP_FEATURE_COUNT; i++) {
        if (p->has[i] && occurs(answer, SETUP_FEATURES[i].name)) {
            setup_say(s, "warn", "template", "the server has no %s: %s", SETUP_FEATURES[i].name,
                      SETUP_FEATURES[i].instead);
            refuse(p, i);
            return true;
        }
    }
    if (p->keeper != KEEP_NOT && occurs(answer, "lifecycle")) {
        setup_say(s, "warn", "lifecycle", "the server refuses it (%s): documents are kept for ever",
                  buf_text(&s->why));
        p->keeper = KEEP_NOT;
        return true;
    }
    return false;
}

static bool is_newer(const struct setup_found *f)
{
    struct json_value version = setup_json_at(f->body, "_meta/version");
    uint64_t number = 0;
    return version.data != NULL &&
           num_get_u64((const char *)version.data, version.size, UINT32_MAX, &number) == 0 &&
           number > SETUP_VERSION;
}

/// The template can no longer name a component that is not there. One that is there stays.
static void make_custom(struct setup_server *s, const struct setup_plan *p)
{
    struct buf path;
    struct buf body;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&body, BODY_SIZE_MAX);
    setup_thing_append_path(p->names, THING_CUSTOM, &path);
    buf_append_text(&path, "?create=true");
    setup_append_custom(p, &body);
    (void)setup_change(s, "PUT", buf_text(&path), &body); // refused when it is there
    buf_release(&body);
    buf_release(&path);
}

/// PUTs what the plan says, again with less when that is refused.
static enum setup_outcome put(struct setup_server *s, struct setup_plan *p, enum setup_thing thing,
                              const char *path, struct buf *body)
{
    enum setup_outcome outcome;
    bool again = false;
    do {
        if (again && thing == THING_TEMPLATE && p->refused[SETUP_IGNORE_MISSING]) {
            make_custom(s, p);
        }
        buf_clear(body);
        THINGS[thing].append(p, body);
        outcome = setup_change(s, "PUT", path, body);
        again = outcome == SETUP_REFUSED && learn(s, p);
    } while (again);
    return outcome;
}

void setup_thing_write(struct setup_server *s, struct setup_plan *p, enum setup_thing thing,
                       const struct setup_found *f)
{
    const char *name = setup_thing_name(p->names, thing);
    struct buf path;
    struct buf body;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&body, BODY_SIZE_MAX);
    setup_thing_append_path(p->names, thing, &path);
    THINGS[thing].append(p, &body);
    enum setup_outcome outcome = SETUP_ABSENT;
    if (f->there && is_newer(f)) {
        setup_say(s, "warn", "template", "%s %s was made by a newer weir: it stays as it is",
                  THINGS[thing].kind, name);
    } else if (f->there && setup_json_contains(f->body, setup_json_of(&body))) {
        setup_say(s, "ok", "template", "%s %s is as it should be", THINGS[thing].kind, name);
    } else {
        outcome = put(s, p, thing, buf_text(&path), &body);
    }
    if (outcome == SETUP_DONE) {
        setup_say_done(s, "template", "%s %s %s", THINGS[thing].kind, name,
                       f->there ? "changed" : "made");
    } else if (outcome == SETUP_REFUSED || outcome == SETUP_NO_CALL) {
        setup_say(s, "FAIL", "template", "%s %s is refused: %s", THINGS[thing].kind, name,
                  buf_text(&s->why));
    }
    buf_release(&body);
    buf_release(&path);
}
