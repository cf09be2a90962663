/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_silence.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct silent {
    int64_t limit_ms; /* 0: locktrail itself */
    int64_t since_ms; /* its last upload, or the start of its life */
    uint64_t arrived, lives;
    bool told;
};

struct soak_silence {
    struct soak_record *record;
    struct silent *items;
};

static int64_t limit_of(const struct scenario *s, const char *worker)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        if (strcmp(s->workers[i].name, worker) != 0)
            continue;
        int64_t limit = s->workers[i].upload_interval_ms * SOAK_SILENCE_UPLOADS;
        return limit > SOAK_SILENCE_MS ? limit : SOAK_SILENCE_MS;
    }
    return 0;
}

struct soak_silence *soak_silence_new(const struct scenario *s, struct soak_record *r)
{
    struct soak_silence *silence = mem_calloc(1, sizeof *silence);
    silence->record = r;
    silence->items = mem_calloc(r->process_count, sizeof *silence->items);
    for (size_t i = 0; i < r->process_count; i++) {
        silence->items[i].limit_ms = limit_of(s, r->processes[i].worker);
        silence->items[i].since_ms = r->elapsed_ms;
    }
    return silence;
}

void soak_silence_free(struct soak_silence *s)
{
    if (!s)
        return;
    free(s->items);
    free(s);
}

static void tell(const struct soak_silence *s, const struct soak_process *p, int64_t limit_ms, int64_t at_ms)
{
    bool never = p->uploads.arrived[STAGE_UPLOAD] == 0;
    char *text = mem_printf("runs and has sent no upload %s%" PRId64 " s", never ? "since its start, " : "for ",
                            limit_ms / 1000);
    soak_record_problem(s->record, at_ms, p->name, text,
                        never ? "is a profiler on in it, and does it send to where DD_TRACE_AGENT_URL says?"
                              : "its profiler's sender hangs or has given up: look at its output under workers/");
    free(text);
}

void soak_silence_look(struct soak_silence *s, int64_t at_ms,
                       bool (*disturbed)(const char *process, int64_t ms, void *data), void *data)
{
    for (size_t i = 0; i < s->record->process_count; i++) {
        const struct soak_process *p = &s->record->processes[i];
        struct silent *silent = &s->items[i];
        if (silent->limit_ms == 0)
            continue;
        if (p->pid == 0 || p->lives != silent->lives || p->uploads.arrived[STAGE_UPLOAD] != silent->arrived) {
            silent->since_ms = at_ms;
            silent->lives = p->lives;
            silent->arrived = p->uploads.arrived[STAGE_UPLOAD];
            silent->told = false;
        }
        int64_t silent_ms = at_ms - silent->since_ms;
        if (silent->told || silent_ms < silent->limit_ms || disturbed(p->name, silent_ms, data))
            continue;
        silent->told = true;
        tell(s, p, silent->limit_ms, at_ms);
    }
}
