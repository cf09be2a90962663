/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of one judgement hand on to one another: gather -> match -> changes -> states -> losses -> verdict.
 * Everything borrowed points into the input or into a table of this struct. */
#ifndef LOCKTRAIL_TRAIL_WORK_H
#define LOCKTRAIL_TRAIL_WORK_H

#include "trail/fates.h"
#include "trail/table.h"
#include "trail/trail.h"

/* A process that no stage stands before is at the start of its trail. */
#define NO_STAGE STAGE_DECLARED

#define NO_LABEL UINT32_MAX

/* One value of the label, in the order of the text. */
struct label {
    const char *text;
    const char *file; /* base name */
    const char *name;
    unsigned line;
};

/* One label at one stage of one process: its sightings added up. */
struct row {
    enum stage stage;
    uint32_t instance, label;
    size_t copies;
    const char *path;  /* the first, by name, of the copies that hold it */
    const char *twice; /* one that holds it and came twice, or NULL */
    uint64_t samples, acquires, wait_ns, releases, hold_ns;
};

/* One process at one stage. */
struct flow {
    bool feeds;        /* the stage ran, and this process's arm leads there */
    enum stage before; /* the stage of the same process from which nothing random lies, or NO_STAGE */
    size_t first_copy, copies, readable, corrupt, foreign;
    size_t first_row, rows; /* in work.rows, by label */
    const char *path;       /* of its first copy, "" where there is none */
    const char *corrupt_path, *corrupt_why, *foreign_why;
    uint64_t labelled, unlabelled; /* lock samples */
    struct trail_label_key *keys;  /* by key; the array is its own */
    size_t key_count;
    bool names_only; /* of names alone: `samples` and all other counts are 0 */
    bool countless;  /* it has samples, and none of them counts acquires: its sample types are other ones */
    bool by_moves;   /* what became of each sample since `before` is known: `edges` say it */
    bool by_kin;     /* what another process has on its stacks is known: `edges` say it, and `before` is NO_STAGE */
    uint32_t kin;    /* that process */
    size_t first_edge, edges;
    size_t rewritten; /* labels that changed by no other mechanism's rule */
    char *rule;       /* what fits them all, or NULL; its own */
    size_t retried;   /* copies that were left out: an attempt that failed and was repeated, or its repetition */
    /* Uploads of `before` that are not here, and what their senders were told (0: unknown). */
    size_t lost;
    const char *lost_path; /* the first, by name */
    int told_least, told_most;
    int first_least, first_most; /* what the process was told, that sent them first */
    /* How labels changed since `before`: those which became a proper prefix of themselves, and all. */
    size_t shortened, changed, cut_at_site;
    size_t shortest, longest; /* bytes of the shortened ones */
};

enum edge_kind {
    EDGE_KEPT,       /* the same label */
    EDGE_CHANGED,    /* another label */
    EDGE_REKEYED,    /* under another key */
    EDGE_UNLABELLED, /* the sample is there without a label */
    EDGE_GONE,       /* the sample is not there */
    EDGE_LOST,       /* nor is its copy */
    EDGE_CORRUPT,    /* its copy can't be read */
    EDGE_ADDED,      /* a sample more; `from` is none */
    EDGE_DOUBLED,    /* a sample of a copy too many; `from` is what it was in the one before */
    EDGE_UNKNOWN,    /* a sample of a copy that was never sent; `from` is none */
    EDGE_READABLE,   /* a sample of a copy that could not be read before; `from` is none */
    EDGE_KINDS
};

/* Samples that went the same way between two stages of a process: added up over its pairs of copies. */
struct edge {
    enum edge_kind kind;
    uint32_t instance;
    enum stage stage;    /* where they are now */
    uint32_t from, to;   /* labels or NO_LABEL */
    const char *to_text; /* the value, also where it is no label of a copy; NULL where there is none */
    uint32_t taken;      /* EDGE_CHANGED: the label of other samples that these have now, whole or cut; or NO_LABEL */
    const char *key;     /* EDGE_REKEYED */
    uint64_t samples, acquires_before, acquires_after;
    size_t copies;
    const char *path_before, *path_after; /* the first, by name, of the copies that show it; NULL where there is none */
    const char *why;                      /* EDGE_CORRUPT */
    bool harmless;
    enum mechanism mechanism; /* where it is not harmless */
};

/* What one lock has of an edge. */
struct part {
    uint32_t lock, edge;
    uint64_t samples;
};

/* A row that belongs to a lock. */
struct hit {
    uint32_t lock, instance, row;
    enum stage stage;
    uint32_t origin; /* the label that these samples had where the process's trail begins */
    uint64_t samples, acquires, wait_ns, releases, hold_ns; /* of the row: what is this lock's */
    bool spoken;                                            /* sampled acquires stand behind the name */
    bool adopted;             /* through the copy before: its site can no longer be read */
    bool ambiguous;           /* adopted by several locks: whose acquires they are can't be said */
    bool shared;              /* other locks of the same site have a claim on it too */
    bool shared_known;        /* where `shared`: the ledger has all acquires of that site, and each is sampled */
    uint64_t shared_true;     /* they */
    uint64_t shared_acquires; /* where `shared`: all acquires of that site */
};

/* A label of a lock that stands where another one stood at the stage before. */
struct change {
    uint32_t lock, instance, before, after; /* labels */
    enum stage stage;
};

struct span {
    size_t first, count;
};

/* A row, or what of it belongs to no lock. */
struct leftover {
    uint32_t row;
    uint64_t samples, acquires;
};

struct work {
    const struct trail_input *input;
    struct fate *fates;             /* of the input's copies */
    struct trail_matching matching; /* of them */
    size_t *pair_of;                /* for each of them: a pair of the input that it ends, + 1, or 0 */
    double threshold;
    const struct trail_copy **copies; /* by process, stage, hash, path; only those that feed a stage */
    size_t copy_count;
    struct table texts; /* of the labels; numbers are not those of `labels` */
    struct label *labels;
    size_t label_count;
    struct row *rows; /* by process, stage, label */
    size_t row_count;
    struct flow *flows; /* [instance * STAGE_COUNT + stage] */
    struct table workers;
    size_t *lock_worker, *instance_worker; /* numbers in `workers` */
    struct span *worker_instances;         /* in worker_items, for each worker */
    uint32_t *worker_items;                /* instances, in the ledger's order */
    struct hit *hits;                      /* by lock, process, stage, label */
    size_t hit_count, hit_capacity;
    struct span *lock_hits;
    struct span *site_locks; /* for each lock: those that share its site, in `site_items` */
    uint32_t *site_items;
    struct change *changes; /* by lock, process, stage, label */
    size_t change_count, change_capacity;
    struct span *lock_changes;
    struct table renames;   /* (process, stage, old name, new name) of each change of the name alone */
    uint32_t *rename_items; /* the first change with that key */
    size_t rename_capacity;
    uint32_t *sighted;       /* the label of each sighting of `copies`, copy after copy */
    size_t *sighted_at;      /* where those of a copy begin */
    uint32_t *label_numbers; /* from `texts` to `labels` */
    struct edge *edges;      /* by process and stage */
    size_t edge_count, edge_capacity;
    struct part *parts; /* by lock, edge */
    size_t part_count, part_capacity;
    struct span *lock_parts;
    struct table unanswered; /* (process, id) of the locks of which nobody said whether they are shown */
    struct leftover *leftover;
    size_t leftover_count, leftover_capacity;
};

static inline struct flow *work_flow(const struct work *w, size_t instance, enum stage stage)
{
    return &w->flows[instance * STAGE_COUNT + stage];
}

static inline const struct instance *work_instance(const struct work *w, size_t instance)
{
    return &w->input->ledger->instances[instance];
}

static inline const struct lock *work_lock(const struct work *w, size_t lock)
{
    return &w->input->ledger->locks[lock];
}

static inline const struct label *work_label(const struct work *w, const struct row *row)
{
    return &w->labels[row->label];
}

#endif
