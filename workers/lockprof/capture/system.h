/* SPDX-License-Identifier: Apache-2.0 */
/* System calls without errno, cancellation or a PLT, and copying that no sanitizer of the target intercepts. Results
 * are the kernel's: negative errno on failure. */
#ifndef LOCKPROF_CAPTURE_SYSTEM_H
#define LOCKPROF_CAPTURE_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define SYSTEM3(name, a, b, c) system_call(SYS_##name, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYSTEM6(name, a, b, c, d, e, f)                                                                                \
    system_call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline void copy_bytes(void *to, const void *from, size_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static inline void zero_bytes(void *to, size_t size)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(0) : "memory");
}

/* Copies memory that may not be there; returns the bytes copied. */
static inline size_t copy_checked(int32_t pid, void *to, uint64_t from, size_t size)
{
    struct {
        void *base;
        size_t size;
    } local = {to, size}, remote = {(void *)from, size};
    long got = SYSTEM6(process_vm_readv, pid, &local, 1, &remote, 1, 0);
    return got > 0 ? (size_t)got : 0;
}

#endif
