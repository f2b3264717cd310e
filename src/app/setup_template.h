// SPDX-License-Identifier: Apache-2.0
/*
 * The index template of weir's documents and the components it is put together from, as JSON for
 * each product. No server is asked here.
 */
#pragma once

#include <stdbool.h>

#include "app/options.h"
#include "app/setup_json.h"
#include "base/buf.h"
#include "cluster/cluster.h"

enum {
    /// Below Fleet's 200, above the 100 of the template that Elasticsearch brings for all logs.
    SETUP_PRIORITY = 180,
    /// Goes up when what is installed changes.
    SETUP_VERSION = 1,
    SETUP_NAME_SIZE = 320, ///< an index has a name of up to 255 bytes
};

/// How the things of a setup are called.
struct setup_names {
    char template[SETUP_NAME_SIZE];
    char mappings[SETUP_NAME_SIZE]; ///< component templates: weir's two
    char settings[SETUP_NAME_SIZE];
    char custom[SETUP_NAME_SIZE];  ///< and the one that is the user's
    char policy[SETUP_NAME_SIZE];  ///< of ILM and ISM
    char pattern[SETUP_NAME_SIZE]; ///< of the names of data streams
    bool one_index;                ///< it is one name, and all documents go there
};

/// ERR_INVALID for names that cannot be.
int setup_names_init(struct setup_names *n, const struct settings *s, struct err *err) MUST_USE;

/// What a server may lack.
enum setup_feature {
    SETUP_CONSTANT_KEYWORD,
    SETUP_MATCH_ONLY_TEXT,
    SETUP_IGNORE_BEYOND,  ///< setting index.mapping.total_fields.ignore_dynamic_beyond_limit
    SETUP_IGNORE_MISSING, ///< ignore_missing_component_templates
    SETUP_FEATURE_COUNT
};

/// What the feature is called in what servers say, and in words for people what is done without.
struct setup_feature_info {
    const char *name;
    const char *instead;
};
extern const struct setup_feature_info SETUP_FEATURES[SETUP_FEATURE_COUNT];

/// How long documents are kept: by what, and for how long. Nothing when `by` is KEEP_NOT.
enum setup_keeper {
    KEEP_NOT,
    KEEP_STREAM, ///< data stream lifecycle
    KEEP_ILM,    ///< index lifecycle management of Elasticsearch
    KEEP_ISM,    ///< index state management of OpenSearch
};

/// What the JSON depends on.
struct setup_plan {
    const struct setup_names *names;
    bool has[SETUP_FEATURE_COUNT];
    bool refused[SETUP_FEATURE_COUNT]; ///< by this server, though its version should have it
    bool stream;                       ///< what the template makes are data streams
    enum setup_keeper keeper;
    char keep[32];   ///< "90d"
    char server[96]; ///< "elasticsearch 8.19.21"
    bool is_opensearch;
};

/// What a server of this product and version has; the newest one when the version is not known.
void setup_plan_features(struct setup_plan *p, const struct cluster_info *info);

/// The bodies of PUT _component_template/... and _index_template/...; each appends one object.
void setup_append_mappings(const struct setup_plan *p, struct buf *out);
void setup_append_settings(const struct setup_plan *p, struct buf *out);
void setup_append_custom(const struct setup_plan *p, struct buf *out);
void setup_append_template(const struct setup_plan *p, struct buf *out);

/// Whether a thing with this _meta was made by weir setup.
bool setup_is_ours(struct json_value meta);

/// Whether there is a name that both patterns, in which * stands for any text, fit.
bool setup_patterns_meet(struct json_value a, struct json_value b);
