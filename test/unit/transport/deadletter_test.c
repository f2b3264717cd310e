// SPDX-License-Identifier: Apache-2.0
/*
 * Lines there and back, whatever is in them; a disk that is full; writers beside one who takes the
 * file away.
 */
#include "transport/deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit.h"
#include "base/log.h"

enum { CAP = 1 << 22, WRITERS = 2, EACH = 1500 };

struct setup {
    char folder[64];
    char path[128];
    char aside[160];
    struct buf out;
};

static int set_up(void **state)
{
    static struct setup s;
    log_set_up(100, false); // quiet
    memcpy(s.folder, "/tmp/weir-dead-XXXXXX", sizeof("/tmp/weir-dead-XXXXXX"));
    if (access("/dev/shm", W_OK) == 0) { // disks wait when something is synced
        memcpy(s.folder, "/dev/shm/weir-dead-XXXXXX", sizeof("/dev/shm/weir-dead-XXXXXX"));
    }
    assert_non_null(mkdtemp(s.folder));
    (void)snprintf(s.path, sizeof(s.path), "%s/new/file.ndjson", s.folder); // fits
    (void)snprintf(s.aside, sizeof(s.aside), "%s.resending", s.path);       // fits
    buf_init(&s.out, CAP);
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setup *s = *state;
    char command[128];
    buf_release(&s->out);
    (void)snprintf(command, sizeof(command), "rm -rf %s", s->folder); // fits
    return system(command);
}

static struct deadletter entry_of(const char *id, const char *document)
{
    return (struct deadletter){ .index = (const uint8_t *)"logs-goflow2.sflow-default",
                                .index_size = strlen("logs-goflow2.sflow-default"),
                                .id = (const uint8_t *)id,
                                .id_size = strlen(id),
                                .document = (const uint8_t *)document,
                                .document_size = strlen(document),
                                .status = 400,
                                .reason = "document_parsing_exception: \"x\"\n\xff" };
}

static void a_line(void **state)
{
    struct setup *s = *state;
    struct deadletter e = entry_of("id1", "{\"a\":[1,{\"b\":\"}\"}]}");
    struct deadletter back;
    deadletter_append(&e, UINT64_C(1769860800123456789), &s->out);
    assert_string_equal(buf_text(&s->out),
                        "{\"time\":\"2026-01-31T12:00:00.123Z\","
                        "\"index\":\"logs-goflow2.sflow-default\",\"id\":\"id1\",\"status\":400,"
                        "\"reason\":\"document_parsing_exception: \\\"x\\\"\\n\xef\xbf\xbd\","
                        "\"document\":{\"a\":[1,{\"b\":\"}\"}]}}\n");
    assert_true(deadletter_parse(s->out.data, s->out.size, &back));
    assert_int_equal(back.index_size, e.index_size);
    assert_memory_equal(back.index, e.index, e.index_size);
    assert_int_equal(back.id_size, 3);
    assert_memory_equal(back.id, "id1", 3);
    assert_int_equal(back.document_size, e.document_size);
    assert_memory_equal(back.document, e.document, e.document_size);
    assert_int_equal(back.status, 400);
    for (size_t size = 0; size + 1 < s->out.size; size++) { // all of it, newline or not
        assert_false(deadletter_parse(s->out.data, size, &back));
    }
    assert_true(deadletter_parse(s->out.data, s->out.size - 1, &back));
    buf_clear(&s->out);
    e = entry_of("", "{}");
    deadletter_append(&e, 0, &s->out);
    assert_true(deadletter_parse(s->out.data, s->out.size, &back));
    assert_int_equal(back.id_size, 0);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "\n",
        "x",
        "{}",
        "[]",
        "null",
        "{\"index\":\"a\"}",
        "{\"document\":{}}",
        "{\"index\":\"\",\"document\":{}}",
        "{\"index\":\"a\",\"document\":[]}",
        "{\"index\":1,\"document\":{}}",
        "{\"index\":\"\\u0061\",\"document\":{}}",
        "{\"index\":\"a\",\"document\":{}} x",
        "{\"index\":\"a\",\"document\":{},}",
        "{\"index\":\"a\",\"id\":{},\"document\":{}}",
        "{\"index\":\"a\",\"status\":\"400\",\"document\":{}}",
        "{\"index\":\"a\",\"status\":-1,\"document\":{}}",
    };
    struct deadletter e;
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (deadletter_parse((const uint8_t *)TEXTS[i], strlen(TEXTS[i]), &e)) {
            fail_msg("%s", TEXTS[i]);
        }
    }
    static const char MORE[] = " { \"more\" : [1] , \"document\" : { } , \"index\" : \"a\" } \r\n";
    assert_true(deadletter_parse((const uint8_t *)MORE, sizeof(MORE) - 1, &e));
    assert_int_equal(e.document_size, 3);
}

static size_t read_all(const char *path, char *text, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, room - 1, f);
    text[size] = '\0';
    assert_int_equal(fclose(f), 0);
    return size;
}

static void write_text(struct setup *s, const char *text, int status)
{
    buf_clear(&s->out);
    buf_append_text(&s->out, text);
    assert_int_equal(deadletter_write(s->path, &s->out), status);
}

static void appended_and_taken_aside(void **state)
{
    struct setup *s = *state;
    char text[100];
    struct stat st;
    struct err err;
    int fd;
    int other;
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, s->path));
    write_text(s, "1\n", 0); // makes the folder
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    FILE *f = fopen(s->path, "ab"); // what a crash left
    assert_non_null(f);
    assert_true(fputs("torn", f) >= 0);
    assert_int_equal(fclose(f), 0);
    write_text(s, "2\n3\n", 0);
    (void)read_all(s->path, text, sizeof(text));
    assert_string_equal(text, "1\n2\n3\n");
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(deadletter_take_aside(s->path, &other, &err), ERR_EXISTS);
    write_text(s, "4\n", 0); // meanwhile
    assert_int_equal(read(fd, text, sizeof(text)), 6);
    assert_int_equal(close(fd), 0); // it did not get to the end
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(read(fd, text, sizeof(text)), 6);
    deadletter_done(s->path);
    assert_int_equal(close(fd), 0);
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), 0);
    assert_int_equal(read(fd, text, sizeof(text)), 2);
    assert_int_equal(close(fd), 0);
    deadletter_done(s->path);
    assert_int_equal(deadletter_take_aside(s->path, &fd, &err), ERR_NOT_FOUND);
}

/// A file may grow to some size only: all of the lines or none.
static void the_disk_is_full(void **state)
{
    struct setup *s = *state;
    char text[100];
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    write_text(s, "11111\n", 0);
    struct rlimit limit = { .rlim_cur = 10, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    write_text(s, "22222\n", ERR_IO);
    write_text(s, "3\n", 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    write_text(s, "22222\n", 0);
    (void)read_all(s->path, text, sizeof(text));
    assert_string_equal(text, "11111\n3\n22222\n");
    memcpy(s->path, "/dev/full", sizeof("/dev/full"));
    write_text(s, "1\n", ERR_IO);
}

/// Two processes write while this one takes the file away: no line is lost, torn or doubled.
static void writers_and_a_taker(void **state)
{
    struct setup *s = *state;
    static uint8_t seen[WRITERS][EACH];
    static char text[CAP];
    struct err err;
    memset(seen, 0, sizeof(seen));
    for (int w = 0; w < WRITERS; w++) {
        pid_t child = fork();
        assert_true(child >= 0);
        for (int i = 0; child == 0 && i < EACH; i++) {
            buf_clear(&s->out);
            buf_printf(&s->out, "%d %d\n", w, i);
            if (deadletter_write(s->path, &s->out) != 0) {
                _exit(1);
            }
        }
        if (child == 0) {
            _exit(0);
        }
    }
    int running = WRITERS;
    bool more = true;
    int rounds = 0;
    while (running > 0 || more) {
        int status;
        int fd;
        while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
        more = deadletter_take_aside(s->path, &fd, &err) == 0;
        if (!more) {
            assert_int_equal(err.status, ERR_NOT_FOUND);
            continue;
        }
        rounds++;
        size_t size = read_all(s->aside, text, sizeof(text));
        for (char *line = text; line < text + size;) {
            char *end = strchr(line, '\n');
            assert_non_null(end);
            unsigned long w = strtoul(line, &line, 10);
            unsigned long i = strtoul(line, &line, 10);
            assert_true(w < WRITERS && i < EACH && line == end);
            assert_int_equal(seen[w][i]++, 0);
            line = end + 1;
        }
        deadletter_done(s->path);
        assert_int_equal(close(fd), 0);
    }
    for (size_t i = 0; i < sizeof(seen); i++) {
        assert_int_equal(seen[i / EACH][i % EACH], 1);
    }
    assert_true(rounds > 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line),           TEST(what_is_none),        TEST(appended_and_taken_aside),
        TEST(the_disk_is_full), TEST(writers_and_a_taker),
    };
    return UNIT_MAIN("deadletter", tests);
}
