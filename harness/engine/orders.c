/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/orders.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/native.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct strings {
    char **items;
    size_t count, capacity;
};

/* Takes `text`. The array stays NULL-terminated. */
static void strings_add(struct strings *s, char *text)
{
    s->items = mem_grow(s->items, s->count + 1, &s->capacity, sizeof *s->items);
    s->items[s->count++] = text;
    s->items[s->count] = NULL;
}

/* A later value of a variable replaces an earlier one. Takes neither name nor value. */
static void env_set(struct strings *env, const char *name, const char *value)
{
    size_t size = strlen(name);
    char *text = mem_printf("%s=%s", name, value);
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(env->items[i], name, size) == 0 && env->items[i][size] == '=') {
            free(env->items[i]);
            env->items[i] = text;
            return;
        }
    }
    strings_add(env, text);
}

/* Settings of the profiler in the caller's shell would make a run that its scenario does not
 * describe, and keys must not reach a worker's environment. */
static bool is_dropped(const char *variable)
{
    return strncmp(variable, "DD_", 3) == 0 || strncmp(variable, "LOCKTRAIL_", 10) == 0 ||
           strncmp(variable, "LOCKPROF_", 9) == 0;
}

/* Variables that locktrail itself goes by. */
static bool is_ours(const char *variable, size_t size)
{
    static const char *const names[] = {"DD_SERVICE", "DD_ENV",        "DD_VERSION",          "DD_SITE",
                                        "DD_API_KEY", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_TRACE_AGENT_URL"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && memcmp(names[i], variable, size) == 0)
            return true;
    return false;
}

char *orders_dropped_variables(void)
{
    struct buf names = {0};
    for (char **v = environ; *v; v++) {
        const char *end = strchr(*v, '=');
        bool profiler = strncmp(*v, "DD_", 3) == 0 || strncmp(*v, "LOCKPROF_", 9) == 0;
        if (!profiler || (end && is_ours(*v, (size_t)(end - *v))))
            continue;
        buf_printf(&names, "%s%.*s", names.size ? ", " : "", end ? (int)(end - *v) : 0, *v);
    }
    return buf_steal(&names);
}

static bool is_control(const struct orders_context *c)
{
    return c->arm == ARM_CONTROL;
}

/* The control runs the same collector with its default settings: what the scenario changes of the
 * profiler is what it is compared with. */
static bool is_setting_under_test(const char *name)
{
    return strncmp(name, "DD_PROFILING_", 13) == 0 || strncmp(name, "LOCKPROF_", 9) == 0;
}

static void add_profiler_settings(const struct orders_context *c, struct strings *env)
{
    const struct scenario_worker *w = c->worker;
    char *capture = mem_printf("%.10g", is_control(c) ? 100 : w->capture_pct);
    char *interval = mem_printf("%.10g", (double)w->upload_interval_ms / 1000);
    env_set(env, "DD_PROFILING_ENABLED", "1");
    env_set(env, "DD_PROFILING_CAPTURE_PCT", capture);
    env_set(env, "DD_PROFILING_UPLOAD_INTERVAL", interval);
    env_set(env, "DD_PROFILING_LOCK_NAME_INSPECT_DIR", is_control(c) || w->inspect_dir ? "true" : "false");
    env_set(env, "DD_TRACE_ENABLED", "0");
    env_set(env, "DD_INSTRUMENTATION_TELEMETRY_ENABLED", "0");
    env_set(env, "DD_REMOTE_CONFIGURATION_ENABLED", "0");
    env_set(env, "DD_SYMBOL_DATABASE_UPLOAD_ENABLED", "0");
    free(capture);
    free(interval);
}

static void add_identity(const struct orders_context *c, struct strings *env)
{
    char *tags = mem_printf(TAG_RUN ":%s," TAG_WORKER ":%s", c->run_id, c->instance);
    env_set(env, "DD_SERVICE", c->scenario->service);
    env_set(env, "DD_ENV", c->scenario->env);
    env_set(env, "DD_VERSION", c->scenario->version);
    env_set(env, "DD_TAGS", tags);
    free(tags);
}

/* A service has one DD_TAGS; ours are put behind the scenario's. */
static void add_scenario_variables(const struct orders_context *c, struct strings *env)
{
    for (size_t i = 0; i < c->worker->environment_count; i++) {
        const struct scenario_variable *v = &c->worker->environment[i];
        if (is_control(c) && is_setting_under_test(v->name))
            continue;
        if (strcmp(v->name, "DD_TAGS") == 0) {
            char *tags = mem_printf("%s," TAG_RUN ":%s," TAG_WORKER ":%s", v->value, c->run_id, c->instance);
            env_set(env, "DD_TAGS", tags);
            free(tags);
            continue;
        }
        env_set(env, v->name, v->value);
    }
}

static void add_destination(const struct orders_context *c, struct strings *env)
{
    if (c->arm != ARM_UPLOAD)
        env_set(env, "DD_PROFILING_OUTPUT_PPROF", c->output_prefix);
    if (c->arm == ARM_UPLOAD || c->arm == ARM_TEE)
        env_set(env, "DD_TRACE_AGENT_URL", c->intake_url);
}

static char *phase_list(const struct scenario *s, const char *separator)
{
    struct buf text = {0};
    for (size_t i = 0; i < s->phase_count; i++)
        buf_printf(&text, "%s%s:%" PRIu64 ":%.6g", i ? separator : "", s->phases[i].pattern, s->phases[i].iterations,
                   s->phases[i].seconds);
    return buf_steal(&text);
}

/* For workers in any language; a silent program that ignores them loses nothing. */
static void add_orders(const struct orders_context *c, struct strings *env)
{
    struct {
        const char *name;
        char *value;
    } variables[] = {
        {"LOCKTRAIL_PROTOCOL", mem_strdup("1")},
        {"LOCKTRAIL_INSTANCE", mem_strdup(c->instance)},
        {"LOCKTRAIL_ARM", mem_strdup(arm_name(c->arm))},
        {"LOCKTRAIL_THREADS", mem_printf("%u", c->scenario->threads)},
        {"LOCKTRAIL_SEED", mem_printf("%" PRIu64, c->scenario->seed)},
        {"LOCKTRAIL_DURATION_S", mem_printf("%.6g", (double)c->scenario->duration_ms / 1000)},
        {"LOCKTRAIL_PHASES", phase_list(c->scenario, ",")},
    };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        env_set(env, variables[i].name, variables[i].value);
        free(variables[i].value);
    }
}

static void add_clean(struct strings *env)
{
    for (char **v = environ; *v; v++)
        if (!is_dropped(*v))
            strings_add(env, mem_strdup(*v));
}

char **orders_clean_environment(void)
{
    struct strings env = {0};
    env.items = mem_calloc(1, sizeof *env.items);
    env.capacity = 1;
    add_clean(&env);
    return env.items;
}

static void make_env(const struct orders_context *c, struct strings *env)
{
    /* lockprof is told its settings and destinations by options. */
    bool by_variables = c->worker->runtime != RUNTIME_NATIVE;
    add_clean(env);
    if (by_variables)
        add_profiler_settings(c, env);
    add_identity(c, env);
    add_scenario_variables(c, env);
    if (by_variables)
        add_destination(c, env);
    if (c->worker->runtime == RUNTIME_COMMAND)
        add_orders(c, env);
}

static void add_phase(struct strings *args, const char *pattern, uint64_t iterations, double seconds)
{
    strings_add(args, mem_strdup("--phase"));
    strings_add(args, mem_printf("%s:%" PRIu64 ":%.6g", pattern, iterations, seconds));
}

static void add_option(struct strings *args, const char *option, char *value)
{
    strings_add(args, mem_strdup(option));
    strings_add(args, value);
}

/* What both workloads understand. */
static void add_workload_options(const struct orders_context *c, struct strings *args)
{
    const struct scenario *s = c->scenario;
    add_option(args, "--threads", mem_printf("%u", is_control(c) ? 1 : s->threads));
    add_option(args, "--seed", mem_printf("%" PRIu64, s->seed));
    if (c->rounds && !is_control(c))
        strings_add(args, mem_strdup("--rounds"));
    if (is_control(c))
        add_phase(args, REFERENCE_PATTERN, CONTROL_ITERATIONS, 0);
    for (size_t i = 0; i < s->phase_count; i++) {
        const struct scenario_phase *p = &s->phases[i];
        add_phase(args, p->pattern, is_control(c) ? CONTROL_ITERATIONS : p->iterations, is_control(c) ? 0 : p->seconds);
    }
}

static void make_native_args(const struct orders_context *c, struct strings *args)
{
    const struct scenario_worker *w = c->worker;
    strings_add(args, native_profiler(c->build));
    strings_add(args, mem_strdup("run"));
    if (c->arm != ARM_UPLOAD)
        add_option(args, "--output", mem_strdup(c->output_prefix));
    else
        strings_add(args, mem_strdup("--drop-unsent"));
    add_option(args, "--interval", mem_printf("%" PRId64 "ms", w->upload_interval_ms));
    add_option(args, "--rate", mem_printf("%u", is_control(c) ? 1 : scenario_worker_sampling(w)));
    if (!is_control(c))
        add_option(args, "--upload", mem_strdup(c->intake_url));
    strings_add(args, mem_strdup("--"));
    strings_add(args, native_workload(c->build, is_control(c) ? NATIVE_CONTROL_BUILD : w->build));
    add_workload_options(c, args);
}

static void make_ddtrace_args(const struct orders_context *c, struct strings *args)
{
    bool run = c->worker->launcher == LAUNCHER_DDTRACE_RUN;
    if (run)
        strings_add(args, mem_strdup(c->ddtrace_run));
    strings_add(args, mem_strdup(c->python));
    strings_add(args, mem_printf("%s/workers/python/main.py", c->root));
    add_option(args, "--launcher", mem_strdup(run ? "ddtrace-run" : "auto"));
    add_option(args, "--lock-type", mem_strdup(c->worker->lock == LOCK_TYPE_LOCK ? "lock" : "rlock"));
    add_workload_options(c, args);
}

void orders_make(const struct orders_context *context, struct orders *out)
{
    struct strings args = {0}, env = {0};
    if (context->worker->runtime == RUNTIME_DDTRACE)
        make_ddtrace_args(context, &args);
    else if (context->worker->runtime == RUNTIME_NATIVE)
        make_native_args(context, &args);
    else
        for (size_t i = 0; i < context->worker->command_count; i++)
            strings_add(&args, mem_strdup(context->worker->command[i]));
    make_env(context, &env);
    *out = (struct orders){.args = args.items, .env = env.items};
}

void orders_free_strings(char **strings)
{
    for (char **s = strings; s && *s; s++)
        free(*s);
    free(strings);
}

void orders_free(struct orders *orders)
{
    orders_free_strings(orders->args);
    orders_free_strings(orders->env);
    *orders = (struct orders){0};
}
