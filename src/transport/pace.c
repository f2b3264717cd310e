// SPDX-License-Identifier: Apache-2.0
/* Times are monotonic. What is logged says "elasticsearch", the one transport that has a pace. */
#include "transport/pace.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    SIZE_FIRST = 1 << 20,
    SIZE_LEAST = 64 << 10,
    SLOW_MS = 5000,  ///< a request that takes longer is too large
    QUICK_MS = 2000, ///< one that takes less may grow
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 60000,
    BACKOFF_DOUBLINGS = 6,
    REPORT_INTERVAL_S = 60,
    CALM_MS = 3000, ///< so long without trouble before it is said that it is over
};

void pace_init(struct pace *p, size_t size_max)
{
    *p = (struct pace){ .size_max = size_max };
    atomic_store(&p->size, size_max < SIZE_FIRST ? size_max : SIZE_FIRST);
    CHECK(pthread_mutex_init(&p->mutex, NULL) == 0);
}

void pace_release(struct pace *p)
{
    CHECK(pthread_mutex_destroy(&p->mutex) == 0);
}

void pace_shrink(struct pace *p)
{
    size_t size = pace_size(p) / 2;
    atomic_store(&p->size, size < SIZE_LEAST ? SIZE_LEAST : size);
}

void pace_went_well(struct pace *p, uint64_t took_ns)
{
    size_t size = pace_size(p);
    if (took_ns > SLOW_MS * NS_PER_MS) {
        pace_shrink(p);
    } else if (took_ns < QUICK_MS * NS_PER_MS && size < p->size_max) {
        size += size / 16;
        atomic_store(&p->size, size < p->size_max ? size : p->size_max);
    }
}

uint64_t pace_held_ms(const struct pace *p)
{
    uint64_t until_ns = atomic_load(&p->hold_ns);
    uint64_t now_ns = clock_mono_ns();
    return until_ns <= now_ns ? 0 : (until_ns - now_ns) / NS_PER_MS + 1;
}

uint64_t pace_backoff_ms(unsigned failures)
{
    unsigned doublings = failures < BACKOFF_DOUBLINGS ? failures : BACKOFF_DOUBLINGS;
    uint64_t ms = (uint64_t)BACKOFF_FIRST_MS << doublings;
    ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) {
        random = (uint32_t)clock_mono_ns();
    }
    return ms / 2 + ms / 2 * random / UINT32_MAX;
}

void pace_hold(struct pace *p, uint64_t retry_after_ms)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    bool held = pace_held_ms(p) > 0; // by another one, for the same reason
    uint64_t ms = retry_after_ms > 0 ? retry_after_ms : pace_backoff_ms(p->holds);
    if (!held || retry_after_ms > 0) {
        atomic_store(&p->hold_ns, clock_mono_ns() + ms * NS_PER_MS);
    }
    p->holds += !held;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
}

void pace_report(struct pace *p, const char *trouble)
{
    uint64_t now_ns = clock_mono_ns();
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    bool news = strncmp(p->trouble, trouble, sizeof(p->trouble) - 1) != 0 ||
                now_ns - p->reported_ns > REPORT_INTERVAL_S * NS_PER_S;
    if (news) {
        (void)snprintf(p->trouble, sizeof(p->trouble), "%s", trouble); // cut is fine
        p->reported_ns = now_ns;
    }
    p->trouble_ns = now_ns;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    if (news) {
        log_with(LOG_LEVEL_ERROR, "cannot deliver, records are kept and it is tried again", NULL,
                 LOG_TEXT("transport", "elasticsearch"), LOG_TEXT("error", trouble));
    }
}

void pace_report_well(struct pace *p)
{
    CHECK(pthread_mutex_lock(&p->mutex) == 0);
    bool was = p->trouble[0] != '\0' && clock_mono_ns() - p->trouble_ns > CALM_MS * NS_PER_MS;
    if (was) {
        p->trouble[0] = '\0';
    }
    p->holds = 0;
    CHECK(pthread_mutex_unlock(&p->mutex) == 0);
    if (was) {
        log_with(LOG_LEVEL_INFO, "delivering again", NULL, LOG_TEXT("transport", "elasticsearch"));
    }
}
