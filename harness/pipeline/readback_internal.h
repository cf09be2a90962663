/* SPDX-License-Identifier: Apache-2.0 */
/* The read-back's middle and its kinds of sources among one another. */
#ifndef LOCKTRAIL_PIPELINE_READBACK_INTERNAL_H
#define LOCKTRAIL_PIPELINE_READBACK_INTERNAL_H

#include "pipeline/readback_answer.h"
#include "trail/table.h"

/* Between two passes: doubles from the first to the last. A site is not asked as often as what runs beside us. */
#define READBACK_WAIT_LOCAL_MS 250
#define READBACK_WAIT_SITE_MS 2000
#define READBACK_WAIT_MAX_MS 10000
/* Uploads of all instances: ten times the largest run there is to be. */
#define READBACK_UPLOADS_MAX ((size_t)1 << 20)
/* What a clock of the backend may differ from ours. */
#define READBACK_CLOCK_MS 60000

struct readback_instance {
    char *name, *worker;          /* worker: the tag that its uploads carry, its name up to a '+' */
    unsigned expected, different; /* all; doubled ones counted once */
    unsigned delivered, distinct; /* the same */
    bool asked;                   /* a whole pass was made */
};

/* How a pass ended. */
struct readback_pass {
    const struct err *error; /* NULL: all that is there was fetched */
    bool final;              /* the error will not pass */
    int64_t wait_ms;         /* the source wants to be left alone so long; 0: does not say */
    bool unsettled;          /* something is there that can't be fetched yet */
};

/* One kind of source. */
struct readback_source {
    void (*open)(struct readback *r, const struct readback_options *options);
    /* Looks once, delivers what is new, then calls readback_passed once. Called from the timer. */
    void (*pass)(struct readback *r);
    void (*free)(struct readback *r); /* nothing is open any more */
};
extern const struct readback_source readback_profiles_api, readback_directory, readback_test_agent, readback_following;

struct readback {
    uv_loop_t *loop;
    uv_timer_t timer;
    const struct readback_source *source;
    void *state;                /* the source's */
    struct http_client *client; /* NULL where nothing is asked over HTTP */
    char *url, *unix_socket, *api_key, *application_key, *directory, *service, *env, *run_id;
    bool follow;
    int64_t since_ms; /* of one that follows: where what is looked at begins */
    char *trouble;    /* what was told of it last, NULL: all is well */
    int64_t from_ms, to_ms, timeout_ms;
    struct readback_instance *instances;
    size_t instance_count;
    struct table delivered;         /* "INSTANCE_NUMBER:ID" */
    struct table distinct;          /* "INSTANCE_NUMBER:START:HASHES" */
    uint64_t deadline_ms;           /* of the loop's clock */
    int64_t first_wait_ms, wait_ms; /* before the next pass */
    size_t delivered_before;        /* this pass */
    bool last;                      /* all were there, this pass is for late doubles */
    bool interrupted, over;
    unsigned open; /* handles, the client, works on a thread */
    readback_fn fn;
    void *data;
    void (*closed)(void *data);
    void *closed_data;
};

/* Nothing may be delivered or asked any more. */
bool readback_ended(const struct readback *r);

/* Whether the instance is to be looked at in this pass. */
bool readback_looks_at(const struct readback *r, size_t instance);

bool readback_has(const struct readback *r, size_t instance, const char *id);

/* Hands an upload over, if it is new. -1 where there are too many (final). */
int readback_deliver(struct readback *r, size_t instance, const char *id, const struct readback_upload *upload,
                     struct err *e);

/* The same for one that follows, which knows by itself what is new. */
void readback_hand_over(struct readback *r, const char *instance, const char *id, const struct readback_upload *upload);

/* Something to be told. */
void readback_tell(struct readback *r, const char *text);

/* The callback may have called readback_stop or readback_free: look at readback_ended afterwards. */
void readback_passed(struct readback *r, const struct readback_pass *pass);

/* Something was opened, is closed: the read-back is freed after the last. */
void readback_hold(struct readback *r);
void readback_release(struct readback *r);

/* --- requests --- */

enum readback_verdict {
    READBACK_GOOD,
    READBACK_LATER,  /* may be better the next time */
    READBACK_ABSENT, /* 404 */
    READBACK_FINAL   /* will not be better */
};
/* What an answer means; *e says it where it is not good, with `wait_ms` where it was said. `what` is "POST URL". */
enum readback_verdict readback_judge(const struct readback *r, const char *what, const struct http_result *result,
                                     int64_t *wait_ms, struct err *e);

/* Adds "; the answer begins with '...'", without keys. */
void readback_add_excerpt(const struct readback *r, const struct buf *body, struct err *e);

/* What is asked of a list, newest first. */
struct readback_page {
    const char *worker;     /* tag; NULL: of all */
    int64_t from_ms, to_ms; /* both included */
    size_t size;
};

/* The two calls of the profiles API: sends as readback_send (`body` is kept by the caller until the answer), and reads
 * a good answer. Errors (ERR_INPUT) say what was expected. */
char *readback_send_list(struct readback *r, const struct readback_page *page, struct buf *body, http_client_fn fn,
                         void *data);
int readback_take_list(const struct readback *r, const char *what, const struct buf *body, struct readback_items *out,
                       struct err *e);
char *readback_send_download(struct readback *r, const struct readback_item *item, http_client_fn fn, void *data);
int readback_take_download(const struct readback *r, const char *what, struct readback_item *item,
                           const struct buf *body, struct readback_upload *out, struct err *e);

/* Sends with the keys there are. `path` is put behind the URL; `what` becomes "POST URL/PATH", without the query, for
 * the caller to free. `body` as in http_call. */
char *readback_send(struct readback *r, const char *method, const char *path, const struct buf *body, size_t answer_max,
                    http_client_fn fn, void *data);

#endif
