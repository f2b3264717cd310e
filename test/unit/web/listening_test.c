// SPDX-License-Identifier: Apache-2.0
/* Local sockets: whose they are, what they replace, what they leave. Which addresses stay here. */
#include "web/listening.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "../folder.h"
#include "../unit.h"

static char folder[FOLDER_SIZE];
static char path[FOLDER_SIZE + 8];

static void a_local_socket_is_its_owners(void **state)
{
    (void)state;
    static const mode_t MASKS[] = { 0, 022, 077 };
    for (size_t i = 0; i < 3; i++) {
        struct err err = { 0 };
        struct listening_local l;
        struct stat st;
        mode_t before = umask(MASKS[i]);
        assert_int_equal(listening_open_local(path, &l, &err), 0);
        (void)umask(before);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        assert_int_equal(st.st_mode & 07777, 0600);
        struct listening_local second;
        assert_int_equal(listening_open_local(path, &second, &err), ERR_EXISTS);
        assert_non_null(strstr(err.text, "another weir answers"));
        listening_remove_local(&l);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(close(l.fd), 0);
    }
}

static void what_a_killed_one_left_is_replaced(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct listening_local killed;
    struct listening_local l;
    assert_int_equal(listening_open_local(path, &killed, &err), 0);
    assert_int_equal(close(killed.fd), 0);
    assert_int_equal(listening_open_local(path, &l, &err), 0);
    if (killed.inode != l.inode) {       // a number may be used again
        listening_remove_local(&killed); // and what it removes is not ours
        assert_int_equal(access(path, F_OK), 0);
    }
    listening_remove_local(&l);
    assert_int_equal(close(l.fd), 0);
}

static void something_else_stays(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct listening_local l;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(listening_open_local(path, &l, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "something else"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere", path), 0); // not followed
    assert_int_equal(listening_open_local(path, &l, &err), ERR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(listening_open_local("/nowhere/weir.sock", &l, &err), ERR_IO);
    char longest[200];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(listening_open_local(longest, &l, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "shorter -data"));
}

static void which_addresses_stay_here(void **state)
{
    (void)state;
    static const char *const HERE[] = { "127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080" };
    static const char *const OUT[] = {
        ":8080", "0.0.0.0:8080", "[::]:8080", "192.0.2.1:1", "[2001:db8::1]:1", "8080", ""
    };
    for (size_t i = 0; i < sizeof(HERE) / sizeof(HERE[0]); i++) {
        assert_true(listening_is_loopback(HERE[i]));
    }
    for (size_t i = 0; i < sizeof(OUT) / sizeof(OUT[0]); i++) {
        assert_false(listening_is_loopback(OUT[i]));
    }
}

static void tcp(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct sockaddr_in at;
    socklen_t size = sizeof(at);
    int first = -1;
    int second = -1;
    char text[40];
    assert_int_equal(listening_open("127.0.0.1:0", &first, &err), 0);
    assert_int_equal(getsockname(first, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", be16toh(at.sin_port)); // fits
    assert_int_equal(listening_open(text, &second, &err), ERR_IO);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(close(first), 0);
    assert_int_equal(listening_open("8080", &second, &err), ERR_INVALID);
    assert_int_equal(listening_open("127.0.0.1:port", &second, &err), ERR_INVALID);
    assert_int_equal(second, -1);
}

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    (void)snprintf(path, sizeof(path), "%s/s", folder); // fits
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_local_socket_is_its_owners),
        cmocka_unit_test(what_a_killed_one_left_is_replaced),
        cmocka_unit_test(something_else_stays),
        cmocka_unit_test(which_addresses_stay_here),
        cmocka_unit_test(tcp),
    };
    return cmocka_run_group_tests_name("web/listening", tests, set_up, tear_down);
}
