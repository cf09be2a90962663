/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tap_table.h"

#include "base/mem.h"
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Cursor to the beginning of the line N above; clear from the cursor to the end of the screen (ECMA-48). */
#define UP "\x1b[%zuF"
#define CLEAR_BELOW "\x1b[J"
#define SAMPLES_SIZE 9
#define ACQUIRES_SIZE 9
#define UPLOADS_SIZE 8
#define LAST_SIZE 7
#define STATE_SIZE 12
#define NAME_MIN 10
/* Lines around the rows: two of counts, an empty one, the head, the end of the rows, those not seen, a note. */
#define OTHER_LINES 8

static const char *const words[STATE_COUNT] = {"exact", "mangled", "alias", "generic", "absent", "few", "-"};

/* The lock that was seen under this label; NULL: none of the ledger. Where it was seen under several, each has a state
 * of its own. */
static const struct trail_lock *find_lock(const struct tap_view *view, const char *label, enum lock_state *state)
{
    for (size_t i = 0; view->result && i < view->result->lock_count; i++) {
        const struct trail_lock *lock = &view->result->locks[i];
        const struct stage_result *r = &lock->stages[STAGE_UPLOAD];
        for (size_t s = 0; s < r->seen_count; s++) {
            if (strcmp(r->seen_as[s].label, label) != 0)
                continue;
            *state = r->state;
            if (r->seen_count > 1 && r->seen_as[s].name[0] == '\0')
                *state = STATE_GENERIC;
            else if (r->seen_count > 1 && strcmp(r->seen_as[s].name, view->ledger->locks[lock->lock].name) == 0)
                *state = STATE_EXACT;
            return lock;
        }
    }
    return NULL;
}

static int by_samples(const void *a, const void *b)
{
    const struct tapping_name *x = *(const struct tapping_name *const *)a, *y = *(const struct tapping_name *const *)b;
    if (x->samples != y->samples)
        return x->samples < y->samples ? 1 : -1;
    return strcmp(x->label, y->label);
}

static const struct tapping_name **sort(const struct tapping_names *names)
{
    const struct tapping_name **sorted = mem_calloc(names->count + 1, sizeof *sorted);
    for (size_t i = 0; i < names->count; i++)
        sorted[i] = &names->items[i];
    qsort(sorted, names->count, sizeof *sorted, by_samples);
    return sorted;
}

static void add_age(struct buf *out, int64_t ms)
{
    int64_t seconds = ms / 1000;
    if (seconds < 2)
        buf_add_str(out, "now");
    else if (seconds < 120)
        buf_printf(out, "%" PRId64 " s", seconds);
    else if (seconds < 7200)
        buf_printf(out, "%" PRId64 " min", seconds / 60);
    else
        buf_printf(out, "%" PRId64 " h", seconds / 3600);
}

void tap_counts(const struct tap_view *view, struct buf *out)
{
    const struct tapping_counts *c = view->counts;
    buf_printf(out, "%" PRIu64 " %s", c->uploads, c->uploads == 1 ? "upload" : "uploads");
    if (c->failed > 0)
        buf_printf(out, ", %" PRIu64 " of them not passed on", c->failed);
    if (c->refused > 0)
        buf_printf(out, ", %" PRIu64 " refused", c->refused);
    buf_printf(out, "; %" PRIu64 " of %" PRIu64 " %s read", c->read, c->profiles,
               c->profiles == 1 ? "profile" : "profiles");
    if (c->unreadable > 0)
        buf_printf(out, ", %" PRIu64 " unreadable", c->unreadable);
    if (!view->to)
        return;
    buf_printf(out, "; %" PRIu64 " %s, ", c->kept, c->kept == 1 ? "copy" : "copies");
    text_add_bytes(out, c->disk_bytes);
    if (c->equal > 0)
        buf_printf(out, ", %" PRIu64 " equal to one of them", c->equal);
    if (c->removed > 0)
        buf_printf(out, ", %" PRIu64 " removed", c->removed);
    if (c->not_kept > 0)
        buf_printf(out, ", %" PRIu64 " not kept", c->not_kept);
}

static void add_route(const struct tap_view *view, struct buf *out)
{
    buf_printf(out, "%s \xE2\x86\x92 %s", view->listens, view->to ? view->to : "the end of the way (store)");
}

/* --- the table -------------------------------------------------------------------------------------------------- */

struct canvas {
    const struct tap_view *view;
    const struct tap_screen *screen;
    size_t width, name_width, lines;
    struct buf *out;
};

static void add_line(struct canvas *c, const char *text)
{
    text_add_fitted(c->out, text, c->width);
    buf_add_char(c->out, '\n');
    c->lines++;
}

static void add_state(struct canvas *c, const struct tapping_name *name)
{
    enum lock_state state = STATE_NOT_RUN;
    const struct trail_lock *lock = find_lock(c->view, name->label, &state);
    bool good = state == STATE_EXACT || state == STATE_MANGLED;
    enum text_colour colour = good ? TEXT_GREEN : lock && lock->lost ? TEXT_RED : TEXT_PLAIN;
    const char *word = lock ? words[state] : "undeclared";
    buf_add_str(c->out, "  ");
    text_add_cell(c->out, word, STATE_SIZE - 2, false, c->screen->colour ? colour : TEXT_PLAIN);
}

static void end_line(struct buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_add_char(out, '\n');
}

static void add_row(struct canvas *c, const struct tapping_name *name)
{
    struct buf age = {0};
    add_age(&age, c->view->now_ms - name->last_ms);
    text_add_cell(c->out, name->label, c->name_width, false, TEXT_PLAIN);
    text_add_count(c->out, name->samples, SAMPLES_SIZE);
    text_add_count(c->out, name->acquires, ACQUIRES_SIZE);
    text_add_count(c->out, name->uploads, UPLOADS_SIZE);
    text_add_cell(c->out, age.data, LAST_SIZE, true, TEXT_PLAIN);
    if (c->view->result)
        add_state(c, name);
    end_line(c->out);
    c->lines++;
    buf_fini(&age);
}

static void add_head(struct canvas *c)
{
    text_add_cell(c->out, "LOCK NAME", c->name_width, false, TEXT_PLAIN);
    buf_printf(c->out, "%*s%*s%*s%*s%s\n", SAMPLES_SIZE, "SAMPLES", ACQUIRES_SIZE, "ACQUIRES", UPLOADS_SIZE, "UPLOADS",
               LAST_SIZE, "SEEN", c->view->result ? "  STATE" : "");
    c->lines++;
}

/* Declared locks of which no upload has shown anything. */
static void add_not_seen(struct canvas *c)
{
    struct buf text = {0};
    size_t count = 0;
    for (size_t i = 0; c->view->result && i < c->view->result->lock_count; i++) {
        const struct trail_lock *lock = &c->view->result->locks[i];
        if (lock->stages[STAGE_UPLOAD].seen_count > 0)
            continue;
        if (text.size < c->width)
            buf_printf(&text, "%s%s", count > 0 ? ", " : "", c->view->ledger->locks[lock->lock].id);
        count++;
    }
    if (count > 0) {
        char *line = mem_printf("not seen yet, %zu: %s", count, text.data);
        add_line(c, line);
        free(line);
    }
    buf_fini(&text);
}

static void add_names(struct canvas *c, size_t room)
{
    const struct tapping_names *names = c->view->names;
    const struct tapping_name **sorted = sort(names);
    size_t shown = names->count <= room ? names->count : room - 1;
    add_head(c);
    for (size_t i = 0; i < shown; i++)
        add_row(c, sorted[i]);
    uint64_t more = names->count - shown;
    if (more > 0 || names->further > 0) {
        char *line = names->further > 0 ? mem_printf("and more than %" PRIu64 " more names (TAPPING_NAMES_MAX)", more)
                                        : mem_printf("and %" PRIu64 " more names", more);
        add_line(c, line);
        free(line);
    }
    free(sorted);
}

void tap_table_draw(struct tap_screen *screen, const struct tap_view *view, struct buf *out)
{
    /* A full last column would make some terminals break the line. */
    struct canvas canvas = {.view = view, .screen = screen, .width = screen->columns - 1, .out = out}, *c = &canvas;
    size_t numbers = SAMPLES_SIZE + ACQUIRES_SIZE + UPLOADS_SIZE + LAST_SIZE + (view->result ? STATE_SIZE : 0);
    struct buf text = {0};
    if (screen->columns < 2)
        return;
    c->name_width = c->width > numbers + NAME_MIN ? c->width - numbers : NAME_MIN;
    if (screen->drawn > 0)
        buf_printf(out, UP, screen->drawn);
    buf_add_str(out, CLEAR_BELOW);
    add_route(view, &text);
    add_line(c, text.data);
    buf_clear(&text);
    tap_counts(view, &text);
    add_line(c, text.data);
    if (screen->rows > OTHER_LINES && c->name_width + numbers <= c->width && view->names->count > 0) {
        add_line(c, "");
        add_names(c, screen->rows - OTHER_LINES);
        add_not_seen(c);
    }
    if (view->note && screen->rows > 4)
        add_line(c, view->note);
    screen->drawn = c->lines;
    buf_fini(&text);
}
