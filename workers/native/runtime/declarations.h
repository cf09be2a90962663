/* SPDX-License-Identifier: Apache-2.0 */
/* The locks that the patterns declare, as workers/native/markers.py reads them from the markers in the sources when the
 * workload is built. Nothing in it comes from a profile. */
#ifndef NATIVE_RUNTIME_DECLARATIONS_H
#define NATIVE_RUNTIME_DECLARATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* What a correct collector shows. */
enum rendering { SHOWN_GENERIC, SHOWN_EXACT };

struct declaration {
    const char *id;      /* "member/cache_lock" */
    const char *name;    /* as a collector should show it, or as its expression should end; "" for a nameless lock */
    const char *pattern; /* "member" */
    const char *site;    /* "member.c:14": the declaration */
    const char *sites;   /* further lines by which it may be shown, as the elements of a JSON list */
    enum rendering with_debug; /* with full debug information */
    enum rendering by_symbol;  /* with nothing but ELF symbols, or these and line tables */
    bool contends;             /* false: by its nature nobody ever waits for it */
};

extern const struct declaration declarations[];
extern const size_t declaration_count;

/* The place of a lock in `declarations`; ends the program where there is none, since a pattern without its marker is a
 * broken program. */
size_t declaration_find(const char *id);

#endif
