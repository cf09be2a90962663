/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "lockprof/command/capture_dir.h"
#include "lockprof/command/commands.h"
#include "lockprof/command/settings.h"
#include "lockprof/export/say.h"

#include <stdlib.h>

#define UPLOAD_DEADLINE_MS 30000

static const struct option options[] = {
    {"--output", "PREFIX", "Write the profile to PREFIX.PID.N.pprof, N the first that is free. Default: lockprof."},
    {"--remove", NULL, "Remove what was exported of ended processes from the directory."},
    {"--upload", "URL", "Send the profile to an agent too, as for run."},
    {"--compression", "HOW", "zstd (the default), gzip or none; go tool pprof reads the last two."},
    {"--debug-dir", "DIR", "Where separate debug files are. Default: /usr/lib/debug."},
};

static int finish(struct exporter *exporter, struct uploader *uploader, const char *directory, bool remove)
{
    struct exporter_result result;
    struct err e;
    bool unsent = uploader && uploader_finish(uploader, UPLOAD_DEADLINE_MS).sent == 0;
    exporter_result(exporter, &result);
    if (remove)
        capture_dir_remove(directory);
    if (result.path)
        say("%zu sample%s in %s (lockprof top shows it)", result.samples, result.samples == 1 ? "" : "s", result.path);
    free(result.path);
    if (!unsent)
        return 0;
    err_set(&e, ERR_MISSING, "the profile was not sent");
    return output_error(&e);
}

static int export_now(struct exporter *exporter, const char *directory, bool remove, struct err *e)
{
    size_t count;
    if (exporter_count(exporter, &count, e) != 0)
        return -1;
    if (count == 0)
        return err_set(e, ERR_INPUT, "%s has no capture file", directory);
    return exporter_export(exporter, 0, remove, e);
}

static int export_directory(const char *directory, bool remove, const struct settings *s)
{
    struct exporter_options options_of = {
        .directory = directory, .output = s->output, .modules = s->modules, .compression = s->compression};
    struct buf tags = {0};
    struct err e;
    int code;
    if (settings_start_upload(s, s->service, 0, NULL, &tags, &options_of.uploader, &e) != 0)
        return output_error(&e);
    struct exporter *exporter = exporter_new(&options_of);
    if (export_now(exporter, directory, remove, &e) == 0) {
        code = finish(exporter, options_of.uploader, directory, remove);
    } else {
        code = output_error(&e);
        if (options_of.uploader)
            uploader_finish(options_of.uploader, 0);
    }
    exporter_free(exporter);
    buf_fini(&tags);
    return code;
}

static int run(const struct command_line *line)
{
    struct settings settings;
    struct err e;
    if (settings_read(line, false, &settings, &e) != 0)
        return output_error(&e);
    int code = export_directory(line->operands[0], command_line_has(line, "--remove"), &settings);
    settings_fini(&settings);
    return code;
}

const struct command command_export = {
    .name = "export",
    .operands = "DIR",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Makes a profile of a directory of capture files: what a killed lockprof run left, or a program that "
               "was started with LD_PRELOAD by hand.",
    .details = "lockprof run keeps them in /dev/shm/lockprof.PID.XXXXXX while it runs. By hand:\n"
               "  mkdir d; LOCKPROF_DIR=$PWD/d LD_PRELOAD=/path/liblockprof.so ./program\n"
               "  lockprof export d\n"
               "What lockprof run has exported before is not counted again. Processes may still\n"
               "run. Without --remove the directory stays as it is.\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};
