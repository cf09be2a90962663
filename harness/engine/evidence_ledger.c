/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "engine/declared.h"
#include "engine/evidence_internal.h"
#include "engine/orders.h"
#include "engine/protocol.h"

#include <stdlib.h>
#include <string.h>

/* A worker that contradicts itself or the other arm is broken; the rest of the ledger still counts.
 */
static void broken_ledger(struct evidence *ev, const char *instance, const struct err *e)
{
    evidence_add_problem(ev, instance, "the workload's declarations must be the same in every process", NULL, "%s",
                         e->text);
}

/* The control of a native worker runs in a build of its own, in which other names can be shown. */
static bool is_native(const struct evidence *ev, const char *worker)
{
    return scenario_find_worker(ev->scenario, worker)->runtime == RUNTIME_NATIVE;
}

static void add_lock(struct evidence *ev, const struct instance *instance, const struct lock *declared)
{
    struct lock lock = *declared;
    struct err e;
    if (strcmp(lock.pattern, REFERENCE_PATTERN) == 0)
        return; /* the control's yardstick, not a lock of the workload */
    lock.worker = instance->worker;
    lock.provisional = instance->arm == ARM_CONTROL && is_native(ev, instance->worker);
    declared_expect(ev->scenario, &lock);
    if (ledger_add_lock(&ev->ledger, &lock, &e) < 0)
        broken_ledger(ev, instance->name, &e);
}

static void add_site(struct evidence *ev, const struct instance *instance, const struct message *m)
{
    int lock = ledger_find_lock(&ev->ledger, instance->worker, m->id);
    struct err e;
    if (lock < 0 && instance->arm == ARM_CONTROL)
        return; /* the reference lock's */
    if (lock < 0)
        err_set(&e, ERR_INPUT, "says a site of %.200s, which it has not declared", m->id);
    if (lock < 0 || ledger_add_site(&ev->ledger, (size_t)lock, m->site, &e) < 0)
        broken_ledger(ev, instance->name, &e);
}

static void set_counts(struct evidence *ev, size_t index, const struct message *m)
{
    const struct instance *instance = &ev->ledger.instances[index];
    for (size_t i = 0; i < message_counted(m); i++) {
        int lock = ledger_find_lock(&ev->ledger, instance->worker, m->acquires->keys[i]);
        struct err e;
        /* The control's reference lock is not of the workload, and a lock may be declared after its first count. */
        if (lock < 0 && (instance->arm == ARM_CONTROL || m->type == MESSAGE_PROGRESS))
            continue;
        if (lock < 0) {
            err_set(&e, ERR_INPUT, "counts acquires of %.200s, which it has not declared", m->acquires->keys[i]);
            broken_ledger(ev, instance->name, &e);
            continue;
        }
        struct lock_count count = instance->counts[lock];
        message_count(m, i, &count);
        if (ledger_set_count(&ev->ledger, index, (size_t)lock, &count, &e) < 0)
            broken_ledger(ev, instance->name, &e);
    }
}

/* A phase is late when it took longer than the scenario tolerates, with a second for starting its
 * threads on a busy machine. It is early when it took less than planned: then it did something else
 * than pacing its work. */
#define DURATION_GRACE_MS 1000

static void check_durations(struct evidence *ev, const struct instance *instance, const struct message *m)
{
    const struct json *phases = json_get(m->tree, "phases");
    if (m->interrupted || instance->arm == ARM_CONTROL || !phases)
        return;
    for (size_t i = 0; i < phases->size; i++) {
        const char *phase = json_get_string(&phases->items[i], "phase", "?");
        int64_t planned = json_get_int(&phases->items[i], "planned_ms", 0);
        int64_t took = json_get_int(&phases->items[i], "took_ms", 0);
        double most = (double)planned * (1 + ev->scenario->evidence.duration_tolerance);
        if (planned > 0 && (took < planned || (double)took > most + DURATION_GRACE_MS))
            evidence_add_problem(
                ev, instance->name, "fewer threads or a lower rate; or raise evidence.duration_tolerance", NULL,
                "phase %s took %.1f s, planned were %.1f s", phase, (double)took / 1000, (double)planned / 1000);
    }
}

static void keep(char **text, const char *value)
{
    free(*text);
    *text = mem_strdup(value);
}

static void take_message(struct evidence *ev, size_t index, const struct message *m)
{
    struct worker_outcome *w = evidence_find_worker(ev, ev->ledger.instances[index].name);
    switch (m->type) {
    case MESSAGE_HELLO:
        keep(&w->runtime, m->runtime);
        keep(&w->version, m->version);
        break;
    case MESSAGE_LOCK:
        add_lock(ev, &ev->ledger.instances[index], &m->lock);
        break;
    case MESSAGE_SITE:
        add_site(ev, &ev->ledger.instances[index], m);
        break;
    case MESSAGE_DONE:
        w->said_done = true;
        check_durations(ev, &ev->ledger.instances[index], m);
        set_counts(ev, index, m);
        break;
    case MESSAGE_PROGRESS:
        set_counts(ev, index, m);
        break;
    case MESSAGE_PROFILE:
    case MESSAGE_ERROR:
        break;
    }
}

static int on_line(struct evidence *ev, size_t number, const char *line, size_t size, struct err *e)
{
    static const char prefix[] = "{\"instance\":\"", middle[] = "\",\"line\":";
    (void)number;
    if (size < sizeof prefix || memcmp(line, prefix, sizeof prefix - 1) != 0)
        return err_set(e, ERR_INPUT, "not a line of a ledger");
    const char *name = line + sizeof prefix - 1;
    const char *name_end = memmem(name, size - (sizeof prefix - 1), middle, sizeof middle - 1);
    if (!name_end || line[size - 1] != '}' || name_end + sizeof middle - 1 >= line + size)
        return err_set(e, ERR_INPUT, "not a line of a ledger");
    char *instance = mem_strndup(name, (size_t)(name_end - name));
    const char *inner = name_end + sizeof middle - 1;
    int index = ledger_find_instance(&ev->ledger, instance);
    free(instance);
    struct message m;
    if (index < 0)
        return err_set(e, ERR_INPUT, "a process that the scenario does not have");
    if (message_read(inner, (size_t)(line + size - 1 - inner), &m, e) < 0)
        return -1;
    take_message(ev, (size_t)index, &m);
    message_fini(&m);
    return 0;
}

/* The locks of a silent command stand in the scenario. */
static void add_silent(struct evidence *ev, size_t index, const struct scenario_worker *def)
{
    for (size_t i = 0; i < def->lock_count; i++) {
        struct lock lock = declared_of_silent(ev->scenario, def, i);
        struct lock_count count = {.acquires = def->locks[i].acquires, .known = def->locks[i].acquires > 0};
        struct err e;
        int at = ledger_add_lock(&ev->ledger, &lock, &e);
        if (at < 0 || (count.known && ledger_set_count(&ev->ledger, index, (size_t)at, &count, &e) < 0))
            broken_ledger(ev, ev->ledger.instances[index].name, &e);
    }
}

/* What a process had counted some time before its end is no truth to hold a profile of its end against; nor are the
 * counts of one whose copies a kill of the coordinator kept from being collected. */
static void forget_unfinished(struct evidence *ev)
{
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        struct instance *instance = &ev->ledger.instances[i];
        const struct worker_outcome *w = evidence_find_worker(ev, instance->name);
        const struct scenario_worker *def = scenario_find_worker(ev->scenario, instance->worker);
        if (!w)
            continue; /* a mirror: as the process whose uploads it has */
        instance->unfinished = !w->ended || (scenario_worker_speaks(def) && !w->said_done);
        if (w->said_done && w->ended)
            continue;
        for (size_t l = 0; l < ev->ledger.lock_count; l++)
            instance->counts[l].known = false;
    }
}

int evidence_read_ledger(struct evidence *ev, struct err *e)
{
    bool torn;
    if (evidence_read_lines(ev, "ledger.jsonl", on_line, &torn, e) < 0)
        return -1;
    forget_unfinished(ev);
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        const struct instance *instance = &ev->ledger.instances[i];
        const struct scenario_worker *def = scenario_find_worker(ev->scenario, instance->worker);
        if (instance->arm != ARM_CONTROL && !instance->mirror && !scenario_worker_speaks(def))
            add_silent(ev, i, def);
    }
    return 0;
}
