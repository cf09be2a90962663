/* SPDX-License-Identifier: Apache-2.0 */
/* What was lost, what grows, what disturbances did, and what went wrong. */
#include "report/soak_parts.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 4
/* Disturbances and problems that are shown; soak.json has all. A schedule of one an hour fills half of it in a day. */
#define DISTURBANCES_SHOWN 50
#define PROBLEMS_SHOWN 20

static void add_paragraph(const struct soak_terminal *t, const char *text)
{
    buf_printf(t->out, "%*s", INDENT, "");
    text_add_wrapped(t->out, text, INDENT);
}

/* --- losses ----------------------------------------------------------------------------------------------------- */

static const char *worker_of(const struct soak_record *r, const char *instance)
{
    for (size_t i = 0; i < r->process_count; i++)
        if (strcmp(r->processes[i].name, instance) == 0)
            return r->processes[i].worker;
    return "";
}

/* The first one of the group that has a copy, else the first. */
static const struct soak_loss *find_loss(const struct soak_record *r, const struct soak_group *g)
{
    const struct soak_loss *found = NULL;
    for (size_t i = 0; i < r->loss_count; i++) {
        const struct soak_loss *l = &r->losses[i];
        if (l->stage != g->stage || l->mechanism != g->mechanism || strcmp(l->lock, g->lock) != 0 ||
            strcmp(worker_of(r, l->instance), g->worker) != 0)
            continue;
        for (int s = 0; s < STAGE_COUNT; s++)
            if (l->copies[s])
                return l;
        found = found ? found : l;
    }
    return found;
}

static void add_loss(const struct soak_terminal *t, const struct soak_loss *l)
{
    struct buf text = {0};
    buf_add_str(&text, "at ");
    soak_add_clock(&text, l->at_ms);
    buf_printf(&text, ", %s: %s", l->instance, l->evidence);
    add_paragraph(t, text.data);
    buf_clear(&text);
    if (l->runtime_id[0]) {
        buf_printf(&text, "upload of %s, %s to %s", l->runtime_id, l->start, l->end);
        add_paragraph(t, text.data);
    }
    for (int s = 0; s < STAGE_COUNT; s++)
        if (l->copies[s]) {
            buf_printf(t->out, "%*s", INDENT, "");
            text_add_clean(t->out, l->copies[s]);
            buf_add_char(t->out, '\n');
        }
    buf_fini(&text);
}

static void add_group(const struct soak_terminal *t, const struct soak_group *g)
{
    const struct soak_loss *loss = find_loss(t->r, g);
    char *label = soak_lock_label(t->r, g->worker, g->lock);
    struct buf text = {0};
    soak_group_where(g, &text);
    buf_add_str(&text, ", ");
    soak_add_clock(&text, g->first_ms);
    if (g->last_ms > g->first_ms) {
        buf_add_str(&text, " to ");
        soak_add_clock(&text, g->last_ms);
    }
    if (g->disturbed)
        buf_add_str(&text, ", in disturbances only");
    text_add_fitted(t->out, label,
                    TEXT_WIDTH - strlen(": ") - strlen(mechanism_name(g->mechanism)) - strlen(" at backend"));
    buf_add_str(t->out, ": ");
    text_add_coloured(t->out, mechanism_name(g->mechanism), soak_colour(t, g->disturbed ? TEXT_YELLOW : TEXT_RED));
    buf_printf(t->out, " at %s\n", stage_name(g->stage));
    add_paragraph(t, text.data);
    if (loss)
        add_loss(t, loss);
    buf_fini(&text);
    free(label);
}

void soak_losses(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    if (r->group_count == 0)
        return;
    const struct soak_group **sorted = soak_sorted_groups(r);
    soak_title(t, "LOSSES");
    for (size_t i = 0; i < r->group_count && i < SOAK_GROUPS_SHOWN; i++)
        add_group(t, sorted[i]);
    free(sorted);
    uint64_t more = r->group_count > SOAK_GROUPS_SHOWN ? r->group_count - SOAK_GROUPS_SHOWN : 0;
    if (more > 0)
        buf_printf(t->out, "and %" PRIu64 " more kinds of loss (soak.json has them)\n", more);
    if (r->groups_dropped > 0)
        buf_printf(t->out, "and %" PRIu64 " losses of further kinds, only counted (SOAK_GROUPS_MAX)\n",
                   r->groups_dropped);
}

/* --- growth ----------------------------------------------------------------------------------------------------- */

void soak_growth(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    size_t known = 0, watched = 0, grown = 0;
    soak_title(t, "GROWTH");
    for (size_t i = 0; i < r->process_count; i++) {
        for (int kind = 0; kind < WATCH_COUNT; kind++) {
            const struct soak_watch *w = &r->processes[i].watches[kind];
            watched += w->series.samples > 0;
            known += w->trend.known;
            if (!soak_has_grown(w))
                continue;
            char *how = soak_growth_text((enum soak_watch_kind)kind, w);
            char *text = mem_printf("%s, %s", r->processes[i].name, soak_watch_name((enum soak_watch_kind)kind));
            grown++;
            text_add_coloured(t->out, text, soak_colour(t, w->trend.growing ? TEXT_RED : TEXT_YELLOW));
            buf_add_char(t->out, '\n');
            add_paragraph(t, how);
            free(text);
            free(how);
        }
    }
    if (grown == 0 && known > 0)
        buf_printf(t->out, "none, in %zu values that are watched\n", known);
    if (known < watched)
        buf_printf(t->out, "%zu of %zu values have not been watched long enough to tell\n", watched - known, watched);
    if (watched == 0)
        buf_add_str(t->out, "nothing has been watched\n");
}

/* --- disturbances ----------------------------------------------------------------------------------------------- */

static void add_disturbance(const struct soak_terminal *t, const struct soak_disturbance *d)
{
    struct buf text = {0};
    soak_add_clock(&text, d->at_ms);
    buf_printf(&text, "  %s: ", d->what);
    if (d->until_ms < 0) {
        buf_add_str(&text, "lasts");
    } else if (d->recovered_ms < 0) {
        buf_add_str(&text, "NOT recovered");
    } else if (d->recovered_ms == 0) {
        buf_add_str(&text, "recovered at once");
    } else {
        buf_add_str(&text, "recovered in ");
        soak_add_ms(&text, true, (double)d->recovered_ms);
    }
    if (d->lost_uploads + d->lost_acquires > 0)
        buf_printf(&text, "; lost for good: %" PRIu64 " upload%s, %" PRIu64 " acquires", d->lost_uploads,
                   d->lost_uploads == 1 ? "" : "s", d->lost_acquires);
    else if (d->until_ms >= 0 && d->recovered_ms >= 0)
        buf_add_str(&text, "; nothing lost");
    text_add_wrapped(t->out, text.data, 10);
    buf_fini(&text);
}

void soak_disturbances(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    if (r->disturbance_count == 0)
        return;
    soak_title(t, "DISTURBANCES");
    size_t first = r->disturbance_count > DISTURBANCES_SHOWN ? r->disturbance_count - DISTURBANCES_SHOWN : 0;
    if (first > 0)
        buf_printf(t->out, "%zu earlier ones (soak.json has them)\n", first);
    for (size_t i = first; i < r->disturbance_count; i++)
        add_disturbance(t, &r->disturbances[i]);
    if (r->disturbances_dropped > 0)
        buf_printf(t->out, "and %" PRIu64 " more, only counted (SOAK_DISTURBANCES_MAX)\n", r->disturbances_dropped);
}

/* --- problems --------------------------------------------------------------------------------------------------- */

void soak_problems(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    if (r->problem_count == 0)
        return;
    soak_title(t, "PROBLEMS");
    for (size_t i = 0; i < r->problem_count && i < PROBLEMS_SHOWN; i++) {
        const struct soak_problem *p = &r->problems[i];
        struct buf text = {0};
        soak_add_clock(&text, p->at_ms);
        buf_printf(&text, "  %s: %s", p->who, p->text);
        if (p->times > 1)
            buf_printf(&text, " (%" PRIu64 " times)", p->times);
        text_add_wrapped(t->out, text.data, 10);
        if (p->advice[0]) {
            buf_printf(t->out, "%10s", "");
            text_add_wrapped(t->out, p->advice, 10);
        }
        buf_fini(&text);
    }
    uint64_t more = r->problem_count > PROBLEMS_SHOWN ? r->problem_count - PROBLEMS_SHOWN : 0;
    if (more > 0)
        buf_printf(t->out, "and %" PRIu64 " more (soak.json has them)\n", more);
    if (r->problems_dropped > 0)
        buf_printf(t->out, "and %" PRIu64 " more, only counted (SOAK_PROBLEMS_MAX)\n", r->problems_dropped);
}
