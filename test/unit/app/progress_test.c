// SPDX-License-Identifier: Apache-2.0
/* What is shown on a terminal (a pseudo terminal here), and the summary. */
#include "app/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"

static struct progress_state half_done(void)
{
    struct progress_state s = { .files = { [FILE_READ] = 2, [FILE_DAMAGED] = 1 },
                                .files_total = 7,
                                .bytes = 500000,
                                .bytes_total = 1000000,
                                .elapsed_ns = 3700 * NS_PER_S };
    s.sums.entries[LEDGER_LINES] = 7400;
    s.sums.entries[LEDGER_LINE_FLOW] = 7390;
    s.sums.entries[LEDGER_LINE_NOT_JSON] = 7;
    s.sums.entries[LEDGER_LINE_RAW] = 2;
    s.sums.entries[LEDGER_LINE_EMPTY] = 1;
    return s;
}

static void show_state(const void *context)
{
    const struct progress_state *s = context;
    struct progress p;
    progress_begin(&p);
    progress_show(&p, s);
    progress_show(&p, s); // not again so soon
}

/// What a terminal gets of `show`; "" when standard error is none.
static const char *shown_by(void (*show)(const void *context), const void *context,
                            const char *target)
{
    static char text[1024];
    int saved = dup(STDERR_FILENO);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(saved >= 0 && master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    int slave = open(target == NULL ? ptsname(master) : target, O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_true(dup2(slave, STDERR_FILENO) >= 0);
    show(context);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    size_t size = 0;
    struct pollfd ready = { .fd = master, .events = POLLIN };
    while (poll(&ready, 1, target == NULL && size == 0 ? 5000 : 50) > 0 &&
           (ready.revents & POLLIN) != 0) {
        ssize_t n = read(master, text + size, sizeof(text) - 1 - size);
        assert_true(n > 0);
        size += (size_t)n;
    }
    text[size] = '\0';
    assert_int_equal(close(slave), 0);
    assert_int_equal(close(master), 0);
    assert_int_equal(close(saved), 0);
    return text;
}

static const char *shown(const struct progress_state *s, const char *target)
{
    return shown_by(show_state, s, target);
}

static void a_terminal_sees_how_far_it_is(void **state)
{
    (void)state;
    struct progress_state s = half_done();
    assert_string_equal(shown(&s, NULL),
                        "\r3 of 7 files, 500.0 kB of 1.0 MB, 2 lines/s, 9 bad, 1:01:40 left\r");
    s.bytes = 0; // nothing is known yet
    assert_null(strstr(shown(&s, NULL), "left"));
    s = half_done();
    s.bytes_total = 0;
    assert_null(strstr(shown(&s, NULL), "left"));
    s.elapsed_ns = 0;
    assert_non_null(strstr(shown(&s, NULL), "lines/s"));
    s = half_done();
    s.bytes = s.bytes_total = UINT64_MAX; // everything at its widest
    s.files_total = UINT64_MAX;
    s.sums.entries[LEDGER_LINES] = UINT64_MAX;
    assert_non_null(strstr(shown(&s, NULL), " TB, "));
}

static bool look(void *context, uint64_t *ret_bytes, uint64_t *ret_total)
{
    _Atomic int *looks = context;
    *ret_bytes = 250000;
    *ret_total = 1000000;
    return atomic_fetch_add(looks, 1) >= 2; // at first nobody knows
}

/// A piece of work that is over when somebody has looked often enough.
static void watch_work(const void *context)
{
    const int *rounds = context;
    _Atomic int looks = 0;
    struct progress_watch w;
    progress_watch_begin(&w, look, &looks);
    for (int i = 0; i < 1000 && atomic_load(&looks) < *rounds; i++) {
        (void)poll(NULL, 0, 10);
    }
    progress_watch_end(&w);
    assert_int_equal(atomic_load(&looks) > 0, *rounds > 0);
}

static void work_in_one_call_is_watched(void **state)
{
    (void)state;
    int rounds = 4; // it is shown at the third look
    const char *text = shown_by(watch_work, &rounds, NULL);
    assert_true(strstr(text, "\r250.0 kB of 1.0 MB, 0:00:0") == text);
    assert_non_null(strstr(text, " left\r"));
    assert_true(text[strlen(text) - 1] == '\r' && text[strlen(text) - 2] == ' '); // taken away
    rounds = 0;
    assert_string_equal(shown_by(watch_work, &rounds, "/dev/null"), "");
}

static void nobody_else_sees_it(void **state)
{
    (void)state;
    struct progress_state s = half_done();
    assert_string_equal(shown(&s, "/dev/null"), "");
}

static void the_summary_is_one_object(void **state)
{
    char text[1024] = { 0 };
    (void)state;
    struct progress_state s = half_done();
    s.files[FILE_NOTHING_NEW] = 3;
    s.files[FILE_UNREADABLE] = 1;
    s.error_documents = 9;
    s.duplicates = 7;
    s.refused = 8;
    s.elapsed_ns = UINT64_C(1234567890);
    FILE *out = fmemopen(text, sizeof(text), "w");
    assert_non_null(out);
    progress_print_summary(&s, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text,
                        "{\"files\":7,\"files_nothing_new\":3,\"files_damaged\":1,"
                        "\"files_unreadable\":1,\"bytes\":500000,\"lines\":7400,\"records\":7390,"
                        "\"empty\":1,\"outside\":0,\"error_documents\":9,\"duplicates\":7,"
                        "\"refused\":8,"
                        "\"errors\":{\"not_json\":7,\"produce_raw\":2},\"seconds\":1.235}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_terminal_sees_how_far_it_is),
        cmocka_unit_test(work_in_one_call_is_watched),
        cmocka_unit_test(nobody_else_sees_it),
        cmocka_unit_test(the_summary_is_one_object),
    };
    return UNIT_MAIN("progress", tests);
}
