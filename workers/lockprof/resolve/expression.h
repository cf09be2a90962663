/* SPDX-License-Identifier: Apache-2.0 */
/* DWARF location expressions, evaluated over a snapshot. What can't be computed for certain is unknown. */
#ifndef LOCKPROF_RESOLVE_EXPRESSION_H
#define LOCKPROF_RESOLVE_EXPRESSION_H

#include "lockprof/resolve/frames.h"
#include "lockprof/resolve/memory.h"

#define LOCATION_PIECES_MAX 8

enum piece_kind {
    PIECE_UNKNOWN,
    PIECE_MEMORY,  /* `value` is its address */
    PIECE_VALUE,   /* `value` is what it holds, up to 8 bytes: a register, a computed value */
    PIECE_POINTER, /* a pointer to `offset` bytes into an object that has no address, at `target`'s location */
};

struct piece {
    enum piece_kind kind;
    uint64_t value;
    uint64_t size; /* bytes; 0: the whole object */
    int64_t offset;
    Dwarf_Attribute target;
};

/* Where an object is, or what it holds. */
struct location {
    size_t count;
    struct piece pieces[LOCATION_PIECES_MAX];
};

struct scopes;

/* In which an expression is evaluated. Everything borrowed. */
struct environment {
    struct scopes *scopes; /* finds call sites; NULL: no entry values */
    const struct memory *memory;
    const struct frame *frames; /* of the snapshot; count 0: only what needs no frame */
    size_t count;
    size_t index;                /* of the frame */
    const struct module *module; /* of the frame's code, or of the variable */
    uint64_t bias;               /* of its debug information */
    const struct plan *plan;     /* of the frame: frame base, function; NULL: none */
    unsigned depth;              /* of frame bases and entry values within one another */
};

/* An expression in the attribute that has it (its operations refer to it). False: unknown. */
bool expression_location(const struct environment *environment, Dwarf_Attribute *attr, const Dwarf_Op *ops,
                         size_t count, struct location *out);

/* The same for an expression that computes a value. */
bool expression_value(const struct environment *environment, Dwarf_Attribute *attr, const Dwarf_Op *ops, size_t count,
                      uint64_t *out);

/* The expression that holds at a pc (link address); false: none, or more than one. */
bool expression_at(Dwarf_Attribute *attr, uint64_t pc, Dwarf_Op **ops, size_t *count);

/* The 8 bytes at an offset in the object, as one whole. `*pointer` is set instead of `*value` where they are a pointer
 * to an object without an address. False: unknown. */
bool location_word(const struct location *location, const struct memory *memory, uint64_t offset, uint64_t *value,
                   const struct piece **pointer);

/* The block of a module's thread-local variables in the thread of the snapshot; 0: unknown. */
uint64_t environment_tls(const struct memory *memory, const struct module *module);

#endif
