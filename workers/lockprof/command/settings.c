/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/settings.h"

#include "base/mem.h"
#include "lockprof/export/event.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NULL where it is unset or empty. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static int read_upload(const struct command_line *line, bool environment, struct settings *s, struct err *e)
{
    const char *url = command_line_value(line, "--upload");
    const char *site = variable("DD_SITE");
    s->api_key = variable("DD_API_KEY");
    if (command_line_has(line, "--no-upload"))
        return url ? err_set(e, ERR_USAGE, "--upload and --no-upload are both given, give one") : 0;
    if (!url && environment)
        url = variable("DD_TRACE_AGENT_URL");
    if (url) {
        if (endpoint_parse(url, &s->endpoint, e) != 0)
            return -1;
    } else if (environment && site && s->api_key) {
        if (endpoint_of_site(site, &s->endpoint, e) != 0)
            return -1;
    } else {
        return 0;
    }
    s->has_upload = true;
    if (s->endpoint.agentless && !s->api_key)
        return err_set(e, ERR_USAGE, "%s takes profiles only with a key, set DD_API_KEY", s->endpoint.shown);
    if (s->api_key && strpbrk(s->api_key, "\r\n"))
        return err_set(e, ERR_USAGE, "DD_API_KEY has a line break in it");
    return 0;
}

/* Before the program has run for an hour. */
static int check_output(const char *prefix, struct err *e)
{
    const char *slash = strrchr(prefix, '/');
    char *directory = slash ? mem_strndup(prefix, (size_t)(slash + 1 - prefix)) : mem_strdup(".");
    int result = access(directory, W_OK | X_OK);
    if (result != 0)
        err_sys(e, ERR_WRITE, errno, "can't write %s.*.pprof", prefix);
    free(directory);
    return result;
}

static int read_all(const struct command_line *line, bool environment, struct settings *s, struct err *e)
{
    const char *compression = command_line_value(line, "--compression");
    if (compression && !compression_parse(compression, &s->compression))
        return err_set(e, ERR_USAGE, "--compression: \"%s\" is unknown, expected zstd, gzip or none", compression);
    if (s->output && !s->output[0])
        return err_set(e, ERR_USAGE, "--output: the prefix is empty");
    if (read_upload(line, environment, s, e) != 0)
        return -1;
    if (!s->output && environment)
        s->output = variable("DD_PROFILING_OUTPUT_PPROF");
    if (!s->output && !s->has_upload)
        s->output = SETTINGS_PREFIX;
    return s->output ? check_output(s->output, e) : 0;
}

int settings_read(const struct command_line *line, bool environment, struct settings *out, struct err *e)
{
    struct settings s = {.output = command_line_value(line, "--output"),
                         .drop_unsent = command_line_has(line, "--drop-unsent"),
                         .modules.debug_directory = command_line_value(line, "--debug-dir"),
                         .service = variable("DD_SERVICE"),
                         .env = variable("DD_ENV"),
                         .version = variable("DD_VERSION"),
                         .tags = variable("DD_TAGS")};
    if (read_all(line, environment, &s, e) != 0) {
        settings_fini(&s);
        return -1;
    }
    *out = s;
    return 0;
}

void settings_fini(struct settings *settings)
{
    endpoint_fini(&settings->endpoint);
}

int settings_start_upload(const struct settings *s, const char *program, long pid, const char *last_resort,
                          struct buf *tags, struct uploader **out, struct err *e)
{
    char host[HOST_NAME_MAX + 1] = "", runtime_id[EVENT_UUID_SIZE];
    const char *slash = program ? strrchr(program, '/') : NULL;
    *out = NULL;
    if (!s->has_upload)
        return 0;
    gethostname(host, sizeof host - 1);
    event_new_uuid(runtime_id);
    struct event_identity identity = {.service = s->service ? s->service
                                                 : slash    ? slash + 1
                                                            : program,
                                      .env = s->env,
                                      .version = s->version,
                                      .host = host,
                                      .runtime_id = runtime_id,
                                      .tags = s->tags,
                                      .pid = pid};
    event_tags(&identity, tags);
    struct uploader_options options = {.endpoint = s->endpoint,
                                       .api_key = s->api_key,
                                       .tags = tags->data,
                                       .kept_prefix = s->drop_unsent ? NULL : SETTINGS_PREFIX,
                                       .last_resort = last_resort,
                                       .pid = pid};
    return uploader_new(out, &options, e);
}
