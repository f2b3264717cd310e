// SPDX-License-Identifier: Apache-2.0
/*
 * What Elastic's document of one ordinary line costs. Prints nanoseconds of CPU time per line.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "format/elastic.h"

enum { ROUNDS = 300000 };

static const char LINE[] =
    "{\"type\":\"SFLOW_5\",\"time_flow_start_ns\":1700000000123456789,\"sampler_address\":"
    "\"192.0.2.1\",\"sequence_num\":44555,\"in_if\":563,\"out_if\":573,\"src_addr\":\"198.51.100."
    "7\","
    "\"dst_addr\":\"203.0.113.9\",\"etype\":\"IPv4\",\"proto\":\"TCP\",\"src_port\":10876,"
    "\"dst_port\":443,\"src_vlan\":1500,\"dst_vlan\":1500,\"sampling_rate\":1000,\"bytes\":1470}";

#define AGENT                                                                                      \
    "\"@timestamp\":\"2024-07-31T00:01:00.000Z\",\"agent\":{\"ephemeral_id\":"                     \
    "\"d1c8f0f5-0c2f-4f6f-9a59-6e9d7f1f6f10\",\"id\":\"7d2f8c5f-55cb-4b0a-8f0c-2d8d0d4b6b1a\","    \
    "\"name\":\"collector\",\"type\":\"filebeat\",\"version\":\"8.17.0\"},\"data_stream\":{"       \
    "\"dataset\":\"goflow2.sflow\",\"namespace\":\"default\",\"type\":\"logs\"},\"event\":{"       \
    "\"dataset\":\"goflow2.sflow\",\"timezone\":\"+00:00\"},\"input\":{\"type\":\"filestream\"},"  \
    "\"log\":{\"file\":{\"path\":\"/var/log/sflow/goflow2/goflow2.log\"},\"offset\":123456}"

static void measure(const char *name, const char *event, const char *geo, const char *as)
{
    struct elastic *elastic;
    struct buf out;
    struct timespec begin;
    struct timespec end;
    const struct elastic_json place = { .data = (const uint8_t *)geo, .size = strlen(geo) };
    const struct elastic_json owner = { .data = (const uint8_t *)as, .size = strlen(as) };
    const struct elastic_input in = { .line = (const uint8_t *)LINE,
                                      .size = sizeof(LINE) - 1,
                                      .event = { (const uint8_t *)event, strlen(event) },
                                      .src_geo = place,
                                      .dst_geo = place,
                                      .src_as = owner,
                                      .dst_as = owner,
                                      .ecs_version = "8.17.0" };
    CHECK(elastic_new(&elastic) == 0);
    buf_init(&out, 1 << 20);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin); // cannot fail for this clock
    for (int i = 0; i < ROUNDS; i++) {
        buf_clear(&out);
        (void)elastic_append(elastic, &in, &out); // an ordinary line
    }
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end); // cannot fail for this clock
    double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
    printf("  %-28s %7.0f ns per line, %4zu bytes\n", name, ns / ROUNDS, out.size);
    buf_release(&out);
    elastic_free(elastic);
}

int main(void)
{
    measure("bare", "{}", "", "");
    measure("agent", "{" AGENT ",\"tags\":[\"forwarded\",\"sflow\"]}", "", "");
    measure("agent, original", "{" AGENT ",\"tags\":[\"preserve_original_event\"]}", "", "");
    measure("agent, places", "{" AGENT ",\"tags\":[\"forwarded\",\"sflow\"]}",
            "{\"continent_name\":\"Europe\",\"country_iso_code\":\"NL\",\"location\":{\"lat\":52.4,"
            "\"lon\":4.9}}",
            "{\"number\":64500,\"organization\":{\"name\":\"EXAMPLE\"}}");
    return 0;
}
