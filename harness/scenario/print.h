/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars as YAML. */
#ifndef LOCKTRAIL_SCENARIO_PRINT_H
#define LOCKTRAIL_SCENARIO_PRINT_H

#include "base/buf.h"

/* A text (valid UTF-8) that reads back as this text wherever a scalar may stand: bare where no reader of YAML takes it
 * for anything else, in quotes otherwise. */
void print_text(struct buf *out, const char *text);

#endif
