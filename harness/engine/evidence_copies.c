/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/mem.h"
#include "engine/copies.h"
#include "engine/evidence_internal.h"
#include "io/disk.h"
#include "io/hash.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A copy's .json is some KiB of headers and the event. */
#define META_MAX ((size_t)1 << 20)
/* The scenario may allow uploads up to 1 GiB; above what a profile may have when unpacked none can be read. */
#define COPY_SIZE_MAX PROFILE_RAW_SIZE_MAX

bool evidence_parse_name(const char *name, const char *suffix, char **instance, unsigned *sequence)
{
    size_t size = strlen(name), tail = strlen(suffix);
    const char *end = name + size - tail, *digits = end;
    if (size <= tail || strcmp(end, suffix) != 0)
        return false;
    while (digits > name && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (digits == end || digits - 1 <= name || digits[-1] != '.' || end - digits > 9)
        return false;
    *sequence = (unsigned)strtoul(digits, NULL, 10);
    *instance = mem_strndup(name, (size_t)(digits - 1 - name));
    return true;
}

static void read_meta(struct evidence *ev, struct evidence_copy *copy)
{
    struct buf text = {0};
    struct json *meta = NULL;
    struct err e;
    char *path = mem_printf("%s/%.*s.json", ev->directory, (int)(strlen(copy->path) - strlen(".pprof")), copy->path);
    bool good = disk_read_now(path, META_MAX, &text, &e) == 0 &&
                json_read(text.data ? text.data : "", text.size, &meta, &e) == 0;
    copy->start = mem_strdup(json_get_string(meta, "start", ""));
    copy->end = mem_strdup(json_get_string(meta, "end", ""));
    copy->runtime_id = mem_strdup(json_get_string(meta, "runtime_id", ""));
    const char *hash = json_get_string(meta, "sha256", copy->hash);
    if (!good)
        evidence_add_problem(ev, "run", "a kill between two writes leaves such a copy", NULL,
                             "%s has no description: %s", copy->path, e.text);
    else if (copy->hash[0] && strcmp(hash, copy->hash) != 0)
        evidence_add_problem(ev, "run", "the run directory was changed after the run: run again", NULL,
                             "%s is not the file that was captured: its hash differs", copy->path);
    json_free(meta);
    buf_fini(&text);
    free(path);
}

static void read_bytes(struct evidence *ev, struct evidence_copy *copy)
{
    char *path = mem_printf("%s/%s", ev->directory, copy->path);
    struct buf bytes = {0};
    struct err bad;
    char hash[HASH_TEXT_SIZE] = "";
    if (disk_read_now(path, COPY_SIZE_MAX, &bytes, &bad) < 0) {
        copy->unreadable = mem_strdup(bad.text);
    } else {
        hash_text(bytes.data ? bytes.data : "", bytes.size, hash);
        if (profile_read(bytes.data ? bytes.data : "", bytes.size, &profile_limits_default, &copy->profile, &bad) < 0)
            copy->unreadable = mem_strdup(bad.text);
    }
    copy->hash = mem_strdup(hash);
    copy->size = bytes.size;
    free(path);
    buf_fini(&bytes);
}

static int read_copy(struct evidence *ev, enum stage stage, const char *name, struct err *e)
{
    char *instance = NULL;
    unsigned sequence;
    if (!evidence_parse_name(name, ".pprof", &instance, &sequence))
        return 0; /* a .json, or a temporary file that a kill left */
    int index = ledger_find_instance(&ev->ledger, instance);
    free(instance);
    if (index < 0)
        return err_set(e, ERR_INPUT, "%s/copies/%s/%s belongs to no process of the scenario", ev->directory,
                       stage_name(stage), name);
    ev->copies = mem_grow(ev->copies, ev->copy_count, &ev->copy_capacity, sizeof *ev->copies);
    struct evidence_copy *copy = &ev->copies[ev->copy_count++];
    *copy = (struct evidence_copy){.stage = stage,
                                   .instance = (size_t)index,
                                   .sequence = sequence,
                                   .path = mem_printf("copies/%s/%s", stage_name(stage), name)};
    read_bytes(ev, copy);
    read_meta(ev, copy);
    return 0;
}

static int read_stage(struct evidence *ev, enum stage stage, struct err *e)
{
    char *path = mem_printf("%s/copies/%s", ev->directory, stage_name(stage));
    DIR *directory = opendir(path);
    int result = 0;
    if (!directory && errno != ENOENT)
        result = err_sys(e, ERR_INPUT, errno, "can't list %s", path);
    struct dirent *entry;
    while (directory && result == 0 && (entry = readdir(directory)))
        result = read_copy(ev, stage, entry->d_name, e);
    if (directory)
        closedir(directory);
    free(path);
    return result;
}

/* One that the guard ended in the middle of its last profile leaves half of it, which is nobody's loss. */
static void read_uncollected(struct evidence *ev, const struct worker_outcome *w, size_t instance, const char *name,
                             unsigned sequence)
{
    struct evidence_copy copy = {.stage = w->arm == ARM_CONTROL ? STAGE_CONTROL : STAGE_COLLECTOR,
                                 .instance = instance,
                                 .sequence = sequence,
                                 .path = mem_printf("workers/%s/%s", w->name, name),
                                 .start = mem_strdup(""),
                                 .end = mem_strdup(""),
                                 .runtime_id = mem_strdup("")};
    read_bytes(ev, &copy);
    if (copy.unreadable) {
        evidence_free_copy(&copy);
        return;
    }
    ev->copies = mem_grow(ev->copies, ev->copy_count, &ev->copy_capacity, sizeof *ev->copies);
    ev->copies[ev->copy_count++] = copy;
}

/* Local profiles of a process that was running when the coordinator was killed still lie where it wrote them. Their
 * numbers follow those that had been collected. */
static int read_left(struct evidence *ev, const struct worker_outcome *w, struct err *e)
{
    struct dirent **names;
    size_t instance = (size_t)ledger_find_instance(&ev->ledger, w->name);
    char *path = mem_printf("%s/workers/%s", ev->directory, w->name);
    unsigned sequence = COPIES_FILES_MAX;
    int count = scandir(path, &names, NULL, versionsort);
    int result = count < 0 && errno != ENOENT ? err_sys(e, ERR_INPUT, errno, "can't list %s", path) : 0;
    for (int i = 0; i < count; i++) {
        if (copies_is_local(names[i]->d_name))
            read_uncollected(ev, w, instance, names[i]->d_name, ++sequence);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    free(path);
    return result;
}

static int read_uncollected_all(struct evidence *ev, struct err *e)
{
    for (size_t i = 0; i < ev->worker_count && !ev->complete; i++) {
        const struct worker_outcome *w = &ev->workers[i];
        /* The two copies of one process can't be held against one another before it has ended. */
        bool feeds_one_stage = w->arm == ARM_LOCAL || w->arm == ARM_CONTROL;
        if (w->started && !w->ended && feeds_one_stage && read_left(ev, w, e) < 0)
            return -1;
    }
    return 0;
}

static int by_origin(const void *a, const void *b)
{
    const struct evidence_copy *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    if (x->instance != y->instance)
        return x->instance < y->instance ? -1 : 1;
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

int evidence_read_copies(struct evidence *ev, struct err *e)
{
    for (int stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++)
        if (read_stage(ev, (enum stage)stage, e) < 0)
            return -1;
    if (read_uncollected_all(ev, e) < 0 || evidence_read_screens(ev, e) < 0)
        return -1;
    if (ev->copy_count > 0)
        qsort(ev->copies, ev->copy_count, sizeof *ev->copies, by_origin);
    return 0;
}
