/* SPDX-License-Identifier: Apache-2.0 */
#include "io/child_control.h"
#include "base/mem.h"
#include "io/child_limit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *find_step(const char *name)
{
    static const char *const steps[] = {"stdin", "directory", "limits", "program"};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(name, steps[i]) == 0) {
            return steps[i];
        }
    }
    return NULL;
}

int child_control_read(const char *line, struct child_control *event)
{
    char step[16];
    memset(event, 0, sizeof *event);
    if (sscanf(line, "started %d", &event->pid) == 1) {
        event->kind = CHILD_CONTROL_STARTED;
        return event->pid > 0 ? 0 : -1;
    }
    if (sscanf(line, "failed %d %15s", &event->errnum, step) == 2) {
        event->kind = CHILD_CONTROL_FAILED;
        event->step = find_step(step);
        return event->errnum > 0 && event->step != NULL ? 0 : -1;
    }
    if (sscanf(line, "exited %d %d %d %lld %lld %lld", &event->code, &event->signal_number, &event->core,
               &event->user_ms, &event->system_ms, &event->rss_kib) == 6) {
        event->kind = CHILD_CONTROL_EXITED;
        return 0;
    }
    if (sscanf(line, "gone %u %u", &event->leftover, &event->remaining) == 2) {
        event->kind = CHILD_CONTROL_GONE;
        return 0;
    }
    return -1;
}

void child_control_exit(const struct child_control *event, struct child_exit *exit)
{
    exit->signaled = event->signal_number != 0;
    exit->code = exit->signaled ? event->signal_number : event->code;
    exit->core = event->core != 0;
    exit->user_ms = event->user_ms;
    exit->system_ms = event->system_ms;
    exit->max_rss = event->rss_kib * 1024;
}

static size_t count_strings(const char *const *strings)
{
    size_t count = 0;
    while (strings[count] != NULL) {
        count++;
    }
    return count;
}

char **child_control_args(const struct child_options *options)
{
    const struct child_limits *limits = &options->limits;
    size_t count = count_strings(options->args), at = 0;
    char **args = mem_calloc(count + 8, sizeof *args);
    args[at++] = mem_strdup(options->guard);
    args[at++] = mem_strdup(options->channel ? "1" : "0");
    args[at++] = mem_printf("%" PRIu64, limits->memory);
    args[at++] = mem_printf("%" PRIu64, limits->files != 0 ? 0 : child_descriptors_before());
    args[at++] = mem_printf("%" PRIu64, limits->files);
    args[at++] = mem_printf("%" PRIu64, limits->disk);
    args[at++] = mem_strdup(options->directory != NULL ? options->directory : "");
    for (size_t i = 0; i < count; i++) {
        args[at++] = mem_strdup(options->args[i]);
    }
    return args;
}

char **child_control_env(const struct child_options *options)
{
    size_t count = count_strings(options->env);
    char **env = mem_calloc(count + 1, sizeof *env);
    for (size_t i = 0; i < count; i++) {
        env[i] = mem_printf(":%s", options->env[i]);
    }
    return env;
}

void child_control_free(char **strings)
{
    for (size_t i = 0; strings[i] != NULL; i++) {
        free(strings[i]);
    }
    free(strings);
}
