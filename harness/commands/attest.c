/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "base/mem.h"
#include "commands/finish.h"
#include "commands/output.h"
#include "engine/screen_attest.h"
#include "io/disk.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line for each of the most locks that a run may have, with room. */
#define ANSWERS_MAX ((size_t)64 << 20)

static const struct option options[] = {
    {"--answers", "FILE", false,
     "Takes the answers from FILE (- is standard input), one a line: INSTANCE LOCK = what the page shows."},
    {"--again", NULL, false, "Asks what was answered already, too."},
};

/* --- answers from a file --- */

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]))
        text[--size] = '\0';
    return text;
}

/* "python.1.upload member/user_session_lock = Lock"; nothing behind the sign is "as declared". */
static int take_line(struct attestation *a, char *line, bool again, struct err *e)
{
    char *sign = strstr(line, " =");
    if (!sign)
        return err_set(e, ERR_INPUT, "expected INSTANCE LOCK = TEXT");
    *sign = '\0';
    char *instance = trim(line), *text = trim(sign + 2);
    char *blank = instance + strcspn(instance, " \t");
    size_t question;
    if (*blank == '\0')
        return err_set(e, ERR_INPUT, "expected INSTANCE LOCK = TEXT");
    *blank = '\0';
    if (attestation_find(a, instance, trim(blank + 1), &question, e) < 0)
        return -1;
    if (again || !attestation_answer(a, question))
        attestation_take(a, question, text);
    return 0;
}

static int take_text(struct attestation *a, const char *name, char *text, bool again, struct err *e)
{
    size_t number = 0;
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        char *begin = trim(line);
        if (begin[0] != '\0' && begin[0] != '#' && take_line(a, begin, again, e) < 0)
            return err_wrap(e, "%s:%zu", name, number);
    }
    return 0;
}

static int read_stream(FILE *stream, struct buf *out, struct err *e)
{
    char piece[4096];
    size_t size;
    while ((size = fread(piece, 1, sizeof piece, stream)) > 0) {
        if (out->size + size > ANSWERS_MAX)
            return err_set(e, ERR_INPUT, "standard input has more than %zu MiB", ANSWERS_MAX >> 20);
        buf_add(out, piece, size);
    }
    return ferror(stream) ? err_set(e, ERR_INPUT, "can't read standard input") : 0;
}

/* All of the answers, or none. */
static int take_answers(struct attestation *a, const char *name, bool again, struct err *e)
{
    struct buf text = {0};
    bool is_stdin = strcmp(name, "-") == 0;
    int result = is_stdin ? read_stream(stdin, &text, e) : disk_read_now(name, ANSWERS_MAX, &text, e);
    if (result < 0 && e->code == ERR_MISSING)
        e->code = ERR_INPUT;
    if (result == 0 && text.size > 0 && strlen(text.data) < text.size)
        result = err_set(e, ERR_INPUT, "%s is no text: it has a zero byte", is_stdin ? "standard input" : name);
    if (result == 0 && text.size > 0)
        result = take_text(a, is_stdin ? "standard input" : name, text.data, again, e);
    buf_fini(&text);
    return result == 0 ? attestation_save(a, e) : -1;
}

/* --- answers from a person --- */

static void add_question(const struct attestation *a, size_t index, struct buf *out)
{
    const struct lock *lock = &a->evidence->ledger.locks[a->questions[index].lock];
    if (lock->name[0])
        text_add_clean(out, lock->name);
    else
        buf_add_str(out, "a lock without a name");
    if (lock->file[0]) {
        buf_add_str(out, " at ");
        text_add_clean(out, lock->file);
        buf_printf(out, ":%u", lock->line);
    }
    if (lock->rendering != RENDERING_EXACT) {
        char *label = attestation_declared(a->evidence, lock);
        buf_add_str(out, " (right is ");
        text_add_clean(out, label);
        buf_add_char(out, ')');
        free(label);
    }
    buf_add_str(out,
                ": what does the page show?\n  [Enter: as declared / text / - nothing / s: don't know / q: stop] ");
}

static void add_head(const struct attestation *a, size_t index, struct buf *out)
{
    const struct attest_question *q = &a->questions[index];
    size_t instance = a->processes[q->process].instance;
    buf_add_char(out, '\n');
    text_add_clean(out, a->evidence->ledger.instances[instance].name);
    buf_add_str(out, ":\n");
}

/* 1: answered; 0: the person stops. */
static int ask(struct attestation *a, size_t index)
{
    struct buf text = {0};
    char *line = NULL;
    size_t capacity = 0;
    add_question(a, index, &text);
    fputs(text.data, stdout);
    fflush(stdout);
    buf_fini(&text);
    bool there = getline(&line, &capacity, stdin) >= 0;
    if (there)
        line[strcspn(line, "\n")] = '\0';
    char *answer = there ? trim(line) : NULL;
    bool answered = answer && strcmp(answer, "q") != 0;
    if (answered)
        attestation_take(a, index, answer);
    else if (!there)
        fputc('\n', stdout);
    free(line);
    return answered;
}

/* Each answer is on the disk before the next question: whoever stops goes on there. */
static int ask_all(struct attestation *a, bool again, struct err *e)
{
    struct buf text = {0};
    const char *link = attestation_link(a->evidence);
    size_t process = SIZE_MAX;
    if (link[0]) {
        buf_add_str(&text, "The page: ");
        text_add_clean(&text, link);
        buf_add_char(&text, '\n');
    } else {
        buf_add_str(&text, "The run knows no link to a page (ui.link of the scenario).\n");
    }
    fputs(text.data, stdout);
    for (size_t i = 0; i < a->question_count; i++) {
        if (!again && attestation_answer(a, i))
            continue;
        buf_clear(&text);
        if (a->questions[i].process != process)
            add_head(a, i, &text);
        process = a->questions[i].process;
        fputs(text.size > 0 ? text.data : "", stdout);
        if (!ask(a, i))
            break;
        if (attestation_save(a, e) < 0) {
            buf_fini(&text);
            return -1;
        }
    }
    fputc('\n', stdout);
    fflush(stdout);
    buf_fini(&text);
    return 0;
}

/* --- the command --- */

static int check_run(const struct evidence *ev, struct err *e)
{
    if (ev->scenario->ui.kind == UI_ASK)
        return 0;
    return err_set(e, ERR_USAGE, "%s: nobody is to be asked, its scenario has ui: %s and not ui: ask", ev->directory,
                   scenario_ui_name(ev->scenario->ui.kind));
}

static int attest(const struct evidence *ev, const struct command_line *line, struct err *e)
{
    const char *answers = command_line_value(line, "--answers");
    bool again = command_line_has(line, "--again");
    struct attestation a;
    if (check_run(ev, e) < 0)
        return -1;
    if (!answers && !isatty(STDIN_FILENO))
        return err_set(e, ERR_USAGE,
                       "attest asks on a terminal, and standard input is none: run it on one, or give "
                       "--answers FILE");
    if (attestation_open(ev, &a, e) < 0)
        return -1;
    int result;
    if (a.question_count == 0)
        result = err_set(e, ERR_INPUT,
                         "%s: no upload of a process with declared locks was captured, so there is no page "
                         "to look at",
                         ev->directory);
    else
        result = answers ? take_answers(&a, answers, again, e) : ask_all(&a, again, e);
    attestation_fini(&a);
    return result;
}

static int run(const struct command_line *line)
{
    struct finish_options shown = {.files = FINISH_WRITE};
    struct evidence *ev = NULL;
    struct err e;
    if (evidence_load(line->operands[0], &ev, &e) < 0) {
        if (e.code == ERR_MISSING) /* as `report` does */
            e.code = ERR_INPUT;
        return output_error(&e);
    }
    int result = attest(ev, line, &e);
    evidence_free(ev);
    return result < 0 ? output_error(&e) : finish(line->operands[0], &shown);
}

const struct command command_attest = {
    .name = "attest",
    .operands = "RUN",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Asks what a page shows that no program may read (ui: ask), and judges the run anew.",
    .details = "One question for each declared lock of each process whose uploads reached the backend. An answer is "
               "Enter (as declared), the text that the page shows, - (nothing), or s (not known: the lock is then not "
               "judged); q stops, and the next attest asks the rest. Text in quotation marks is meant as it stands. "
               "Answers are kept with their time in copies/ui of the run. Exits as the run would.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
