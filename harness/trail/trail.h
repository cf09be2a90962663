/* SPDX-License-Identifier: Apache-2.0 */
/* From ledger and sightings to states, losses and a verdict: a pure function. */
#ifndef LOCKTRAIL_TRAIL_TRAIL_H
#define LOCKTRAIL_TRAIL_TRAIL_H

#include "trail/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One lock name in one copy, with its counts (all samples of that label value added up). */
struct sighting {
    const char *label; /* the label's value as it stands in the profile: "member.py:12:user_session_lock" */
    const char *file;  /* its parts; file "" and line 0 where the value is not of the field's form */
    unsigned line;
    const char *name; /* "" where there is none */
    uint64_t samples; /* samples that carry the label */
    uint64_t acquires, wait_ns, releases, hold_ns;
};

/* How many lock samples of a copy carry a string label with this key. */
struct trail_label_key {
    const char *key;
    uint64_t samples;
};

enum copy_status {
    COPY_GOOD,    /* a profile with lock sample types */
    COPY_EMPTY,   /* a profile without any sample: right where nothing happened in its interval */
    COPY_FOREIGN, /* readable, and from a profiler that has no lock names (Go, JFR ...) */
    COPY_CORRUPT  /* not readable; `why` says where */
};

/* One profile file captured at one stage. Everything is borrowed from the caller. */
struct trail_copy {
    enum stage stage;
    size_t instance;  /* index in the ledger */
    const char *path; /* for evidence: "copies/upload/python.1.upload.2.pprof" */
    const char *hash; /* of the content; equal hashes at one stage are one upload that came twice.
                         May be NULL */
    enum copy_status status;
    const char *why; /* for COPY_CORRUPT and COPY_FOREIGN, else NULL */
    const struct sighting *sightings;
    size_t sighting_count;
    uint64_t unlabelled_samples;              /* lock samples without a `lock name` label */
    const struct trail_label_key *label_keys; /* of the lock samples; for label_key_renamed */
    size_t label_key_count;
    /* Of the upload that it came in, as far as known. */
    const char *runtime_id;   /* NULL or "" unknown */
    int64_t start_ns, end_ns; /* what it covers, wall clock; both 0 unknown */
    unsigned sequence;        /* order of arrival at this stage in this process, from 1; 0 unknown */
    int answered;             /* status that its sender was told; 0 unknown, or none */
    /* What a person was shown: which names, and no count that could be held against another. A lock that is not among
     * them lost its label where other names are shown, and its samples where none is. */
    bool names_only;
    const char *const *unknown; /* of names_only: ids of locks of which nobody said whether they are shown */
    size_t unknown_count;
};

/* What happened to lock samples between two copies of one upload. */
enum trail_move_kind {
    MOVE_KEPT,       /* the same label */
    MOVE_CHANGED,    /* another label under the same key */
    MOVE_REKEYED,    /* under another key (`key`): `to` is the value there */
    MOVE_UNLABELLED, /* the sample is there, without a label */
    MOVE_GONE,       /* the sample is not there */
    MOVE_ADDED       /* a sample that was not there before; `from` is NULL */
};

struct trail_move {
    enum trail_move_kind kind;
    const char *from, *to, *key; /* values of the label; NULL where there is none. A sample without a label before has
                                    `from` NULL too: KEPT where it has none after, CHANGED where it has */
    uint64_t samples;
    uint64_t acquires_before, acquires_after;
};

/* Two copies of one upload at neighbouring stages of a process. */
struct trail_pair {
    size_t before, after; /* in the input's copies */
    bool compared;        /* false: one of the two can't be read, and there are no moves */
    bool same;            /* no sample differs */
    const struct trail_move *moves;
    size_t move_count;
};

/* A setting of the run that is known to cost names, from the runtime's documentation. */
struct trail_suspect {
    const char *worker;       /* NULL: all */
    enum mechanism mechanism; /* which losses it can explain */
    const char *setting;      /* "DD_PROFILING_LOCK_NAME_INSPECT_DIR=false" */
    const char *advice;       /* "set it to true: without it locals and globals are not searched for the lock" */
    bool by_rate;             /* it only matters below 100 %: it can't explain what the control lacks too */
};

/* Paired arms: the uploading process against the local one of the same number, whose work was the same. Nothing lies
 * between copies of the two, but a stack of the program carries the same lock's label in both: what stands on the
 * stacks of the uploading process instead. Moves are never MOVE_GONE or MOVE_ADDED. */
struct trail_kin {
    size_t instance, of; /* in the ledger: the uploading process, the local one */
    const struct trail_move *moves;
    size_t move_count;
};

struct trail_thresholds {
    double absence_probability; /* absence is a loss when chance alone would leave a lock out more
                                   rarely than this */
};
/* 0.001: one false alarm in a thousand locks (design.md, "Evidence before verdicts"). */
#define TRAIL_ABSENCE_PROBABILITY 0.001

enum control_outcome {
    CONTROL_NOT_RUN, /* --no-control */
    CONTROL_PASSED,
    CONTROL_FAILED
};

struct trail_input {
    const struct ledger *ledger;
    const struct trail_copy *copies;
    size_t copy_count;
    const struct trail_pair *pairs; /* of trail_match_uploads, with what was found between them */
    size_t pair_count;
    const struct trail_kin *kins; /* at most one for each uploading process */
    size_t kin_count;
    bool stage_ran[STAGE_COUNT]; /* declared is always taken as run */
    enum control_outcome control;
    const char *control_why; /* for CONTROL_FAILED: why */
    const struct trail_suspect *suspects;
    size_t suspect_count;
    size_t problem_count;      /* things that went wrong in the run itself; any makes the verdict `error` */
    const char *first_problem; /* the text of one of them, for the conclusion; NULL if none */
    struct trail_thresholds thresholds;
};

/* One of the names under which a lock was seen at a stage. */
struct seen_as {
    char *label;
    char *name; /* "" where there is none */
    uint64_t samples, acquires, releases;
};

struct stage_result {
    enum lock_state state;
    struct seen_as *seen_as; /* most samples first; two or more where one site has several names */
    size_t seen_count;
    uint64_t samples, acquires, wait_ns, releases, hold_ns; /* summed over processes and copies */
    uint64_t true_acquires;                                 /* of the processes whose copies feed this stage */
    int64_t needed_ms;  /* STATE_UNDERSAMPLED: the run length that would have been enough; 0 can't be
                           said */
    bool count_checked; /* every acquire is sampled here and the workload counted, so the two must
                           be equal */
    bool count_equal;
};

#define LOSS_MECHANISM(mechanism) (1u << (mechanism))

/* What else befell a lock that was lost already. */
struct later_loss {
    enum stage stage;
    enum mechanism mechanism;
};

struct loss {
    enum stage stage;
    enum mechanism mechanism;             /* where several hit the lock there: the one with the most samples */
    unsigned mechanisms;                  /* all of them, as a set of LOSS_MECHANISM(m) */
    struct later_loss later[STAGE_COUNT]; /* at the stages behind, in their order */
    size_t later_count;
    char *evidence; /* what the ledger or the copy before says, what the copy after says, how many
                       samples, which copy */
    size_t group;   /* losses with the same number have stage, mechanism, worker and `common` in common; numbered from 0
                       in the order of the locks */
    char *own;      /* the part of the evidence that differs within a group, "" where nothing does */
    char *common;   /* the part that the group shares */
    bool by_collector; /* never_named, aliased or never_sampled, and nothing of the process lies before the stage: its
                          own collector did it, nothing on the way */
    bool all_captured; /* each acquire of the process is to be sampled */
};

struct trail_lock {
    size_t lock; /* index in the ledger */
    struct stage_result stages[STAGE_COUNT];
    bool lost;
    struct loss loss; /* valid where lost */
    bool known_limit; /* its rendering is generic and it is not lost: neither success nor failure */
};

/* A name that nobody declared: the runtime's own locks, or another file's. Never counted as success. */
struct undeclared {
    char *label, *file, *name;
    unsigned line;
    size_t copies[STAGE_COUNT]; /* in how many copies */
    uint64_t samples[STAGE_COUNT];
    uint64_t acquires[STAGE_COUNT];
};

struct trail_result {
    enum verdict verdict;
    char *conclusion; /* one or two sentences */
    char **next_steps;
    size_t next_step_count;
    struct trail_lock *locks; /* one for each lock of the ledger, same order */
    size_t lock_count;
    struct undeclared *undeclared; /* most samples first */
    size_t undeclared_count;
    char **notes; /* further findings, one line each: an upload that came twice, two names at one
                     site ... */
    size_t note_count;
};

/* Judges. Does no I/O and reads no clock; the same input gives the same result, whatever the order of the copies.
 * Processes feed stages by their arm: ARM_CONTROL the control, ARM_LOCAL the collector, ARM_UPLOAD the upload and
 * everything after it, ARM_TEE both. The result is the caller's (trail_result_fini) and borrows nothing. */
void trail_judge(const struct trail_input *input, struct trail_result *result);
void trail_result_fini(struct trail_result *result);

/* Chance that a lock with `acquires` acquires leaves no sample at capture rate `rate`: exp(-n p), and exactly 0 at
 * rate 1 with at least one acquire. */
double trail_absence_probability(uint64_t acquires, double rate);

#endif
