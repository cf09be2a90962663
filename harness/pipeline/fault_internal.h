/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a fault share: who is hit, and the work on one profile. Private to fault*.c. */
#ifndef LOCKTRAIL_PIPELINE_FAULT_INTERNAL_H
#define LOCKTRAIL_PIPELINE_FAULT_INTERNAL_H

#include "pipeline/fault.h"

/* What is hit is a hash of seed, number of the fault, content and index: no other randomness. */
struct fault_choice {
    uint64_t base;
    double rate;
};
/* Stands for the upload as a whole where an index of a sample could stand. */
#define FAULT_WHOLE_UPLOAD UINT64_MAX

struct fault_choice fault_choice_make(const struct scenario_fault *fault, uint64_t seed, size_t number,
                                      const char *key);
bool fault_choice_hits(const struct fault_choice *choice, uint64_t index);

/* Whether the fault is for the lock with this label (NULL: a sample without one, which only a fault for all locks
 * hits). */
bool fault_is_for(const struct scenario_fault *fault, const char *label);

/* Whether the fault's `rate` is for each lock sample; else it is for each upload. */
bool fault_is_for_samples(const struct scenario_fault *fault);

/* Whether it works on the profile's bytes, and not on the upload around them. */
bool fault_is_for_profiles(const struct scenario_fault *fault);

/* 1 where a profile holds one of the fault's locks, or the fault is for all of them; 0 where not; -1 where the profile
 * can't be read (code ERR_INPUT). */
int fault_holds_lock(const struct scenario_fault *fault, const void *bytes, size_t size, struct err *e);

/* fault_apply_profile with the choice made by the caller. */
int fault_edit(const struct scenario_fault *fault, const struct fault_choice *choice, const void *bytes, size_t size,
               struct fault_profile *out, struct err *e);

/* Damages the bytes until profile_read refuses them; appends them to *out. */
void fault_corrupt(const struct fault_choice *choice, const void *bytes, size_t size, struct buf *out);

/* What label_key_renamed makes of the key: `to`, or a made-up one where it is not given. */
const char *fault_key(const struct scenario_fault *fault);

/* The value that a lock's label becomes, for the caller to free; NULL where it stays. `names_swapped` is not of this
 * kind. */
char *fault_value(const struct scenario_fault *fault, const char *label);

/* The permutation of names_swapped. */
struct fault_swap {
    char **from, **to; /* sorted by `from` */
    size_t count;
};
/* Of these labels (borrowed; in any order, equal ones allowed). Nothing where they have fewer than two names. */
void fault_swap_make(const char *const *labels, size_t count, struct fault_swap *out);
const char *fault_swap_of(const struct fault_swap *swap, const char *label); /* NULL: stays */
void fault_swap_fini(struct fault_swap *swap);

/* Appends what the fault is, for a person: "value_truncated to 16 bytes", "status 503". */
void fault_describe(const struct scenario_fault *fault, struct buf *out);

#endif
