/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: an upload comes → its profiles are copied → passed on meanwhile → hashed and read on threads → kept,
 * unless the same bytes are there → the exchange is over: description, line, event.
 * Failure modes: faster than profiles can be read (not read), faster than the disk (not kept), a disk that is full (not
 * kept, told once), a profile that can't be read (kept, told in its line). None of them holds the passing up. */
#include "engine/tapping.h"

#include "base/mem.h"
#include "engine/tapping_internal.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* As the intake of a run has them by default. */
#define HEADER_MAX ((size_t)64 << 10)
#define PARTS_MAX 64
#define IDLE_TIMEOUT_MS 60000
#define TICK_MS 100
/* Parts that wait for a thread, however small they are. */
#define WAITING_MAX 512
/* What is larger comes from the system and goes back to it at once: profiles are read in some ten MiB each, and heaps
 * that keep them for later would make up most of the process. */
#define MMAP_THRESHOLD (128 << 10)

static const int signals[TAPPING_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

const struct tapping_counts *tapping_counts(const struct tapping *t)
{
    return &t->counts;
}

const struct tapping_names *tapping_all_names(const struct tapping *t)
{
    return &t->names;
}

const struct tapping_judge *tapping_ledger(const struct tapping *t)
{
    return t->judge;
}

int64_t tapping_now_ms(const struct tapping *t)
{
    return t->disk ? (int64_t)uv_now(&t->loop) : t->ended_ms;
}

bool tapping_is_end(const struct tapping *t)
{
    return t->store || t->store_only;
}

static void tell(struct tapping *t, enum tapping_event_kind kind, const char *text, const struct tapping_upload *upload)
{
    struct tapping_event event = {.kind = kind, .text = text, .upload = upload};
    t->options->on_event(t, &event, t->options->data);
}

static void on_note(const char *text, void *data)
{
    tell(data, TAPPING_NOTE, text, NULL);
}

static void maybe_close(struct tapping *t);

/* --- the end of an upload --------------------------------------------------------------------------------------- */

static void count_upload(struct tapping *t, const struct flow *flow)
{
    bool passed = t->store ? flow->status != 0 : flow->next_status != 0 && flow->status != 0;
    int status = t->store ? flow->status : flow->next_status;
    t->counts.uploads++;
    if (!passed)
        t->counts.failed++;
    else if (status < 200 || status > 299)
        t->counts.refused++;
}

static void tell_upload(struct tapping *t, const struct flow *flow)
{
    struct tapping_profile *profiles = mem_calloc(flow->part_count + 1, sizeof *profiles);
    char(*copies)[FLOW_COPY_SIZE] = mem_calloc(flow->part_count + 1, sizeof *copies);
    struct tapping_upload upload;
    flow_show(flow, profiles, copies, &upload);
    tell(t, TAPPING_UPLOAD, NULL, &upload);
    free(copies);
    free(profiles);
}

static void unlink_flow(struct tapping *t, const struct flow *flow)
{
    struct flow **at = &t->flows;
    while (*at != flow)
        at = &(*at)->next;
    *at = flow->next;
}

static void maybe_finish(struct flow *flow)
{
    struct tapping *t = flow->owner;
    struct buf line = {0};
    if (!flow->done || flow->waiting > 0)
        return;
    for (size_t i = 0; i < flow->part_count; i++) {
        struct flow_part *part = &flow->parts[i];
        struct buf meta = {0};
        if (part->copy == 0 || part->equal)
            continue;
        flow_end_description(part, &meta);
        tapping_copies_describe(t->copies, part->copy, &meta);
    }
    flow_line(flow, &line);
    tapping_copies_line(t->copies, &line);
    buf_fini(&line);
    if (flow->told) {
        count_upload(t, flow);
        tell_upload(t, flow);
    }
    unlink_flow(t, flow);
    flow_free(flow);
    maybe_close(t);
}

/* --- profiles on threads ---------------------------------------------------------------------------------------- */

/* One thread hashes, so that whatever comes is kept; another one reads, which takes some hundred times as long. */
static void push(struct tapping_queue *q, struct flow_part *part)
{
    part->next = NULL;
    if (q->last)
        q->last->next = part;
    else
        q->first = part;
    q->last = part;
}

static void take_names(struct tapping *t, struct flow_part *part)
{
    if (part->unreadable)
        t->counts.unreadable++;
    if (!part->profile)
        return;
    t->counts.read++;
    tapping_names_add(&t->names, part->profile, tapping_now_ms(t));
    if (t->judge)
        tapping_judge_add(t->judge, part->flow->instance, part->profile, tapping_now_ms(t), &part->judged);
}

static void keep_part(struct tapping *t, struct flow_part *part)
{
    if (t->store)
        return; /* which has it */
    part->copy = tapping_copies_find(t->copies, part->hash);
    part->equal = part->copy > 0;
    t->counts.equal += part->equal;
    if (!part->equal)
        part->copy = tapping_copies_put(t->copies, part->hash, &part->bytes);
}

static void settle(struct tapping *t, struct flow_part *part)
{
    t->waiting--;
    t->waiting_bytes -= part->size;
    take_names(t, part);
    keep_part(t, part);
    spare_give(&t->spare, &part->bytes);
    part->flow->waiting--;
    maybe_finish(part->flow);
}

static void on_read(struct flow_part *part, void *data)
{
    settle(data, part);
}

static void note_first(struct tapping *t, uint64_t *count, const char *text)
{
    if ((*count)++ == 0)
        tell(t, TAPPING_NOTE, text, NULL);
}

static void note_unread(struct tapping *t)
{
    note_first(t, &t->counts.unread,
               "uploads come faster than they can be read: they are passed on and kept, and some are not read");
}

static void hash_next(struct tapping *t);

static void on_hash(uv_work_t *work)
{
    flow_hash(((struct tapping *)work->data)->hashing.working);
}

static void on_hashed(uv_work_t *work, int status)
{
    struct tapping *t = work->data;
    struct flow_part *part = t->hashing.working;
    (void)status; /* never cancelled: the loop ends after its work */
    t->hashing.working = NULL;
    hash_next(t);
    if (tapping_reader_has_room(t->reader)) {
        tapping_reader_add(t->reader, part);
        return;
    }
    note_unread(t);
    settle(t, part);
}

static void hash_next(struct tapping *t)
{
    struct tapping_queue *q = &t->hashing;
    if (q->working || !q->first)
        return;
    q->working = q->first;
    q->first = q->first->next;
    if (!q->first)
        q->last = NULL;
    q->work.data = t;
    uv_queue_work(&t->loop, &q->work, on_hash, on_hashed);
}

/* Whether there is room for a profile of this size: one that is larger than all the room has it alone. */
static bool has_room(const struct tapping *t, size_t size)
{
    size_t pending = t->waiting_bytes + tapping_copies_pending(t->copies);
    return t->waiting < WAITING_MAX && (pending == 0 || pending + size <= TAPPING_PENDING_MAX);
}

static void add_part(struct tapping *t, struct flow *flow, size_t index, const struct upload *upload)
{
    struct flow_part *part = &flow->parts[index];
    t->counts.profiles++;
    if (!has_room(t, part->size)) {
        t->counts.unread++;
        note_first(t, &t->counts.not_kept,
                   "uploads come faster than the disk takes them: they are passed on, and some are not kept");
        return;
    }
    /* The store has it already: its hash alone is not worth a copy. */
    if (t->store && !tapping_reader_has_room(t->reader)) {
        note_unread(t);
        return;
    }
    part->bytes = spare_take(&t->spare, part->size);
    flow_take_bytes(flow, index, upload);
    flow->waiting++;
    t->waiting++;
    t->waiting_bytes += part->size;
    /* The store's is kept already: there is no hurry about its hash. What a tap passes on is looked at when its sender
     * has the answer: until then the processors are the next hop's. */
    if (t->store)
        tapping_reader_add(t->reader, part);
    else
        push(&t->hashing, part);
}

/* --- what comes ------------------------------------------------------------------------------------------------- */

static struct flow *find_flow(struct tapping *t, uint64_t number)
{
    for (struct flow *flow = t->flows; flow; flow = flow->next)
        if (flow->number == number)
            return flow;
    struct flow *flow = flow_new(t, number);
    flow->next = t->flows;
    return t->flows = flow;
}

static void take_upload(struct tapping *t, struct flow *flow, const struct upload *upload)
{
    if (flow->told)
        return;
    flow_take_upload(flow, upload);
    for (size_t i = 0; i < flow->part_count; i++)
        add_part(t, flow, i, upload);
}

static void on_tap(struct tap *tap, const struct tap_event *event, void *data)
{
    struct tapping *t = data;
    struct flow *flow = find_flow(t, event->number);
    (void)tap;
    if (event->upload)
        take_upload(t, flow, event->upload);
    if (event->kind != TAP_DONE)
        return;
    t->counts.requests++;
    flow_take_exchange(flow, event->exchange);
    maybe_finish(flow);
    hash_next(t);
}

/* The store has answered when it tells of an upload. */
static void on_store(struct store *store, const struct upload *upload, const char *id, const struct err *error,
                     void *data)
{
    struct tapping *t = data;
    struct flow *flow = find_flow(t, ++t->stored);
    (void)store;
    (void)id;
    struct tap_exchange exchange = {.method = "POST",
                                    .path = upload->path,
                                    .body_size = upload->body ? upload->body->size : 0,
                                    .status = upload->status,
                                    .error = error ? error->text : NULL};
    if (error)
        on_note(error->text, t);
    t->counts.requests++;
    take_upload(t, flow, upload);
    flow_take_exchange(flow, &exchange);
    maybe_finish(flow);
}

/* --- start and end ---------------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    tell(timer->data, TAPPING_TICK, NULL, NULL);
}

static void close_handles(struct tapping *t)
{
    if (t->reader)
        tapping_reader_close(t->reader);
    uv_close((uv_handle_t *)&t->tick, NULL);
    for (size_t i = 0; i < TAPPING_SIGNALS; i++)
        uv_close((uv_handle_t *)&t->signals[i], NULL);
}

static void on_disk_closed(void *data)
{
    close_handles(data);
}

static void maybe_close(struct tapping *t)
{
    if (!t->server_closed || t->flows || t->closing)
        return;
    t->closing = true;
    disk_close(t->disk, on_disk_closed, t);
}

static void on_server_closed(void *data)
{
    struct tapping *t = data;
    t->server_closed = true;
    maybe_close(t);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct tapping *t = handle->data;
    (void)number;
    if (t->stopping)
        return;
    t->stopping = true;
    tell(t, TAPPING_STOPPING, NULL, NULL);
    if (t->store)
        store_stop(t->store, on_server_closed, t);
    else
        tap_stop(t->tap, on_server_closed, t);
}

static int start_store(struct tapping *t, struct err *e)
{
    char *directory = mem_printf("%s/store", t->options->directory);
    struct store_options options = {.listen = t->options->listen,
                                    .max_body = t->options->max_body,
                                    .max_header = HEADER_MAX,
                                    .max_parts = PARTS_MAX,
                                    .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                    .directory = directory,
                                    .max_bytes = t->options->max_disk};
    t->store = store_start(&t->loop, t->disk, &options, on_store, t, e);
    free(directory);
    return t->store ? 0 : -1;
}

static int start_tap(struct tapping *t, struct err *e)
{
    char *spool = mem_printf("%s/spool", t->options->directory);
    struct tap_options options = {.actor = "tap",
                                  .listen = t->options->listen,
                                  .to = t->options->to,
                                  .max_body = t->options->max_body,
                                  .max_header = HEADER_MAX,
                                  .max_parts = PARTS_MAX,
                                  .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                  .answer_timeout_ms = t->options->answer_timeout_ms,
                                  .spool = spool};
    t->tap = tap_start(&t->loop, &options, on_tap, t, e);
    free(spool);
    return t->tap ? 0 : -1;
}

static void open_loop(struct tapping *t)
{
    uv_loop_init(&t->loop);
    uv_timer_init(&t->loop, &t->tick);
    t->tick.data = t;
    for (size_t i = 0; i < TAPPING_SIGNALS; i++) {
        uv_signal_init(&t->loop, &t->signals[i]);
        t->signals[i].data = t;
    }
    t->disk = disk_new(&t->loop);
    struct tapping_copies_options copies = {.loop = &t->loop,
                                            .disk = t->disk,
                                            .directory = t->options->directory,
                                            .max_disk = t->options->max_disk,
                                            .keep = t->options->keep,
                                            .counts = &t->counts,
                                            .note = on_note,
                                            .data = t};
    t->copies = tapping_copies_new(&copies);
}

static int run(struct tapping *t, struct err *e)
{
    open_loop(t);
    t->reader = tapping_reader_new(&t->loop, on_read, t, e);
    int result = !t->reader ? -1 : t->options->to.url ? start_tap(t, e) : start_store(t, e);
    if (result < 0) {
        t->server_closed = true;
        maybe_close(t);
    } else {
        for (size_t i = 0; i < TAPPING_SIGNALS; i++)
            uv_signal_start(&t->signals[i], on_signal, signals[i]);
        uv_timer_start(&t->tick, on_tick, TICK_MS, TICK_MS);
        tell(t, TAPPING_LISTENS, t->store ? store_url(t->store) : tap_url(t->tap), NULL);
    }
    uv_run(&t->loop, UV_RUN_DEFAULT);
    t->ended_ms = (int64_t)uv_now(&t->loop);
    t->disk = NULL; /* which is closed */
    uv_loop_close(&t->loop);
    if (result < 0)
        tapping_directory_unmake(t->options);
    return result;
}

int tapping_execute(const struct tapping_options *options, void (*at_end)(const struct tapping *t, void *data),
                    struct err *e)
{
    struct tapping *t = mem_calloc(1, sizeof *t);
    t->options = options;
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int result = options->ledger ? tapping_judge_read(options->ledger, &t->judge, e) : 0;
    if (result == 0)
        result = tapping_directory_make(options, e);
    if (result == 0) {
        result = run(t, e);
        if (result == 0)
            at_end(t, options->data);
        if (result == 0 && tapping_copies_error(t->copies)) {
            *e = *tapping_copies_error(t->copies);
            result = -1;
        }
        spare_fini(&t->spare);
        tapping_copies_free(t->copies);
    }
    tapping_names_fini(&t->names);
    tapping_judge_free(t->judge);
    free(t);
    return result;
}
