/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKTRAIL_REPORT_VERSION_H
#define LOCKTRAIL_REPORT_VERSION_H

/* Of locktrail itself, as `locktrail version` and report.json say it. */
#define LOCKTRAIL_VERSION "0.1.0"

#endif
