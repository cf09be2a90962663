/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_fleet.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Until a process that has ended by itself is started again: a broken one must not use the machine up, and one that was
 * hit by something else (the kernel's out-of-memory killer) is to be there again soon. */
#define AGAIN_FIRST_MS 1000
#define AGAIN_LAST_MS 60000
/* A life of so long is a good one. */
#define GOOD_LIFE_MS 60000

enum slot_state { SLOT_IDLE, SLOT_WAITING, SLOT_RUNNING, SLOT_ENDING, SLOT_OVER };
#define SLOT_STATE_COUNT (SLOT_OVER + 1)
static const char *const state_names[SLOT_STATE_COUNT] = {"idle", "waiting", "running", "ending", "over"};

/* Allowed moves: a bit for each next state. */
static const unsigned allowed_moves[SLOT_STATE_COUNT] = {
    [SLOT_IDLE] = 1u << SLOT_WAITING | 1u << SLOT_OVER,
    [SLOT_WAITING] = 1u << SLOT_RUNNING | 1u << SLOT_IDLE | 1u << SLOT_OVER,
    [SLOT_RUNNING] = 1u << SLOT_ENDING | 1u << SLOT_WAITING | 1u << SLOT_OVER,
    [SLOT_ENDING] = 1u << SLOT_WAITING | 1u << SLOT_IDLE | 1u << SLOT_OVER,
};

/* One process of the plan. */
struct slot {
    struct soak_fleet *fleet;
    const struct planned_instance *planned;
    struct soak_process *process;
    enum slot_state state;
    bool for_load; /* only a load starts it */
    bool wanted;   /* it is to be there: always, or while a load lasts */
    bool killed;   /* by a disturbance */
    bool due;      /* it is to be started in one of the next turns */
    unsigned pauses;
    struct worker *worker; /* the present life, or the last one: uploads may still be on their way. NULL: none yet */
    int64_t started_ms, again_ms;
    uv_timer_t timer; /* WAITING: until it is due; RUNNING: its lifetime */
};

struct soak_fleet {
    struct soak_fleet_options options;
    struct slot *slots; /* options.count */
    struct worker **workers;
    uv_idle_t starter;
    size_t alive; /* slots that are RUNNING or ENDING */
    bool finishing, killing, finished;
    size_t open; /* handles */
    void (*done)(void *data);
    void *done_data;
};

static void move(struct slot *s, enum slot_state next)
{
    assert(allowed_moves[s->state] & 1u << next);
    log_line(LOG_DEBUG, s->planned->name, "soak: %s -> %s", state_names[s->state], state_names[next]);
    s->state = next;
}

static int64_t now_ms(const struct soak_fleet *f)
{
    return journal_elapsed_ms(&f->options.host->journal);
}

/* --- a life begins ------------------------------------------------------------------------------------------------ */

static void on_worker_end(struct worker *worker, bool good, void *data);

static void on_worker_pid(struct worker *worker, void *data)
{
    struct slot *s = data;
    s->process->pid = worker_pid(worker);
}

static void end_life(struct slot *s)
{
    move(s, SLOT_ENDING);
    uv_timer_stop(&s->timer);
    worker_interrupt(s->worker, s->fleet->killing);
}

static void on_lifetime(uv_timer_t *timer)
{
    end_life(timer->data);
}

static void tell_changed(struct soak_fleet *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->options.count; i++)
        if (f->slots[i].worker)
            f->workers[count++] = f->slots[i].worker;
    f->options.changed(f->workers, count, f->options.data);
}

static void begin_life(struct slot *s)
{
    struct soak_fleet *f = s->fleet;
    struct worker *last = s->worker;
    const struct scenario_worker *def = s->planned->def;
    struct worker_options options = {.host = f->options.host,
                                     .planned = s->planned,
                                     .env = &f->options.envs[def - f->options.host->options->scenario->workers],
                                     .on_end = on_worker_end,
                                     .on_pid = on_worker_pid,
                                     .data = s};
    move(s, SLOT_RUNNING);
    s->due = s->killed = false;
    s->pauses = 0;
    s->started_ms = now_ms(f);
    s->process->lives++;
    f->alive++;
    f->options.life(s->planned->name, f->options.data);
    s->worker = worker_start(&options);
    tell_changed(f);
    worker_free(last);
    if (def->lifetime_ms > 0)
        uv_timer_start(&s->timer, on_lifetime, (uint64_t)def->lifetime_ms, 0);
}

/* One in each turn of the loop: a start waits until the child is executed, and beside hundreds of others that takes its
 * time, in which lines, uploads and signals would wait too. */
static void on_start_next(uv_idle_t *starter)
{
    struct soak_fleet *f = starter->data;
    for (size_t i = 0; i < f->options.count; i++)
        if (f->slots[i].due) {
            begin_life(&f->slots[i]);
            return;
        }
    uv_idle_stop(starter);
}

static void make_due(struct slot *s)
{
    s->due = true;
    uv_idle_start(&s->fleet->starter, on_start_next);
}

static void on_again(uv_timer_t *timer)
{
    make_due(timer->data);
}

static void wait_and_begin(struct slot *s, int64_t ms)
{
    move(s, SLOT_WAITING);
    if (ms > 0)
        uv_timer_start(&s->timer, on_again, (uint64_t)ms, 0);
    else
        make_due(s);
}

/* --- a life ends -------------------------------------------------------------------------------------------------- */

static void finish_if_over(struct soak_fleet *f);

/* How long until the next life of one that has ended by itself. */
static int64_t again_in_ms(struct slot *s)
{
    bool long_life = now_ms(s->fleet) - s->started_ms >= GOOD_LIFE_MS;
    int64_t doubled = 2 * s->again_ms < AGAIN_LAST_MS ? 2 * s->again_ms : AGAIN_LAST_MS;
    s->again_ms = long_life || s->again_ms == 0 ? AGAIN_FIRST_MS : doubled;
    return s->again_ms;
}

/* A program that ends by itself as it was told to is not started more often than this. */
static int64_t next_turn_ms(const struct slot *s)
{
    int64_t left = AGAIN_FIRST_MS - (now_ms(s->fleet) - s->started_ms);
    return left > 0 ? left : 0;
}

/* It was to go on. Returns how long it is waited. */
static int64_t judge_own_end(struct slot *s, bool good)
{
    struct host *host = s->fleet->options.host;
    if (good && s->planned->def->until_exit) {
        s->process->planned_ends++;
        return next_turn_ms(s);
    }
    s->process->failures++;
    if (good) /* else the worker has said what happened */
        host_problem(host, s->planned->name, "let it work until SIGTERM, and give it a lifetime if it is to live short",
                     NULL, 0, "ended by itself, and a soak's workers go on until they are told to end");
    return again_in_ms(s);
}

static int64_t judge_end(struct slot *s, bool good)
{
    if (s->killed)
        s->process->kills++;
    else if (s->state == SLOT_RUNNING)
        return judge_own_end(s, good);
    else if (good)
        s->process->planned_ends++;
    else
        s->process->failures++;
    return 0;
}

static void on_worker_end(struct worker *worker, bool good, void *data)
{
    struct slot *s = data;
    struct soak_fleet *f = s->fleet;
    (void)worker;
    f->alive--;
    s->process->pid = 0;
    uv_timer_stop(&s->timer);
    int64_t wait_ms = judge_end(s, good);
    f->options.life_over(s->planned->name, s->killed || f->killing, f->options.data);
    if (f->finishing)
        move(s, SLOT_OVER);
    else if (s->wanted)
        wait_and_begin(s, wait_ms);
    else
        move(s, SLOT_IDLE);
    finish_if_over(f);
}

/* --- disturbances ------------------------------------------------------------------------------------------------- */

static bool is_of(const struct slot *s, const char *worker)
{
    return !worker || strcmp(s->planned->def->name, worker) == 0;
}

static void tell_hit(const struct slot *s, soak_hit_fn hit, void *data)
{
    if (hit)
        hit(s->planned->name, !s->for_load, data);
}

void soak_fleet_kill(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    for (size_t i = 0; i < f->options.count; i++) {
        struct slot *s = &f->slots[i];
        if (s->state != SLOT_RUNNING || !is_of(s, worker) || !worker_kill(s->worker))
            continue;
        s->killed = true;
        move(s, SLOT_ENDING);
        uv_timer_stop(&s->timer);
        tell_hit(s, hit, data);
    }
}

void soak_fleet_stop_processes(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    for (size_t i = 0; i < f->options.count; i++) {
        struct slot *s = &f->slots[i];
        if (s->state != SLOT_RUNNING || !is_of(s, worker) || !worker_pause(s->worker))
            continue;
        s->pauses++;
        tell_hit(s, hit, data);
    }
}

void soak_fleet_continue(struct soak_fleet *f, const char *worker)
{
    for (size_t i = 0; i < f->options.count; i++) {
        struct slot *s = &f->slots[i];
        if (s->pauses > 0 && is_of(s, worker) && --s->pauses == 0 && s->worker)
            worker_go_on(s->worker);
    }
}

void soak_fleet_each(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    for (size_t i = 0; i < f->options.count; i++)
        if (f->slots[i].state == SLOT_RUNNING && is_of(&f->slots[i], worker))
            tell_hit(&f->slots[i], hit, data);
}

static const struct scenario *scenario_of(const struct soak_fleet *f)
{
    return f->options.host->options->scenario;
}

/* One that ends still is started again when it has ended. */
static void want(struct slot *s)
{
    s->wanted = true;
    if (s->state == SLOT_IDLE)
        wait_and_begin(s, 0);
}

static void unwant(struct slot *s)
{
    s->wanted = s->due = false;
    if (s->state == SLOT_RUNNING) {
        end_life(s);
    } else if (s->state == SLOT_WAITING) {
        uv_timer_stop(&s->timer);
        move(s, SLOT_IDLE);
    }
}

/* Up to `number` of the worker's processes for loads that are `wanted` become so no more, or the other way round. */
static void turn(struct soak_fleet *f, const struct scenario_worker *def, bool wanted, unsigned number, soak_hit_fn hit,
                 void *data)
{
    for (size_t i = 0; i < f->options.count && number > 0; i++) {
        struct slot *s = &f->slots[i];
        if (!s->for_load || s->planned->def != def || s->wanted == wanted)
            continue;
        number--;
        if (wanted)
            want(s);
        else
            unwant(s);
        tell_hit(s, hit, data);
    }
}

void soak_fleet_load(struct soak_fleet *f, const char *worker, unsigned more, soak_hit_fn hit, void *data)
{
    const struct scenario *scenario = scenario_of(f);
    soak_fleet_each(f, worker, hit, data);
    for (size_t w = 0; w < scenario->worker_count && !f->finishing; w++)
        if (!worker || strcmp(scenario->workers[w].name, worker) == 0)
            turn(f, &scenario->workers[w], true, more, hit, data);
}

void soak_fleet_unload(struct soak_fleet *f, const char *worker, unsigned fewer)
{
    const struct scenario *scenario = scenario_of(f);
    for (size_t w = 0; w < scenario->worker_count && !f->finishing; w++)
        if (!worker || strcmp(scenario->workers[w].name, worker) == 0)
            turn(f, &scenario->workers[w], false, fewer, NULL, NULL);
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

/* Of each worker, the first `count` are there all the time. */
static bool is_for_load(const struct soak_fleet_options *options, size_t at)
{
    size_t before = 0;
    for (size_t i = 0; i < at; i++)
        before += options->planned[i].def == options->planned[at].def;
    return before >= options->planned[at].def->count;
}

struct soak_fleet *soak_fleet_new(const struct soak_fleet_options *options)
{
    struct soak_fleet *f = mem_calloc(1, sizeof *f);
    f->options = *options;
    f->slots = mem_calloc(options->count + 1, sizeof *f->slots);
    f->workers = mem_calloc(options->count + 1, sizeof *f->workers);
    uv_idle_init(options->host->loop, &f->starter);
    f->starter.data = f;
    for (size_t i = 0; i < options->count; i++) {
        struct slot *s = &f->slots[i];
        *s = (struct slot){.fleet = f,
                           .planned = &options->planned[i],
                           .process = &options->record->processes[i + 1],
                           .for_load = is_for_load(options, i)};
        s->wanted = !s->for_load;
        uv_timer_init(options->host->loop, &s->timer);
        s->timer.data = s;
    }
    f->open = options->count + 1;
    return f;
}

void soak_fleet_start(struct soak_fleet *f)
{
    for (size_t i = 0; i < f->options.count; i++)
        if (f->slots[i].wanted && !f->finishing)
            wait_and_begin(&f->slots[i], 0);
}

static void on_closed(struct soak_fleet *f)
{
    if (--f->open > 0)
        return;
    f->finished = true;
    f->done(f->done_data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct slot *s = handle->data;
    on_closed(s->fleet);
}

static void on_starter_closed(uv_handle_t *handle)
{
    on_closed(handle->data);
}

static void finish_if_over(struct soak_fleet *f)
{
    if (!f->finishing || f->alive > 0 || uv_is_closing((uv_handle_t *)&f->starter))
        return;
    uv_close((uv_handle_t *)&f->starter, on_starter_closed);
    for (size_t i = 0; i < f->options.count; i++)
        uv_close((uv_handle_t *)&f->slots[i].timer, on_timer_closed);
}

static void finish_slot(struct slot *s)
{
    s->wanted = s->due = false;
    if (s->state == SLOT_RUNNING) {
        end_life(s);
    } else if (s->state == SLOT_ENDING && s->fleet->killing && !s->killed) {
        worker_interrupt(s->worker, true);
    } else if (s->state == SLOT_IDLE || s->state == SLOT_WAITING) {
        uv_timer_stop(&s->timer);
        move(s, SLOT_OVER);
    }
}

void soak_fleet_finish(struct soak_fleet *f, bool now, void (*done)(void *data), void *data)
{
    if (!f->finishing) {
        f->done = done;
        f->done_data = data;
    }
    f->finishing = true;
    f->killing = f->killing || now;
    for (size_t i = 0; i < f->options.count; i++)
        finish_slot(&f->slots[i]);
    finish_if_over(f);
}

void soak_fleet_free(struct soak_fleet *f)
{
    if (!f)
        return;
    assert(f->finished);
    for (size_t i = 0; i < f->options.count; i++)
        worker_free(f->slots[i].worker);
    free(f->slots);
    free(f->workers);
    free(f);
}
