// SPDX-License-Identifier: Apache-2.0
/* What every unit test needs: cmocka with what it wants included before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UNIT_MAIN(name, tests) cmocka_run_group_tests_name(name, tests, NULL, NULL)
