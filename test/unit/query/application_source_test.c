// SPDX-License-Identifier: Apache-2.0
#include "query/application_source.h"

#include "../folder.h"

enum { TCP = 6 };

struct fixture {
    char folder[FOLDER_SIZE];
    char path[FOLDER_SIZE + 16];
    struct application_source *source;
};

/// Puts it there by renaming, as who replaces a file does.
static void put(const struct fixture *f, const char *text)
{
    char part[FOLDER_SIZE + 16];
    (void)snprintf(part, sizeof(part), "%s/part", f->folder);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(rename(part, f->path), 0);
}

static int set_up(void **state)
{
    static struct fixture f;
    struct err err;
    folder_make(f.folder);
    (void)snprintf(f.path, sizeof(f.path), "%s/names.yaml", f.folder);
    put(&f, "applications: {tcp: {8443: intranet}}\n");
    assert_int_equal(application_source_new(f.path, &f.source, &err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    application_source_free(f->source);
    folder_remove(f->folder);
    return 0;
}

static void is_called(const struct fixture *f, uint32_t port, const char *name)
{
    struct applications *now = application_source_get(f->source);
    const char *found = applications_name(now, TCP, port);
    if (name == NULL) {
        assert_null(found);
    } else {
        assert_non_null(found);
        assert_string_equal(found, name);
    }
    applications_unref(now);
}

static int reload(const struct fixture *f, bool changed_only)
{
    struct err err;
    return application_source_reload(f->source, changed_only, &err);
}

static void who_has_the_old_names_keeps_them(void **state)
{
    struct fixture *f = *state;
    struct applications *old = application_source_get(f->source);
    put(f, "applications: {tcp: {8443: portal}}\n");
    is_called(f, 8443, "intranet"); // nobody said that it is to be read
    assert_int_equal(reload(f, false), 1);
    is_called(f, 8443, "portal");
    is_called(f, 22, "ssh"); // the well-known ones are there as before
    assert_string_equal(applications_name(old, TCP, 8443), "intranet");
    applications_unref(old);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "applications: {tcp: {many: portal}}\n");
    assert_int_equal(application_source_reload(f->source, false, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "many"));
    is_called(f, 8443, "intranet");
    assert_int_equal(unlink(f->path), 0);
    assert_true(reload(f, false) < 0);
    is_called(f, 8443, "intranet");
}

static void a_change_is_read_once_it_is_at_rest(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(reload(f, true), 0);
    assert_int_equal(reload(f, true), 0);
    put(f, "applications: {tcp: {8443: portal}}\n");
    assert_int_equal(reload(f, true), 0); // perhaps it is still being written
    is_called(f, 8443, "intranet");
    assert_int_equal(reload(f, true), 1);
    is_called(f, 8443, "portal");
    assert_int_equal(reload(f, true), 0);
    put(f, "applications: 7\n");
    assert_int_equal(reload(f, true), 0);
    assert_int_equal(reload(f, true), ERR_INVALID);
    assert_int_equal(reload(f, true), 0); // it is said once
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(reload(f, true), 0);
    assert_int_equal(reload(f, true), 0); // one that is being replaced, perhaps
    is_called(f, 8443, "portal");
    put(f, "applications: {tcp: {8443: intranet}}\n");
    assert_int_equal(reload(f, true), 0);
    assert_int_equal(reload(f, true), 1);
    is_called(f, 8443, "intranet");
}

static void without_a_file_there_is_nothing_to_read(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    assert_int_equal(application_source_new("", &f.source, &err), 0);
    assert_int_equal(reload(&f, false), 0);
    assert_int_equal(reload(&f, true), 0);
    is_called(&f, 22, "ssh");
    is_called(&f, 8444, NULL);
    application_source_free(f.source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_has_the_old_names_keeps_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_is_read_once_it_is_at_rest, set_up, tear_down),
        cmocka_unit_test(without_a_file_there_is_nothing_to_read),
    };
    return UNIT_MAIN("query/application_source", tests);
}
