/* SPDX-License-Identifier: Apache-2.0 */
/* Entries between the executable's jump slots and the lock functions; see calls.h. */
#ifndef __x86_64__
#error "these entries, and the relocations in calls.c, are those of x86_64"
#endif

/* struct call of calls.c: name, entry, function. */
.macro entry name
    .text
    .type entry_\name, @function
entry_\name:
    .cfi_startproc
    movq (%rsp), %r11
    movq %r11, %fs:call_last@tpoff
    jmpq *call_\name+16(%rip)
    .cfi_endproc
    .size entry_\name, . - entry_\name
    .section .rodata.str1.1, "aMS", @progbits, 1
name_\name:
    .asciz "\name"
    .section .data.rel, "aw", @progbits
    .balign 8
call_\name:
    .quad name_\name, entry_\name, 0
.endm

    .section .data.rel, "aw", @progbits
    .balign 8
    .globl call_table
    .hidden call_table
call_table:

entry pthread_mutex_init
entry pthread_mutex_lock
entry pthread_mutex_trylock
entry pthread_mutex_timedlock
entry pthread_rwlock_init
entry pthread_rwlock_rdlock
entry pthread_rwlock_wrlock
entry pthread_spin_init
entry pthread_spin_lock
entry pthread_cond_wait
entry pthread_cond_timedwait
entry sem_init
entry sem_wait

    .section .data.rel, "aw", @progbits
    .quad 0, 0, 0

    .section .note.GNU-stack, "", @progbits
