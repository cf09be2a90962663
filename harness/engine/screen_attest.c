/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_attest.h"

#include "base/mem.h"
#include "engine/journal.h"
#include "io/disk.h"
#include "profile/label.h"
#include "trail/naming.h"

#include <stdlib.h>
#include <string.h>

/* The furthest stage that any upload reached: of a site that can't be read back, what left the last tap. */
static enum stage furthest_stage(const struct evidence *ev)
{
    enum stage furthest = STAGE_UPLOAD;
    for (size_t i = 0; i < ev->copy_count; i++)
        if (ev->copies[i].stage > furthest && ev->copies[i].stage <= STAGE_BACKEND)
            furthest = ev->copies[i].stage;
    return furthest;
}

static bool has_copy(const struct evidence *ev, enum stage stage, size_t instance)
{
    for (size_t i = 0; i < ev->copy_count; i++)
        if (ev->copies[i].stage == stage && ev->copies[i].instance == instance)
            return true;
    return false;
}

static char *record_path(const struct attestation *a, const struct attest_process *p)
{
    return mem_printf("%s/copies/ui/%s.1.json", a->evidence->directory,
                      a->evidence->ledger.instances[p->instance].name);
}

static int read_record(const struct attestation *a, struct attest_process *p, struct err *e)
{
    struct buf text = {0};
    char *path = record_path(a, p);
    int result = disk_read_now(path, SCREEN_RECORD_MAX, &text, e);
    if (result == 0) {
        result = screen_record_read(text.data ? text.data : "", text.size, &p->record, e);
        if (result < 0)
            err_wrap(e, "%s", path);
    } else if (e->code == ERR_MISSING) {
        p->record = (struct screen_record){.instance = mem_strdup(a->evidence->ledger.instances[p->instance].name),
                                           .sequence = 1};
        result = 0;
    }
    buf_fini(&text);
    free(path);
    return result;
}

static void add_questions(struct attestation *a, size_t process)
{
    const struct ledger *ledger = &a->evidence->ledger;
    const char *worker = ledger->instances[a->processes[process].instance].worker;
    for (size_t i = 0; i < ledger->lock_count; i++) {
        if (strcmp(ledger->locks[i].worker, worker) != 0)
            continue;
        a->questions = mem_grow(a->questions, a->question_count, &a->question_capacity, sizeof *a->questions);
        a->questions[a->question_count++] = (struct attest_question){.process = process, .lock = i};
    }
}

int attestation_open(const struct evidence *ev, struct attestation *out, struct err *e)
{
    const struct ledger *ledger = &ev->ledger;
    enum stage stage = furthest_stage(ev);
    *out = (struct attestation){.evidence = ev,
                                .processes = mem_calloc(ledger->instance_count + 1, sizeof *out->processes)};
    for (size_t i = 0; i < ledger->instance_count; i++) {
        if (!has_copy(ev, stage, i))
            continue;
        out->processes[out->process_count].instance = i;
        if (read_record(out, &out->processes[out->process_count], e) < 0) {
            attestation_fini(out);
            return -1;
        }
        add_questions(out, out->process_count++);
    }
    return 0;
}

void attestation_fini(struct attestation *a)
{
    for (size_t i = 0; i < a->process_count; i++)
        screen_record_fini(&a->processes[i].record);
    free(a->processes);
    free(a->questions);
    *a = (struct attestation){0};
}

const char *attestation_link(const struct evidence *ev)
{
    if (ev->scenario->ui.link)
        return ev->scenario->ui.link;
    return ev->profiles_url ? ev->profiles_url : "";
}

static const struct lock *lock_of(const struct attestation *a, size_t question)
{
    return &a->evidence->ledger.locks[a->questions[question].lock];
}

const struct screen_answer *attestation_answer(const struct attestation *a, size_t question)
{
    const struct screen_record *r = &a->processes[a->questions[question].process].record;
    return screen_record_find_answer(r, lock_of(a, question)->id);
}

size_t attestation_unanswered(const struct attestation *a)
{
    size_t count = 0;
    for (size_t i = 0; i < a->question_count; i++)
        count += !attestation_answer(a, i);
    return count;
}

/* FILE:LINE:NAME, or what of it there is. */
static char *label_for(const struct lock *lock, const char *name)
{
    if (lock->file[0] == '\0')
        return mem_strdup(name);
    if (name[0] == '\0')
        return mem_printf("%s:%u", lock->file, lock->line);
    return mem_printf("%s:%u:%s", lock->file, lock->line, name);
}

/* Whether a name is what the lock should show. */
static bool is_as_declared(const struct lock *lock, const char *name)
{
    switch (lock->rendering) {
    case RENDERING_MANGLED:
        return naming_is_mangled(lock, name);
    case RENDERING_GENERIC:
        return name[0] == '\0';
    case RENDERING_EXACT:
        break;
    }
    return naming_is_declared(lock, name);
}

/* `lock` is one of the evidence's. A collector of C shows an expression that ends in the name: what the copies of the
 * run show is what a page can. */
static char *label_in_copies(const struct evidence *ev, const struct lock *lock)
{
    size_t index = (size_t)(lock - ev->ledger.locks);
    const struct trail_lock *t = index < ev->trail.lock_count ? &ev->trail.locks[index] : NULL;
    for (int stage = STAGE_BACKEND; t && stage >= STAGE_COLLECTOR; stage--)
        for (size_t i = 0; i < t->stages[stage].seen_count; i++)
            if (is_as_declared(lock, t->stages[stage].seen_as[i].name))
                return mem_strdup(t->stages[stage].seen_as[i].label);
    return NULL;
}

char *attestation_declared(const struct evidence *ev, const struct lock *lock)
{
    char *seen = label_in_copies(ev, lock);
    if (seen)
        return seen;
    switch (lock->rendering) {
    case RENDERING_MANGLED:
        return label_for(lock, lock->mangled ? lock->mangled : lock->name);
    case RENDERING_GENERIC:
        return label_for(lock, lock->file[0] ? "" : lock->name);
    case RENDERING_EXACT:
        break;
    }
    return label_for(lock, lock->name);
}

/* A page that shows only the name was asked about this lock: its site is known. */
static char *label_of_text(const struct evidence *ev, const struct lock *lock, const char *text)
{
    struct label parts;
    if (label_parse(text, strlen(text), &parts))
        return mem_strdup(text);
    return is_as_declared(lock, text) ? attestation_declared(ev, lock) : label_for(lock, text);
}

void attestation_take(struct attestation *a, size_t question, const char *line)
{
    struct attest_process *p = &a->processes[a->questions[question].process];
    const char *id = lock_of(a, question)->id;
    size_t size = strlen(line);
    char now[JOURNAL_TIME_SIZE];
    journal_time(now);
    p->changed = true;
    if (size == 0) {
        screen_record_answer(&p->record, id, SAID_AS_DECLARED, "", now);
    } else if (strcmp(line, "-") == 0) {
        screen_record_answer(&p->record, id, SAID_NOTHING, "", now);
    } else if (strcmp(line, "s") == 0) {
        screen_record_answer(&p->record, id, SAID_UNKNOWN, "", now);
    } else if (size >= 2 && line[0] == '"' && line[size - 1] == '"') {
        char *text = mem_strndup(line + 1, size - 2);
        screen_record_answer(&p->record, id, SAID_TEXT, text, now);
        free(text);
    } else {
        screen_record_answer(&p->record, id, SAID_TEXT, line, now);
    }
}

int attestation_find(const struct attestation *a, const char *instance, const char *lock, size_t *question,
                     struct err *e)
{
    const struct ledger *ledger = &a->evidence->ledger;
    size_t named = 0;
    bool known = false;
    for (size_t i = 0; i < a->question_count; i++) {
        const struct attest_process *p = &a->processes[a->questions[i].process];
        if (strcmp(ledger->instances[p->instance].name, instance) != 0)
            continue;
        known = true;
        if (strcmp(lock_of(a, i)->id, lock) == 0) {
            *question = i;
            return 0;
        }
        if (strcmp(lock_of(a, i)->name, lock) == 0) {
            *question = i;
            named++;
        }
    }
    if (named == 1)
        return 0;
    if (!known)
        return err_set(e, ERR_INPUT, "no process %s has reached the backend", instance);
    if (named > 1)
        return err_set(e, ERR_INPUT, "%zu locks of %s have the name %s, expected an id such as %s", named, instance,
                       lock, lock_of(a, *question)->id);
    return err_set(e, ERR_INPUT, "%s declares no lock %s", instance, lock);
}

/* The labels that follow from all answers, and the locks of which nothing is known. */
static void conclude(struct attestation *a, size_t process)
{
    struct screen_record *r = &a->processes[process].record;
    screen_record_clear_labels(r);
    for (size_t i = 0; i < a->question_count; i++) {
        const struct lock *lock = lock_of(a, i);
        char *label = NULL;
        if (a->questions[i].process != process)
            continue;
        const struct screen_answer *answer = screen_record_find_answer(r, lock->id);
        if (!answer || answer->word == SAID_UNKNOWN)
            screen_record_unknown(r, lock->id);
        else if (answer->word == SAID_AS_DECLARED)
            label = attestation_declared(a->evidence, lock);
        else if (answer->word == SAID_TEXT)
            label = label_of_text(a->evidence, lock, answer->text);
        if (label)
            screen_record_label(r, r->label_count, label, SCREEN_PERSON);
        free(label);
    }
}

static int save_process(struct attestation *a, size_t process, struct err *e)
{
    struct attest_process *p = &a->processes[process];
    struct screen_record *r = &p->record;
    struct buf text = {0};
    char now[JOURNAL_TIME_SIZE], *path = record_path(a, p), *slash = strrchr(path, '/');
    journal_time(now);
    conclude(a, process);
    free(r->how);
    free(r->page);
    free(r->time);
    r->how = mem_strdup("attested by a person");
    r->page = mem_strdup(attestation_link(a->evidence));
    r->time = mem_strdup(now);
    screen_record_print(r, &text);
    *slash = '\0';
    int result = disk_make_dir(path, e);
    *slash = '/';
    if (result == 0)
        result = disk_write_now(path, text.data, text.size, e);
    p->changed = result < 0;
    free(path);
    buf_fini(&text);
    return result;
}

int attestation_save(struct attestation *a, struct err *e)
{
    for (size_t i = 0; i < a->process_count; i++)
        if (a->processes[i].changed && save_process(a, i, e) < 0)
            return -1;
    return 0;
}
