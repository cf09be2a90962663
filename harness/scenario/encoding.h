/* SPDX-License-Identifier: Apache-2.0 */
/* Is a text what YAML can be made of: UTF-8 (RFC 3629), and of the control characters only tab and line breaks
 * (YAML 1.2, section 5.1)? */
#ifndef LOCKTRAIL_SCENARIO_ENCODING_H
#define LOCKTRAIL_SCENARIO_ENCODING_H

#include "scenario/complain.h"

#include <stdbool.h>

/* Skips a UTF-8 byte order mark of c->bytes, then checks them. False after complaining of each byte that is wrong, or,
 * in a text that is plainly UTF-16 or UTF-32, once. */
bool encoding_check(struct complaints *c, const struct scenario_override *override);

#endif
