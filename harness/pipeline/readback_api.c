/* SPDX-License-Identifier: Apache-2.0 */
/* Reading back from Datadog's list and download API. A pass: for one instance after the other its list, page by page,
 * and then what is new, a few downloads at once.
 *
 * Lists are sorted by timestamp, newest first; the next page ends where the last one began, and what lies on both
 * counts once. A site may give fewer than were asked for: while some are missing, the next page is looked at all the
 * same, until one brings nothing new. */
#include "pipeline/readback_internal.h"

#include "base/mem.h"
#include "pipeline/store_query.h"

#include <stdlib.h>
#include <string.h>

/* Uploads on one page. More are asked for only where so many began in one millisecond. */
#define PAGE_SIZE 500
#define PAGE_SIZE_MAX STORE_LIST_MAX
/* Pages of one list: READBACK_UPLOADS_MAX of them fit on fewer. */
#define PAGES_MAX 10000
#define DOWNLOADS_AT_ONCE 4

/* A download that waits for its turn to be handed over. */
struct arrived {
    bool over; /* however it went */
    bool good; /* `upload` is there */
    struct readback_upload upload;
};

struct api {
    size_t at; /* instance */
    int64_t to_ms;
    size_t page_size, pages;
    struct table listed; /* event ids of this list */
    struct readback_item *news;
    size_t new_count, new_capacity;
    size_t next, handed;                       /* of `news`: to be asked for, to be handed over */
    struct arrived arrived[DOWNLOADS_AT_ONCE]; /* those between, by index modulo */
    char *what;                                /* the list's request */
    struct buf body;                           /* of the list's request */
    bool failed, final;                        /* the pass */
    bool halted;                               /* no more is asked in this pass */
    struct err error;                          /* its first */
    int64_t wait_ms;
};

struct download {
    struct readback *readback;
    size_t index; /* of api.news */
    char *what;
};

static void free_items(struct readback_item *items, size_t count)
{
    struct readback_items all = {.items = items, .count = count};
    readback_items_fini(&all);
}

static void forget_list(struct api *api)
{
    for (size_t i = 0; i < DOWNLOADS_AT_ONCE; i++) {
        readback_upload_fini(&api->arrived[i].upload);
        api->arrived[i] = (struct arrived){0};
    }
    free_items(api->news, api->new_count);
    table_fini(&api->listed);
    api->news = NULL;
    api->new_count = api->new_capacity = api->next = api->handed = 0;
    free(api->what);
    api->what = NULL;
    buf_fini(&api->body);
}

/* Keeps the first error, and the last word of one that will not pass. */
static void fail(struct api *api, enum readback_verdict verdict, const struct err *e)
{
    bool final = verdict == READBACK_FINAL;
    if (!api->failed || (final && !api->final)) {
        api->error = *e;
    }
    api->failed = true;
    api->final = api->final || final;
    /* What one download says of itself is nothing to the others. */
    api->halted = api->halted || verdict != READBACK_ABSENT;
}

static void next_instance(struct readback *r);
static void continue_downloads(struct readback *r);

/* --- lists --- */

static void on_list(const struct http_result *result, void *data);

static void send_list(struct readback *r)
{
    struct api *api = r->state;
    const struct readback_page page = {.worker = r->instances[api->at].worker,
                                       .from_ms = r->from_ms - READBACK_CLOCK_MS,
                                       .to_ms = api->to_ms,
                                       .size = api->page_size};
    free(api->what);
    api->pages++;
    api->what = readback_send_list(r, &page, &api->body, on_list, r);
}

/* What a page has brought. */
struct page {
    size_t count, fresh; /* on it; not on the pages before */
    bool has_time;       /* all have one */
    int64_t oldest_ms;
};

/* Takes the items that are new out of the page. */
static struct page take_page(struct readback *r, struct readback_items *items)
{
    struct api *api = r->state;
    struct page page = {.count = items->count, .has_time = true, .oldest_ms = INT64_MAX};
    for (size_t i = 0; i < items->count; i++) {
        struct readback_item *item = &items->items[i];
        size_t before = api->listed.count;
        table_put_text(&api->listed, item->event_id);
        bool fresh = api->listed.count > before;
        page.fresh += fresh;
        page.has_time = page.has_time && item->has_time;
        page.oldest_ms = item->has_time && item->time_ms < page.oldest_ms ? item->time_ms : page.oldest_ms;
        if (fresh && !readback_has(r, api->at, item->event_id)) {
            api->news = mem_grow(api->news, api->new_count, &api->new_capacity, sizeof *api->news);
            api->news[api->new_count++] = *item;
            *item = (struct readback_item){0};
        }
    }
    return page;
}

/* 1 where a further page was asked for, 0 where the list is complete, -1 where it can't be completed. */
static int ask_further(struct readback *r, const struct page *page, struct err *e)
{
    struct api *api = r->state;
    const struct readback_instance *instance = &r->instances[api->at];
    bool full = page->count >= api->page_size;
    bool wanting = page->fresh > 0 && api->new_count + instance->delivered < instance->expected;
    if (!full && !wanting) {
        return 0;
    }
    if (!page->has_time) {
        return full ? err_set(e, ERR_INPUT,
                              "%s: expected attributes.timestamp of each profile, by which longer lists are read, and "
                              "there is one without it",
                              api->what)
                    : 0;
    }
    /* The end is moved to just above the oldest, which has fractions of a millisecond. */
    if (page->oldest_ms + 1 < api->to_ms) {
        api->to_ms = page->oldest_ms + 1;
    } else if (!full) {
        return 0;
    } else if (api->page_size < PAGE_SIZE_MAX) {
        api->page_size = api->page_size * 2 < PAGE_SIZE_MAX ? api->page_size * 2 : PAGE_SIZE_MAX;
    } else {
        return err_set(e, ERR_INPUT, "%s: %d profiles of one instance have the same timestamp, there may be more",
                       api->what, PAGE_SIZE_MAX);
    }
    if (api->pages == PAGES_MAX) {
        return err_set(e, ERR_INPUT, "%s: the list has more than the %d pages allowed", api->what, PAGES_MAX);
    }
    send_list(r);
    return 1;
}

/* As ask_further. */
static int take_list(struct readback *r, const struct buf *body, struct err *e)
{
    struct api *api = r->state;
    struct readback_items items;
    if (readback_take_list(r, api->what, body, &items, e) != 0) {
        return -1;
    }
    struct page page = take_page(r, &items);
    readback_items_fini(&items);
    return ask_further(r, &page, e);
}

/* The newest came first. */
static void turn_round(struct api *api)
{
    for (size_t i = 0; i < api->new_count / 2; i++) {
        struct readback_item swapped = api->news[i];
        api->news[i] = api->news[api->new_count - 1 - i];
        api->news[api->new_count - 1 - i] = swapped;
    }
}

static void on_list(const struct http_result *result, void *data)
{
    struct readback *r = data;
    struct api *api = r->state;
    struct err e;
    if (readback_ended(r)) {
        return;
    }
    enum readback_verdict verdict = readback_judge(r, api->what, result, &api->wait_ms, &e);
    if (verdict == READBACK_GOOD) {
        int further = take_list(r, result->body, &e);
        if (further > 0) {
            return;
        }
        verdict = further < 0 ? READBACK_FINAL : READBACK_GOOD;
    }
    if (verdict == READBACK_GOOD) {
        r->instances[api->at].asked = true;
    } else {
        /* Of a list 404 says that the address is wrong. */
        fail(api, verdict == READBACK_ABSENT ? READBACK_FINAL : verdict, &e);
    }
    turn_round(api);
    continue_downloads(r);
}

/* --- downloads --- */

static void take_download(struct readback *r, struct download *d, const struct buf *body)
{
    struct api *api = r->state;
    struct readback_item *item = &api->news[d->index];
    struct arrived *arrived = &api->arrived[d->index % DOWNLOADS_AT_ONCE];
    struct err e;
    if (readback_take_download(r, d->what, item, body, &arrived->upload, &e) != 0) {
        fail(api, READBACK_FINAL, &e);
        return;
    }
    arrived->good = true;
}

static void hand_over(struct readback *r)
{
    struct api *api = r->state;
    struct err e;
    while (api->handed < api->next && api->arrived[api->handed % DOWNLOADS_AT_ONCE].over && !readback_ended(r)) {
        struct arrived *arrived = &api->arrived[api->handed % DOWNLOADS_AT_ONCE];
        const char *id = api->news[api->handed].event_id;
        if (arrived->good && readback_deliver(r, api->at, id, &arrived->upload, &e) != 0) {
            fail(api, READBACK_FINAL, &e);
        }
        readback_upload_fini(&arrived->upload);
        *arrived = (struct arrived){0};
        api->handed++;
    }
}

static void on_download(const struct http_result *result, void *data)
{
    struct download *d = data;
    struct readback *r = d->readback;
    struct api *api = r->state;
    struct err e;
    int64_t wait_ms = 0;
    if (!readback_ended(r)) {
        enum readback_verdict verdict = readback_judge(r, d->what, result, &wait_ms, &e);
        api->wait_ms = wait_ms > api->wait_ms ? wait_ms : api->wait_ms;
        if (verdict == READBACK_GOOD) {
            take_download(r, d, result->body);
        } else {
            fail(api, verdict, &e);
        }
        api->arrived[d->index % DOWNLOADS_AT_ONCE].over = true;
        hand_over(r);
        continue_downloads(r);
    }
    free(d->what);
    free(d);
}

static void send_download(struct readback *r, size_t index)
{
    struct api *api = r->state;
    struct download *d = mem_calloc(1, sizeof *d);
    *d = (struct download){.readback = r, .index = index};
    d->what = readback_send_download(r, &api->news[index], on_download, d);
}

static void continue_downloads(struct readback *r)
{
    struct api *api = r->state;
    if (readback_ended(r)) {
        return;
    }
    while (!api->halted && api->next - api->handed < DOWNLOADS_AT_ONCE && api->next < api->new_count) {
        send_download(r, api->next++);
    }
    if (api->handed == api->next) {
        forget_list(api);
        api->at++;
        next_instance(r);
    }
}

/* --- passes --- */

static void end_pass(struct readback *r)
{
    struct api *api = r->state;
    struct err e = api->error;
    readback_passed(
        r, &(struct readback_pass){.error = api->failed ? &e : NULL, .final = api->final, .wait_ms = api->wait_ms});
}

static void next_instance(struct readback *r)
{
    struct api *api = r->state;
    while (api->at < r->instance_count && !readback_looks_at(r, api->at)) {
        api->at++;
    }
    if (api->halted || api->at == r->instance_count) {
        end_pass(r);
        return;
    }
    api->to_ms = r->to_ms + READBACK_CLOCK_MS;
    api->page_size = PAGE_SIZE;
    api->pages = 0;
    send_list(r);
}

static void api_pass(struct readback *r)
{
    struct api *api = r->state;
    api->at = 0;
    api->failed = api->final = api->halted = false;
    api->wait_ms = 0;
    next_instance(r);
}

static void api_open(struct readback *r, const struct readback_options *options)
{
    (void)options;
    r->state = mem_calloc(1, sizeof(struct api));
}

static void api_free(struct readback *r)
{
    forget_list(r->state);
    free(r->state);
}

const struct readback_source readback_profiles_api = {.open = api_open, .pass = api_pass, .free = api_free};
