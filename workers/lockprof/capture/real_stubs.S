/* SPDX-License-Identifier: Apache-2.0 */
/* real_NAME, pointing to stub_NAME until lockprof_resolve has found the function. A stub keeps the arguments and goes
 * where the pointer leads afterwards. */

.macro STUB name
    .section .data.rel.local, "aw"
    .p2align 3
    .globl real_\name
    .hidden real_\name
    .type real_\name, @object
    .size real_\name, 8
real_\name:
    .quad stub_\name

    .text
    .p2align 4
    .globl stub_\name
    .hidden stub_\name
    .type stub_\name, @function
stub_\name:
    .cfi_startproc
    endbr64
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    pushq %rsi
    .cfi_adjust_cfa_offset 8
    pushq %rdx
    .cfi_adjust_cfa_offset 8
    pushq %rcx
    .cfi_adjust_cfa_offset 8
    pushq %r8
    .cfi_adjust_cfa_offset 8
    call lockprof_resolve
    popq %r8
    .cfi_adjust_cfa_offset -8
    popq %rcx
    .cfi_adjust_cfa_offset -8
    popq %rdx
    .cfi_adjust_cfa_offset -8
    popq %rsi
    .cfi_adjust_cfa_offset -8
    popq %rdi
    .cfi_adjust_cfa_offset -8
    jmp *real_\name(%rip)
    .cfi_endproc
    .size stub_\name, . - stub_\name
.endm

#define REAL(name, version) STUB name
#define OLD(name) STUB old_##name
#include "lockprof/capture/real_list.h"

    .section .note.GNU-stack, "", @progbits
