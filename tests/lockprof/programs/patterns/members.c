/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that are members of objects on the heap. */
#include "patterns.h"

#include <stdlib.h>

struct inner {
    unsigned long hits;
    pthread_mutex_t cache_lock; /* decl: nested */
};

struct session {
    int id;
    pthread_mutex_t user_session_lock; /* decl: member dead indirect fresh */
    unsigned long uses;
    pthread_mutex_t cache_lock; /* decl: member_second member_init tail_jump */
    struct inner inner;
};

struct owner {
    int kind;
    struct session *ip;
};

struct shard {
    unsigned long keys;
    pthread_mutex_t lock; /* decl: heap_array cursor */
};

/* Not static, and one for each thread function, lest a compiler make one of all. */
unsigned long init_uses, memory_uses;

static void *checked(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct session *session_new(int id)
{
    struct session *s = checked(calloc(1, sizeof(*s)));
    s->id = id;
    return s;
}

__attribute__((noinline)) static void session_use(struct session *s)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&s->user_session_lock); /* call: member */
        s->uses++;
        pthread_mutex_unlock(&s->user_session_lock);
    }
}

static unsigned run_member(void)
{
    struct session *s = session_new(1);
    session_use(s);
    free(s);
    return ROUNDS;
}

static unsigned run_member_second(void)
{
    struct session *s = session_new(2);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&s->cache_lock); /* call: member_second */
        s->uses++;
        pthread_mutex_unlock(&s->cache_lock);
    }
    free(s);
    return ROUNDS;
}

static void *init_thread(void *argument)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(argument); /* call: member_init */
        init_uses++;
        pthread_mutex_unlock(argument);
    }
    return NULL;
}

/* Only its initialisation knows what it is a member of. */
static unsigned run_member_init(void)
{
    struct session *s = session_new(3);
    pthread_mutex_init(&s->cache_lock, NULL); /* call: member_init */
    in_thread(init_thread, &s->cache_lock);
    pthread_mutex_destroy(&s->cache_lock);
    free(s);
    return ROUNDS;
}

static unsigned run_nested(void)
{
    struct session *s = session_new(4);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&s->inner.cache_lock); /* call: nested */
        s->inner.hits++;
        pthread_mutex_unlock(&s->inner.cache_lock);
    }
    free(s);
    return ROUNDS;
}

__attribute__((noinline)) static void owner_use(struct owner *o)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&o->ip->user_session_lock); /* call: indirect */
        o->ip->uses++;
        pthread_mutex_unlock(&o->ip->user_session_lock);
    }
}

static unsigned run_indirect(void)
{
    struct owner *o = checked(calloc(1, sizeof(*o)));
    o->ip = session_new(5);
    owner_use(o);
    free(o->ip);
    free(o);
    return ROUNDS;
}

__attribute__((noinline)) static int session_begin(struct session *s)
{
    s->uses++;
    return pthread_mutex_lock(&s->cache_lock); /* call: tail_jump */
}

static unsigned run_tail_jump(void)
{
    struct session *s = session_new(6);
    for (unsigned i = 0; i < ROUNDS; i++) {
        session_begin(s); /* call: tail_jump */
        s->id++;
        pthread_mutex_unlock(&s->cache_lock);
    }
    free(s);
    return ROUNDS;
}

/* The callee has no use for `s` after its call; its caller has. */
__attribute__((noinline)) static long session_enter(struct session *s, long number)
{
    int failed = pthread_mutex_lock(&s->user_session_lock); /* call: dead */
    return failed ? -1 : number + 1;
}

static unsigned run_dead(void)
{
    struct session *s = session_new(7);
    for (unsigned i = 0; i < ROUNDS; i++) {
        s->uses += (unsigned long)session_enter(s, i);
        pthread_mutex_unlock(&s->user_session_lock);
    }
    free(s);
    return ROUNDS;
}

__attribute__((noinline)) static struct session *session_make_locked(int id)
{
    struct session *fresh = checked(malloc(sizeof(*fresh)));
    fresh->id = id;
    pthread_mutex_init(&fresh->user_session_lock, NULL); /* call: fresh */
    pthread_mutex_lock(&fresh->user_session_lock);       /* call: fresh */
    return fresh;
}

static unsigned run_fresh(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct session *s = session_make_locked(i);
        pthread_mutex_unlock(&s->user_session_lock);
        pthread_mutex_destroy(&s->user_session_lock);
        free(s);
    }
    return ROUNDS;
}

/* Nothing but arithmetic tells which element it is. */
static unsigned run_heap_array(void)
{
    struct shard *sh = checked(calloc(8, sizeof(*sh)));
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&sh[3].lock); /* call: heap_array */
        sh[3].keys += sh[0].keys + 1;
        pthread_mutex_unlock(&sh[3].lock);
    }
    free(sh);
    return ROUNDS;
}

/* A variable points to the element. */
static unsigned run_cursor(void)
{
    struct shard *sh = checked(calloc(8, sizeof(*sh)));
    for (struct shard *shard = sh + 2; shard < sh + 2 + ROUNDS; shard++) {
        pthread_mutex_lock(&shard->lock); /* call: cursor */
        shard->keys++;
        pthread_mutex_unlock(&shard->lock);
    }
    free(sh);
    return ROUNDS;
}

static void *memory_thread(void *memory)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(memory); /* call: void_pointer */
        memory_uses++;
        pthread_mutex_unlock(memory);
    }
    return NULL;
}

/* Allocated by itself and reached through untyped pointers only. */
static unsigned run_void_pointer(void)
{
    void *memory = checked(calloc(1, sizeof(pthread_mutex_t)));
    in_thread(memory_thread, memory);
    free(memory);
    return ROUNDS;
}

const struct pattern member_patterns[] = {
    {"member", run_member},
    {"member_second", run_member_second},
    {"member_init", run_member_init},
    {"nested", run_nested},
    {"indirect", run_indirect},
    {"tail_jump", run_tail_jump},
    {"dead", run_dead},
    {"fresh", run_fresh},
    {"heap_array", run_heap_array},
    {"cursor", run_cursor},
    {"void_pointer", run_void_pointer},
    {NULL, NULL},
};
