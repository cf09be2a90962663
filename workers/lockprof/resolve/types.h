/* SPDX-License-Identifier: Apache-2.0 */
/* The types of one module's debug information, as far as they lead to locks: records, arrays, pointers, locks. Parsed
 * once, when first asked for; typedefs and qualifiers are gone. */
#ifndef LOCKPROF_RESOLVE_TYPES_H
#define LOCKPROF_RESOLVE_TYPES_H

#include "lockprof/resolve/capture_file.h"
#include "lockprof/resolve/standard.h"

#define ARRAY_DIMENSIONS_MAX 4

/* Which type of lock it is. */
enum lock_bits {
    LOCK_MUTEX = 1,      /* pthread_mutex_t, and inside std::mutex and the like */
    LOCK_MTX = 2,        /* mtx_t */
    LOCK_RWLOCK = 4,     /* pthread_rwlock_t, and inside std::shared_mutex */
    LOCK_SPIN = 8,       /* pthread_spinlock_t, by that name only: it is an int */
    LOCK_SEMAPHORE = 16, /* sem_t */
};

/* What a call into the capture library takes. */
unsigned locks_of_call(enum capture_kind kind, uint32_t call);

enum type_kind { TYPE_OTHER, TYPE_LOCK, TYPE_RECORD, TYPE_ARRAY, TYPE_POINTER };

struct type {
    enum type_kind kind;
    uint64_t size;     /* bytes; 0: not known, which holds nothing */
    const char *name;  /* of a record; NULL: anonymous */
    bool is_reference; /* TYPE_POINTER: written without star or arrow */
    bool is_standard;  /* TYPE_RECORD: a class of the standard library */
    bool is_closure;   /* TYPE_RECORD: what a lambda captured */
    unsigned locks;    /* TYPE_LOCK: enum lock_bits */
    unsigned dimensions;
    uint64_t counts[ARRAY_DIMENSIONS_MAX];
    struct type *element; /* TYPE_ARRAY */
    /* Private to types.c: parsed when asked for. */
    Dwarf_Die die;
    bool has_target, has_members, has_slots;
    struct type *target;
    struct member *members;
    size_t member_count;
    struct slot *slots;
    size_t slot_count;
};

/* A member, or a base class (without a name). Bit fields, static members and virtual bases are left out, and what
 * neither is nor leads to a lock. */
struct member {
    const char *name; /* NULL: anonymous struct or union, base class */
    uint64_t offset;
    struct type *type;
    Dwarf_Die die;
};

/* A pointer anywhere inside an object, in members and array elements. */
struct slot {
    uint64_t offset;
    struct type *pointer;
};

/* Completes a declaration: finds the one definition of that name. */
typedef bool (*types_complete_fn)(void *context, Dwarf_Die *declaration, Dwarf_Die *definition);

struct types {
    struct pool *pool; /* borrowed */
    struct standard *standard;
    struct table known; /* address of a DIE to its struct type */
    types_complete_fn complete;
    void *context;
};

void types_init(struct types *types, struct pool *pool, struct standard *standard, types_complete_fn complete,
                void *context);
void types_fini(struct types *types);

/* Never NULL; lives as long as the pool. */
struct type *types_of(struct types *types, Dwarf_Die *die);
/* The type that the DIE of a variable or member has. */
struct type *types_of_variable(struct types *types, Dwarf_Die *die);

/* What a pointer points to. */
struct type *type_target(struct types *types, struct type *pointer);
size_t type_members(struct types *types, struct type *record, const struct member **out);
/* Whether the member is a private part of a standard class: no name that a program says. */
bool type_hides(const struct type *record, const struct member *member);
/* The pointers of an object, in the order of their declaration; a bounded number. */
size_t type_slots(struct types *types, struct type *type, const struct slot **out);

#endif
