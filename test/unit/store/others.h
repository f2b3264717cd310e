// SPDX-License-Identifier: Apache-2.0
/* Columns that no field stands for: a mapping with custom ones of each kind, records that have them
 * and columns of lines, and what is asked of them. */
#pragma once

#include "flow/batch.h"
#include "flow/mapping.h"

#include "../unit.h"

/// A custom column of each kind: shown under its name or another, in place of a field, not at all.
static const char OTHERS_MAPPING[] =
    "formatter:\n"
    "  fields: [src_addr, n, ns, text, hex, ip, mac, ether, when, later, "
    "early, own, tcp_flags, icmp_name]\n"
    "  protobuf:\n"
    "    - {name: n, index: 1, type: bytes}\n" // the last one is meant
    "    - {name: n, index: 200, type: varint}\n"
    "    - {name: ns, index: 201, type: varint, array: true}\n"
    "    - {name: text, index: 202, type: string}\n"
    "    - {name: hex, index: 203, type: bytes}\n"
    "    - {name: ip, index: 204, type: bytes, array: true}\n"
    "    - {name: mac, index: 205, type: varint}\n"
    "    - {name: ether, index: 206, type: varint}\n"
    "    - {name: when, index: 207, type: varint}\n"
    "    - {name: later, index: 208, type: varint}\n"
    "    - {name: own, index: 209, type: string, array: true}\n"
    "    - {name: tcp_flags, index: 210, type: varint}\n"
    "    - {name: hidden, index: 211, type: string}\n"
    "    - {name: early, index: 212, type: string}\n" // its name is taken by the next column
    "  render: {text: string, ip: ip, mac: mac, ether: etype, when: "
    "datetime, later: datetimenano,\n"
    "           own: string, hidden: string}\n"
    "  rename: {own: renamed, early: renamed}\n";

static inline struct mapping *others_mapping(const char *text)
{
    struct mapping *mapping;
    struct err err;
    if (mapping_parse(text, strlen(text), "mapping", &mapping, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return mapping;
}

static inline uint32_t others_below(uint64_t *seed, uint32_t n)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed % n);
}

static inline struct span others_draw_text(uint64_t *seed, struct batch *b,
                                           const char *const *texts, uint32_t count)
{
    const char *text = texts[others_below(seed, count)];
    return batch_append(b, text, strlen(text));
}

/// IPv4, IPv6 of both kinds, none, and bytes that are no address.
static inline struct span others_draw_addr(uint64_t *seed, struct batch *b)
{
    uint8_t v4[4] = { 10, (uint8_t)others_below(seed, 2), 0, (uint8_t)others_below(seed, 3) };
    uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)others_below(seed, 3) };
    static const uint8_t MAPPED[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
    switch (others_below(seed, 6)) {
    case 0:
        return batch_append(b, v4, others_below(seed, 4));
    case 1:
        return batch_append(b, MAPPED, sizeof(MAPPED));
    case 2:
    case 3:
        return batch_append(b, v6, sizeof(v6));
    default:
        return batch_append(b, v4, sizeof(v4));
    }
}

static inline struct custom_value others_draw_custom(uint64_t *seed, const struct mapping *mapping,
                                                     struct batch *b)
{
    static const uint64_t NUMBERS[] = { 0,          5,
                                        15,         UINT64_C(0xaabbcc000001),
                                        2048,       34525U,
                                        1767225600, UINT64_C(1767225600000000001),
                                        UINT64_MAX };
    static const char *const TEXTS[] = { "north", "South 1", "", "\x0a\x00", "10", "\x0a\x01" };
    uint32_t column = others_below(seed, (uint32_t)mapping->custom_count);
    column = column == 0 ? 1 : column; // nothing fills what another hides
    struct custom_value value = { .column = column };
    if (mapping->customs[column].type == CUSTOM_VARINT) {
        value.number = NUMBERS[others_below(seed, 9)];
    } else if (mapping->customs[column].renderer == RENDER_IP) {
        value.bytes = others_draw_addr(seed, b);
    } else {
        uint32_t text = others_below(seed, 6);
        size_t size = text == 3 || text == 5 ? 2 : strlen(TEXTS[text]);
        value.bytes = batch_append(b, TEXTS[text], size);
    }
    return value;
}

static inline void others_draw_customs(uint64_t *seed, const struct mapping *mapping,
                                       struct batch *b, struct flow *flow)
{
    enum { CUSTOMS_MAX = 12 };
    struct custom_value values[CUSTOMS_MAX];
    uint32_t count = others_below(seed, CUSTOMS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = others_draw_custom(seed, mapping, b);
    }
    flow->custom = batch_append(b, values, count * sizeof(values[0]));
    flow->custom.count = count;
}

/// Columns of a line: nobody's, some called as a custom column or field is.
static inline void others_draw_extras(uint64_t *seed, struct batch *b, struct flow *flow)
{
    enum { EXTRAS_MAX = 4 };
    static const char *const NAMES[] = { "\"site\"",    "\"other\"", "\"s\\u0069te\"", "\"n\"",
                                         "\"ip\"",      "\"ether\"", "\"hidden\"",     "\"a b\"",
                                         "\"renamed\"", "\"own\"",   "\"hex\"" };
    static const char *const VALUES[] = { "\"north\"",
                                          "[1,\"x y\"]",
                                          "5",
                                          "5.0",
                                          "-3",
                                          "1.5e1",
                                          "true",
                                          "[false,null]",
                                          "\"\"",
                                          "null",
                                          "[]",
                                          "{\"north\":5}",
                                          "[[5],[[7]]]",
                                          "[{\"a\":1},15]",
                                          "\"n\\u006frth\"",
                                          "\"10.0.0.1\"",
                                          "\"2001:DB8::1\"",
                                          "12345678901234567890123",
                                          "\"IPv4\"",
                                          "\"15\"",
                                          "0.05e2",
                                          "[\"6e\", 0 ]" };
    struct extra_value extras[EXTRAS_MAX];
    uint32_t count = others_below(seed, EXTRAS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        extras[i] = (struct extra_value){ .name = others_draw_text(seed, b, NAMES, 11),
                                          .json = others_draw_text(seed, b, VALUES, 22) };
    }
    flow->extras = batch_append(b, extras, count * sizeof(extras[0]));
    flow->extras.count = count;
}

/// Names: custom columns, of which n to tcp_flags are numbers, and others.
static const char *const OTHERS[] = { "goflow2.n",       "goflow2.ns",     "goflow2.tcp_flags",
                                      "goflow2.text",    "goflow2.hex",    "goflow2.ip",
                                      "goflow2.mac",     "goflow2.ether",  "goflow2.when",
                                      "goflow2.later",   "goflow2.own",    "goflow2.renamed",
                                      "goflow2.hidden",  "goflow2.site",   "goflow2.other",
                                      "\"goflow2.a b\"", "goflow2.nothing" };
static const char *const OTHER_VALUES[] = { "*",
                                            "5",
                                            "5.0",
                                            "05",
                                            "-3",
                                            "0",
                                            "15",
                                            "1",
                                            "7",
                                            "18446744073709551615",
                                            "12345678901234567890123",
                                            "north",
                                            "n*",
                                            "NORTH",
                                            "\"South 1\"",
                                            "*6e*",
                                            "6e6f727468",
                                            "0a00",
                                            "0a*",
                                            "true",
                                            "false",
                                            "null",
                                            "\"x y\"",
                                            "10.0.0.1",
                                            "\"10.0.0.0/8\"",
                                            "2001:db8::/32",
                                            "2001:db8::1",
                                            "2001:*",
                                            "\"aa:bb:cc:00:00:01\"",
                                            "aa*",
                                            "IPv4",
                                            "IP*",
                                            "\"2026-01-01T00:00:00Z\"",
                                            "\"2026-01-01T00:00:00.000000001Z\"",
                                            "2026*",
                                            "\"\"" };
static const char *const OTHER_RANGES[] = {
    " > 5",         " >= 5",          " < 5",
    " <= 5.0",      " < 0",           " > 14.9",
    " > 1e1",       " < -2.5",        " > 12345678901234567890122",
    " >= 10.0.0.1", " < 2001:db8::2", " >= 0"
};
enum {
    OTHER_COUNT = sizeof(OTHERS) / sizeof(OTHERS[0]),
    OTHER_VALUE_COUNT = sizeof(OTHER_VALUES) / sizeof(OTHER_VALUES[0]),
    OTHER_RANGE_COUNT = sizeof(OTHER_RANGES) / sizeof(OTHER_RANGES[0]),
};
