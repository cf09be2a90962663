/* SPDX-License-Identifier: Apache-2.0 */
/* A soak's record for a scraper: metrics locktrail_soak_*. Sources: OpenMetrics 1.0.0 (Internet-Draft
 * draft-richih-opsawg-openmetrics-00) and Prometheus' text format 0.0.4. */
#ifndef LOCKTRAIL_REPORT_METRICS_H
#define LOCKTRAIL_REPORT_METRICS_H

#include "base/buf.h"
#include "engine/soak_record.h"

#include <stdbool.h>

/* Locks whose states are told, each a dozen time series; the rest is counted in locktrail_soak_locks_untold. A scraper
 * pays for each of them for as long as it keeps data. */
#define METRICS_LOCKS_MAX 500

/* Appends it, `open`: as OpenMetrics, else in Prometheus' own form. Both have the same samples. Never fails; any
 * thread. */
void report_soak_metrics(const struct soak_record *r, bool open, struct buf *out);

#endif
