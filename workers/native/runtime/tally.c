/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/tally.h"

#include "native/runtime/calls.h"
#include "native/runtime/declarations.h"
#include "native/runtime/options.h"
#include "native/runtime/pacing.h"
#include "native/runtime/shared.h"

#include <stdbool.h>

/* One thread's share of one declaration: nobody else writes it. */
struct counts {
    _Atomic uint64_t acquires, waits, wait_ns, greatest_depth;
    uint64_t depth;
    uint64_t asked_ns;
    bool must_wait;
};

static _Atomic(struct counts *) threads[1 + THREADS_MAX];
static _Thread_local struct counts *mine;

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + value, memory_order_relaxed);
}

void tally_thread(unsigned number)
{
    struct counts *counts = atomic_load(&threads[number]);
    if (!counts) {
        counts = shared_calloc(declaration_count, sizeof *counts);
        atomic_store(&threads[number], counts);
    }
    mine = counts;
}

void tally_init(struct tally *t, const char *id, unsigned slots)
{
    t->id = id;
    t->slots = slots;
    atomic_init(&t->declaration, 0);
    atomic_init(&t->holders, 0);
}

static unsigned place(struct tally *t)
{
    unsigned found = atomic_load_explicit(&t->declaration, memory_order_relaxed);
    if (found == 0) {
        found = (unsigned)declaration_find(t->id) + 1;
        atomic_store_explicit(&t->declaration, found, memory_order_relaxed);
    }
    return found - 1;
}

void tally_made(struct tally *t)
{
    calls_note(place(t), calls_last());
}

void tally_at(struct tally *t, const void *lock)
{
    calls_note(place(t), (uintptr_t)lock);
}

void tally_within(struct tally *t, const void *lock, const void *object, const char *symbol)
{
    tally_at(t, lock);
    calls_note_symbol(place(t), symbol, (size_t)((const char *)lock - (const char *)object));
}

static void ask(struct tally *t, unsigned wanted)
{
    struct counts *c = &mine[place(t)];
    unsigned holders = atomic_load_explicit(&t->holders, memory_order_relaxed);
    c->must_wait = c->depth == 0 && holders + wanted > t->slots;
    c->asked_ns = pacing_now_ns();
}

static void take(struct tally *t, unsigned taken)
{
    unsigned declaration = place(t);
    struct counts *c = &mine[declaration];
    calls_note(declaration, calls_last());
    add(&c->acquires, 1);
    if (c->must_wait) {
        add(&c->waits, 1);
        add(&c->wait_ns, pacing_now_ns() - c->asked_ns);
    }
    if (++c->depth > atomic_load_explicit(&c->greatest_depth, memory_order_relaxed))
        atomic_store_explicit(&c->greatest_depth, c->depth, memory_order_relaxed);
    if (c->depth == 1)
        atomic_fetch_add_explicit(&t->holders, taken, memory_order_relaxed);
}

static void leave(struct tally *t, unsigned taken)
{
    struct counts *c = &mine[place(t)];
    if (--c->depth == 0)
        atomic_fetch_sub_explicit(&t->holders, taken, memory_order_relaxed);
}

void tally_ask(struct tally *t)
{
    ask(t, 1);
}

void tally_take(struct tally *t)
{
    take(t, 1);
}

void tally_leave(struct tally *t)
{
    leave(t, 1);
}

void tally_ask_all(struct tally *t)
{
    ask(t, t->slots);
}

void tally_take_all(struct tally *t)
{
    take(t, t->slots);
}

void tally_leave_all(struct tally *t)
{
    leave(t, t->slots);
}

void tally_park(struct tally *t)
{
    leave(t, 1);
}

void tally_unpark(struct tally *t)
{
    /* How long the lock itself was waited for can't be told from outside the wait. */
    mine[place(t)].must_wait = false;
    take(t, 1);
}

struct tally_total tally_total(size_t declaration)
{
    struct tally_total total = {0};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        struct counts *counts = atomic_load(&threads[i]);
        if (!counts)
            continue;
        const struct counts *c = &counts[declaration];
        uint64_t depth = atomic_load_explicit(&c->greatest_depth, memory_order_relaxed);
        total.acquires += atomic_load_explicit(&c->acquires, memory_order_relaxed);
        total.waits += atomic_load_explicit(&c->waits, memory_order_relaxed);
        total.wait_ns += atomic_load_explicit(&c->wait_ns, memory_order_relaxed);
        total.depth = depth > total.depth ? depth : total.depth;
    }
    return total;
}

void tally_fini(void)
{
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        shared_free(atomic_exchange(&threads[i], NULL), declaration_count, sizeof *mine);
}
