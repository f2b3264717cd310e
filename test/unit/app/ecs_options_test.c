// SPDX-License-Identifier: Apache-2.0
#include "app/ecs_options.h"

#include "../unit.h"

#include <stdlib.h>
#include <unistd.h>

static struct settings settings(void)
{
    return (struct settings){ .ecs_profile = "weir",
                              .ecs_version = "8.11.0",
                              .ecs_tags = "sflow,forwarded",
                              .ecs_namespace = "default",
                              .ecs_dataset = "",
                              .ecs_timezone = "local",
                              .ecs_fields = "" };
}

static void accepted(struct settings s)
{
    struct ecs_options o;
    struct err err = { 0 };
    if (ecs_options_read(&o, &s, &err) != 0) {
        fail_msg("%s", err.text);
    }
    ecs_options_release(&o);
}

static void refused(struct settings s, const char *message)
{
    struct ecs_options o;
    struct err err = { 0 };
    assert_int_equal(ecs_options_read(&o, &s, &err), ERR_INVALID);
    assert_string_equal(err.text, message);
    ecs_options_release(&o);
}

static void defaults(void **state)
{
    (void)state;
    struct ecs_options o;
    struct err err;
    struct settings s = settings();
    assert_int_equal(ecs_options_read(&o, &s, &err), 0);
    assert_int_equal(o.ecs.profile, ECS_PROFILE_WEIR);
    assert_string_equal(o.ecs.timezone, ECS_TIMEZONE_LOCAL);
    assert_string_equal(o.ecs.fields, "");
    assert_false(o.ecs.preserve_original);
    assert_true(strlen(o.ecs.agent_name) > 0);
    ecs_options_release(&o);
    s.ecs_profile = "elastic";
    s.ecs_tags = "a,preserve_original_event";
    assert_int_equal(ecs_options_read(&o, &s, &err), 0);
    assert_int_equal(o.ecs.profile, ECS_PROFILE_ELASTIC);
    assert_true(o.ecs.preserve_original); // the tag asks for it too
    ecs_options_release(&o);
}

static void zones(void **state)
{
    (void)state;
    static const char *const GOOD[] = { "off", "local", "+00:00", "-03:30", "+18:59" };
    static const char *const BAD[] = { "",       "UTC",     "+19:00", "+1:00", "01:00",
                                       "+01:60", "+01:000", "+0 :00", "+01.00" };
    struct settings s = settings();
    for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
        s.ecs_timezone = GOOD[i];
        accepted(s);
    }
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        char message[200];
        (void)snprintf(message, sizeof(message),
                       "-ecs.timezone \"%s\": expected off, local, or an offset such as +01:00",
                       BAD[i]);
        s.ecs_timezone = BAD[i];
        refused(s, message);
    }
}

static void names(void **state)
{
    (void)state;
    static const char *const BAD[] = { "A", "a b", "a/b", "a:b", "a*", "\xc3\xa9", "a,b" };
    struct settings s = settings();
    char text[102];
    memset(text, 'a', sizeof(text));
    text[100] = '\0';
    s.ecs_dataset = text;
    accepted(s);
    text[100] = 'a';
    text[101] = '\0';
    refused(s,
            "-ecs.dataset \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\": up to "
            "100 small letters, digits, dots and underscores");
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        char message[200];
        (void)snprintf(message, sizeof(message),
                       "-ecs.namespace \"%s\": up to 100 small letters, digits, dots and "
                       "underscores, hyphens",
                       BAD[i]);
        s = settings();
        s.ecs_namespace = BAD[i];
        refused(s, message);
    }
    s = settings();
    s.ecs_namespace = "site-1";
    s.ecs_dataset = "my.flows_2";
    accepted(s);
    s.ecs_dataset = "my-flows";
    refused(s, "-ecs.dataset \"my-flows\": up to 100 small letters, digits, dots and underscores");
    s = settings();
    s.ecs_namespace = "";
    refused(s, "-ecs.namespace is empty");
    s = settings();
    s.ecs_version = "";
    refused(s, "-ecs.version is empty");
    s = settings();
    s.ecs_profile = "Weir";
    refused(s, "-ecs.profile \"Weir\": weir or elastic");
}

// --- Constant fields -----------------------------------------------------------------------------

/// Reads `text` as the file of constant fields; `expected` is the JSON, or the message.
static void fields(const char *text, int status, const char *expected)
{
    char path[] = "/tmp/weir-fields-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    struct ecs_options o;
    struct err err = { 0 };
    struct settings s = settings();
    s.ecs_fields = path;
    int got = ecs_options_read(&o, &s, &err);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(got, status);
    if (status == 0) {
        assert_string_equal(o.ecs.fields, expected);
    } else {
        assert_memory_equal(err.text, path, strlen(path));
        assert_string_equal(err.text + strlen(path), expected);
    }
    ecs_options_release(&o);
}

static void constants(void **state)
{
    (void)state;
    fields("labels: {site: A, n: 5, f: 1.5e3, t: true, no: null, s: '5', v: 01, y: yes}\n", 0,
           "{\"labels\":{\"site\":\"A\",\"n\":5,\"f\":1.5e3,\"t\":true,\"no\":null,\"s\":\"5\","
           "\"v\":\"01\",\"y\":\"yes\"}}");
    fields("{\"labels\": {\"q\": \"a\\\"b\", \"list\": [1, \"x\", {\"k\": []}]}}", 0,
           "{\"labels\":{\"q\":\"a\\\"b\",\"list\":[1,\"x\",{\"k\":[]}]}}");
    fields("event: {module: goflow2}\nobserver:\n  vendor: Acme\nhost: {name: h}\n", 0,
           "{\"event\":{\"module\":\"goflow2\"},\"observer\":{\"vendor\":\"Acme\"},\"host\":"
           "{\"name\":\"h\"}}");
    // Only names at the top and below it are weir's.
    fields("labels: {event: {kind: x}}\n", 0, "{\"labels\":{\"event\":{\"kind\":\"x\"}}}");
}

static void bad_constants(void **state)
{
    (void)state;
    fields("a: 1\nevent:\n  module: m\n  kind: x\n", ERR_INVALID,
           ":4:3: -ecs.fields: event.kind is set by weir");
    fields("a: 1\n\nsource: {x: 1}\n", ERR_INVALID, ":3:1: -ecs.fields: source is set by weir");
    fields("observer: here\n", ERR_INVALID, ":1:1: -ecs.fields: observer is set by weir");
    fields("labels:\n  a.b: 1\n", ERR_INVALID,
           ":2:3: -ecs.fields: a name without dots was expected; labels.site is written labels: "
           "{site: ...}");
    fields("a: 1\na: 2\n", ERR_INVALID, ":2:1: key \"a\" stands here twice");
    fields("- a\n", ERR_INVALID, ":1:1: -ecs.fields: expected names and values");
    fields("a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: {a: 1"
           "}}}}}}}}}}}}}}}}}}}\n",
           ERR_INVALID, ":1:80: -ecs.fields: nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),  cmocka_unit_test(zones),         cmocka_unit_test(names),
        cmocka_unit_test(constants), cmocka_unit_test(bad_constants),
    };
    return UNIT_MAIN("app/ecs_options", tests);
}
