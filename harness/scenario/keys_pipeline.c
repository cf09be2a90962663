/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include "scenario/textcheck.h"

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)

const char *const agent_words[] = {"none", "trace-agent", "serverless-compat", "test-agent", "external", NULL};
const char *const backend_words[] = {"none", "store", "datadog", "directory", NULL};
const char *const ui_words[] = {"none", "pprof", "ask", NULL};

/* --- agents ----------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct scenario_agent, member)

static enum agent_kind agent_of(const void *base)
{
    return ((const struct scenario_agent *)base)->kind;
}

static bool is_agent(const void *base)
{
    return agent_of(base) != AGENT_NONE;
}

static bool is_external(const void *base)
{
    return agent_of(base) == AGENT_EXTERNAL;
}

static bool is_started(const void *base)
{
    return is_agent(base) && !is_external(base);
}

static const struct condition only_agents = {
    is_agent, {"kind", NULL}, "`none` is no agent, expected no such key", "an agent"};
static const struct condition only_external = {
    is_external, {"kind", NULL}, "only an agent of `kind: external` has this key", "kind external"};
static const struct condition only_started = {
    is_started, {"kind", NULL}, "only an agent that locktrail starts has this key", "an agent that locktrail starts"};

static const struct key agent_rows[] = {
    {.name = "kind",
     .type = KEY_WORD,
     .offset = AT(kind),
     .words = agent_words,
     .required = true,
     .help = "the real trace-agent, the agent of serverless-compat, ddapm-test-agent (a sink, no backend behind it), "
             "one that runs already, or none: straight to the backend"},
    {.name = "url",
     .type = KEY_TEXT,
     .offset = AT(url),
     .required = true,
     .only = &only_external,
     .check = check_agent_url,
     .expected = "the agent's address: `http://HOST:PORT`, `https://HOST:PORT` or `unix:///PATH`",
     .help = "where it listens"},
    {.name = "start_timeout",
     .type = KEY_DURATION,
     .offset = AT(start_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_agents,
     .initial = "10s",
     .help = "until it answers"},
    {.name = "stop_timeout",
     .type = KEY_DURATION,
     .offset = AT(stop_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_started,
     .initial = "5s",
     .help = "from SIGTERM to SIGKILL"},
};
const struct key_table keys_agent = {ROWS(agent_rows), .size = sizeof(struct scenario_agent), .shorthand = "kind",
                                     .placeholder = "N", .what = "an agent"};
#undef AT

/* --- backend and ui --------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct scenario, member)

static enum backend_kind backend_of(const void *base)
{
    return ((const struct scenario *)base)->backend.kind;
}

static bool has_backend(const void *base)
{
    return backend_of(base) != BACKEND_NONE;
}

static bool is_datadog(const void *base)
{
    return backend_of(base) == BACKEND_DATADOG;
}

static bool is_directory(const void *base)
{
    return backend_of(base) == BACKEND_DIRECTORY;
}

static bool is_asked(const void *base)
{
    return is_datadog(base) || backend_of(base) == BACKEND_STORE;
}

static const struct condition only_backend = {
    has_backend, {"kind", NULL}, "this key goes only with a backend, and `kind` is `none`", "a backend"};
static const struct condition only_datadog = {
    is_datadog, {"kind", NULL}, "only a backend of `kind: datadog` has this key", "kind datadog"};
static const struct condition only_directory = {
    is_directory, {"kind", NULL}, "only a backend of `kind: directory` has this key", "kind directory"};
static const struct condition only_asked = {
    is_asked, {"kind", NULL}, "only a backend of `kind: store` or `datadog` has this key", "kind store or datadog"};

static const struct key backend_rows[] = {
    {.name = "kind",
     .type = KEY_WORD,
     .offset = AT(backend.kind),
     .words = backend_words,
     .initial = "none",
     .help = "where uploads end and are read back from: locktrail's own store, the real site (with DD_API_KEY and "
             "DD_APP_KEY in the shell; nothing else leaves the machine), or files that someone else puts there"},
    {.name = "url",
     .type = KEY_TEXT,
     .offset = AT(backend.url),
     .only = &only_datadog,
     .check = check_web_url,
     .expected = "a base address: `https://HOST` or `http://HOST:PORT`",
     .help = "of the API that lists and downloads profiles; without it https://app.SITE"},
    {.name = "intake",
     .type = KEY_TEXT,
     .offset = AT(backend.intake),
     .only = &only_datadog,
     .check = check_web_url,
     .expected = "a whole address, such as `https://HOST/api/v2/profile`",
     .help = "where uploads go; without it https://intake.profile.SITE/api/v2/profile"},
    {.name = "site",
     .type = KEY_TEXT,
     .offset = AT(backend.site),
     .only = &only_datadog,
     .check = check_site,
     .expected = "a host's name, such as `datadoghq.com`",
     .help = "the site; without it DD_SITE of the shell, or datadoghq.com"},
    {.name = "directory",
     .type = KEY_TEXT,
     .offset = AT(backend.directory),
     .min = 1,
     .max = 4095,
     .required = true,
     .only = &only_directory,
     .check = check_one_line,
     .expected = "a directory",
     .help = "where the files are"},
    {.name = "deadline",
     .type = KEY_DURATION,
     .offset = AT(backend.deadline_ms),
     .min = 100,
     .max = KEY_HOURS(24),
     .only = &only_backend,
     .help = "until all uploads are there: 10s by default, with datadog 120s"},
    {.name = "timeout",
     .type = KEY_DURATION,
     .offset = AT(backend.timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_asked,
     .initial = "10s",
     .help = "for one request"},
};
const struct key_table keys_backend = {ROWS(backend_rows), .shorthand = "kind"};

static bool is_pprof(const void *base)
{
    return ((const struct scenario *)base)->ui.kind == UI_PPROF;
}

static bool is_ask(const void *base)
{
    return ((const struct scenario *)base)->ui.kind == UI_ASK;
}

static const struct condition only_pprof = {
    is_pprof, {"kind", NULL}, "this key goes only with `kind: pprof`", "kind pprof"};
static const struct condition only_ask = {is_ask, {"kind", NULL}, "this key goes only with `kind: ask`", "kind ask"};

static const struct key ui_rows[] = {
    {.name = "kind",
     .type = KEY_WORD,
     .offset = AT(ui.kind),
     .words = ui_words,
     .initial = "none",
     .help = "what a person is shown: pprof's page in a headless Chromium, or a question for each name on the terminal "
             "(locktrail attest)"},
    {.name = "pprof",
     .type = KEY_TEXT,
     .offset = AT(ui.pprof),
     .min = 1,
     .max = 4095,
     .only = &only_pprof,
     .check = check_program,
     .expected = "a program's name or path",
     .help = "google/pprof; without it the one that `make agents` has built, else that of PATH"},
    {.name = "driver",
     .type = KEY_TEXT,
     .offset = AT(ui.driver),
     .min = 1,
     .max = 4095,
     .only = &only_pprof,
     .initial = "chromedriver",
     .check = check_program,
     .expected = "a program's name or path",
     .help = "of Chromium, for WebDriver"},
    {.name = "timeout",
     .type = KEY_DURATION,
     .offset = AT(ui.timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_pprof,
     .initial = "30s",
     .help = "for one page"},
    {.name = "link",
     .type = KEY_TEXT,
     .offset = AT(ui.link),
     .min = 1,
     .max = KEY_LINK_MAX,
     .only = &only_ask,
     .check = check_link,
     .expected = "a link: `https://...` or `http://...`, without spaces",
     .help = "where the person looks; without it the site's page of the service"},
};
const struct key_table keys_ui = {ROWS(ui_rows), .shorthand = "kind"};
#undef AT
