// SPDX-License-Identifier: Apache-2.0
#include "enrich/mmdb.h"

#include "mmdb_file.h"

static char folder[] = "/tmp/weir-mmdb-XXXXXX";
static char path[256];
static struct mmdb_file file;

static struct mmdb *open_file(const char *type)
{
    struct mmdb *db;
    struct err err = { 0 };
    (void)mmdb_file_write(&file, path, type);
    if (mmdb_open(path, &db, &err) != 0) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
    return db;
}

static uint32_t find(const struct mmdb *db, const char *text)
{
    struct addr a = addr_of(text);
    return mmdb_find(db, &a);
}

static void refused(const char *words)
{
    struct mmdb *db;
    struct err err = { 0 };
    assert_int_not_equal(mmdb_open(path, &db, &err), 0);
    if (strstr(err.text, words) == NULL || strstr(err.text, path) == NULL) {
        print_error("%s\n", err.text);
        assert_true(false);
    }
}

/// Three sizes of records, trees for IPv4 and IPv6.
static void finds_addresses(void **state)
{
    (void)state;
    static const unsigned BITS[] = { 24, 28, 32 };
    for (size_t i = 0; i < 6; i++) {
        mmdb_file_init(&file, i < 3 ? 4 : 6, BITS[i % 3]);
        mmdb_put_text(&file, "wide");
        size_t narrow = file.size;
        mmdb_put_text(&file, "narrow");
        mmdb_file_add(&file, "10.0.0.0/8", 0);
        mmdb_file_add(&file, "10.1.2.0/24", narrow);
        if (i >= 3) {
            mmdb_file_add(&file, "2001:db8::/32", narrow);
        }
        struct mmdb *db = open_file("Test");
        assert_int_equal(mmdb_ip_version(db), i < 3 ? 4 : 6);
        assert_string_equal(mmdb_type(db), "Test");
        uint32_t n = (uint32_t)narrow + 1;
        assert_int_equal(find(db, "10.0.0.0"), 1);
        assert_int_equal(find(db, "10.255.255.255"), 1);
        assert_int_equal(find(db, "10.1.2.3"), n);
        assert_int_equal(find(db, "10.1.3.0"), 1);
        assert_int_equal(find(db, "9.255.255.255"), 0);
        assert_int_equal(find(db, "11.0.0.0"), 0);
        assert_int_equal(find(db, "::ffff:10.1.2.3"), n);
        assert_int_equal(find(db, "2001:db8::1"), i < 3 ? 0 : n);
        assert_int_equal(find(db, "2001:db9::1"), 0);
        const struct addr none = { 0 };
        assert_int_equal(mmdb_find(db, &none), 0);
        mmdb_close(db);
    }
}

static void many_are_as_one(void **state)
{
    (void)state;
    mmdb_file_init(&file, 6, 28);
    mmdb_put_text(&file, "a");
    mmdb_file_add(&file, "192.0.2.0/25", 0);
    mmdb_file_add(&file, "2001:db8:1::/48", 0);
    struct mmdb *db = open_file("Test");
    static const char *const TEXTS[MMDB_FIND_MAX] = {
        "192.0.2.1",   "192.0.2.128", "2001:db8:1::",     "2001:db8:2::",
        "192.0.2.127", "::",          "::ffff:192.0.2.9", "255.255.255.255",
        "192.0.2.1",   "10.0.0.1",    "0.0.0.0",          "2001:db8:1:ffff::",
        "::1",         "1.2.3.4",     "192.0.1.255",      "192.0.3.0"
    };
    struct addr addrs[MMDB_FIND_MAX];
    const struct addr *pointers[MMDB_FIND_MAX];
    uint32_t records[MMDB_FIND_MAX];
    for (size_t i = 0; i < MMDB_FIND_MAX; i++) {
        addrs[i] = addr_of(TEXTS[i]);
        pointers[i] = &addrs[i];
    }
    mmdb_find_many(db, pointers, MMDB_FIND_MAX, records);
    size_t found = 0;
    for (size_t i = 0; i < MMDB_FIND_MAX; i++) {
        assert_int_equal(records[i], mmdb_find(db, &addrs[i]));
        found += records[i] != 0;
    }
    assert_int_equal(found, 6);
    mmdb_close(db);
}

static void reads_values(void **state)
{
    (void)state;
    mmdb_file_init(&file, 4, 24);
    mmdb_put_text(&file, "shared");
    size_t record = file.size;
    mmdb_put_map(&file, 7);
    mmdb_put_pair(&file, "text", "Zürich");
    mmdb_put_text(&file, "number");
    mmdb_put_u32(&file, 4294967295);
    mmdb_put_text(&file, "double");
    mmdb_put_double(&file, -122.3149);
    mmdb_put_text(&file, "float");
    mmdb_put_float(&file, 51.5F);
    mmdb_put_text(&file, "list");
    mmdb_put_list(&file, 2);
    mmdb_put_list(&file, 1);
    mmdb_put_text(&file, "deep");
    mmdb_put_text(&file, "last");
    mmdb_put_text(&file, "pointer");
    mmdb_put(&file, "\x20\x00", 2);
    mmdb_put_pair(&file, "end", "");
    mmdb_file_add(&file, "10.0.0.0/8", record);
    struct mmdb *db = open_file("Test");
    struct mmdb_reading r;
    struct mmdb_value root = mmdb_read(db, find(db, "10.0.0.1"), &r);
    assert_int_equal(root.kind, MMDB_MAP);
    assert_int_equal(root.size, 7);
    struct mmdb_walk w = mmdb_walk(&root);
    assert_true(mmdb_next(&r, &w));
    assert_true(mmdb_is(&w.key, "text"));
    assert_true(mmdb_is(&w.value, "Zürich"));
    assert_true(mmdb_next(&r, &w));
    assert_int_equal(w.value.kind, MMDB_NUMBER);
    assert_int_equal(w.value.number, 4294967295);
    assert_true(mmdb_next(&r, &w));
    assert_int_equal(w.value.kind, MMDB_DOUBLE);
    assert_true(w.value.real == -122.3149);
    assert_true(mmdb_next(&r, &w));
    assert_int_equal(w.value.kind, MMDB_FLOAT);
    assert_true(w.value.real == 51.5);
    assert_true(mmdb_next(&r, &w));
    struct mmdb_walk list = mmdb_walk(&w.value);
    assert_true(mmdb_next(&r, &list));
    assert_int_equal(list.value.kind, MMDB_LIST);
    assert_true(mmdb_next(&r, &list));
    assert_true(mmdb_is(&list.value, "last"));
    assert_false(mmdb_next(&r, &list));
    assert_true(mmdb_next(&r, &w));
    assert_true(mmdb_is(&w.value, "shared"));
    assert_true(mmdb_next(&r, &w));
    assert_true(mmdb_is(&w.key, "end"));
    assert_false(mmdb_next(&r, &w));
    assert_false(r.bad);
    mmdb_close(db);
}

/// Reads everything that a record's top holds; returns how many members, or -1 for damage.
static int members(const struct mmdb *db, uint32_t record)
{
    struct mmdb_reading r;
    struct mmdb_value root = mmdb_read(db, record, &r);
    struct mmdb_walk w = mmdb_walk(&root);
    int count = 0;
    while (mmdb_next(&r, &w)) {
        count++;
    }
    return r.bad ? -1 : count;
}

static void damaged_record(const void *bytes, size_t size)
{
    mmdb_file_init(&file, 4, 32);
    mmdb_put(&file, bytes, size);
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    struct mmdb *db = open_file("Test");
    assert_int_equal(members(db, find(db, "10.0.0.1")), -1);
    mmdb_close(db);
}

static void damage_is_seen(void **state)
{
    (void)state;
    damaged_record("\xe1\x41x", 3);                         // a member without a value
    damaged_record("\xe1\x5fx", 3);                         // a key longer than the data
    damaged_record("\xe1\xa1\x01\x41y", 5);                 // a key that is a number
    damaged_record("\xe1\x41x\x20\x02", 5);                 // a pointer to itself, which is none
    damaged_record("\xe1\x41x\x27\xff", 5);                 // a pointer past the end
    damaged_record("\xe1\x41x\x3f\xff\xff\xff\xff", 8);     // likewise, of 32 bits
    damaged_record("\xe1\x41x\x00\xff", 5);                 // no type
    damaged_record("\xff\xff\xff\xff\x41x\x41y\x41x", 10);  // 16 million members
    damaged_record("\xe1\x41x\x1f\x04\xff\xff\xff\x00", 9); // a list of as many
    damaged_record("\x20\x00", 2);                          // a record that points at itself
    uint8_t deep[8000];
    memcpy(deep, "\xe1\x41x", 3);
    for (size_t i = 3; i + 1 < sizeof(deep); i += 2) {
        deep[i] = 0x01; // a list of one, in a list of one ...
        deep[i + 1] = 0x04;
    }
    damaged_record(deep, sizeof(deep) - 1);
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    write_text(path, "");
    refused("is empty");
    write_text(path, "text\n");
    refused("is no MaxMind DB file");
    write_text(path, "\xab\xcd\xefMaxMind.com");
    refused("metadata is damaged");
    mmdb_file_init(&file, 4, 24);
    mmdb_put_text(&file, "x");
    mmdb_file_add(&file, "10.0.0.0/8", 0);
    size_t size = mmdb_file_write(&file, path, "Test");
    char whole[4096];
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    assert_int_equal(fread(whole, 1, size, in), size);
    assert_int_equal(fclose(in), 0);
    // Cut anywhere before its end, it is refused, or finds nothing that is not there.
    for (size_t i = 2; i < 2 * size; i++) {
        size_t cut = i / 2; // from the end, from the beginning
        struct mmdb *db;
        struct err err = { 0 };
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(i % 2 == 0 ? whole : whole + size - cut, cut, 1, out), 1);
        assert_int_equal(fclose(out), 0);
        if (mmdb_open(path, &db, &err) == 0) {
            (void)members(db, find(db, "10.0.0.1"));
            mmdb_close(db);
        } else {
            assert_non_null(strstr(err.text, path));
        }
    }
    assert_int_equal(unlink(path), 0);
    refused("No such file");
    struct mmdb *db;
    struct err err = { 0 };
    assert_int_not_equal(mmdb_open(folder, &db, &err), 0);
    assert_non_null(strstr(err.text, "is no file"));
}

static bool count_records(void *context, uint32_t record)
{
    assert_int_equal(record, 1);
    return ++*(size_t *)context < 7;
}

static void samples(void **state)
{
    (void)state;
    mmdb_file_init(&file, 6, 24);
    mmdb_put_text(&file, "x");
    for (int i = 0; i < 10; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "10.%d.0.0/16", 2 * i);
        mmdb_file_add(&file, text, 0);
    }
    struct mmdb *db = open_file("Test");
    size_t count = 0;
    mmdb_sample(db, count_records, &count);
    assert_int_equal(count, 7);
    mmdb_close(db);
    // A tree that goes in circles ends.
    file.nodes[0][0] = 1;
    file.nodes[1][0] = 1;
    file.nodes[1][1] = 1;
    db = open_file("Test");
    count = 0;
    mmdb_sample(db, count_records, &count);
    assert_int_equal(count, 0);
    assert_int_equal(find(db, "10.0.0.1"), 0);
    mmdb_close(db);
}

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)in_folder(folder, "test.mmdb", path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_addresses), cmocka_unit_test(many_are_as_one),
        cmocka_unit_test(reads_values),    cmocka_unit_test(damage_is_seen),
        cmocka_unit_test(samples),         cmocka_unit_test(refuses_what_is_none),
    };
    int failed = UNIT_MAIN("enrich/mmdb", tests);
    (void)unlink(path); // there or not
    (void)rmdir(folder);
    return failed;
}
