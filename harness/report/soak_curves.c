/* SPDX-License-Identifier: Apache-2.0 */
/* Small multiples: a row for each process, in it a panel for each value over the soak's time. All panels have the same
 * axis of time; each has its own of values, so that a small process can be read beside a large one. */
#include "report/soak.h"

#include "base/mem.h"
#include "report/soak_axis.h"
#include "report/soak_parts.h"
#include "report/xml.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In pixels at the picture's own size. */
#define MARGIN 16
#define HEAD_SIZE 62
#define ROW_SIZE 152
#define PANEL_SIZE 250
#define LEFT 46
#define RIGHT 10
#define TOP 38
#define BOTTOM 20
#define INNER_WIDTH (PANEL_SIZE - LEFT - RIGHT)
#define INNER_HEIGHT (ROW_SIZE - TOP - BOTTOM - 14)
#define COLUMNS 6
/* Lines that a panel has at most, whatever an axis says. */
#define LINES_MAX 12

#define INK "#24292f"
#define FAINT "#6e7781"
#define GRID "#e4e7eb"
#define CURVE "#0b62a8"
#define GROWING "#c8102e"
#define GREW "#9a6700"
#define DISTURBED "#f2b84b"

struct panel {
    const char *title;
    enum axis_kind kind;
    const struct series *series;
    const struct soak_watch *watch; /* NULL: no trend is judged */
};

struct picture {
    const struct soak_record *r;
    struct axis time;
    struct buf *out;
    double x, y; /* of the panel that is drawn: its inner corner */
};

static double place_x(const struct picture *p, double at_ms)
{
    double x = at_ms < 0 ? 0 : at_ms > p->time.high ? p->time.high : at_ms;
    return p->x + x / p->time.high * INNER_WIDTH;
}

static double place_y(const struct picture *p, const struct axis *axis, double value)
{
    double part = (value - axis->low) / (axis->high - axis->low);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return p->y + INNER_HEIGHT * (1 - part);
}

static void add_text(struct buf *out, double x, double y, const char *anchor, const char *colour, int size,
                     const char *text)
{
    buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\" font-size=\"%d\">", x, y, anchor,
               colour, size);
    xml_add(out, text);
    buf_add_str(out, "</text>\n");
}

static void add_line(struct buf *out, double x1, double y1, double x2, double y2, const char *colour, const char *more)
{
    buf_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"%s/>\n", x1, y1, x2, y2, colour,
               more);
}

/* --- axes ------------------------------------------------------------------------------------------------------- */

static void add_value_axis(const struct picture *p, const struct axis *axis)
{
    int lines = (int)((axis->high - axis->low) / axis->step + 0.5);
    for (int i = 0; i <= lines && i < LINES_MAX; i++) {
        double value = axis->low + i * axis->step, y = place_y(p, axis, value);
        struct buf label = {0};
        axis_add_label(axis, value, &label);
        add_line(p->out, p->x, y, p->x + INNER_WIDTH, y, GRID, "");
        add_text(p->out, p->x - 5, y + 3.5, "end", FAINT, 10, label.data);
        buf_fini(&label);
    }
}

static void add_time_axis(const struct picture *p)
{
    double bottom = p->y + INNER_HEIGHT;
    int lines = (int)(p->time.high / p->time.step + 1e-9);
    for (int i = 0; i <= lines && i < LINES_MAX; i++) {
        double x = place_x(p, i * p->time.step);
        struct buf label = {0};
        axis_add_label(&p->time, i * p->time.step, &label);
        if (i == lines)
            buf_printf(&label, " %s", p->time.name);
        add_line(p->out, x, bottom, x, bottom + 3, FAINT, "");
        /* The last one would run into the next panel. */
        add_text(p->out, x, bottom + 14, x > p->x + INNER_WIDTH - 12 ? "end" : "middle", FAINT, 10, label.data);
        buf_fini(&label);
    }
    add_line(p->out, p->x, bottom, p->x + INNER_WIDTH, bottom, FAINT, "");
}

/* --- one panel -------------------------------------------------------------------------------------------------- */

static struct axis axis_of(const struct panel *panel)
{
    const struct series *s = panel->series;
    double least = s->points[0].value, most = least;
    for (size_t i = 1; i < s->count; i++) {
        least = s->points[i].value < least ? s->points[i].value : least;
        most = s->points[i].value > most ? s->points[i].value : most;
    }
    return axis_make(panel->kind, least, most);
}

static void add_disturbances(const struct picture *p)
{
    for (size_t i = 0; i < p->r->disturbance_count; i++) {
        const struct soak_disturbance *d = &p->r->disturbances[i];
        double from = place_x(p, (double)d->at_ms);
        double to = place_x(p, (double)(d->until_ms < 0 ? p->r->elapsed_ms : d->until_ms));
        buf_printf(p->out,
                   "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"" DISTURBED
                   "\" fill-opacity=\"0.45\"/>\n",
                   from, p->y, to - from < 1 ? 1 : to - from, INNER_HEIGHT);
    }
}

static void add_losses(const struct picture *p, const char *process)
{
    for (size_t i = 0; i < p->r->loss_count; i++) {
        const struct soak_loss *l = &p->r->losses[i];
        if (strcmp(l->instance, process) != 0)
            continue;
        double x = place_x(p, (double)l->at_ms), y = p->y + INNER_HEIGHT - 7;
        buf_printf(p->out, "<path d=\"M%.1f %.1fl-3.5 7h7z\" fill=\"" GROWING "\"/>\n", x, y);
    }
}

static void add_curve(const struct picture *p, const struct panel *panel, const struct axis *axis, const char *colour)
{
    const struct series *s = panel->series;
    if (s->count == 1) {
        buf_printf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"1.5\" fill=\"%s\"/>\n",
                   place_x(p, (double)s->points[0].at_ms), place_y(p, axis, s->points[0].value), colour);
        return;
    }
    buf_printf(p->out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.3\" points=\"", colour);
    for (size_t i = 0; i < s->count; i++)
        buf_printf(p->out, "%s%.1f,%.1f", i ? " " : "", place_x(p, (double)s->points[i].at_ms),
                   place_y(p, axis, s->points[i].value));
    buf_add_str(p->out, "\"/>\n");
}

static void add_trend(const struct picture *p, const struct axis *axis, const struct soak_watch *watch)
{
    const struct trend *t = &watch->trend;
    add_line(p->out, place_x(p, (double)t->since_ms), place_y(p, axis, t->from), place_x(p, (double)p->r->elapsed_ms),
             place_y(p, axis, t->to), INK, " stroke-dasharray=\"4 3\"");
}

/* "+61.0 MB/h" where it grows, else the last value. */
static void add_reading(const struct picture *p, const struct panel *panel, const char *colour)
{
    const struct soak_watch *w = panel->watch;
    struct buf text = {0};
    if (w && w->trend.growing)
        axis_add_rate(panel->kind, w->trend.per_hour, &text);
    else
        axis_add_value(panel->kind, panel->series->last, &text);
    add_text(p->out, p->x + INNER_WIDTH, p->y - 8, "end", colour, 11, text.data);
    buf_fini(&text);
}

static void add_panel(const struct picture *p, const struct panel *panel, const char *process)
{
    if (panel->series->count == 0) {
        add_text(p->out, p->x + INNER_WIDTH / 2.0, p->y + INNER_HEIGHT / 2.0, "middle", FAINT, 10, "nothing watched");
        add_text(p->out, p->x - LEFT + 6, p->y - 8, "start", INK, 11, panel->title);
        return;
    }
    const struct soak_watch *w = panel->watch;
    bool growing = w && w->trend.growing, grew = w && soak_has_grown(w);
    const char *colour = growing ? GROWING : grew ? GREW : CURVE;
    struct axis axis = axis_of(panel);
    char *title = axis.name[0] ? mem_printf("%s, %s", panel->title, axis.name) : mem_strdup(panel->title);
    add_text(p->out, p->x - LEFT + 6, p->y - 8, "start", INK, 11, title);
    add_reading(p, panel, growing ? GROWING : FAINT);
    add_disturbances(p);
    add_value_axis(p, &axis);
    add_time_axis(p);
    add_curve(p, panel, &axis, colour);
    if (growing)
        add_trend(p, &axis, w);
    add_losses(p, process);
    free(title);
}

/* --- the picture ------------------------------------------------------------------------------------------------ */

static void add_process(struct picture *p, const struct soak_process *process, double top)
{
    const struct soak_watch *w = process->watches;
    bool uploads = process->worker && process->worker[0];
    const struct panel panels[COLUMNS] = {
        {"memory", AXIS_BYTES, &w[WATCH_RSS].series, &w[WATCH_RSS]},
        {"descriptors", AXIS_COUNT, &w[WATCH_DESCRIPTORS].series, &w[WATCH_DESCRIPTORS]},
        {"threads", AXIS_COUNT, &w[WATCH_THREADS].series, &w[WATCH_THREADS]},
        {"processor", AXIS_CORES, &w[WATCH_CPU].series, &w[WATCH_CPU]},
        uploads ? (struct panel){"latency", AXIS_MS, &process->latency.median, NULL}
                : (struct panel){"disk", AXIS_BYTES, &w[WATCH_DISK].series, &w[WATCH_DISK]},
        {"upload interval", AXIS_MS, &process->interval.median, NULL},
    };
    buf_printf(p->out, "<text x=\"%d\" y=\"%.1f\" fill=\"" INK "\" font-size=\"13\" font-weight=\"bold\">", MARGIN,
               top + 12);
    xml_add(p->out, process->name);
    buf_add_str(p->out, "</text>\n");
    for (int i = 0; i < (uploads ? COLUMNS : COLUMNS - 1); i++) {
        p->x = MARGIN + i * PANEL_SIZE + LEFT;
        p->y = top + TOP;
        add_panel(p, &panels[i], process->name);
    }
}

static void add_key(const struct picture *p, double x, double y)
{
    buf_printf(p->out,
               "<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"" DISTURBED
               "\" fill-opacity=\"0.45\"/>\n",
               x, y - 9);
    add_text(p->out, x + 15, y, "start", FAINT, 11, "disturbance");
    buf_printf(p->out, "<path d=\"M%.1f %.1fl-4 8h8z\" fill=\"" GROWING "\"/>\n", x + 105, y - 8);
    add_text(p->out, x + 114, y, "start", FAINT, 11, "loss");
    add_line(p->out, x + 158, y - 4, x + 178, y - 4, GROWING, " stroke-width=\"1.3\"");
    add_text(p->out, x + 184, y, "start", FAINT, 11, "grows, with its rate");
    add_line(p->out, x + 306, y - 4, x + 326, y - 4, GREW, " stroke-width=\"1.3\"");
    add_text(p->out, x + 332, y, "start", FAINT, 11, "grew once");
    add_text(p->out, x + 410, y, "start", FAINT, 11, "below each panel: time since the start");
}

static void add_head(const struct picture *p)
{
    const struct soak_record *r = p->r;
    struct buf text = {0};
    buf_printf(&text, "Soak %s, ", r->scenario ? r->scenario : "");
    soak_add_clock(&text, r->elapsed_ms);
    buf_printf(&text, ": %" PRIu64 " uploads, %" PRIu64 " with a loss, %s%s", r->uploads.arrived[STAGE_UPLOAD],
               r->uploads.with_loss, verdict_name(r->verdict), r->ended ? "" : " (not ended)");
    add_text(p->out, MARGIN, MARGIN + 12, "start", INK, 16, text.data);
    add_key(p, MARGIN, MARGIN + 34);
    buf_fini(&text);
}

void report_soak_curves(const struct soak_record *r, struct buf *out)
{
    struct picture picture = {.r = r, .time = axis_time(r->elapsed_ms), .out = out}, *p = &picture;
    size_t shown = r->process_count < SOAK_CURVES_SHOWN ? r->process_count : SOAK_CURVES_SHOWN;
    double width = 2 * MARGIN + COLUMNS * PANEL_SIZE;
    double height = HEAD_SIZE + (double)shown * ROW_SIZE + MARGIN + (shown < r->process_count ? 20 : 0);
    buf_printf(out,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
               "width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, "
               "sans-serif\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
               width, height, width, height);
    add_head(p);
    for (size_t i = 0; i < shown; i++)
        add_process(p, &r->processes[i], HEAD_SIZE + (double)i * ROW_SIZE);
    if (shown < r->process_count) {
        char *text = mem_printf("and %zu more processes (soak.json has them)", r->process_count - shown);
        add_text(out, MARGIN, height - MARGIN, "start", FAINT, 11, text);
        free(text);
    }
    buf_add_str(out, "</svg>\n");
}
