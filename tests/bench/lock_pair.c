/* SPDX-License-Identifier: Apache-2.0 */
/* What a pair of uncontended lock and unlock costs: prints nanoseconds of CPU time per pair, or memory.
 *
 *     lock_pair CASE PAIRS
 *
 * one       one global lock, one thread
 * locks     64 locks of a global array in turn, one thread
 * heap      64 locks, each a member of a struct of its own on the heap, in turn, one thread
 * threads   8 threads, each with 8 of 64 locks in turn
 * rss       2 threads and 64 locks, used a little; prints the resident set in KiB instead
 * sites     10,000 locks once, each of them in an object on the heap: for runs under tracers, prints nothing */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOCKS 64
#define THREADS 8
#define WARM_PAIRS 20000

struct session {
    unsigned long uses;
    pthread_mutex_t session_lock;
    char data[200];
};

static pthread_mutex_t one_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t locks[LOCKS];
static struct session *sessions[LOCKS];
static unsigned long uses[THREADS * 8];

typedef void (*case_fn)(unsigned thread, unsigned long pairs);

static void use_one(unsigned thread, unsigned long pairs)
{
    for (unsigned long i = 0; i < pairs; i++) {
        pthread_mutex_lock(&one_lock);
        uses[thread]++;
        pthread_mutex_unlock(&one_lock);
    }
}

static void use_locks(unsigned thread, unsigned long pairs)
{
    for (unsigned long i = 0; i < pairs; i++) {
        pthread_mutex_t *lock = &locks[i % LOCKS];
        pthread_mutex_lock(lock);
        uses[thread]++;
        pthread_mutex_unlock(lock);
    }
}

static void use_heap(unsigned thread, unsigned long pairs)
{
    for (unsigned long i = 0; i < pairs; i++) {
        struct session *session = sessions[(i + thread) % LOCKS];
        pthread_mutex_lock(&session->session_lock);
        session->uses++;
        pthread_mutex_unlock(&session->session_lock);
    }
}

static void use_own(unsigned thread, unsigned long pairs)
{
    for (unsigned long i = 0; i < pairs; i++) {
        pthread_mutex_t *lock = &locks[thread * (LOCKS / THREADS) + i % (LOCKS / THREADS)];
        pthread_mutex_lock(lock);
        uses[(size_t)thread * 8]++;
        pthread_mutex_unlock(lock);
    }
}

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct job {
    case_fn use;
    unsigned thread;
    unsigned long pairs;
    double seconds;
};

static void *run(void *argument)
{
    struct job *job = argument;
    job->use(job->thread, WARM_PAIRS);
    double start = thread_seconds();
    job->use(job->thread, job->pairs);
    job->seconds = thread_seconds() - start;
    return NULL;
}

static double nanoseconds(case_fn use, unsigned threads, unsigned long pairs)
{
    struct job jobs[THREADS];
    pthread_t ids[THREADS];
    double seconds = 0;
    for (unsigned i = 0; i < threads; i++) {
        jobs[i] = (struct job){use, i, pairs / threads, 0};
        if (pthread_create(&ids[i], NULL, run, &jobs[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        seconds += jobs[i].seconds;
    }
    return seconds * 1e9 / (double)(pairs / threads * threads);
}

static long resident_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

static struct session *session_new(void)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        abort();
    pthread_mutex_init(&session->session_lock, NULL);
    return session;
}

static void use_sites(void)
{
    for (int i = 0; i < 10000; i++) {
        struct session *session = session_new();
        pthread_mutex_lock(&session->session_lock);
        session->uses++;
        pthread_mutex_unlock(&session->session_lock);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        case_fn use;
        unsigned threads;
    } cases[] = {{"one", use_one, 1}, {"locks", use_locks, 1}, {"heap", use_heap, 1}, {"threads", use_own, THREADS}};
    unsigned long pairs = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (argc != 3)
        return 64;
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&locks[i], NULL);
        sessions[i] = session_new();
    }
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            printf("%.4f\n", nanoseconds(cases[i].use, cases[i].threads, pairs));
            return 0;
        }
    }
    if (strcmp(argv[1], "rss") == 0) {
        nanoseconds(use_locks, 2, pairs);
        printf("%ld\n", resident_kib());
        return 0;
    }
    if (strcmp(argv[1], "sites") == 0) {
        use_sites();
        return 0;
    }
    return 64;
}
