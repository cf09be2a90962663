/* SPDX-License-Identifier: Apache-2.0 */
#include "report/terminal_parts.h"

#include "base/mem.h"
#include "report/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Names of one process that are shown; `locktrail inspect` on its copies shows all. */
#define NAMES_MAX 20
#define NUMBER_SIZE 10

struct name_sum {
    const char *label; /* borrowed from a profile */
    uint64_t samples, acquires, wait_ns;
};

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct name_sum *)a)->label, ((const struct name_sum *)b)->label);
}

static int by_samples(const void *a, const void *b)
{
    const struct name_sum *x = a, *y = b;
    if (x->samples != y->samples)
        return x->samples < y->samples ? 1 : -1;
    return by_label(a, b);
}

/* All names in the local copies of one process, equal ones added up; most samples first. The caller's. */
static struct name_sum *sum_names(const struct evidence *ev, size_t instance, size_t *count)
{
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < ev->copy_count; i++)
        if (ev->copies[i].profile)
            all += ev->copies[i].profile->name_count;
    struct name_sum *sums = mem_calloc(all + 1, sizeof *sums);
    all = 0;
    for (size_t i = 0; i < ev->copy_count; i++) {
        const struct evidence_copy *copy = &ev->copies[i];
        if (copy->stage != STAGE_COLLECTOR || copy->instance != instance || !copy->profile)
            continue;
        for (size_t n = 0; n < copy->profile->name_count; n++) {
            const struct profile_name *name = &copy->profile->names[n];
            sums[all++] = (struct name_sum){
                .label = name->label, .samples = name->samples, .acquires = name->acquires, .wait_ns = name->wait_ns};
        }
    }
    qsort(sums, all, sizeof *sums, by_label);
    for (size_t i = 0; i < all; i++) {
        if (kept == 0 || strcmp(sums[kept - 1].label, sums[i].label) != 0) {
            sums[kept++] = sums[i];
            continue;
        }
        sums[kept - 1].samples += sums[i].samples;
        sums[kept - 1].acquires += sums[i].acquires;
        sums[kept - 1].wait_ns += sums[i].wait_ns;
    }
    qsort(sums, kept, sizeof *sums, by_samples);
    *count = kept;
    return sums;
}

static void add_number(const struct terminal *t, uint64_t number)
{
    buf_add_str(t->out, "  ");
    text_add_count(t->out, number, NUMBER_SIZE);
}

static void add_name(const struct terminal *t, const struct name_sum *name)
{
    struct buf wait = {0};
    text_add_ns(&wait, name->wait_ns);
    buf_add_str(t->out, "  ");
    text_add_cell(t->out, name->label, TEXT_WIDTH - 2 - 3 * (NUMBER_SIZE + 2), false, TEXT_PLAIN);
    add_number(t, name->samples);
    add_number(t, name->acquires);
    buf_add_str(t->out, "  ");
    text_add_cell(t->out, wait.data, NUMBER_SIZE, true, TEXT_PLAIN);
    buf_add_char(t->out, '\n');
    buf_fini(&wait);
}

static void add_instance(const struct terminal *t, size_t instance)
{
    size_t count, copies = 0;
    for (size_t i = 0; i < t->ev->copy_count; i++)
        copies += t->ev->copies[i].stage == STAGE_COLLECTOR && t->ev->copies[i].instance == instance;
    struct name_sum *names = sum_names(t->ev, instance, &count);
    struct buf head = {0};
    buf_printf(&head, "%s: %zu %s, %zu %s", t->ev->ledger.instances[instance].name, copies,
               copies == 1 ? "file" : "files", count, count == 1 ? "name" : "names");
    text_add_wrapped(t->out, head.data, 4);
    buf_fini(&head);
    if (count > 0)
        buf_printf(t->out, "  %-*s  %*s  %*s  %*s\n", TEXT_WIDTH - 2 - 3 * (NUMBER_SIZE + 2), "LOCK NAME", NUMBER_SIZE,
                   "SAMPLES", NUMBER_SIZE, "ACQUIRES", NUMBER_SIZE, "WAIT");
    for (size_t i = 0; i < count && i < NAMES_MAX; i++)
        add_name(t, &names[i]);
    if (count > NAMES_MAX)
        buf_printf(t->out, "  and %zu more (locktrail inspect shows all)\n", count - NAMES_MAX);
    free(names);
}

static void add_blame(const struct terminal *t)
{
    const struct trail_result *trail = &t->ev->trail;
    size_t collector = 0, after = 0, uploader = 0;
    for (size_t i = 0; i < trail->lock_count; i++) {
        if (!trail->locks[i].lost)
            continue;
        if (trail->locks[i].loss.stage <= STAGE_COLLECTOR)
            collector++;
        else if (trail->locks[i].loss.by_collector)
            uploader++;
        else
            after++;
    }
    struct buf text = {0};
    if (trail->verdict == VERDICT_CRITICAL)
        buf_add_str(&text, "To blame: the collector. It fails its control.");
    else if (collector + uploader > 0 && after > 0)
        buf_printf(&text, "To blame: the collector for %zu of the lost names, the way after it for %zu.",
                   collector + uploader, after);
    else if (collector > 0)
        buf_add_str(&text, "To blame: the collector. The names are not in its local pprof.");
    else if (after > 0)
        buf_add_str(&text, "To blame: the way after the collector. Its local pprof has the names.");
    else if (uploader > 0)
        buf_add_str(&text, "To blame: the collector of the uploading process, which is another one than that of the "
                           "local pprof.");
    else if (trail->verdict == VERDICT_SUCCESS)
        buf_add_str(&text, "To blame: nobody. No name was lost.");
    else
        buf_add_str(&text, "To blame: that can't be said from this run.");
    text_add_wrapped(t->out, text.data, 0);
    buf_fini(&text);
}

void terminal_debug(const struct terminal *t)
{
    if (t->ev->scenario->report != REPORT_DEBUG)
        return;
    terminal_title(t, "LOCAL PPROF (what each worker's own profile shows)");
    for (size_t i = 0; i < t->ev->ledger.instance_count; i++) {
        enum arm arm = t->ev->ledger.instances[i].arm;
        if (arm == ARM_LOCAL || arm == ARM_TEE)
            add_instance(t, i);
    }
    add_blame(t);
}
