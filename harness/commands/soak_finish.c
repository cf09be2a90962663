/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/soak_finish.h"

#include "base/mem.h"
#include "commands/files.h"
#include "commands/output.h"
#include "engine/soak_record.h"
#include "io/disk.h"
#include "report/soak.h"

#include <stdlib.h>
#include <unistd.h>

bool soak_is_directory(const char *directory)
{
    char *path = mem_printf("%s/soak.json", directory);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* Of a soak that goes on, or was killed and may go on, those that are there are out of date. */
static int write_files(const struct soak_record *r, const char *directory, const struct soak_finish_options *options,
                       struct err *e)
{
    bool always = options->write || !r->ended, wanted = options->write || access(directory, W_OK) == 0;
    struct buf junit = {0}, curves = {0};
    int result = 0;
    report_soak_junit(r, &junit);
    report_soak_curves(r, &curves);
    if (wanted)
        result = files_write_result(directory, "junit.xml", &junit, always, e);
    if (wanted && result == 0)
        result = files_write_result(directory, "curves.svg", &curves, always, e);
    if (result == 0 && options->junit)
        result = disk_write_now(options->junit, junit.data, junit.size, e);
    buf_fini(&junit);
    buf_fini(&curves);
    return result;
}

static int print(const struct soak_record *r, const char *directory, const struct soak_finish_options *options)
{
    struct buf text = {0};
    bool colour = output_has_colour(STDOUT_FILENO);
    if (options->json)
        report_soak_json(r, &text);
    else if (options->quiet)
        report_soak_quiet(r, directory, colour, &text);
    else
        report_soak(r, directory, colour, &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

static int finish(const struct soak_record *r, const char *directory, const struct soak_finish_options *options)
{
    struct err e;
    int written = write_files(r, directory, options, &e);
    int code = print(r, directory, options);
    if (written < 0)
        code = output_error(&e);
    return code == 0 ? soak_record_exit_code(r) : code;
}

int soak_finish(const char *directory, const struct soak_finish_options *options)
{
    struct soak_record record;
    struct err e;
    if (options->record)
        return finish(options->record, directory, options);
    if (soak_record_load(directory, &record, &e) < 0) {
        /* Whatever the user names and locktrail can't read is a bad input, also where it is simply not there. */
        if (e.code == ERR_MISSING)
            e.code = ERR_INPUT;
        return output_error(&e);
    }
    int code = finish(&record, directory, options);
    soak_record_fini(&record);
    return code;
}
