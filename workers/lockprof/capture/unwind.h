/* SPDX-License-Identifier: Apache-2.0 */
/* Where a function keeps its return address at one of its call instructions, by the call frame information of its
 * module. */
#ifndef LOCKPROF_CAPTURE_UNWIND_H
#define LOCKPROF_CAPTURE_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

struct frame_rule {
    bool by_rbp;    /* the frame's end is counted from rbp, else from rsp */
    bool saves_rbp; /* the caller's rbp stands 16 below the frame's end */
    bool loses_rbp; /* it stands elsewhere */
    int32_t offset; /* of the frame's end (CFA), which is 8 above the return address */
    uint32_t size;  /* bytes of code of the function */
};

/* Looks up once what finds a module's tables without a lock; without it (glibc before 2.35) no rule is found. */
void unwind_start(void);
/* The rule at the return address `pc`; false: none, or one that these few forms can't express. Signal-safe. */
bool unwind_rule(uint64_t pc, struct frame_rule *rule);

#endif
