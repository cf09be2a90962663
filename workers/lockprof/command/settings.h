/* SPDX-License-Identifier: Apache-2.0 */
/* Where profiles go and in which form: options of `run` and `export`, with the environment's variables as defaults. */
#ifndef LOCKPROF_COMMAND_SETTINGS_H
#define LOCKPROF_COMMAND_SETTINGS_H

#include "lockprof/command/options.h"
#include "lockprof/export/exporter.h"

/* Prefix of files where none was asked for. */
#define SETTINGS_PREFIX "lockprof"

struct settings {
    const char *output; /* NULL: no files */
    bool has_upload;
    bool drop_unsent; /* no file for what can't be sent */
    struct endpoint endpoint;
    const char *api_key; /* of the environment */
    enum compression compression;
    struct modules_options modules;
    const char *service, *env, *version, *tags; /* of the environment; may be NULL */
};

/* Reads --output, --upload, --no-upload, --drop-unsent, --compression and --debug-dir. With `environment` what is not
 * given comes from DD_PROFILING_OUTPUT_PPROF, DD_TRACE_AGENT_URL, or DD_SITE with DD_API_KEY; where nothing says where
 * to, files begin with SETTINGS_PREFIX. ERR_USAGE, or ERR_WRITE where the files' directory can't be written. */
int settings_read(const struct command_line *line, bool environment, struct settings *out, struct err *e);
void settings_fini(struct settings *settings);

/* Starts the uploader; `tags` (borrowed by it) is filled. NULL in *out where there is no upload. */
int settings_start_upload(const struct settings *settings, const char *program, long pid, const char *last_resort,
                          struct buf *tags, struct uploader **out, struct err *e);

#endif
