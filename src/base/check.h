// SPDX-License-Identifier: Apache-2.0
/*
 * Assertions. A failed one is a bug in weir, never bad input.
 *
 * CHECK stays on in every build: it guards programmer errors where one compare costs nothing.
 * DCHECK is for hot loops and is compiled only into dev, asan and tsan builds. One condition per
 * assertion, no side effects.
 */
#pragma once

_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

#ifdef WEIR_DEBUG
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) ((void)sizeof(condition))
#endif

/// The caller must look at the result.
/// Of a function for the odd case: out of the way of its caller's hot path.
#define COLD __attribute__((noinline, cold))

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, args_index)                                                      \
    __attribute__((format(printf, format_index, args_index)))
