/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which a C program commonly holds its locks. */
#include "expect.h"

#include <semaphore.h>
#include <string.h>
#include <threads.h>

struct inner {
    int kind;
    pthread_mutex_t cache_lock;
};

struct session {
    int id;
    pthread_mutex_t user_session_lock;
    pthread_mutex_t cache_lock;
    struct inner inner;
    struct inner second;
    struct session *next;
};

struct outer {
    char title[24];
    struct session *ip;
    pthread_mutex_t *lockp;
};

struct shard {
    long hits;
    pthread_mutex_t lock;
};

struct app {
    int port;
    pthread_mutex_t app_lock;
    struct {
        int state;
        pthread_mutex_t nameless_lock;
    };
    union {
        pthread_mutex_t one_lock;
        char raw[64];
    };
};

struct bolt {
    pthread_mutex_t mutex;
    int state;
};

struct job {
    int number;
    struct bolt *calc;
};

typedef pthread_mutex_t my_lock_t;
typedef struct {
    const char *name;
    my_lock_t typedef_lock;
} typed_t;

pthread_mutex_t global_database_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t file_static_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t config_rwlock = PTHREAD_RWLOCK_INITIALIZER;
static struct app static_app = {.app_lock = PTHREAD_MUTEX_INITIALIZER};
static struct shard shards[8];
static struct shard grid[3][4];
static struct app *g_app;
static struct session *table[16];
static __thread pthread_mutex_t tls_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread struct session tls_session;
static struct bolt *compress_have;

static void pair(pthread_mutex_t *lk)
{
    pthread_mutex_lock(lk);
    pthread_mutex_unlock(lk);
}

#define LOCK(lock)                                                                                                     \
    do {                                                                                                               \
        pthread_mutex_lock(lock);                                                                                      \
        pthread_mutex_unlock(lock);                                                                                    \
    } while (0)

NOINLINE static struct session *session_new(int id)
{
    struct session *made = calloc(1, sizeof *made);
    made->id = id;
    return made;
}

NOINLINE static void storage(void)
{
    static pthread_mutex_t function_static_lock = PTHREAD_MUTEX_INITIALIZER;
    expect(&global_database_lock, "global_database_lock");
    LOCK(&global_database_lock);
    expect(&file_static_lock, "file_static_lock");
    LOCK(&file_static_lock);
    expect(&function_static_lock, "function_static_lock");
    LOCK(&function_static_lock);
    expect(&config_rwlock, "config_rwlock");
    pthread_rwlock_rdlock(&config_rwlock);
    pthread_rwlock_unlock(&config_rwlock);
    expect(&static_app.app_lock, "static_app.app_lock");
    LOCK(&static_app.app_lock);
    expect(&static_app.nameless_lock, "static_app.nameless_lock");
    LOCK(&static_app.nameless_lock);
    expect(&static_app.one_lock, "static_app.one_lock");
    LOCK(&static_app.one_lock);
    expect(&shards[2].lock, "shards[2].lock");
    LOCK(&shards[2].lock);
    expect(&grid[1][3].lock, "grid[1][3].lock");
    LOCK(&grid[1][3].lock);
    struct shard *element = &shards[5];
    expect(&element->lock, "shards[5].lock");
    LOCK(&element->lock);
    expect(&tls_lock, "tls_lock");
    LOCK(&tls_lock);
    expect(&tls_session.inner.cache_lock, "tls_session.inner.cache_lock");
    LOCK(&tls_session.inner.cache_lock);
}

NOINLINE static void locals(void)
{
    pthread_mutex_t stack_lock;
    pthread_mutex_init(&stack_lock, NULL);
    expect(&stack_lock, "stack_lock");
    LOCK(&stack_lock);
    pthread_mutex_t recursive_lock;
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive_lock, &attr);
    expect(&recursive_lock, "recursive_lock");
    pthread_mutex_lock(&recursive_lock);
    LOCK(&recursive_lock);
    pthread_mutex_unlock(&recursive_lock);
    struct session on_stack;
    memset(&on_stack, 0, sizeof on_stack);
    expect(&on_stack.second.cache_lock, "on_stack.second.cache_lock");
    LOCK(&on_stack.second.cache_lock);
    pthread_mutex_t several[3];
    memset(several, 0, sizeof several);
    expect(&several[1], "several[1]");
    LOCK(&several[1]);
    pthread_mutex_destroy(&stack_lock);
    pthread_mutex_destroy(&recursive_lock);
    pthread_mutex_destroy(&on_stack.second.cache_lock);
    pthread_mutex_destroy(&several[1]);
}

static void *lock_argument(void *argument)
{
    pthread_mutex_t *lk = argument;
    pthread_mutex_lock(lk);
    pthread_mutex_unlock(lk);
    return NULL;
}

NOINLINE static void run_thread(pthread_mutex_t *first)
{
    pthread_t thread;
    pthread_create(&thread, NULL, lock_argument, first);
    pthread_join(thread, NULL);
}

NOINLINE static void shared_locals(void)
{
    pthread_mutex_t later_lock;
    memset(&later_lock, 0, sizeof later_lock);
    expect(&later_lock, "later_lock");
    run_thread(&later_lock);
    LOCK(&later_lock);
    pthread_mutex_destroy(&later_lock);
    pthread_mutex_t thread_only;
    memset(&thread_only, 0, sizeof thread_only);
    expect(&thread_only, BUILD("lk", "lk|-"));
    run_thread(&thread_only);
    pthread_mutex_destroy(&thread_only);
}

NOINLINE static void touch(struct session *s)
{
    expect(&s->user_session_lock, "me->user_session_lock");
    LOCK(&s->user_session_lock);
    expect(&s->cache_lock, "me->cache_lock");
    LOCK(&s->cache_lock);
    expect(&s->inner.cache_lock, "me->inner.cache_lock");
    LOCK(&s->inner.cache_lock);
    expect(&s->second.cache_lock, "me->second.cache_lock");
    LOCK(&s->second.cache_lock);
    s->id++;
}

NOINLINE static void touch_ip(struct outer *o)
{
    expect(&o->ip->user_session_lock, "owner->ip->user_session_lock");
    LOCK(&o->ip->user_session_lock);
    o->title[0] = 'x';
}

NOINLINE static void touch_lockp(struct outer *o)
{
    expect(o->lockp, "owner->lockp");
    LOCK(o->lockp);
    o->title[0] = 'y';
}

NOINLINE static int tail_lock(struct session *s)
{
    return pthread_mutex_lock(&s->user_session_lock);
}

NOINLINE static void dead_after(struct session *s)
{
    pthread_mutex_lock(&s->cache_lock);
}

NOINLINE static void members(void)
{
    struct session *me = session_new(1);
    touch(me);
    struct outer *owner = calloc(1, sizeof *owner);
    owner->ip = session_new(2);
    touch_ip(owner);
    owner->lockp = calloc(1, sizeof *owner->lockp);
    touch_lockp(owner);
    struct session *tail = session_new(3);
    expect(&tail->user_session_lock, "tail->user_session_lock");
    tail_lock(tail);
    pthread_mutex_unlock(&tail->user_session_lock);
    struct session *dead = session_new(4);
    expect(&dead->cache_lock, "dead->cache_lock");
    dead_after(dead);
    pthread_mutex_unlock(&dead->cache_lock);
    struct session *fresh = session_new(5);
    expect(&fresh->inner.cache_lock, "fresh->inner.cache_lock");
    pthread_mutex_init(&fresh->inner.cache_lock, NULL);
    LOCK(&fresh->inner.cache_lock);
    typed_t *typed = calloc(1, sizeof *typed);
    expect(&typed->typedef_lock, "typed->typedef_lock");
    LOCK(&typed->typedef_lock);
    struct session **indirect = &fresh->next;
    *indirect = session_new(6);
    expect(&(*indirect)->cache_lock, BUILD("fresh->next->cache_lock", "fresh->next->cache_lock"));
    LOCK(&(*indirect)->cache_lock);
    KEEP(typed);
    KEEP(me);
    KEEP(owner);
    KEEP(fresh);
}

NOINLINE static void bolt_lock(struct bolt *bolt)
{
    pthread_mutex_lock(&bolt->mutex);
    bolt->state++;
    pthread_mutex_unlock(&bolt->mutex);
}

NOINLINE static int bolt_lock_tail(struct bolt *bolt)
{
    return pthread_mutex_lock(&bolt->mutex);
}

static INLINE void bolt_lock_inline(struct bolt *bolt)
{
    LOCK(&bolt->mutex);
}

NOINLINE static void pair_out_of_line(pthread_mutex_t *lk)
{
    pthread_mutex_lock(lk);
    pthread_mutex_unlock(lk);
    KEEP(lk);
}

NOINLINE static void wrappers(void)
{
    struct session *wrapped = session_new(7);
    expect(&wrapped->user_session_lock, "wrapped->user_session_lock");
    pair_out_of_line(&wrapped->user_session_lock);
    expect(&wrapped->cache_lock, "wrapped->cache_lock");
    pair(&wrapped->cache_lock);
    struct job *job = calloc(1, sizeof *job);
    job->calc = calloc(1, sizeof *job->calc);
    expect(&job->calc->mutex, "job->calc->mutex");
    bolt_lock(job->calc);
    struct bolt *inlined = calloc(1, sizeof *inlined);
    expect(&inlined->mutex, "inlined->mutex");
    bolt_lock_inline(inlined);
    compress_have = calloc(1, sizeof *compress_have);
    expect(&compress_have->mutex, "compress_have->mutex");
    bolt_lock(compress_have);
    struct bolt *tailed = calloc(1, sizeof *tailed);
    expect(&tailed->mutex, "tailed->mutex");
    bolt_lock_tail(tailed);
    pthread_mutex_unlock(&tailed->mutex);
    KEEP(wrapped);
    KEEP(job);
    KEEP(inlined);
    KEEP(tailed);
}

NOINLINE static void globals_that_point(void)
{
    g_app = calloc(1, sizeof *g_app);
    expect(&g_app->app_lock, "g_app->app_lock");
    LOCK(&g_app->app_lock);
    table[9] = session_new(8);
    expect(&table[9]->cache_lock, "table[9]->cache_lock");
    LOCK(&table[9]->cache_lock);
}

NOINLINE static void lock_void(void *memory)
{
    pthread_mutex_lock(memory);
    pthread_mutex_unlock(memory);
    KEEP(memory);
}

NOINLINE static void unnamed(void)
{
    void *memory = calloc(1, sizeof(pthread_mutex_t));
    expect(memory, "-");
    lock_void(memory);
    char *bytes = calloc(4, sizeof(pthread_mutex_t));
    expect(bytes + 40, "-");
    lock_void(bytes + 40);
    struct shard *heap = calloc(8, sizeof *heap);
    expect(&heap[3].lock, "-");
    LOCK(&heap[3].lock);
    KEEP(heap);
}

/* gcc splits a function that begins so, and inlines the rest into what is left. */
static void early_return(void *service, unsigned worker)
{
    struct session *split = service;
    if (worker >= 3)
        return;
    expect(&split->user_session_lock, "split->user_session_lock");
    pthread_mutex_lock(&split->user_session_lock);
    for (int i = 0; i < split->id; i++)
        split->next = calloc(1, 8);
    pthread_mutex_unlock(&split->user_session_lock);
}

NOINLINE static void other_kinds(void)
{
    struct {
        int number;
        sem_t slots_semaphore;
        pthread_spinlock_t spin;
        mtx_t c11_lock;
        pthread_rwlock_t tree_lock;
    } kinds, *k = &kinds;
    sem_init(&k->slots_semaphore, 0, 1);
    expect(&k->slots_semaphore, "kinds.slots_semaphore");
    sem_wait(&k->slots_semaphore);
    pthread_spin_init(&k->spin, 0);
    expect((const void *)&k->spin, "kinds.spin");
    pthread_spin_lock(&k->spin);
    mtx_init(&k->c11_lock, mtx_plain);
    expect(&k->c11_lock, "kinds.c11_lock");
    mtx_lock(&k->c11_lock);
    pthread_rwlock_init(&k->tree_lock, NULL);
    expect(&k->tree_lock, "kinds.tree_lock");
    pthread_rwlock_wrlock(&k->tree_lock);
    sem_destroy(&k->slots_semaphore);
    pthread_spin_destroy(&k->spin);
    mtx_destroy(&k->c11_lock);
    pthread_rwlock_destroy(&k->tree_lock);
    KEEP(k);
}

NOINLINE static void condition(void)
{
    struct {
        pthread_mutex_t queue_lock;
        pthread_cond_t ready;
    } queue;
    memset(&queue, 0, sizeof queue);
    pthread_cond_init(&queue.ready, NULL);
    struct timespec past = {1, 0};
    expect(&queue.queue_lock, "queue.queue_lock");
    pthread_mutex_lock(&queue.queue_lock);
    pthread_cond_timedwait(&queue.ready, &queue.queue_lock, &past);
    pthread_mutex_unlock(&queue.queue_lock);
}

int main(void)
{
    storage();
    locals();
    shared_locals();
    members();
    wrappers();
    globals_that_point();
    unnamed();
    void (*volatile early)(void *, unsigned) = early_return;
    early(session_new(9), 1);
    other_kinds();
    condition();
    return 0;
}
