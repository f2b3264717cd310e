// SPDX-License-Identifier: Apache-2.0
#include "store/texts.h"

#include "../unit.h"

struct fixture {
    struct duck *duck;
    struct duck_conn *conn;
    struct texts *texts;
    struct err err;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ 0 };
    assert_int_equal(duck_open("", NULL, &f.duck, &f.err), 0);
    assert_int_equal(duck_connect(f.duck, &f.conn, &f.err), 0);
    assert_int_equal(schema_open(f.conn, &f.err), 0);
    assert_int_equal(texts_open(f.conn, &f.texts, &f.err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    texts_close(f->texts);
    texts_close(NULL);
    duck_disconnect(f->conn);
    duck_close(f->duck);
    return 0;
}

static void reopen(struct fixture *f)
{
    texts_close(f->texts);
    assert_int_equal(texts_open(f->conn, &f->texts, &f->err), 0);
}

static uint64_t rows(struct fixture *f)
{
    uint64_t count;
    assert_int_equal(duck_ask_u64(f->conn, "SELECT count(*) FROM texts", &count, &f->err), 0);
    return count;
}

static void a_text_has_one_number(void **state)
{
    struct fixture *f = *state;
    uint32_t a = texts_number(f->texts, TEXT_NAME, "router", 6);
    assert_true(a > 0);
    assert_int_equal(texts_number(f->texts, TEXT_NAME, "router", 6), a);
    assert_int_not_equal(texts_number(f->texts, TEXT_GEO, "router", 6), a); // of another kind
    assert_int_not_equal(texts_number(f->texts, TEXT_NAME, "router", 5), a);
    assert_true(texts_number(f->texts, TEXT_U32S, "", 0) > 0);
    assert_int_equal(texts_store(f->texts, f->conn, &f->err), 0);
    texts_stored(f->texts);
    assert_int_equal(rows(f), 4);
    reopen(f);
    assert_int_equal(texts_count(f->texts), 4);
    assert_int_equal(texts_number(f->texts, TEXT_NAME, "router", 6), a);
    assert_int_equal(texts_store(f->texts, f->conn, &f->err), 0); // nothing is new
    assert_int_equal(rows(f), 4);
}

static void a_transaction_that_fails_keeps_them_new(void **state)
{
    struct fixture *f = *state;
    uint32_t a = texts_number(f->texts, TEXT_NAME, "a", 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(duck_exec(f->conn, "BEGIN", &f->err), 0);
        assert_int_equal(texts_store(f->texts, f->conn, &f->err), 0);
        assert_int_equal(duck_exec(f->conn, "ROLLBACK", &f->err), 0);
    }
    assert_int_equal(rows(f), 0);
    assert_int_equal(texts_store(f->texts, f->conn, &f->err), 0);
    texts_stored(f->texts);
    assert_int_equal(rows(f), 1);
    reopen(f);
    assert_int_equal(texts_number(f->texts, TEXT_NAME, "a", 1), a);
}

static void there_may_be_many(void **state)
{
    enum { MANY = 10000 };
    struct fixture *f = *state;
    static uint32_t numbers[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        numbers[i] = texts_number(f->texts, TEXT_AS, &i, sizeof(i));
        assert_true(numbers[i] > 0);
    }
    assert_int_equal(texts_store(f->texts, f->conn, &f->err), 0);
    texts_stored(f->texts);
    reopen(f);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(texts_number(f->texts, TEXT_AS, &i, sizeof(i)), numbers[i]);
    }
    assert_int_equal(rows(f), MANY);
    uint64_t distinct;
    assert_int_equal(
        duck_ask_u64(f->conn, "SELECT count(DISTINCT id) FROM texts", &distinct, &f->err), 0);
    assert_int_equal(distinct, MANY);
}

static void what_is_too_long_has_none(void **state)
{
    struct fixture *f = *state;
    static char text[TEXT_SIZE_MAX + 1];
    assert_int_equal(texts_number(f->texts, TEXT_NAME, text, sizeof(text)), 0);
    assert_int_equal(texts_left_out(f->texts), 1);
    assert_true(texts_number(f->texts, TEXT_NAME, text, TEXT_SIZE_MAX) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_text_has_one_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_transaction_that_fails_keeps_them_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_may_be_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_has_none, set_up, tear_down),
    };
    return UNIT_MAIN("store/texts", tests);
}
