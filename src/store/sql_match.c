// SPDX-License-Identifier: Apache-2.0
/* A leaf travels as hexadecimal digits of a struct and its text: DuckDB wants texts to be UTF-8. */
#include "store/sql_match.h"

#include <ctype.h>
#include <string.h>

#include "base/num.h"
#include "query/query_json.h"
#include "store/rest.h"

enum {
    PACKED_ADDR_SIZE = 17,
    HEX = 16,
    ROOM_SIZE = SQL_PATTERN_SIZE + 2 * (QUERY_OTHER_NAME_MAX + 1),
};

/// What of a leaf says what is looked for. Behind it stands its text, and of QUERY_OTHER the two
/// names, each with a NUL.
struct packed {
    enum kql_kind kind;
    enum query_field field;
    enum query_type type;
    bool folded;
    bool above;
    bool exclusive;
    uint64_t number;
    uint64_t low;
    uint64_t high;
    struct addr addr;
    struct addr low_addr;
    struct addr high_addr;
    struct cidr cidr;
    size_t size;      ///< of the text
    size_t name_size; ///< of other.name, without its NUL
    bool has_custom;
    struct query_other other; ///< without its names
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

static void pack_other(const struct query_other *o, struct packed *p)
{
    p->name_size = strlen(o->name);
    p->has_custom = o->custom != NULL;
    p->other.type = o->type;
    p->other.array = o->array;
    p->other.renderer = o->renderer;
    p->other.numbers_known = o->numbers_known;
    p->other.bytes_known = o->bytes_known;
}

void sql_match_pack(const struct kql_node *leaf, struct buf *out)
{
    struct packed p;
    memset(&p, 0, sizeof(p)); // its gaps too
    p.kind = leaf->kind;
    p.field = leaf->field;
    p.folded = leaf->folded;
    p.above = leaf->above;
    p.exclusive = leaf->exclusive;
    p.low = leaf->low;
    p.high = leaf->high;
    p.low_addr = leaf->low_addr;
    p.high_addr = leaf->high_addr;
    p.cidr = leaf->cidr;
    const char *text = leaf->text;
    p.size = leaf->size;
    if (leaf->kind == KQL_EQUAL) {
        p.type = leaf->value.type;
        p.number = leaf->value.number;
        p.addr = leaf->value.addr;
        text = leaf->value.text;
        p.size = leaf->value.size;
    }
    p.size = text == NULL ? 0 : p.size;
    if (leaf->field == QUERY_OTHER) {
        pack_other(&leaf->other, &p);
    }
    put_hex(out, &p, sizeof(p));
    put_hex(out, text, p.size);
    if (leaf->field == QUERY_OTHER) {
        const char *custom = p.has_custom ? leaf->other.custom : "";
        put_hex(out, leaf->other.name, p.name_size + 1);
        put_hex(out, custom, strlen(custom) + 1);
    }
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

/// The names behind the text, of `size` bytes with it. False: there are none.
static bool unpack_other(const struct packed *p, const uint8_t *texts, size_t size,
                         struct query_other *ret_other)
{
    const uint8_t *name = texts + p->size;
    if (p->size > size || p->name_size > QUERY_OTHER_NAME_MAX ||
        p->name_size + 2 > size - p->size || name[p->name_size] != '\0' ||
        texts[size - 1] != '\0') {
        return false;
    }
    *ret_other = p->other;
    ret_other->name = (const char *)name;
    ret_other->custom = p->has_custom ? (const char *)name + p->name_size + 1 : NULL;
    return true;
}

/// The leaf that was packed; its texts go into `room`. False: it is none.
static bool unpack(struct duck_text packed, uint8_t room[static ROOM_SIZE],
                   struct kql_node *ret_leaf)
{
    struct packed p;
    struct query_other other = { 0 };
    if (packed.size < 2 * sizeof(p) || packed.size > 2 * (sizeof(p) + ROOM_SIZE)) {
        return false;
    }
    get_hex(packed.data, 2 * sizeof(p), (uint8_t *)&p);
    size_t size = packed.size / 2 - sizeof(p);
    get_hex(packed.data + 2 * sizeof(p), 2 * size, room);
    if (p.size > size || (p.field == QUERY_OTHER && !unpack_other(&p, room, size, &other))) {
        return false;
    }
    *ret_leaf = (struct kql_node){ .kind = p.kind,
                                   .field = p.field,
                                   .other = other,
                                   .folded = p.folded,
                                   .above = p.above,
                                   .exclusive = p.exclusive,
                                   .low = p.low,
                                   .high = p.high,
                                   .low_addr = p.low_addr,
                                   .high_addr = p.high_addr,
                                   .cidr = p.cidr,
                                   .text = (const char *)room,
                                   .size = p.size,
                                   .value = { .type = p.type,
                                              .number = p.number,
                                              .addr = p.addr,
                                              .text = (const char *)room,
                                              .size = p.size } };
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
    static const char STORED[] = "stored ";
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

// --- Columns that no field stands for ------------------------------------------------------------

static bool is_called(const struct rest_entry *e, const char *name)
{
    return name != NULL && e->name_size == strlen(name) && memcmp(e->name, name, e->name_size) == 0;
}

static bool match_custom(struct kql_node *leaf, const struct rest_entry *e)
{
    return e->tag == REST_CUSTOM_NUMBER
               ? query_other_tell_number(&leaf->other, rest_number(e), look, leaf)
               : query_other_tell_bytes(&leaf->other, e->value, e->value_size, look, leaf);
}

/// What a mapping has left that had a column of this name: shown as a number or digits.
static bool match_left(const struct kql_node *leaf, const struct rest_entry *e)
{
    struct kql_node plain = *leaf;
    plain.other.renderer = RENDER_NONE;
    plain.other.type = e->tag == REST_CUSTOM_NUMBER ? CUSTOM_VARINT : CUSTOM_BYTES;
    return match_custom(&plain, e);
}

/// As query_other_values(), of a record that restore.h makes of it: of a custom column that is no
/// array the last value counts.
static bool match_other(struct kql_node *leaf, struct duck_text rest)
{
    const struct query_other *o = &leaf->other;
    struct rest_reader reader;
    struct rest_entry e;
    struct rest_entry last;
    bool has_last = false;
    bool found = false;
    rest_read(&reader, rest.data, rest.size);
    while (!found && rest_next(&reader, &e)) {
        bool is_number = e.tag == REST_CUSTOM_NUMBER;
        if (e.tag == REST_EXTRA) {
            found = query_other_tell_extra(o, (const uint8_t *)e.name, e.name_size, e.value,
                                           e.value_size, look, leaf);
        } else if (!is_number && e.tag != REST_CUSTOM_BYTES) {
            continue;
        } else if (is_called(&e, o->custom) && is_number == (o->type == CUSTOM_VARINT)) {
            found = o->array && match_custom(leaf, &e);
            last = e;
            has_last = true;
        } else if (is_called(&e, o->name) && !(is_number ? o->numbers_known : o->bytes_known)) {
            found = match_left(leaf, &e);
        }
    }
    return found || (has_last && match_custom(leaf, &last));
}

static bool match_rest(struct kql_node *leaf, struct duck_text rest, const char *what)
{
    struct rest_reader reader;
    struct rest_entry e;
    bool found = false;
    if (strcmp(what, "other") == 0) {
        return match_other(leaf, rest);
    }
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
    uint8_t room[ROOM_SIZE];
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
