// SPDX-License-Identifier: Apache-2.0
#include "enrich/csv.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-csv-XXXXXX";
static char path[256];

static struct csv *open_text(const char *text)
{
    struct csv *c;
    struct err err = { 0 };
    write_text(path, text);
    assert_int_equal(csv_open(path, 1 << 20, &c, &err), 0);
    return c;
}

static void record(struct csv *c, size_t line, size_t count, const char *const *fields)
{
    struct csv_record r;
    struct err err = { 0 };
    assert_int_equal(csv_next(c, &r, &err), 0);
    assert_int_equal(r.line, line);
    assert_int_equal(r.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(r.fields[i], fields[i]);
        assert_int_equal(r.sizes[i], strlen(fields[i]));
    }
}

static void reads_records(void **state)
{
    (void)state;
    struct csv *c = open_text("\xef\xbb\xbf# a list\r\n\n"
                              "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\r\n"
                              "  a ,\t\"b \"\"c\"\"\" , ,\n"
                              "\"\",\"\"\n"
                              "last");
    struct csv_record r;
    struct err err = { 0 };
    record(c, 3, 4, (const char *const[]){ "1.0.0.0", "1.0.0.255", "13335", "Cloudflare, Inc." });
    record(c, 4, 4, (const char *const[]){ "a", "b \"c\"", "", "" });
    record(c, 5, 2, (const char *const[]){ "", "" });
    record(c, 6, 1, (const char *const[]){ "last" });
    assert_int_equal(csv_next(c, &r, &err), ERR_NOT_FOUND);
    assert_int_equal(csv_err(&err, c, &r, "is %s", "wrong"), ERR_INVALID);
    csv_free(c);
}

static void refused(const char *text, const char *words)
{
    struct csv *c = open_text(text);
    struct csv_record r;
    struct err err = { 0 };
    char want[512];
    assert_int_equal(csv_next(c, &r, &err), ERR_INVALID);
    (void)snprintf(want, sizeof(want), "%s:%s", path, words);
    assert_string_equal(err.text, want);
    csv_free(c);
}

static void refuses_with_a_place(void **state)
{
    (void)state;
    refused("\n\"a", "2: field 1: the quotes do not end before a comma");
    refused("a,\"b\" c", "1: field 2: the quotes do not end before a comma");
    refused("1,2,3,4,5,6,7,8,9", "1: more than 8 fields");
    struct csv *c;
    struct err err = { 0 };
    write_text(path, "long");
    assert_int_equal(csv_open(path, 3, &c, &err), ERR_RANGE);
    assert_int_equal(csv_open(folder, 100, &c, &err), ERR_INVALID);
    assert_int_equal(csv_open("", 100, &c, &err), ERR_IO);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite("a,\0b\n", 5, 1, out), 1);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(csv_open(path, 100, &c, &err), 0);
    struct csv_record r;
    assert_int_equal(csv_next(c, &r, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, ":1: holds a zero byte"));
    csv_free(c);
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "test.csv", path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_records),
        cmocka_unit_test(refuses_with_a_place),
    };
    int failed = UNIT_MAIN("enrich/csv", tests);
    (void)unlink(path); // there or not
    (void)rmdir(folder);
    return failed;
}
