/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/phases.h"

#include "native/patterns/patterns.h"
#include "native/runtime/channel.h"
#include "native/runtime/ledger.h"
#include "native/runtime/options.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define PROGRESS_NS (250 * NS_PER_MS)
/* How often the end of the threads and the stop flag are looked at. */
#define LOOK_NS (20 * NS_PER_MS)
/* All threads are there before the first iteration is due, so that they start as one burst. */
#define START_DELAY_NS (10 * NS_PER_MS)
/* No thread has finished an iteration for this long: they wait for one another, or for a lock that another one took
 * along. Two periods come on top. */
#define STALL_NS (5000 * NS_PER_MS)
/* Between two looks on the busiest of machines; where it takes longer, the process stood still. */
#define PAUSE_NS (1000 * NS_PER_MS)
/* After a stop, threads end at their next iteration. */
#define STOP_GRACE_NS (3000 * NS_PER_MS)
/* Sanitizers need some, the patterns next to nothing; 1,024 threads have to fit. */
#define STACK_BYTES (512 * 1024)
/* "semaphore-1024" with a longer pattern. */
#define THREAD_NAME_MAX 40

/* Of one phase of the command line: sums of all its rounds. */
struct report {
    uint64_t rounds, planned_ms, took_ms, iterations;
};

/* One run of the program. */
struct runner {
    const struct options *options;
    struct channel *channel;
    struct report *reports; /* one for each phase of the command line */
    bool failed;
};

/* One thread of a phase. `error` is written before `ended` and read after it. */
struct worker {
    struct phase *phase;
    unsigned number;
    pthread_t thread;
    _Atomic uint64_t finished; /* iterations */
    atomic_bool ended;
    bool failed, told;
    char error[120];
};

/* One phase while it runs. */
struct phase {
    struct runner *runner;
    const struct order *order;
    struct io io;
    step_fn step;
    void *service;
    uint64_t start_ns;
    struct worker *workers;
    unsigned count;        /* threads that were started */
    atomic_uint all_ended; /* a futex */
};

static atomic_bool stopped;
static _Thread_local struct worker *current;

void phases_stop(void)
{
    atomic_store(&stopped, true);
}

const struct io *phase_io(const struct phase *phase)
{
    return &phase->io;
}

static bool never(const void *unused)
{
    (void)unused;
    return false;
}

static bool is_stopped(const void *unused)
{
    (void)unused;
    return atomic_load(&stopped);
}

/* The workload's own locks are the patterns' alone, so the end of a phase is told by the system call below them. */
static void wait_for_all(struct phase *phase)
{
    while (!atomic_load(&phase->all_ended))
        syscall(SYS_futex, &phase->all_ended, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void release_all(struct phase *phase)
{
    atomic_store(&phase->all_ended, 1);
    syscall(SYS_futex, &phase->all_ended, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool worker_check(int error, const char *call)
{
    if (error == 0)
        return true;
    /* Outside of a step there is nobody to report it as a thread's. */
    if (!current) {
        fprintf(stderr, "%s: %s\n", call, strerror(error));
        abort();
    }
    current->failed = true;
    snprintf(current->error, sizeof current->error, "%s: %s", call, strerror(error));
    return false;
}

/* --- a thread ----------------------------------------------------------------------------------------------------- */

static void thread_name(const struct worker *w, char out[THREAD_NAME_MAX])
{
    snprintf(out, THREAD_NAME_MAX, "%s-%u", w->phase->order->pattern->name, w->number + 1);
}

/* The kernel keeps 15 characters: the pattern is cut so that the number fits. */
static void name_thread(const struct worker *w)
{
    char number[16], name[32];
    int size = snprintf(number, sizeof number, "-%u", w->number + 1);
    snprintf(name, sizeof name, "%.*s%s", 15 - size, w->phase->order->pattern->name, number);
    pthread_setname_np(pthread_self(), name);
}

static void work(struct worker *w)
{
    const struct phase *phase = w->phase;
    const struct order *order = phase->order;
    struct pace pace =
        pace_make(phase->runner->options->seed, order->pattern->name, w->number, order->iterations, order->seconds);
    for (uint64_t turn = 0; turn < order->iterations && !w->failed; turn++) {
        if (!pacing_sleep_until(phase->start_ns + pace_due_ns(&pace, turn), is_stopped, NULL))
            return;
        phase->step(phase->service, w->number, turn);
        if (!w->failed)
            atomic_store_explicit(&w->finished, turn + 1, memory_order_relaxed);
    }
}

static void *worker_main(void *argument)
{
    struct worker *w = argument;
    current = w;
    name_thread(w);
    tally_thread(w->number + 1);
    work(w);
    atomic_store(&w->ended, true);
    wait_for_all(w->phase);
    return NULL;
}

/* --- what the main thread says ------------------------------------------------------------------------------------ */

static void send_error(struct phase *phase, const char *thread, const char *error)
{
    struct line line;
    phase->runner->failed = true;
    line_begin(&line, "error");
    line_text(&line, "phase", phase->order->pattern->name);
    line_text(&line, "thread", thread);
    line_text(&line, "error", error);
    line_send(&line, phase->runner->channel);
}

static void send_failures(struct phase *phase)
{
    for (unsigned i = 0; i < phase->count; i++) {
        struct worker *w = &phase->workers[i];
        char name[THREAD_NAME_MAX];
        if (!atomic_load(&w->ended) || !w->failed || w->told)
            continue;
        w->told = true;
        thread_name(w, name);
        send_error(phase, name, w->error);
    }
}

static uint64_t finished(const struct phase *phase)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < phase->count; i++)
        sum += atomic_load_explicit(&phase->workers[i].finished, memory_order_relaxed);
    return sum;
}

static void send_progress(struct phase *phase)
{
    struct line line;
    double planned = (double)phase->order->iterations * phase->runner->options->threads;
    send_failures(phase);
    ledger_send_sites(phase->runner->channel);
    line_begin(&line, "progress");
    line_text(&line, "phase", phase->order->pattern->name);
    fprintf(line.out, ",\"done\":%.4f,\"at\":%lld", (double)finished(phase) / planned, (long long)pacing_wall_ns());
    ledger_add_acquires(&line, phase->order->pattern->name);
    line_send(&line, phase->runner->channel);
    if (phase->runner->channel->gone)
        phases_stop();
}

static void add_reports(struct line *line, const struct runner *runner)
{
    const struct options *options = runner->options;
    const char *comma = "";
    fputs(",\"phases\":[", line->out);
    for (size_t i = 0; i < options->phase_count; i++) {
        const struct report *r = &runner->reports[i];
        if (r->rounds == 0)
            continue;
        fprintf(line->out,
                "%s{\"phase\":\"%s\",\"planned_ms\":%llu,\"took_ms\":%llu,\"iterations\":%llu,\"threads\":%u", comma,
                options->phases[i].pattern->name, (unsigned long long)r->planned_ms, (unsigned long long)r->took_ms,
                (unsigned long long)r->iterations, options->threads);
        if (options->rounds)
            fprintf(line->out, ",\"rounds\":%llu", (unsigned long long)r->rounds);
        fputc('}', line->out);
        comma = ",";
    }
    fputc(']', line->out);
}

static void send_done(struct runner *runner)
{
    struct line line;
    ledger_send_sites(runner->channel);
    line_begin(&line, "done");
    fprintf(line.out, ",\"at\":%lld", (long long)pacing_wall_ns());
    ledger_add_totals(&line);
    add_reports(&line, runner);
    fprintf(line.out, ",\"interrupted\":%s", is_stopped(NULL) ? "true" : "false");
    line_send(&line, runner->channel);
}

static void add_report(struct phase *phase)
{
    struct runner *runner = phase->runner;
    struct report *r = &runner->reports[phase->order - runner->options->phases];
    uint64_t now = pacing_now_ns();
    uint64_t took = now > phase->start_ns ? now - phase->start_ns : 0;
    uint64_t iterations = phase->order->iterations;
    for (unsigned i = 0; i < phase->count; i++) {
        uint64_t own = atomic_load(&phase->workers[i].finished);
        iterations = own < iterations ? own : iterations;
    }
    r->rounds++;
    r->planned_ms += (uint64_t)(phase->order->seconds * 1000);
    r->took_ms += (took + NS_PER_MS - 1) / NS_PER_MS;
    r->iterations += iterations;
}

/* --- a phase ------------------------------------------------------------------------------------------------------ */

static void start_workers(struct phase *phase)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    /* Signals are the main thread's, or they would break off the workers' waits. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (unsigned i = 0; i < phase->runner->options->threads; i++) {
        struct worker *w = &phase->workers[i];
        w->phase = phase;
        w->number = i;
        int error = pthread_create(&w->thread, &attributes, worker_main, w);
        if (error) {
            char text[80], name[THREAD_NAME_MAX];
            snprintf(text, sizeof text, "pthread_create: %s", strerror(error));
            thread_name(w, name);
            send_error(phase, name, text);
            break;
        }
        phase->count++;
    }
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool have_all_ended(const struct phase *phase)
{
    for (unsigned i = 0; i < phase->count; i++)
        if (!atomic_load(&phase->workers[i].ended))
            return false;
    return true;
}

static uint64_t patience_ns(const struct phase *phase)
{
    if (is_stopped(NULL))
        return STOP_GRACE_NS;
    return STALL_NS + (uint64_t)(2e9 * phase->order->seconds / (double)phase->order->iterations);
}

/* Threads that are stuck hold on to what the pattern's function would take down, so there is no way on. What was
 * counted is said, and the process ends. */
static _Noreturn void give_up(struct phase *phase, uint64_t waited_ns)
{
    char error[80];
    snprintf(error, sizeof error, "stuck: no iteration was finished for %.0f s", (double)waited_ns / 1e9);
    send_progress(phase);
    for (unsigned i = 0; i < phase->count; i++) {
        char name[THREAD_NAME_MAX];
        thread_name(&phase->workers[i], name);
        if (!atomic_load(&phase->workers[i].ended))
            send_error(phase, name, error);
    }
    add_report(phase);
    send_done(phase->runner);
    _exit(EXIT_FAILURE);
}

/* Returns when all threads are through. */
static void watch(struct phase *phase)
{
    uint64_t next_progress = pacing_now_ns(), last_change = next_progress, last_look = next_progress, last_count = 0;
    while (!have_all_ended(phase)) {
        uint64_t now = pacing_now_ns(), count = finished(phase);
        /* The process was stopped (SIGSTOP): what did not run can't be stuck. */
        if (now - last_look > PAUSE_NS)
            last_change += now - last_look;
        last_look = now;
        if (now >= next_progress) {
            send_progress(phase);
            next_progress = now + PROGRESS_NS;
        }
        if (count != last_count) {
            last_count = count;
            last_change = now;
        }
        if (now > last_change && now - last_change > patience_ns(phase))
            give_up(phase, now - last_change);
        pacing_sleep_until(now + LOOK_NS, never, NULL);
    }
}

void phase_run(struct phase *phase, step_fn step, void *service)
{
    phase->step = step;
    phase->service = service;
    phase->workers = calloc(phase->runner->options->threads, sizeof *phase->workers);
    if (!phase->workers) {
        fputs("no memory for threads\n", stderr);
        abort();
    }
    phase->start_ns = pacing_now_ns() + START_DELAY_NS;
    start_workers(phase);
    watch(phase);
    release_all(phase);
    for (unsigned i = 0; i < phase->count; i++)
        pthread_join(phase->workers[i].thread, NULL);
    send_progress(phase);
    pacing_sleep_until(phase->start_ns + (uint64_t)(phase->order->seconds * 1e9), is_stopped, NULL);
    add_report(phase);
    free(phase->workers);
    phase->workers = NULL;
    phase->count = 0;
}

static void run_one(struct runner *runner, const struct order *order)
{
    struct phase phase = {.runner = runner, .order = order};
    phase.io = io_make(runner->options->threads, order->iterations, order->seconds);
    order->pattern->serve(&phase);
}

static void run_round(struct runner *runner)
{
    const struct options *options = runner->options;
    for (size_t i = 0; i < options->phase_count && !is_stopped(NULL) && !runner->channel->gone; i++)
        run_one(runner, &options->phases[i]);
}

bool phases_run(const struct options *options, struct channel *channel)
{
    struct runner runner = {.options = options, .channel = channel};
    runner.reports = calloc(options->phase_count, sizeof *runner.reports);
    if (!runner.reports) {
        fputs("no memory for phases\n", stderr);
        abort();
    }
    tally_thread(0);
    for (size_t i = 0; i < options->phase_count; i++)
        ledger_declare(options->phases[i].pattern->name, channel);
    do
        run_round(&runner);
    while (options->rounds && !runner.failed && !is_stopped(NULL) && !channel->gone);
    send_done(&runner);
    free(runner.reports);
    return !runner.failed;
}
