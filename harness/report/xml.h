/* SPDX-License-Identifier: Apache-2.0 */
/* Text in XML 1.0, well-formed whatever bytes it has. Nothing fails; any thread. */
#ifndef LOCKTRAIL_REPORT_XML_H
#define LOCKTRAIL_REPORT_XML_H

#include "base/buf.h"

/* Characters of the markup, tabs and line ends as references; what XML has no form for appears as \x1b, bytes that are
 * not UTF-8 as U+FFFD. */
void xml_add(struct buf *out, const char *text);

/* ` NAME="VALUE"`, with a blank before it. */
void xml_add_attribute(struct buf *out, const char *name, const char *value);

#endif
