// SPDX-License-Identifier: Apache-2.0
/* Who is shut down and who is not: late ones, those that make room; and what lingers. */
#include "web/patience.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../unit.h"
#include "base/clock.h"
#include "base/status.h"

enum { PAIRS = 6 };

struct pair {
    int ours;
    int theirs;
    struct guest *guest;
};

static struct patience *patience;

static void connect_pair(struct pair *p, bool makes_room)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    p->ours = fds[0];
    p->theirs = fds[1];
    p->guest = patience_add(patience, p->ours, makes_room);
    assert_non_null(p->guest);
}

static void disconnect_pair(struct pair *p)
{
    patience_remove(patience, p->guest);
    assert_int_equal(close(p->ours), 0);
    assert_int_equal(close(p->theirs), 0);
}

/// Whether the client sees an end within so long.
static bool is_shut(const struct pair *p, int timeout_ms)
{
    struct pollfd at = { .fd = p->theirs, .events = POLLIN | POLLRDHUP };
    return poll(&at, 1, timeout_ms) == 1 && (at.revents & POLLRDHUP) != 0;
}

static void the_late_are_shut_down(void **state)
{
    (void)state;
    struct pair late;
    struct pair resting;
    struct pair patient;
    assert_int_equal(patience_new(100, &patience), 0);
    connect_pair(&late, true);
    connect_pair(&resting, true);
    connect_pair(&patient, true);
    patience_expect(late.guest, 300 * NS_PER_MS);
    patience_expect(resting.guest, 300 * NS_PER_MS);
    patience_rest(resting.guest);
    patience_expect(patient.guest, 60 * NS_PER_S);
    assert_false(is_shut(&late, 100));
    assert_true(is_shut(&late, 5000));
    assert_false(is_shut(&resting, 300));
    assert_false(is_shut(&patient, 0));
    patience_expect(patient.guest, 0);
    assert_true(is_shut(&patient, 5000));
    disconnect_pair(&resting); // the middle one first
    disconnect_pair(&late);
    disconnect_pair(&patient);
    patience_free(patience);
}

static void the_slowest_makes_room(void **state)
{
    (void)state;
    struct pair p[PAIRS];
    assert_int_equal(patience_new(3, &patience), 0);
    connect_pair(&p[0], false); // of another kind: it takes no place
    patience_expect(p[0].guest, 60 * NS_PER_S);
    for (int i = 1; i <= 3; i++) {
        connect_pair(&p[i], true);
        patience_expect(p[i].guest, 60 * NS_PER_S);
    }
    patience_rest(p[1].guest);                  // at work: it stays
    patience_expect(p[2].guest, 60 * NS_PER_S); // it did something just now
    connect_pair(&p[4], true);
    assert_true(is_shut(&p[3], 0));
    connect_pair(&p[5], true); // the one that is shut has not left yet, and is not chosen again
    assert_true(is_shut(&p[2], 0));
    assert_false(is_shut(&p[0], 0));
    assert_false(is_shut(&p[1], 0));
    assert_false(is_shut(&p[4], 0));
    assert_false(is_shut(&p[5], 0));
    for (int i = 0; i < PAIRS; i++) {
        disconnect_pair(&p[i]);
    }
    patience_free(patience);
}

static void nobody_can_make_room(void **state)
{
    (void)state;
    struct pair p[3];
    assert_int_equal(patience_new(1, &patience), 0);
    for (int i = 0; i < 3; i++) {
        connect_pair(&p[i], true);
    }
    for (int i = 0; i < 3; i++) {
        assert_false(is_shut(&p[i], 0));
        disconnect_pair(&p[i]);
    }
    patience_free(patience);
}

static void what_is_still_sent_is_read(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 20];
    struct pair p;
    assert_int_equal(patience_new(100, &patience), 0);
    connect_pair(&p, true);
    assert_int_equal(send(p.theirs, bytes, 1000, 0), 1000);
    assert_int_equal(send(p.ours, "no", 2, 0), 2);
    patience_remove(patience, p.guest);
    assert_int_equal(close(p.ours), 0);
    for (size_t at = 0; at < sizeof(bytes);) { // more than any buffer holds
        ssize_t sent = send(p.theirs, bytes, sizeof(bytes) - at, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
    char answer[8];
    assert_int_equal(recv(p.theirs, answer, sizeof(answer), 0), 2);
    assert_int_equal(recv(p.theirs, answer, sizeof(answer), 0), 0); // an end, and no reset
    patience_free(patience);                                        // ends the lingering
    assert_int_equal(send(p.theirs, "x", 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(close(p.theirs), 0);
}

static void lingering_ends(void **state)
{
    (void)state;
    struct pair p;
    assert_int_equal(patience_new(100, &patience), 0);
    connect_pair(&p, true);
    assert_int_equal(send(p.theirs, "x", 1, 0), 1);
    patience_remove(patience, p.guest);
    assert_int_equal(close(p.ours), 0);
    uint64_t begin_ns = clock_mono_ns();
    while (send(p.theirs, "x", 1, MSG_NOSIGNAL) == 1) {
        assert_true(clock_mono_ns() - begin_ns < 20 * NS_PER_S);
        (void)usleep(20000); // some pieces a second, for ever
    }
    assert_true(clock_mono_ns() - begin_ns > NS_PER_S);
    assert_int_equal(close(p.theirs), 0);
    patience_free(patience);
}

static void freeing_nothing(void **state)
{
    (void)state;
    patience_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_late_are_shut_down), cmocka_unit_test(the_slowest_makes_room),
        cmocka_unit_test(nobody_can_make_room),   cmocka_unit_test(what_is_still_sent_is_read),
        cmocka_unit_test(lingering_ends),         cmocka_unit_test(freeing_nothing),
    };
    return UNIT_MAIN("web/patience", tests);
}
