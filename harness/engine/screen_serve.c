/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of the stage `ui`: chromedriver for all of it, two pprofs for each process. */
#include "engine/screen_internal.h"

#include "base/mem.h"
#include "engine/agents.h"
#include "engine/screen_page.h"

#include <stdlib.h>
#include <string.h>

/* The driver answers within 0.1 s, pprof within 0.5 s of its start for 10 MB; machines under load take longer. */
#define START_TIMEOUT_MS 30000
/* The driver ends its browser first. */
#define STOP_TIMEOUT_MS 5000
/* A browser takes 0.5 to 2 s to open, and longer on a machine that is busy. */
#define DRIVER_TIMEOUT_MS 30000
/* pprof's /ui/ leads on to the first page. A page itself takes seconds for 60,000 names, and only a browser has that
 * patience. */
#define READY_STATUS 301
/* Last words of a program that are told. */
#define LAST_WORDS_MAX 300

static const struct {
    const char *word, *option;
} page_kinds[PAGE_COUNT] = {{"flamegraph", "-tagroot=" SCREEN_LABEL_KEY}, {"top", "-tagleaf=" SCREEN_LABEL_KEY}};

struct arguments {
    char **items;
    size_t count, capacity;
};

static void add(struct arguments *list, char *text)
{
    list->items = mem_grow(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = text;
}

static void free_arguments(struct arguments *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

/* Nothing of the user's own: no proxy, no settings of pprof, no browser profile. */
static struct service *start(struct screen *s, const char *name, struct arguments *args, const char *health_url,
                             int health_status, service_fn fn, void *data)
{
    struct arguments env = {0};
    const char *path = getenv("PATH");
    add(&env, mem_printf("PATH=%s", path ? path : "/usr/local/bin:/usr/bin:/bin"));
    add(&env, mem_printf("HOME=%s", s->directory));
    add(&env, mem_strdup("LANG=C.UTF-8"));
    add(&env, mem_printf("TMPDIR=%s", s->temporary));
    add(&env, NULL);
    add(args, NULL);
    const struct service_options options = {.host = s->host,
                                            .name = name,
                                            .args = (const char *const *)args->items,
                                            .env = (const char *const *)env.items,
                                            .health_url = health_url,
                                            .health_status = health_status,
                                            .start_timeout_ms = START_TIMEOUT_MS,
                                            .stop_timeout_ms = STOP_TIMEOUT_MS};
    struct service *service = service_start(&options, fn, data);
    s->open++;
    free_arguments(args);
    free_arguments(&env);
    return service;
}

static void explain(const struct service_message *message, struct err *e)
{
    const char *output = message->output;
    size_t size = message->output_size;
    while (size > 0 && strchr(" \r\n", output[size - 1]))
        size--;
    size_t begin = size > LAST_WORDS_MAX ? size - LAST_WORDS_MAX : 0;
    while (begin > 0 && begin < size && output[begin - 1] != '\n')
        begin++;
    struct buf words = {0};
    for (size_t i = begin; i < size; i++)
        buf_add_char(&words, output[i] == '\n' || output[i] == '\r' ? ' ' : output[i]);
    if (words.size > 0)
        err_put(e, ERR_INTERNAL, "%s; it said: %s", message->text, words.data);
    else
        err_put(e, ERR_INTERNAL, "%s", message->text);
    buf_fini(&words);
}

/* --- the driver --- */

static void on_driver(struct service *service, const struct service_message *message, void *data)
{
    struct screen *s = data;
    struct err e;
    switch (message->event) {
    case SERVICE_READY:
        screen_on_driver_ready(s);
        break;
    case SERVICE_FAILED:
        explain(message, &e);
        screen_on_driver_failed(s, &e);
        break;
    case SERVICE_ENDED:
        service_free(service);
        s->driver_service = NULL;
        screen_on_driver_ended(s);
        screen_closed_one(s);
        break;
    }
}

int screen_start_driver(struct screen *s, struct err *e)
{
    struct arguments args = {0};
    int64_t timeout_ms = s->timeout_ms > DRIVER_TIMEOUT_MS ? s->timeout_ms : DRIVER_TIMEOUT_MS;
    unsigned port = agent_free_port(e);
    if (port == 0)
        return -1;
    if (screen_driver_init(&s->driver, s->host->loop, port, timeout_ms, e) < 0)
        return -1;
    s->open++;
    add(&args, mem_strdup(s->programs.driver));
    add(&args, mem_printf("--port=%u", port));
    add(&args, mem_strdup("--allowed-ips=127.0.0.1"));
    char *health = mem_printf("%s/status", s->driver.url);
    s->driver_service = start(s, "chromedriver", &args, health, 200, on_driver, s);
    free(health);
    return 0;
}

/* --- the pages --- */

bool screen_has_pages(const struct screen *s)
{
    return s->pages[PAGE_FLAMEGRAPH].service || s->pages[PAGE_TOP].service;
}

static void on_page(struct service *service, const struct service_message *message, void *data)
{
    struct screen_page *page = data;
    struct screen *s = page->screen;
    struct err e;
    switch (message->event) {
    case SERVICE_READY:
        page->ready = true;
        if (s->pages[PAGE_FLAMEGRAPH].ready && s->pages[PAGE_TOP].ready)
            screen_on_pages_ready(s);
        break;
    case SERVICE_FAILED:
        explain(message, &e);
        screen_on_page_failed(s, &e);
        break;
    case SERVICE_ENDED:
        service_free(service);
        page->service = NULL;
        page->ready = false;
        if (!screen_has_pages(s))
            screen_on_pages_ended(s);
        screen_closed_one(s);
        break;
    }
}

static void start_page(struct screen *s, size_t kind, unsigned port)
{
    struct screen_page *page = &s->pages[kind];
    struct arguments args = {0};
    add(&args, mem_strdup(s->programs.pprof));
    add(&args, mem_printf("-http=127.0.0.1:%u", port));
    add(&args, mem_strdup("-no_browser"));
    add(&args, mem_strdup("-symbolize=none"));
    add(&args, mem_strdup("-trim=false"));
    if (s->files.sample_index)
        add(&args, mem_printf("-sample_index=%s", s->files.sample_index));
    add(&args, mem_strdup(page_kinds[kind].option));
    for (size_t i = 0; i < s->files.count; i++)
        add(&args, mem_strdup(s->files.files[i]));
    char *health = mem_printf("http://127.0.0.1:%u/ui/", port);
    char *name = mem_printf("pprof-%s-%s", s->record.instance, page_kinds[kind].word);
    free(page->url);
    page->url = mem_printf("http://127.0.0.1:%u/ui/%s", port, page_kinds[kind].word);
    page->screen = s;
    page->ready = page->stopped = false;
    page->service = start(s, name, &args, health, READY_STATUS, on_page, page);
    free(name);
    free(health);
}

int screen_serve(struct screen *s, struct err *e)
{
    unsigned ports[PAGE_COUNT];
    for (size_t i = 0; i < PAGE_COUNT; i++)
        if ((ports[i] = agent_free_port(e)) == 0)
            return -1;
    if (ports[0] == ports[1]) /* nobody has it yet, so it may be given twice */
        ports[1] = agent_free_port(e);
    if (ports[1] == 0)
        return -1;
    for (size_t i = 0; i < PAGE_COUNT; i++)
        start_page(s, i, ports[i]);
    return 0;
}

/* A service that is told again is killed. */
static void stop(struct service *service, bool *stopped, bool now)
{
    if (!service)
        return;
    if (!*stopped)
        service_stop(service);
    *stopped = true;
    if (now)
        service_stop(service);
}

void screen_stop_pages(struct screen *s, bool now)
{
    for (size_t i = 0; i < PAGE_COUNT; i++)
        stop(s->pages[i].service, &s->pages[i].stopped, now);
}

void screen_stop_driver(struct screen *s, bool now)
{
    stop(s->driver_service, &s->driver_stopped, now);
}
