/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_envs.h"

#include "base/mem.h"
#include "engine/python_env.h"
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>

struct matrix_env {
    const struct scenario *scenario;      /* borrowed from `scenarios` */
    const struct scenario_worker *worker; /* in `scenario` */
    bool failed;
    struct err error;
};

struct matrix_envs {
    struct matrix_envs_options options;
    struct host host; /* what python_env.h needs of it */
    struct run_options run;
    char *directory; /* of the one that is being made */
    struct matrix_env *items;
    size_t count, capacity, preparing;
    struct scenario **scenarios;
    size_t scenario_count, scenario_capacity;
    struct python_env_work *work;
    bool said; /* what is being made: with its first line, since one that is there is no news */
    bool stopped;
};

static void prepare_next(struct matrix_envs *envs);

static void on_event(const struct run_event *event, void *data)
{
    struct matrix_envs *envs = data;
    if (!envs->options.on_preparing || event->kind != RUN_OUTPUT)
        return;
    if (!envs->said) {
        char *text = mem_printf("virtual environment %zu of %zu, with ddtrace %s", envs->preparing + 1, envs->count,
                                envs->items[envs->preparing].worker->version);
        envs->options.on_preparing(text, envs->options.data);
        free(text);
    }
    envs->said = true;
    envs->options.on_preparing(event->text, envs->options.data);
}

struct matrix_envs *matrix_envs_new(const struct matrix_envs_options *options)
{
    struct matrix_envs *envs = mem_calloc(1, sizeof *envs);
    *envs = (struct matrix_envs){
        .options = *options,
        .run = {.root = options->root, .build = options->build, .on_event = on_event, .data = envs}};
    envs->host = (struct host){
        .loop = options->loop, .options = &envs->run, .guard = mem_printf("%s/locktrail-guard", options->build)};
    return envs;
}

static bool has_package(const struct scenario_worker *w, const char *package)
{
    for (size_t i = 0; i < w->package_count; i++)
        if (strcmp(w->packages[i], package) == 0)
            return true;
    return false;
}

static bool same_environment(const struct scenario_worker *a, const struct scenario_worker *b)
{
    if (strcmp(a->interpreter, b->interpreter) != 0 || strcmp(a->version, b->version) != 0 ||
        a->package_count != b->package_count)
        return false;
    for (size_t i = 0; i < a->package_count; i++)
        if (!has_package(b, a->packages[i]))
            return false;
    return true;
}

static const struct matrix_env *find(const struct matrix_envs *envs, const struct scenario_worker *w)
{
    for (size_t i = 0; i < envs->count; i++)
        if (same_environment(envs->items[i].worker, w))
            return &envs->items[i];
    return NULL;
}

void matrix_envs_add(struct matrix_envs *envs, struct scenario *s)
{
    bool used = false;
    for (size_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].runtime != RUNTIME_DDTRACE || find(envs, &s->workers[i]))
            continue;
        envs->items = mem_grow(envs->items, envs->count, &envs->capacity, sizeof *envs->items);
        envs->items[envs->count++] = (struct matrix_env){.scenario = s, .worker = &s->workers[i]};
        used = true;
    }
    if (!used) {
        scenario_free(s);
        return;
    }
    envs->scenarios =
        mem_grow(envs->scenarios, envs->scenario_count, &envs->scenario_capacity, sizeof *envs->scenarios);
    envs->scenarios[envs->scenario_count++] = s;
}

static void on_env(struct python_env *env, const struct err *e, void *data)
{
    struct matrix_envs *envs = data;
    struct matrix_env *item = &envs->items[envs->preparing++];
    envs->work = NULL;
    if (env) {
        python_env_fini(env);
    } else {
        item->failed = true;
        item->error = *e;
    }
    prepare_next(envs);
}

static void prepare_next(struct matrix_envs *envs)
{
    struct err e;
    if (envs->stopped || envs->preparing == envs->count) {
        envs->options.done(envs->options.data);
        return;
    }
    struct matrix_env *item = &envs->items[envs->preparing];
    envs->run.scenario = item->scenario;
    free(envs->directory);
    envs->directory = mem_printf("%s/environments/%zu", envs->options.directory, envs->preparing + 1);
    envs->run.directory = envs->directory;
    envs->said = false;
    /* Without the folder the preparation fails, and says so. */
    (void)disk_make_dir(envs->directory, &e);
    envs->work = python_env_prepare(&envs->host, item->worker, on_env, envs);
}

void matrix_envs_prepare(struct matrix_envs *envs)
{
    prepare_next(envs);
}

void matrix_envs_stop(struct matrix_envs *envs, bool now)
{
    envs->stopped = true;
    if (envs->work)
        python_env_stop(envs->work, now);
}

const struct err *matrix_envs_failure(const struct matrix_envs *envs, const struct scenario *s)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        const struct scenario_worker *w = &s->workers[i];
        const struct matrix_env *item = w->runtime == RUNTIME_DDTRACE && !w->optional ? find(envs, w) : NULL;
        if (item && item->failed)
            return &item->error;
    }
    return NULL;
}

void matrix_envs_free(struct matrix_envs *envs)
{
    if (!envs)
        return;
    for (size_t i = 0; i < envs->scenario_count; i++)
        scenario_free(envs->scenarios[i]);
    free(envs->scenarios);
    free(envs->items);
    free(envs->directory);
    free(envs->host.guard);
    free(envs);
}
