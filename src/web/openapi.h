// SPDX-License-Identifier: Apache-2.0
/*
 * The description of /api/v1 as an OpenAPI 3.1 document, made from the tables by which requests are
 * read (web/api_params.def), so that it cannot say anything else than they do. What answers look
 * like is told in components of its own.
 */
#pragma once

#include "base/buf.h"

void openapi_put(struct buf *out);
