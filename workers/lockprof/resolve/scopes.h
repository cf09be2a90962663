/* SPDX-License-Identifier: Apache-2.0 */
/* What is in scope at an address of code: functions inlined there, their variables, and where those are. Learnt once
 * for each address. */
#ifndef LOCKPROF_RESOLVE_SCOPES_H
#define LOCKPROF_RESOLVE_SCOPES_H

#include "lockprof/resolve/expression.h"
#include "lockprof/resolve/functions.h"
#include "lockprof/resolve/types.h"

/* A variable in scope. One without a location (optimized out) is kept: its name hides outer ones. */
struct variable {
    const char *name;
    bool is_parameter;
    struct type *type; /* parsed already */
    Dwarf_Die die;
    Dwarf_Attribute attr; /* its location, of which the operations are at this pc */
    Dwarf_Op *ops;
    size_t op_count; /* 0: none here */
};

/* One function of the source, inlined or not. */
struct level {
    const char *function;
    bool is_standard;                 /* of the standard library */
    const char *file;                 /* base name of the place in it; NULL: not known */
    unsigned line;                    /* 0: not known */
    const struct variable *variables; /* of the innermost block first, in the order of declaration in each; shadowed
                                         ones left out */
    size_t count;
};

/* What is known at a pc; the levels from the innermost inlined function to the one that has the code. */
struct plan {
    const struct module *module;
    uint64_t pc;   /* link address */
    uint64_t bias; /* of the debug information */
    Dwarf_Die function;
    bool is_folded; /* its code is that of other functions too, with other types: its variables say nothing */
    bool has_frame_base;
    Dwarf_Attribute frame_base;
    Dwarf_Op *frame_base_ops;
    size_t frame_base_count;
    const struct level *levels;
    size_t count;
};

/* The types of the module that has an address; how the namer keeps them apart. */
typedef struct types *(*scopes_types_fn)(void *context, const struct module *module);

struct scopes {
    struct modules *modules; /* borrowed, as all of these */
    struct pool *pool;
    struct standard *standard;
    scopes_types_fn types;
    void *context;
    struct table plans; /* pc to plan */
    struct function_index functions;
};

void scopes_init(struct scopes *scopes, struct modules *modules, struct pool *pool, struct standard *standard,
                 scopes_types_fn types, void *context);
void scopes_fini(struct scopes *scopes);

/* NULL: no debug information there. */
const struct plan *scopes_plan(struct scopes *scopes, const struct frame *frame);

/* What a register held when the frame's function was called, by what the caller's debug information says of that call.
 * False: not known, or the caller did not call this very function (a tail jump lies between). */
bool scopes_entry_value(const struct environment *environment, uint64_t number, uint64_t *value);

/* The base name of a path; NULL of NULL. */
const char *scopes_base_name(const char *path);

/* The base name of the file that declares it, and the line; NULL: not known. Of DWARF 5's file 0 as well, which
 * dwarf_decl_file of elfutils 0.188 refuses. */
const char *scopes_declaration(Dwarf_Die *die, unsigned *line);

#endif
