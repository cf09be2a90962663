/* SPDX-License-Identifier: Apache-2.0 */
/* Offsets and sizes that the assembly entry shares with C; library.h asserts each of them. */
#ifndef LOCKPROF_CAPTURE_LAYOUT_H
#define LOCKPROF_CAPTURE_LAYOUT_H

/* struct state */
#define STATE_COUNTDOWN 0
#define STATE_HELD_TOP 4
#define STATE_RANDOM 8
#define STATE_HOLD_COUNTDOWN 16
#define STATE_TID 36
#define STATE_CACHE 64
#define STATE_HELD 2112

/* struct held */
#define HELD_LOCK 0
#define HELD_SLOT 8
#define HELD_TICKS 16
#define HELD_SIZE 32

/* struct capture_slot */
#define SLOT_LIVE_LOCK 0
#define SLOT_LIVE_CALLER 8
#define SLOT_LIVE_STACK 16
#define SLOT_PROBE_WORD 24
#define SLOT_PROBE 32
#define SLOT_MODE 36
#define SLOT_ACQUIRES 40
#define SLOT_RELEASES 48

/* capture_slot.mode. The bits are none of a mutex's kind and of lockprof_not_plain, so that one comparison tells all
 * three (QUICK in entry.S). TIMED: each hold is timed; SAMPLED: some are; neither: holds are not recorded. */
#define MODE_TIMED 0x10000
#define MODE_SAMPLED 0x20000
#define NOT_PLAIN 0x40000

/* pthread_mutex_t of glibc: its first word (0: free, 1: held, more: held and waited for), its owner's tid, its count of
 * users, its kind (0: normal, default attributes). mutex_plain.c makes sure of what they mean. */
#define MUTEX_LOCK 0
#define MUTEX_OWNER 8
#define MUTEX_USERS 12
#define MUTEX_KIND 16

#define HELD_LAST 8192 /* offset of the last entry from `held` */

/* The cache: 256 sets of two slot offsets (4 bytes each). The set is taken from bits 24-31 of the product. */
#define CACHE_SETS 256
#define CACHE_MULTIPLIER 0x61c88647
#define CACHE_SHIFT 21
#define CACHE_MASK 0x7f8

/* Steps between recorded acquires, drawn from a table by the high byte of a random number. */
#define DRAWS 256
#define RANDOM_MULTIPLIER 0x5851f42d4c957f2d
#define RANDOM_INCREMENT 0x14057b7d

/* Saved registers of a miss: 17 words by DWARF number. */
#define FRAME_SIZE 136

#endif
