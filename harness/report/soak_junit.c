/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak.h"

#include "base/mem.h"
#include "report/soak_parts.h"
#include "report/xml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct suite {
    const struct soak_record *r;
    char *class_name;
    struct buf cases;
    size_t tests, failures, errors, skipped;
};

static void add_case(struct suite *s, const char *name)
{
    s->tests++;
    buf_add_str(&s->cases, "    <testcase");
    xml_add_attribute(&s->cases, "classname", s->class_name);
    xml_add_attribute(&s->cases, "name", name);
    buf_add_str(&s->cases, ">\n");
}

static void end_case(struct suite *s)
{
    buf_add_str(&s->cases, "    </testcase>\n");
}

/* `element`: failure, error or skipped. */
static void add_outcome(struct suite *s, const char *element, const char *type, const char *message, const char *text)
{
    buf_printf(&s->cases, "      <%s", element);
    if (type)
        xml_add_attribute(&s->cases, "type", type);
    xml_add_attribute(&s->cases, "message", message);
    buf_add_char(&s->cases, '>');
    xml_add(&s->cases, text);
    buf_printf(&s->cases, "</%s>\n", element);
    s->failures += strcmp(element, "failure") == 0;
    s->errors += strcmp(element, "error") == 0;
    s->skipped += strcmp(element, "skipped") == 0;
}

/* Whether anything is known; what was lost has cases of its own. */
static void add_uploads(struct suite *s)
{
    const struct soak_uploads *u = &s->r->uploads;
    add_case(s, "uploads");
    if (u->judged == 0)
        add_outcome(s, "skipped", NULL, "no upload has been followed to the last stage", "");
    else if (s->r->verdict == VERDICT_INCONCLUSIVE)
        add_outcome(s, "skipped", NULL, s->r->conclusion, "");
    end_case(s);
}

static void add_group(struct suite *s, const struct soak_group *g)
{
    char *label = soak_lock_label(s->r, g->worker, g->lock);
    char *name = mem_printf("%s %s at %s", label, mechanism_name(g->mechanism), stage_name(g->stage));
    struct buf message = {0};
    soak_group_where(g, &message);
    add_case(s, name);
    if (g->disturbed)
        add_outcome(s, "skipped", NULL, "in disturbances only", message.data);
    else
        add_outcome(s, "failure", mechanism_name(g->mechanism), message.data,
                    "soak.json has the losses with their copies");
    end_case(s);
    buf_fini(&message);
    free(name);
    free(label);
}

/* Of locktrail itself: what a worker does with its memory is a finding and no test. */
static void add_growth(struct suite *s, const struct soak_process *p)
{
    for (int kind = 0; kind < WATCH_COUNT; kind++) {
        const struct soak_watch *w = &p->watches[kind];
        char *name = mem_printf("growth of %s's %s", p->name, soak_watch_name((enum soak_watch_kind)kind));
        add_case(s, name);
        if (soak_has_grown(w)) {
            char *text = soak_growth_text((enum soak_watch_kind)kind, w);
            add_outcome(s, "failure", "growth", text, "");
            free(text);
        } else if (!w->trend.known) {
            add_outcome(s, "skipped", NULL, "not watched long enough", "");
        }
        end_case(s);
        free(name);
    }
}

static void add_problem(struct suite *s, size_t number)
{
    const struct soak_problem *p = &s->r->problems[number];
    char *name = mem_printf("problem %zu %s", number + 1, p->who);
    add_case(s, name);
    add_outcome(s, "error", "problem", p->text, p->advice);
    end_case(s);
    free(name);
}

static void add_totals(struct buf *out, const struct suite *s)
{
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"", s->tests,
               s->failures, s->errors, s->skipped, (double)s->r->elapsed_ms / 1000);
}

void report_soak_junit(const struct soak_record *r, struct buf *out)
{
    struct suite suite = {.r = r}, *s = &suite;
    s->class_name = mem_printf("locktrail.%s.soak", r->scenario ? r->scenario : "");
    add_uploads(s);
    for (size_t i = 0; i < r->group_count; i++)
        add_group(s, &r->groups[i]);
    if (r->process_count > 0)
        add_growth(s, &r->processes[0]);
    for (size_t i = 0; i < r->problem_count; i++)
        add_problem(s, i);
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"locktrail\"");
    add_totals(out, s);
    buf_add_str(out, ">\n  <testsuite name=\"soak\"");
    add_totals(out, s);
    if (r->started_at && r->started_at[0])
        xml_add_attribute(out, "timestamp", r->started_at);
    buf_add_str(out, ">\n");
    buf_add(out, s->cases.data, s->cases.size);
    buf_add_str(out, "  </testsuite>\n</testsuites>\n");
    buf_fini(&s->cases);
    free(s->class_name);
}
