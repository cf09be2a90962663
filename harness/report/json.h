/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON, schema locktrail/report/1: docs/report.schema.json describes it and a test holds the two
 * together. */
#ifndef LOCKTRAIL_REPORT_JSON_H
#define LOCKTRAIL_REPORT_JSON_H

#include "base/buf.h"
#include "engine/evidence.h"

#define REPORT_SCHEMA "locktrail/report/1"

/* Appends one document and a newline. The same evidence gives the same bytes. Any thread; never fails. */
void report_json(const struct evidence *ev, struct buf *out);

#endif
