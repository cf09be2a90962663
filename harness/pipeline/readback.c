/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a read-back: passes over its source, with growing waits between them, until all is there and one pass
 * more, or the deadline. */
#include "pipeline/readback_internal.h"

#include "base/mem.h"
#include "io/hash.h"
#include "pipeline/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of one that follows, after what passes: a backend that is back has uploads that wait for us. */
#define FOLLOW_WAIT_MAX_MS 5000

static void emit(struct readback *r, const struct readback_event *event)
{
    r->fn(r, event, r->data);
}

bool readback_ended(const struct readback *r)
{
    return r->over || r->interrupted;
}

/* A doubled upload is none of those that are missing. */
static unsigned missing_of(const struct readback_instance *i)
{
    unsigned all = i->delivered < i->expected ? i->expected - i->delivered : 0;
    unsigned different = i->distinct < i->different ? i->different - i->distinct : 0;
    return all > different ? all : different;
}

static bool is_there(const struct readback_instance *i)
{
    return i->expected > 0 ? missing_of(i) == 0 : i->asked;
}

bool readback_looks_at(const struct readback *r, size_t instance)
{
    return r->last || !is_there(&r->instances[instance]);
}

static unsigned count_missing(const struct readback *r)
{
    unsigned missing = 0;
    for (size_t i = 0; i < r->instance_count; i++) {
        missing += missing_of(&r->instances[i]);
    }
    return missing;
}

static unsigned count_expected(const struct readback *r)
{
    unsigned expected = 0;
    for (size_t i = 0; i < r->instance_count; i++) {
        expected += r->instances[i].expected;
    }
    return expected;
}

/* --- delivering --- */

static char *delivery_key(size_t instance, const char *id)
{
    return mem_printf("%zu:%s", instance, id);
}

bool readback_has(const struct readback *r, size_t instance, const char *id)
{
    char *key = delivery_key(instance, id);
    bool has = table_find(&r->delivered, key, strlen(key)) != TABLE_NONE;
    free(key);
    return has;
}

/* Two uploads of one start with the same bytes are one that came twice. */
static bool is_distinct(struct readback *r, size_t instance, const struct readback_upload *u)
{
    struct buf key = {0};
    buf_printf(&key, "%zu:%s", instance, u->start);
    for (size_t i = 0; i < u->profile_count; i++) {
        char hash[HASH_TEXT_SIZE];
        hash_text(u->profiles[i].bytes, u->profiles[i].size, hash);
        buf_printf(&key, ":%s", hash);
    }
    size_t before = r->distinct.count;
    table_put(&r->distinct, key.data, key.size);
    buf_fini(&key);
    return r->distinct.count > before;
}

void readback_hand_over(struct readback *r, const char *instance, const char *id, const struct readback_upload *u)
{
    emit(r, &(struct readback_event){.kind = READBACK_UPLOAD,
                                     .instance = instance,
                                     .id = id,
                                     .runtime_id = u->runtime_id,
                                     .start = u->start,
                                     .end = u->end,
                                     .profiles = u->profiles,
                                     .profile_count = u->profile_count});
}

void readback_tell(struct readback *r, const char *text)
{
    emit(r, &(struct readback_event){.kind = READBACK_PROGRESS, .text = text});
}

struct upload_profile *readback_as_upload(const struct readback_event *event, struct upload *out)
{
    struct upload_profile *profiles = mem_calloc(event->profile_count, sizeof *profiles);
    for (size_t i = 0; i < event->profile_count; i++) {
        const struct readback_profile *p = &event->profiles[i];
        profiles[i] = (struct upload_profile){.name = p->name, .bytes = p->bytes, .size = p->size};
    }
    *out = (struct upload){.path = event->id,
                           .start = event->start,
                           .end = event->end,
                           .runtime_id = event->runtime_id,
                           .profiles = profiles,
                           .profile_count = event->profile_count};
    return profiles;
}

int readback_deliver(struct readback *r, size_t instance, const char *id, const struct readback_upload *u,
                     struct err *e)
{
    struct readback_instance *i = &r->instances[instance];
    if (readback_has(r, instance, id)) {
        return 0;
    }
    if (r->delivered.count == READBACK_UPLOADS_MAX) {
        return err_set(e, ERR_INPUT, "more than the %zu uploads allowed were read back", READBACK_UPLOADS_MAX);
    }
    char *key = delivery_key(instance, id);
    table_put_text(&r->delivered, key);
    free(key);
    i->delivered++;
    i->distinct += is_distinct(r, instance, u);
    readback_hand_over(r, i->name, id, u);
    return 0;
}

/* --- passes --- */

static void end(struct readback *r, const struct err *error)
{
    r->over = true;
    uv_timer_stop(&r->timer);
    emit(r, &(struct readback_event){.kind = READBACK_OVER, .error = error, .missing = count_missing(r)});
}

static void on_timer(uv_timer_t *timer)
{
    struct readback *r = timer->data;
    if (r->interrupted) {
        struct err e;
        err_set(&e, ERR_INTERRUPTED, "reading back was given up: it was interrupted");
        end(r, r->follow ? NULL : &e);
        return;
    }
    r->delivered_before = r->delivered.count;
    r->source->pass(r);
}

static void describe_wait(struct buf *out, int64_t ms)
{
    if (ms < 1000) {
        buf_printf(out, "asking again in %lld ms", (long long)ms);
    } else {
        buf_printf(out, "asking again in %lld s", (long long)(ms + 500) / 1000);
    }
}

/* A wait that grows where nothing comes and nobody asks for another; cut at the deadline, so that the last pass is made
 * then. */
static void wait_for_next(struct readback *r, const struct readback_pass *pass, int64_t left_ms)
{
    struct buf text = {0};
    r->wait_ms = r->delivered.count > r->delivered_before ? r->first_wait_ms : r->wait_ms;
    int64_t wait_ms = pass->wait_ms > 0 ? pass->wait_ms : r->wait_ms;
    unsigned missing = count_missing(r), expected = count_expected(r);
    r->wait_ms = r->wait_ms * 2 < READBACK_WAIT_MAX_MS ? r->wait_ms * 2 : READBACK_WAIT_MAX_MS;
    wait_ms = wait_ms < left_ms ? wait_ms : left_ms;
    if (pass->error != NULL) {
        buf_printf(&text, "%s; ", pass->error->text);
    } else if (missing > 0) {
        buf_printf(&text, "%u of %u uploads are there, ", expected - missing, expected);
    } else {
        buf_printf(&text, "files are still being written, ");
    }
    describe_wait(&text, wait_ms);
    uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
    emit(r, &(struct readback_event){.kind = READBACK_PROGRESS, .text = text.data, .missing = missing});
    buf_fini(&text);
}

/* What passes is told once, for as long as it says the same. */
static void follow_on(struct readback *r, const struct readback_pass *pass)
{
    int64_t wait_ms = pass->wait_ms > 0 ? pass->wait_ms : r->wait_ms;
    if (pass->error == NULL) {
        r->wait_ms = r->first_wait_ms;
        wait_ms = r->first_wait_ms;
    } else {
        r->wait_ms = r->wait_ms * 2 < FOLLOW_WAIT_MAX_MS ? r->wait_ms * 2 : FOLLOW_WAIT_MAX_MS;
    }
    uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
    const char *text = pass->error != NULL ? pass->error->text : NULL;
    if (text != NULL && (r->trouble == NULL || strcmp(text, r->trouble) != 0)) {
        free(r->trouble);
        r->trouble = mem_strdup(text);
        char *told = mem_printf("%s; it is tried again", text);
        readback_tell(r, told);
        free(told);
    } else if (text == NULL && r->trouble != NULL) {
        free(r->trouble);
        r->trouble = NULL;
        readback_tell(r, "reading back goes on");
    }
}

void readback_passed(struct readback *r, const struct readback_pass *pass)
{
    if (readback_ended(r)) {
        return;
    }
    if (r->follow) {
        if (pass->error != NULL && pass->final) {
            end(r, pass->error);
        } else {
            follow_on(r, pass);
        }
        return;
    }
    uint64_t now = uv_now(r->loop);
    int64_t left_ms = now < r->deadline_ms ? (int64_t)(r->deadline_ms - now) : 0;
    bool again = pass->error != NULL || pass->unsettled || count_missing(r) > 0;
    if ((pass->error != NULL && pass->final) || (again && left_ms == 0)) {
        end(r, pass->error);
    } else if (again) {
        wait_for_next(r, pass, left_ms);
    } else if (r->last || count_expected(r) == 0 || left_ms == 0) {
        end(r, NULL);
    } else {
        int64_t wait_ms = r->first_wait_ms < left_ms ? r->first_wait_ms : left_ms;
        r->last = true;
        uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
    }
}

/* --- its life --- */

static void free_all(struct readback *r)
{
    for (size_t i = 0; i < r->instance_count; i++) {
        free(r->instances[i].name);
        free(r->instances[i].worker);
    }
    free(r->instances);
    table_fini(&r->delivered);
    table_fini(&r->distinct);
    mem_free_secret(r->api_key);
    mem_free_secret(r->application_key);
    free(r->url);
    free(r->unix_socket);
    free(r->directory);
    free(r->service);
    free(r->env);
    free(r->run_id);
    free(r->trouble);
    free(r);
}

/* "http://127.0.0.1:1/" and "http://127.0.0.1:1" are the same place. */
static char *copy_url(const char *url)
{
    size_t size = strlen(url);
    while (size > 0 && url[size - 1] == '/') {
        size--;
    }
    return mem_strndup(url, size);
}

static bool is_local(const struct readback_options *options)
{
    static const char *const hosts[] = {"http://127.", "http://localhost:", "http://[::1]"};
    for (size_t i = 0; options->url != NULL && i < sizeof hosts / sizeof *hosts; i++) {
        if (strncasecmp(options->url, hosts[i], strlen(hosts[i])) == 0) {
            return true;
        }
    }
    return options->unix_socket != NULL || options->directory != NULL;
}

/* How many different uploads are to come. Where the profiles that passed the last hop are known, those that passed it
 * twice are one. */
static unsigned count_different(const struct readback_wanted *w)
{
    struct table hashes = {0};
    for (size_t i = 0; i < w->hash_count; i++) {
        table_put_text(&hashes, w->hashes[i]);
    }
    size_t different = hashes.count;
    table_fini(&hashes);
    return different > 0 && different < w->expected ? (unsigned)different : w->expected;
}

static void copy_instances(struct readback *r, const struct readback_options *options)
{
    r->instances = mem_calloc(options->wanted_count + 1, sizeof *r->instances);
    r->instance_count = options->wanted_count;
    for (size_t i = 0; i < options->wanted_count; i++) {
        const char *name = options->wanted[i].instance;
        r->instances[i] = (struct readback_instance){.name = mem_strdup(name),
                                                     .worker = mem_strndup(name, strcspn(name, "+")),
                                                     .expected = options->wanted[i].expected,
                                                     .different = count_different(&options->wanted[i])};
    }
}

static int check_options(const struct readback_options *options, struct err *e)
{
    if (options->follow && options->kind != READBACK_PROFILES_API) {
        return err_set(e, ERR_USAGE, "only the profiles of an API can be read back while a run goes on");
    }
    if (options->kind == READBACK_DIRECTORY) {
        return options->directory != NULL && options->directory[0] != '\0'
                   ? 0
                   : err_set(e, ERR_USAGE, "reading back needs the directory in which the uploads come");
    }
    if (options->url == NULL ||
        (strncasecmp(options->url, "http://", 7) != 0 && strncasecmp(options->url, "https://", 8) != 0)) {
        return err_set(e, ERR_USAGE, "reading back needs the backend's address, expected http://HOST or https://HOST");
    }
    /* It stands in errors, and in front of paths. */
    if (strpbrk(options->url, "@?#") != NULL) {
        return err_set(e, ERR_USAGE, "the backend's address must not have a user, a password or a query");
    }
    return 0;
}

static const struct readback_source *source_of(const struct readback_options *options)
{
    static const struct readback_source *const sources[] = {[READBACK_PROFILES_API] = &readback_profiles_api,
                                                            [READBACK_DIRECTORY] = &readback_directory,
                                                            [READBACK_TEST_AGENT] = &readback_test_agent};
    return options->follow ? &readback_following : sources[options->kind];
}

struct readback *readback_start(uv_loop_t *loop, const struct readback_options *options, readback_fn fn, void *data,
                                struct err *e)
{
    if (check_options(options, e) != 0) {
        return NULL;
    }
    struct readback *r = mem_calloc(1, sizeof *r);
    *r = (struct readback){.loop = loop,
                           .source = source_of(options),
                           .url = options->url != NULL ? copy_url(options->url) : NULL,
                           .unix_socket = mem_strdup_null(options->unix_socket),
                           .api_key = mem_strdup_null(options->api_key),
                           .application_key = mem_strdup_null(options->application_key),
                           .directory = mem_strdup_null(options->directory),
                           .service = mem_strdup_null(options->service),
                           .env = mem_strdup_null(options->env),
                           .run_id = mem_strdup_null(options->run_id),
                           .from_ms = options->from_ms,
                           .to_ms = options->to_ms,
                           .follow = options->follow,
                           .since_ms = options->from_ms,
                           .timeout_ms = options->timeout_ms,
                           .first_wait_ms = is_local(options) ? READBACK_WAIT_LOCAL_MS : READBACK_WAIT_SITE_MS,
                           .fn = fn,
                           .data = data};
    if (options->follow && options->poll_ms > 0) {
        r->first_wait_ms = options->poll_ms;
    }
    r->wait_ms = r->first_wait_ms;
    if (!options->follow) {
        copy_instances(r, options);
    }
    if (options->kind != READBACK_DIRECTORY) {
        r->client = http_client_new(loop, e);
    }
    if (options->kind != READBACK_DIRECTORY && r->client == NULL) {
        free_all(r);
        return NULL;
    }
    r->source->open(r, options);
    r->open = 1 + (r->client != NULL);
    uv_update_time(loop);
    r->deadline_ms = uv_now(loop) + (uint64_t)options->deadline_ms;
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    uv_timer_start(&r->timer, on_timer, 0, 0);
    return r;
}

void readback_since(struct readback *r, int64_t ms)
{
    r->since_ms = ms;
}

void readback_stop(struct readback *r)
{
    if (!readback_ended(r)) {
        r->interrupted = true;
        uv_timer_start(&r->timer, on_timer, 0, 0);
    }
}

void readback_hold(struct readback *r)
{
    r->open++;
}

void readback_release(struct readback *r)
{
    if (--r->open > 0) {
        return;
    }
    void (*closed)(void *data) = r->closed;
    void *data = r->closed_data;
    r->source->free(r);
    free_all(r);
    closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    readback_release(handle->data);
}

static void on_client_closed(void *data)
{
    readback_release(data);
}

void readback_free(struct readback *r, void (*closed)(void *data), void *data)
{
    assert(r->over);
    r->closed = closed;
    r->closed_data = data;
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    if (r->client != NULL) {
        http_client_close(r->client, on_client_closed, r);
    }
}
