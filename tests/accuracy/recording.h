/* SPDX-License-Identifier: Apache-2.0 */
/* Real uploads that were recorded once (tests/data/README.md), with the ledger of their run. */
#ifndef LOCKTRAIL_TESTS_RECORDING_H
#define LOCKTRAIL_TESTS_RECORDING_H

#include "base/buf.h"
#include "base/err.h"
#include "trail/ledger.h"

#include <stdint.h>

/* Where it lies, seen from the project's root. */
#define RECORDING_DIRECTORY "tests/data/uploads"

struct recorded {
    enum stage stage;
    size_t instance; /* in the ledger */
    unsigned sequence;
    char *path; /* "upload/native.1.tee.1.pprof" */
    struct buf bytes;
    char *runtime_id;         /* "" for local files */
    int64_t start_ns, end_ns; /* of an upload; both 0 for local files */
    int status;               /* that its sender was told; 0 for local files */
};

struct recording {
    struct ledger ledger;
    struct recorded *copies; /* by stage, instance, sequence */
    size_t count, capacity;
};

/* On failure *out is for recording_fini, too. Codes ERR_INPUT, ERR_MISSING. */
int recording_load(const char *directory, struct recording *out, struct err *e);
void recording_fini(struct recording *r);

#endif
