/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of an edit share: the message, and the arena that everything in it lies in. Private to edit*.c. */
#ifndef LOCKTRAIL_PROFILE_EDIT_INTERNAL_H
#define LOCKTRAIL_PROFILE_EDIT_INTERNAL_H

#include "profile/edit.h"

#include "profile.pb-c.h"

/* Bytes of memory for each byte that a raw profile may have. A sample of ddtrace has some 60 bytes in the file and some
 * 400 as a message, so this is reached where a file has more than half of what may be read, or was made to hurt:
 * empty samples have 2 bytes and become 80. */
#define EDIT_MEMORY_RATIO 4
/* Strings that a profile may have to be edited: what is changed is added to the table, which must still be readable
 * (PROFILE_STRINGS_MAX). */
#define EDIT_STRINGS_MAX (PROFILE_STRINGS_MAX / 4)

struct edit_block;

/* Memory that is freed at once. */
struct edit_arena {
    struct edit_block *blocks; /* the one in use first */
    size_t used;               /* of all blocks, as they were asked for */
    size_t max;
    bool full; /* more than `max` was asked for */
};

struct profile_edit {
    enum profile_encoding encoding;
    struct edit_arena arena;
    Pprof__Profile *message; /* all of it in the arena */
    size_t string_capacity;  /* of message->string_table */
};

/* Never NULL, not bounded: what an edit adds is bounded by what it works on. Zeroed. */
void *edit_alloc(struct profile_edit *edit, size_t size);

/* The same with `size` bytes of `from` (NULL allowed for none) at its beginning and `more` zeros behind them. */
void *edit_copy(struct profile_edit *edit, const void *from, size_t size, size_t more);

/* Index of a new string at the end of the table; -1 where the table is full. `text` is copied. */
int64_t edit_add_string(struct profile_edit *edit, const void *text, size_t size);

/* Whether the index is in the table and the text is there. */
bool edit_string_is(const struct profile_edit *edit, int64_t index, const char *text);

/* Calls `fn` for each number of the message that is an index into the string table. */
void edit_each_reference(struct profile_edit *edit, void (*fn)(int64_t *index, void *data), void *data);

#endif
