/* SPDX-License-Identifier: Apache-2.0 */
/* A pprof file changed and written again: the labels and samples that a fault hits, and changes of form that mean
 * nothing. Works on protobuf-c's message of proto/profile.proto. */
#ifndef LOCKTRAIL_PROFILE_EDIT_H
#define LOCKTRAIL_PROFILE_EDIT_H

#include "base/buf.h"
#include "profile/profile.h"

struct profile_edit;

/* Decompresses and unpacks. Refuses what profile_read refuses, and what can't be changed: JFR, a message that needs
 * more than four times limits->max_raw_size in memory, more than a million strings, a field of the wrong wire type that
 * profile_read passes over. Code ERR_INPUT. */
int profile_edit_open(const void *bytes, size_t size, const struct profile_limits *limits, struct profile_edit **out,
                      struct err *e);
void profile_edit_free(struct profile_edit *edit);

/* One lock sample (profile.h), for the caller to decide. */
struct edit_sample {
    size_t index;      /* among all samples */
    uint64_t acquires; /* 0 where it has no such value, or one below zero */
    const char *label; /* value of `lock name` as profile_name.label, the first where it has several; NULL where it has
                          none. The edit's own, until it is freed */
};
/* Which samples are hit; `data` is the caller's. Asked once for each sample that would really be changed, in the order
 * of the samples. */
typedef bool (*edit_chosen_fn)(const struct edit_sample *sample, void *data);
/* The new value for a label; to be freed by the edit. NULL: as it was. Asked once for each string of the table that is
 * a lock's name. */
typedef char *(*edit_value_fn)(const char *label, void *data);

/* Calls `fn` for each lock sample; returns how many there are. */
size_t profile_edit_each(struct profile_edit *edit, void (*fn)(const struct edit_sample *sample, void *data),
                         void *data);

/* Each returns how many samples were changed. A changed value is a new string: samples that were not chosen keep
 * theirs. The first three concern samples with a label; a new value of "" is no label to a reader. A value is left as
 * it was where the string table is full (PROFILE_STRINGS_MAX). */
size_t profile_edit_drop_label(struct profile_edit *edit, edit_chosen_fn chosen, void *data);
size_t profile_edit_rename_key(struct profile_edit *edit, const char *to, edit_chosen_fn chosen, void *data);
size_t profile_edit_values(struct profile_edit *edit, edit_value_fn value, edit_chosen_fn chosen, void *data);
size_t profile_edit_drop_samples(struct profile_edit *edit, edit_chosen_fn chosen, void *data);

/* Changes that mean nothing. */
void profile_edit_reorder_strings(struct profile_edit *edit, uint64_t seed);
void profile_edit_duplicate_strings(struct profile_edit *edit, uint64_t seed); /* some strings twice in the table */
void profile_edit_reorder_samples(struct profile_edit *edit, uint64_t seed);
void profile_edit_add_type(struct profile_edit *edit, const char *type, const char *unit); /* its values are 0 */
/* `lock-acquire` becomes `lock_acquire` where from '-' to '_'. Returns how many types were renamed. */
size_t profile_edit_rename_types(struct profile_edit *edit, char from, char to);

/* Packs and compresses; appends to *out. */
void profile_edit_write(struct profile_edit *edit, enum profile_encoding encoding, struct buf *out);
enum profile_encoding profile_edit_encoding(const struct profile_edit *edit); /* as it came */

#endif
