/* SPDX-License-Identifier: Apache-2.0 */
/* Following: reading back from the profiles API while a run goes on. A pass: the list of the whole run from the newest
 * on, page by page until one brings nothing new; then what is new, some downloads at once. Now and then all of the time
 * that is looked at is gone through, for uploads that come after younger ones.
 *
 * What goes wrong: a page, a download that can't be had now (the pass ends, what is not fetched is new in the next
 * one); more uploads in that time than are remembered (the older half of it is not looked at any more, which is told).
 */
#include "pipeline/readback_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/store_query.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Uploads on one page: some times what comes between two looks. More where so many began in one millisecond. */
#define PAGE_SIZE 200
#define PAGE_SIZE_MAX STORE_LIST_MAX
/* Every so many passes, and after one that failed, everything is looked at: 5 s where there are four in a second. */
#define WHOLE_EVERY 20
/* Uploads of one pass; the others are new in the next. */
#define NEW_MAX 5000
/* A list may place an upload so much earlier than we do. */
#define LATE_MIN_MS 10000
/* What came is remembered so much longer than it is looked for: the beginning may be moved down again. */
#define KEEP_MS 300000
/* Uploads that are remembered: as many as the store keeps at most. */
#define SEEN_MAX ((size_t)131072)
#define DOWNLOADS_AT_ONCE 8

/* Which uploads were handed over, in the time that is looked at. */
struct seen {
    struct table ids;
    int64_t *times; /* of each, by number */
    size_t capacity;
    int64_t forgotten_ms; /* what began before may have come */
};

/* A download that waits for its turn to be handed over. */
struct arrived {
    bool over, good;
    struct readback_upload upload;
};

struct follow {
    struct seen seen;
    int64_t late_ms;
    unsigned until_whole; /* passes, until one goes through everything */
    bool whole;           /* this one does */
    int64_t from_ms, to_ms;
    size_t page_size;
    struct table listed; /* event ids of this pass */
    struct readback_item *news;
    size_t new_count, new_capacity;
    size_t next, handed;
    struct arrived arrived[DOWNLOADS_AT_ONCE]; /* those between, by index modulo */
    char *what;
    struct buf body;
    bool failed, final, halted;
    struct err error;
    int64_t wait_ms;
};

struct download {
    struct readback *readback;
    size_t index; /* of news */
    char *what;
};

/* --- what was handed over --- */

static bool was_seen(const struct seen *s, const char *id)
{
    return table_find(&s->ids, id, strlen(id)) != TABLE_NONE;
}

static void see(struct seen *s, const char *id, int64_t time_ms)
{
    size_t number = table_put_text(&s->ids, id);
    if (number + 1 == s->ids.count) {
        s->times = mem_grow(s->times, number, &s->capacity, sizeof *s->times);
        s->times[number] = time_ms;
    }
}

static void seen_fini(struct seen *s)
{
    table_fini(&s->ids);
    free(s->times);
    *s = (struct seen){0};
}

/* Forgets what can't be listed any more, once it is the most of it. */
static void forget_before(struct seen *s, int64_t from_ms)
{
    size_t old = 0;
    for (size_t i = 0; i < s->ids.count; i++) {
        old += s->times[i] < from_ms;
    }
    if (old == 0 || old < s->ids.count / 4) {
        return;
    }
    struct seen kept = {.forgotten_ms = from_ms};
    for (size_t i = 0; i < s->ids.count; i++) {
        if (s->times[i] >= from_ms) {
            see(&kept, s->ids.keys[i].bytes, s->times[i]);
        }
    }
    seen_fini(s);
    *s = kept;
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Nobody has moved the beginning up for too long. */
static void cut_window(struct readback *r, struct seen *s)
{
    int64_t *sorted = mem_calloc(s->ids.count, sizeof *sorted);
    memcpy(sorted, s->times, s->ids.count * sizeof *sorted);
    qsort(sorted, s->ids.count, sizeof *sorted, compare_times);
    int64_t middle_ms = sorted[s->ids.count / 2] + 1;
    free(sorted);
    forget_before(s, middle_ms);
    char *text = mem_printf(
        "more than %zu uploads are in the time that is looked at; its older half is left out from now on", SEEN_MAX);
    readback_tell(r, text);
    free(text);
}

/* --- a pass --- */

static void continue_downloads(struct readback *r);

static void forget_list(struct follow *f)
{
    struct readback_items all = {.items = f->news, .count = f->new_count};
    for (size_t i = 0; i < DOWNLOADS_AT_ONCE; i++) {
        readback_upload_fini(&f->arrived[i].upload);
        f->arrived[i] = (struct arrived){0};
    }
    readback_items_fini(&all);
    table_fini(&f->listed);
    f->listed = (struct table){0};
    f->news = NULL;
    f->new_count = f->new_capacity = f->next = f->handed = 0;
    free(f->what);
    f->what = NULL;
}

/* Keeps the first error, and the last word of one that will not pass. */
static void fail(struct follow *f, enum readback_verdict verdict, const struct err *e)
{
    bool final = verdict == READBACK_FINAL;
    if (!f->failed || (final && !f->final)) {
        f->error = *e;
    }
    f->failed = true;
    f->final = f->final || final;
    f->halted = f->halted || verdict != READBACK_ABSENT;
    /* What was not fetched may lie below what was. */
    f->until_whole = 0;
}

static void end_pass(struct readback *r)
{
    struct follow *f = r->state;
    struct err e = f->error;
    forget_list(f);
    if (f->seen.ids.count >= SEEN_MAX) {
        cut_window(r, &f->seen);
    }
    readback_passed(r,
                    &(struct readback_pass){.error = f->failed ? &e : NULL, .final = f->final, .wait_ms = f->wait_ms});
}

/* --- lists --- */

static void on_list(const struct http_result *result, void *data);

static void send_list(struct readback *r)
{
    struct follow *f = r->state;
    const struct readback_page page = {.from_ms = f->from_ms, .to_ms = f->to_ms, .size = f->page_size};
    free(f->what);
    f->what = readback_send_list(r, &page, &f->body, on_list, r);
}

/* What a page has brought. */
struct page {
    size_t count, fresh, news; /* on it; not on this pass's pages before; never handed over */
    bool has_time;             /* all have one */
    int64_t oldest_ms;
};

static struct page take_page(struct follow *f, struct readback_items *items)
{
    struct page page = {.count = items->count, .has_time = true, .oldest_ms = INT64_MAX};
    for (size_t i = 0; i < items->count; i++) {
        struct readback_item *item = &items->items[i];
        size_t before = f->listed.count;
        table_put_text(&f->listed, item->event_id);
        bool fresh = f->listed.count > before;
        page.fresh += fresh;
        page.has_time = page.has_time && item->has_time;
        page.oldest_ms = item->time_ms < page.oldest_ms ? item->time_ms : page.oldest_ms;
        if (fresh && !was_seen(&f->seen, item->event_id)) {
            page.news++;
            f->news = mem_grow(f->news, f->new_count, &f->new_capacity, sizeof *f->news);
            f->news[f->new_count++] = *item;
            *item = (struct readback_item){0};
        }
    }
    return page;
}

/* 1 where a further page was asked for, 0 where there is no need, -1 where it can't be. A site may give fewer than were
 * asked for: a page on which all is new may not have been the last either. */
static int ask_further(struct readback *r, const struct page *page, struct err *e)
{
    struct follow *f = r->state;
    bool full = page->count >= f->page_size;
    bool one_moment = full && page->oldest_ms + 1 >= f->to_ms;
    bool wanted = one_moment || (f->whole ? page->fresh > 0 : page->news > 0 && (full || page->news == page->count));
    if (!page->has_time) {
        return err_set(e, ERR_INPUT, "%s: expected attributes.timestamp of each profile, and there is one without it",
                       f->what);
    }
    if (f->new_count >= NEW_MAX) {
        f->until_whole = 0;
        return 0;
    }
    if (!wanted || page->count == 0 || page->oldest_ms < f->from_ms) {
        return 0;
    }
    /* The end is moved to just above the oldest, which has fractions of a millisecond. */
    if (page->oldest_ms + 1 < f->to_ms) {
        f->to_ms = page->oldest_ms + 1;
    } else if (!full) {
        return 0;
    } else if (f->page_size < PAGE_SIZE_MAX) {
        f->page_size = f->page_size * 2 < PAGE_SIZE_MAX ? f->page_size * 2 : PAGE_SIZE_MAX;
    } else {
        return err_set(e, ERR_INPUT, "%s: %d profiles have the same timestamp, there may be more", f->what,
                       PAGE_SIZE_MAX);
    }
    send_list(r);
    return 1;
}

/* The newest came first. */
static void turn_round(struct follow *f)
{
    for (size_t i = 0; i < f->new_count / 2; i++) {
        struct readback_item swapped = f->news[i];
        f->news[i] = f->news[f->new_count - 1 - i];
        f->news[f->new_count - 1 - i] = swapped;
    }
}

static void on_list(const struct http_result *result, void *data)
{
    struct readback *r = data;
    struct follow *f = r->state;
    struct readback_items items;
    struct err e;
    int further = 0;
    if (readback_ended(r)) {
        return;
    }
    enum readback_verdict verdict = readback_judge(r, f->what, result, &f->wait_ms, &e);
    if (verdict == READBACK_GOOD) {
        further = readback_take_list(r, f->what, result->body, &items, &e);
        if (further == 0) {
            struct page page = take_page(f, &items);
            readback_items_fini(&items);
            further = ask_further(r, &page, &e);
        }
        verdict = further < 0 ? READBACK_FINAL : READBACK_GOOD;
    }
    if (further > 0) {
        return;
    }
    if (verdict != READBACK_GOOD) {
        /* Of a list 404 says that the address is wrong. */
        fail(f, verdict == READBACK_ABSENT ? READBACK_FINAL : verdict, &e);
    }
    turn_round(f);
    continue_downloads(r);
}

/* --- downloads --- */

/* Those whose tag does not say whose they are, are nobody's. */
static void hand_over(struct readback *r)
{
    struct follow *f = r->state;
    while (f->handed < f->next && f->arrived[f->handed % DOWNLOADS_AT_ONCE].over && !readback_ended(r)) {
        struct arrived *arrived = &f->arrived[f->handed % DOWNLOADS_AT_ONCE];
        const struct readback_item *item = &f->news[f->handed];
        struct arrived taken = *arrived;
        *arrived = (struct arrived){0};
        f->handed++;
        if (taken.good) {
            see(&f->seen, item->event_id, item->time_ms);
            if (taken.upload.worker[0] != '\0') {
                readback_hand_over(r, taken.upload.worker, item->event_id, &taken.upload);
            }
            readback_upload_fini(&taken.upload);
        }
    }
}

static void on_download(const struct http_result *result, void *data)
{
    struct download *d = data;
    struct readback *r = d->readback;
    struct follow *f = r->state;
    struct err e;
    int64_t wait_ms = 0;
    if (!readback_ended(r)) {
        struct arrived *arrived = &f->arrived[d->index % DOWNLOADS_AT_ONCE];
        enum readback_verdict verdict = readback_judge(r, d->what, result, &wait_ms, &e);
        f->wait_ms = wait_ms > f->wait_ms ? wait_ms : f->wait_ms;
        if (verdict == READBACK_GOOD) {
            arrived->good =
                readback_take_download(r, d->what, &f->news[d->index], result->body, &arrived->upload, &e) == 0;
            verdict = arrived->good ? READBACK_GOOD : READBACK_FINAL;
        }
        if (verdict != READBACK_GOOD) {
            fail(f, verdict, &e);
        }
        arrived->over = true;
        hand_over(r);
        continue_downloads(r);
    }
    free(d->what);
    free(d);
}

static void continue_downloads(struct readback *r)
{
    struct follow *f = r->state;
    if (readback_ended(r)) {
        return;
    }
    while (!f->halted && f->next - f->handed < DOWNLOADS_AT_ONCE && f->next < f->new_count) {
        struct download *d = mem_calloc(1, sizeof *d);
        *d = (struct download){.readback = r, .index = f->next++};
        d->what = readback_send_download(r, &f->news[d->index], on_download, d);
    }
    if (f->handed == f->next) {
        end_pass(r);
    }
}

/* --- the source --- */

static void follow_pass(struct readback *r)
{
    struct follow *f = r->state;
    f->failed = f->final = f->halted = false;
    f->wait_ms = 0;
    f->whole = f->until_whole == 0;
    f->until_whole = f->whole ? WHOLE_EVERY : f->until_whole - 1;
    f->from_ms = r->since_ms - f->late_ms;
    f->to_ms = clock_wall_ms() + READBACK_CLOCK_MS;
    f->page_size = PAGE_SIZE;
    if (f->whole) {
        forget_before(&f->seen, f->from_ms - KEEP_MS);
    }
    f->from_ms = f->from_ms > f->seen.forgotten_ms ? f->from_ms : f->seen.forgotten_ms;
    send_list(r);
}

static void follow_open(struct readback *r, const struct readback_options *options)
{
    struct follow *f = mem_calloc(1, sizeof *f);
    f->late_ms = options->late_ms > LATE_MIN_MS ? options->late_ms : LATE_MIN_MS;
    f->seen.forgotten_ms = INT64_MIN;
    r->state = f;
}

static void follow_free(struct readback *r)
{
    struct follow *f = r->state;
    forget_list(f);
    seen_fini(&f->seen);
    buf_fini(&f->body);
    free(f);
}

const struct readback_source readback_following = {.open = follow_open, .pass = follow_pass, .free = follow_free};
