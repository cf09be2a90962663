/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a scenario, one row each: reading, defaults, ranges, printing, freeing and the help all come from these
 * tables. */
#ifndef LOCKTRAIL_SCENARIO_KEYS_H
#define LOCKTRAIL_SCENARIO_KEYS_H

#include "base/buf.h"
#include "scenario/scenario.h"

#include <stdbool.h>
#include <stddef.h>

/* Bounds that several rows have. */
#define KEY_MIB(n) ((double)(n)*1048576)
#define KEY_GIB(n) ((double)(n)*1073741824)
#define KEY_HOURS(n) ((double)(n)*3600000) /* ms */
/* Linux: MAX_ARG_STRLEN, 32 pages for one argument with its zero. */
#define KEY_ARGUMENT_MAX 131071
/* Datadog cuts tags, of which service, env and version are, at 200 characters. */
#define KEY_TAG_MAX 200
/* Names and ids of locks: longer than any that a collector shows. */
#define KEY_TEXT_MAX 1024
/* 10^9 iterations at a microsecond each are a quarter of an hour; more in one phase is a slip of the pen. */
#define KEY_ITERATIONS_MAX 1e9
/* What browsers and servers take for sure; a link of a site with a query of its own is some hundred bytes. */
#define KEY_LINK_MAX 8000
/* Bytes by which a fault lies about a body: as large as the largest body that an intake takes. */
#define KEY_FAULT_LENGTH_MAX KEY_GIB(1)

#define KEY_ONE_LINE "text of one line"
#define KEY_FILE_NAME "a name that can be a file's: letters, digits, `.`, `_` and `-`, at most 64"

enum key_type {
    KEY_TEXT,      /* char * */
    KEY_WORD,      /* one of the row's words: an enum */
    KEY_BOOL,      /* bool */
    KEY_UNSIGNED,  /* unsigned */
    KEY_UINT64,    /* uint64_t */
    KEY_NUMBER,    /* double */
    KEY_DURATION,  /* int64_t, milliseconds */
    KEY_SIZE,      /* uint64_t, bytes */
    KEY_RENDERING, /* enum rendering, and at `second` a char *: the mangled name */
    KEY_SITE,      /* char *: the file, and at `second` an unsigned: the line */
    KEY_TEXTS,     /* char ** and at `second` a size_t: their number */
    KEY_VARIABLES, /* struct scenario_variable * and at `second` a size_t */
    KEY_TABLE,     /* the members of the row's table, in the same struct */
    KEY_CONTROL,   /* enum control_kind: a word, or the row's table */
    KEY_NAMED,     /* array of the table's elements by name, and at `second` a size_t: a mapping */
    KEY_LISTED,    /* the same as a list */
    KEY_APART,     /* nothing: whoever has the table reads it; `expected` says what it is */
    KEY_TYPE_COUNT
};

/* When a key has a meaning at all. */
struct condition {
    bool (*holds)(const void *base);
    const char *keys[2]; /* what it depends on: where one of these is wrong, nothing can be said */
    const char *text;    /* for whoever gives the key without: "only a worker with `runtime: command` has this key" */
    const char *note;    /* for the help: "runtime command" */
};

struct key_table;

struct key {
    const char *name;
    enum key_type type;
    size_t offset, second; /* of members in the table's struct */

    /* Numbers, durations (ms), sizes: the range; texts: the length in bytes; lists of texts: the fewest elements, and
     * the longest one in bytes. max 0: any. `above`: min itself is too small. */
    double min, max;
    bool above;
    const char *zero; /* what 0 means where it is allowed below min: "no limit"; NULL: not allowed */

    const char *initial;      /* the default as it would stand in a file; NULL: none */
    bool required;            /* where its condition holds */
    const char *const *words; /* KEY_WORD, KEY_CONTROL: names in the order of the enum, NULL at the end */
    unsigned first;           /* KEY_WORD: the enum's value of the first word */
    size_t given;             /* KEY_WORD: of a bool that says that the key was there; 0: none */
    const char *expected;     /* texts: "a name that can be a file's: ..." */
    /* Texts (each of KEY_TEXTS): false where it is not `expected`; may put a more exact reason into *why. */
    bool (*check)(const char *text, struct buf *why);
    const struct key_table *table;
    const struct condition *only;
    bool (*hidden)(const void *base); /* not printed: its value follows from others, or there is none */
    const char *help;
};

struct key_table {
    const struct key *rows;
    size_t count;
    size_t size;             /* of the struct in which the members are */
    size_t name_offset;      /* KEY_NAMED: of the char * that gets the key */
    const char *shorthand;   /* KEY_LISTED: the key that an element has which is a bare text, KEY_TABLE: the key whose
                                value may stand for the whole mapping; NULL: none */
    const char *placeholder; /* for the help: "NAME" */
    const char *what;        /* one element, for messages: "a worker" */
    bool (*check_name)(const char *name);
    const char *expected_name;
};

/* The table of struct scenario, from which all others are reached, and the one of struct scenario_worker. */
extern const struct key_table keys_root, keys_worker;
/* Those of struct scenario_agent and struct scenario_fault, and of two members of struct scenario. */
extern const struct key_table keys_agent, keys_fault, keys_backend, keys_ui;
/* That of struct scenario_disturbance. */
extern const struct key_table keys_disturbance;

/* Patterns that the workload of a runtime has, NULL at the end; NULL for commands. */
const char *const *pattern_names(enum runtime runtime);

/* Names in the order of enum runtime and of enum build; NULL at the end. */
extern const char *const runtime_words[], *const build_words[];
/* The same of enum agent_kind, backend_kind, ui_kind, and of enum fault_change from CHANGE_STATUS on. */
extern const char *const agent_words[], *const backend_words[], *const ui_words[], *const change_words[];
/* The same of enum disturb. */
extern const char *const disturb_words[];

/* One line for each row, for the help. */
void keys_describe(struct buf *out, const struct key_table *table, const char *prefix);

/* "a whole number from 2 to 1024", "one of `paired`, `tee`": what a row wants. */
void key_expected(struct buf *out, const struct key *key);

#endif
