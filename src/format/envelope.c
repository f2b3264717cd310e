// SPDX-License-Identifier: Apache-2.0
/*
 * Constant fields are a JSON object. Members with a name that weir does not use go to the top of
 * the document; those of a few objects that weir makes (event, observer ...) are added to them.
 * Names that weir sets itself, below or at the top, are refused, so that no document ever has a
 * name twice.
 */
#include "format/envelope.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/num.h"
#include "flow/render.h"

enum { TEXTS_SIZE_MAX = 4 << 20, HEAD_SIZE_MAX = 8 << 20 };

static const struct {
    const char *name;
    const char *used; ///< names below it that weir sets, blanks around each
} OBJECTS[ECS_OBJECT_COUNT] = {
    [ECS_OBJECT_ROOT] = { "", " @timestamp data_stream ecs input log source destination sflow "
                              "related tags goflow2 error message " },
    [ECS_OBJECT_AGENT] = { "agent", " type name version " },
    [ECS_OBJECT_EVENT] = { "event", " kind category type action dataset ingested created start end "
                                    "duration original id timezone " },
    [ECS_OBJECT_NETWORK] = { "network", " type transport bytes packets iana_number vlan " },
    [ECS_OBJECT_OBSERVER] = { "observer", " ip name ingress egress " },
};

enum ecs_dataset envelope_dataset(const struct flow *flow)
{
    return flow->type > FLOW_TYPE_SFLOW_5 ? ECS_DATASET_NETFLOW : ECS_DATASET_SFLOW;
}

/// Whether a constant's name is one that weir sets.
static bool is_used(enum ecs_object object, const char *name, size_t size)
{
    char wanted[80];
    int length = snprintf(wanted, sizeof(wanted), " %.*s ", (int)size, name);
    return length < (int)sizeof(wanted) && strstr(OBJECTS[object].used, wanted) != NULL;
}

/// The end of a JSON value that is known to be one: settings are checked when they are read.
static const char *value_end(const char *at)
{
    int depth = 0;
    bool text = false;
    for (; *at != '\0'; at++) {
        if (text && *at == '\\') {
            at++; // whatever is escaped; settings have it whole
        } else if (text) {
            text = *at != '"';
        } else if (*at == '"') {
            text = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']' || *at == ',') && depth == 0) {
            break;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
    }
    return at;
}

/// Which of weir's objects a member's name is; ECS_OBJECT_ROOT for none.
static enum ecs_object object_of(const char *name, size_t size)
{
    for (enum ecs_object o = ECS_OBJECT_ROOT + 1; o < ECS_OBJECT_COUNT; o++) {
        if (strlen(OBJECTS[o].name) == size && memcmp(OBJECTS[o].name, name, size) == 0) {
            return o;
        }
    }
    return ECS_OBJECT_ROOT;
}

bool ecs_constant_fits(const char *object, const char *name, bool is_map)
{
    enum ecs_object o = object_of(object, strlen(object));
    bool at_top = object[0] == '\0';
    if (at_top && object_of(name, strlen(name)) != ECS_OBJECT_ROOT) {
        return is_map;
    }
    return (o == ECS_OBJECT_ROOT && !at_top) || !is_used(o, name, strlen(name));
}

/// The members of the object at `at` (behind its bracket), each with a comma behind it, appended to
/// the texts of `object`, or of the objects that they name.
// NOLINTNEXTLINE(misc-no-recursion): one level
static int sort_members(const char *at, enum ecs_object object,
                        struct buf members[static ECS_OBJECT_COUNT], struct err *err)
{
    while (*at == '"') {
        const char *begin = at;
        const char *name = at + 1;
        const char *name_end = strchr(name, '"');
        const char *value = name_end + 2; // as json made it: no blanks
        const char *end = value_end(value);
        size_t size = (size_t)(name_end - name);
        enum ecs_object inner = object == ECS_OBJECT_ROOT ? object_of(name, size) : ECS_OBJECT_ROOT;
        if (inner != ECS_OBJECT_ROOT && *value == '{') {
            if (sort_members(value + 1, inner, members, err) != 0) { // one level: inner is not ROOT
                return err->status;
            }
        } else if (inner != ECS_OBJECT_ROOT || is_used(object, name, size)) {
            return err_set(err, ERR_INVALID, "-ecs.fields: %s%s%.*s is set by weir",
                           OBJECTS[object].name, object == ECS_OBJECT_ROOT ? "" : ".", (int)size,
                           name);
        } else {
            buf_append(&members[object], begin, (size_t)(end - begin));
            buf_append_char(&members[object], ',');
        }
        at = *end == ',' ? end + 1 : end;
    }
    return 0;
}

static bool is_preserve(const char *tag, size_t size)
{
    return size == strlen(ECS_TAG_PRESERVE) && memcmp(tag, ECS_TAG_PRESERVE, size) == 0;
}

bool ecs_tags_preserve(const char *tags)
{
    for (size_t size; *tags != '\0'; tags += size + (tags[size] == ',')) {
        size = strcspn(tags, ",");
        if (is_preserve(tags, size)) {
            return true;
        }
    }
    return false;
}

static void append_tags(const struct ecs_settings *s, struct buf *out)
{
    buf_append_text(out, s->preserve_original ? "[\"" ECS_TAG_PRESERVE "\"," : "[");
    for (const char *at = s->tags; *at != '\0';) {
        size_t size = strcspn(at, ",");
        bool said = s->preserve_original && is_preserve(at, size);
        if (size > 0 && !said) {
            json_append_string(out, (const uint8_t *)at, size);
            buf_append_char(out, ',');
        }
        at += size + (at[size] == ',');
    }
}

static bool is_local(const char *zone)
{
    return strcmp(zone, ECS_TIMEZONE_LOCAL) == 0;
}

static void append_head(const struct ecs_settings *s, enum ecs_dataset dataset,
                        const struct buf members[static ECS_OBJECT_COUNT], struct buf *out)
{
    buf_append_text(out, "\"data_stream\":{\"type\":\"logs\",\"dataset\":");
    json_append_text(out, ecs_dataset_text(s, dataset));
    buf_append_text(out, ",\"namespace\":");
    json_append_text(out, s->namespace);
    buf_append_text(out, "},\"ecs\":{\"version\":");
    json_append_text(out, s->version);
    buf_append_text(out, "},\"agent\":{\"type\":\"weir\",");
    buf_append(out, members[ECS_OBJECT_AGENT].data, members[ECS_OBJECT_AGENT].size);
    buf_append_text(out, "\"name\":");
    json_append_text(out, s->agent_name);
    buf_append_text(out, ",\"version\":");
    json_append_text(out, s->agent_version);
    buf_append_text(out, "},");
    buf_append(out, members[ECS_OBJECT_ROOT].data, members[ECS_OBJECT_ROOT].size);
}

static void append_event(struct envelope *e, enum ecs_dataset dataset,
                         const struct buf members[static ECS_OBJECT_COUNT])
{
    struct buf *out = &e->texts;
    const char *zone = e->settings->timezone;
    buf_append_text(out, "\"dataset\":");
    json_append_text(out, ecs_dataset_text(e->settings, dataset));
    buf_append_char(out, ',');
    if (zone[0] != '\0') {
        buf_append_text(out, "\"timezone\":\"");
        e->zones[dataset] = out->size;
        buf_append_text(out, is_local(zone) ? "+00:00" : zone);
        buf_append_text(out, "\",");
    }
    buf_append(out, members[ECS_OBJECT_EVENT].data, members[ECS_OBJECT_EVENT].size);
}

/// Writes all texts one behind the other, noting where each ends.
static void append_texts(struct envelope *e, const struct buf members[static ECS_OBJECT_COUNT],
                         size_t ends[static 2 * ECS_DATASET_COUNT + 1 + ECS_OBJECT_COUNT])
{
    struct buf *out = &e->texts;
    for (enum ecs_dataset d = 0; d < ECS_DATASET_COUNT; d++) {
        append_head(e->settings, d, members, out);
        *ends++ = out->size;
        append_event(e, d, members);
        *ends++ = out->size;
    }
    append_tags(e->settings, out);
    *ends++ = out->size;
    for (enum ecs_object o = 0; o < ECS_OBJECT_COUNT; o++) {
        buf_append(out, members[o].data, members[o].size);
        *ends++ = out->size;
    }
}

static struct piece take_piece(const struct envelope *e, size_t *begin, size_t end)
{
    struct piece piece = { .data = e->texts.data + *begin, .size = end - *begin };
    *begin = end;
    return piece;
}

/// An event with all of them has to stay below ELASTIC_EVENT_SIZE_MAX, its file's path included.
static int check_sizes(const struct ecs_settings *s, struct err *err)
{
    if (strlen(s->fields) > ECS_FIELDS_SIZE_MAX) {
        return err_set(err, ERR_INVALID, "-ecs.fields: more than %d bytes of constant fields",
                       ECS_FIELDS_SIZE_MAX);
    }
    if (strlen(s->tags) > ECS_TAGS_SIZE_MAX) {
        return err_set(err, ERR_INVALID, "-ecs.tags: more than %d bytes", ECS_TAGS_SIZE_MAX);
    }
    return 0;
}

int envelope_init(struct envelope *e, const struct ecs_settings *settings, struct err *err)
{
    *e = (struct envelope){
        .settings = settings, .second = UINT64_MAX, .now_ms = UINT64_MAX, .quarter = UINT64_MAX
    };
    if (check_sizes(settings, err) != 0) {
        return err->status;
    }
    struct buf members[ECS_OBJECT_COUNT];
    size_t ends[2 * ECS_DATASET_COUNT + 1 + ECS_OBJECT_COUNT];
    for (enum ecs_object o = 0; o < ECS_OBJECT_COUNT; o++) {
        buf_init(&members[o], TEXTS_SIZE_MAX);
    }
    buf_init(&e->texts, TEXTS_SIZE_MAX);
    buf_init(&e->head, HEAD_SIZE_MAX);
    int status = settings->fields[0] == '{'
                     ? sort_members(settings->fields + 1, ECS_OBJECT_ROOT, members, err)
                     : 0;
    if (status == 0) {
        append_texts(e, members, ends);
        status = e->texts.bad ? ERR_NO_MEMORY : 0;
    }
    for (enum ecs_object o = 0; o < ECS_OBJECT_COUNT; o++) {
        buf_release(&members[o]);
    }
    if (status != 0) {
        envelope_release(e);
        return status;
    }
    size_t begin = 0;
    const size_t *end = ends;
    for (enum ecs_dataset d = 0; d < ECS_DATASET_COUNT; d++) {
        e->heads[d] = take_piece(e, &begin, *end++);
        e->events[d] = take_piece(e, &begin, *end++);
    }
    e->tags = take_piece(e, &begin, *end++);
    for (enum ecs_object o = 0; o < ECS_OBJECT_COUNT; o++) {
        e->constants[o] = take_piece(e, &begin, *end++);
    }
    return 0;
}

void envelope_release(struct envelope *e)
{
    buf_release(&e->head);
    buf_release(&e->texts);
}

void envelope_set_zone(struct envelope *e, uint64_t now_ns)
{
    time_t now = (time_t)(now_ns / NS_PER_S);
    struct tm tm;
    e->quarter = now_ns / ZONE_INTERVAL_NS;
    if (!is_local(e->settings->timezone) || localtime_r(&now, &tm) == NULL) {
        return;
    }
    long minutes = tm.tm_gmtoff / 60;
    unsigned distance = (unsigned)(minutes < 0 ? -minutes : minutes);
    for (enum ecs_dataset d = 0; d < ECS_DATASET_COUNT; d++) {
        uint8_t *at = e->texts.data + e->zones[d];
        at[0] = minutes < 0 ? '-' : '+';
        memcpy(at + 1, NUM_DIGIT_PAIRS + 2 * (distance / 60 % 100), 2);
        at[3] = ':';
        memcpy(at + 4, NUM_DIGIT_PAIRS + 2 * (distance % 60), 2);
    }
}

/// "2024-07-31T00:00:59." of a second.
static void make_date(uint64_t second, uint8_t ret_date[static TIMESTAMP_SIZE])
{
    uint8_t text[RENDER_DATETIME_SIZE_MAX];
    (void)render_datetime(text, (int64_t)second, 0); // ends with Z where the fraction goes
    memcpy(ret_date, text, TIMESTAMP_SIZE - 4);
    ret_date[TIMESTAMP_SIZE - 5] = '.';
}

/// Most flows come in the same second as the last.
static uint8_t *put_second(struct envelope *e, uint8_t *at, uint64_t second)
{
    if (second != e->second) {
        make_date(second, e->date);
        e->second = second;
    }
    memcpy(at, e->date, TIMESTAMP_SIZE);
    return at + TIMESTAMP_SIZE - 4;
}

static uint8_t *put_three(uint8_t *at, unsigned value)
{
    *at++ = (uint8_t)('0' + value / 100);
    memcpy(at, NUM_DIGIT_PAIRS + 2 * (value % 100), 2);
    return at + 2;
}

uint8_t *envelope_put_time(struct envelope *e, uint8_t *at, uint64_t ns)
{
    at = put_second(e, at, ns / NS_PER_S);
    at = put_three(at, (unsigned)(ns % NS_PER_S / NS_PER_MS));
    *at++ = 'Z';
    return at;
}

uint8_t *envelope_put_now(struct envelope *e, uint8_t *at, uint64_t ns)
{
    uint64_t ms = ns / NS_PER_MS;
    if (ms != e->now_ms) {
        make_date(ms / 1000, e->now);
        *put_three(e->now + TIMESTAMP_SIZE - 4, (unsigned)(ms % 1000)) = 'Z';
        e->now_ms = ms;
    }
    memcpy(at, e->now, TIMESTAMP_SIZE);
    return at + TIMESTAMP_SIZE;
}

uint8_t *envelope_put_time_s(struct envelope *e, uint8_t *at, uint64_t ns)
{
    at = put_second(e, at, ns / NS_PER_S);
    at[-1] = 'Z';
    return at;
}

uint8_t *envelope_put_time_ns(struct envelope *e, uint8_t *at, uint64_t ns)
{
    at = put_second(e, at, ns / NS_PER_S);
    unsigned fraction = (unsigned)(ns % NS_PER_S);
    at = put_three(at, fraction / 1000000);
    at = put_three(at, fraction / 1000 % 1000);
    at = put_three(at, fraction % 1000);
    *at++ = 'Z';
    return at;
}

/// What stands before the offset in its file of a line, or all of it.
static uint8_t *put_head(const struct envelope *e, uint8_t *at, const struct origin *origin,
                         enum ecs_dataset dataset)
{
    at = put_piece(at, e->heads[dataset]);
    if (origin == NULL) {
        return dataset == ECS_DATASET_SFLOW ? PUT(at, "\"input\":{\"type\":\"sflow\"},")
                                            : PUT(at, "\"input\":{\"type\":\"netflow\"},");
    }
    size_t type_size = strlen(origin->input_type);
    at = PUT(at, "\"input\":{\"type\":\"");
    at = put_piece(at, (struct piece){ (const uint8_t *)origin->input_type, type_size });
    at = PUT(at, "\"},\"log\":{");
    if (origin->json_size > 0) {
        at = put_piece(at, (struct piece){ (const uint8_t *)origin->json, origin->json_size });
        *at++ = ',';
    }
    return PUT(at, "\"offset\":");
}

/// Keeps the head of this origin; false when there is no memory for it.
static bool keep_head(struct envelope *e, const struct origin *origin, enum ecs_dataset dataset)
{
    size_t size = e->heads[dataset].size + ENVELOPE_FLOW_SIZE_MAX;
    buf_clear(&e->head);
    e->head_known = false;
    if (buf_reserve(&e->head, size + (origin == NULL ? 0 : origin->json_size)) != 0) {
        return false;
    }
    buf_advance(&e->head, put_head(e, buf_tail(&e->head), origin, dataset));
    e->head_known = true;
    e->head_serial = origin == NULL ? 0 : origin->serial;
    e->head_dataset = dataset;
    return true;
}

uint8_t *envelope_put_head(struct envelope *e, uint8_t *at, const struct batch *batch,
                           const struct flow *flow, enum ecs_dataset dataset)
{
    const struct origin *origin = flow->file == 0 ? NULL : batch->files[flow->file - 1].origin;
    uint64_t serial = origin == NULL ? 0 : origin->serial;
    bool kept = e->head_known && e->head_serial == serial && e->head_dataset == dataset;
    at = kept || keep_head(e, origin, dataset)
             ? put_piece(at, (struct piece){ e->head.data, e->head.size })
             : put_head(e, at, origin, dataset);
    if (origin == NULL) {
        return at;
    }
    at = num_put_u64(at, flow->offset);
    return PUT(at, "},");
}
