// SPDX-License-Identifier: Apache-2.0
/* The lines of weir check: a verdict, what it is about, the words. */
#pragma once

#include <stdbool.h>

#include "base/status.h"

/// `verdict`: "ok", "warn", "FAIL".
void report(const char *verdict, const char *what, const char *format, ...) PRINTF_LIKE(3, 4);

/// A FAIL with the words of `err`; returns false.
bool report_failed(const char *what, const struct err *err);
