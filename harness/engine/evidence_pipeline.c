/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal says of taps, agents and services; and the ways that uploads took beside the first one. */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/agents.h"
#include "engine/evidence_internal.h"
#include "engine/instances.h"
#include "engine/way.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Lines of what faults did that are kept: nobody reads more, and each upload may have one. */
#define FAULT_LINES_MAX 50

/* --- further agents ----------------------------------------------------------------------------------------------- */

/* Which stages uploads do not pass behind this agent. Nobody has told an external one of locktrail's own store. */
static void set_skips(const struct scenario *s, struct instance *instance, const struct scenario_agent *agent)
{
    bool keeps = agent && agent->kind == AGENT_TEST_AGENT;
    bool elsewhere = agent && agent->kind == AGENT_EXTERNAL && s->backend.kind == BACKEND_STORE;
    instance->skips[STAGE_AGENT] = !agent || !(keeps || agent_forwards(agent->kind));
    instance->skips[STAGE_BACKEND] = instance->skips[STAGE_UI] = keeps || elsewhere;
}

static const struct scenario_agent *agent_of(const struct scenario *s, size_t lane)
{
    return lane < s->agent_count && s->agents[lane].kind != AGENT_NONE ? &s->agents[lane] : NULL;
}

static bool uploads(const struct instance *instance)
{
    return instance->arm == ARM_UPLOAD || instance->arm == ARM_TEE;
}

static int add_mirrors_of(struct evidence *ev, size_t original, struct err *e)
{
    const struct scenario *s = ev->scenario;
    for (size_t lane = 1; lane < s->agent_count; lane++) {
        const struct instance *from = &ev->ledger.instances[original];
        char *name = way_instance(s, lane, from->name);
        int index = ledger_add_instance(&ev->ledger, name, from->worker, ARM_UPLOAD, from->capture_rate, e);
        free(name);
        if (index < 0)
            return -1;
        ev->ledger.instances[index].mirror = true;
        set_skips(s, &ev->ledger.instances[index], agent_of(s, lane));
    }
    return 0;
}

int evidence_add_mirrors(struct evidence *ev, struct err *e)
{
    size_t count = ev->ledger.instance_count;
    if (!scenario_has_pipeline(ev->scenario))
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (!uploads(&ev->ledger.instances[i]))
            continue;
        set_skips(ev->scenario, &ev->ledger.instances[i], agent_of(ev->scenario, 0));
        if (add_mirrors_of(ev, i, e) < 0)
            return -1;
    }
    return 0;
}

int evidence_mirrored(const struct evidence *ev, size_t mirror)
{
    const char *name = ev->ledger.instances[mirror].name;
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        const struct instance *from = &ev->ledger.instances[i];
        size_t size = strlen(from->name);
        if (!from->mirror && strncmp(name, from->name, size) == 0 && name[size] == '+')
            return (int)i;
    }
    return -1;
}

void evidence_count_mirrors(struct evidence *ev)
{
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        struct instance *mirror = &ev->ledger.instances[i];
        int original = mirror->mirror ? evidence_mirrored(ev, i) : -1;
        if (original < 0)
            continue;
        const struct instance *from = &ev->ledger.instances[original];
        mirror->duration_ms = from->duration_ms;
        mirror->left_out = from->left_out;
        mirror->unfinished = from->unfinished;
        for (size_t k = 0; k < ev->ledger.lock_count; k++)
            mirror->counts[k] = from->counts[k];
    }
}

/* --- what senders were told --------------------------------------------------------------------------------------- */

static void add_fault(struct evidence *ev, const char *stage, const char *instance, const char *fault)
{
    if (!fault[0])
        return;
    char *text = mem_printf("%s tap, %s: %s", stage, instance, fault);
    size_t i = 0;
    while (i < ev->fault_line_count && strcmp(ev->fault_lines[i].text, text) != 0)
        i++;
    if (i == FAULT_LINES_MAX) {
        ev->fault_lines_dropped++;
        free(text);
        return;
    }
    if (i < ev->fault_line_count) {
        free(text);
    } else {
        ev->fault_lines =
            mem_grow(ev->fault_lines, ev->fault_line_count, &ev->fault_line_capacity, sizeof *ev->fault_lines);
        ev->fault_lines[ev->fault_line_count++] = (struct fault_line){.text = text};
    }
    ev->fault_lines[i].uploads++;
}

void evidence_take_exchange(struct evidence *ev, const struct json *event)
{
    const char *name = json_get_string(event, "stage", ""), *who = json_get_string(event, "instance", "");
    int instance = ledger_find_instance(&ev->ledger, who);
    enum stage stage;
    add_fault(ev, name, who, json_get_string(event, "fault", ""));
    if (instance < 0 || !stage_parse(name, &stage))
        return;
    ev->exchanges = mem_grow(ev->exchanges, ev->exchange_count, &ev->exchange_capacity, sizeof *ev->exchanges);
    ev->exchanges[ev->exchange_count++] = (struct exchange){.stage = stage,
                                                            .instance = (size_t)instance,
                                                            .first = (unsigned)json_get_int(event, "sequence", 0),
                                                            .profiles = (unsigned)json_get_int(event, "profiles", 0),
                                                            .status = (int)json_get_int(event, "status", 0)};
}

static int by_place(const void *a, const void *b)
{
    const struct exchange *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

void evidence_sort_exchanges(struct evidence *ev)
{
    if (ev->exchange_count > 0)
        qsort(ev->exchanges, ev->exchange_count, sizeof *ev->exchanges, by_place);
}

int evidence_answered(const struct evidence *ev, enum stage stage, size_t instance, unsigned sequence)
{
    size_t low = 0, high = ev->exchange_count;
    struct exchange key = {.stage = stage, .instance = instance, .first = sequence};
    while (low < high) { /* the last that is not behind it */
        size_t middle = low + (high - low) / 2;
        if (by_place(&ev->exchanges[middle], &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    const struct exchange *x = &ev->exchanges[low - 1];
    bool holds = x->stage == stage && x->instance == instance && sequence < x->first + x->profiles;
    return holds ? x->status : 0;
}

/* Whether one of the lines begins to tell of it: they name what was done. */
static bool has_acted(const struct evidence *ev, const char *name)
{
    for (size_t i = 0; i < ev->fault_line_count; i++)
        if (strstr(ev->fault_lines[i].text, name))
            return true;
    return ev->fault_lines_dropped > 0;
}

/* A misspelt lock would otherwise read as a pipeline that stands everything. */
static void note_idle_faults(const struct evidence *ev, struct buf *out)
{
    const struct scenario *s = ev->scenario;
    for (size_t i = 0; i < s->fault_count && ev->exchange_count > 0; i++) {
        const struct scenario_fault *f = &s->faults[i];
        const char *name = f->has_mechanism ? mechanism_name(f->mechanism) : fault_change_name(f->change);
        if (!has_acted(ev, name))
            buf_printf(out,
                       "%sfaults.%zu: %s at %s has changed nothing: no upload had what it is for (locks, worker, "
                       "length, rate)",
                       out->size > 0 ? "\n" : "", i, name, stage_name(f->at));
    }
}

void evidence_note_faults(struct evidence *ev)
{
    struct buf out = {0};
    for (size_t i = 0; i < ev->fault_line_count; i++) {
        const struct fault_line *line = &ev->fault_lines[i];
        buf_printf(&out, "%s%s", i > 0 ? "\n" : "", line->text);
        if (line->uploads > 1)
            buf_printf(&out, " (%" PRIu64 " uploads)", line->uploads);
    }
    if (ev->fault_lines_dropped > 0)
        buf_printf(&out, "\nand %" PRIu64 " more uploads, see events.jsonl", ev->fault_lines_dropped);
    note_idle_faults(ev, &out);
    ev->faults = buf_steal(&out);
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static struct service_outcome *find_service(struct evidence *ev, const char *name)
{
    for (size_t i = 0; i < ev->service_count; i++)
        if (strcmp(ev->services[i].name, name) == 0)
            return &ev->services[i];
    ev->services = mem_grow(ev->services, ev->service_count, &ev->service_capacity, sizeof *ev->services);
    ev->services[ev->service_count] =
        (struct service_outcome){mem_strdup(name), mem_strdup("was running when the coordinator ended"), false};
    return &ev->services[ev->service_count++];
}

void evidence_take_service_started(struct evidence *ev, const struct json *event)
{
    find_service(ev, json_get_string(event, "service", ""));
}

void evidence_take_service_ended(struct evidence *ev, const struct json *event)
{
    struct service_outcome *s = find_service(ev, json_get_string(event, "service", ""));
    free(s->cause);
    s->cause = mem_strdup(json_get_string(event, "cause", ""));
    s->good = json_get_bool(event, "good", false);
}
