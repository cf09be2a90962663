/* SPDX-License-Identifier: Apache-2.0 */
/* A lock's name, from what was captured of it: the expression by which the program's source denotes the lock, where the
 * debug information proves it.
 *
 * Order: storage whose address is the lock's (static, global, thread-local); then in each frame the variables whose
 * value leads there by their types: the lock itself, a struct that holds it, a pointer to such a struct, through
 * members, array elements and further pointers; then globals that point there. A path is proved when each step is a
 * typed member, an index within the array's bounds or a pointer whose value was captured, and it ends in an object of
 * the lock's own type at exactly its address. A frame whose path begins at a parameter (and inlined or standard library
 * wrappers) is followed outward, and the outer path replaces the parameter. */
#ifndef LOCKPROF_RESOLVE_NAMES_H
#define LOCKPROF_RESOLVE_NAMES_H

#include "lockprof/resolve/frames.h"

/* From the best to the poorest. */
enum name_source {
    NAME_STORAGE, /* a variable with static, thread or stack storage that is or contains the lock */
    NAME_PATH,    /* members through pointers: `s->inner.cache_lock`, `g_app->app_lock` */
    NAME_POINTER, /* a pointer to nothing but the lock: `lk` */
    NAME_SYMBOL,  /* an ELF symbol, with +0xOFFSET inside it */
    NAME_LINE,    /* no name: file.c:line of its init call, else of its first acquire */
    NAME_ADDRESS, /* no name: module+0xoffset, of the lock in a module's data, else of the call's return address */
    NAME_UNKNOWN  /* not even a module */
};

/* What the profile calls a lock. */
struct lock_name {
    enum name_source source;
    bool from_parameter; /* the name begins at a parameter: another call may know what it stands for */
    bool from_global;    /* the name begins at a pointer with storage for good: it means the same everywhere */
    char *name;          /* "s->user_session_lock"; NULL where there is none */
    char *file; /* base name. Where a name is proved: of the declaration of the variable or last member; else of the
                   call; NULL not known */
    unsigned line;
    char *address; /* "module+0x1234" */
    char *label;   /* FILE:LINE:NAME, MODULE:0:NAME where no line is known, FILE:LINE, or MODULE+0xOFFSET; never NULL */
};

struct namer;

struct namer *namer_new(struct modules *modules);
void namer_free(struct namer *namer);

/* What one snapshot says of its lock. `frames` are the snapshot's, `count` may be 0. Always gives a label. The caller
 * frees with lock_name_fini. Names of locks of one (call stack, type) come fast: what was learnt is kept. */
void namer_name(struct namer *namer, const struct capture_snapshot *snapshot, enum capture_kind kind,
                const struct frame *frames, size_t count, struct lock_name *out);

/* Whether `a` says more than `b`: a better source; of two paths the one from a global pointer, then the one that does
 * not begin at a parameter, then the one with more members (a constructor's local says less than who owns it); of two
 * pointers the one that is a member; of two NAME_LINE or NAME_ADDRESS the one of an init call. */
bool lock_name_better(const struct lock_name *a, bool a_is_init, const struct lock_name *b, bool b_is_init);

/* Whether the two can't be of one lock: both are proved members or variables, declared at different places. So it is
 * where memory was used again and nothing destroyed the lock before (std::mutex never is, stack locals seldom): then
 * each call's own name holds for that call. Looks at source, file and line only. */
bool lock_name_contradicts(const struct lock_name *a, const struct lock_name *b);

void lock_name_fini(struct lock_name *name);

#endif
