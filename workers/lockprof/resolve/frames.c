/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/frames.h"

#include "lockprof/resolve/frames_call.h"
#include "lockprof/resolve/frames_cfi.h"

#include <string.h>

#define REGISTER_SP 7
#define REGISTER_PC 16
/* System V ABI x86_64, figure 3.4: rbx rbp rsp r12-r15, and the return address. Every function leaves them to its
 * caller as they were. */
#define CALLEE_SAVED UINT64_C(0x1f0c8)
/* The dynamic linker's stubs and the capture library's entry may use it. */
#define REGISTER_SCRATCH 11

static bool first_frame(struct modules *modules, const struct capture_snapshot *snapshot, struct frame *frame)
{
    uint64_t return_address = snapshot->registers[REGISTER_PC];
    if (return_address < 2) {
        return false;
    }
    *frame = (struct frame){.pc = return_address - 2,
                            .return_address = return_address,
                            .module = modules_find(modules, return_address - 1)};
    memcpy(frame->registers, snapshot->registers, sizeof frame->registers);
    frame->known = snapshot->known & ((UINT64_C(1) << CAPTURE_REGISTERS) - 1);
    frame->known &= ~(UINT64_C(1) << REGISTER_SCRATCH);
    if (frame->module == NULL) {
        return false;
    }
    if (!call_is_direct(modules, snapshot)) {
        frame->known &= CALLEE_SAVED;
    }
    return true;
}

/* Finds the frame's CFA and the registers of its caller. False: the frame is the outermost that is known. */
static bool unwind(struct modules *modules, const struct capture_snapshot *snapshot, struct frame *frame,
                   struct frame *caller)
{
    const struct module *module = frame->module;
    struct cfi_machine machine = {.modules = modules,
                                  .snapshot = snapshot,
                                  .registers = frame->registers,
                                  .known = frame->known,
                                  .bias = module != NULL ? module->bias : 0};
    if (module == NULL || module->elf == NULL) {
        return false;
    }
    const struct cfi_row *row = cfi_row_at(module->elf, frame->pc - module->bias);
    if (!cfi_cfa(row, &machine, &machine.cfa)) {
        return false;
    }
    frame->cfa = machine.cfa;
    *caller = (struct frame){0};
    for (unsigned i = 0; i < CAPTURE_REGISTERS; i++) {
        if (cfi_value(row, &machine, i, &caller->registers[i])) {
            caller->known |= UINT64_C(1) << i;
        }
    }
    /* The return address is never "unchanged"; the stack pointer of the caller is the CFA by definition. */
    if (row->registers[REGISTER_PC].type == CFI_SAME || !(caller->known >> REGISTER_PC & 1)) {
        return false;
    }
    if (row->registers[REGISTER_SP].type == CFI_UNDEFINED || row->registers[REGISTER_SP].type == CFI_SAME) {
        caller->registers[REGISTER_SP] = frame->cfa;
        caller->known |= UINT64_C(1) << REGISTER_SP;
    }
    caller->return_address = caller->registers[REGISTER_PC];
    if (caller->return_address == 0) {
        return false;
    }
    /* What a signal interrupted was no call: its address is exact. */
    caller->pc = row->signal ? caller->return_address : caller->return_address - 1;
    caller->module = modules_find(modules, caller->pc);
    return true;
}

size_t frames_of(struct modules *modules, const struct capture_snapshot *snapshot, struct frame *out, size_t max)
{
    size_t count = 1;
    if (max == 0 || !first_frame(modules, snapshot, &out[0])) {
        return 0;
    }
    for (;;) {
        struct frame caller;
        struct frame *frame = &out[count - 1];
        if (!unwind(modules, snapshot, frame, &caller) || count == max) {
            return count;
        }
        /* The stack grows downwards: a caller that lies no higher is not one (a signal's other stack apart). */
        bool higher = caller.registers[REGISTER_SP] > frame->registers[REGISTER_SP];
        if (!higher || !(frame->known >> REGISTER_SP & 1)) {
            return count;
        }
        out[count++] = caller;
    }
}
