/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of soak_judge: identities of uploads, what is under way, what processes say that they did, one upload's
 * judgement on a thread, counting in the record. All but the judgement itself on the loop's thread. */
#ifndef LOCKTRAIL_ENGINE_SOAK_JUDGE_INTERNAL_H
#define LOCKTRAIL_ENGINE_SOAK_JUDGE_INTERNAL_H

#include "base/json.h"
#include "engine/soak_judge.h"
#include "io/hash.h"
#include "trail/account.h"
#include "trail/trail.h"

/* Uploads that are over and still known, so that one more of them is told from one that nobody sent: at 100 uploads a
 * second that is more than a minute. */
#define REMEMBERED_MAX 8192
/* Profiles of one upload: Go's profiler sends five. */
#define PARTS_MAX 16
/* A profiler may be held up between reading the clock and its counters, on either side, and so may a thread between its
 * acquire and its sample: what an upload holds was counted before it arrived, and it lacks nothing that was done longer
 * before its end than a machine that works stands still for. (ddtrace on two overloaded processors: more than a
 * second.) What it holds of the time behind its start is open where nothing came before it. */
#define UPLOAD_HELD_NS INT64_C(5000000000)
#define UPLOAD_BLUR_NS INT64_C(1000000000)
/* The last lines of a process, from which the counts at an upload's end are taken when it arrives: 16 seconds. */
#define LINES_MAX 64
/* Lives of one process that are over and whose uploads are still under way. One more closes the account of the oldest.
 */
#define LIVES_MAX 16
/* From the end of a life to that of its account: an upload may still be read from a socket. */
#define LIFE_GRACE_MS 1000
/* Uploads of a life that are judged and wait for an earlier one, since its account wants them in their order. */
#define OWED_MAX 1024
/* Uploads that were last given to the account, of which it may still find something. */
#define FED_MAX 16
/* Values between two stocktakings of which the median is taken. */
#define SAMPLER_MAX 256

/* --- what processes say (soak_judge_lives.c) ---------------------------------------------------------------------- */

/* What a life had done at a moment, lock by lock; shared by all that look back to it. */
struct soak_counts {
    unsigned references;
    int64_t at_ns, heard_ns; /* read between the two */
    size_t count;
    uint64_t acquires[]; /* by the worker's ledger; those of locks that are declared later are 0 */
};
struct soak_counts *soak_counts_hold(struct soak_counts *c); /* NULL of NULL */
void soak_counts_release(struct soak_counts *c);

/* Since when a lock has had no sample in uploads that follow one another without a gap. */
struct drought {
    int64_t since_ns;
    uint64_t from; /* what was done by then, at most */
    bool known;    /* `from` is; else the first line behind says it */
    uint64_t uploads;
};

/* What an upload shows, on its way to the account. */
struct owed {
    uint64_t number;
    int64_t start_ns, end_ns, arrived_ns;
    uint64_t *acquires; /* account_locks of them; NULL once it was given */
};

struct judge_process;

struct life {
    struct judge_process *process;
    int64_t began_ns;
    int64_t over_ms; /* soak's time; -1 while it goes on */
    int64_t over_ns; /* wall clock */
    bool killed;
    int64_t pid;        /* as it says; 0: it does not */
    char *runtime_id;   /* of its first upload; NULL before */
    bool several;       /* forked children upload too */
    bool said_done;     /* its last counts are all that it did */
    uint64_t *acquires; /* as last said */
    size_t lock_count;
    uint64_t total;
    struct soak_counts *lines[LINES_MAX]; /* a ring */
    size_t line_count;                    /* ever */
    struct drought *droughts;
    size_t drought_count;
    bool waits_for_line;  /* a drought's `from` is not known */
    int64_t judged_to_ns; /* end of the last upload that was judged */
    int64_t arrived_to_ns;
    struct account *account;
    size_t account_locks;
    bool account_fed, account_off;
    struct owed *owed; /* by number */
    size_t owed_count, owed_capacity;
    struct owed fed[FED_MAX]; /* a ring */
    size_t fed_count;         /* ever */
    uint64_t gap_told;        /* acquires */
    size_t under_way;         /* uploads that are not judged */
};

/* Values of which only the median is wanted: each one, then every second, fourth ... */
struct sampler {
    double values[SAMPLER_MAX];
    size_t count;
    uint64_t seen, stride;
};

struct judge_worker {
    const struct scenario_worker *def;
    struct ledger ledger; /* what is declared */
    struct ledger lent;   /* its copy for the thread, with one process */
    bool changed;         /* the copy is not what the ledger is */
    size_t *in_record;    /* of each lock: its place in record->locks */
    size_t in_record_capacity;
    uint64_t judged; /* uploads of all its processes */
};

struct judge_process {
    struct soak_judge *judge;
    size_t index; /* in record->processes */
    struct judge_worker *worker;
    struct life *lives[LIVES_MAX]; /* from the oldest on; the last is the current one */
    size_t life_count;
    uint64_t lives_begun;
    uint64_t number; /* of its last upload */
    struct sampler interval, latency;
};

/* --- uploads (soak_judge_uploads.c) ------------------------------------------------------------------------------- */

/* One profile of an upload at one stage. */
struct part {
    char *name;
    const void *bytes; /* those of an earlier stage where `same` */
    size_t size;
    bool same;
};

/* An upload at one stage. */
struct arrival {
    bool there;
    int64_t at_ms; /* soak's time */
    struct part *parts;
    size_t part_count;
    struct buf description; /* of its first part's copy; wants its hash and its end, which the thread adds */
    struct json_out out;
};

/* What is held of an upload until it is judged. */
struct pending {
    struct upload_known *known;
    struct pending *next; /* in the queue of the thread */
    bool queued;
    char *runtime_id, *start, *end; /* as sent */
    int64_t start_ns, end_ns;       /* 0: can't be read */
    int64_t arrived_ns;             /* wall clock, at the first tap */
    struct life *life;              /* NULL: closed already */
    bool main;                      /* of the process itself and not of a child that it has forked */
    struct soak_counts *before;     /* of the last line surely before its end; NULL none */
    struct soak_counts *after;      /* of the first one surely behind its arrival */
    struct arrival stages[STAGE_COUNT];
    size_t bytes;
};

/* By what an upload is known again; stays for a while after it was judged. */
struct upload_known {
    struct upload_known *newer, *older;          /* in its list */
    struct upload_known *same_bytes, *same_time; /* of the index */
    uint64_t bytes_key, time_key;
    struct judge_process *process;
    uint64_t number; /* of the process's uploads */
    unsigned arrivals[STAGE_COUNT];
    enum stage doubled; /* STAGE_DECLARED: not */
    enum stage missing; /* given up there; STAGE_DECLARED: not */
    bool good;
    struct pending *pending; /* NULL: judged, or not looked at */
};

struct known_list {
    struct upload_known *oldest, *newest;
    size_t count;
};

/* A power of two above all that are known at a time. */
#define INDEX_SIZE 16384

struct uploads {
    struct known_list pending, over;
    struct upload_known *by_bytes[INDEX_SIZE], *by_time[INDEX_SIZE];
    size_t bytes;
};

/* The keys of an upload. */
struct upload_keys {
    uint64_t bytes, time;
};
struct upload_keys upload_keys(const struct judge_process *process, const struct upload *upload);

/* The upload that this one at `stage` is: by its bytes, else (behind the first tap) by its runtime-id and start. One
 * that has not been there yet goes before one that has. NULL: none that is known. */
struct upload_known *uploads_find(const struct uploads *u, struct upload_keys keys, enum stage stage);
struct upload_known *uploads_add(struct uploads *u, struct judge_process *process, struct upload_keys keys);
/* Judged, or not to be looked at: it has no pending any more, and is forgotten after REMEMBERED_MAX others. */
void uploads_over(struct uploads *u, struct upload_known *known);
/* Takes what the arrival holds; false where there is no room. */
bool uploads_hold(struct uploads *u, struct pending *p, enum stage stage, const struct upload *upload);
void uploads_free_pending(struct uploads *u, struct pending *p);
void uploads_fini(struct uploads *u);

/* --- one upload on a thread (soak_judge_job.c) -------------------------------------------------------------------- */

/* What is found. */
struct finding {
    size_t lock; /* in the worker's ledger; NO_LOCK: the whole upload */
    enum stage stage;
    enum mechanism mechanism;
    char *evidence;
};
#define NO_LOCK SIZE_MAX

struct job {
    uv_work_t work;
    struct soak_judge *judge;
    struct pending *pending;
    const struct ledger *ledger; /* the worker's `lent` */
    double threshold;
    bool stages[STAGE_COUNT];
    struct trail_result result;
    bool judged; /* `result` is there */
    bool judged_stages[STAGE_COUNT];
    enum stage unreadable; /* STAGE_DECLARED: none */
    struct finding *findings;
    size_t finding_count, finding_capacity;
};
/* Fills in what is below `threshold`; any thread. */
void job_execute(struct job *job);
void job_add(struct job *job, size_t lock, enum stage stage, enum mechanism mechanism, char *evidence); /* takes it */
void job_fini(struct job *job);

/* --- the judge ---------------------------------------------------------------------------------------------------- */

struct soak_judge {
    struct soak_judge_options o;
    int64_t began_ns; /* wall clock */
    bool clock_known;
    int64_t clock_ahead_ns; /* of the wall clock over the steady one, at least */
    struct judge_worker *workers;
    size_t worker_count;
    struct judge_process **processes; /* by place in the record; NULL: locktrail's own */
    size_t process_count;
    struct uploads uploads;
    struct pending *queue_first, *queue_last;
    struct job *job; /* on the thread */
    bool finishing, cut, closing;
    uv_timer_t turn; /* of the end */
    void (*done)(void *data);
    void *done_data;
};

static inline int64_t judge_now_ms(const struct soak_judge *j)
{
    return j->o.elapsed_ms(j->o.data);
}

static inline struct soak_process *judge_record(const struct judge_process *p)
{
    return &p->judge->o.record->processes[p->index];
}

struct judge_process *judge_find(struct soak_judge *j, const char *instance); /* NULL: none of this soak's */

/* Whether an acquire of the lock that is not in an upload is lost: each is sampled and counted. */
bool judge_is_exact(const struct judge_process *p, size_t lock);

/* All that was done until this moment is in an upload that ended then, or in one before. */
static inline int64_t upload_counted_ns(int64_t end_ns)
{
    return end_ns - UPLOAD_HELD_NS;
}

static inline int64_t judge_wall_ns(const struct soak_judge *j)
{
    return j->o.wall_ns(j->o.data);
}
int64_t judge_time_ns(const char *text); /* 0: none, or one that 64 bits can't hold */
void judge_maybe_finished(struct soak_judge *j);
/* The first stage of its way that the upload has not come to, or STAGE_DECLARED (soak_judge_arrive.c). */
enum stage judge_next_stage(const struct soak_judge *j, const struct pending *p);
/* One that the first tap has never told: nobody's. */
void judge_disown(struct soak_judge *j, struct pending *p);
/* To the thread; it is settled and forgotten when it comes back (soak_judge_settle.c). */
void judge_queue(struct soak_judge *j, struct pending *p);
void judge_forget(struct soak_judge *j, struct pending *p);

/* --- the clock (soak_judge_clock.c) ------------------------------------------------------------------------------- */

int64_t judge_system_wall_ns(void *data);
int64_t judge_system_steady_ns(void *data);
/* Looks whether the wall clock was set back; to be called before a time is taken. */
void judge_watch_clock(struct soak_judge *j);

/* --- ledgers (soak_judge_ledger.c) -------------------------------------------------------------------------------- */

void judge_workers_new(struct soak_judge *j);
void judge_workers_free(struct soak_judge *j);
/* A line that declares. */
void judge_declare(struct judge_process *p, const struct message *m);
/* The ledger of the worker with `process` alone, whose counts are unknown, for one job at a time. */
struct ledger *judge_lend(struct judge_process *p);

/* --- lives -------------------------------------------------------------------------------------------------------- */

void life_begin(struct judge_process *p, int64_t now_ns);
void life_over(struct judge_process *p, bool killed);
void life_hello(struct judge_process *p, const struct message *m);
void life_line(struct judge_process *p, const struct message *m);
/* The life that an upload of this time belongs to, NULL where it is closed. */
struct life *life_find(const struct judge_process *p, int64_t end_ns);
/* An upload has left the process. */
void life_upload(struct life *life, struct pending *p, const struct upload *upload);
/* How often the locks were surely taken since their last sample, up to the upload's end, into the lent ledger. */
void life_expect(const struct life *life, const struct pending *p, struct ledger *ledger);
/* What the upload shows at the stage `upload`: droughts, account, sums. */
void life_judged(struct life *life, const struct pending *p, const struct trail_result *result);
/* It was not looked at: nothing can be held against what the process did. */
void life_unjudged(struct life *life);
/* The clock was set back: what is known of it by its times is forgotten. */
void life_forget_times(struct life *life);
/* Closes accounts of lives that are over: all of them with `now`. */
void lives_tick(struct judge_process *p, bool now);
void lives_free(struct judge_process *p);
/* Of how many uploads without a sample of the lock this is the last: 1 where the one before had one. */
uint64_t life_drought(const struct life *life, size_t lock);

/* Whether children may take the lock too, whose acquires are in the counts of the process: uploads of several processes
 * cover its time then. Of the shipped workloads these are the locks of the pattern `forks`. */
bool life_shares(const struct life *life, size_t lock);

/* --- accounts (soak_judge_account.c) ------------------------------------------------------------------------------ */

void life_account_line(struct life *life, const struct soak_counts *line);
void life_account_upload(struct life *life, const struct pending *p, const struct trail_result *result);
/* Nothing more comes of the life. */
void life_account_end(struct life *life);
void life_account_off(struct life *life);

/* --- times -------------------------------------------------------------------------------------------------------- */

void sampler_add(struct sampler *s, double value);
double sampler_median(struct sampler *s); /* and begins anew; NAN of none */

/* --- the record (soak_judge_tell.c) ------------------------------------------------------------------------------- */

/* Where a loss was found. */
struct loss_place {
    const struct judge_process *process;
    const char *runtime_id, *start, *end;
    int64_t start_ns, end_ns;
    char **copies; /* STAGE_COUNT, or NULL */
};
/* `lock`: id, "" of whole uploads. */
void tell_loss(struct soak_judge *j, const struct loss_place *place, const char *lock, enum stage stage,
               enum mechanism mechanism, const char *evidence);
void tell_states(const struct judge_process *p, const struct job *job);
void tell_time(struct soak_times *times, struct sampler *sampler, double ms);

#endif
