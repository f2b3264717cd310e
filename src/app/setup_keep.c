// SPDX-License-Identifier: Apache-2.0
/*
 * Elasticsearch from 8.14 on, and serverless, keep documents by the data stream; older ones, and
 * distributions without that, by a policy of ILM; OpenSearch by a policy of ISM, which finds its
 * indices by their names. The server is asked, since each of them is a module that may be missing.
 */
#include "app/setup_keep.h"

#include <stdio.h>
#include <string.h>

#include "app/setup_lifecycle.h"
#include "base/json_text.h"

enum { PATH_SIZE_MAX = 1024, BODY_SIZE_MAX = 1 << 16, ANSWER_SIZE_MAX = 16 << 20 };

void setup_keep_init(struct setup_keep *k, uint64_t keep_ns)
{
    *k = (struct setup_keep){ .keep_ns = keep_ns };
    buf_init(&k->policy, ANSWER_SIZE_MAX);
}

void setup_keep_release(struct setup_keep *k)
{
    buf_release(&k->policy);
}

static enum setup_outcome ask_keeper(struct setup_server *s, const struct setup_plan *p)
{
    struct buf path;
    buf_init(&path, PATH_SIZE_MAX);
    setup_append_keeper_path(p->names, p->keeper, &path);
    enum setup_outcome outcome = setup_ask(s, buf_text(&path));
    buf_release(&path);
    return outcome;
}

bool setup_keep_look(struct setup_server *s, struct setup_plan *p, struct setup_keep *k)
{
    if (k->keep_ns == 0) {
        return true;
    }
    setup_put_time(p->keep, sizeof(p->keep), k->keep_ns);
    if (!p->stream) {
        setup_say(s, "warn", "lifecycle",
                  "-keep is for data streams, and %s is an index: its documents are kept",
                  p->names->pattern);
        return true;
    }
    p->keeper = setup_keeper_of(&s->info);
    enum setup_outcome outcome = p->keeper == KEEP_NOT ? SETUP_NO_CALL : ask_keeper(s, p);
    if (outcome == SETUP_NO_CALL && p->keeper == KEEP_STREAM) {
        p->keeper = KEEP_ILM;
        outcome = ask_keeper(s, p);
    }
    if (outcome == SETUP_NO_CALL) {
        setup_say(s, "warn", "lifecycle",
                  "the server has nothing that deletes old documents: they are kept for ever");
        p->keeper = KEEP_NOT;
    } else if (outcome == SETUP_DONE && p->keeper != KEEP_STREAM) {
        k->policy_there = true;
        buf_clear(&k->policy);
        buf_append(&k->policy, s->reply.body.data, s->reply.body.size);
        if (!setup_policy_is_ours(p->names, p->keeper, setup_json_of(&k->policy))) {
            setup_say(s, "FAIL", "lifecycle",
                      "there is a policy %s that weir setup did not make: it is not touched. "
                      "Rename or delete it, or leave -keep out",
                      p->names->policy);
            return false;
        }
    }
    return outcome != SETUP_FAILED;
}

void setup_keep_adopt(struct setup_plan *p, struct json_value settings)
{
    struct json_value retention =
        setup_json_bare(setup_json_at(settings, "template/lifecycle/data_retention"));
    if (retention.size > 0 && retention.size < sizeof(p->keep)) {
        p->keeper = KEEP_STREAM;
        // As checked, it fits.
        (void)snprintf(p->keep, sizeof(p->keep), "%.*s", (int)retention.size,
                       (const char *)retention.data);
    } else if (setup_json_is(settings, "template/settings/index/lifecycle/name",
                             p->names->policy)) {
        p->keeper = KEEP_ILM;
    }
}

// --- Policies ------------------------------------------------------------------------------------

static void append_number(struct json_value answer, const char *name, struct buf *out)
{
    struct json_value v = setup_json_at(answer, name);
    buf_append(out, v.data, v.size);
}

void setup_keep_write(struct setup_server *s, const struct setup_plan *p,
                      const struct setup_keep *k)
{
    if (k->keep_ns == 0 || (p->keeper != KEEP_ILM && p->keeper != KEEP_ISM)) {
        return;
    }
    struct json_value answer = setup_json_of(&k->policy);
    struct buf path;
    struct buf body;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&body, BODY_SIZE_MAX);
    setup_append_keeper_path(p->names, p->keeper, &path);
    if (p->keeper == KEEP_ILM) {
        setup_append_ilm(k->keep_ns, &body);
    } else {
        setup_append_ism(p->names, k->keep_ns, &body);
    }
    if (p->keeper == KEEP_ISM && k->policy_there) {
        buf_append_text(&path, "?if_seq_no=");
        append_number(answer, "_seq_no", &path);
        buf_append_text(&path, "&if_primary_term=");
        append_number(answer, "_primary_term", &path);
    }
    if (k->policy_there &&
        setup_json_contains(setup_policy_of(p->names, p->keeper, answer), setup_json_of(&body))) {
        setup_say(s, "ok", "lifecycle", "policy %s is as it should be: %s", p->names->policy,
                  p->keep);
    } else if (setup_change(s, "PUT", buf_text(&path), &body) == SETUP_DONE) {
        setup_say_done(s, "lifecycle", "policy %s %s: %s", p->names->policy,
                       k->policy_there ? "changed" : "made", p->keep);
    } else if (!s->failed) {
        setup_say(s, "FAIL", "lifecycle", "policy %s is refused: %s", p->names->policy,
                  buf_text(&s->why));
    }
    buf_release(&body);
    buf_release(&path);
}

// --- Data streams --------------------------------------------------------------------------------

static void set_retention(struct setup_server *s, const struct setup_plan *p, const char *stream,
                          struct json_value found)
{
    struct buf path;
    struct buf body;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&body, BODY_SIZE_MAX);
    buf_printf(&path, "/_data_stream/%s/_lifecycle", stream);
    buf_append_text(&body, "{\"data_retention\":");
    json_append_text(&body, p->keep);
    buf_append_char(&body, '}');
    if (setup_json_contains(setup_json_at(found, "lifecycle"), setup_json_of(&body))) {
        setup_say(s, "ok", "lifecycle", "data stream %s is as it should be: %s", stream, p->keep);
    } else if (setup_change(s, "PUT", buf_text(&path), &body) == SETUP_DONE) {
        setup_say_done(s, "lifecycle", "data stream %s keeps its documents for %s", stream,
                       p->keep);
    } else {
        setup_say(s, "warn", "lifecycle", "data stream %s stays as it is: %s", stream,
                  buf_text(&s->why));
    }
    buf_release(&body);
    buf_release(&path);
}

/// ISM takes indices by their names when they are made; those that are there have to be told.
static void add_policy(struct setup_server *s, const struct setup_plan *p, const char *stream,
                       bool change)
{
    struct buf path;
    struct buf body;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&body, BODY_SIZE_MAX);
    buf_printf(&path, "/_plugins/_ism/%s/%s", change ? "change_policy" : "add", stream);
    buf_append_text(&body, "{\"policy_id\":");
    json_append_text(&body, p->names->policy);
    buf_append_char(&body, '}');
    bool sent = setup_change(s, "POST", buf_text(&path), &body) == SETUP_DONE;
    if (!sent) {
        setup_say(s, "warn", "lifecycle", "data stream %s does not follow the policy: %s", stream,
                  buf_text(&s->why));
    } else if (!s->dry_run && json_find_true(s->reply.body.data, s->reply.body.size, "failures")) {
        setup_say(s, "warn", "lifecycle",
                  "indices of data stream %s do not follow the policy, they may have another; GET "
                  "/_plugins/_ism/explain/%s tells",
                  stream, stream);
    }
    buf_release(&body);
    buf_release(&path);
}

static void keep_stream(struct setup_server *s, const struct setup_plan *p,
                        const struct setup_keep *k, struct json_value found,
                        struct setup_changed changed)
{
    char name[SETUP_NAME_SIZE];
    struct json_value text = setup_json_bare(setup_json_at(found, "name"));
    if (text.size == 0 || text.size >= sizeof(name) ||
        !setup_json_is(found, "template", p->names->template)) {
        return; // somebody else's template has been told of already
    }
    // As checked, it fits.
    (void)snprintf(name, sizeof(name), "%.*s", (int)text.size, (const char *)text.data);
    if (k->keep_ns != 0 && p->keeper == KEEP_STREAM) {
        set_retention(s, p, name, found);
    }
    if (k->keep_ns != 0 && p->keeper == KEEP_ISM && changed.policy) {
        add_policy(s, p, name, k->policy_there);
    }
    if (changed.template) {
        setup_say(s, "warn", "stream",
                  "data stream %s is there already: mappings and settings count from its next "
                  "rollover on; POST /%s/_rollover makes one",
                  name, name);
    }
}

void setup_keep_streams(struct setup_server *s, const struct setup_plan *p,
                        const struct setup_keep *k, struct setup_changed changed)
{
    struct buf path;
    struct buf copy;
    buf_init(&path, PATH_SIZE_MAX);
    buf_init(&copy, ANSWER_SIZE_MAX);
    buf_printf(&path, "/_data_stream/%s", p->names->pattern);
    bool wanted = p->stream && (k->keep_ns != 0 || changed.template);
    if (wanted && setup_ask(s, buf_text(&path)) == SETUP_DONE) {
        buf_append(&copy, s->reply.body.data, s->reply.body.size); // further requests follow
        struct json_value streams = setup_json_at(setup_json_of(&copy), "data_streams");
        struct json_each e = { .json = streams.data, .size = streams.size };
        while (streams.data != NULL && !s->failed && json_each(&e)) {
            keep_stream(s, p, k, e.value, changed);
        }
    }
    buf_release(&copy);
    buf_release(&path);
}

// --- Taking away ---------------------------------------------------------------------------------

void setup_keep_remove(struct setup_server *s, const struct setup_names *names)
{
    enum setup_keeper keeper = s->info.product == CLUSTER_OPENSEARCH      ? KEEP_ISM
                               : s->info.product == CLUSTER_ELASTICSEARCH ? KEEP_ILM
                                                                          : KEEP_NOT;
    struct buf path;
    buf_init(&path, PATH_SIZE_MAX);
    setup_append_keeper_path(names, keeper, &path);
    enum setup_outcome outcome = keeper == KEEP_NOT ? SETUP_ABSENT : setup_ask(s, buf_text(&path));
    bool known = outcome == SETUP_DONE;
    if (known && !setup_policy_is_ours(names, keeper, setup_answer(s))) {
        setup_say(s, "warn", "lifecycle", "policy %s is not weir's: it stays", names->policy);
    } else if (known || (s->session == NULL && keeper != KEEP_NOT)) {
        outcome = setup_change(s, "DELETE", buf_text(&path), NULL);
        if (outcome == SETUP_REFUSED) {
            setup_say(s, "warn", "lifecycle", "policy %s stays: %s", names->policy,
                      buf_text(&s->why));
        } else if (outcome == SETUP_DONE) {
            setup_say_done(s, "lifecycle", "policy %s taken away", names->policy);
        }
    }
    buf_release(&path);
}
