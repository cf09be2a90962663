/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_record.h"

#include "base/mem.h"
#include "engine/soak_form.h"
#include "io/disk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Curves of a thousand processes, the locks of the largest ledger: 130 MB. */
#define RECORD_SIZE_MAX ((size_t)256 << 20)

static const struct {
    const char *name, *unit;
} watches[WATCH_COUNT] = {
    {"rss", "bytes"}, {"descriptors", ""}, {"threads", ""}, {"cpu", "cores"}, {"disk", "bytes"},
};

const char *soak_watch_name(enum soak_watch_kind kind)
{
    assert((size_t)kind < WATCH_COUNT);
    return watches[kind].name;
}

const char *soak_watch_unit(enum soak_watch_kind kind)
{
    assert((size_t)kind < WATCH_COUNT);
    return watches[kind].unit;
}

void soak_record_fini(struct soak_record *r)
{
    form_free(&soak_form, r);
    *r = (struct soak_record){0};
}

void soak_group_where(const struct soak_group *g, struct buf *out)
{
    /* At the first stage no upload can be held against another copy of it. */
    bool between = g->lock[0] && g->stage == STAGE_UPLOAD &&
                   (g->mechanism == MECHANISM_SAMPLES_DROPPED || g->mechanism == MECHANISM_DUPLICATED);
    const char *plural = g->uploads == 1 ? "" : "s";
    if (between)
        buf_printf(out, "between uploads, found %" PRIu64 " time%s", g->uploads, plural);
    else
        buf_printf(out, "in %" PRIu64 " upload%s", g->uploads, plural);
}

/* But for times: "ended by exit 3, 12.5 s after its start" of a process that does so again and again is one problem. */
static bool is_same_text(const char *a, const char *b)
{
    static const char number[] = "0123456789.";
    while (*a && *b) {
        size_t of_a = strspn(a, number), of_b = strspn(b, number);
        bool seconds = of_a > 0 && of_b > 0 && strncmp(a + of_a, " s ", 3) == 0 && strncmp(b + of_b, " s ", 3) == 0;
        if (!seconds && *a != *b)
            return false;
        a += seconds ? of_a : 1;
        b += seconds ? of_b : 1;
    }
    return *a == *b;
}

static struct soak_problem *find_problem(struct soak_record *r, const char *who, const char *text)
{
    for (size_t i = r->problem_count; i > 0; i--) {
        struct soak_problem *p = &r->problems[i - 1];
        if (strcmp(p->who, who) == 0 && is_same_text(p->text, text))
            return p;
    }
    return NULL;
}

void soak_record_problem(struct soak_record *r, int64_t at_ms, const char *who, const char *text, const char *advice)
{
    struct soak_problem *known = find_problem(r, who, text);
    if (known) {
        known->times++;
        return;
    }
    if (r->problem_count >= SOAK_PROBLEMS_MAX) {
        r->problems_dropped++;
        return;
    }
    r->problems = mem_grow(r->problems, r->problem_count, &r->problem_capacity, sizeof *r->problems);
    r->problems[r->problem_count++] = (struct soak_problem){.at_ms = at_ms,
                                                            .who = mem_strdup(who),
                                                            .text = mem_strdup(text),
                                                            .advice = mem_strdup(advice ? advice : ""),
                                                            .times = 1};
}

int soak_record_load(const char *directory, struct soak_record *out, struct err *e)
{
    char *path = mem_printf("%s/soak.json", directory);
    struct buf text = {0};
    int result = disk_read_now(path, RECORD_SIZE_MAX, &text, e);
    if (result == 0 && soak_record_read(text.data ? text.data : "", text.size, out, e) < 0)
        result = err_wrap(e, "%s", path);
    buf_fini(&text);
    free(path);
    return result;
}

int soak_record_exit_code(const struct soak_record *r)
{
    return r->interrupted ? ERR_INTERRUPTED : verdict_exit_code(r->verdict);
}
