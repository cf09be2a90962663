/* SPDX-License-Identifier: Apache-2.0 */
/* The call stack of a snapshot: frames with their registers, by the modules' call frame information (.eh_frame,
 * .debug_frame) over the copied stack. */
#ifndef LOCKPROF_RESOLVE_FRAMES_H
#define LOCKPROF_RESOLVE_FRAMES_H

#include "lockprof/resolve/modules.h"

/* Deepest stack that is followed. 4 KiB of copied stack seldom hold more. */
#define FRAMES_MAX 64

struct frame {
    uint64_t pc; /* an address inside the call instruction, for every look-up (return address - 1; in the innermost
                    frame - 2, where registers of arguments are still valid) */
    uint64_t return_address;
    uint64_t cfa;                          /* 0: not known (outermost) */
    uint64_t registers[CAPTURE_REGISTERS]; /* by DWARF number; rsp is that of this frame */
    uint64_t known;                        /* bit per register: the value is that of the frame at its pc */
    const struct module *module;           /* NULL: code of no module */
};

/* Innermost first: frame 0 made the call into the lock function. Frame 0's argument and scratch registers are known
 * only where its call instruction is proved to go to the captured function itself (through PLT or GOT, by relocation):
 * with a tail jump in between they are another function's. A callee-saved register that the CFI does not mention is
 * unchanged (libdw 0.188 calls it undefined). Returns the number of frames, 0 where the first has no module. */
size_t frames_of(struct modules *modules, const struct capture_snapshot *snapshot, struct frame *out, size_t max);

#endif
