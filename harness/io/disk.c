/* SPDX-License-Identifier: Apache-2.0 */
#include "io/disk.h"
#include "base/mem.h"
#include "io/disk_file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One turn of the thread ends after so many orders or bytes, so that the first callbacks do not
 * wait for a long queue. */
#define TURN_ORDERS_MAX 64
#define TURN_BYTES_MAX ((size_t)16 << 20)
/* Neighbouring appends grow up to so much before a new order begins. */
#define APPEND_MERGE_MAX ((size_t)1 << 20)

enum order_kind { ORDER_PUT, ORDER_REMOVE, ORDER_APPEND, ORDER_FLUSH, ORDER_CLOSE };

struct order {
    struct order *next;
    enum order_kind kind;
    char *path;
    struct buf bytes;
    bool borrowed; /* `bytes` are somebody else's */
    bool sync;
    disk_fn fn;
    void *data;
    int status;
    struct err error; /* valid where status is -1 */
};

struct queue {
    struct order *first, *last;
    size_t bytes;
};

struct disk {
    uv_loop_t *loop;
    uv_work_t work;
    bool working; /* until the last callback of a turn has returned */
    bool closing;
    struct queue waiting;    /* the loop's */
    struct queue turn;       /* the thread's while `working` */
    struct disk_files files; /* the thread's while `working` */
    bool failed;
    struct err error; /* the first that no callback took; valid where `failed` */
    void (*closed)(void *data);
    void *closed_data;
};

static void queue_add(struct queue *q, struct order *order)
{
    order->next = NULL;
    if (q->last == NULL) {
        q->first = order;
    } else {
        q->last->next = order;
    }
    q->last = order;
    q->bytes += order->bytes.size;
}

static struct order *queue_take(struct queue *q)
{
    struct order *order = q->first;
    q->first = order->next;
    q->last = q->first != NULL ? q->last : NULL;
    q->bytes -= order->bytes.size;
    return order;
}

/* --- on the thread --- */

static int remove_file(const char *path, struct err *e)
{
    if (unlink(path) == 0 || errno == ENOENT) {
        return 0;
    }
    return err_sys(e, ERR_WRITE, errno, "can't remove %s", path);
}

static void do_order(struct disk *disk, struct order *o)
{
    switch (o->kind) {
    case ORDER_PUT:
        o->status = disk_replace(o->path, o->bytes.data, o->bytes.size, o->sync, &o->error);
        break;
    case ORDER_REMOVE:
        o->status = remove_file(o->path, &o->error);
        break;
    case ORDER_APPEND:
        o->status = disk_files_append(&disk->files, o->path, o->bytes.data, o->bytes.size, o->sync, &o->error);
        break;
    case ORDER_FLUSH:
        o->status = disk_files_sync(&disk->files, &o->error);
        break;
    case ORDER_CLOSE:
        o->status = disk_files_close(&disk->files, &o->error);
        break;
    }
}

static void on_work(uv_work_t *work)
{
    struct disk *disk = work->data;
    for (struct order *o = disk->turn.first; o != NULL; o = o->next) {
        do_order(disk, o);
    }
}

/* --- on the loop --- */

static void start_turn(struct disk *disk);

static void finish_order(struct disk *disk, struct order *o)
{
    if (o->kind == ORDER_FLUSH && o->status == 0 && disk->failed) {
        o->status = -1;
        o->error = disk->error;
    }
    if (o->fn != NULL) {
        o->fn(o->status, o->status != 0 ? &o->error : NULL, o->data);
    } else if (o->status != 0 && !disk->failed) {
        disk->failed = true;
        disk->error = o->error;
    }
    free(o->path);
    if (!o->borrowed) {
        buf_fini(&o->bytes);
    }
    free(o);
}

static void finish_disk(struct disk *disk)
{
    void (*closed)(void *data) = disk->closed;
    void *data = disk->closed_data;
    free(disk);
    closed(data);
}

static void on_worked(uv_work_t *work, int status)
{
    struct disk *disk = work->data;
    bool last = false;
    assert(status == 0);
    (void)status;
    while (disk->turn.first != NULL) {
        struct order *o = queue_take(&disk->turn);
        last = last || o->kind == ORDER_CLOSE;
        finish_order(disk, o);
    }
    disk->working = false;
    if (last) {
        finish_disk(disk);
    } else {
        start_turn(disk);
    }
}

static void start_turn(struct disk *disk)
{
    if (disk->working || disk->waiting.first == NULL) {
        return;
    }
    for (int i = 0; i < TURN_ORDERS_MAX && disk->turn.bytes < TURN_BYTES_MAX && disk->waiting.first != NULL; i++) {
        queue_add(&disk->turn, queue_take(&disk->waiting));
    }
    disk->working = true;
    uv_queue_work(disk->loop, &disk->work, on_work, on_worked);
}

static void add_order(struct disk *disk, struct order order)
{
    struct order *o = mem_calloc(1, sizeof *o);
    assert(!disk->closing);
    *o = order;
    queue_add(&disk->waiting, o);
    start_turn(disk);
}

struct disk *disk_new(uv_loop_t *loop)
{
    struct disk *disk = mem_calloc(1, sizeof *disk);
    disk->loop = loop;
    disk->work.data = disk;
    return disk;
}

static void put(struct disk *disk, const char *path, struct buf *bytes, bool sync, disk_fn fn, void *data)
{
    struct order order = {
        .kind = ORDER_PUT, .path = mem_strdup(path), .bytes = *bytes, .sync = sync, .fn = fn, .data = data};
    *bytes = (struct buf){0};
    add_order(disk, order);
}

void disk_put(struct disk *disk, const char *path, struct buf *bytes, disk_fn fn, void *data)
{
    put(disk, path, bytes, true, fn, data);
}

void disk_put_quick(struct disk *disk, const char *path, struct buf *bytes, disk_fn fn, void *data)
{
    put(disk, path, bytes, false, fn, data);
}

void disk_put_borrowed(struct disk *disk, const char *path, const void *bytes, size_t size, disk_fn fn, void *data)
{
    struct order order = {.kind = ORDER_PUT,
                          .path = mem_strdup(path),
                          .bytes = {.data = (char *)(uintptr_t)bytes, .size = size},
                          .borrowed = true,
                          .fn = fn,
                          .data = data};
    add_order(disk, order);
}

void disk_remove(struct disk *disk, const char *path, disk_fn fn, void *data)
{
    add_order(disk, (struct order){.kind = ORDER_REMOVE, .path = mem_strdup(path), .fn = fn, .data = data});
}

void disk_append(struct disk *disk, const char *path, const void *bytes, size_t size, bool sync, disk_fn fn, void *data)
{
    struct order *last = disk->waiting.last;
    if (fn == NULL && last != NULL && last->kind == ORDER_APPEND && last->fn == NULL && strcmp(last->path, path) == 0 &&
        last->bytes.size + size <= APPEND_MERGE_MAX) {
        buf_add(&last->bytes, bytes, size);
        disk->waiting.bytes += size;
        last->sync = last->sync || sync;
        return;
    }
    struct order order = {.kind = ORDER_APPEND, .path = mem_strdup(path), .sync = sync, .fn = fn, .data = data};
    buf_add(&order.bytes, bytes, size);
    add_order(disk, order);
}

void disk_flush(struct disk *disk, disk_fn fn, void *data)
{
    add_order(disk, (struct order){.kind = ORDER_FLUSH, .fn = fn, .data = data});
}

void disk_close(struct disk *disk, void (*closed)(void *data), void *data)
{
    disk->closed = closed;
    disk->closed_data = data;
    add_order(disk, (struct order){.kind = ORDER_CLOSE});
    disk->closing = true;
}

size_t disk_pending(const struct disk *disk)
{
    return disk->waiting.bytes + disk->turn.bytes;
}

bool disk_full(const struct disk *disk)
{
    return disk_pending(disk) >= DISK_PENDING_MAX;
}

const struct err *disk_error(const struct disk *disk)
{
    return disk->failed ? &disk->error : NULL;
}
