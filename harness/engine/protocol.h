/* SPDX-License-Identifier: Apache-2.0 */
/* The worker contract: one JSON line of a worker as a checked message. Pure. Source:
 * docs/formats.md, "Worker protocol". */
#ifndef LOCKTRAIL_ENGINE_PROTOCOL_H
#define LOCKTRAIL_ENGINE_PROTOCOL_H

#include "base/err.h"
#include "base/json.h"
#include "trail/ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1

enum message_type {
    MESSAGE_HELLO,
    MESSAGE_LOCK,
    MESSAGE_SITE,
    MESSAGE_PROGRESS,
    MESSAGE_PROFILE,
    MESSAGE_DONE,
    MESSAGE_ERROR
};

/* Strings point into the tree, which is the message's own. Which fields are filled in depends on
 * the type. */
struct message {
    enum message_type type;
    struct json *tree;
    const char *runtime, *version; /* hello */
    struct lock lock;              /* lock; its strings are the tree's, the array of sites is owned, `worker` is NULL */
    char *lock_file;               /* owned: lock.file */
    const char *id, *site;         /* site: a further one of the lock */
    const char *phase;             /* progress, error */
    double done;                   /* progress: 0..1 of the phase */
    const struct json *acquires;   /* progress, done: object of lock id → count */
    uint64_t total_acquires;       /* their sum */
    int64_t at_ns;                 /* progress, done: wall clock just before the counts were read; 0: not said */
    const char *path;              /* profile */
    const char *error, *thread, *traceback; /* error */
    bool interrupted;                       /* done */
};

/* Errors name what is wrong with the line and quote its beginning; code ERR_INPUT. On success:
 * message_fini. */
int message_read(const char *line, size_t size, struct message *out, struct err *e);
void message_fini(struct message *m);

/* How many locks a progress or done message counts; and the id of one of them, by its place from 0, of which *count
 * gets what the message says. Members that it does not mention stay. */
size_t message_counted(const struct message *m);
const char *message_count(const struct message *m, size_t place, struct lock_count *count);

#endif
