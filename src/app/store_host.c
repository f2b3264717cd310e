// SPDX-License-Identifier: Apache-2.0
/* See app/store_host.h. */
#include "app/store_host.h"

#include <inttypes.h>
#include <signal.h>

#include "app/local.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/folder_lock.h"

enum { LOOK_MS = 100 };

const struct store_host_patience STORE_HOST_PATIENCE = { .changing_ns = 60 * NS_PER_S,
                                                         .silent_ns = 5 * NS_PER_S };

static void say(const struct store_options *o, const struct folder_holder *holder)
{
    log_with(LOG_LEVEL_INFO,
             holder->open ? "the weir that has the store does not answer here: waiting for it"
                          : "another weir is opening or closing the store: waiting for it",
             NULL, LOG_TEXT("store", o->folder), LOG_TEXT("pid", holder->pid));
}

/// False: a signal says stop.
static bool pause_a_moment(void)
{
    int number = signals_wait(LOOK_MS);
    return number != SIGINT && number != SIGTERM;
}

int store_host_find(const struct store_options *o, const char *store,
                    const struct store_host_patience *patience, bool *ret_answers, struct err *err)
{
    uint64_t begun_ns = clock_mono_ns();
    bool open = false;
    for (bool said = false;; said = true) {
        struct folder_holder holder = folder_lock_look(o->folder);
        bool answers = local_has_store(o->socket, store);
        uint64_t now_ns = clock_mono_ns();
        if (holder.open != open) { // one that has opened it will answer soon
            open = holder.open;
            begun_ns = now_ns;
        }
        uint64_t waited_ns = now_ns - begun_ns;
        if (answers || !holder.held || (open && waited_ns >= patience->silent_ns)) {
            *ret_answers = answers;
            return 0;
        }
        if (!open && waited_ns >= patience->changing_ns) {
            return err_set(err, ERR_EXISTS,
                           "the weir that has the store in %.300s (pid %s) still opens or closes "
                           "it after %" PRIu64 " s: try again later, its log says more",
                           o->folder, holder.pid, waited_ns / NS_PER_S);
        }
        if (!said) {
            say(o, &holder);
        }
        if (!pause_a_moment()) {
            return err_set(err, ERR_CLOSED, "interrupted while waiting for the store");
        }
    }
}
