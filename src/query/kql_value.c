// SPDX-License-Identifier: Apache-2.0
/*
 * A value is read for the type of its field, and refused in words when it is none of that type: a
 * filter that silently finds nothing teaches nobody. Kibana finds nothing there. Names with
 * wildcards are the exception: source.*: 443 is about those fields that can be 443.
 *
 * Short names are ours and forgiving: proto: TCP is network.transport: tcp, country: at is AT, and
 * some go by what the value looks like.
 */
#include "query/kql_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/status.h"
#include "base/text.h"
#include "query/kql_read.h"
#include "query/query_json.h"
#include "query/when.h"

enum {
    TEXT_WORDS_MAX = 64,
    SERVICES_SIZE_MAX = 16 << 20,
};

// --- Names ---------------------------------------------------------------------------------------

static int unknown_field(const struct kql_making *m, const struct kql_literal *name)
{
    enum { NAME_MAX_FOR_HINT = 80 };
    const char *hint = "";
    struct text_nearest nearest = text_nearest_to(name->text);
    if (name->size <= NAME_MAX_FOR_HINT && strlen(name->text) == name->size) {
        for (enum query_field f = 0; f < QUERY_OTHER; f++) {
            text_nearest_try(&nearest, query_field_info(f).path);
        }
        for (size_t i = 0; query_alias_at(i) != NULL; i++) {
            text_nearest_try(&nearest, query_alias_at(i)->name);
        }
        hint = text_nearest_hint(&nearest);
    }
    return kql_error_set(&m->lex, name->begin, "unknown field \"%.*s\"%s",
                         kql_clip(name->text, name->size), name->text, hint);
}

static enum kql_alias alias_of(const struct kql_literal *name)
{
    static const struct {
        const char *name;
        enum kql_alias alias;
    } BY_VALUE[] = {
        { "if", KQL_ALIAS_IF },
        { "exporter", KQL_ALIAS_EXPORTER },
        { "proto", KQL_ALIAS_PROTO },
        { "country", KQL_ALIAS_COUNTRY },
    };
    for (size_t i = 0; i < sizeof(BY_VALUE) / sizeof(BY_VALUE[0]); i++) {
        if (strlen(BY_VALUE[i].name) == name->size &&
            strncasecmp(BY_VALUE[i].name, name->text, name->size) == 0) {
            return BY_VALUE[i].alias;
        }
    }
    return KQL_ALIAS_NONE;
}

/// Fields whose paths are as a pattern.
static int find_wild(struct kql_making *m, struct kql_target *t)
{
    t->lenient = true;
    t->any = t->name.pattern_size == 1;
    for (enum query_field f = 0; f < QUERY_OTHER; f++) {
        const char *path = query_field_info(f).path;
        if (kql_like(path, strlen(path), t->name.pattern, t->name.pattern_size, false)) {
            t->fields[t->count++] = f;
        }
    }
    return t->count > 0 ? 0
                        : kql_error_set(&m->lex, t->name.begin, "no field is called as \"%.*s\"",
                                        kql_clip(t->name.text, t->name.size), t->name.text);
}

/// What the mapping shows under goflow2.* goes before a field, as in documents.
static bool is_mappings(const struct kql_making *m, const struct kql_literal *name)
{
    const size_t prefix = strlen(QUERY_OTHER_PREFIX);
    return name->size > prefix && memcmp(name->text, QUERY_OTHER_PREFIX, prefix) == 0 &&
           query_other_is_shown(m->context->mapping, name->text + prefix);
}

static int find_other(struct kql_making *m, struct kql_target *t)
{
    const char *name = t->name.text + strlen(QUERY_OTHER_PREFIX);
    size_t size = t->name.size - strlen(QUERY_OTHER_PREFIX);
    if (size > QUERY_OTHER_NAME_MAX || strlen(name) != size) {
        return kql_error_set(&m->lex, t->name.begin,
                             "a name below %s has up to %d bytes, none of "
                             "them 0",
                             QUERY_OTHER_PREFIX, QUERY_OTHER_NAME_MAX);
    }
    t->fields[0] = QUERY_OTHER;
    t->count = 1;
    t->other = query_other_of(m->context->mapping, name);
    return 0;
}

int kql_target_find(struct kql_making *m, const struct kql_literal *name,
                    struct kql_target *ret_target)
{
    struct query_name found;
    *ret_target = (struct kql_target){ .name = *name };
    if (name->wild) {
        return find_wild(m, ret_target);
    }
    if (is_mappings(m, name)) {
        return find_other(m, ret_target);
    }
    if (!query_name_find(name->text, name->size, &found)) {
        return unknown_field(m, name);
    }
    if (found.fields[0] == QUERY_OTHER) {
        return find_other(m, ret_target);
    }
    ret_target->alias = alias_of(name);
    for (size_t i = 0; found.fields[i] != QUERY_NONE; i++) {
        ret_target->fields[ret_target->count++] = found.fields[i];
    }
    return 0;
}

// --- Leaves --------------------------------------------------------------------------------------

/// A condition on one field being made.
struct leaf {
    struct kql_making *m;
    enum query_field field;
    const struct kql_literal *value;
    const struct kql_literal *name;  ///< as typed
    const struct query_other *other; ///< of QUERY_OTHER
    const struct kql_node **ret_node;
};

#define SHOWN(literal) kql_clip((literal)->text, (literal)->size), (literal)->text

static int finish(const struct leaf *l, struct kql_node node)
{
    if (node.size > KQL_VALUE_SIZE_MAX || node.value.size > KQL_VALUE_SIZE_MAX) {
        return kql_error_set(&l->m->lex, l->value->begin, "a value has up to %d bytes",
                             KQL_VALUE_SIZE_MAX);
    }
    node.field = l->field;
    if (l->field == QUERY_OTHER) {
        node.other = *l->other;
    }
    *l->ret_node = kql_node_new(l->m->kql, &node);
    return *l->ret_node == NULL ? ERR_NO_MEMORY : 0;
}

/// What no record can have.
static int finish_nothing(const struct leaf *l)
{
    *l->ret_node = kql_join(l->m->kql, KQL_OR, NULL, 0);
    return *l->ret_node == NULL ? ERR_NO_MEMORY : 0;
}

static int finish_range(const struct leaf *l, struct kql_span span)
{
    return span.low > span.high
               ? finish_nothing(l)
               : finish(l,
                        (struct kql_node){ .kind = KQL_RANGE, .low = span.low, .high = span.high });
}

static const char *path_of(const struct leaf *l)
{
    return l->field < QUERY_OTHER ? query_field_info(l->field).path : l->name->text;
}

/// The way out where a text stands instead of a port's number.
static const char *number_hint(const struct leaf *l)
{
    bool is_port = l->field == QUERY_SOURCE_PORT || l->field == QUERY_DESTINATION_PORT ||
                   l->field == QUERY_SERVER_PORT;
    return l->value->words > 1 && !l->value->quoted ? "; several values are written (1 or 2)"
           : is_port && l->m->context->applications != NULL
               ? "; network.application finds services by name"
               : "";
}

static int no_number(const struct leaf *l)
{
    return kql_error_set(&l->m->lex, l->value->begin, "%s takes a number, not \"%.*s\"%s",
                         path_of(l), SHOWN(l->value), number_hint(l));
}

static int make_number(const struct leaf *l)
{
    struct kql_decimal d;
    if (l->value->wild || !kql_read_decimal(l->value->text, l->value->size, &d)) {
        return no_number(l);
    }
    if (!kql_decimal_is_u64(&d)) {
        return finish_nothing(l);
    }
    return finish(l,
                  (struct kql_node){ .kind = KQL_EQUAL,
                                     .value = { .type = QUERY_TYPE_NUMBER, .number = d.whole } });
}

static int no_address(const struct leaf *l)
{
    return kql_error_set(
        &l->m->lex, l->value->begin,
        "\"%.*s\" is no address or network (192.0.2.1, 10.0.0.0/8, 192.168.*)%s", SHOWN(l->value),
        l->value->words > 1 && !l->value->quoted ? "; several are written (192.0.2.1 or 192.0.2.2)"
                                                 : "");
}

static int make_addr(const struct leaf *l)
{
    struct kql_addresses a;
    if (!kql_read_addresses(l->value, &a)) {
        return no_address(l);
    }
    switch (a.kind) {
    case KQL_EQUAL:
        return finish(l,
                      (struct kql_node){ .kind = KQL_EQUAL,
                                         .value = { .type = QUERY_TYPE_IP, .addr = a.cidr.addr } });
    case KQL_CIDR:
        return finish(l, (struct kql_node){ .kind = KQL_CIDR, .cidr = a.cidr });
    default:
        return finish(l, (struct kql_node){ .kind = KQL_LIKE,
                                            .text = l->value->pattern,
                                            .size = l->value->pattern_size });
    }
}

static int read_date(const struct leaf *l, struct kql_span *ret_span)
{
    const struct kql_context *c = l->m->context;
    int64_t first;
    int64_t last;
    if (l->value->wild ||
        when_range(l->value->text, l->value->size, c->now_ns, c->zone_s, &first, &last) != 0) {
        return kql_error_set(&l->m->lex, l->value->begin,
                             "\"%.*s\" is no time (2026-01-31, \"2026-01-31T12:00:00Z\", now-1h)",
                             SHOWN(l->value));
    }
    *ret_span = (struct kql_span){ .low = first < 0 ? 0 : (uint64_t)first,
                                   .high = last < 0 ? 0 : (uint64_t)last };
    return 0;
}

static int make_date(const struct leaf *l)
{
    struct kql_span span = { 0 };
    int status = read_date(l, &span);
    return status == 0 ? finish_range(l, span) : status;
}

static int make_like(const struct leaf *l, bool folded)
{
    return finish(l, (struct kql_node){ .kind = KQL_LIKE,
                                        .folded = folded,
                                        .text = l->value->pattern,
                                        .size = l->value->pattern_size });
}

static int make_text_equal(const struct leaf *l, const char *text, size_t size)
{
    return finish(l, (struct kql_node){
                         .kind = KQL_EQUAL,
                         .value = { .type = QUERY_TYPE_KEYWORD, .text = text, .size = size } });
}

static bool is_all_digits(const char *text, size_t size, char also)
{
    for (size_t i = 0; i < size; i++) {
        if ((text[i] < '0' || text[i] > '9') && text[i] != also) {
            return false;
        }
    }
    return size > 0;
}

/// A MAC address in any of its usual forms, as ECS has it.
static int make_mac(const struct leaf *l)
{
    uint64_t mac;
    char text[QUERY_MAC_SIZE];
    if (!kql_read_mac(l->value->text, l->value->size, &mac)) {
        return kql_error_set(&l->m->lex, l->value->begin,
                             "\"%.*s\" is no MAC address (AA-BB-CC-DD-EE-FF)", SHOWN(l->value));
    }
    size_t size = query_mac_text(mac, text);
    const char *copy = kql_copy(l->m->kql, text, size);
    return copy == NULL ? ERR_NO_MEMORY : make_text_equal(l, copy, size);
}

static int make_keyword(const struct leaf *l)
{
    bool numeral = query_field_is_numeral(l->field);
    if (numeral && !is_all_digits(l->value->text, l->value->size, l->value->wild ? '*' : '0')) {
        return no_number(l);
    }
    if (l->value->wild) {
        return make_like(l, false);
    }
    if (l->field == QUERY_SOURCE_MAC || l->field == QUERY_DESTINATION_MAC) {
        return make_mac(l);
    }
    return make_text_equal(l, l->value->text, l->value->size);
}

static int make_words(const struct leaf *l, const char *text, size_t size)
{
    return finish(l, (struct kql_node){ .kind = KQL_WORDS, .text = text, .size = size });
}

/// Words of a text: all of them together when quoted, else any of them, as Kibana has it.
static int make_text(const struct leaf *l)
{
    const struct kql_literal *v = l->value;
    const struct kql_node *nodes[TEXT_WORDS_MAX];
    size_t count = 0;
    if (v->wild) {
        return make_like(l, true);
    }
    if (v->quoted || v->words > TEXT_WORDS_MAX) {
        return make_words(l, v->text, v->size);
    }
    for (const char *at = v->text; count < v->words; count++) {
        const char *end = v->text + v->size;
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        struct leaf one = *l;
        one.ret_node = &nodes[count];
        int status = make_words(&one, at, (size_t)((blank == NULL ? end : blank) - at));
        if (status != 0) {
            return status;
        }
        at = blank == NULL ? end : blank + 1;
    }
    *l->ret_node = kql_join(l->m->kql, KQL_OR, nodes, count);
    return *l->ret_node == NULL ? ERR_NO_MEMORY : 0;
}

// --- Applications --------------------------------------------------------------------------------

/// A protocol and a port of an application that is meant.
struct service {
    uint32_t proto;
    uint32_t port;
};

struct services {
    const struct kql_node *wanted; ///< a condition on the name
    struct text_nearest nearest;
    struct buf found; ///< struct service
};

static void look_at_service(void *context, uint32_t proto, uint32_t port, const char *name)
{
    struct services *s = context;
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = name, .size = strlen(name) };
    if (kql_value_matches(s->wanted, &v)) {
        const struct service service = { proto, port };
        buf_append(&s->found, &service, sizeof(service));
    } else {
        text_nearest_try(&s->nearest, name);
    }
}

static int compare_services(const void *a_, const void *b_)
{
    const struct service *a = a_;
    const struct service *b = b_;
    return a->proto != b->proto ? (a->proto > b->proto) - (a->proto < b->proto)
                                : (a->port > b->port) - (a->port < b->port);
}

/// PROTOCOL and any of its ports.
static const struct kql_node *join_services(const struct leaf *l, const struct service *services,
                                            size_t count, const struct kql_node **room)
{
    struct kql *kql = l->m->kql;
    uint8_t text[NUM_U32_SIZE_MAX];
    size_t size = (size_t)(num_put_u32(text, services[0].proto) - text);
    const char *copy = kql_copy(kql, (const char *)text, size);
    for (size_t i = 0; i < count; i++) {
        room[i] = kql_node_new(kql, &(struct kql_node){ .kind = KQL_EQUAL,
                                                        .field = QUERY_SERVER_PORT,
                                                        .value = { .type = QUERY_TYPE_NUMBER,
                                                                   .number = services[i].port } });
        if (room[i] == NULL) {
            return NULL;
        }
    }
    const struct kql_node *both[] = {
        kql_node_new(kql,
                     &(struct kql_node){
                         .kind = KQL_EQUAL,
                         .field = QUERY_IANA_NUMBER,
                         .value = { .type = QUERY_TYPE_KEYWORD, .text = copy, .size = size } }),
        kql_join(kql, KQL_OR, room, count),
    };
    return copy == NULL || both[0] == NULL || both[1] == NULL ? NULL
                                                              : kql_join(kql, KQL_AND, both, 2);
}

/// Any of the services, by protocol.
static int finish_services(const struct leaf *l, struct services *s)
{
    size_t count = s->found.size / sizeof(struct service);
    struct service *services = (void *)s->found.data;
    if (count == 0) {
        return finish_nothing(l);
    }
    qsort(services, count, sizeof(services[0]), compare_services);
    const struct kql_node **nodes = kql_alloc(l->m->kql, 2 * count * sizeof(nodes[0]));
    size_t joined = 0;
    for (size_t begin = 0, end = 0; nodes != NULL && begin < count; begin = end) {
        while (end < count && services[end].proto == services[begin].proto) {
            end++;
        }
        nodes[joined] = join_services(l, services + begin, end - begin, nodes + count);
        if (nodes[joined++] == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    *l->ret_node = nodes == NULL ? NULL : kql_join(l->m->kql, KQL_OR, nodes, joined);
    return *l->ret_node == NULL ? ERR_NO_MEMORY : 0;
}

/// Services by a condition on their names. `known`: one that finds none is a mistake.
static int make_services(const struct leaf *l, const struct kql_node *wanted, bool known)
{
    struct services s = { .wanted = wanted, .nearest = text_nearest_to(l->value->text) };
    buf_init(&s.found, SERVICES_SIZE_MAX);
    if (l->m->context->applications != NULL) {
        applications_each(l->m->context->applications, look_at_service, &s);
    }
    int status;
    if (s.found.bad) {
        status = ERR_NO_MEMORY;
    } else if (s.found.size == 0 && known) {
        status = kql_error_set(&l->m->lex, l->value->begin, "no application is called \"%.*s\"%s",
                               SHOWN(l->value), text_nearest_hint(&s.nearest));
    } else {
        status = finish_services(l, &s);
    }
    buf_release(&s.found);
    return status;
}

static int make_application(const struct leaf *l)
{
    const struct kql_literal *v = l->value;
    const struct kql_node equal = {
        .kind = KQL_EQUAL, .value = { .type = QUERY_TYPE_KEYWORD, .text = v->text, .size = v->size }
    };
    const struct kql_node like = { .kind = KQL_LIKE, .text = v->pattern, .size = v->pattern_size };
    return v->wild ? make_services(l, &like, false) : make_services(l, &equal, true);
}

/// A text has the words of the value, in any case.
static int make_named(const struct leaf *l)
{
    const struct kql_literal *v = l->value;
    const struct kql_node node = { .kind = v->wild ? KQL_LIKE : KQL_WORDS,
                                   .folded = v->wild,
                                   .text = v->wild ? v->pattern : v->text,
                                   .size = v->wild ? v->pattern_size : v->size };
    return l->field == QUERY_APPLICATION ? make_services(l, &node, false) : finish(l, node);
}

/// Columns that no field stands for. Those of the mapping have a type; what else there is says with
/// each value what it is.
static int make_other(const struct leaf *l)
{
    struct kql_decimal unused;
    const struct kql_literal *v = l->value;
    enum query_type type =
        l->other->custom == NULL ? QUERY_TYPE_KEYWORD : query_other_type(l->other);
    if (type == QUERY_TYPE_IP) {
        return make_addr(l);
    }
    if (type == QUERY_TYPE_NUMBER && (v->wild || !kql_read_decimal(v->text, v->size, &unused))) {
        return no_number(l);
    }
    return v->wild ? make_like(l, false) : make_text_equal(l, v->text, v->size);
}

/// The field has the value.
static int make_leaf(const struct leaf *l)
{
    const struct kql_literal *v = l->value;
    if (l->field == QUERY_APPLICATION) {
        return make_application(l);
    }
    if (v->wild && strspn(v->pattern, "*") == v->pattern_size) {
        return finish(l, (struct kql_node){ .kind = KQL_EXISTS });
    }
    if (l->field == QUERY_OTHER) {
        return make_other(l);
    }
    switch (query_field_info(l->field).type) {
    case QUERY_TYPE_IP:
        return make_addr(l);
    case QUERY_TYPE_NUMBER:
        return make_number(l);
    case QUERY_TYPE_DATE:
        return make_date(l);
    case QUERY_TYPE_TEXT:
        return make_text(l);
    case QUERY_TYPE_KEYWORD:
        break;
    }
    return make_keyword(l);
}

// --- Ranges --------------------------------------------------------------------------------------

/// Until the last address of the family, or from its first on.
static int make_addr_range(const struct leaf *l, enum kql_token_kind op)
{
    struct kql_addresses a;
    if (l->value->wild || !kql_read_addresses(l->value, &a) || a.kind != KQL_EQUAL) {
        return no_address(l);
    }
    bool above = op == KQL_TOKEN_GREATER || op == KQL_TOKEN_AT_LEAST;
    bool strict = op == KQL_TOKEN_GREATER || op == KQL_TOKEN_LESS;
    if (strict && !kql_addr_step(&a.cidr.addr, above)) {
        return finish_nothing(l);
    }
    struct addr limit = { .size = a.cidr.addr.size };
    memset(limit.bytes, above ? UINT8_MAX : 0, limit.size);
    return finish(l, (struct kql_node){ .kind = KQL_RANGE,
                                        .low_addr = above ? a.cidr.addr : limit,
                                        .high_addr = above ? limit : a.cidr.addr });
}

static int make_date_range(const struct leaf *l, enum kql_token_kind op)
{
    struct kql_span span = { 0 };
    int status = read_date(l, &span);
    if (status != 0) {
        return status;
    }
    switch (op) {
    case KQL_TOKEN_GREATER:
        return finish_range(l, (struct kql_span){ .low = span.high + 1, .high = UINT64_MAX });
    case KQL_TOKEN_AT_LEAST:
        return finish_range(l, (struct kql_span){ .low = span.low, .high = UINT64_MAX });
    case KQL_TOKEN_LESS:
        return span.low == 0 ? finish_nothing(l)
                             : finish_range(l, (struct kql_span){ .high = span.low - 1 });
    default:
        return finish_range(l, (struct kql_span){ .high = span.high });
    }
}

static int make_number_range(const struct leaf *l, enum kql_token_kind op)
{
    struct kql_decimal d;
    if (l->value->wild || !kql_read_decimal(l->value->text, l->value->size, &d)) {
        return no_number(l);
    }
    if (l->field != QUERY_OTHER) {
        return finish_range(l, kql_decimal_span(&d, op));
    }
    return finish(
        l, (struct kql_node){ .kind = KQL_RANGE,
                              .text = l->value->text,
                              .size = l->value->size,
                              .above = op == KQL_TOKEN_GREATER || op == KQL_TOKEN_AT_LEAST,
                              .exclusive = op == KQL_TOKEN_GREATER || op == KQL_TOKEN_LESS });
}

/// What is compared: numbers also where texts are that may be some.
static enum query_type range_type(const struct leaf *l)
{
    if (l->field == QUERY_OTHER) {
        return l->other->custom == NULL ? QUERY_TYPE_NUMBER : query_other_type(l->other);
    }
    return query_field_is_numeral(l->field) ? QUERY_TYPE_NUMBER : query_field_info(l->field).type;
}

static int make_range_leaf(const struct leaf *l, enum kql_token_kind op)
{
    switch (range_type(l)) {
    case QUERY_TYPE_IP:
        return make_addr_range(l, op);
    case QUERY_TYPE_DATE:
        return make_date_range(l, op);
    case QUERY_TYPE_NUMBER:
        return make_number_range(l, op);
    case QUERY_TYPE_KEYWORD:
    case QUERY_TYPE_TEXT:
        break;
    }
    return kql_error_set(&l->m->lex, l->name->begin,
                         "%s is a text, which is not above or below another; expected %s: and a "
                         "value, in which * stands for anything",
                         path_of(l), path_of(l));
}

// --- All fields of a name ------------------------------------------------------------------------

/// A value in small or capital letters.
static int change_case(struct kql_making *m, const struct kql_literal *value, int change(int),
                       struct kql_literal *ret_value)
{
    *ret_value = *value;
    char *text = kql_copy(m->kql, value->text, value->size);
    char *pattern = kql_copy(m->kql, value->pattern, value->pattern_size);
    if (text == NULL || pattern == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < value->size; i++) {
        unsigned char c = (unsigned char)text[i];
        text[i] = c < 0x80 ? (char)change(c) : text[i];
    }
    for (size_t i = 0; i < value->pattern_size; i++) {
        unsigned char c = (unsigned char)pattern[i];
        pattern[i] = c < 0x80 ? (char)change(c) : pattern[i];
    }
    ret_value->text = text;
    ret_value->pattern = pattern;
    return 0;
}

static void set_fields(struct kql_target *t, enum query_field first, enum query_field second)
{
    t->fields[0] = first;
    t->fields[1] = second;
    t->count = second == QUERY_NONE ? 1 : 2;
}

/// What a short name means with this value.
static int choose_fields(struct kql_making *m, struct kql_target *t, struct kql_literal *value)
{
    struct kql_addresses unused;
    bool is_number = is_all_digits(value->text, value->size, value->wild ? '*' : '0');
    switch (t->alias) {
    case KQL_ALIAS_NONE:
        return 0;
    case KQL_ALIAS_IF:
        if (!is_number) {
            set_fields(t, QUERY_INGRESS_NAME, QUERY_EGRESS_NAME);
        }
        return 0;
    case KQL_ALIAS_EXPORTER:
        set_fields(t, kql_read_addresses(value, &unused) ? QUERY_OBSERVER_IP : QUERY_OBSERVER_NAME,
                   QUERY_NONE);
        return 0;
    case KQL_ALIAS_PROTO:
        if (is_number && strcmp(value->text, "*") != 0) {
            set_fields(t, QUERY_IANA_NUMBER, QUERY_NONE);
            return 0;
        }
        set_fields(t, QUERY_TRANSPORT, QUERY_NONE);
        return change_case(m, value, tolower, value);
    case KQL_ALIAS_COUNTRY:
        break;
    }
    if (value->size > 2) {
        set_fields(t, QUERY_SOURCE_COUNTRY_NAME, QUERY_DESTINATION_COUNTRY_NAME);
        return 0;
    }
    return change_case(m, value, toupper, value);
}

/// Makes a condition for each field; any of them will do. `op` is KQL_TOKEN_COLON or one of a
/// range.
static int make_any(struct kql_making *m, const struct kql_target *t, enum kql_token_kind op,
                    const struct kql_literal *value, const struct kql_node **ret_node)
{
    const struct kql_node *nodes[KQL_FIELDS_MAX];
    size_t count = 0;
    int status = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct leaf leaf = { .m = m,
                                   .field = t->fields[i],
                                   .value = value,
                                   .name = &t->name,
                                   .other = &t->other,
                                   .ret_node = &nodes[count] };
        status = op == KQL_TOKEN_COLON ? make_leaf(&leaf) : make_range_leaf(&leaf, op);
        if (status == 0) {
            count++;
        } else if (!t->lenient || status != ERR_INVALID) {
            return status;
        }
    }
    if (count == 0 && status != 0) {
        return status;
    }
    *ret_node = kql_join(m->kql, KQL_OR, nodes, count);
    return *ret_node == NULL ? ERR_NO_MEMORY : 0;
}

int kql_make_value(struct kql_making *m, const struct kql_target *target,
                   const struct kql_literal *value, const struct kql_node **ret_node)
{
    struct kql_target t = *target;
    struct kql_literal v = *value;
    if (t.any) {
        return kql_make_bare(m, value, ret_node);
    }
    int status = choose_fields(m, &t, &v);
    return status == 0 ? make_any(m, &t, KQL_TOKEN_COLON, &v, ret_node) : status;
}

int kql_make_range(struct kql_making *m, const struct kql_target *target, enum kql_token_kind op,
                   const struct kql_literal *value, const struct kql_node **ret_node)
{
    struct kql_target t = *target;
    switch (t.alias) {
    case KQL_ALIAS_EXPORTER:
        set_fields(&t, QUERY_OBSERVER_IP, QUERY_NONE);
        break;
    case KQL_ALIAS_PROTO:
        set_fields(&t, QUERY_IANA_NUMBER, QUERY_NONE);
        break;
    default:
        break;
    }
    return make_any(m, &t, op, value, ret_node);
}

// --- Words without a field -----------------------------------------------------------------------

/// Addresses, ports, or else words of the texts that name something.
int kql_make_bare(struct kql_making *m, const struct kql_literal *value,
                  const struct kql_node **ret_node)
{
    static const enum query_field ADDRESSES[] = { QUERY_SOURCE_IP, QUERY_DESTINATION_IP,
                                                  QUERY_OBSERVER_IP };
    static const enum query_field PORTS[] = { QUERY_SOURCE_PORT, QUERY_DESTINATION_PORT };
    static const enum query_field NAMES[] = {
        QUERY_OBSERVER_NAME,
        QUERY_INGRESS_NAME,
        QUERY_EGRESS_NAME,
        QUERY_INGRESS_ALIAS,
        QUERY_EGRESS_ALIAS,
        QUERY_SOURCE_AS_ORG,
        QUERY_DESTINATION_AS_ORG,
        QUERY_SOURCE_COUNTRY,
        QUERY_DESTINATION_COUNTRY,
        QUERY_SOURCE_COUNTRY_NAME,
        QUERY_DESTINATION_COUNTRY_NAME,
        QUERY_SOURCE_CITY,
        QUERY_DESTINATION_CITY,
        QUERY_SOURCE_NETWORK,
        QUERY_DESTINATION_NETWORK,
        QUERY_TRANSPORT,
        QUERY_APPLICATION,
    };
    const struct kql_node *nodes[sizeof(NAMES) / sizeof(NAMES[0])];
    struct kql_addresses unused;
    const enum query_field *fields = NAMES;
    size_t count = sizeof(NAMES) / sizeof(NAMES[0]);
    if (value->wild && strspn(value->pattern, "*") == value->pattern_size) {
        *ret_node =
            kql_node_new(m->kql, &(struct kql_node){ .kind = KQL_ALL, .field = QUERY_NONE });
        return *ret_node == NULL ? ERR_NO_MEMORY : 0;
    }
    bool is_name = false;
    if (!value->wild && is_all_digits(value->text, value->size, '0')) {
        fields = PORTS;
        count = sizeof(PORTS) / sizeof(PORTS[0]);
    } else if (kql_read_addresses(value, &unused) && strpbrk(value->text, ".:") != NULL) {
        fields = ADDRESSES;
        count = sizeof(ADDRESSES) / sizeof(ADDRESSES[0]);
    } else {
        is_name = true;
    }
    for (size_t i = 0; i < count; i++) {
        const struct leaf leaf = {
            .m = m, .field = fields[i], .value = value, .name = value, .ret_node = &nodes[i]
        };
        int status = is_name ? make_named(&leaf) : make_leaf(&leaf);
        if (status != 0) {
            return status;
        }
    }
    *ret_node = kql_join(m->kql, KQL_OR, nodes, count);
    return *ret_node == NULL ? ERR_NO_MEMORY : 0;
}
