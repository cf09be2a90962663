/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the JSON report that tell of the way between the stages. Internal to json. */
#ifndef LOCKTRAIL_REPORT_JSON_WAY_H
#define LOCKTRAIL_REPORT_JSON_WAY_H

#include "base/json.h"
#include "engine/evidence.h"

/* `hops`, `screens`, `services`, `faults`. */
void json_way(struct json_out *j, const struct evidence *ev);

#endif
