/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/finish.h"

#include "base/mem.h"
#include "commands/files.h"
#include "commands/output.h"
#include "engine/evidence.h"
#include "engine/screen_attest.h"
#include "io/disk.h"
#include "report/json.h"
#include "report/junit.h"
#include "report/terminal.h"

#include <stdlib.h>
#include <unistd.h>

static int write_files(const struct evidence *ev, const struct buf *json, const struct finish_options *options,
                       struct err *e)
{
    struct buf junit = {0};
    report_junit(ev, &junit);
    int result = files_write_result(ev->directory, "report.json", json, options->files == FINISH_WRITE, e);
    if (result == 0)
        result = files_write_result(ev->directory, "junit.xml", &junit, options->files == FINISH_WRITE, e);
    if (result == 0 && options->junit)
        result = disk_write_now(options->junit, junit.data, junit.size, e);
    buf_fini(&junit);
    return result;
}

static int print(const struct evidence *ev, const struct buf *json, const struct finish_options *options)
{
    struct buf text = {0};
    if (options->json)
        return output_text(json);
    if (options->quiet)
        report_quiet(ev, output_has_colour(STDOUT_FILENO), &text);
    else
        report_terminal(ev, output_has_colour(STDOUT_FILENO), &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

/* Nobody is asked at the end of a run: it would wait for ever where nobody is. */
static int print_open_questions(const struct evidence *ev, bool aside)
{
    struct attestation a;
    struct buf text = {0};
    struct err e;
    int code = 0;
    if (ev->scenario->ui.kind != UI_ASK || attestation_open(ev, &a, &e) < 0) /* what can't be read is in the report */
        return 0;
    size_t unanswered = attestation_unanswered(&a);
    if (unanswered > 0) {
        buf_printf(&text, "%zu of %zu names on the page are not attested yet: locktrail attest %s\n", unanswered,
                   a.question_count, ev->directory);
        if (aside)
            output_note(&text);
        else
            code = output_text(&text);
    }
    attestation_fini(&a);
    buf_fini(&text);
    return code;
}

int finish(const char *directory, const struct finish_options *options)
{
    struct evidence *ev = NULL;
    struct buf json = {0};
    struct err e;
    if (evidence_load(directory, &ev, &e) < 0) {
        /* Whatever the user names and locktrail can't read is a bad input, also where it is simply not there. */
        if (e.code == ERR_MISSING)
            e.code = ERR_INPUT;
        return output_error(&e);
    }
    report_json(ev, &json);
    int written = write_files(ev, &json, options, &e);
    int code = print(ev, &json, options);
    if (code == 0)
        code = print_open_questions(ev, options->json || options->quiet);
    if (written < 0)
        code = output_error(&e);
    if (code == 0)
        code = evidence_exit_code(ev);
    buf_fini(&json);
    evidence_free(ev);
    return code;
}
