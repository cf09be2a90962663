/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_form.h"

#include "engine/soak_record.h"

#include <stdlib.h>

#define FIELDS(type, table)                                                                                            \
    {                                                                                                                  \
        sizeof(type), (table), sizeof(table) / sizeof *(table)                                                         \
    }
#define PLAIN(type, member, kind)                                                                                      \
    {                                                                                                                  \
#member, kind, offsetof(type, member), NULL, 0, 0, 0                                                           \
    }
#define INNER(type, member, inner)                                                                                     \
    {                                                                                                                  \
#member, FORM_OBJECT, offsetof(type, member), &(inner), 0, 0, 0                                                \
    }
#define LIST(member, inner, count, capacity, most)                                                                     \
    {                                                                                                                  \
#member, FORM_LIST, offsetof(struct soak_record, member), &(inner), offsetof(struct soak_record, count),       \
            capacity, most                                                                                             \
    }
#define CAPACITY(member) offsetof(struct soak_record, member)

static const struct form_field series_fields[] = {
    PLAIN(struct series, stride, FORM_SMALL),         PLAIN(struct series, samples, FORM_COUNT),
    PLAIN(struct series, least, FORM_NUMBER),         PLAIN(struct series, most, FORM_NUMBER),
    PLAIN(struct series, last, FORM_NUMBER),          PLAIN(struct series, pending, FORM_SMALL),
    PLAIN(struct series, pending_at_ms, FORM_NUMBER), PLAIN(struct series, pending_value, FORM_NUMBER),
    {"points", FORM_POINTS, 0, NULL, 0, 0, 0},
};
static const struct form series_form = FIELDS(struct series, series_fields);

static const struct form_field trend_fields[] = {
    PLAIN(struct trend, known, FORM_FLAG),   PLAIN(struct trend, per_hour, FORM_NUMBER),
    PLAIN(struct trend, low, FORM_NUMBER),   PLAIN(struct trend, high, FORM_NUMBER),
    PLAIN(struct trend, growing, FORM_FLAG), PLAIN(struct trend, since_ms, FORM_TIME),
    PLAIN(struct trend, from, FORM_NUMBER),  PLAIN(struct trend, to, FORM_NUMBER),
};
static const struct form trend_form = FIELDS(struct trend, trend_fields);

static const struct form_field watch_fields[] = {
    PLAIN(struct soak_watch, found_at_ms, FORM_TIME_OR_NOT),
    INNER(struct soak_watch, trend, trend_form),
    INNER(struct soak_watch, series, series_form),
};
static const struct form watch_form = FIELDS(struct soak_watch, watch_fields);

#define WATCH(name, kind)                                                                                              \
    {                                                                                                                  \
        name, FORM_OBJECT, (kind) * sizeof(struct soak_watch), &watch_form, 0, 0, 0                                    \
    }
static const struct form_field watches_fields[WATCH_COUNT] = {
    WATCH("rss", WATCH_RSS),         WATCH("descriptors", WATCH_DESCRIPTORS),
    WATCH("threads", WATCH_THREADS), WATCH("cpu", WATCH_CPU),
    WATCH("disk", WATCH_DISK),
};
static const struct form watches_form = {sizeof(struct soak_watch[WATCH_COUNT]), watches_fields, WATCH_COUNT};

static const struct form_field uploads_fields[] = {
    PLAIN(struct soak_uploads, arrived, FORM_STAGE_COUNTS), PLAIN(struct soak_uploads, judged, FORM_COUNT),
    PLAIN(struct soak_uploads, good, FORM_COUNT),           PLAIN(struct soak_uploads, with_loss, FORM_COUNT),
    PLAIN(struct soak_uploads, missing, FORM_STAGE_COUNTS), PLAIN(struct soak_uploads, doubled, FORM_STAGE_COUNTS),
    PLAIN(struct soak_uploads, unreadable, FORM_COUNT),     PLAIN(struct soak_uploads, unknown, FORM_COUNT),
    PLAIN(struct soak_uploads, unjudged, FORM_COUNT),       PLAIN(struct soak_uploads, cut, FORM_COUNT),
    PLAIN(struct soak_uploads, pending, FORM_COUNT),
};
static const struct form uploads_form = FIELDS(struct soak_uploads, uploads_fields);

static const struct form_field times_fields[] = {
    PLAIN(struct soak_times, count, FORM_COUNT),   PLAIN(struct soak_times, least, FORM_NUMBER),
    PLAIN(struct soak_times, most, FORM_NUMBER),   PLAIN(struct soak_times, sum, FORM_NUMBER),
    INNER(struct soak_times, median, series_form),
};
static const struct form times_form = FIELDS(struct soak_times, times_fields);

static const struct form_field process_fields[] = {
    PLAIN(struct soak_process, name, FORM_TEXT),
    PLAIN(struct soak_process, worker, FORM_TEXT),
    PLAIN(struct soak_process, runtime, FORM_TEXT),
    PLAIN(struct soak_process, version, FORM_TEXT),
    PLAIN(struct soak_process, pid, FORM_TIME),
    PLAIN(struct soak_process, lives, FORM_COUNT),
    PLAIN(struct soak_process, planned_ends, FORM_COUNT),
    PLAIN(struct soak_process, kills, FORM_COUNT),
    PLAIN(struct soak_process, failures, FORM_COUNT),
    PLAIN(struct soak_process, acquires, FORM_COUNT),
    PLAIN(struct soak_process, seen, FORM_COUNT),
    PLAIN(struct soak_process, gap_acquires, FORM_COUNT),
    PLAIN(struct soak_process, doubled_acquires, FORM_COUNT),
    PLAIN(struct soak_process, cut_acquires, FORM_COUNT),
    INNER(struct soak_process, uploads, uploads_form),
    INNER(struct soak_process, interval, times_form),
    INNER(struct soak_process, latency, times_form),
    INNER(struct soak_process, watches, watches_form),
};
static const struct form process_form = FIELDS(struct soak_process, process_fields);

static const struct form_field lock_fields[] = {
    PLAIN(struct soak_lock, worker, FORM_TEXT),
    PLAIN(struct soak_lock, id, FORM_TEXT),
    PLAIN(struct soak_lock, name, FORM_TEXT),
    PLAIN(struct soak_lock, states, FORM_STATES),
};
static const struct form lock_form = FIELDS(struct soak_lock, lock_fields);

static const struct form_field group_fields[] = {
    PLAIN(struct soak_group, worker, FORM_TEXT),   PLAIN(struct soak_group, lock, FORM_TEXT),
    PLAIN(struct soak_group, stage, FORM_STAGE),   PLAIN(struct soak_group, mechanism, FORM_MECHANISM),
    PLAIN(struct soak_group, uploads, FORM_COUNT), PLAIN(struct soak_group, first_ms, FORM_TIME),
    PLAIN(struct soak_group, last_ms, FORM_TIME),  PLAIN(struct soak_group, disturbed, FORM_FLAG),
};
static const struct form group_form = FIELDS(struct soak_group, group_fields);

static const struct form_field loss_fields[] = {
    PLAIN(struct soak_loss, at_ms, FORM_TIME),
    PLAIN(struct soak_loss, instance, FORM_TEXT),
    PLAIN(struct soak_loss, lock, FORM_TEXT),
    PLAIN(struct soak_loss, stage, FORM_STAGE),
    PLAIN(struct soak_loss, mechanism, FORM_MECHANISM),
    PLAIN(struct soak_loss, evidence, FORM_TEXT),
    PLAIN(struct soak_loss, runtime_id, FORM_TEXT),
    PLAIN(struct soak_loss, start, FORM_TEXT),
    PLAIN(struct soak_loss, end, FORM_TEXT),
    PLAIN(struct soak_loss, copies, FORM_STAGE_TEXTS),
    PLAIN(struct soak_loss, disturbed, FORM_FLAG),
};
static const struct form loss_form = FIELDS(struct soak_loss, loss_fields);

static const struct form_field disturbance_fields[] = {
    PLAIN(struct soak_disturbance, at_ms, FORM_TIME),
    PLAIN(struct soak_disturbance, until_ms, FORM_TIME_OR_NOT),
    PLAIN(struct soak_disturbance, what, FORM_TEXT),
    PLAIN(struct soak_disturbance, recovered_ms, FORM_TIME_OR_NOT),
    PLAIN(struct soak_disturbance, lost_uploads, FORM_COUNT),
    PLAIN(struct soak_disturbance, lost_acquires, FORM_COUNT),
};
static const struct form disturbance_form = FIELDS(struct soak_disturbance, disturbance_fields);

static const struct form_field problem_fields[] = {
    PLAIN(struct soak_problem, at_ms, FORM_TIME),  PLAIN(struct soak_problem, who, FORM_TEXT),
    PLAIN(struct soak_problem, text, FORM_TEXT),   PLAIN(struct soak_problem, advice, FORM_TEXT),
    PLAIN(struct soak_problem, times, FORM_COUNT),
};
static const struct form problem_form = FIELDS(struct soak_problem, problem_fields);

static const struct form_field copies_fields[] = {
    PLAIN(struct soak_copies, kept_losses, FORM_COUNT), PLAIN(struct soak_copies, kept_samples, FORM_COUNT),
    PLAIN(struct soak_copies, bytes, FORM_COUNT),       PLAIN(struct soak_copies, removed, FORM_COUNT),
    PLAIN(struct soak_copies, not_kept, FORM_COUNT),    PLAIN(struct soak_copies, every, FORM_COUNT),
};
static const struct form copies_form = FIELDS(struct soak_copies, copies_fields);

/* What a person looks for first stands first; curves come last. */
static const struct form_field record_fields[] = {
    PLAIN(struct soak_record, scenario, FORM_TEXT),
    PLAIN(struct soak_record, run_id, FORM_TEXT),
    PLAIN(struct soak_record, started_at, FORM_TEXT),
    PLAIN(struct soak_record, for_ms, FORM_TIME),
    PLAIN(struct soak_record, every_ms, FORM_TIME),
    PLAIN(struct soak_record, elapsed_ms, FORM_TIME),
    PLAIN(struct soak_record, max_disk, FORM_COUNT),
    PLAIN(struct soak_record, max_rss, FORM_COUNT),
    PLAIN(struct soak_record, until_loss, FORM_FLAG),
    PLAIN(struct soak_record, resumed, FORM_COUNT),
    PLAIN(struct soak_record, ended, FORM_FLAG),
    PLAIN(struct soak_record, interrupted, FORM_FLAG),
    PLAIN(struct soak_record, taken_at_ms, FORM_TIME),
    PLAIN(struct soak_record, why_ended, FORM_TEXT),
    PLAIN(struct soak_record, verdict, FORM_VERDICT),
    PLAIN(struct soak_record, conclusion, FORM_TEXT),
    {"stages", FORM_STAGE_FLAGS, offsetof(struct soak_record, stage_ran), NULL, 0, 0, 0},
    INNER(struct soak_record, uploads, uploads_form),
    INNER(struct soak_record, copies, copies_form),
    LIST(problems, problem_form, problem_count, CAPACITY(problem_capacity), SOAK_PROBLEMS_MAX),
    PLAIN(struct soak_record, problems_dropped, FORM_COUNT),
    LIST(disturbances, disturbance_form, disturbance_count, CAPACITY(disturbance_capacity), SOAK_DISTURBANCES_MAX),
    PLAIN(struct soak_record, disturbances_dropped, FORM_COUNT),
    LIST(groups, group_form, group_count, CAPACITY(group_capacity), SOAK_GROUPS_MAX),
    PLAIN(struct soak_record, groups_dropped, FORM_COUNT),
    LIST(losses, loss_form, loss_count, CAPACITY(loss_capacity), SOAK_GROUPS_MAX + SOAK_LOSSES_MAX),
    PLAIN(struct soak_record, losses_dropped, FORM_COUNT),
    LIST(locks, lock_form, lock_count, 0, LEDGER_LOCKS_MAX),
    LIST(processes, process_form, process_count, 0, LEDGER_INSTANCES_MAX + 1),
};
const struct form soak_form = FIELDS(struct soak_record, record_fields);

static void free_list(const struct form_field *field, char *object)
{
    char *items = *(char **)(object + field->offset);
    size_t count = *(size_t *)(object + field->count);
    for (size_t i = 0; i < count; i++)
        form_free(field->form, items + i * field->form->size);
    free(items);
}

void form_free(const struct form *form, void *object)
{
    char *base = object;
    for (size_t i = 0; i < form->field_count; i++) {
        const struct form_field *field = &form->fields[i];
        char **texts = (char **)(base + field->offset);
        if (field->kind == FORM_TEXT)
            free(texts[0]);
        else if (field->kind == FORM_OBJECT)
            form_free(field->form, base + field->offset);
        else if (field->kind == FORM_LIST)
            free_list(field, base);
        for (size_t s = 0; field->kind == FORM_STAGE_TEXTS && s < STAGE_COUNT; s++)
            free(texts[s]);
    }
}
