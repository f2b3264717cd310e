// SPDX-License-Identifier: Apache-2.0
/*
 * A parser by recursive descent of Kibana's grammar for flat fields:
 *
 *     or     = and *( "or" and )
 *     and    = not *( "and" not )
 *     not    = *"not" one
 *     one    = "(" or ")" / NAME ":" values / NAME ( "<" / "<=" / ">" / ">=" ) VALUE / VALUE
 *     values = "(" or of values ")" / *"not" VALUE
 *
 * It is as lenient as it can be without meaning anything else: NAME: not VALUE needs no
 * parentheses, brackets need no blanks before and, and an IPv6 address no quotes (kql_lex.c). What
 * Kibana knows besides is nested fields, which flows do not have.
 */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "query/kql_value.h"

struct kql_parser {
    struct kql_making making;
    struct kql_token token;          ///< the next one
    struct kql_token last;           ///< the one before
    const struct kql_target *target; ///< whose values are being read; NULL: conditions are
    size_t depth;
    const struct kql_node **nodes; ///< parts of conditions that are not complete yet
    size_t node_count;
    size_t node_room;
};

static int parse_or(struct kql_parser *p, const struct kql_node **ret_node);
static int parse_not(struct kql_parser *p, const struct kql_node **ret_node);

// --- Small steps ---------------------------------------------------------------------------------

static int advance(struct kql_parser *p)
{
    p->last = p->token;
    return kql_lex_next(&p->making.lex, &p->token);
}

static int deeper(struct kql_parser *p)
{
    return p->depth++ < KQL_DEPTH_MAX
               ? 0
               : kql_error_set(&p->making.lex, p->token.begin,
                               "more than %d parentheses and not in one another", KQL_DEPTH_MAX);
}

/// Takes a node to the others that are not joined yet.
static int push(struct kql_parser *p, const struct kql_node *node)
{
    if (p->node_count == p->node_room) {
        size_t room = p->node_room == 0 ? 64 : 2 * p->node_room;
        void *nodes = mem_resize(p->nodes, room * sizeof(p->nodes[0]));
        if (nodes == NULL) {
            return ERR_NO_MEMORY;
        }
        p->nodes = nodes;
        p->node_room = room;
    }
    p->nodes[p->node_count++] = node;
    return 0;
}

/// Joins those from `first` on.
static int pop(struct kql_parser *p, enum kql_kind kind, size_t first,
               const struct kql_node **ret_node)
{
    *ret_node = kql_join(p->making.kql, kind, p->nodes + first, p->node_count - first);
    p->node_count = first;
    return *ret_node == NULL ? ERR_NO_MEMORY : 0;
}

/// A word or several, or what is quoted.
static int parse_literal(struct kql_parser *p, struct kql_literal *ret_literal)
{
    struct kql_token first = p->token;
    struct kql_token last = p->token;
    int status = advance(p);
    while (status == 0 && first.kind == KQL_TOKEN_WORD && p->token.kind == KQL_TOKEN_WORD) {
        last = p->token;
        status = advance(p);
    }
    return status == 0 ? kql_literal_make(&p->making.lex, p->making.kql, &first, &last, ret_literal)
                       : status;
}

static bool is_literal(const struct kql_token *t)
{
    return t->kind == KQL_TOKEN_WORD || t->kind == KQL_TOKEN_QUOTED;
}

static bool is_range(const struct kql_token *t)
{
    return t->kind >= KQL_TOKEN_LESS;
}

// --- Mistakes ------------------------------------------------------------------------------------

static int no_nested(struct kql_parser *p)
{
    return kql_error_set(&p->making.lex, p->token.begin,
                         "flows have no nested fields: expected a value or ( instead of { (write "
                         "\\{ or \\} for the character itself)");
}

static const char *words_of(enum kql_token_kind kind)
{
    switch (kind) {
    case KQL_TOKEN_AND:
        return "\"and\" (write \\and for the word)";
    case KQL_TOKEN_OR:
        return "\"or\" (write \\or for the word)";
    case KQL_TOKEN_NOT:
        return "\"not\" (write \\not for the word)";
    case KQL_TOKEN_OPEN:
        return "\"(\"";
    case KQL_TOKEN_CLOSE:
        return "\")\"";
    case KQL_TOKEN_COLON:
        return "\":\"";
    case KQL_TOKEN_LESS:
    case KQL_TOKEN_AT_MOST:
    case KQL_TOKEN_GREATER:
    case KQL_TOKEN_AT_LEAST:
        return "a comparison";
    default:
        return "the end";
    }
}

/// What stands where a condition or value should.
static int no_condition(struct kql_parser *p)
{
    if (p->token.kind == KQL_TOKEN_BRACE) {
        return no_nested(p);
    }
    const struct kql_target *t = p->target;
    if (t == NULL) {
        return kql_error_set(&p->making.lex, p->token.begin,
                             "expected a condition such as source.ip: 192.0.2.1, found %s",
                             words_of(p->token.kind));
    }
    if (is_range(&p->token)) {
        return kql_error_set(
            &p->making.lex, p->token.begin, "write %.*s %s without the colon",
            kql_clip(t->name.text, t->name.size), t->name.text,
            p->token.kind == KQL_TOKEN_LESS || p->token.kind == KQL_TOKEN_AT_MOST ? "< 5" : "> 5");
    }
    return kql_error_set(
        &p->making.lex, p->token.begin, "expected a value after \"%.*s:\", found %s",
        kql_clip(t->name.text, t->name.size), t->name.text, words_of(p->token.kind));
}

/// Something follows a complete condition that cannot.
static int no_end(struct kql_parser *p)
{
    switch (p->token.kind) {
    case KQL_TOKEN_BRACE:
        return no_nested(p);
    case KQL_TOKEN_CLOSE:
        return kql_error_set(&p->making.lex, p->token.begin, "there is no ( that this ) ends");
    case KQL_TOKEN_COLON:
        return kql_error_set(&p->making.lex, p->token.begin,
                             "expected \"and\", \"or\" or the end, found \":\" (a value with a "
                             "colon is written in quotes)");
    default:
        return kql_error_set(&p->making.lex, p->token.begin, "expected \"and\", \"or\" or the end");
    }
}

/// A value of several words before a colon or comparison: the last of them begins something else.
static int missing_and(struct kql_parser *p, const struct kql_literal *literal)
{
    return kql_error_set(&p->making.lex, literal->last,
                         "expected \"and\" or \"or\" before \"%.*s\"",
                         kql_clip(p->making.lex.text + literal->last, literal->end - literal->last),
                         p->making.lex.text + literal->last);
}

static bool begins_condition(const struct kql_token *t)
{
    return t->kind == KQL_TOKEN_COLON || is_range(t);
}

// --- Conditions ----------------------------------------------------------------------------------

/// One value of the field that is being read.
static int parse_value(struct kql_parser *p, const struct kql_node **ret_node)
{
    struct kql_literal value;
    int status = parse_literal(p, &value);
    if (status != 0) {
        return status;
    }
    if (begins_condition(&p->token) && value.words > 1) {
        return missing_and(p, &value);
    }
    return kql_make_value(&p->making, p->target, &value, ret_node);
}

/// Behind NAME and its colon: a value, several in parentheses, or what it is not.
// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_values(struct kql_parser *p, const struct kql_literal *name,
                        const struct kql_node **ret_node)
{
    struct kql_target target;
    int status = kql_target_find(&p->making, name, &target);
    status = status == 0 ? advance(p) : status;
    if (status != 0) {
        return status;
    }
    p->target = &target;
    status = parse_not(p, ret_node);
    p->target = NULL;
    return status;
}

/// NAME > VALUE
static int parse_range(struct kql_parser *p, const struct kql_literal *name,
                       const struct kql_node **ret_node)
{
    struct kql_target target;
    struct kql_literal value;
    enum kql_token_kind op = p->token.kind;
    int status = kql_target_find(&p->making, name, &target);
    status = status == 0 ? advance(p) : status;
    if (status != 0) {
        return status;
    }
    if (!is_literal(&p->token)) {
        return kql_error_set(&p->making.lex, p->token.begin,
                             "expected a value after the comparison, found %s",
                             words_of(p->token.kind));
    }
    status = parse_literal(p, &value);
    if (status != 0) {
        return status;
    }
    return begins_condition(&p->token) && value.words > 1
               ? missing_and(p, &value)
               : kql_make_range(&p->making, &target, op, &value, ret_node);
}

/// NAME: ..., NAME > VALUE or VALUE
// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_condition(struct kql_parser *p, const struct kql_node **ret_node)
{
    struct kql_literal literal;
    int status = parse_literal(p, &literal);
    if (status != 0) {
        return status;
    }
    if (!begins_condition(&p->token)) {
        return kql_make_bare(&p->making, &literal, ret_node);
    }
    if (literal.words > 1 && !literal.quoted) {
        return missing_and(p, &literal);
    }
    return p->token.kind == KQL_TOKEN_COLON ? parse_values(p, &literal, ret_node)
                                            : parse_range(p, &literal, ret_node);
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_parentheses(struct kql_parser *p, const struct kql_node **ret_node)
{
    const size_t begin = p->token.begin;
    int status = deeper(p);
    status = status == 0 ? advance(p) : status;
    status = status == 0 ? parse_or(p, ret_node) : status;
    if (status != 0) {
        return status;
    }
    p->depth--;
    if (p->token.kind == KQL_TOKEN_END) {
        return kql_error_set(&p->making.lex, begin,
                             "the ( that begins here has no end; expected )");
    }
    return p->token.kind == KQL_TOKEN_CLOSE ? advance(p) : no_end(p);
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_one(struct kql_parser *p, const struct kql_node **ret_node)
{
    if (p->token.kind == KQL_TOKEN_OPEN) {
        return parse_parentheses(p, ret_node);
    }
    if (!is_literal(&p->token)) {
        return no_condition(p);
    }
    const size_t begin = p->token.begin;
    int status = p->target != NULL ? parse_value(p, ret_node) : parse_condition(p, ret_node);
    return status == 0 && p->making.kql->node_count > KQL_NODES_MAX
               ? kql_error_set(&p->making.lex, begin,
                               "more than %d conditions; expected fewer, or networks and ranges "
                               "instead of single values",
                               KQL_NODES_MAX)
               : status;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_not(struct kql_parser *p, const struct kql_node **ret_node)
{
    if (p->token.kind != KQL_TOKEN_NOT) {
        return parse_one(p, ret_node);
    }
    const struct kql_node *child;
    int status = deeper(p);
    status = status == 0 ? advance(p) : status;
    status = status == 0 ? parse_not(p, &child) : status;
    if (status != 0) {
        return status;
    }
    p->depth--;
    *ret_node = kql_negate(p->making.kql, child);
    return *ret_node == NULL ? ERR_NO_MEMORY : 0;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_and(struct kql_parser *p, const struct kql_node **ret_node)
{
    const size_t first = p->node_count;
    const struct kql_node *node;
    int status = parse_not(p, &node);
    status = status == 0 ? push(p, node) : status;
    while (status == 0 && p->token.kind == KQL_TOKEN_AND) {
        status = advance(p);
        status = status == 0 ? parse_not(p, &node) : status;
        status = status == 0 ? push(p, node) : status;
    }
    return status == 0 ? pop(p, KQL_AND, first, ret_node) : status;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by KQL_DEPTH_MAX
static int parse_or(struct kql_parser *p, const struct kql_node **ret_node)
{
    const size_t first = p->node_count;
    const struct kql_node *node;
    int status = parse_and(p, &node);
    status = status == 0 ? push(p, node) : status;
    while (status == 0 && p->token.kind == KQL_TOKEN_OR) {
        status = advance(p);
        status = status == 0 ? parse_and(p, &node) : status;
        status = status == 0 ? push(p, node) : status;
    }
    return status == 0 ? pop(p, KQL_OR, first, ret_node) : status;
}

// --- All of it -----------------------------------------------------------------------------------

static int parse_text(struct kql_parser *p, const struct kql_node **ret_node)
{
    int status = advance(p);
    if (status != 0) {
        return status;
    }
    if (p->token.kind == KQL_TOKEN_END) {
        const struct kql_node all = { .kind = KQL_ALL, .field = QUERY_NONE };
        *ret_node = kql_node_new(p->making.kql, &all);
        return *ret_node == NULL ? ERR_NO_MEMORY : 0;
    }
    status = parse_or(p, ret_node);
    return status == 0 && p->token.kind != KQL_TOKEN_END ? no_end(p) : status;
}

int kql_parse(const char *text, size_t size, const struct kql_context *context,
              struct kql **ret_kql, struct kql_error *ret_error)
{
    struct kql_parser p = { .making = { .lex = { .text = text, .size = size, .error = ret_error },
                                        .context = context } };
    const struct kql_node *root;
    if (size > KQL_SIZE_MAX) {
        return kql_error_set(&p.making.lex, KQL_SIZE_MAX, "more than %d bytes", KQL_SIZE_MAX);
    }
    p.making.kql = kql_new();
    int status = p.making.kql == NULL ? ERR_NO_MEMORY : parse_text(&p, &root);
    mem_free(p.nodes);
    if (status != 0) {
        kql_free(p.making.kql);
        return status;
    }
    p.making.kql->root = root;
    *ret_kql = p.making.kql;
    return 0;
}
