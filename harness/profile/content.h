/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of contents, for comparing two files whose tables are numbered differently. Not for untrusted keys of a table:
 * a collision only makes two samples look alike. Private to the comparison. */
#ifndef LOCKTRAIL_PROFILE_CONTENT_H
#define LOCKTRAIL_PROFILE_CONTENT_H

#include <stddef.h>
#include <stdint.h>

/* One value into another, so that order matters (the finalizer of MurmurHash3, public domain, Austin Appleby). */
static inline uint64_t content_mix(uint64_t seed, uint64_t value)
{
    uint64_t h = (seed * 0x9E3779B97F4A7C15u) ^ value;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDu;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53u;
    return h ^ (h >> 33);
}

/* Of bytes; never 0. */
static inline uint64_t content_hash(const char *bytes, size_t size)
{
    uint64_t h = content_mix(size, 1);
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        __builtin_memcpy(&word, bytes, 8);
        h = content_mix(h, word);
    }
    uint64_t last = 0;
    for (size_t i = 0; i < size; i++) {
        last = last << 8 | (unsigned char)bytes[i];
    }
    h = content_mix(h, last);
    return h != 0 ? h : 1;
}

#endif
