// SPDX-License-Identifier: Apache-2.0
/* Which weir this is. */
#pragma once

/// What `git describe` said when this was built.
const char *version_text(void);

/// The same as a User-Agent: "weir/" in front.
const char *version_agent(void);
