// SPDX-License-Identifier: Apache-2.0
/* Replies as servers give them, cut at every length and with every byte changed; what is said about
 * each document, and in which words. */
#include "transport/bulk.h"

#include "../unit.h"
#include "base/mem.h"
#include "base/status.h"

enum { ITEMS_MAX = 8 };

static int read_reply(const char *text, size_t size, struct bulk_item *items, size_t count)
{
    uint8_t *exact = mem_zalloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, text, size);
    int status = bulk_reply_read(exact, size, items, count);
    for (size_t i = 0; i < count; i++) { // what points into the reply goes with it
        items[i].error = NULL;
        items[i].index = NULL;
    }
    mem_free(exact);
    return status;
}

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        enum bulk_verdict verdict;
    } ROWS[] = { { 200, BULK_DELIVERED }, { 201, BULK_DELIVERED }, { 409, BULK_DUPLICATE },
                 { 429, BULK_LATER },     { 503, BULK_LATER },     { 500, BULK_LATER },
                 { 403, BULK_FORBIDDEN }, { 401, BULK_FORBIDDEN }, { 400, BULK_REFUSED },
                 { 404, BULK_REFUSED },   { 413, BULK_REFUSED },   { 408, BULK_LATER } };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char text[128];
        struct bulk_item item;
        int size = snprintf(text, sizeof(text), "{\"items\":[{\"create\":{\"status\":%u}}]}",
                            ROWS[i].status);
        assert_int_equal(read_reply(text, (size_t)size, &item, 1), 0);
        assert_int_equal(item.status, ROWS[i].status);
        assert_int_equal(item.verdict, ROWS[i].verdict);
    }
}

static const char WHOLE[] =
    "{\"took\":3,\"errors\":true,\"items\":["
    "{\"create\":{\"_index\":\".ds-logs-x-2026.01.31-000001\",\"_id\":\"a\",\"status\":201}},"
    "{\"index\":{\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\"}}},"
    "{\"create\":{\"status\":201,\"failure_store\":\"used\"}},"
    " {\"create\":{\"status\":201,\"failure_store\":\"not_enabled\"}} ,"
    "{\"create\":{\"error\":{\"type\":\"document_parsing_exception\",\"reason\":\"[1:2] failed to "
    "parse field [a] of type [long]\",\"caused_by\":{\"type\":\"illegal_argument_exception\","
    "\"reason\":\"For input string: \\\"abc\\\"\\n\"}},\"status\":400}}]}";

static void items(void **state)
{
    (void)state;
    struct bulk_item items[5];
    assert_int_equal(bulk_reply_read((const uint8_t *)WHOLE, sizeof(WHOLE) - 1, items, 5), 0);
    assert_int_equal(items[0].verdict, BULK_DELIVERED);
    assert_int_equal(items[0].index_size, strlen(".ds-logs-x-2026.01.31-000001"));
    assert_memory_equal(items[0].index, ".ds-logs-x", 10);
    assert_int_equal(items[1].verdict, BULK_DUPLICATE);
    assert_null(items[1].index);
    assert_true(items[2].failed_over);
    assert_false(items[3].failed_over);
    assert_int_equal(items[4].verdict, BULK_REFUSED);
    struct buf reason;
    buf_init(&reason, 1 << 16);
    buf_append_text(&reason, "> ");
    bulk_append_reason(&items[4], &reason);
    assert_string_equal(buf_text(&reason),
                        "> document_parsing_exception: [1:2] failed to parse field [a] of type "
                        "[long]: For input string: \"abc\" ");
    buf_clear(&reason);
    bulk_append_reason(&items[3], &reason);
    assert_string_equal(buf_text(&reason), "status 201");
    buf_release(&reason);
}

static void nothing_said(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "{}",
        "[]",
        "null",
        "<html>502 Bad Gateway</html>",
        "{\"items\":[]}",                                                            // too few
        "{\"items\":[{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}", // too many
        "{\"items\":[{\"create\":{}}]}",                                             // no status
        "{\"items\":[{}]}",
        "{\"items\":[{\"create\":{\"status\":\"201\"}}]}",
        "{\"items\":[{\"create\":{\"status\":99999999999999999999}}]}",
        "{\"items\":[{\"create\":{\"status\":-1}}]}",
        "{\"items\":[{\"create\":{\"status\":201}}],\"items\":[{\"create\":{\"status\":201}}]}",
        "{\"items\":[{\"create\":{\"status\":201}}]} {",
        "{\"items\":{\"create\":{\"status\":201}}}",
        "{\"items\":[{\"create\":[201]}]}",
    };
    struct bulk_item items[ITEMS_MAX];
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        memset(items, 0, sizeof(items));
        assert_int_equal(read_reply(BAD[i], strlen(BAD[i]), items, 1), ERR_INVALID);
    }
    assert_int_equal(read_reply("{\"items\":[]}", 12, items, 0), 0);
}

/// However a reply is cut, it says nothing; however it is changed, nothing is read beyond it.
static void damage(void **state)
{
    (void)state;
    struct bulk_item items[ITEMS_MAX];
    char text[sizeof(WHOLE)];
    for (size_t size = 0; size < sizeof(WHOLE) - 1; size++) {
        assert_int_equal(read_reply(WHOLE, size, items, 5), ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof(WHOLE) - 1; i++) {
        static const char BYTES[] = { '\0', '"', '\\', '}', ']', '\xff' };
        for (size_t b = 0; b < sizeof(BYTES); b++) {
            memcpy(text, WHOLE, sizeof(WHOLE));
            text[i] = BYTES[b];
            int status = read_reply(text, sizeof(WHOLE) - 1, items, 5);
            assert_true(status == 0 || status == ERR_INVALID);
        }
    }
}

/// A reason may be a dump of the whole document.
static void long_reasons(void **state)
{
    (void)state;
    enum { SIZE = 4000 };
    static char text[SIZE * 2 + 100];
    for (size_t shift = 0; shift < 8; shift++) {
        size_t at =
            (size_t)snprintf(text, sizeof(text), "{\"reason\":\"%.*s", (int)shift, "xxxxxxxx");
        for (size_t i = 0; i < SIZE / 6; i++) {
            memcpy(text + at, "\\u00e9", 6);
            at += 6;
        }
        at += (size_t)snprintf(text + at, sizeof(text) - at, "\"}");
        struct bulk_item item = { .error = (const uint8_t *)text, .error_size = at };
        struct buf reason;
        buf_init(&reason, 1 << 16);
        bulk_append_reason(&item, &reason);
        assert_in_range(reason.size, BULK_REASON_SIZE_MAX / 6, BULK_REASON_SIZE_MAX);
        buf_release(&reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts), cmocka_unit_test(items),        cmocka_unit_test(nothing_said),
        cmocka_unit_test(damage),   cmocka_unit_test(long_reasons),
    };
    return UNIT_MAIN("transport/bulk", tests);
}
