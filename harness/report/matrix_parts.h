/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of a matrix's report share: what was found out once, and how it is said. */
#ifndef LOCKTRAIL_REPORT_MATRIX_PARTS_H
#define LOCKTRAIL_REPORT_MATRIX_PARTS_H

#include "base/buf.h"
#include "report/matrix.h"
#include "trail/explain.h"

/* Patterns of losses whose condition is searched, those that count and the largest first; of the first ones also for
 * each way of being lost. A search of 10,000 cells takes a tenth of a second, and nobody reads more. */
#define MATRIX_EXPLAINED_MAX 10
#define MATRIX_CAUSES_EXPLAINED_MAX 4
/* Ways of being lost within one pattern that get a condition of their own. */
#define MATRIX_CAUSES_MAX 4
/* Reasons of cells with one verdict that are told; cells with further ones are counted. */
#define MATRIX_REASONS_MAX 4

/* One combination of values: its repeats, which differ in their seed, stand one behind the other. Of this record's part
 * of the matrix only. */
struct matrix_point {
    size_t first, count;        /* cells, by their place in `mine` */
    unsigned attempts, decided; /* attempts; those that tell of each lock (success, partial, failure) */
};

enum matrix_standing {
    MATRIX_NEW,
    MATRIX_EXPIRED, /* expected until a day that is over; counts as a new one does */
    MATRIX_KNOWN,   /* in the baseline */
    MATRIX_EXPECTED,
    MATRIX_STANDING_COUNT
};

/* One lock lost in one way in one cell. */
struct matrix_cell_loss {
    size_t place, point, subject; /* place in `mine` */
    enum stage stage;
    enum mechanism mechanism;
    unsigned attempts, decided; /* in which it was lost so; those of them that are decided */
    enum matrix_standing standing;
    const struct expectation *expectation; /* of EXPECTED and EXPIRED */
};

/* A lock of a worker that some cell loses. Borrowed from the record. */
struct matrix_subject {
    const char *worker, *lock;
};

/* One lock lost in one combination, in whatever way. */
struct matrix_hit {
    size_t subject, point;
    unsigned attempts, decided; /* as above */
};

struct matrix_cell_view {
    size_t cell;                   /* of the matrix */
    enum verdict verdict, counted; /* the worst; and without what is known */
    bool flaky;
    size_t first_loss, loss_count; /* in `losses` */
    uint64_t dropped;              /* losses that were not recorded */
};

/* What a group of cells has in common: locks that are lost in the same cells, or a verdict. */
struct matrix_group {
    bool is_verdict;
    enum verdict verdict;
    size_t *subjects, subject_count;
    size_t *points, point_count;             /* in which it happens, ascending */
    size_t standings[MATRIX_STANDING_COUNT]; /* losses */
    bool counts;                             /* some of it is neither known nor expected */
    bool explained;
    struct explain_result result; /* its cells are points */
    struct matrix_cause {
        enum stage stage;
        enum mechanism mechanism;
        size_t points;
        bool explained; /* where the group has several */
        struct explain_result result;
    } causes[MATRIX_CAUSES_MAX];
    size_t cause_count, causes_left;
    struct matrix_reason {
        const char *text; /* of the first cell that has it; borrowed from the record */
        size_t points;
        bool explained; /* where the group has several */
        struct explain_result result;
    } reasons[MATRIX_REASONS_MAX]; /* of a verdict */
    size_t reason_count, reasons_left;
};

struct matrix_gone {
    char *cell; /* "ddtrace=3.17.3": as far as both matrices have the axes; "" */
    const char *worker, *lock;
    enum stage stage;
    enum mechanism mechanism;
};

struct matrix_odds {
    unsigned lost, attempts;
    double low, high; /* Wilson, 95 % */
};

/* Something that happens in some attempts of one combination and not in others. */
struct matrix_flaky {
    size_t point;
    bool is_verdict; /* error, critical, inconclusive; else locks are lost, as often as one another */
    enum verdict verdict;
    size_t first_subject, subject_count; /* in flaky_subjects */
    struct matrix_odds odds;
};

struct matrix_report {
    const struct matrix_record *record;
    struct matrix_known known;
    struct matrix_cell_view *mine;
    size_t mine_count, run_count, not_run_count, elsewhere_count; /* elsewhere: chosen, of other shards */
    size_t verdicts[VERDICT_COUNT];                               /* of cells that have run */
    struct matrix_point *points;
    size_t point_count;
    struct matrix_subject *subjects;
    size_t subject_count;
    bool several_workers;
    struct matrix_cell_loss *losses; /* by cell, subject, stage, mechanism */
    size_t loss_count;
    struct matrix_hit *hits; /* by subject, point */
    size_t hit_count;
    size_t standings[MATRIX_STANDING_COUNT];
    struct matrix_group *groups; /* those that count first, then the larger first */
    size_t group_count;
    struct matrix_flaky *flaky;
    size_t flaky_count, flaky_cells;
    size_t *flaky_subjects;
    struct matrix_gone *gone;
    size_t gone_count;
    size_t *matched; /* for each expectation the losses that it is about */
    bool whole;      /* each cell of the matrix has run: an expectation without losses is one too many */
    enum verdict verdict;
};

/* --- finding out: each fills its part, in this order ------------------------------------------------------------ */

void matrix_find_cells(struct matrix_report *r);     /* matrix_cells.c: mine, points, verdicts */
void matrix_find_losses(struct matrix_report *r);    /* matrix_losses.c: subjects, losses, hits */
void matrix_find_standings(struct matrix_report *r); /* matrix_standing.c: standings, matched, gone, counted */
void matrix_find_flaky(struct matrix_report *r);     /* matrix_flaky.c */
void matrix_find_groups(struct matrix_report *r);    /* matrix_groups.c */
void matrix_explain_groups(struct matrix_report *r); /* matrix_explain.c */

/* matrix_reasons.c: of a group that is a verdict; `explained`: with conditions where there are several. */
void matrix_find_reasons(const struct matrix_report *r, struct matrix_group *g, bool explained);

/* The condition of any outcomes of the points: a form of explain(). */
void matrix_explain(const struct matrix_report *r, const enum explain_outcome *outcomes, const unsigned *attempts,
                    struct explain_result *out);

/* --- asking ----------------------------------------------------------------------------------------------------- */

static inline const struct matrix_cell *matrix_cell_at(const struct matrix_report *r, size_t place)
{
    return &r->record->matrix->cells[r->mine[place].cell];
}

static inline const struct matrix_cell_record *matrix_cell_record_at(const struct matrix_report *r, size_t place)
{
    return &r->record->cells[r->mine[place].cell];
}

static inline bool matrix_standing_counts(enum matrix_standing standing)
{
    return standing == MATRIX_NEW || standing == MATRIX_EXPIRED;
}

/* Attempts that tell nothing of a lock: the run went wrong, or its control failed. */
static inline bool matrix_attempt_tells(const struct matrix_attempt *a)
{
    return a->verdict != VERDICT_ERROR && a->verdict != VERDICT_CRITICAL;
}

static inline bool matrix_attempt_decides(const struct matrix_attempt *a)
{
    return matrix_attempt_tells(a) && a->verdict != VERDICT_INCONCLUSIVE;
}

/* Attempts of a combination with this verdict. */
unsigned matrix_count_verdict(const struct matrix_report *r, size_t point, enum verdict verdict);

struct matrix_odds matrix_odds_of(unsigned lost, unsigned attempts);

/* The cell of a group's example: of its repeats the first that shows it; matrix_explain.c. */
size_t matrix_group_example(const struct matrix_report *r, const struct matrix_group *g);
/* What an attempt with the group's verdict says of itself; borrowed. */
const char *matrix_group_conclusion(const struct matrix_report *r, const struct matrix_group *g);

/* --- saying (matrix_words.c); strings are the caller's ---------------------------------------------------------- */

const char *matrix_standing_name(enum matrix_standing standing);          /* "new", "expired", "known", "expected" */
char *matrix_subject_text(const struct matrix_report *r, size_t subject); /* "worker: lock" where there are several */
char *matrix_point_text(const struct matrix_report *r, size_t point);     /* "ddtrace=3.17.3 lock=RLock" */
char *matrix_command_text(const struct matrix_report *r, size_t place);   /* `locktrail run ...` */
/* "lost iff ddtrace < 3.19.9"; "no simple condition". `verb`: "lost", or a verdict. */
char *matrix_condition_text(const struct explain_result *x, const char *verb);
/* The head of a group: "4 locks are lost in 6 of 48 cells"; "2 of 48 cells: error". */
char *matrix_group_text(const struct matrix_report *r, const struct matrix_group *g);
/* Its locks, at most so many: "a, b and 2 more". */
char *matrix_group_locks_text(const struct matrix_report *r, const struct matrix_group *g, size_t most);
/* "never_named at collector in 6 cells, ..." with conditions of their own where there are several. */
char *matrix_cause_text(const struct matrix_cause *c);
/* "in 2 cells, so iff packages = bad: no environment": where there are several. */
char *matrix_reason_text(const struct matrix_reason *reason);
/* "3.17.3 is the last ddtrace with the loss, 3.19.9 the first without": NULL where that is not to be said. *search: the
 * command that looks at the releases between; NULL where there is none. */
char *matrix_boundary_text(const struct matrix_report *r, const struct matrix_group *g, char **search);
bool matrix_group_has(const struct matrix_group *g, size_t point);
char *matrix_odds_text(const struct matrix_odds *odds); /* "in 1 of 3 (95%: 0.06 to 0.79)" */
/* "a and 2 more are lost", "error" */
char *matrix_flaky_text(const struct matrix_report *r, const struct matrix_flaky *f);
char *matrix_conclusion_text(const struct matrix_report *r);
/* What is wrong with the list of expected losses: entry by entry, NULL where nothing is. */
char *matrix_expectation_text(const struct matrix_report *r, size_t entry);

#endif
