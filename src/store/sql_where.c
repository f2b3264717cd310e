// SPDX-License-Identifier: Apache-2.0
/*
 * KQL as a condition. Each leaf becomes the plainest comparison that says it, so that DuckDB can
 * skip what cannot match: numbers, halves of addresses, lists of numbers that a text stands for
 * (protocols, countries). Texts are looked for in `texts`, where each stands once. What nothing
 * else says is asked with kql_leaf() (store/sql_match.h).
 *
 * A column that is NULL makes a leaf NULL, which counts as no, and "not" asks IS NOT TRUE.
 *
 * Each leaf tells too which columns it needs (sql_needs()): the same function writes both, into SQL
 * or into a list of names.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "flow/names.h"
#include "query/query_json.h"
#include "store/schema.h"
#include "store/sql_leaf.h"
#include "store/sql_match.h"

enum { NAME_SIZE = 96, PROTOS = 256, LETTERS = 26, JOIN_MAX = 100, QUERIES_MAX = 500 };

// --- Texts that stand for numbers ----------------------------------------------------------------

/// Whether any of the leaves means a text.
static bool is_text(struct leaves leaves, const char *words, size_t size)
{
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = words, .size = size };
    bool found = false;
    for (size_t i = 0; !found && i < leaves.count; i++) {
        found = kql_value_matches(leaves.nodes[i], &v);
    }
    return found;
}

static bool is_lower(struct leaves leaves, const char *name)
{
    char lower[NAME_SIZE];
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        lower[i] = (char)tolower((unsigned char)name[i]);
    }
    return is_text(leaves, lower, size);
}

/// Whether no leaf can mean a name that has no number: each is one that has.
static bool are_known(struct leaves leaves, int number_of(const char *text, size_t size))
{
    bool known = true;
    for (size_t i = 0; known && i < leaves.count; i++) {
        const struct kql_node *leaf = leaves.nodes[i];
        known = leaf->kind == KQL_EQUAL && number_of(leaf->value.text, leaf->value.size) >= 0;
    }
    return known;
}

static void rest_leaf(struct where *w, const char *what, struct leaves leaves)
{
    where_need(w, "rest");
    where_ask_any(w, "rest", what, leaves);
}

/// Number 0 stands in the column too where a name has no number.
static void zero_leaf(struct where *w, const char *name, const char *what)
{
    static const struct kql_node EXISTS = { .kind = KQL_EXISTS };
    where_need(w, "rest");
    where_text(w, " OR (");
    where_column(w, name);
    where_text(w, " = 0 AND ");
    where_ask(w, "rest", what, &EXISTS);
    where_text(w, " IS NOT TRUE");
}

/// Protocol 0 of what is not known to be IP is nobody's protocol.
static void no_protocol_leaf(struct where *w)
{
    zero_leaf(w, "proto", "rest proto");
    where_need(w, "etype");
    where_text(w, " AND etype IN (2048, 34525))");
}

static void transport_leaf(struct where *w, struct leaves leaves)
{
    struct list list = { .expression = "proto" };
    where_need(w, "proto");
    where_text(w, "(");
    for (uint32_t proto = 1; proto < PROTOS; proto++) {
        if (is_lower(leaves, proto_name(proto))) {
            where_list_add(w, &list, proto);
        }
    }
    where_list_end(w, &list);
    if (is_lower(leaves, proto_name(0))) {
        no_protocol_leaf(w);
    }
    if (is_lower(leaves, proto_name(PROTOS))) {
        where_text(w, " OR proto >= 256");
    }
    if (!are_known(leaves, proto_by_name)) {
        where_text(w, " OR ");
        rest_leaf(w, "rest proto", leaves);
    }
    where_text(w, ")");
}

static void iana_leaf(struct where *w, struct leaves leaves)
{
    where_text(w, "(");
    bool zero = is_text(leaves, "0", 1);
    where_numeral(w, "proto", zero ? "nullif(proto, 0)" : "proto", leaves);
    if (zero) {
        no_protocol_leaf(w);
    }
    where_text(w, ")");
}

static void type_leaf(struct where *w, struct leaves leaves)
{
    static const uint32_t TYPES[] = { ETYPE_IPV4, ETYPE_IPV6, ETYPE_ARP };
    struct list list = { .expression = "etype" };
    where_need(w, "etype");
    where_text(w, "(");
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (is_lower(leaves, etype_name(TYPES[i]))) {
            where_list_add(w, &list, TYPES[i]);
        }
    }
    where_list_end(w, &list);
    if (!are_known(leaves, etype_by_name)) {
        where_text(w, " OR ");
        rest_leaf(w, "rest etype", leaves);
    }
    where_text(w, ")");
}

static void action_leaf(struct where *w, struct leaves leaves)
{
    struct list list = { .expression = "type" };
    where_need(w, "type");
    where_text(w, "(");
    for (uint32_t type = 1; flow_type_text(type) != NULL; type++) {
        const char *name = flow_type_text(type);
        if (is_text(leaves, name, strlen(name))) {
            where_list_add(w, &list, type);
        }
    }
    where_list_end(w, &list);
    if (is_text(leaves, flow_type_text(0), strlen(flow_type_text(0)))) {
        zero_leaf(w, "type", "rest type");
        where_text(w, ")");
    }
    if (!are_known(leaves, flow_type_by_text)) {
        where_text(w, " OR (type > 4 AND ");
        where_numeral(w, "type", "type", leaves);
        where_text(w, ") OR ");
        rest_leaf(w, "rest type", leaves);
    }
    where_text(w, ")");
}

/// Two letters as a number; more than a column holds for what is no country.
static uint64_t country_number(const struct kql_node *leaf)
{
    const char *code = leaf->value.text;
    return leaf->value.size == 2 ? (uint64_t)(uint8_t)code[0] << 8 | (uint8_t)code[1]
                                 : UINT16_MAX + UINT64_C(1);
}

static void country_leaf(struct where *w, const char *name, struct leaves leaves)
{
    enum kql_kind kind = leaves.nodes[0]->kind;
    if (kind == KQL_EXISTS) {
        where_column(w, name);
        where_text(w, " IS NOT NULL");
        return;
    }
    struct list list = { .expression = name };
    where_need(w, name);
    for (size_t i = 0; kind == KQL_EQUAL && i < leaves.count; i++) {
        where_list_add(w, &list, country_number(leaves.nodes[i]));
    }
    for (int i = 0; kind != KQL_EQUAL && i < LETTERS * LETTERS; i++) {
        const char code[] = { (char)('A' + i / LETTERS), (char)('A' + i % LETTERS) };
        if (is_text(leaves, code, sizeof(code))) {
            where_list_add(w, &list, (uint64_t)code[0] << 8 | (uint64_t)code[1]);
        }
    }
    where_list_end(w, &list);
}

static void kind_leaf(struct where *w, struct leaves leaves)
{
    bool event = is_text(leaves, "event", strlen("event"));
    bool error = is_text(leaves, "pipeline_error", strlen("pipeline_error"));
    if (event == error) {
        where_text(w, event ? "true" : "false");
        return;
    }
    where_column(w, "kind");
    where_text(w, error ? " = 3" : " <> 3");
}

static void mac_leaf(struct where *w, const char *name, struct leaves leaves)
{
    char blob[NAME_SIZE];
    (void)snprintf(blob, sizeof(blob), "encode(printf('%%012x', %s))", name); // fits
    where_text(w, "(");
    where_column(w, name);
    where_text(w, " <> 0 AND ");
    where_ask_any(w, blob, "mac", leaves);
    where_text(w, ")");
}

// --- Texts and lists by number -------------------------------------------------------------------

/// The name of an interface, which a record without that interface does not show.
static void name_leaf(struct where *w, const char *name, const char *interface,
                      struct leaves leaves)
{
    where_text(w, "(");
    where_texts(w, name, TEXT_NAME, "text", leaves);
    where_text(w, " AND ");
    where_column(w, interface);
    where_text(w, " IS NOT NULL)");
}

static void geo_leaf(struct where *w, struct leaves leaves, bool is_destination)
{
    char what[NAME_SIZE];
    (void)snprintf(what, sizeof(what), "member %s",
                   query_geo_member(leaves.nodes[0]->field)); // fits
    where_texts(w, is_destination ? "dst_geo" : "src_geo", TEXT_GEO, what, leaves);
}

static void path_leaf(struct where *w, struct leaves leaves)
{
    where_column(w, "file");
    where_text(w, " IN (SELECT id FROM files WHERE ");
    where_ask_any(w, "encode(path)", "text", leaves);
    where_text(w, ")");
}

// --- Fields --------------------------------------------------------------------------------------

static void time_leaf(struct where *w, const char *name, struct leaves leaves)
{
    where_text(w, "(");
    where_number(w, NUMBER_TIME, name, name, leaves);
    where_text(w, " AND ");
    where_text(w, name);
    where_text(w, " <> 0)");
}

/// A record that says no time has one in the store all the same.
static void timestamp_leaf(struct where *w, struct leaves leaves)
{
    where_text(w, "(");
    where_number(w, NUMBER_TIME, "ts", "ts", leaves);
    where_text(w, " AND (");
    where_column(w, "time_received_ns");
    where_text(w, " <> 0 OR ");
    where_column(w, "time_flow_start_ns");
    where_text(w, " <> 0 OR kind = 3))");
    where_need(w, "kind");
}

static void duration_leaf(struct where *w, struct leaves leaves)
{
    where_need(w, "time_flow_end_ns");
    where_text(w, "(time_flow_start_ns <> 0 AND time_flow_end_ns >= time_flow_start_ns AND ");
    where_number(w, NUMBER_TIME, "time_flow_start_ns", "(time_flow_end_ns - time_flow_start_ns)",
                 leaves);
    where_text(w, ")");
}

static void rate_leaf(struct where *w, struct leaves leaves)
{
    where_need(w, "sampling_default");
    where_number(w, NUMBER_LONG, "sampling_rate",
                 "nullif(CASE WHEN coalesce(sampling_rate, 0) <> 0 THEN sampling_rate ELSE "
                 "sampling_default END, 0)",
                 leaves);
}

/// A prefix length, which stands for the network of its side's address.
static void prefix_leaf(struct where *w, enum field field, struct leaves leaves)
{
    const char *name = FIELDS[field].json_name;
    const char *side = field == FIELD_SRC_NET ? "src" : "dst";
    char blob[3 * NAME_SIZE];
    (void)snprintf(blob, sizeof(blob),
                   "encode(printf('%%016x%%016x', %s_addr_hi, %s_addr_lo) || '/' || %s)", side,
                   side, name); // fits
    where_need(w, side[0] == 's' ? "src_addr_hi" : "dst_addr_hi");
    where_text(w, "(");
    where_column(w, name);
    where_text(w, " <> 0 AND ");
    where_ask_any(w, blob, "network", leaves);
    where_text(w, ")");
}

/// A column of the field table under its own name.
static void goflow_leaf(struct where *w, enum field field, struct leaves leaves)
{
    const char *name = FIELDS[field].json_name;
    char expression[NAME_SIZE];
    (void)snprintf(expression, sizeof(expression), "nullif(%s, 0)", name); // fits
    if (FIELDS[field].renderer == RENDER_NETWORK) {
        prefix_leaf(w, field, leaves);
        return;
    }
    switch (FIELDS[field].kind) {
    case FIELD_KIND_ADDR:
        where_address(w, name, leaves);
        break;
    case FIELD_KIND_U32S:
        where_texts(w, name, TEXT_U32S, "u32s", leaves);
        break;
    case FIELD_KIND_LAYERS:
        where_texts(w, name, TEXT_U32S, "layers", leaves);
        break;
    case FIELD_KIND_ADDRS:
        where_texts(w, name, TEXT_ADDRS, "addrs", leaves);
        break;
    default:
        where_number(w, NUMBER_PLAIN, name, expression, leaves);
        break;
    }
}

/// Columns that no field stands for; leaves of one name stand together.
static void other_leaf(struct where *w, struct leaves leaves)
{
    where_text(w, "(rest IS NOT NULL AND "); // whole blocks of rows have none
    rest_leaf(w, "rest other", leaves);
    where_text(w, ")");
}

static enum number_kind number_kind(enum query_field field)
{
    return field == QUERY_SFLOW_BYTES || field == QUERY_LOG_OFFSET ? NUMBER_LONG : NUMBER_PLAIN;
}

/// The columns of fields that are plain numbers.
static const char *number_column(enum query_field field)
{
    switch (field) {
    case QUERY_SOURCE_PORT:
        return "src_port";
    case QUERY_DESTINATION_PORT:
        return "dst_port";
    case QUERY_SERVER_PORT:
        return "server_port";
    case QUERY_SOURCE_AS_NUMBER:
        return "src_asn";
    case QUERY_DESTINATION_AS_NUMBER:
        return "dst_asn";
    case QUERY_BYTES:
        return "network_bytes";
    case QUERY_PACKETS:
        return "network_packets";
    case QUERY_SFLOW_BYTES:
        return "bytes";
    case QUERY_SEQUENCE_NUM:
        return "sequence_num";
    case QUERY_LOG_OFFSET:
        return "file_offset";
    default:
        return NULL;
    }
}

/// The columns of fields that are numbers shown as texts.
static const char *numeral_column(enum query_field field)
{
    switch (field) {
    case QUERY_INGRESS_ID:
        return "in_if";
    case QUERY_EGRESS_ID:
        return "out_if";
    case QUERY_INGRESS_VLAN:
        return "src_vlan";
    case QUERY_EGRESS_VLAN:
        return "dst_vlan";
    default:
        return NULL;
    }
}

static void place_leaf(struct where *w, struct leaves leaves)
{
    switch (leaves.nodes[0]->field) {
    case QUERY_SOURCE_AS_ORG:
        where_texts(w, "src_as_org", TEXT_AS, "member organization/name", leaves);
        break;
    case QUERY_DESTINATION_AS_ORG:
        where_texts(w, "dst_as_org", TEXT_AS, "member organization/name", leaves);
        break;
    case QUERY_SOURCE_COUNTRY:
        country_leaf(w, "src_country", leaves);
        break;
    case QUERY_DESTINATION_COUNTRY:
        country_leaf(w, "dst_country", leaves);
        break;
    case QUERY_SOURCE_NETWORK:
        where_texts(w, "src_network", TEXT_NAME, "text", leaves);
        break;
    case QUERY_DESTINATION_NETWORK:
        where_texts(w, "dst_network", TEXT_NAME, "text", leaves);
        break;
    case QUERY_DESTINATION_COUNTRY_NAME:
    case QUERY_DESTINATION_CONTINENT:
    case QUERY_DESTINATION_REGION:
    case QUERY_DESTINATION_REGION_CODE:
    case QUERY_DESTINATION_CITY:
        geo_leaf(w, leaves, true);
        break;
    default:
        geo_leaf(w, leaves, false);
        break;
    }
}

static void event_leaf(struct where *w, struct leaves leaves)
{
    switch (leaves.nodes[0]->field) {
    case QUERY_TIMESTAMP:
        timestamp_leaf(w, leaves);
        break;
    case QUERY_EVENT_CREATED:
        time_leaf(w, "time_received_ns", leaves);
        break;
    case QUERY_EVENT_START:
        time_leaf(w, "time_flow_start_ns", leaves);
        break;
    case QUERY_EVENT_END:
        time_leaf(w, "time_flow_end_ns", leaves);
        break;
    case QUERY_EVENT_DURATION:
        duration_leaf(w, leaves);
        break;
    case QUERY_EVENT_KIND:
        kind_leaf(w, leaves);
        break;
    case QUERY_EVENT_ACTION:
        action_leaf(w, leaves);
        break;
    default: // error.message
        where_text(w, "(kind = 3 AND ");
        where_need(w, "kind");
        rest_leaf(w, "rest body", leaves);
        where_text(w, ")");
        break;
    }
}

static void network_leaf(struct where *w, struct leaves leaves)
{
    switch (leaves.nodes[0]->field) {
    case QUERY_SOURCE_IP:
        where_address(w, "src_addr", leaves);
        break;
    case QUERY_DESTINATION_IP:
        where_address(w, "dst_addr", leaves);
        break;
    case QUERY_OBSERVER_IP:
        where_address(w, "sampler_address", leaves);
        break;
    case QUERY_SOURCE_MAC:
        mac_leaf(w, "src_mac", leaves);
        break;
    case QUERY_DESTINATION_MAC:
        mac_leaf(w, "dst_mac", leaves);
        break;
    case QUERY_NETWORK_TYPE:
        type_leaf(w, leaves);
        break;
    case QUERY_TRANSPORT:
        transport_leaf(w, leaves);
        break;
    case QUERY_IANA_NUMBER:
        iana_leaf(w, leaves);
        break;
    case QUERY_VLAN:
        where_numeral(w, "vlan_id", "nullif(vlan_id, 0)", leaves);
        break;
    case QUERY_SAMPLE_RATE:
        rate_leaf(w, leaves);
        break;
    default:
        where_text(w, "false"); // network.application: kql_parse() has made others of it
        break;
    }
}

static void observer_leaf(struct where *w, struct leaves leaves)
{
    switch (leaves.nodes[0]->field) {
    case QUERY_OBSERVER_NAME:
        where_texts(w, "exporter_name", TEXT_NAME, "text", leaves);
        break;
    case QUERY_INGRESS_NAME:
        name_leaf(w, "in_if_name", "in_if", leaves);
        break;
    case QUERY_EGRESS_NAME:
        name_leaf(w, "out_if_name", "out_if", leaves);
        break;
    case QUERY_INGRESS_ALIAS:
        name_leaf(w, "in_if_alias", "in_if", leaves);
        break;
    case QUERY_EGRESS_ALIAS:
        name_leaf(w, "out_if_alias", "out_if", leaves);
        break;
    default:
        path_leaf(w, leaves);
        break;
    }
}

static bool is_of_observer(enum query_field field)
{
    return field == QUERY_OBSERVER_NAME || field == QUERY_INGRESS_NAME ||
           field == QUERY_EGRESS_NAME || field == QUERY_INGRESS_ALIAS ||
           field == QUERY_EGRESS_ALIAS || field == QUERY_LOG_PATH;
}

static bool is_of_event(enum query_field field)
{
    return field == QUERY_TIMESTAMP || field == QUERY_ERROR_MESSAGE ||
           (field >= QUERY_EVENT_KIND && field <= QUERY_EVENT_DURATION);
}

/// A condition on one field: any of the leaves will do.
static void field_leaf(struct where *w, struct leaves leaves)
{
    enum query_field field = leaves.nodes[0]->field;
    if (field == QUERY_OTHER) {
        other_leaf(w, leaves);
    } else if (field >= QUERY_FIELD_COUNT) {
        goflow_leaf(w, (enum field)(field - QUERY_FIELD_COUNT), leaves);
    } else if (number_column(field) != NULL) {
        where_number(w, number_kind(field), number_column(field), number_column(field), leaves);
    } else if (numeral_column(field) != NULL) {
        where_numeral(w, numeral_column(field), numeral_column(field), leaves);
    } else if (field >= QUERY_SOURCE_AS_ORG && field <= QUERY_DESTINATION_NETWORK) {
        place_leaf(w, leaves);
    } else if (is_of_event(field)) {
        event_leaf(w, leaves);
    } else if (is_of_observer(field)) {
        observer_leaf(w, leaves);
    } else {
        network_leaf(w, leaves);
    }
}

// --- Trees ---------------------------------------------------------------------------------------

static void tree(struct where *w, const struct kql_node *node);

static bool is_leaf(const struct kql_node *node)
{
    return node->kind >= KQL_EXISTS;
}

/// How many children from `from` on are leaves of one field and kind, which kql_parse() has put
/// beside each other. Only where any of them will do.
static size_t count_alike(const struct kql_node *node, size_t from)
{
    const struct kql_node *first = node->children[from];
    size_t to = from + 1;
    while (node->kind == KQL_OR && is_leaf(first) && to < node->child_count &&
           kql_is_alike(first, node->children[to])) {
        to++;
    }
    return to - from;
}

/// Children, as a row of rows in parentheses: DuckDB reads a row as a tree as deep as it is long.
// NOLINTNEXTLINE(misc-no-recursion): as tree()
static void join(struct where *w, const struct kql_node *node)
{
    const char *word = node->kind == KQL_AND ? " AND " : " OR ";
    size_t row = 0;
    where_text(w, "(");
    for (size_t from = 0; from < node->child_count; row++) {
        size_t count = count_alike(node, from);
        where_text(w, row == 0 ? "" : row % JOIN_MAX == 0 ? ")" : "");
        where_text(w, row == 0 ? "" : word);
        where_text(w, row > 0 && row % JOIN_MAX == 0 ? "(" : "");
        if (is_leaf(node->children[from])) {
            where_text(w, "(");
            field_leaf(w, (struct leaves){ node->children + from, count });
            where_text(w, ")");
        } else {
            tree(w, node->children[from]);
        }
        from += count;
    }
    where_text(w, ")");
}

/// Trees are of bounded depth.
// NOLINTNEXTLINE(misc-no-recursion): they are
static void tree(struct where *w, const struct kql_node *node)
{
    where_text(w, "(");
    switch (node->kind) {
    case KQL_ALL:
        where_text(w, "true");
        break;
    case KQL_NOT:
        tree(w, node->children[0]);
        where_text(w, " IS NOT TRUE");
        break;
    case KQL_AND:
    case KQL_OR:
        if (node->child_count == 0) {
            where_text(w, node->kind == KQL_AND ? "true" : "false");
        } else {
            join(w, node);
        }
        break;
    default:
        field_leaf(w, (struct leaves){ &node, 1 });
        break;
    }
    where_text(w, ")");
}

void sql_where(struct sql *q, const struct kql *kql)
{
    struct where w = { .q = q };
    if (kql == NULL) {
        sql_text(q, "(true)");
        return;
    }
    tree(&w, kql_root(kql));
    q->bad = q->bad || w.queries > QUERIES_MAX;
}

void sql_needs(const struct kql *kql, struct buf *out)
{
    struct where w = { .needs = out };
    if (kql != NULL) {
        tree(&w, kql_root(kql));
    }
}

int sql_add_functions(struct duck_conn *c, struct err *err)
{
    return sql_match_add(c, err);
}
