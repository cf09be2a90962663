/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to an upload: multipart, event and profiles. Internal to the intake. Pure. */
#ifndef LOCKTRAIL_PIPELINE_INTAKE_UPLOAD_H
#define LOCKTRAIL_PIPELINE_INTAKE_UPLOAD_H

#include "io/multipart.h"
#include "pipeline/intake.h"

/* What an upload was read into; `upload` has pointers into the rest and into the request. */
struct intake_upload {
    struct upload upload;
    struct multipart *multipart;
    struct intake_event event;
    struct upload_profile *profiles;
    char *rejected;
};

/* Reads a complete request. `out->upload.rejected` is set where it is not as it should be, with `status` 400, 411 or
 * 415; what was readable is there all the same. `accepted` is the status of a good one. */
void intake_upload_read(const struct http_request_info *info, unsigned max_parts, int accepted,
                        struct intake_upload *out);

/* The same for a request that the server has given up. */
void intake_upload_failed(const struct http_request_info *info, struct intake_upload *out);

void intake_upload_fini(struct intake_upload *u);

#endif
