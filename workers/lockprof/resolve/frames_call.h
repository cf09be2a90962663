/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the call instruction before a return address goes to the captured function itself. If not, a function in
 * between jumped there at its end, and registers that a callee may change are that function's. */
#ifndef LOCKPROF_RESOLVE_FRAMES_CALL_H
#define LOCKPROF_RESOLVE_FRAMES_CALL_H

#include "lockprof/resolve/modules_elf.h"

/* `registers` are those of the snapshot: where the target is called through a callee-saved register. Code that cannot
 * be followed proves nothing. */
bool call_is_direct(struct modules *modules, const struct capture_snapshot *snapshot);

void elf_slots_free(struct elf_slots *slots);

#endif
