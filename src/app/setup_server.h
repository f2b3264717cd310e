// SPDX-License-Identifier: Apache-2.0
/*
 * The server that is set up, or taken for one in a dry run: questions, changes, and what is said
 * about them on standard output.
 */
#pragma once

#include <stdbool.h>

#include "app/setup_json.h"
#include "base/status.h"
#include "cluster/cluster.h"

struct setup_server {
    struct cluster_session *session; ///< NULL: there is none, each question is answered with no
    size_t node_count;               ///< how many the session chooses from
    bool dry_run;                    ///< changes are printed instead
    struct cluster_info info;
    struct cluster_reply reply; ///< the last answer
    struct buf why;             ///< what is wrong with it, for people
    unsigned changes;           ///< made, or printed
    bool failed;                ///< something that was asked for could not be done
};

/// What came of a question or a change.
enum setup_outcome {
    SETUP_DONE,
    SETUP_ABSENT,  ///< 404
    SETUP_NO_CALL, ///< the server has no such thing to ask for
    SETUP_REFUSED, ///< 400 or 409 to a change: s->why says the reason
    SETUP_FAILED,  ///< no answer, or a right is missing: this was said, and s->failed is set
};

void setup_server_init(struct setup_server *s);
void setup_server_release(struct setup_server *s);

/// GET; the answer is in s->reply until the next one.
enum setup_outcome setup_ask(struct setup_server *s, const char *path);

/// Sends, or prints, a request that changes something. `body` may be NULL.
enum setup_outcome setup_change(struct setup_server *s, const char *method, const char *path,
                                const struct buf *body);

/// The answer as a value.
static inline struct json_value setup_answer(const struct setup_server *s)
{
    return setup_json_of(&s->reply.body);
}

/// A line: verdict ("ok", "warn", "FAIL", which sets s->failed), what it is about, the words. In a
/// dry run it is a comment, so that what is printed can be pasted into a console.
void setup_say(struct setup_server *s, const char *verdict, const char *what, const char *format,
               ...) PRINTF_LIKE(4, 5);

/// setup_say() of a change that was made; nothing in a dry run, which prints the request.
#define setup_say_done(s, what, ...)                                                               \
    ((s)->dry_run ? (void)0 : setup_say(s, "ok", what, __VA_ARGS__))
