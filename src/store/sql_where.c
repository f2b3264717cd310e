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
#include "store/sql.h"
#include "store/sql_match.h"

enum { LEAF_SIZE_MAX = 64 << 10, NAME_SIZE = 96, PROTOS = 256, LETTERS = 26, JOIN_MAX = 200 };

/// Where a condition goes.
struct where {
    struct sql *q;     ///< NULL: only the names of columns are wanted
    struct buf *needs; ///< NULL: only the condition is
};

static void text(struct where *w, const char *words)
{
    if (w->q != NULL) {
        sql_text(w->q, words);
    }
}

static void u64(struct where *w, uint64_t value)
{
    if (w->q != NULL) {
        sql_u64(w->q, value);
    }
}

/// Names a column once, and writes it.
static void need(struct where *w, const char *name)
{
    size_t size = strlen(name);
    const char *at = w->needs == NULL ? NULL : buf_text(w->needs);
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ",");
        if (length == size && memcmp(at, name, size) == 0) {
            return;
        }
        at += length + (at[length] == ',');
    }
    if (w->needs != NULL) {
        buf_append_text(w->needs, w->needs->size > 0 ? "," : "");
        buf_append_text(w->needs, name);
    }
}

static void column(struct where *w, const char *name)
{
    need(w, name);
    text(w, name);
}

/// kql_leaf(`blob`, `what`, leaf); whoever calls has written what is before.
static void ask(struct where *w, const char *blob, const char *what, const struct kql_node *leaf)
{
    if (w->q == NULL) {
        return;
    }
    struct buf packed;
    buf_init(&packed, LEAF_SIZE_MAX);
    sql_match_pack(leaf, &packed);
    sql_text(w->q, "kql_leaf(");
    sql_text(w->q, blob);
    sql_text(w->q, ", ");
    sql_bytes(w->q, what, strlen(what));
    sql_text(w->q, ", ");
    sql_bytes(w->q, (const char *)packed.data, packed.size);
    sql_text(w->q, ")");
    w->q->bad = w->q->bad || packed.bad;
    buf_release(&packed);
}

// --- Numbers -------------------------------------------------------------------------------------

/// A number in `expression`, of which `name` is the column.
static void number_leaf(struct where *w, const char *name, const char *expression,
                        const struct kql_node *leaf)
{
    need(w, name);
    text(w, "(");
    text(w, expression);
    switch (leaf->kind) {
    case KQL_EQUAL:
        text(w, " = ");
        u64(w, leaf->value.number);
        break;
    case KQL_RANGE:
        text(w, " BETWEEN ");
        u64(w, leaf->low);
        text(w, " AND ");
        u64(w, leaf->high);
        break;
    case KQL_EXISTS:
        text(w, " IS NOT NULL");
        break;
    default:
        text(w, " IS NULL AND false"); // no text is a number
        break;
    }
    text(w, ")");
}

/// Whether a text is how a number is written, and which.
static bool is_numeral(const struct kql_node *leaf, uint64_t *ret_number)
{
    uint8_t digits[NUM_U64_SIZE_MAX];
    if (num_get_u64(leaf->value.text, leaf->value.size, UINT64_MAX, ret_number) != 0) {
        return false;
    }
    size_t size = (size_t)(num_put_u64(digits, *ret_number) - digits);
    return size == leaf->value.size && memcmp(digits, leaf->value.text, size) == 0;
}

/// A number that documents show as a text.
static void numeral_leaf(struct where *w, const char *name, const char *expression,
                         const struct kql_node *leaf)
{
    struct kql_node as_number = *leaf;
    char blob[2 * NAME_SIZE];
    uint64_t number;
    switch (leaf->kind) {
    case KQL_EQUAL:
        as_number.value.number = 0;
        if (is_numeral(leaf, &number)) {
            as_number.value.number = number;
            number_leaf(w, name, expression, &as_number);
        } else {
            text(w, "false");
        }
        break;
    case KQL_LIKE:
    case KQL_WORDS:
        need(w, name);
        (void)snprintf(blob, sizeof(blob), "CAST(%s AS VARCHAR)::BLOB", expression); // fits
        ask(w, blob, "text", leaf);
        break;
    default:
        number_leaf(w, name, expression, leaf);
        break;
    }
}

// --- Addresses -----------------------------------------------------------------------------------

#define V4_MAPPED UINT64_C(0x0000ffff00000000)

static uint64_t half(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, sizeof(v));
    return __builtin_bswap64(v);
}

static void halves_of(const struct addr *a, uint64_t *ret_hi, uint64_t *ret_lo)
{
    bool is_v4 = a->size == ADDR_V4_SIZE;
    *ret_hi = is_v4 ? 0 : half(a->bytes);
    *ret_lo = is_v4 ? V4_MAPPED | half(a->bytes) >> 32 : half(a->bytes + 8);
}

/// From one address to another, both included.
static void between(struct where *w, const char *hi, const char *lo, const struct addr *from,
                    const struct addr *to)
{
    uint64_t from_hi;
    uint64_t from_lo;
    uint64_t to_hi;
    uint64_t to_lo;
    halves_of(from, &from_hi, &from_lo);
    halves_of(to, &to_hi, &to_lo);
    if (from_hi == to_hi) {
        text(w, hi);
        text(w, " = ");
        u64(w, from_hi);
        text(w, " AND ");
        text(w, lo);
        text(w, " BETWEEN ");
        u64(w, from_lo);
        text(w, " AND ");
        u64(w, to_lo);
        return;
    }
    text(w, hi);
    text(w, " BETWEEN ");
    u64(w, from_hi);
    text(w, " AND ");
    u64(w, to_hi);
    text(w, " AND (");
    text(w, hi);
    text(w, " > ");
    u64(w, from_hi);
    text(w, " OR ");
    text(w, lo);
    text(w, " >= ");
    u64(w, from_lo);
    text(w, ") AND (");
    text(w, hi);
    text(w, " < ");
    u64(w, to_hi);
    text(w, " OR ");
    text(w, lo);
    text(w, " <= ");
    u64(w, to_lo);
    text(w, ")");
}

static struct addr last_of(const struct cidr *c)
{
    struct addr last = c->addr;
    for (unsigned bit = c->prefix; bit < 8U * last.size; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    return last;
}

/// IPv4 lies among the others as ::ffff:0:0/96, and a range of one family has none of the other.
static void not_v4(struct where *w, const char *hi, const char *lo, bool is_v6)
{
    if (is_v6) {
        text(w, " AND NOT (");
        text(w, hi);
        text(w, " = 0 AND ");
        text(w, lo);
        text(w, " >> 32 = 65535)");
    }
}

static void address_leaf(struct where *w, const char *field, const struct kql_node *leaf)
{
    char hi[NAME_SIZE];
    char lo[NAME_SIZE];
    char blob[3 * NAME_SIZE];
    (void)snprintf(hi, sizeof(hi), "%s_hi", field); // the names of fields are short
    (void)snprintf(lo, sizeof(lo), "%s_lo", field);
    need(w, hi);
    need(w, lo);
    text(w, "(");
    struct addr last;
    struct addr value = addr_unmap(&leaf->value.addr);
    switch (leaf->kind) {
    case KQL_EQUAL:
        between(w, hi, lo, &value, &value);
        break;
    case KQL_CIDR:
        last = last_of(&leaf->cidr);
        between(w, hi, lo, &leaf->cidr.addr, &last);
        not_v4(w, hi, lo, leaf->cidr.addr.size == ADDR_V6_SIZE);
        break;
    case KQL_RANGE:
        between(w, hi, lo, &leaf->low_addr, &leaf->high_addr);
        not_v4(w, hi, lo, leaf->low_addr.size == ADDR_V6_SIZE);
        break;
    case KQL_EXISTS:
        text(w, hi);
        text(w, " IS NOT NULL");
        break;
    default:
        (void)snprintf(blob, sizeof(blob), "printf('%%016x%%016x', %s, %s)::BLOB", hi, lo);
        ask(w, blob, "addr", leaf);
        break;
    }
    text(w, ")");
}

// --- Texts that stand for numbers ----------------------------------------------------------------

static bool is_text(const struct kql_node *leaf, const char *words, size_t size)
{
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = words, .size = size };
    return kql_value_matches(leaf, &v);
}

static bool is_lower(const struct kql_node *leaf, const char *name)
{
    char lower[NAME_SIZE];
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++) {
        lower[i] = (char)tolower((unsigned char)name[i]);
    }
    return is_text(leaf, lower, size);
}

/// Whether the leaf means one text and no other.
static bool is_exact(const struct kql_node *leaf)
{
    return leaf->kind == KQL_EQUAL;
}

/// "name IN (...)"; nothing in the list matches nothing.
static void list_begin(struct where *w, const char *name)
{
    column(w, name);
    text(w, " IN (NULL");
}

static void list_add(struct where *w, uint64_t number)
{
    text(w, ", ");
    u64(w, number);
}

static void rest_leaf(struct where *w, const char *what, const struct kql_node *leaf)
{
    need(w, "rest");
    ask(w, "rest", what, leaf);
}

/// Protocol 0 of what is not known to be IP is nobody's protocol; a name without a number is in
/// `rest`.
static void transport_leaf(struct where *w, const struct kql_node *leaf)
{
    bool any = false;
    text(w, "(");
    list_begin(w, "proto");
    for (uint32_t proto = 1; proto < PROTOS; proto++) {
        if (is_lower(leaf, proto_name(proto))) {
            list_add(w, proto);
            any = true;
        }
    }
    text(w, ")");
    if (is_lower(leaf, proto_name(0))) {
        need(w, "etype");
        text(w, " OR (proto = 0 AND etype IN (2048, 34525))");
        any = true;
    }
    if (is_lower(leaf, proto_name(PROTOS))) {
        text(w, " OR proto >= 256");
        any = true;
    }
    if (!(any && is_exact(leaf))) {
        text(w, " OR ");
        rest_leaf(w, "proto", leaf);
    }
    text(w, ")");
}

static void iana_leaf(struct where *w, const struct kql_node *leaf)
{
    need(w, "etype");
    text(w, "(");
    numeral_leaf(w, "proto", "proto", leaf);
    text(w, " AND (proto <> 0 OR etype IN (2048, 34525)))");
}

static void type_leaf(struct where *w, const struct kql_node *leaf)
{
    static const uint32_t TYPES[] = { ETYPE_IPV4, ETYPE_IPV6, ETYPE_ARP };
    bool any = false;
    text(w, "(");
    list_begin(w, "etype");
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (is_lower(leaf, etype_name(TYPES[i]))) {
            list_add(w, TYPES[i]);
            any = true;
        }
    }
    text(w, ")");
    if (!(any && is_exact(leaf))) {
        text(w, " OR ");
        rest_leaf(w, "etype", leaf);
    }
    text(w, ")");
}

static void action_leaf(struct where *w, const struct kql_node *leaf)
{
    bool any = false;
    text(w, "(");
    list_begin(w, "type");
    for (uint32_t type = 0; flow_type_text(type) != NULL; type++) {
        const char *name = flow_type_text(type);
        if (is_text(leaf, name, strlen(name))) {
            list_add(w, type);
            any = true;
        }
    }
    text(w, ")");
    if (!(any && is_exact(leaf))) {
        text(w, " OR (type > 4 AND ");
        numeral_leaf(w, "type", "type", leaf);
        text(w, ") OR ");
        rest_leaf(w, "type", leaf);
    }
    text(w, ")");
}

static void country_leaf(struct where *w, const char *name, const struct kql_node *leaf)
{
    if (leaf->kind == KQL_EXISTS) {
        column(w, name);
        text(w, " IS NOT NULL");
        return;
    }
    if (leaf->kind == KQL_EQUAL) {
        const char *value = leaf->value.text;
        column(w, name);
        text(w, " = ");
        u64(w, leaf->value.size == 2 ? (uint64_t)(uint8_t)value[0] << 8 | (uint8_t)value[1]
                                     : UINT16_MAX + UINT64_C(1)); // there is no such country
        return;
    }
    list_begin(w, name);
    for (int i = 0; i < LETTERS * LETTERS; i++) {
        const char code[] = { (char)('A' + i / LETTERS), (char)('A' + i % LETTERS) };
        if (is_text(leaf, code, sizeof(code))) {
            list_add(w, (uint64_t)code[0] << 8 | (uint64_t)code[1]);
        }
    }
    text(w, ")");
}

static void kind_leaf(struct where *w, const struct kql_node *leaf)
{
    bool event = is_text(leaf, "event", strlen("event"));
    bool error = is_text(leaf, "pipeline_error", strlen("pipeline_error"));
    if (event == error) {
        text(w, event ? "true" : "false");
        return;
    }
    column(w, "kind");
    text(w, error ? " = 3" : " <> 3");
}

static void mac_leaf(struct where *w, const char *name, const struct kql_node *leaf)
{
    char blob[NAME_SIZE];
    text(w, "(");
    column(w, name);
    text(w, " <> 0");
    if (leaf->kind != KQL_EXISTS) {
        (void)snprintf(blob, sizeof(blob), "printf('%%012x', %s)::BLOB", name); // fits
        text(w, " AND ");
        ask(w, blob, "mac", leaf);
    }
    text(w, ")");
}

// --- Texts and lists by number -------------------------------------------------------------------

/// Texts of a kind that match, as the numbers of a column.
static void texts_leaf(struct where *w, const char *name, enum text_kind kind, const char *what,
                       const struct kql_node *leaf)
{
    if (leaf->kind == KQL_EXISTS && kind == TEXT_NAME) {
        column(w, name);
        text(w, " IS NOT NULL");
        return;
    }
    column(w, name);
    if (w->q != NULL) {
        sql_printf(w->q, " IN (SELECT id FROM texts WHERE kind = %d AND ", (int)kind);
    }
    ask(w, "value", what, leaf);
    text(w, ")");
}

/// The name of an interface, which a record without that interface does not show.
static void name_leaf(struct where *w, const char *name, const char *interface,
                      const struct kql_node *leaf)
{
    text(w, "(");
    texts_leaf(w, name, TEXT_NAME, "text", leaf);
    text(w, " AND ");
    column(w, interface);
    text(w, " IS NOT NULL)");
}

static void geo_leaf(struct where *w, const struct kql_node *leaf, bool is_destination)
{
    char what[NAME_SIZE];
    (void)snprintf(what, sizeof(what), "member %s", query_geo_member(leaf->field)); // fits
    texts_leaf(w, is_destination ? "dst_geo" : "src_geo", TEXT_GEO, what, leaf);
}

static void path_leaf(struct where *w, const struct kql_node *leaf)
{
    column(w, "file");
    text(w, " IN (SELECT id FROM files WHERE ");
    ask(w, "path::BLOB", "text", leaf);
    text(w, ")");
}

// --- Fields --------------------------------------------------------------------------------------

static void time_leaf(struct where *w, const char *name, const struct kql_node *leaf)
{
    text(w, "(");
    number_leaf(w, name, name, leaf);
    text(w, " AND ");
    text(w, name);
    text(w, " <> 0)");
}

/// A record that says no time has one in the store all the same.
static void timestamp_leaf(struct where *w, const struct kql_node *leaf)
{
    text(w, "(");
    number_leaf(w, "ts", "ts", leaf);
    text(w, " AND (");
    column(w, "time_received_ns");
    text(w, " <> 0 OR ");
    column(w, "time_flow_start_ns");
    text(w, " <> 0 OR kind = 3))");
    need(w, "kind");
}

static void duration_leaf(struct where *w, const struct kql_node *leaf)
{
    need(w, "time_flow_end_ns");
    text(w, "(time_flow_start_ns <> 0 AND time_flow_end_ns >= time_flow_start_ns AND ");
    number_leaf(w, "time_flow_start_ns", "(time_flow_end_ns - time_flow_start_ns)", leaf);
    text(w, ")");
}

static void rate_leaf(struct where *w, const struct kql_node *leaf)
{
    need(w, "sampling_default");
    number_leaf(w, "sampling_rate",
                "nullif(CASE WHEN coalesce(sampling_rate, 0) <> 0 THEN sampling_rate ELSE "
                "sampling_default END, 0)",
                leaf);
}

/// A prefix length, which stands for the network of its side's address.
static void prefix_leaf(struct where *w, enum field field, const struct kql_node *leaf)
{
    const char *name = FIELDS[field].json_name;
    const char *side = field == FIELD_SRC_NET ? "src" : "dst";
    char blob[3 * NAME_SIZE];
    text(w, "(");
    column(w, name);
    text(w, " <> 0");
    if (leaf->kind != KQL_EXISTS) {
        (void)snprintf(blob, sizeof(blob),
                       "(coalesce(printf('%%016x%%016x', %s_addr_hi, %s_addr_lo), '') || '/' || "
                       "%s)::BLOB",
                       side, side, name); // fits
        need(w, side[0] == 's' ? "src_addr_hi" : "dst_addr_hi");
        text(w, " AND ");
        ask(w, blob, "network", leaf);
    }
    text(w, ")");
}

/// A column of the field table under its own name.
static void goflow_leaf(struct where *w, enum field field, const struct kql_node *leaf)
{
    const char *name = FIELDS[field].json_name;
    char expression[NAME_SIZE];
    (void)snprintf(expression, sizeof(expression), "nullif(%s, 0)", name); // fits
    if (FIELDS[field].renderer == RENDER_NETWORK) {
        prefix_leaf(w, field, leaf);
        return;
    }
    switch (FIELDS[field].kind) {
    case FIELD_KIND_ADDR:
        address_leaf(w, name, leaf);
        break;
    case FIELD_KIND_U32S:
        texts_leaf(w, name, TEXT_U32S, "u32s", leaf);
        break;
    case FIELD_KIND_LAYERS:
        texts_leaf(w, name, TEXT_U32S, "layers", leaf);
        break;
    case FIELD_KIND_ADDRS:
        texts_leaf(w, name, TEXT_ADDRS, "addrs", leaf);
        break;
    default:
        number_leaf(w, name, expression, leaf);
        break;
    }
}

static void other_leaf(struct where *w, const struct kql_node *leaf)
{
    char what[1024];
    int size = snprintf(what, sizeof(what), "extra %s", leaf->name);
    if (size < 0 || (size_t)size >= sizeof(what)) {
        text(w, "false"); // no column is called so
        return;
    }
    rest_leaf(w, what, leaf);
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

static void place_leaf(struct where *w, const struct kql_node *leaf)
{
    switch (leaf->field) {
    case QUERY_SOURCE_AS_ORG:
        texts_leaf(w, "src_as_org", TEXT_AS, "member organization/name", leaf);
        break;
    case QUERY_DESTINATION_AS_ORG:
        texts_leaf(w, "dst_as_org", TEXT_AS, "member organization/name", leaf);
        break;
    case QUERY_SOURCE_COUNTRY:
        country_leaf(w, "src_country", leaf);
        break;
    case QUERY_DESTINATION_COUNTRY:
        country_leaf(w, "dst_country", leaf);
        break;
    case QUERY_SOURCE_NETWORK:
        texts_leaf(w, "src_network", TEXT_NAME, "text", leaf);
        break;
    case QUERY_DESTINATION_NETWORK:
        texts_leaf(w, "dst_network", TEXT_NAME, "text", leaf);
        break;
    case QUERY_DESTINATION_COUNTRY_NAME:
    case QUERY_DESTINATION_CONTINENT:
    case QUERY_DESTINATION_REGION:
    case QUERY_DESTINATION_REGION_CODE:
    case QUERY_DESTINATION_CITY:
        geo_leaf(w, leaf, true);
        break;
    default:
        geo_leaf(w, leaf, false);
        break;
    }
}

static void event_leaf(struct where *w, const struct kql_node *leaf)
{
    switch (leaf->field) {
    case QUERY_TIMESTAMP:
        timestamp_leaf(w, leaf);
        break;
    case QUERY_EVENT_CREATED:
        time_leaf(w, "time_received_ns", leaf);
        break;
    case QUERY_EVENT_START:
        time_leaf(w, "time_flow_start_ns", leaf);
        break;
    case QUERY_EVENT_END:
        time_leaf(w, "time_flow_end_ns", leaf);
        break;
    case QUERY_EVENT_DURATION:
        duration_leaf(w, leaf);
        break;
    case QUERY_EVENT_KIND:
        kind_leaf(w, leaf);
        break;
    case QUERY_EVENT_ACTION:
        action_leaf(w, leaf);
        break;
    default: // error.message
        text(w, "(kind = 3 AND ");
        need(w, "kind");
        rest_leaf(w, "body", leaf);
        text(w, ")");
        break;
    }
}

static void network_leaf(struct where *w, const struct kql_node *leaf)
{
    switch (leaf->field) {
    case QUERY_SOURCE_IP:
        address_leaf(w, "src_addr", leaf);
        break;
    case QUERY_DESTINATION_IP:
        address_leaf(w, "dst_addr", leaf);
        break;
    case QUERY_OBSERVER_IP:
        address_leaf(w, "sampler_address", leaf);
        break;
    case QUERY_SOURCE_MAC:
        mac_leaf(w, "src_mac", leaf);
        break;
    case QUERY_DESTINATION_MAC:
        mac_leaf(w, "dst_mac", leaf);
        break;
    case QUERY_NETWORK_TYPE:
        type_leaf(w, leaf);
        break;
    case QUERY_TRANSPORT:
        transport_leaf(w, leaf);
        break;
    case QUERY_IANA_NUMBER:
        iana_leaf(w, leaf);
        break;
    case QUERY_VLAN:
        numeral_leaf(w, "vlan_id", "nullif(vlan_id, 0)", leaf);
        break;
    case QUERY_SAMPLE_RATE:
        rate_leaf(w, leaf);
        break;
    default:
        text(w, "false"); // network.application: kql_parse() has made others of it
        break;
    }
}

static void observer_leaf(struct where *w, const struct kql_node *leaf)
{
    switch (leaf->field) {
    case QUERY_OBSERVER_NAME:
        texts_leaf(w, "exporter_name", TEXT_NAME, "text", leaf);
        break;
    case QUERY_INGRESS_NAME:
        name_leaf(w, "in_if_name", "in_if", leaf);
        break;
    case QUERY_EGRESS_NAME:
        name_leaf(w, "out_if_name", "out_if", leaf);
        break;
    case QUERY_INGRESS_ALIAS:
        name_leaf(w, "in_if_alias", "in_if", leaf);
        break;
    case QUERY_EGRESS_ALIAS:
        name_leaf(w, "out_if_alias", "out_if", leaf);
        break;
    default:
        path_leaf(w, leaf);
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

static void leaf(struct where *w, const struct kql_node *node)
{
    enum query_field field = node->field;
    if (field == QUERY_OTHER) {
        other_leaf(w, node);
    } else if (field >= QUERY_FIELD_COUNT) {
        goflow_leaf(w, (enum field)(field - QUERY_FIELD_COUNT), node);
    } else if (number_column(field) != NULL) {
        number_leaf(w, number_column(field), number_column(field), node);
    } else if (numeral_column(field) != NULL) {
        numeral_leaf(w, numeral_column(field), numeral_column(field), node);
    } else if (field >= QUERY_SOURCE_AS_ORG && field <= QUERY_DESTINATION_NETWORK) {
        place_leaf(w, node);
    } else if (is_of_event(field)) {
        event_leaf(w, node);
    } else if (is_of_observer(field)) {
        observer_leaf(w, node);
    } else {
        network_leaf(w, node);
    }
}

// --- Trees ---------------------------------------------------------------------------------------

static void tree(struct where *w, const struct kql_node *node);

/// Children from `from` on, joined in halves: DuckDB reads a long row of ORs as a deep tree.
static void join(struct where *w, const struct kql_node *node, size_t from, size_t to)
{
    const char *word = node->kind == KQL_AND ? " AND " : " OR ";
    if (to - from > JOIN_MAX) {
        size_t middle = from + (to - from) / 2;
        text(w, "(");
        join(w, node, from, middle);
        text(w, ")");
        text(w, word);
        text(w, "(");
        join(w, node, middle, to);
        text(w, ")");
        return;
    }
    for (size_t i = from; i < to; i++) {
        text(w, i > from ? word : "");
        tree(w, node->children[i]);
    }
}

/// Trees are of bounded depth.
static void tree(struct where *w, const struct kql_node *node)
{
    text(w, "(");
    switch (node->kind) {
    case KQL_ALL:
        text(w, "true");
        break;
    case KQL_NOT:
        tree(w, node->children[0]);
        text(w, " IS NOT TRUE");
        break;
    case KQL_AND:
    case KQL_OR:
        if (node->child_count == 0) {
            text(w, node->kind == KQL_AND ? "true" : "false");
        }
        join(w, node, 0, node->child_count);
        break;
    default:
        leaf(w, node);
        break;
    }
    text(w, ")");
}

void sql_where(struct sql *q, const struct kql *kql)
{
    struct where w = { .q = q };
    if (kql == NULL) {
        sql_text(q, "(true)");
        return;
    }
    tree(&w, kql_root(kql));
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
