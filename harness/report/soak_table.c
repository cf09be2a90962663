/* SPDX-License-Identifier: Apache-2.0 */
/* Processes, uploads hop by hop, and locks with their states. */
#include "report/soak_parts.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 20
#define LIVES_SIZE 6
#define UPLOADS_SIZE 8
#define ACQUIRES_SIZE 10
#define TIME_SIZE 10
#define BYTES_SIZE 10
#define FILES_SIZE 6
/* Of one stage: "1234.5M/1234.5M". */
#define STAGE_SIZE 16
#define INDENT 4

static void end_line(struct buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_add_char(out, '\n');
}

static void add_right(struct buf *out, struct buf *text, size_t width)
{
    text_add_cell(out, text->data ? text->data : "", width, true, TEXT_PLAIN);
    buf_clear(text);
}

/* --- processes -------------------------------------------------------------------------------------------------- */

static void add_process(const struct soak_terminal *t, const struct soak_process *p)
{
    const struct series *rss = &p->watches[WATCH_RSS].series, *files = &p->watches[WATCH_DESCRIPTORS].series;
    struct buf text = {0}, *out = t->out;
    bool uploads = p->worker && p->worker[0];
    text_add_cell(out, p->name, NAME_SIZE, false, TEXT_PLAIN);
    if (uploads) {
        text_add_count(out, p->lives, LIVES_SIZE);
        text_add_count(out, p->uploads.arrived[STAGE_UPLOAD], UPLOADS_SIZE);
        text_add_count(out, p->acquires, ACQUIRES_SIZE);
        soak_add_ms(&text, p->interval.count > 0, p->interval.sum / (double)p->interval.count);
        add_right(out, &text, TIME_SIZE);
        soak_add_ms(&text, p->latency.count > 0, p->latency.sum / (double)p->latency.count);
        add_right(out, &text, TIME_SIZE);
    } else {
        buf_printf(out, "%*s", LIVES_SIZE + UPLOADS_SIZE + ACQUIRES_SIZE + 2 * TIME_SIZE, "");
    }
    if (rss->samples > 0)
        text_add_bytes(&text, soak_whole(rss->last));
    add_right(out, &text, BYTES_SIZE);
    if (files->samples > 0)
        buf_printf(&text, "%" PRIu64, soak_whole(files->last));
    add_right(out, &text, FILES_SIZE);
    end_line(out);
    buf_fini(&text);
}

/* "killed by a disturbance: 2; acquires in no upload: 17". */
static void add_remarks(const struct soak_terminal *t, const struct soak_process *p)
{
    const struct {
        uint64_t count;
        const char *what;
    } remarks[] = {
        {p->kills, "killed by a disturbance"},           {p->failures, "ended by itself"},
        {p->gap_acquires, "acquires in no upload"},      {p->doubled_acquires, "acquires in two uploads"},
        {p->cut_acquires, "acquires cut off by a kill"},
    };
    struct buf text = {0};
    for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++)
        if (remarks[i].count > 0)
            buf_printf(&text, "%s%s: %" PRIu64, text.size > 0 ? "; " : "", remarks[i].what, remarks[i].count);
    if (text.size > 0) {
        buf_printf(t->out, "%*s", INDENT, "");
        text_add_wrapped(t->out, text.data, INDENT);
    }
    buf_fini(&text);
}

void soak_processes(const struct soak_terminal *t)
{
    if (t->r->process_count == 0)
        return;
    buf_add_char(t->out, '\n');
    buf_printf(t->out, "%-*s%*s%*s%*s%*s%*s%*s%*s\n", NAME_SIZE, "PROCESS", LIVES_SIZE, "LIVES", UPLOADS_SIZE,
               "UPLOADS", ACQUIRES_SIZE, "ACQUIRES", TIME_SIZE, "INTERVAL", TIME_SIZE, "LATENCY", BYTES_SIZE, "MEMORY",
               FILES_SIZE, "FILES");
    for (size_t i = 0; i < t->r->process_count; i++) {
        add_process(t, &t->r->processes[i]);
        add_remarks(t, &t->r->processes[i]);
    }
}

/* --- uploads ---------------------------------------------------------------------------------------------------- */

static void add_hops(const struct soak_terminal *t, const char *title, const uint64_t counts[STAGE_COUNT], bool bad)
{
    text_add_cell(t->out, title, NAME_SIZE, false, TEXT_PLAIN);
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++) {
        if (!t->r->stage_ran[s])
            continue;
        char *text = mem_printf("%" PRIu64, counts[s]);
        text_add_cell(t->out, text, STAGE_SIZE, true, soak_colour(t, bad && counts[s] > 0 ? TEXT_RED : TEXT_PLAIN));
        free(text);
    }
    end_line(t->out);
}

static void add_stages(const struct soak_terminal *t, const char *title, size_t width)
{
    text_add_cell(t->out, title, width, false, TEXT_PLAIN);
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
        if (t->r->stage_ran[s])
            text_add_cell(t->out, stage_name((enum stage)s), STAGE_SIZE, true, TEXT_PLAIN);
    end_line(t->out);
}

void soak_uploads(const struct soak_terminal *t)
{
    const struct soak_uploads *u = &t->r->uploads;
    const struct {
        uint64_t count;
        const char *what;
    } others[] = {
        {u->unreadable, "can't be read"},
        {u->unknown, "of no process of this soak"},
        {u->unjudged, "came too fast to be looked at"},
        {u->cut, "under way when it ended or was killed"},
        {u->pending, "under way"},
    };
    struct buf text = {0};
    buf_add_char(t->out, '\n');
    add_stages(t, "UPLOADS", NAME_SIZE);
    add_hops(t, "arrived", u->arrived, false);
    add_hops(t, "never came", u->missing, true);
    add_hops(t, "came once more", u->doubled, true);
    buf_printf(&text, "followed to the end: %" PRIu64 ", of them %" PRIu64 " without a loss, %" PRIu64 " with one",
               u->judged, u->good, u->with_loss);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].count > 0)
            buf_printf(&text, "; %" PRIu64 " %s", others[i].count, others[i].what);
    text_add_wrapped(t->out, text.data, 0);
    buf_fini(&text);
}

/* --- locks ------------------------------------------------------------------------------------------------------ */

static uint64_t named(const uint64_t *states)
{
    return states[STATE_EXACT] + states[STATE_MANGLED];
}

/* Not counted: those in which it was too rare to be seen for certain, and was not. */
static uint64_t due(const uint64_t *states)
{
    uint64_t sum = 0;
    for (int s = 0; s < STATE_NOT_RUN; s++)
        sum += s == STATE_UNDERSAMPLED ? 0 : states[s];
    return sum;
}

/* What shows no name and is no loss of any kind is a lock that has none to show. */
static bool is_lost(const struct soak_record *r, const struct soak_lock *l)
{
    for (size_t i = 0; i < r->group_count; i++)
        if (strcmp(r->groups[i].lock, l->id) == 0 && strcmp(r->groups[i].worker, l->worker) == 0)
            return true;
    return r->groups_dropped > 0;
}

/* It was lost, and in some upload neither named nor too rare. */
static bool is_odd(const struct soak_record *r, const struct soak_lock *l)
{
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
        if (r->stage_ran[s] && due(l->states[s]) > named(l->states[s]))
            return is_lost(r, l);
    return false;
}

/* "2 generic, 1 absent". */
static void add_states(struct buf *out, const uint64_t *states)
{
    const char *before = "";
    for (int state = STATE_ALIAS; state < STATE_NOT_RUN; state++) {
        if (states[state] == 0 || state == STATE_UNDERSAMPLED)
            continue;
        buf_printf(out, "%s%" PRIu64 " %s", before, states[state], lock_state_name((enum lock_state)state));
        before = ", ";
    }
}

static const char *text_of(const struct buf *b)
{
    return b->size > 0 ? b->data : "";
}

/* "upload: 1 alias; agent, backend: 2 absent": what is lost at one stage is so behind it, and is said once. */
static void add_odd(const struct soak_terminal *t, const struct soak_lock *l)
{
    struct buf odd = {0}, states = {0}, names = {0}, next = {0};
    for (int s = STAGE_UPLOAD; s <= STAGE_COUNT; s++) {
        if (s < STAGE_COUNT && !t->r->stage_ran[s])
            continue;
        buf_clear(&next);
        if (s < STAGE_COUNT)
            add_states(&next, l->states[s]);
        if (names.size > 0 && (s == STAGE_COUNT || strcmp(text_of(&states), text_of(&next)) != 0)) {
            if (states.size > 0)
                buf_printf(&odd, "%s%s: %s", odd.size > 0 ? "; " : "", names.data, states.data);
            buf_clear(&names);
        }
        buf_clear(&states);
        buf_add_str(&states, text_of(&next));
        if (s < STAGE_COUNT)
            buf_printf(&names, "%s%s", names.size > 0 ? ", " : "", stage_name((enum stage)s));
    }
    if (odd.size > 0) {
        buf_printf(t->out, "%*s", INDENT, "");
        text_add_wrapped(t->out, odd.data, INDENT);
    }
    buf_fini(&odd);
    buf_fini(&states);
    buf_fini(&names);
    buf_fini(&next);
}

static void add_nameless(const struct soak_terminal *t, const struct soak_lock *l)
{
    const uint64_t *states = l->states[STAGE_UPLOAD];
    if (due(states) > named(states))
        buf_printf(t->out, "%*sgeneric, as is right for it\n", INDENT, "");
}

static void add_lock(const struct soak_terminal *t, const struct soak_lock *l, size_t width)
{
    char *label = soak_lock_label(t->r, l->worker, l->id);
    bool lost = is_lost(t->r, l);
    text_add_cell(t->out, label, width, false, TEXT_PLAIN);
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++) {
        if (!t->r->stage_ran[s])
            continue;
        uint64_t all = due(l->states[s]), some = lost ? named(l->states[s]) : all;
        char *text = all > 0 ? mem_printf("%" PRIu64 "/%" PRIu64, some, all) : mem_strdup("-");
        text_add_cell(t->out, text, STAGE_SIZE, true, soak_colour(t, some == all ? TEXT_PLAIN : TEXT_YELLOW));
        free(text);
    }
    end_line(t->out);
    if (lost)
        add_odd(t, l);
    else
        add_nameless(t, l);
    free(label);
}

/* What was not due is not in the numbers. */
static void add_rare(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    for (size_t i = 0; i < r->lock_count; i++)
        for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
            if (r->stage_ran[s] && r->locks[i].states[s][STATE_UNDERSAMPLED] > 0) {
                text_add_wrapped(t->out,
                                 "(uploads without a lock that was not taken, or too rarely to be seen for certain, "
                                 "are not counted for it)",
                                 0);
                return;
            }
}

void soak_locks(const struct soak_terminal *t)
{
    const struct soak_record *r = t->r;
    size_t stages = 0, shown = 0;
    for (int s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
        stages += r->stage_ran[s];
    if (r->lock_count == 0)
        return;
    size_t width = TEXT_WIDTH - stages * STAGE_SIZE;
    buf_add_char(t->out, '\n');
    add_stages(t, "LOCK, NAMED IN UPLOADS", width);
    /* Those with something to say come first, since not all may be shown. */
    for (int odd = 1; odd >= 0; odd--)
        for (size_t i = 0; i < r->lock_count && shown < SOAK_LOCKS_SHOWN; i++)
            if (is_odd(r, &r->locks[i]) == (odd == 1)) {
                add_lock(t, &r->locks[i], width);
                shown++;
            }
    if (shown < r->lock_count)
        buf_printf(t->out, "and %zu more (soak.json has all)\n", r->lock_count - shown);
    add_rare(t);
}
