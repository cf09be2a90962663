/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/recorder.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/copies.h"
#include "engine/orders.h"

#include <stdlib.h>
#include <string.h>

/* Uploads of one process that are kept: at one each second this is more than a day. */
#define UPLOADS_KEPT_MAX COPIES_FILES_MAX
/* Rejected uploads that are put aside, and bytes of them: enough to see what is wrong. Further ones are only counted.
 */
#define REJECTED_KEPT_MAX 1000
#define REJECTED_BYTES_MAX ((uint64_t)256 << 20)

struct recorder {
    struct host *host;
    struct worker **workers;
    size_t worker_count;
    struct recorder_lane *lanes;
    size_t lane_count, lane_capacity;
    unsigned rejected;
    uint64_t rejected_bytes; /* put aside */
    size_t storing, storing_bytes;
    void (*settled)(void *data);
    void *settled_data;
};

struct storing {
    struct recorder *recorder;
    size_t size, lane;
};

struct recorder *recorder_new(struct host *host)
{
    struct recorder *r = mem_calloc(1, sizeof *r);
    r->host = host;
    return r;
}

void recorder_set_workers(struct recorder *r, struct worker **workers, size_t count)
{
    r->workers = workers;
    r->worker_count = count;
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static const char *find_tag(const struct upload *upload, const char *key)
{
    for (size_t i = 0; i < upload->tag_count; i++)
        if (strcmp(upload->tags[i].key, key) == 0)
            return upload->tags[i].value;
    return NULL;
}

static bool uploads_from(const struct worker *worker)
{
    return worker_arm(worker) == ARM_UPLOAD || worker_arm(worker) == ARM_TEE;
}

/* By our own tag; a program that drops DD_TAGS is known by its process id, and the only one that
 * uploads needs no mark. A process of another run may have been left with an address that is ours
 * now. */
const char *recorder_sender(const struct recorder *r, const struct upload *upload)
{
    const char *instance = find_tag(upload, TAG_WORKER);
    const char *run = find_tag(upload, TAG_RUN);
    if (run && strcmp(run, r->host->run_id) != 0)
        return NULL;
    const char *pid = find_tag(upload, "process_id");
    const struct worker *only = NULL;
    size_t uploading = 0;
    for (size_t i = 0; i < r->worker_count; i++) {
        const struct worker *w = r->workers[i];
        if (!uploads_from(w))
            continue;
        if (instance && strcmp(instance, worker_instance(w)) == 0)
            return worker_instance(w);
        if (!instance && pid && worker_pid(w) > 0 && atol(pid) == worker_pid(w))
            return worker_instance(w);
        only = w;
        uploading++;
    }
    return !instance && uploading == 1 ? worker_instance(only) : NULL;
}

static size_t find_lane(struct recorder *r, enum stage stage, const char *instance)
{
    for (size_t i = 0; i < r->lane_count; i++)
        if (r->lanes[i].stage == stage && strcmp(r->lanes[i].instance, instance) == 0)
            return i;
    r->lanes = mem_grow(r->lanes, r->lane_count, &r->lane_capacity, sizeof *r->lanes);
    r->lanes[r->lane_count] = (struct recorder_lane){.instance = mem_strdup(instance), .stage = stage};
    return r->lane_count++;
}

const struct recorder_lane *recorder_lanes(const struct recorder *r, size_t *count)
{
    *count = r->lane_count;
    return r->lanes;
}

/* --- what becomes of it ------------------------------------------------------------------------------------------- */

static void journal_upload(struct recorder *r, enum stage stage, const char *instance, const struct upload *upload,
                           const char *rejected)
{
    struct json_out out = journal_begin(&r->host->journal, "upload");
    json_put_string(&out, "stage", stage_name(stage));
    json_put_string(&out, "instance", instance);
    json_put_int(&out, "status", upload->status);
    json_put_string(&out, "rejected", rejected);
    json_put_uint(&out, "profiles", upload->profile_count);
    json_put_string(&out, "runtime_id", upload->runtime_id);
    json_put_string(&out, "start", upload->start);
    json_put_string(&out, "end", upload->end);
    journal_end(&r->host->journal, &out, true);
}

static void reject(struct recorder *r, enum stage stage, const char *instance, const struct upload *upload,
                   const char *why)
{
    if (++r->rejected > REJECTED_KEPT_MAX)
        return;
    char *text = mem_printf("rejected: %s", why);
    journal_upload(r, stage, instance, upload, why);
    size_t size = upload->body ? upload->body->size : 0;
    if (!disk_full(r->host->disk) && r->rejected_bytes + size <= REJECTED_BYTES_MAX) {
        r->rejected_bytes += size;
        copies_store_rejected(r->host, stage, r->rejected, upload);
    }
    host_notify(r->host, RUN_UPLOAD, instance[0] ? instance : stage_name(stage), text);
    log_line(LOG_INFO, stage_name(stage), "%s", text);
    free(text);
}

static void maybe_settled(struct recorder *r)
{
    void (*fn)(void *data) = r->settled;
    if (r->storing > 0 || !fn)
        return;
    r->settled = NULL;
    fn(r->settled_data);
}

static void on_stored(bool good, char (*hashes)[HASH_TEXT_SIZE], size_t count, void *data)
{
    struct storing *s = data;
    struct recorder *r = s->recorder;
    struct recorder_lane *lane = &r->lanes[s->lane];
    for (size_t i = 0; good && i < count; i++) {
        lane->hashes = mem_grow(lane->hashes, lane->hash_count, &lane->hash_capacity, sizeof *lane->hashes);
        lane->hashes[lane->hash_count++] = mem_strdup(hashes[i]);
    }
    r->storing--;
    r->storing_bytes -= s->size;
    free(s);
    maybe_settled(r);
}

static size_t size_of(const struct upload *upload)
{
    size_t size = 0;
    for (size_t i = 0; i < upload->profile_count; i++)
        size += upload->profiles[i].size;
    return size;
}

/* Why a good upload can't be kept, or NULL. */
static const char *refusal(const struct recorder *r, const char *sender, const struct recorder_lane *lane)
{
    if (!sender)
        return "it comes from no worker of this run";
    if (disk_full(r->host->disk) || r->storing_bytes >= DISK_PENDING_MAX)
        return "the disk of the run directory is too far behind (DISK_PENDING_MAX)";
    if (lane->sequence >= UPLOADS_KEPT_MAX)
        return "its worker has sent too many (UPLOADS_KEPT_MAX)";
    return NULL;
}

/* A soak has its own way with uploads; one that it can read counts as recorded. */
static struct recorded hand_to_soak(struct recorder *r, enum stage stage, const char *instance,
                                    const struct upload *upload)
{
    const struct host_soak *soak = r->host->soak;
    size_t lane = instance ? find_lane(r, stage, instance) : 0;
    soak->upload(stage, instance, upload, soak->data);
    return (struct recorded){.instance = instance ? r->lanes[lane].instance : "",
                             .first = instance && !upload->rejected ? 1 : 0,
                             .profiles = upload->profile_count,
                             .rejected = upload->rejected};
}

/* `instance` NULL: nobody's. */
static struct recorded take(struct recorder *r, enum stage stage, const char *instance, const struct upload *upload)
{
    if (r->host->soak)
        return hand_to_soak(r, stage, instance, upload);
    size_t lane = instance ? find_lane(r, stage, instance) : 0;
    struct recorded result = {.instance = instance ? r->lanes[lane].instance : "",
                              .profiles = upload->profile_count,
                              .rejected = upload->rejected ? upload->rejected
                                                           : refusal(r, instance, instance ? &r->lanes[lane] : NULL)};
    if (result.rejected) {
        reject(r, stage, result.instance, upload, result.rejected);
        return result;
    }
    journal_upload(r, stage, instance, upload, "");
    result.first = r->lanes[lane].sequence + 1;
    struct storing *s = mem_calloc(1, sizeof *s);
    *s = (struct storing){.recorder = r, .size = size_of(upload), .lane = lane};
    r->storing++;
    r->storing_bytes += s->size;
    unsigned sequence = r->lanes[lane].sequence;
    r->lanes[lane].sequence += (unsigned)upload->profile_count;
    copies_store_upload(r->host, stage, result.instance, &sequence, upload, on_stored, s);
    return result;
}

struct recorded recorder_take(struct recorder *r, enum stage stage, const char *suffix, const struct upload *upload)
{
    const char *sender = recorder_sender(r, upload);
    char *instance = sender ? mem_printf("%s%s", sender, suffix) : NULL;
    struct recorded result = take(r, stage, instance, upload);
    free(instance);
    return result;
}

struct recorded recorder_take_for(struct recorder *r, enum stage stage, const char *instance,
                                  const struct upload *upload)
{
    return take(r, stage, instance, upload);
}

void recorder_settle(struct recorder *r, void (*fn)(void *data), void *data)
{
    r->settled = fn;
    r->settled_data = data;
    maybe_settled(r);
}

static void journal_further_rejected(struct recorder *r)
{
    if (r->rejected <= REJECTED_KEPT_MAX)
        return;
    struct json_out out = journal_begin(&r->host->journal, "upload");
    json_put_string(&out, "rejected", "further ones (REJECTED_KEPT_MAX)");
    json_put_uint(&out, "times", r->rejected - REJECTED_KEPT_MAX);
    journal_end(&r->host->journal, &out, true);
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    journal_further_rejected(r);
    for (size_t i = 0; i < r->lane_count; i++) {
        for (size_t k = 0; k < r->lanes[i].hash_count; k++)
            free(r->lanes[i].hashes[k]);
        free(r->lanes[i].hashes);
        free(r->lanes[i].instance);
    }
    free(r->lanes);
    free(r);
}
