// SPDX-License-Identifier: Apache-2.0
/*
 * The largest: which keys have the most of a metric, their sums, and the sums of everything.
 */
#pragma once

#include "store/ask_keys.h"
#include "store/ask_work.h"

struct winners {
    struct keys keys;
    struct buf sums; ///< of struct sums, a row of it for each row of keys
    bool unsummed;   ///< these are all empty, because they were not wanted
    struct sums all; ///< of everything, winners and others
    bool cut;        ///< there are more keys than these
};

void winners_init(struct winners *w);
void winners_release(struct winners *w);
/// How winners are told: by a metric over all the time, or (plans with a step) by its highest or
/// its last whole bucket.
struct contest {
    enum metric by;
    enum { CONTEST_SUM, CONTEST_MAX, CONTEST_LAST } rank;
    size_t limit;
    /// What of the winners is wanted, where leaving it out saves time.
    enum { CONTEST_SUMS_AND_ALL, CONTEST_ALL, CONTEST_KEYS } wanted;
};

/// The largest of a plan, largest first, those of one size in order of their keys.
int winners_find(struct work *w, const struct plan *p, const struct contest *contest,
                 struct winners *ret_winners) MUST_USE;
/// What went the other way for each winner, into `sums` (a row for each).
int winners_back(struct work *w, const struct question *q, const struct winners *winners,
                 struct sums *sums) MUST_USE;
const struct sums *winners_sums(const struct winners *w, size_t row);
/// What is not the winners'.
struct sums winners_other(const struct winners *w);
