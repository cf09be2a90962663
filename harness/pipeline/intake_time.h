/* SPDX-License-Identifier: Apache-2.0 */
/* Times as event.json has them: RFC 3339 ("2026-11-25T16:23:31.757536834Z", "…+01:00"). Pure. */
#ifndef LOCKTRAIL_PIPELINE_INTAKE_TIME_H
#define LOCKTRAIL_PIPELINE_INTAKE_TIME_H

#include <stdint.h>

struct intake_time {
    int64_t s;  /* since 1970-01-01T00:00:00Z */
    int32_t ns; /* 0 to 999999999; further digits are cut */
};

/* -1 where `text` is no such time: a missing zone, a day that its month does not have. A leap second is read as the
 * second after it. */
int intake_time_read(const char *text, struct intake_time *out);

/* "2026-11-25T16:23:31.757Z": whole milliseconds, the rest is cut. */
#define INTAKE_TIME_TEXT_SIZE 40
void intake_time_text(const struct intake_time *t, char out[INTAKE_TIME_TEXT_SIZE]);

/* From and to milliseconds since 1970. */
struct intake_time intake_time_of_ms(int64_t ms);
int64_t intake_time_ms(const struct intake_time *t);

/* Below, above or equal to 0 as a is before, after or at b. */
int intake_time_compare(const struct intake_time *a, const struct intake_time *b);

#endif
