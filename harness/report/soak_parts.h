/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a soak's terminal report, in the order of the report. Each begins with an empty line, or appends nothing
 * where there is nothing to say. Internal to report_soak. */
#ifndef LOCKTRAIL_REPORT_SOAK_PARTS_H
#define LOCKTRAIL_REPORT_SOAK_PARTS_H

#include "report/soak.h"
#include "report/text.h"

struct soak_terminal {
    const struct soak_record *r; /* borrowed, like all below */
    const char *directory;
    bool colour;
    struct buf *out;
};

/* `colour` where colours are wanted. */
enum text_colour soak_colour(const struct soak_terminal *t, enum text_colour colour);
void soak_title(const struct soak_terminal *t, const char *title);
/* "uploads    value", wrapped. */
void soak_value(const struct soak_terminal *t, const char *key, const char *value);

/* soak_table.c */
void soak_processes(const struct soak_terminal *t);
void soak_uploads(const struct soak_terminal *t);
void soak_locks(const struct soak_terminal *t);

/* soak_findings.c */
void soak_losses(const struct soak_terminal *t);
void soak_growth(const struct soak_terminal *t);
void soak_disturbances(const struct soak_terminal *t);
void soak_problems(const struct soak_terminal *t);

/* --- for every form --- */

/* "03:20:00", hours without end. */
void soak_add_clock(struct buf *out, int64_t ms);
/* Of a latency or an interval; "-" where there is none. */
void soak_add_ms(struct buf *out, bool known, double ms);
/* Over all stages. */
uint64_t soak_sum(const uint64_t counts[STAGE_COUNT]);
/* A measured value as a count: not below 0, and not above what a count can be. */
uint64_t soak_whole(double value);
/* "member/user_lock", with "WORKER:" before it where the record has several workers; "whole uploads" for no lock. For
 * the caller to free. */
char *soak_lock_label(const struct soak_record *r, const char *worker, const char *lock);
/* It grows, or did once. */
bool soak_has_grown(const struct soak_watch *watch);
/* "grows by ...", or that it has stopped. For the caller to free. */
char *soak_growth_text(enum soak_watch_kind kind, const struct soak_watch *watch);
/* Groups in the order in which they are told: no disturbance's doing first, most uploads first. The caller's. */
const struct soak_group **soak_sorted_groups(const struct soak_record *r);

#endif
