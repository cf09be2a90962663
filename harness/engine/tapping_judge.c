/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_judge.h"

#include "base/mem.h"
#include "engine/orders.h"
#include "engine/protocol.h"
#include "engine/sightings.h"
#include "io/disk.h"
#include "profile/label.h"

#include <stdlib.h>
#include <string.h>

/* The program of a ledger whose lines name none. */
#define ONLY_PROGRAM "program"
/* Names of one upload that are told; the copy has all. */
#define LOST_NAMES_MAX 20

/* One program of the ledger: its locks alone, so that an upload is judged without the others'. */
struct program {
    char *name;
    struct ledger ledger;
    struct tapping_names seen;
};

struct tapping_judge {
    struct program *programs;
    size_t count, capacity;
    struct ledger ledger; /* of all; instance n is program n */
};

/* --- the ledger's file ------------------------------------------------------------------------------------------ */

/* "python.1.local" is a process of "python". */
static char *program_of(const char *instance)
{
    char *name = mem_strdup(instance);
    for (int i = 0; i < 2; i++) {
        char *dot = strrchr(name, '.');
        if (dot && dot > name)
            *dot = '\0';
    }
    return name;
}

static bool is_control(const char *instance)
{
    static const char end[] = ".control";
    size_t size = strlen(instance);
    return size > sizeof end - 1 && strcmp(instance + size - (sizeof end - 1), end) == 0;
}

static struct program *find_program(struct tapping_judge *judge, const char *name)
{
    for (size_t i = 0; i < judge->count; i++)
        if (strcmp(judge->programs[i].name, name) == 0)
            return &judge->programs[i];
    return NULL;
}

static int add_program(struct tapping_judge *judge, const char *name, struct program **out, struct err *e)
{
    if ((*out = find_program(judge, name)))
        return 0;
    struct program p = {.name = mem_strdup(name)};
    if (ledger_add_instance(&p.ledger, name, name, ARM_UPLOAD, 1, e) < 0 ||
        ledger_add_instance(&judge->ledger, name, name, ARM_UPLOAD, 1, e) < 0) {
        ledger_fini(&p.ledger);
        free(p.name);
        return -1;
    }
    judge->programs = mem_grow(judge->programs, judge->count, &judge->capacity, sizeof *judge->programs);
    judge->programs[judge->count] = p;
    *out = &judge->programs[judge->count++];
    return 0;
}

static int take_message(struct tapping_judge *judge, const char *name, const struct message *m, struct err *e)
{
    struct program *p;
    if (m->type != MESSAGE_LOCK && m->type != MESSAGE_SITE)
        return 0;
    if (m->type == MESSAGE_LOCK && strcmp(m->lock.pattern, REFERENCE_PATTERN) == 0)
        return 0; /* a control's yardstick */
    if (add_program(judge, name, &p, e) < 0)
        return -1;
    if (m->type == MESSAGE_LOCK) {
        struct lock lock = m->lock;
        lock.worker = p->name;
        return ledger_add_lock(&p->ledger, &lock, e) < 0 || ledger_add_lock(&judge->ledger, &lock, e) < 0 ? -1 : 0;
    }
    int own = ledger_find_lock(&p->ledger, name, m->id), all = ledger_find_lock(&judge->ledger, name, m->id);
    if (own < 0)
        return err_set(e, ERR_INPUT, "a site of %.200s, which is not declared", m->id);
    return ledger_add_site(&p->ledger, (size_t)own, m->site, e) < 0 ||
                   ledger_add_site(&judge->ledger, (size_t)all, m->site, e) < 0
               ? -1
               : 0;
}

/* A line of a run's ledger has the process before that of the worker. */
static int take_line(struct tapping_judge *judge, const char *line, size_t size, struct err *e)
{
    static const char prefix[] = "{\"instance\":\"", middle[] = "\",\"line\":";
    struct message m;
    char *name = NULL;
    if (size > sizeof prefix && memcmp(line, prefix, sizeof prefix - 1) == 0 && line[size - 1] == '}') {
        const char *from = line + sizeof prefix - 1;
        const char *to = memmem(from, (size_t)(line + size - from), middle, sizeof middle - 1);
        if (!to)
            return err_set(e, ERR_INPUT, "not a line of a ledger");
        char *instance = mem_strndup(from, (size_t)(to - from));
        bool skipped = is_control(instance);
        name = program_of(instance);
        free(instance);
        if (skipped) {
            free(name);
            return 0; /* other builds may show other names */
        }
        size -= (size_t)(to + sizeof middle - 1 - line) + 1;
        line = to + sizeof middle - 1;
    }
    int result = message_read(line, size, &m, e);
    if (result == 0) {
        result = take_message(judge, name ? name : ONLY_PROGRAM, &m, e);
        message_fini(&m);
    }
    free(name);
    return result;
}

static int take_lines(struct tapping_judge *judge, const char *path, const struct buf *text, struct err *e)
{
    const char *at = text->data ? text->data : "", *end = at + text->size;
    for (size_t number = 1; at < end; number++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = newline ? (size_t)(newline - at) : (size_t)(end - at);
        if (size > 0 && take_line(judge, at, size, e) < 0)
            return err_wrap(e, "%s:%zu", path, number);
        at += size + 1;
    }
    if (judge->ledger.lock_count == 0)
        return err_set(e, ERR_INPUT, "%s declares no lock: it wants lines such as {\"type\":\"lock\",...}", path);
    return 0;
}

int tapping_judge_read(const char *path, struct tapping_judge **out, struct err *e)
{
    struct buf text = {0};
    if (disk_read_now(path, TAPPING_LEDGER_MAX, &text, e) < 0) {
        e->code = ERR_INPUT; /* what the user names and is not there is a bad input */
        return -1;
    }
    struct tapping_judge *judge = mem_calloc(1, sizeof *judge);
    int result = take_lines(judge, path, &text, e);
    buf_fini(&text);
    if (result < 0)
        tapping_judge_free(judge);
    else
        *out = judge;
    return result;
}

void tapping_judge_free(struct tapping_judge *judge)
{
    if (!judge)
        return;
    for (size_t i = 0; i < judge->count; i++) {
        free(judge->programs[i].name);
        ledger_fini(&judge->programs[i].ledger);
        tapping_names_fini(&judge->programs[i].seen);
    }
    free(judge->programs);
    ledger_fini(&judge->ledger);
    free(judge);
}

/* --- uploads ---------------------------------------------------------------------------------------------------- */

/* "native.c:12" and "native.c:12:NAME", but not "native.c:123". */
static bool begins_with_site(const char *label, const char *site)
{
    size_t size = strlen(site);
    return strncmp(label, site, size) == 0 && (label[size] == '\0' || label[size] == ':');
}

static bool is_at(const struct lock *lock, const struct profile_name *name)
{
    if (lock->file[0] && lock->line > 0 && lock->line == name->line && strcmp(lock->file, name->file) == 0)
        return true;
    if (lock->name[0] && name->name[0] && strcmp(lock->name, name->name) == 0)
        return true;
    for (size_t i = 0; i < lock->site_count; i++)
        if (begins_with_site(name->label, lock->sites[i]))
            return true;
    return false;
}

/* How many names of the profile are those of its locks. */
static size_t likeness(const struct program *p, const struct profile *profile)
{
    size_t found = 0;
    for (size_t i = 0; i < profile->name_count; i++)
        for (size_t l = 0; l < p->ledger.lock_count; l++)
            if (is_at(&p->ledger.locks[l], &profile->names[i])) {
                found++;
                break;
            }
    return found;
}

static struct program *choose(struct tapping_judge *judge, const char *instance, const struct profile *profile)
{
    struct program *best = NULL;
    size_t most = 0;
    bool tied = false;
    if (instance) {
        char *name = program_of(instance);
        best = find_program(judge, name);
        free(name);
        if (best)
            return best;
    }
    for (size_t i = 0; i < judge->count; i++) {
        size_t found = likeness(&judge->programs[i], profile);
        tied = found == most && found > 0 ? true : found > most ? false : tied;
        if (found > most) {
            most = found;
            best = &judge->programs[i];
        }
    }
    return tied ? NULL : best;
}

static struct trail_input make_input(const struct ledger *ledger, const struct trail_copy *copies, size_t count)
{
    struct trail_input input = {.ledger = ledger,
                                .copies = copies,
                                .copy_count = count,
                                .control = CONTROL_NOT_RUN,
                                .thresholds = {.absence_probability = TRAIL_ABSENCE_PROBABILITY}};
    input.stage_ran[STAGE_DECLARED] = input.stage_ran[STAGE_UPLOAD] = true;
    return input;
}

static bool is_wrong(const struct trail_lock *lock)
{
    enum lock_state state = lock->stages[STAGE_UPLOAD].state;
    return lock->lost ||
           (!lock->known_limit && (state == STATE_ALIAS || state == STATE_GENERIC || state == STATE_ABSENT));
}

static void count_states(const struct program *p, const struct trail_result *result, struct tapping_judged *out)
{
    struct buf lost = {0};
    size_t named = 0;
    for (size_t i = 0; i < result->lock_count; i++) {
        const struct trail_lock *lock = &result->locks[i];
        enum lock_state state = lock->stages[STAGE_UPLOAD].state;
        out->states[state]++;
        if (!is_wrong(lock) || named++ >= LOST_NAMES_MAX)
            continue;
        buf_printf(&lost, "%s%s %s", lost.size > 0 ? ", " : "", p->ledger.locks[lock->lock].id, lock_state_name(state));
    }
    if (named > LOST_NAMES_MAX)
        buf_printf(&lost, " and %zu more", named - LOST_NAMES_MAX);
    out->lost = buf_steal(&lost);
    out->verdict = result->verdict;
}

void tapping_judge_add(struct tapping_judge *judge, const char *instance, const struct profile *profile, int64_t now_ms,
                       struct tapping_judged *out)
{
    *out = (struct tapping_judged){0};
    struct program *p = choose(judge, instance, profile);
    if (!p)
        return;
    tapping_names_add(&p->seen, profile, now_ms);
    struct trail_copy copy = {.stage = STAGE_UPLOAD, .path = "the upload"};
    sightings_lend(profile, NULL, &copy);
    struct trail_input input = make_input(&p->ledger, &copy, 1);
    struct trail_result result;
    trail_judge(&input, &result);
    out->judged = true;
    out->worker = p->name;
    count_states(p, &result, out);
    trail_result_fini(&result);
    sightings_return(&copy);
}

void tapping_judged_fini(struct tapping_judged *judged)
{
    free(judged->lost);
    *judged = (struct tapping_judged){0};
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

/* The parts of labels, which the sums do not keep. */
struct parts {
    char **texts;
    size_t count, capacity;
};

static const char *keep(struct parts *parts, const char *text, size_t size)
{
    parts->texts = mem_grow(parts->texts, parts->count, &parts->capacity, sizeof *parts->texts);
    return parts->texts[parts->count++] = mem_strndup(text, size);
}

static void lend_sums(const struct tapping_names *seen, struct sighting *sightings, struct parts *parts)
{
    for (size_t i = 0; i < seen->count; i++) {
        const struct tapping_name *n = &seen->items[i];
        struct label label;
        bool split = label_parse(n->label, strlen(n->label), &label);
        sightings[i] =
            (struct sighting){.label = n->label,
                              .file = split ? keep(parts, label.file, label.file_size) : "",
                              .line = split ? label.line : 0,
                              .name = split && label.name_size > 0 ? keep(parts, label.name, label.name_size) : "",
                              .samples = n->samples,
                              .acquires = n->acquires,
                              .wait_ns = n->wait_ns,
                              .releases = n->releases,
                              .hold_ns = n->hold_ns};
    }
}

void tapping_judge_all(const struct tapping_judge *judge, struct trail_result *out, const struct ledger **ledger)
{
    struct trail_copy *copies = mem_calloc(judge->count, sizeof *copies);
    struct parts parts = {0};
    size_t count = 0;
    for (size_t i = 0; i < judge->count; i++) {
        const struct tapping_names *seen = &judge->programs[i].seen;
        struct sighting *sightings = mem_calloc(seen->count + 1, sizeof *sightings);
        lend_sums(seen, sightings, &parts);
        judge->ledger.instances[i].left_out = seen->profiles == 0;
        copies[count] = (struct trail_copy){.stage = STAGE_UPLOAD,
                                            .instance = i,
                                            .path = "all uploads",
                                            .status = seen->count == 0 ? COPY_EMPTY : COPY_GOOD,
                                            .sightings = sightings,
                                            .sighting_count = seen->count,
                                            .unlabelled_samples = seen->unlabelled};
        if (seen->profiles > 0)
            count++;
        else
            free(sightings);
    }
    struct trail_input input = make_input(&judge->ledger, copies, count);
    trail_judge(&input, out);
    *ledger = &judge->ledger;
    for (size_t i = 0; i < count; i++)
        free((void *)copies[i].sightings);
    for (size_t i = 0; i < parts.count; i++)
        free(parts.texts[i]);
    free(parts.texts);
    free(copies);
}
