// SPDX-License-Identifier: Apache-2.0
/* A leaf travels as hexadecimal digits of a struct and its text: DuckDB wants texts to be UTF-8. */
#include "store/sql_match.h"

#include <ctype.h>
#include <string.h>

#include "base/num.h"
#include "query/query_json.h"
#include "store/rest.h"

enum { PACKED_ADDR_SIZE = 17, HEX = 16 };

/// What of a leaf says what is looked for.
struct packed {
    enum kql_kind kind;
    enum query_type type;
    bool folded;
    uint64_t number;
    uint64_t low;
    uint64_t high;
    struct addr addr;
    struct addr low_addr;
    struct addr high_addr;
    struct cidr cidr;
};

static void put_hex(struct buf *out, const void *bytes, size_t size)
{
    static const char DIGITS[] = "0123456789abcdef";
    const uint8_t *b = bytes;
    for (size_t i = 0; i < size; i++) {
        buf_append_char(out, DIGITS[b[i] >> 4]);
        buf_append_char(out, DIGITS[b[i] & 0xf]);
    }
}

void sql_match_pack(const struct kql_node *leaf, struct buf *out)
{
    struct packed p;
    memset(&p, 0, sizeof(p)); // its gaps too
    p.kind = leaf->kind;
    p.folded = leaf->folded;
    p.low = leaf->low;
    p.high = leaf->high;
    p.low_addr = leaf->low_addr;
    p.high_addr = leaf->high_addr;
    p.cidr = leaf->cidr;
    const char *text = leaf->text;
    size_t size = leaf->size;
    if (leaf->kind == KQL_EQUAL) {
        p.type = leaf->value.type;
        p.number = leaf->value.number;
        p.addr = leaf->value.addr;
        text = leaf->value.text;
        size = leaf->value.size;
    }
    put_hex(out, &p, sizeof(p));
    put_hex(out, text, text == NULL ? 0 : size);
}

static void get_hex(const char *text, size_t size, uint8_t *ret_bytes)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        int high = num_hex_digit((uint8_t)text[i]);
        int low = num_hex_digit((uint8_t)text[i + 1]);
        unsigned byte = (unsigned)high << 4 | (unsigned)low;
        ret_bytes[i / 2] = high < 0 || low < 0 ? 0 : (uint8_t)(byte & 0xff);
    }
}

/// The leaf that was packed; its text goes into `room`. False: it is none.
static bool unpack(struct duck_text packed, uint8_t room[static SQL_PATTERN_SIZE],
                   struct kql_node *ret_leaf)
{
    struct packed p;
    if (packed.size < 2 * sizeof(p) || packed.size > 2 * sizeof(p) + 2 * (size_t)SQL_PATTERN_SIZE) {
        return false;
    }
    get_hex(packed.data, 2 * sizeof(p), (uint8_t *)&p);
    size_t size = packed.size / 2 - sizeof(p);
    get_hex(packed.data + 2 * sizeof(p), 2 * size, room);
    *ret_leaf = (struct kql_node){ .kind = p.kind,
                                   .folded = p.folded,
                                   .low = p.low,
                                   .high = p.high,
                                   .low_addr = p.low_addr,
                                   .high_addr = p.high_addr,
                                   .cidr = p.cidr,
                                   .text = (const char *)room,
                                   .size = size,
                                   .value = { .type = p.type,
                                              .number = p.number,
                                              .addr = p.addr,
                                              .text = (const char *)room,
                                              .size = size } };
    return true;
}

// --- Values --------------------------------------------------------------------------------------

static bool is_text(const struct kql_node *leaf, const char *text, size_t size)
{
    const struct query_value v = { .type = QUERY_TYPE_KEYWORD, .text = text, .size = size };
    return kql_value_matches(leaf, &v);
}

static bool is_number(const struct kql_node *leaf, uint64_t number)
{
    const struct query_value v = { .type = QUERY_TYPE_NUMBER, .number = number };
    return kql_value_matches(leaf, &v);
}

static bool is_addr(const struct kql_node *leaf, const struct addr *addr)
{
    if (addr->size != ADDR_V4_SIZE && addr->size != ADDR_V6_SIZE) {
        return false;
    }
    const struct query_value v = { .type = QUERY_TYPE_IP, .addr = addr_unmap(addr) };
    return kql_value_matches(leaf, &v);
}

static bool match_mac(const struct kql_node *leaf, struct duck_text digits)
{
    char text[QUERY_MAC_SIZE];
    uint64_t mac = 0;
    for (size_t i = 0; i < digits.size; i++) {
        mac = mac * HEX + (uint64_t)num_hex_digit((uint8_t)digits.data[i]);
    }
    return mac != 0 && is_text(leaf, text, query_mac_text(mac, text));
}

static bool match_addr(const struct kql_node *leaf, struct duck_text digits)
{
    struct addr a = { .size = ADDR_V6_SIZE };
    if (digits.size != 2 * ADDR_V6_SIZE) {
        return false;
    }
    get_hex(digits.data, digits.size, a.bytes);
    return is_addr(leaf, &a);
}

/// "DIGITS/PREFIX", or "/PREFIX" where there is no address.
static bool match_network(const struct kql_node *leaf, struct duck_text network)
{
    char room[QUERY_NETWORK_SIZE];
    struct addr a = { 0 };
    uint64_t prefix = 0;
    const char *slash = memchr(network.data, '/', network.size);
    size_t digits = slash == NULL ? 0 : (size_t)(slash - network.data);
    if (slash == NULL ||
        num_get_u64(slash + 1, network.size - digits - 1, UINT32_MAX, &prefix) != 0) {
        return false;
    }
    if (digits == 2 * ADDR_V6_SIZE) {
        a.size = ADDR_V6_SIZE;
        get_hex(network.data, digits, a.bytes);
        a = addr_unmap(&a);
    }
    size_t size = query_network_text(&a, (uint32_t)prefix, room);
    return size > 0 && is_text(leaf, room, size);
}

static bool match_member(const struct kql_node *leaf, struct duck_text json, const char *path)
{
    char room[QUERY_TEXT_ROOM];
    struct query_text text;
    return query_json_text((const uint8_t *)json.data, json.size, path, room, sizeof(room),
                           &text) &&
           is_text(leaf, text.data, text.size);
}

static bool match_u32s(const struct kql_node *leaf, struct duck_text list, bool layers)
{
    for (size_t at = 0; at + sizeof(uint32_t) <= list.size; at += sizeof(uint32_t)) {
        uint32_t number;
        uint8_t digits[NUM_U32_SIZE_MAX];
        memcpy(&number, list.data + at, sizeof(number));
        const char *name = layers ? layer_text(number) : NULL;
        size_t size = (size_t)(num_put_u32(digits, number) - digits);
        bool found = !layers        ? is_number(leaf, number)
                     : name != NULL ? is_text(leaf, name, strlen(name))
                                    : is_text(leaf, (const char *)digits, size);
        if (found) {
            return true;
        }
    }
    return false;
}

static bool match_addrs(const struct kql_node *leaf, struct duck_text list)
{
    for (size_t at = 0; at + PACKED_ADDR_SIZE <= list.size; at += PACKED_ADDR_SIZE) {
        struct addr a = { .size = (uint8_t)list.data[at] };
        memcpy(a.bytes, list.data + at + 1, sizeof(a.bytes));
        if (is_addr(leaf, &a)) {
            return true;
        }
    }
    return false;
}

// --- What has no column --------------------------------------------------------------------------

static bool look(void *context, const struct query_value *value)
{
    return kql_value_matches(context, value);
}

static bool match_extra(struct kql_node *leaf, const struct rest_entry *e, const char *name)
{
    char room[QUERY_TEXT_ROOM];
    struct query_text text;
    return e->tag == REST_EXTRA &&
           query_json_string((const uint8_t *)e->name, e->name_size, room, sizeof(room), &text) &&
           text.size == strlen(name) && memcmp(text.data, name, text.size) == 0 &&
           query_json_values(e->value, e->value_size, look, leaf);
}

static bool match_lower(const struct kql_node *leaf, const struct rest_entry *e)
{
    char lower[QUERY_TEXT_ROOM];
    size_t size = e->value_size < sizeof(lower) ? e->value_size : sizeof(lower);
    for (size_t i = 0; i < size; i++) {
        lower[i] = (char)(e->value[i] < 0x80 ? tolower(e->value[i]) : e->value[i]);
    }
    return is_text(leaf, lower, size);
}

/// What a BLOB holds that is no `rest`.
static bool match_value(const struct kql_node *leaf, struct duck_text value, const char *what)
{
    static const char MEMBER[] = "member ";
    if (strcmp(what, "text") == 0) {
        return is_text(leaf, value.data, value.size);
    }
    if (strcmp(what, "mac") == 0) {
        return match_mac(leaf, value);
    }
    if (strcmp(what, "addr") == 0) {
        return match_addr(leaf, value);
    }
    if (strcmp(what, "network") == 0) {
        return match_network(leaf, value);
    }
    if (strncmp(what, MEMBER, strlen(MEMBER)) == 0) {
        return match_member(leaf, value, what + strlen(MEMBER));
    }
    if (strcmp(what, "u32s") == 0 || strcmp(what, "layers") == 0) {
        return match_u32s(leaf, value, what[0] == 'l');
    }
    return strcmp(what, "addrs") == 0 && match_addrs(leaf, value);
}

/// A text or list that has no number; `what` is its column and then what it is.
static bool match_stored(const struct kql_node *leaf, const struct rest_entry *e, const char *what)
{
    size_t size = strcspn(what, " ");
    const struct duck_text value = { (const char *)e->value, e->value_size };
    return (e->tag == REST_TEXT || e->tag == REST_FIELD) && e->name_size == size &&
           memcmp(e->name, what, size) == 0 && what[size] == ' ' &&
           match_value(leaf, value, what + size + 1);
}

/// Which entry of `rest` is a name without a number.
static enum rest_tag tag_of(const char *what)
{
    return strcmp(what, "proto") == 0   ? REST_PROTO_TEXT
           : strcmp(what, "etype") == 0 ? REST_ETYPE_TEXT
           : strcmp(what, "type") == 0  ? REST_TYPE_TEXT
                                        : REST_BODY;
}

static bool match_entry(struct kql_node *leaf, const struct rest_entry *e, const char *what)
{
    static const char EXTRA[] = "extra ";
    static const char STORED[] = "stored ";
    if (strncmp(what, EXTRA, strlen(EXTRA)) == 0) {
        return match_extra(leaf, e, what + strlen(EXTRA));
    }
    if (strncmp(what, STORED, strlen(STORED)) == 0) {
        return match_stored(leaf, e, what + strlen(STORED));
    }
    enum rest_tag tag = tag_of(what);
    if (e->tag != tag) {
        return false;
    }
    return tag == REST_PROTO_TEXT || tag == REST_ETYPE_TEXT
               ? match_lower(leaf, e)
               : is_text(leaf, (const char *)e->value, e->value_size);
}

static bool match_rest(struct kql_node *leaf, struct duck_text rest, const char *what)
{
    struct rest_reader reader;
    struct rest_entry e;
    bool found = false;
    rest_read(&reader, rest.data, rest.size);
    while (!found && rest_next(&reader, &e)) {
        found = match_entry(leaf, &e, what);
    }
    return found;
}

// --- The function --------------------------------------------------------------------------------

/// A duck_match_fn.
static bool kql_leaf(const struct duck_text *args, size_t count)
{
    static const char REST[] = "rest ";
    char what[SQL_WHAT_SIZE];
    uint8_t room[SQL_PATTERN_SIZE];
    struct kql_node leaf;
    if (count != 3 || args[1].size >= sizeof(what) || !unpack(args[2], room, &leaf)) {
        return false;
    }
    memcpy(what, args[1].data, args[1].size);
    what[args[1].size] = '\0';
    return strncmp(what, REST, strlen(REST)) == 0 ? match_rest(&leaf, args[0], what + strlen(REST))
                                                  : match_value(&leaf, args[0], what);
}

int sql_match_add(struct duck_conn *c, struct err *err)
{
    return duck_add_match(c, "kql_leaf", 3, kql_leaf, err);
}
