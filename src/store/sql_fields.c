// SPDX-License-Identifier: Apache-2.0
/* How fields stand in the columns of `records`, for grouping; conditions are in sql_where.c. */
#include <stdio.h>
#include <string.h>

#include "store/schema.h"
#include "store/sql.h"

/// A member of ECS geo, by the id of its object: bytes, as every key that is a text.
#define GEO(side, member)                                                                          \
    "(SELECT encode(json_extract_string(decode(t.value), '$." member "')) FROM texts t WHERE "     \
    "t.id = " side "_geo)"
#define FILE_PATH "(SELECT encode(f.path) FROM files f WHERE f.id = file)"

struct entry {
    enum query_field field;
    struct sql_field sql;
};

static const struct entry ENTRIES[] = {
    { QUERY_SOURCE_IP, { SQL_ADDR, { "src_addr_hi", "src_addr_lo" }, "src_addr_hi,src_addr_lo" } },
    { QUERY_DESTINATION_IP,
      { SQL_ADDR, { "dst_addr_hi", "dst_addr_lo" }, "dst_addr_hi,dst_addr_lo" } },
    { QUERY_OBSERVER_IP,
      { SQL_ADDR,
        { "sampler_address_hi", "sampler_address_lo" },
        "sampler_address_hi,sampler_address_lo" } },
    { QUERY_SOURCE_PORT, { SQL_NUMBER, { "src_port", NULL }, "src_port" } },
    { QUERY_DESTINATION_PORT, { SQL_NUMBER, { "dst_port", NULL }, "dst_port" } },
    { QUERY_SERVER_PORT, { SQL_NUMBER, { "server_port", NULL }, "server_port" } },
    { QUERY_SOURCE_MAC, { SQL_MAC, { "nullif(src_mac, 0)", NULL }, "src_mac" } },
    { QUERY_DESTINATION_MAC, { SQL_MAC, { "nullif(dst_mac, 0)", NULL }, "dst_mac" } },
    { QUERY_SOURCE_AS_NUMBER, { SQL_NUMBER, { "src_asn", NULL }, "src_asn" } },
    { QUERY_DESTINATION_AS_NUMBER, { SQL_NUMBER, { "dst_asn", NULL }, "dst_asn" } },
    { QUERY_SOURCE_AS_ORG, { SQL_AS_ID, { "src_as_org", NULL }, "src_as_org" } },
    { QUERY_DESTINATION_AS_ORG, { SQL_AS_ID, { "dst_as_org", NULL }, "dst_as_org" } },
    { QUERY_SOURCE_COUNTRY, { SQL_COUNTRY, { "src_country", NULL }, "src_country" } },
    { QUERY_DESTINATION_COUNTRY, { SQL_COUNTRY, { "dst_country", NULL }, "dst_country" } },
    { QUERY_SOURCE_COUNTRY_NAME, { SQL_BYTES, { GEO("src", "country_name"), NULL }, "src_geo" } },
    { QUERY_DESTINATION_COUNTRY_NAME,
      { SQL_BYTES, { GEO("dst", "country_name"), NULL }, "dst_geo" } },
    { QUERY_SOURCE_CONTINENT, { SQL_BYTES, { GEO("src", "continent_name"), NULL }, "src_geo" } },
    { QUERY_DESTINATION_CONTINENT,
      { SQL_BYTES, { GEO("dst", "continent_name"), NULL }, "dst_geo" } },
    { QUERY_SOURCE_REGION, { SQL_BYTES, { GEO("src", "region_name"), NULL }, "src_geo" } },
    { QUERY_DESTINATION_REGION, { SQL_BYTES, { GEO("dst", "region_name"), NULL }, "dst_geo" } },
    { QUERY_SOURCE_REGION_CODE, { SQL_BYTES, { GEO("src", "region_iso_code"), NULL }, "src_geo" } },
    { QUERY_DESTINATION_REGION_CODE,
      { SQL_BYTES, { GEO("dst", "region_iso_code"), NULL }, "dst_geo" } },
    { QUERY_SOURCE_CITY, { SQL_BYTES, { GEO("src", "city_name"), NULL }, "src_geo" } },
    { QUERY_DESTINATION_CITY, { SQL_BYTES, { GEO("dst", "city_name"), NULL }, "dst_geo" } },
    { QUERY_SOURCE_NETWORK, { SQL_TEXT_ID, { "src_network", NULL }, "src_network" } },
    { QUERY_DESTINATION_NETWORK, { SQL_TEXT_ID, { "dst_network", NULL }, "dst_network" } },
    { QUERY_NETWORK_TYPE, { SQL_ETYPE, { "etype", NULL }, "etype" } },
    { QUERY_TRANSPORT, { SQL_PROTO, { "proto", NULL }, "proto" } },
    { QUERY_IANA_NUMBER, { SQL_NUMBER, { "proto", NULL }, "proto" } },
    { QUERY_APPLICATION, { SQL_APPLICATION, { "proto", "server_port" }, "proto,server_port" } },
    { QUERY_VLAN, { SQL_NUMBER, { "nullif(vlan_id, 0)", NULL }, "vlan_id" } },
    { QUERY_OBSERVER_NAME, { SQL_TEXT_ID, { "exporter_name", NULL }, "exporter_name" } },
    { QUERY_INGRESS_ID, { SQL_NUMBER, { "in_if", NULL }, "in_if" } },
    { QUERY_EGRESS_ID, { SQL_NUMBER, { "out_if", NULL }, "out_if" } },
    { QUERY_INGRESS_NAME, { SQL_TEXT_ID, { "in_if_name", NULL }, "in_if_name" } },
    { QUERY_EGRESS_NAME, { SQL_TEXT_ID, { "out_if_name", NULL }, "out_if_name" } },
    { QUERY_INGRESS_ALIAS, { SQL_TEXT_ID, { "in_if_alias", NULL }, "in_if_alias" } },
    { QUERY_EGRESS_ALIAS, { SQL_TEXT_ID, { "out_if_alias", NULL }, "out_if_alias" } },
    { QUERY_INGRESS_VLAN, { SQL_NUMBER, { "src_vlan", NULL }, "src_vlan" } },
    { QUERY_EGRESS_VLAN, { SQL_NUMBER, { "dst_vlan", NULL }, "dst_vlan" } },
    { QUERY_EVENT_ACTION, { SQL_TYPE, { "type", NULL }, "type" } },
    { QUERY_SAMPLE_RATE, { SQL_NUMBER, { "nullif(sampling_rate, 0)", NULL }, "sampling_rate" } },
    { QUERY_LOG_PATH, { SQL_BYTES, { FILE_PATH, NULL }, "file" } },
};

/// A column of goflow2 by its own name.
static bool column_field(enum field field, struct sql_field *ret_field)
{
    static const struct sql_field COLUMNS[FIELD_COUNT] = {
#define FIELD(name, member, kind, json, go, number, renderer, label)                               \
    [FIELD_##name] = { SQL_NUMBER, { json, NULL }, json },
#include "flow/fields.def"
#undef FIELD
    };
    bool is_number = FIELDS[field].kind == FIELD_KIND_U32 || FIELDS[field].kind == FIELD_KIND_TYPE;
    bool is_network = FIELDS[field].renderer == RENDER_NETWORK;
    *ret_field = COLUMNS[field];
    return is_number && !is_network;
}

bool sql_field(enum query_field field, struct sql_field *ret_field)
{
    for (size_t i = 0; i < sizeof(ENTRIES) / sizeof(ENTRIES[0]); i++) {
        if (ENTRIES[i].field == field) {
            *ret_field = ENTRIES[i].sql;
            return true;
        }
    }
    return field >= QUERY_FIELD_COUNT && field < QUERY_OTHER &&
           column_field((enum field)(field - QUERY_FIELD_COUNT), ret_field);
}
