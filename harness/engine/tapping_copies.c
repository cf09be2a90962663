/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_copies.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of the room for everything, requests get so much, a copy's size at least. */
#define LINES_SHARE 8
#define LINES_MIN ((uint64_t)1 << 20)
#define BUCKETS_MIN 64

/* One copy. Numbers are consecutive; one that could not be written stays as a hole until it is the oldest. */
struct kept {
    char hash[HASH_TEXT_SIZE];
    uint64_t next;  /* in the chain of its bucket; 0 ends */
    uint64_t bytes; /* on the disk: profile and description */
    unsigned pending;
    bool failed;
};

struct tapping_copies {
    struct tapping_copies_options options;
    char *directory;
    struct kept *items; /* a ring; number n stands at n & (capacity - 1) */
    size_t capacity;
    uint64_t first, end; /* numbers that are there: first <= n < end */
    uint64_t *buckets;
    size_t bucket_count;
    size_t pending;       /* bytes that wait for the disk */
    size_t lines_pending; /* of them: lines, which a large copy before them must not keep out */
    uint64_t lines_number, lines_bytes, lines_before; /* of the file that is written, and of the one before */
    bool failing, failed, lines_left_out;
    struct err error;
};

/* A file on its way to the disk. */
struct write {
    struct tapping_copies *copies;
    uint64_t number; /* of the copy; 0 for a line */
    size_t size;
    bool profile;
};

struct tapping_copies *tapping_copies_new(const struct tapping_copies_options *options)
{
    struct tapping_copies *c = mem_calloc(1, sizeof *c);
    c->options = *options;
    c->directory = mem_strdup(options->directory);
    c->options.directory = c->directory;
    c->first = c->end = 1;
    c->lines_number = 1;
    c->capacity = c->bucket_count = BUCKETS_MIN;
    c->items = mem_calloc(c->capacity, sizeof *c->items);
    c->buckets = mem_calloc(c->bucket_count, sizeof *c->buckets);
    return c;
}

void tapping_copies_free(struct tapping_copies *c)
{
    if (!c)
        return;
    free(c->items);
    free(c->buckets);
    free(c->directory);
    free(c);
}

static struct kept *item(const struct tapping_copies *c, uint64_t number)
{
    return &c->items[number & (c->capacity - 1)];
}

static bool is_there(const struct tapping_copies *c, uint64_t number)
{
    return number >= c->first && number < c->end;
}

/* --- by content ------------------------------------------------------------------------------------------------- */

/* A SHA-256 is as good as random: its first digits choose the bucket. */
static uint64_t *bucket(const struct tapping_copies *c, const char *hash)
{
    char digits[9];
    memcpy(digits, hash, 8);
    digits[8] = '\0';
    return &c->buckets[strtoul(digits, NULL, 16) & (c->bucket_count - 1)];
}

static void chain(struct tapping_copies *c, uint64_t number)
{
    uint64_t *head = bucket(c, item(c, number)->hash);
    item(c, number)->next = *head;
    *head = number;
}

static void unchain(struct tapping_copies *c, uint64_t number)
{
    uint64_t *at = bucket(c, item(c, number)->hash);
    while (*at != 0 && *at != number)
        at = &item(c, *at)->next;
    if (*at == number)
        *at = item(c, number)->next;
}

static void grow(struct tapping_copies *c)
{
    struct kept *old = c->items;
    size_t old_capacity = c->capacity;
    c->capacity *= 2;
    c->items = mem_calloc(c->capacity, sizeof *c->items);
    for (uint64_t n = c->first; n < c->end; n++)
        *item(c, n) = old[n & (old_capacity - 1)];
    free(old);
    free(c->buckets);
    c->bucket_count = c->capacity;
    c->buckets = mem_calloc(c->bucket_count, sizeof *c->buckets);
    for (uint64_t n = c->first; n < c->end; n++)
        if (!item(c, n)->failed)
            chain(c, n);
}

uint64_t tapping_copies_find(const struct tapping_copies *c, const char hash[HASH_TEXT_SIZE])
{
    uint64_t number = *bucket(c, hash);
    while (number != 0 && strcmp(item(c, number)->hash, hash) != 0)
        number = item(c, number)->next;
    return number;
}

/* --- room ------------------------------------------------------------------------------------------------------- */

static void on_removed(uv_fs_t *request)
{
    uv_fs_req_cleanup(request);
    free(request);
}

/* A file that is not there any more is no worse than one that could be removed. */
static void remove_file(struct tapping_copies *c, char *path)
{
    uv_fs_t *request = mem_calloc(1, sizeof *request);
    if (uv_fs_unlink(c->options.loop, request, path, on_removed) < 0)
        free(request);
    free(path);
}

static void remove_first(struct tapping_copies *c)
{
    struct kept *k = item(c, c->first);
    if (!k->failed) {
        unchain(c, c->first);
        remove_file(c, mem_printf("%s/copies/%" PRIu64 ".pprof", c->directory, c->first));
        remove_file(c, mem_printf("%s/copies/%" PRIu64 ".json", c->directory, c->first));
        c->options.counts->disk_bytes -= k->bytes;
        c->options.counts->kept--;
        if (c->options.counts->removed++ == 0)
            c->options.note("the oldest copies are removed to make room (--max-disk, --keep)", c->options.data);
    }
    c->first++;
}

/* Those that are on their way to the disk wait until they are there. */
static void make_room(struct tapping_copies *c)
{
    while (c->end - c->first > 1 && item(c, c->first)->pending == 0 &&
           (item(c, c->first)->failed || c->options.counts->disk_bytes > c->options.max_disk ||
            c->options.counts->kept > c->options.keep))
        remove_first(c);
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

static void note_failure(struct tapping_copies *c, const struct err *e)
{
    if (!c->failed)
        c->error = *e;
    c->failed = true;
    if (!c->failing) {
        char *text = mem_printf("%s: uploads are passed on, and not kept until that works again", e->text);
        c->options.note(text, c->options.data);
        free(text);
    }
    c->failing = true;
}

static void note_success(struct tapping_copies *c)
{
    if (c->failing)
        c->options.note("uploads are kept again", c->options.data);
    c->failing = false;
}

/* What is not there is not found again, and is no copy. */
static void lose(struct tapping_copies *c, uint64_t number)
{
    struct kept *k = item(c, number);
    unchain(c, number);
    k->failed = true;
    c->options.counts->disk_bytes -= k->bytes;
    k->bytes = 0;
    c->options.counts->kept--;
    c->options.counts->not_kept++;
}

static void on_written(int status, const struct err *e, void *data)
{
    struct write *w = data;
    struct tapping_copies *c = w->copies;
    c->pending -= w->size;
    c->lines_pending -= w->number == 0 ? w->size : 0;
    if (status < 0)
        note_failure(c, e);
    else if (w->profile)
        note_success(c);
    if (w->number > 0) {
        struct kept *k = item(c, w->number); /* which is there as long as something is pending */
        k->pending--;
        if (status < 0 && w->profile)
            lose(c, w->number);
        make_room(c);
    }
    free(w);
}

static struct write *begin_write(struct tapping_copies *c, uint64_t number, size_t size, bool profile)
{
    struct write *w = mem_calloc(1, sizeof *w);
    *w = (struct write){.copies = c, .number = number, .size = size, .profile = profile};
    c->pending += size;
    c->lines_pending += number == 0 ? size : 0;
    c->options.counts->disk_bytes += size;
    if (number > 0) {
        item(c, number)->pending++;
        item(c, number)->bytes += size;
    }
    return w;
}

uint64_t tapping_copies_put(struct tapping_copies *c, const char hash[HASH_TEXT_SIZE], struct buf *bytes)
{
    if (c->end - c->first == c->capacity)
        grow(c);
    uint64_t number = c->end++;
    *item(c, number) = (struct kept){0};
    memcpy(item(c, number)->hash, hash, HASH_TEXT_SIZE);
    chain(c, number);
    c->options.counts->kept++;
    struct write *w = begin_write(c, number, bytes->size, true);
    char *path = mem_printf("%s/copies/%" PRIu64 ".pprof", c->directory, number);
    disk_put_quick(c->options.disk, path, bytes, on_written, w);
    free(path);
    return number;
}

void tapping_copies_describe(struct tapping_copies *c, uint64_t number, struct buf *text)
{
    if (!is_there(c, number) || item(c, number)->failed) {
        buf_fini(text);
        return;
    }
    struct write *w = begin_write(c, number, text->size, false);
    char *path = mem_printf("%s/copies/%" PRIu64 ".json", c->directory, number);
    disk_put_quick(c->options.disk, path, text, on_written, w);
    free(path);
}

static char *lines_path(const struct tapping_copies *c, uint64_t number)
{
    if (number == 1)
        return mem_printf("%s/exchanges.jsonl", c->directory);
    return mem_printf("%s/exchanges.%" PRIu64 ".jsonl", c->directory, number);
}

static void begin_lines(struct tapping_copies *c)
{
    if (c->lines_number > 1)
        remove_file(c, lines_path(c, c->lines_number - 1));
    c->options.counts->disk_bytes -= c->lines_before;
    c->lines_before = c->lines_bytes;
    c->lines_bytes = 0;
    c->lines_number++;
}

void tapping_copies_line(struct tapping_copies *c, const struct buf *line)
{
    uint64_t most = c->options.max_disk / LINES_SHARE;
    if (c->lines_pending + line->size > TAPPING_PENDING_MAX) {
        if (!c->lines_left_out)
            c->options.note("the disk is too slow: exchanges.jsonl lacks requests (TAPPING_PENDING_MAX)",
                            c->options.data);
        c->lines_left_out = true;
        return;
    }
    if (c->lines_bytes + line->size > (most > LINES_MIN ? most : LINES_MIN) / 2)
        begin_lines(c);
    c->lines_bytes += line->size;
    struct write *w = begin_write(c, 0, line->size, false);
    char *path = lines_path(c, c->lines_number);
    disk_append(c->options.disk, path, line->data, line->size, false, on_written, w);
    free(path);
}

size_t tapping_copies_pending(const struct tapping_copies *c)
{
    return c->pending;
}

const struct err *tapping_copies_error(const struct tapping_copies *c)
{
    return c->failed ? &c->error : NULL;
}
