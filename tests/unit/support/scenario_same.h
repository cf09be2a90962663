/* SPDX-License-Identifier: Apache-2.0 */
/* Are two scenarios the same, member by member? Written by hand, so that a row missing in the key tables shows. */
#ifndef LOCKTRAIL_TESTS_SCENARIO_SAME_H
#define LOCKTRAIL_TESTS_SCENARIO_SAME_H

#include "scenario/scenario.h"

#include <string.h>

static inline bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline bool same_texts(char **a, size_t a_count, char **b, size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (!same_text(a[i], b[i])) {
            return false;
        }
    }
    return a_count == b_count;
}

static inline bool same_locks(const struct scenario_lock *a, size_t a_count, const struct scenario_lock *b,
                              size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (!same_text(a[i].worker, b[i].worker) || !same_text(a[i].id, b[i].id) || !same_text(a[i].name, b[i].name) ||
            !same_text(a[i].file, b[i].file) || a[i].line != b[i].line || a[i].rendering != b[i].rendering ||
            !same_text(a[i].mangled, b[i].mangled) || a[i].acquires != b[i].acquires ||
            a[i].qualified != b[i].qualified || !same_texts(a[i].sites, a[i].site_count, b[i].sites, b[i].site_count)) {
            return false;
        }
    }
    return a_count == b_count;
}

static inline bool same_environment(const struct scenario_worker *a, const struct scenario_worker *b)
{
    for (size_t i = 0; a->environment_count == b->environment_count && i < a->environment_count; i++) {
        if (!same_text(a->environment[i].name, b->environment[i].name) ||
            !same_text(a->environment[i].value, b->environment[i].value)) {
            return false;
        }
    }
    return a->environment_count == b->environment_count;
}

static inline bool same_worker(const struct scenario_worker *a, const struct scenario_worker *b)
{
    return same_text(a->name, b->name) && a->runtime == b->runtime && a->count == b->count && same_environment(a, b) &&
           a->limits.memory == b->limits.memory && a->limits.files == b->limits.files &&
           a->limits.output == b->limits.output && a->limits.disk == b->limits.disk &&
           a->start_timeout_ms == b->start_timeout_ms && a->silence_timeout_ms == b->silence_timeout_ms &&
           a->stop_timeout_ms == b->stop_timeout_ms && a->upload_interval_ms == b->upload_interval_ms &&
           a->lifetime_ms == b->lifetime_ms && a->capture_pct == b->capture_pct && a->build == b->build &&
           a->optional == b->optional && same_text(a->version, b->version) &&
           same_texts(a->packages, a->package_count, b->packages, b->package_count) && a->launcher == b->launcher &&
           same_text(a->interpreter, b->interpreter) && a->inspect_dir == b->inspect_dir && a->lock == b->lock &&
           same_texts(a->command, a->command_count, b->command, b->command_count) &&
           same_text(a->directory, b->directory) && a->protocol == b->protocol && a->until_exit == b->until_exit &&
           same_locks(a->locks, a->lock_count, b->locks, b->lock_count);
}

static inline bool same_workload(const struct scenario *a, const struct scenario *b)
{
    if (a->worker_count != b->worker_count || a->phase_count != b->phase_count) {
        return false;
    }
    for (size_t i = 0; i < a->worker_count; i++) {
        if (!same_worker(&a->workers[i], &b->workers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < a->phase_count; i++) {
        const struct scenario_phase *p = &a->phases[i], *q = &b->phases[i];
        if (!same_text(p->pattern, q->pattern) || p->share != q->share || p->iterations != q->iterations ||
            p->seconds != q->seconds) {
            return false;
        }
    }
    return true;
}

static inline bool same_fault(const struct scenario_fault *a, const struct scenario_fault *b)
{
    return a->at == b->at && a->has_mechanism == b->has_mechanism && a->mechanism == b->mechanism &&
           a->change == b->change && a->rate == b->rate &&
           same_texts(a->locks, a->lock_count, b->locks, b->lock_count) && same_text(a->worker, b->worker) &&
           a->length == b->length && a->rule == b->rule && same_text(a->from, b->from) && same_text(a->to, b->to) &&
           a->status == b->status && a->delay_ms == b->delay_ms && a->codec == b->codec;
}

static inline bool same_disturbance(const struct scenario_disturbance *a, const struct scenario_disturbance *b)
{
    return a->what == b->what && a->at_ms == b->at_ms && a->every_ms == b->every_ms && a->length_ms == b->length_ms &&
           same_text(a->worker, b->worker) && a->stage == b->stage && a->status == b->status &&
           a->delay_ms == b->delay_ms && a->processes == b->processes;
}

static inline bool same_soak(const struct scenario *a, const struct scenario *b)
{
    for (size_t i = 0; a->disturbance_count == b->disturbance_count && i < a->disturbance_count; i++) {
        if (!same_disturbance(&a->disturbances[i], &b->disturbances[i])) {
            return false;
        }
    }
    return a->disturbance_count == b->disturbance_count;
}

static inline bool same_pipeline(const struct scenario *a, const struct scenario *b)
{
    if (a->agent_count != b->agent_count || a->fault_count != b->fault_count) {
        return false;
    }
    for (size_t i = 0; i < a->agent_count; i++) {
        const struct scenario_agent *p = &a->agents[i], *q = &b->agents[i];
        if (p->kind != q->kind || !same_text(p->url, q->url) || p->start_timeout_ms != q->start_timeout_ms ||
            p->stop_timeout_ms != q->stop_timeout_ms) {
            return false;
        }
    }
    for (size_t i = 0; i < a->fault_count; i++) {
        if (!same_fault(&a->faults[i], &b->faults[i])) {
            return false;
        }
    }
    return a->backend.kind == b->backend.kind && same_text(a->backend.url, b->backend.url) &&
           same_text(a->backend.intake, b->backend.intake) && same_text(a->backend.site, b->backend.site) &&
           same_text(a->backend.directory, b->backend.directory) && a->backend.deadline_ms == b->backend.deadline_ms &&
           a->backend.timeout_ms == b->backend.timeout_ms && a->ui.kind == b->ui.kind &&
           same_text(a->ui.pprof, b->ui.pprof) && same_text(a->ui.driver, b->ui.driver) &&
           a->ui.timeout_ms == b->ui.timeout_ms && same_text(a->ui.link, b->ui.link);
}

static inline bool same_scenario(const struct scenario *a, const struct scenario *b)
{
    return same_text(a->path, b->path) && same_text(a->name, b->name) && same_text(a->description, b->description) &&
           same_text(a->service, b->service) && same_text(a->env, b->env) && same_text(a->version, b->version) &&
           a->duration_ms == b->duration_ms && a->threads == b->threads && a->seed == b->seed && a->rate == b->rate &&
           a->arms == b->arms && a->report == b->report && a->control.kind == b->control.kind &&
           same_texts(a->control.command, a->control.command_count, b->control.command, b->control.command_count) &&
           a->control.timeout_ms == b->control.timeout_ms && same_workload(a, b) &&
           same_text(a->intake.listen, b->intake.listen) && a->intake.max_body == b->intake.max_body &&
           a->intake.max_header == b->intake.max_header && a->intake.max_parts == b->intake.max_parts &&
           a->intake.idle_timeout_ms == b->intake.idle_timeout_ms && a->forward.kind == b->forward.kind &&
           same_text(a->forward.url, b->forward.url) && same_text(a->forward.site, b->forward.site) &&
           a->forward.timeout_ms == b->forward.timeout_ms && same_pipeline(a, b) && same_soak(a, b) &&
           same_locks(a->expect, a->expect_count, b->expect, b->expect_count) &&
           a->evidence.absence_probability == b->evidence.absence_probability &&
           a->evidence.duration_tolerance == b->evidence.duration_tolerance;
}

#endif
