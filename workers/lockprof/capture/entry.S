/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the target calls.
 *
 * An acquire is looked up in the thread's cache first. Nothing but r11, dead at every call by the ABI (a PLT stub may
 * use it), is lost on this way: rax goes to the red zone, 128 bytes that no signal handler touches. On a hit no
 * register is of interest any more and hit_NAME(arguments, slot) goes on; on a miss all of them are saved, as they
 * were at the call instruction, for the snapshot. */
#include "lockprof/capture/layout.h"
#include "lockprof/capture/calls.h"

.macro FUNCTION name
    .text
    .p2align 5
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    endbr64
.endm

.macro END name
    .cfi_endproc
    .size \name, . - \name
.endm

/* r11 = the thread's state */
.macro SELF
    movq lockprof_self@gottpoff(%rip), %r11
    movq %fs:(%r11), %r11
.endm

/* rax = the slot in way \way of the lock's set; goes to \other where it is not this lock from this stack. */
.macro LOOKUP lock, way, other
    movq (%rsp), %rax
    addq \lock, %rax
    addq %rsp, %rax
    imull $CACHE_MULTIPLIER, %eax, %eax
    shrl $CACHE_SHIFT, %eax
    andl $CACHE_MASK, %eax
    movl STATE_CACHE + 4 * \way(%r11, %rax), %eax
    addq lockprof_slots(%rip), %rax
    cmpq \lock, SLOT_LIVE_LOCK(%rax)
    jne \other
    cmpq %rsp, SLOT_LIVE_STACK(%rax)
    jne \other
    movq (%rsp), %r11
    cmpq %r11, SLOT_LIVE_CALLER(%rax)
    jne \other
    movl SLOT_PROBE(%rax), %r11d
    movq (%rsp, %r11), %r11
    cmpq %r11, SLOT_PROBE_WORD(%rax)
    jne \other
.endm

.macro SAVE
    subq $FRAME_SIZE, %rsp
    .cfi_adjust_cfa_offset FRAME_SIZE
    movq %rax, 0(%rsp)
    movq %rdx, 8(%rsp)
    movq %rcx, 16(%rsp)
    movq %rbx, 24(%rsp)
    movq %rsi, 32(%rsp)
    movq %rdi, 40(%rsp)
    movq %rbp, 48(%rsp)
    leaq FRAME_SIZE + 8(%rsp), %rax
    movq %rax, 56(%rsp)
    movq %r8, 64(%rsp)
    movq %r9, 72(%rsp)
    movq %r10, 80(%rsp)
    movq %r11, 88(%rsp)
    movq %r12, 96(%rsp)
    movq %r13, 104(%rsp)
    movq %r14, 112(%rsp)
    movq %r15, 120(%rsp)
    movq FRAME_SIZE(%rsp), %rax
    movq %rax, 128(%rsp)
    cld
.endm

/* The arguments again; rax is left as it is. */
.macro RESTORE
    movq 8(%rsp), %rdx
    movq 16(%rsp), %rcx
    movq 32(%rsp), %rsi
    movq 40(%rsp), %rdi
    movq 64(%rsp), %r8
    addq $FRAME_SIZE, %rsp
    .cfi_adjust_cfa_offset -FRAME_SIZE
.endm

/* Takes a plain mutex that is free, as libc's own function does (mutex_plain.c has made sure that it does so): no call is
 * quicker than none. Leaves eax 0 where it did; goes to \busy where the mutex is held. r11 is the thread's state. */
.macro TAKE busy
    xorl %eax, %eax
    movl $1, %ecx
    lock cmpxchgl %ecx, MUTEX_LOCK(%rdi)
    jne \busy
    movl STATE_TID(%r11), %ecx
    movl %ecx, MUTEX_OWNER(%rdi)
    addl $1, MUTEX_USERS(%rdi)
.endm

/* A hit on a plain mutex. Whether a hold is to be timed is known before: timed ones go the long way. */
.macro QUICK
    movl SLOT_MODE(%rax), %r11d
    orl MUTEX_KIND(%rdi), %r11d
    orl lockprof_not_plain(%rip), %r11d
    jnz .Lmode
    movq %rax, %rdx
    SELF
    TAKE .Lbusy
    addq $1, SLOT_ACQUIRES(%rdx)
    ret
.Lmode:
    cmpl $MODE_SAMPLED, %r11d
    jne .Lslow
    movq %rax, %rdx
    SELF
    movl STATE_HELD_TOP(%r11), %esi
    cmpl $1, STATE_HOLD_COUNTDOWN(%r11)
    jbe .Lslow
    cmpl $HELD_LAST, %esi
    jae .Lslow
    TAKE .Lbusy
    addl $HELD_SIZE, %esi
    subl $1, STATE_HOLD_COUNTDOWN(%r11)
    movl %esi, STATE_HELD_TOP(%r11)
    movq %rdi, STATE_HELD + HELD_LOCK(%r11, %rsi)
    movq %rdx, STATE_HELD + HELD_SLOT(%r11, %rsi)
    movq $0, STATE_HELD + HELD_TICKS(%r11, %rsi)
    addq $1, SLOT_ACQUIRES(%rdx)
    ret
.Lbusy:
    movq %rdx, %rax
.Lslow:
.endm

.macro ACQUIRE name, call, lock=%rdi, wait=0, quick=0
    FUNCTION \name
    SELF
    cmpl $0, STATE_COUNTDOWN(%r11)
    jne .Lcount_\name
    movq %rax, -8(%rsp)
.Llook_\name:
    LOOKUP \lock, 0, .Lsecond_\name
.Lhit_\name:
    .if \quick
    QUICK
    .endif
    movq %rax, %r8
    jmp hit_\name
.Lsecond_\name:
    SELF
    LOOKUP \lock, 1, .Lmiss_\name
    jmp .Lhit_\name
.Lmiss_\name:
    movq -8(%rsp), %rax
    SAVE
    movq \lock, %rsi
    movq %rsp, %rdi
    movl $\call, %edx
    call lockprof_miss
    RESTORE
    testq %rax, %rax
    jnz .Lhit_\name
.Lpass_\name:
    .if \wait
    /* A wait that is not recorded ends a hold that is. */
    SELF
    cmpl $0, STATE_HELD_TOP(%r11)
    je .Lreal_\name
    SAVE
    movq \lock, %rdi
    call lockprof_wait_passes
    RESTORE
    .endif
.Lreal_\name:
    jmp *real_\name(%rip)
.Lcount_\name:
    cmpl $-1, STATE_COUNTDOWN(%r11)
    je .Lpass_\name
    subl $1, STATE_COUNTDOWN(%r11)
    jz .Lchosen_\name
    .if \wait
    jmp .Lpass_\name
    .endif
    .if \quick
    movl MUTEX_KIND(%rdi), %eax
    orl lockprof_not_plain(%rip), %eax
    jnz .Lreal_\name
    TAKE .Lreal_\name
    ret
    .endif
    jmp *real_\name(%rip)
.Lchosen_\name:
    movq %rax, -8(%rsp)
    movabsq $RANDOM_MULTIPLIER, %rax
    imulq STATE_RANDOM(%r11), %rax
    addq $RANDOM_INCREMENT, %rax
    movq %rax, STATE_RANDOM(%r11)
    shrq $56, %rax
    leaq lockprof_draws(%rip), %r11
    movl (%r11, %rax, 4), %eax
    SELF
    movl %eax, STATE_COUNTDOWN(%r11)
    jmp .Llook_\name
    END \name
.endm

/* A release ends a hold, if the thread has any. Taken branches are what counts here: the straight way is that of a
 * thread that has none, for which this is one jump. */
.macro RELEASE name, quick=0
    FUNCTION \name
    SELF
    movl STATE_HELD_TOP(%r11), %eax
    testl %eax, %eax
    jnz .Lheld_\name
.Lfree_\name:
    .if \quick
    /* A plain mutex that nobody waits for. */
    movl MUTEX_KIND(%rdi), %eax
    orl lockprof_not_plain(%rip), %eax
    jnz .Lreal_\name
    movl $0, MUTEX_OWNER(%rdi)
    subl $1, MUTEX_USERS(%rdi)
    xorl %ecx, %ecx
    movl $1, %eax
    lock cmpxchgl %ecx, MUTEX_LOCK(%rdi)
    jne .Lwaited_\name
    xorl %eax, %eax
    ret
.Lwaited_\name:
    addl $1, MUTEX_USERS(%rdi)
.Lreal_\name:
    .endif
    jmp *real_\name(%rip)
.Lheld_\name:
    cmpq %rdi, STATE_HELD + HELD_LOCK(%r11, %rax)
    jne .Lcall_\name
    cmpq $0, STATE_HELD + HELD_TICKS(%r11, %rax)
    jne .Lcall_\name
    movq STATE_HELD + HELD_SLOT(%r11, %rax), %rcx
    subl $HELD_SIZE, %eax
    movl %eax, STATE_HELD_TOP(%r11)
    addq $1, SLOT_RELEASES(%rcx)
    jmp .Lfree_\name
.Lcall_\name:
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    call lockprof_release
    popq %rdi
    .cfi_adjust_cfa_offset -8
    jmp *real_\name(%rip)
    END \name
.endm

.macro INIT name, call
    FUNCTION \name
    SAVE
    movq %rdi, %rsi
    movq %rsp, %rdi
    movl $\call, %edx
    call lockprof_init_call
    RESTORE
    jmp *real_\name(%rip)
    END \name
.endm

/* dlopen looks at its return address (RUNPATH, $ORIGIN), so it is never called from here but gone on to. */
.macro LOADS name
    FUNCTION \name
    movl $1, lockprof_loading(%rip)
    jmp *real_\name(%rip)
    END \name
.endm

/* Conditions of programs linked before glibc 2.3.2 are another type under the same name: they go straight on.
 * exports.map gives the other version to the functions above. */
.macro OLD name
    FUNCTION old_\name
    jmp *real_old_\name(%rip)
    END old_\name
    .symver old_\name, \name@GLIBC_2.2.5, remove
.endm

/* Another name of libc for the same function. */
.macro ALIAS other, name
    .globl \other
    .type \other, @function
    .set \other, \name
.endm

    ACQUIRE pthread_mutex_lock, CALL_MUTEX_LOCK, quick=1
    ACQUIRE pthread_mutex_trylock, CALL_MUTEX_TRYLOCK
    ACQUIRE pthread_mutex_timedlock, CALL_MUTEX_TIMEDLOCK
    ACQUIRE pthread_mutex_clocklock, CALL_MUTEX_CLOCKLOCK
    RELEASE pthread_mutex_unlock, quick=1
    INIT pthread_mutex_init, CALL_MUTEX_INIT

    ACQUIRE pthread_rwlock_rdlock, CALL_RWLOCK_RDLOCK
    ACQUIRE pthread_rwlock_tryrdlock, CALL_RWLOCK_TRYRDLOCK
    ACQUIRE pthread_rwlock_timedrdlock, CALL_RWLOCK_TIMEDRDLOCK
    ACQUIRE pthread_rwlock_clockrdlock, CALL_RWLOCK_CLOCKRDLOCK
    ACQUIRE pthread_rwlock_wrlock, CALL_RWLOCK_WRLOCK
    ACQUIRE pthread_rwlock_trywrlock, CALL_RWLOCK_TRYWRLOCK
    ACQUIRE pthread_rwlock_timedwrlock, CALL_RWLOCK_TIMEDWRLOCK
    ACQUIRE pthread_rwlock_clockwrlock, CALL_RWLOCK_CLOCKWRLOCK
    RELEASE pthread_rwlock_unlock
    INIT pthread_rwlock_init, CALL_RWLOCK_INIT

    ACQUIRE pthread_cond_wait, CALL_COND_WAIT, %rsi, 1
    ACQUIRE pthread_cond_timedwait, CALL_COND_TIMEDWAIT, %rsi, 1
    ACQUIRE pthread_cond_clockwait, CALL_COND_CLOCKWAIT, %rsi, 1

    ACQUIRE pthread_spin_lock, CALL_SPIN_LOCK
    ACQUIRE pthread_spin_trylock, CALL_SPIN_TRYLOCK
    RELEASE pthread_spin_unlock
    INIT pthread_spin_init, CALL_SPIN_INIT

    ACQUIRE sem_wait, CALL_SEM_WAIT
    ACQUIRE sem_trywait, CALL_SEM_TRYWAIT
    ACQUIRE sem_timedwait, CALL_SEM_TIMEDWAIT
    ACQUIRE sem_clockwait, CALL_SEM_CLOCKWAIT
    RELEASE sem_post
    INIT sem_init, CALL_SEM_INIT

    ACQUIRE mtx_lock, CALL_MTX_LOCK
    ACQUIRE mtx_trylock, CALL_MTX_TRYLOCK
    ACQUIRE mtx_timedlock, CALL_MTX_TIMEDLOCK
    RELEASE mtx_unlock
    INIT mtx_init, CALL_MTX_INIT
    ACQUIRE cnd_wait, CALL_CND_WAIT, %rsi, 1
    ACQUIRE cnd_timedwait, CALL_CND_TIMEDWAIT, %rsi, 1

    OLD pthread_cond_wait
    OLD pthread_cond_timedwait
    OLD pthread_cond_signal
    OLD pthread_cond_broadcast

    LOADS dlopen
    LOADS dlmopen

    ALIAS __pthread_mutex_lock, pthread_mutex_lock
    ALIAS __pthread_mutex_trylock, pthread_mutex_trylock
    ALIAS __pthread_mutex_unlock, pthread_mutex_unlock
    ALIAS __pthread_mutex_init, pthread_mutex_init
    ALIAS __pthread_rwlock_rdlock, pthread_rwlock_rdlock
    ALIAS __pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock
    ALIAS __pthread_rwlock_wrlock, pthread_rwlock_wrlock
    ALIAS __pthread_rwlock_trywrlock, pthread_rwlock_trywrlock
    ALIAS __pthread_rwlock_unlock, pthread_rwlock_unlock
    ALIAS __pthread_rwlock_init, pthread_rwlock_init

    .section .note.GNU-stack, "", @progbits
