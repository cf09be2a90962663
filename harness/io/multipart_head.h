/* SPDX-License-Identifier: Apache-2.0 */
/* The head of one part, and the boundary in the request's Content-Type. Internal to multipart. Pure. */
#ifndef LOCKTRAIL_IO_MULTIPART_HEAD_H
#define LOCKTRAIL_IO_MULTIPART_HEAD_H

#include "io/multipart.h"

/* Takes one header line of a part, without its CRLF, into `part`. Headers that say nothing of name, file name and type
 * are passed over. Errors: folding, no header at all, a header twice, a name that is not UTF-8. Code ERR_INPUT. */
int multipart_head_line(struct multipart_part *part, const char *line, size_t size, struct err *e);

/* The head has ended: an error if it gave no name. */
int multipart_head_end(const struct multipart_part *part, struct err *e);

/* Reads the boundary out of `content_type` into `boundary`. Errors as multipart_new. */
int multipart_boundary(const char *content_type, struct buf *boundary, struct err *e);

void multipart_part_fini(struct multipart_part *part);

#endif
