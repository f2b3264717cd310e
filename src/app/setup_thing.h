// SPDX-License-Identifier: Apache-2.0
/*
 * The things that a setup consists of, on the server: component templates and the index template.
 */
#pragma once

#include "app/setup_server.h"
#include "app/setup_template.h"

/// In the order in which they are written.
enum setup_thing {
    THING_MAPPINGS,
    THING_SETTINGS,
    THING_CUSTOM,
    THING_TEMPLATE,
    THING_COUNT,
};

/// One of them as it is on the server.
struct setup_found {
    bool there;
    struct buf answer;      ///< owned
    struct json_value body; ///< what the server has, in `answer`
};

void setup_found_init(struct setup_found *f);
void setup_found_release(struct setup_found *f);

const char *setup_thing_name(const struct setup_names *n, enum setup_thing thing);
/// "component template", "index template".
const char *setup_thing_kind(enum setup_thing thing);
void setup_thing_append_path(const struct setup_names *n, enum setup_thing thing, struct buf *out);

/// Asks for it. False when that failed, which was said.
bool setup_thing_look(struct setup_server *s, const struct setup_names *n, enum setup_thing thing,
                      struct setup_found *f);

bool setup_found_is_ours(const struct setup_found *f);

/// What this server refused earlier is not tried again.
void setup_found_adopt_refusals(const struct setup_found *f, struct setup_plan *p);

/// Writes it unless it is as it should be. What the server refuses for a feature that it lacks is
/// written without that feature, which the plan then says.
void setup_thing_write(struct setup_server *s, struct setup_plan *p, enum setup_thing thing,
                       const struct setup_found *f);
