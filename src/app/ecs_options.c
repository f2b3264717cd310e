// SPDX-License-Identifier: Apache-2.0
/*
 * -ecs.fields is YAML, and so also JSON; it becomes a JSON object without blanks. A scalar without
 * quotes that JSON would take for a number, true, false or null is one, everything else is a text.
 */
#include "app/ecs_options.h"

#include <string.h>
#include <unistd.h>

#include "app/version.h"
#include "base/json_rd.h"
#include "base/json_text.h"
#include "base/num.h"
#include "base/yml.h"

enum { FIELDS_SIZE_MAX = 1 << 20, FIELDS_DEPTH_MAX = 20 };

// --- Constant fields -----------------------------------------------------------------------------

struct walk {
    struct buf *out;
    struct err *err;
    const char *object; ///< the member of the file that is being read; "" at its top
    unsigned depth;
};

static int append_node(struct walk *w, struct yml_node node);

static bool is_json_scalar(const char *text)
{
    const uint8_t *begin = (const uint8_t *)text;
    struct json_rd r = { .begin = begin, .at = begin, .end = begin + strlen(text) };
    return json_rd_value(&r) && r.at == r.end;
}

static int append_member(void *context, struct yml_node key, struct yml_node value)
{
    struct walk *w = context;
    if (yml_kind(key) != YML_KIND_SCALAR || strpbrk(yml_text(key), ".\"\\") != NULL) {
        return yml_err(w->err, key,
                       "-ecs.fields: a name without dots was expected; labels.site is written "
                       "labels: {site: ...}");
    }
    const char *name = yml_text(key);
    if (w->depth <= 2 && !ecs_constant_fits(w->object, name, yml_kind(value) == YML_KIND_MAP)) {
        return yml_err(w->err, key, "-ecs.fields: %.60s%s%.60s is set by weir", w->object,
                       w->object[0] == '\0' ? "" : ".", name);
    }
    if (w->out->size > 0 && w->out->data[w->out->size - 1] != '{') {
        buf_append_char(w->out, ',');
    }
    json_append_text(w->out, name);
    buf_append_char(w->out, ':');
    w->object = w->depth == 1 ? name : w->object;
    int status = append_node(w, value);
    w->object = w->depth == 1 ? "" : w->object;
    return status;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by FIELDS_DEPTH_MAX
static int append_node(struct walk *w, struct yml_node node)
{
    if (w->depth == FIELDS_DEPTH_MAX) {
        return yml_err(w->err, node, "-ecs.fields: nested too deep");
    }
    int status = 0;
    w->depth++;
    switch (yml_kind(node)) {
    case YML_KIND_MAP:
        buf_append_char(w->out, '{');
        status = yml_each(node, append_member, w);
        buf_append_char(w->out, '}');
        break;
    case YML_KIND_LIST:
        buf_append_char(w->out, '[');
        for (size_t i = 0; status == 0 && i < yml_count(node); i++) {
            if (i > 0) {
                buf_append_char(w->out, ',');
            }
            status = append_node(w, yml_item(node, i));
        }
        buf_append_char(w->out, ']');
        break;
    case YML_KIND_SCALAR:
    case YML_KIND_NONE:
        if (yml_is_null(node)) {
            buf_append_text(w->out, "null");
        } else if (yml_is_plain(node) && is_json_scalar(yml_text(node))) {
            buf_append_text(w->out, yml_text(node));
        } else {
            json_append_text(w->out, yml_text(node));
        }
    }
    w->depth--;
    return status;
}

static int read_fields(struct ecs_options *o, const char *path, struct err *err)
{
    struct yml_file *file;
    if (yml_load(path, FIELDS_SIZE_MAX, &file, err) != 0) {
        return err->status;
    }
    struct walk w = { .out = &o->fields, .err = err, .object = "" };
    int status = yml_kind(yml_root(file)) == YML_KIND_MAP
                     ? append_node(&w, yml_root(file))
                     : yml_err(err, yml_root(file), "-ecs.fields: expected names and values");
    if (status == 0 && o->fields.bad) {
        status = yml_err(err, yml_root(file), "-ecs.fields: too large");
    }
    yml_free(file);
    return status;
}

// --- The rest ------------------------------------------------------------------------------------

/// +HH:MM: no clock on earth is further off than 18 hours.
static bool is_offset(const char *text)
{
    enum { OFFSET_SIZE = 6, HOURS_MAX = 18, MINUTES_MAX = 59 };
    uint64_t hours;
    uint64_t minutes;
    return strlen(text) == OFFSET_SIZE && strchr("+-", text[0]) != NULL && text[3] == ':' &&
           num_get_u64(text + 1, 2, HOURS_MAX, &hours) == 0 &&
           num_get_u64(text + 4, 2, MINUTES_MAX, &minutes) == 0;
}

/// off, local, or an offset such as +01:00.
static int read_timezone(const char *text, const char **ret_timezone, struct err *err)
{
    if (strcmp(text, "off") == 0) {
        *ret_timezone = "";
    } else if (strcmp(text, ECS_TIMEZONE_LOCAL) == 0 || is_offset(text)) {
        *ret_timezone = text;
    } else {
        return err_set(err, ERR_INVALID,
                       "-ecs.timezone \"%.30s\": expected off, local, or an offset such as +01:00",
                       text);
    }
    return 0;
}

/// Names of data streams: in small letters, without what Elasticsearch refuses there.
static int check_name(const char *option, const char *text, bool hyphen, struct err *err)
{
    size_t size = strlen(text);
    bool sane = size <= 100 && (size > 0 || !hyphen); // the data set may be left to the record
    for (const char *c = text; *c != '\0'; c++) {
        bool upper = *c >= 'A' && *c <= 'Z';
        sane = sane && !upper && *c > ' ' && *c <= '~' && strchr("\\/*?\"<>|,#:", *c) == NULL &&
               (hyphen || *c != '-');
    }
    return sane ? 0
                : err_set(err, ERR_INVALID,
                          "-%s \"%.60s\": up to 100 small letters, digits, dots and underscores%s",
                          option, text, hyphen ? ", hyphens" : "");
}

int ecs_options_read(struct ecs_options *o, const struct settings *s, struct err *err)
{
    *o = (struct ecs_options){ 0 };
    buf_init(&o->fields, FIELDS_SIZE_MAX);
    bool elastic = strcmp(s->ecs_profile, "elastic") == 0;
    if (!elastic && strcmp(s->ecs_profile, "weir") != 0) {
        return err_set(err, ERR_INVALID, "-ecs.profile \"%.50s\": weir or elastic", s->ecs_profile);
    }
    const char *timezone = "";
    if (s->ecs_version[0] == '\0' || s->ecs_namespace[0] == '\0') {
        return err_set(err, ERR_INVALID, "-ecs.%s is empty",
                       s->ecs_version[0] == '\0' ? "version" : "namespace");
    }
    if (read_timezone(s->ecs_timezone, &timezone, err) != 0 ||
        check_name("ecs.namespace", s->ecs_namespace, true, err) != 0 ||
        check_name("ecs.dataset", s->ecs_dataset, false, err) != 0) {
        return err->status;
    }
    if (s->ecs_fields[0] != '\0' && read_fields(o, s->ecs_fields, err) != 0) {
        return err->status;
    }
    if (gethostname(o->host, sizeof(o->host) - 1) != 0) {
        o->host[0] = '\0';
    }
    o->ecs = (struct ecs_settings){ .profile = elastic ? ECS_PROFILE_ELASTIC : ECS_PROFILE_WEIR,
                                    .version = s->ecs_version,
                                    .tags = s->ecs_tags,
                                    .preserve_original = s->ecs_preserve_original_event ||
                                                         ecs_tags_preserve(s->ecs_tags),
                                    .namespace = s->ecs_namespace,
                                    .dataset = s->ecs_dataset,
                                    .timezone = timezone,
                                    .fields = buf_text(&o->fields),
                                    .agent_name = o->host,
                                    .agent_version = version_text(),
                                    .show_id = s->ecs_id };
    return 0;
}

void ecs_options_release(struct ecs_options *o)
{
    buf_release(&o->fields);
}
