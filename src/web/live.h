// SPDX-License-Identifier: Apache-2.0
/*
 * Live records: whoever listens (/api/v1/live, server-sent events) gets the records of his filter
 * as they are stored or delivered, at most so many a second; what is left out is counted and said.
 * With nobody listening it costs a look at a counter.
 */
#pragma once

#include "base/status.h"
#include "flow/batch.h"
#include "format/format.h"
#include "query/kql.h"
#include "web/server.h"

struct live;

int live_new(const struct format_settings *format, struct live **ret_live,
             struct err *err) MUST_USE;
/// Nobody listens any more (the server is stopped). NULL is fine.
void live_free(struct live *l);

/// A batch goes by: those who listen are told of it. Never waits. Any thread.
void live_offer(struct live *l, const struct batch *batch);

/// Makes a response of a listener. Takes `filter`. `rate`: records per second at most. ERR_FULL:
/// too many listen.
int live_listen(struct live *l, struct kql *filter, unsigned rate,
                struct server_response *response) MUST_USE;
