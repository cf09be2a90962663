/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of evidence_load: each reads one thing of the run directory into the evidence. */
#ifndef LOCKTRAIL_ENGINE_EVIDENCE_INTERNAL_H
#define LOCKTRAIL_ENGINE_EVIDENCE_INTERNAL_H

#include "base/json.h"
#include "engine/evidence.h"

/* Largest journal that is read: two lines a second of 256 workers for an hour are 1 GiB. */
#define EVIDENCE_JOURNAL_MAX ((size_t)2 << 30)

/* Calls `fn` for each whole line; a torn last line (no newline) is what a kill leaves and is passed
 * over: then *torn is true. */
typedef int (*line_fn)(struct evidence *ev, size_t number, const char *line, size_t size, struct err *e);
int evidence_read_lines(struct evidence *ev, const char *name, line_fn fn, bool *torn, struct err *e);

/* events.jsonl: times, workers, control, uploads, problems. */
int evidence_read_events(struct evidence *ev, struct err *e);

/* ledger.jsonl: declared locks and counts; for silent commands the scenario's locks. Needs the
 * instances. */
int evidence_read_ledger(struct evidence *ev, struct err *e);

/* copies/: every profile file, read; and, of a killed run, the local ones that were not collected. Needs instances and
 * events. */
int evidence_read_copies(struct evidence *ev, struct err *e);

/* copies/ui: what was shown, as copies of the stage `ui`. Needs instances and ledger. */
int evidence_read_screens(struct evidence *ev, struct err *e);
void screen_names_free(struct screen_names *screen);

/* Copies that the journal tells of and that are not there; gaps and overlaps in the time that a process's uploads
 * cover, as notes. Needs the copies, and the trail's result for the notes. */
void evidence_check_captured(struct evidence *ev);
void evidence_note_uploads(struct evidence *ev);

/* Whether the workload happened: phases that did not run or took too long, locks that nobody waited
 * for. Adds problems. */
void evidence_check_workload(struct evidence *ev);

/* Fills `out` (at least SUSPECTS_MAX elements for each worker) with the scenario's settings that
 * can cost names; strings are static or the scenario's, `setting` is owned by the caller. Returns
 * how many. */
#define SUSPECTS_MAX 8
size_t evidence_suspects(const struct scenario *s, struct trail_suspect *out);

/* Adds a problem; texts are copied, `output` may be NULL. */
void evidence_add_problem(struct evidence *ev, const char *who, const char *advice, const char *output, const char *fmt,
                          ...) __attribute__((format(printf, 5, 6)));

/* Whether the worker of that name was left out of the run. */
bool evidence_is_left_out(const struct evidence *ev, const char *worker);

/* For each process that uploads, one more for each further agent of the scenario; and which stages are not on its way.
 * The counts are the original's. */
int evidence_add_mirrors(struct evidence *ev, struct err *e);
void evidence_count_mirrors(struct evidence *ev);
/* The process whose uploads a mirror has; -1 none. */
int evidence_mirrored(const struct evidence *ev, size_t mirror);

/* Events of taps and services. Sorted once all were taken; then what the sender of a copy was told, 0 unknown. */
void evidence_take_exchange(struct evidence *ev, const struct json *event);
void evidence_sort_exchanges(struct evidence *ev);
int evidence_answered(const struct evidence *ev, enum stage stage, size_t instance, unsigned sequence);
void evidence_note_faults(struct evidence *ev);
void evidence_take_service_started(struct evidence *ev, const struct json *event);
void evidence_take_service_ended(struct evidence *ev, const struct json *event);

/* "python.1.local.12.pprof" with the suffix ".pprof": the instance (the caller's), and the number before the suffix.
 * False, and nothing, for a name of another form. */
bool evidence_parse_name(const char *name, const char *suffix, char **instance, unsigned *sequence);

void evidence_free_copy(struct evidence_copy *copy);

/* The outcome of this instance, or NULL. */
struct worker_outcome *evidence_find_worker(struct evidence *ev, const char *name);

#endif
