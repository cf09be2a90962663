/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/environments.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct environments {
    struct host *host;
    struct python_env *items; /* one for each worker */
    size_t preparing;         /* index of the worker whose environment is being made */
    size_t left;              /* workers that are not left out */
    struct python_env_work *work;
    bool stopped;
    void (*done)(const struct err *e, void *data);
    void *data;
};

static void prepare_next(struct environments *envs);

static const struct scenario_worker *current(const struct environments *envs)
{
    return &envs->host->options->scenario->workers[envs->preparing];
}

static void leave_out(struct environments *envs, const struct err *e)
{
    struct host *host = envs->host;
    const struct scenario_worker *w = current(envs);
    char *who = mem_printf("worker %s: ", w->name);
    const char *why = strncmp(e->text, who, strlen(who)) == 0 ? e->text + strlen(who) : e->text;
    char *text = mem_printf("%s is left out: %s", w->name, why);
    free(who);
    host->left_out[envs->preparing] = true;
    envs->left--;
    struct json_out out = journal_begin(&host->journal, "left_out");
    json_put_string(&out, "worker", w->name);
    json_put_string(&out, "why", why);
    journal_end(&host->journal, &out, true);
    host_notify(host, RUN_STATE, "run", text);
    free(text);
}

static void journal_environment(struct environments *envs, const struct python_env *env)
{
    struct json_out out = journal_begin(&envs->host->journal, "environment");
    json_put_string(&out, "worker", current(envs)->name);
    json_put_string(&out, "python", env->python);
    json_put_string(&out, "version", env->version);
    json_put_bool(&out, "pinned", env->pinned);
    journal_end(&envs->host->journal, &out, false);
}

static void interrupt(struct environments *envs)
{
    struct err e;
    err_set(&e, ERR_INTERRUPTED, "the user has interrupted the run");
    envs->done(&e, envs->data);
}

static void on_env(struct python_env *env, const struct err *e, void *data)
{
    struct environments *envs = data;
    envs->work = NULL;
    if (!env && envs->stopped) {
        interrupt(envs);
        return;
    }
    if (!env && (!current(envs)->optional || e->code != ERR_MISSING)) {
        envs->done(e, envs->data);
        return;
    }
    if (env) {
        envs->items[envs->preparing] = *env;
        journal_environment(envs, env);
    } else {
        leave_out(envs, e);
        if (envs->left == 0) {
            envs->done(e, envs->data);
            return;
        }
    }
    envs->preparing++;
    prepare_next(envs);
}

static void prepare_next(struct environments *envs)
{
    const struct scenario *s = envs->host->options->scenario;
    while (envs->preparing < s->worker_count && s->workers[envs->preparing].runtime != RUNTIME_DDTRACE)
        envs->preparing++;
    if (envs->stopped) {
        interrupt(envs);
        return;
    }
    if (envs->preparing == s->worker_count) {
        envs->done(NULL, envs->data);
        return;
    }
    const struct scenario_worker *w = current(envs);
    char *text = mem_printf("virtual environment with ddtrace %s for %s", w->version, w->name);
    host_notify(envs->host, RUN_PREPARING, w->name, text);
    free(text);
    envs->work = python_env_prepare(envs->host, w, on_env, envs);
}

struct environments *environments_new(struct host *host, void (*done)(const struct err *e, void *data), void *data)
{
    size_t count = host->options->scenario->worker_count;
    struct environments *envs = mem_calloc(1, sizeof *envs);
    *envs = (struct environments){
        .host = host, .items = mem_calloc(count, sizeof *envs->items), .left = count, .done = done, .data = data};
    return envs;
}

void environments_prepare(struct environments *envs)
{
    prepare_next(envs);
}

void environments_stop(struct environments *envs, bool now)
{
    envs->stopped = true;
    if (envs->work)
        python_env_stop(envs->work, now);
}

const struct python_env *environments_all(const struct environments *envs)
{
    return envs->items;
}

void environments_free(struct environments *envs)
{
    if (!envs)
        return;
    for (size_t i = 0; i < envs->host->options->scenario->worker_count; i++)
        python_env_fini(&envs->items[i]);
    free(envs->items);
    free(envs);
}
