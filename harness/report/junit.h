/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JUnit XML, the form that CI servers read (the common subset of Ant's and Jenkins' schema): a suite for
 * each worker and stage, in it a case for each lock, and a suite `run` with a case for the control and one for each
 * problem. pass: the declared name. failure: lost at this stage or before; type is the mechanism. skipped: not_run,
 * undersampled, known limit. error: a problem of the run itself. */
#ifndef LOCKTRAIL_REPORT_JUNIT_H
#define LOCKTRAIL_REPORT_JUNIT_H

#include "base/buf.h"
#include "engine/evidence.h"

/* Appends one document, well-formed whatever bytes the names have. The same evidence gives the same bytes. Never fails.
 */
void report_junit(const struct evidence *ev, struct buf *out);

#endif
