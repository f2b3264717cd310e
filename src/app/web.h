// SPDX-License-Identifier: Apache-2.0
/*
 * What a running weir answers: goflow2's end points, the API with questions to the store and live
 * records, and on the local socket the other commands. Under the name goflow2 without a store there
 * are goflow2's end points only, for everyone, as there.
 */
#pragma once

#include "app/follower.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "app/receiver.h"
#include "app/status_page.h"
#include "base/status.h"

struct web;

/// All must outlive it.
struct web_settings {
    const struct settings *settings;
    struct pipeline *pipeline; ///< started; gets `live`
    const struct receivers *receivers;
    const struct followers *followers;
    struct status_page *page;
};

/// Binds and answers from now on; before intakes start. Errors with words.
int web_start(const struct web_settings *settings, struct web **ret_web, struct err *err) MUST_USE;

/// SIGHUP: passwords, tokens, certificates and names of applications are read again. What is no
/// good is logged, and the old one stays.
void web_reload(struct web *w);
/// Every second or so: names of applications are read again when their file was replaced.
void web_tick(struct web *w);

/// Takes no more records of other commands, and waits for those that it has: before the pipeline is
/// stopped. NULL is fine.
void web_close(struct web *w);
/// Closed before, and the intakes are stopped. NULL is fine.
void web_stop(struct web *w);

/// Whether anything but goflow2's end points is answered.
bool web_has_api(const struct settings *s, unsigned outputs);
