/* SPDX-License-Identifier: Apache-2.0 */
/* Ways from a variable to the lock by the types: members, array elements within their bounds, pointers whose value was
 * captured. A way counts only if it ends in an object of the lock's type at exactly its address. */
#ifndef LOCKPROF_RESOLVE_PATHS_H
#define LOCKPROF_RESOLVE_PATHS_H

#include "lockprof/resolve/scopes.h"

#define PATH_DEREFERENCES_MAX 3
#define PATH_NODES_MAX 512 /* objects looked at in one search */
#define PATH_TEXT_MAX 256  /* longer expressions are no names */

/* A way that was found. */
struct path {
    char text[PATH_TEXT_MAX];
    bool is_parameter;     /* begins at a parameter */
    bool is_alias;         /* ends with a pointer to nothing but the lock */
    unsigned dereferences; /* 0: the variable itself is or contains the lock */
    unsigned visible;      /* members and indices that the text says */
    Dwarf_Die declaration; /* of the variable or last member that the text says */
};

/* One object on the way. */
struct path_node {
    const struct variable *root;
    int parent;                 /* index, -1: the variable itself */
    const struct type *pointer; /* in the parent, at `offset`, by which this was reached */
    uint64_t offset;
    struct type *type;
    bool in_memory;
    uint64_t address;
    struct location location; /* !in_memory */
    int64_t into;             /* bytes into `location` */
    unsigned dereferences;
};

struct path_search {
    struct types *types;
    const struct memory *memory;
    struct environment environment; /* of the variables */
    uint64_t lock;
    unsigned locks; /* enum lock_bits */
    size_t count;
    struct path_node nodes[PATH_NODES_MAX];
};

/* Begins a search; `nodes` may hold anything before. */
void path_search_begin(struct path_search *search, struct types *types, const struct environment *environment,
                       uint64_t lock, unsigned locks);
/* Adds a variable to begin at; one whose place is unknown is passed over. */
void path_search_add(struct path_search *search, const struct variable *variable);
/* Adds what the pointer at an offset in a variable points to. */
void path_search_add_pointer(struct path_search *search, const struct variable *variable, uint64_t offset,
                             uint64_t value);

/* Tells whether `a` and `b` end in the same member of the same type. */
bool path_same_end(const struct path *a, const struct path *b);

/* The best way: fewest dereferences, then the order in which variables were added and members are declared; names
 * that only point to the lock come last. `*conflict` where two ways end in different members: at most one of the
 * variables still points to what its type says, and nothing tells which. `end`: only ways that end as this one does;
 * NULL: any. */
bool path_search_run(struct path_search *search, const struct path *end, struct path *out, bool *conflict);

/* What lies at an offset of a variable of a type with storage of its own. */
bool path_in_storage(struct types *types, const struct variable *variable, uint64_t offset, unsigned locks,
                     struct path *out);

#endif
