// SPDX-License-Identifier: Apache-2.0
/*
 * Blocking and sigtimedwait() instead of handlers: a signal is then an event like any other, seen
 * by one thread when it is ready for it.
 */
#include "app/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"

static sigset_t wanted(void)
{
    sigset_t set;
    CHECK(sigemptyset(&set) == 0);
    CHECK(sigaddset(&set, SIGINT) == 0);
    CHECK(sigaddset(&set, SIGTERM) == 0);
    CHECK(sigaddset(&set, SIGHUP) == 0);
    return set;
}

void signals_block(void)
{
    sigset_t set = wanted();
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

int signals_wait(int timeout_ms)
{
    sigset_t set = wanted();
    struct timespec timeout = { .tv_sec = timeout_ms / 1000,
                                .tv_nsec = timeout_ms % 1000 * (long)NS_PER_MS };
    int number = sigtimedwait(&set, NULL, &timeout);
    return number < 0 ? 0 : number;
}

_Noreturn void signals_die_of_pipe(void)
{
    struct sigaction original = { .sa_handler = SIG_DFL };
    CHECK(sigaction(SIGPIPE, &original, NULL) == 0);
    CHECK(raise(SIGPIPE) == 0);
    abort(); // a parent had it blocked
}
