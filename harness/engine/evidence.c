/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/evidence.h"

#include "base/mem.h"
#include "engine/evidence_pairs.h"
#include "engine/instances.h"
#include "engine/sightings.h"
#include "io/disk.h"
#include "profile/label.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void evidence_add_problem(struct evidence *ev, const char *who, const char *advice, const char *output, const char *fmt,
                          ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    if (ev->problem_count >= EVIDENCE_PROBLEMS_MAX) {
        ev->problems_dropped++;
        buf_fini(&text);
        return;
    }
    ev->problems = mem_grow(ev->problems, ev->problem_count, &ev->problem_capacity, sizeof *ev->problems);
    ev->problems[ev->problem_count++] = (struct problem){.who = mem_strdup(who),
                                                         .text = buf_steal(&text),
                                                         .advice = mem_strdup(advice),
                                                         .output = mem_strdup(output ? output : "")};
}

struct worker_outcome *evidence_find_worker(struct evidence *ev, const char *name)
{
    for (size_t i = 0; i < ev->worker_count; i++)
        if (strcmp(ev->workers[i].name, name) == 0)
            return &ev->workers[i];
    return NULL;
}

static int read_scenario(struct evidence *ev, struct err *e)
{
    struct buf yaml = {0};
    struct diagnostics diagnostics = {0};
    char *path = mem_printf("%s/scenario.yaml", ev->directory);
    int result = disk_read_now(path, SCENARIO_SIZE_MAX, &yaml, e);
    if (result < 0)
        err_wrap(e, "%s is not a run directory", ev->directory);
    else if (scenario_read(path, yaml.data ? yaml.data : "", yaml.size, NULL, 0, &ev->scenario, &diagnostics) < 0)
        result = err_set(e, ERR_INPUT, "%s:%u:%u: %s", path, diagnostics.items[0].line, diagnostics.items[0].column,
                         diagnostics.items[0].text);
    diagnostics_fini(&diagnostics);
    buf_fini(&yaml);
    free(path);
    return result;
}

static int add_instance(struct evidence *ev, const struct planned_instance *p, struct err *e)
{
    double rate = p->arm == ARM_CONTROL ? 1 : scenario_worker_capture_rate(p->def);
    int index = ledger_add_instance(&ev->ledger, p->name, p->def->name, p->arm, rate, e);
    if (index < 0)
        return -1;
    ev->ledger.instances[index].duration_ms = p->arm == ARM_CONTROL ? 0 : ev->scenario->duration_ms;
    ev->workers = mem_grow(ev->workers, ev->worker_count, &ev->worker_capacity, sizeof *ev->workers);
    ev->workers[ev->worker_count++] = (struct worker_outcome){.name = mem_strdup(p->name),
                                                              .worker = mem_strdup(p->def->name),
                                                              .arm = p->arm,
                                                              .cause = mem_strdup(""),
                                                              .runtime = mem_strdup(""),
                                                              .version = mem_strdup("")};
    return 0;
}

/* Every process that the scenario asks for, started or not. */
static int add_instances(struct evidence *ev, struct err *e)
{
    struct instance_plan plans[2];
    int result = 0;
    instances_plan(ev->scenario, &plans[0]);
    instances_plan_control(ev->scenario, &plans[1]);
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < plans[p].count && result == 0; i++)
            result = add_instance(ev, &plans[p].items[i], e);
    instance_plan_fini(&plans[0]);
    instance_plan_fini(&plans[1]);
    return result;
}

/* One line says what the limit kept out. */
static void note_dropped_problems(struct evidence *ev)
{
    uint64_t dropped = ev->problems_dropped;
    if (dropped == 0)
        return;
    ev->problems = mem_grow(ev->problems, ev->problem_count, &ev->problem_capacity, sizeof *ev->problems);
    ev->problems[ev->problem_count++] =
        (struct problem){.who = mem_strdup("run"),
                         .text = mem_printf("%" PRIu64 " more problems (EVIDENCE_PROBLEMS_MAX)", dropped),
                         .advice = mem_strdup("events.jsonl has those of the run"),
                         .output = mem_strdup("")};
}

static bool feeds(enum arm arm, enum stage stage)
{
    if (arm == ARM_CONTROL || stage == STAGE_CONTROL)
        return arm == ARM_CONTROL && stage == STAGE_CONTROL;
    return stage == STAGE_COLLECTOR ? arm != ARM_UPLOAD : arm != ARM_LOCAL;
}

/* A stage ran when a process that feeds it was started and has ended, or has left a copy there. One that was running
 * when the coordinator was killed has not been collected, which is no loss. */
static void find_stages(struct evidence *ev)
{
    ev->stage_ran[STAGE_DECLARED] = true;
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *copy = &ev->copies[i];
        /* Of the stages behind, only the journal knows whether they were looked at to the end. */
        if (copy->stage <= STAGE_UPLOAD && feeds(ev->ledger.instances[copy->instance].arm, copy->stage))
            ev->stage_ran[copy->stage] = true;
        /* Somebody has looked since. */
        if (copy->stage == STAGE_UI && ev->scenario->ui.kind == UI_ASK)
            ev->stage_ran[STAGE_UI] = true;
    }
    for (size_t i = 0; i < ev->worker_count; i++) {
        const struct worker_outcome *w = &ev->workers[i];
        for (enum stage stage = STAGE_CONTROL; stage <= STAGE_UPLOAD; stage++)
            if (w->started && w->ended && feeds(w->arm, stage))
                ev->stage_ran[stage] = true;
    }
}

/* What went wrong in the control is the control's outcome (`critical`), not a problem of the run.
 */
static bool counts_against_run(const struct evidence *ev, const struct problem *p)
{
    for (size_t i = 0; i < ev->worker_count; i++)
        if (ev->workers[i].arm == ARM_CONTROL && strcmp(ev->workers[i].name, p->who) == 0)
            return false;
    return true;
}

/* What a person was shown: names, without a count. */
static void lend_screen(const struct screen_names *screen, struct trail_copy *out)
{
    struct sighting *sightings = mem_calloc(screen->label_count, sizeof *sightings);
    for (size_t i = 0; i < screen->label_count; i++) {
        struct label parts = {.file = "", .name = ""};
        label_parse(screen->labels[i], strlen(screen->labels[i]), &parts);
        sightings[i] = (struct sighting){.label = screen->labels[i],
                                         .file = mem_strndup(parts.file, parts.file_size),
                                         .line = parts.line,
                                         .name = mem_strndup(parts.name, parts.name_size),
                                         .samples = 1};
    }
    out->status = COPY_GOOD;
    out->names_only = true;
    out->sightings = sightings;
    out->sighting_count = screen->label_count;
    out->unknown = (const char *const *)screen->unknown;
    out->unknown_count = screen->unknown_count;
}

static void return_copy(struct trail_copy *copy)
{
    for (size_t i = 0; copy->names_only && i < copy->sighting_count; i++) {
        free((char *)copy->sightings[i].file);
        free((char *)copy->sightings[i].name);
    }
    sightings_return(copy);
}

static void lend_copy(const struct evidence_copy *copy, struct trail_copy *out)
{
    *out = (struct trail_copy){.stage = copy->stage,
                               .instance = copy->instance,
                               .path = copy->path,
                               .hash = copy->hash[0] ? copy->hash : NULL};
    if (copy->screen)
        lend_screen(copy->screen, out);
    else
        sightings_lend(copy->profile, copy->unreadable, out);
}

static void count_problems(const struct evidence *ev, struct trail_input *input, char **first)
{
    for (size_t i = 0; i < ev->problem_count; i++) {
        if (!counts_against_run(ev, &ev->problems[i]))
            continue;
        input->problem_count++;
        if (!*first)
            *first = mem_printf("%s: %s", ev->problems[i].who, ev->problems[i].text);
    }
    input->first_problem = *first;
}

static struct trail_copy *lend_copies(const struct evidence *ev, size_t *count)
{
    struct lent_copy *lent = evidence_lend(ev, count);
    struct trail_copy *copies = mem_calloc(*count, sizeof *copies);
    for (size_t i = 0; i < *count; i++) {
        lend_copy(lent[i].copy, &copies[i]);
        evidence_identify(ev, &lent[i], &copies[i]);
    }
    free(lent);
    return copies;
}

static void judge(struct evidence *ev)
{
    struct trail_suspect *suspects = mem_calloc(SUSPECTS_MAX * ev->scenario->worker_count, sizeof *suspects);
    struct evidence_pairs pairs;
    struct evidence_kins kins;
    size_t count;
    char *first = NULL;
    struct trail_copy *copies = lend_copies(ev, &count);
    trail_match_uploads(&ev->ledger, copies, count, ev->stage_ran, &ev->matching);
    evidence_compare_pairs(ev, copies, &pairs);
    evidence_compare_kins(ev, &kins);
    struct trail_input input = {.ledger = &ev->ledger,
                                .copies = copies,
                                .copy_count = count,
                                .pairs = pairs.pairs,
                                .pair_count = pairs.count,
                                .kins = kins.kins,
                                .kin_count = kins.count,
                                .control = ev->control,
                                .control_why = ev->control_why,
                                .suspects = suspects,
                                .suspect_count = evidence_suspects(ev->scenario, suspects),
                                .thresholds = {.absence_probability = ev->scenario->evidence.absence_probability}};
    memcpy(input.stage_ran, ev->stage_ran, sizeof input.stage_ran);
    count_problems(ev, &input, &first);
    trail_judge(&input, &ev->trail);
    for (size_t i = 0; i < count; i++)
        return_copy(&copies[i]);
    for (size_t i = 0; i < input.suspect_count; i++)
        free((char *)suspects[i].setting);
    evidence_pairs_fini(&pairs);
    evidence_kins_fini(&kins);
    free(first);
    free(suspects);
    free(copies);
}

static struct evidence *evidence_new(const char *directory)
{
    struct evidence *ev = mem_calloc(1, sizeof *ev);
    ev->directory = mem_strdup(directory);
    ev->run_id = mem_strdup("");
    ev->started_at = mem_strdup("");
    ev->control_why = mem_strdup("");
    ev->control_output = mem_strdup("");
    ev->forward_described = mem_strdup("");
    ev->profiles_url = mem_strdup("");
    return ev;
}

int evidence_load(const char *directory, struct evidence **out, struct err *e)
{
    struct evidence *ev = evidence_new(directory);
    if (read_scenario(ev, e) < 0 || add_instances(ev, e) < 0 || evidence_add_mirrors(ev, e) < 0 ||
        evidence_read_events(ev, e) < 0 || evidence_read_ledger(ev, e) < 0 || evidence_read_copies(ev, e) < 0) {
        evidence_free(ev);
        return -1;
    }
    evidence_count_mirrors(ev);
    find_stages(ev);
    evidence_check_captured(ev);
    evidence_check_workload(ev);
    note_dropped_problems(ev);
    judge(ev);
    evidence_note_uploads(ev);
    *out = ev;
    return 0;
}

static void free_worker(struct worker_outcome *w)
{
    free(w->name);
    free(w->worker);
    free(w->cause);
    free(w->runtime);
    free(w->version);
}

void evidence_free_copy(struct evidence_copy *c)
{
    free(c->path);
    free(c->hash);
    free(c->start);
    free(c->end);
    free(c->runtime_id);
    free(c->unreadable);
    profile_free(c->profile);
    screen_names_free(c->screen);
}

static void free_problem(struct problem *p)
{
    free(p->who);
    free(p->text);
    free(p->advice);
    free(p->output);
}

void evidence_free(struct evidence *ev)
{
    if (!ev)
        return;
    for (size_t i = 0; i < ev->worker_count; i++)
        free_worker(&ev->workers[i]);
    for (size_t i = 0; i < ev->copy_count; i++)
        evidence_free_copy(&ev->copies[i]);
    for (size_t i = 0; i < ev->problem_count; i++)
        free_problem(&ev->problems[i]);
    for (size_t i = 0; i < ev->left_out_count; i++) {
        free(ev->left_out[i].worker);
        free(ev->left_out[i].why);
    }
    for (size_t i = 0; i < ev->service_count; i++) {
        free(ev->services[i].name);
        free(ev->services[i].cause);
    }
    trail_matching_fini(&ev->matching);
    free(ev->services);
    free(ev->exchanges);
    for (size_t i = 0; i < ev->fault_line_count; i++)
        free(ev->fault_lines[i].text);
    free(ev->fault_lines);
    free(ev->faults);
    free(ev->left_out);
    free(ev->workers);
    free(ev->copies);
    free(ev->captured);
    free(ev->problems);
    trail_result_fini(&ev->trail);
    ledger_fini(&ev->ledger);
    scenario_free(ev->scenario);
    free(ev->directory);
    free(ev->run_id);
    free(ev->started_at);
    free(ev->control_why);
    free(ev->control_output);
    free(ev->forward_described);
    free(ev->profiles_url);
    free(ev);
}

int evidence_exit_code(const struct evidence *ev)
{
    return ev->interrupted ? ERR_INTERRUPTED : verdict_exit_code(ev->trail.verdict);
}
