/* SPDX-License-Identifier: Apache-2.0 */
/* Does a watched value grow? A robust slope with its confidence, and since when. Sources: Theil (1950) and Sen (1968),
 * "Estimates of the regression coefficient based on Kendall's tau". */
#ifndef LOCKTRAIL_TRAIL_TREND_H
#define LOCKTRAIL_TRAIL_TREND_H

#include "trail/series.h"

#include <stdbool.h>

/* Fewer points tell nothing. */
#define TREND_POINTS_MIN 20

/* What counts as growth of one kind of value; in its own unit (bytes, counts). */
struct trend_rule {
    double least_per_hour; /* a slope below this is nobody's leak, however sure it is */
    double least_rise;     /* so much has to have come on top meanwhile */
};

struct trend {
    bool known;       /* enough points */
    double per_hour;  /* the median of all slopes, of the stretch that is judged */
    double low, high; /* of it, 95 %; wider where neighbouring points have to do with each other */
    bool
        growing; /* sure: for at least six minutes and the last sixth of the time; three times the interval lies above
                    the rule's slope; it has risen by the rule's rise, all along and steadily, and it has not stopped */
    int64_t since_ms; /* where `growing`: the start of the stretch that grows; what lies before (start-up, a plateau)
                         is not judged. Else the start of what the values above are of: the last half */
    double from, to;  /* the fitted values at its start and end */
};

/* Pure; the same points give the same trend. A step (once up, then flat) is not growth. */
void trend_judge(const struct series *series, const struct trend_rule *rule, struct trend *out);

#endif
