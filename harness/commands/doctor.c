/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/mem.h"
#include "commands/doctor_checks.h"
#include "commands/output.h"
#include "report/text.h"
#include "report/version.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* What a doctor without a file looks for: the needs of smoke.yaml. */
static const char shipped[] = "name: doctor\n"
                              "workers:\n"
                              "  native: {runtime: native}\n"
                              "  python: {runtime: ddtrace, optional: true}\n"
                              "phases:\n"
                              "  - {pattern: member}\n";

void doctor_say(struct doctor *d, enum finding level, const char *what, const char *fix, const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warning", "missing"};
    struct buf text = {0};
    va_list args;
    level = level == FINDING_MISSING && d->optional ? FINDING_WARNING : level;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    buf_printf(d->out, "%-8s ", words[level]);
    text_add_clean(d->out, what);
    buf_add_str(d->out, ": ");
    text_add_clean(d->out, text.data);
    if (level != FINDING_OK)
        buf_printf(d->out, "; fix: %s", fix);
    buf_add_char(d->out, '\n');
    d->missing = d->missing || level == FINDING_MISSING;
    d->warned = d->warned || level == FINDING_WARNING;
    buf_fini(&text);
}

/* False where locktrail's own folder is not found. */
static bool check_home(struct doctor *d, struct files_home *home)
{
    struct err e;
    if (files_find_home(home, &e) < 0) {
        doctor_say(d, FINDING_MISSING, "locktrail", "run it from its own folder's build/", "%s", e.text);
        return false;
    }
    doctor_say(d, FINDING_OK, "locktrail", NULL, "%s in %s", LOCKTRAIL_VERSION, home->root);
    char *guard = mem_printf("%s/locktrail-guard", home->build);
    if (access(guard, X_OK) < 0)
        doctor_say(d, FINDING_MISSING, "guard", "make", "%s is not there", guard);
    else
        doctor_say(d, FINDING_OK, "guard", NULL, "%s", guard);
    free(guard);
    return true;
}

/* Of locktrail's own workloads. */
static void check_own(struct doctor *d, const struct scenario *s, const struct scenario_worker *w,
                      const struct files_home *home)
{
    if (w->runtime == RUNTIME_NATIVE) {
        doctor_native(d, w, s->control.kind == CONTROL_BUILTIN, home->build);
        return;
    }
    d->optional = w->optional;
    doctor_python(d, w, home->root);
    d->optional = false;
}

static void check_command(struct doctor *d, const struct scenario_worker *w)
{
    char *what = mem_printf("worker %s", w->name);
    if (w->directory && access(w->directory, X_OK) < 0)
        doctor_say(d, FINDING_MISSING, what, "make it, or correct `directory` in the scenario",
                   "its directory %s is not there", w->directory);
    if (w->command_count > 0)
        doctor_program(d, what, w->command[0], w->directory);
    free(what);
}

static void check_all(struct doctor *d, const struct scenario *s)
{
    size_t processes = 0;
    struct files_home home = {0};
    bool found = check_home(d, &home);
    for (size_t i = 0; i < s->worker_count; i++) {
        const struct scenario_worker *w = &s->workers[i];
        if (!scenario_worker_is_ours(w))
            check_command(d, w);
        else if (found)
            check_own(d, s, w, &home);
        processes += w->count * (scenario_worker_arms(s, w) == ARMS_PAIRED ? 2 : 1);
    }
    if (s->control.kind == CONTROL_COMMAND && s->control.command_count > 0)
        doctor_program(d, "control", s->control.command[0], NULL);
    doctor_intake(d, s->intake.listen);
    doctor_pipeline(d, s, found ? &home : NULL);
    /* Behind a pipeline nothing is forwarded. */
    if (!scenario_has_pipeline(s))
        doctor_forward(d, s);
    doctor_space(d);
    doctor_descriptors(d, processes);
    files_home_fini(&home);
}

static int load(const struct command_line *line, struct scenario **s, struct buf *complaints)
{
    struct diagnostics diagnostics = {0};
    if (line->operand_count > 0)
        return files_load_scenario(line->operands[0], NULL, 0, s, complaints);
    int result = scenario_read("shipped", shipped, sizeof shipped - 1, NULL, 0, s, &diagnostics);
    if (result < 0)
        buf_printf(complaints, "locktrail: doctor: %s\n", diagnostics.items[0].text);
    diagnostics_fini(&diagnostics);
    return result < 0 ? ERR_INTERNAL : 0;
}

static int run(const struct command_line *line)
{
    struct scenario *s = NULL;
    struct buf text = {0};
    struct doctor d = {.out = &text};
    int code = load(line, &s, &text);
    if (code != 0) {
        output_note(&text);
    } else {
        check_all(&d, s);
        if (d.missing)
            buf_add_str(&text, "Something is missing: a run would fail.\n");
        else
            buf_printf(&text, "%s\n", d.warned ? "A run can begin; read the warnings." : "All is there.");
        code = output_text(&text);
        if (code == 0 && d.missing)
            code = ERR_MISSING;
    }
    scenario_free(s);
    buf_fini(&text);
    return code;
}

const struct command command_doctor = {
    .name = "doctor",
    .operands = "[FILE]",
    .operands_max = 1,
    .summary = "Checks that all is there that a run needs, and says how to get what is not.",
    .details = "With FILE only what this scenario needs. One line for each finding: ok, warning or missing, with its "
               "fix. Exits 69 when something is missing.",
    .run = run,
};
