/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include "scenario/textcheck.h"
#include "trail/trail.h"

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)

/* The default of a number that another folder defines, as text. */
#define TEXT_OF(x) TEXT_OF_(x)
#define TEXT_OF_(x) #x

/* --- the scenario ----------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct scenario, member)

static const char *const arms_words[] = {"auto", "paired", "tee", NULL};
static const char *const control_words[] = {"none", "builtin", NULL};
static const char *const report_words[] = {"brief", "debug", NULL};
static const char *const forward_words[] = {"environment", "none", "agent", "agentless", NULL};

static bool goes_to_agent(const void *base)
{
    return ((const struct scenario *)base)->forward.kind == FORWARD_AGENT;
}

static bool goes_agentless(const void *base)
{
    return ((const struct scenario *)base)->forward.kind == FORWARD_AGENTLESS;
}

static const struct condition only_agent = {
    goes_to_agent, {"to", NULL}, "this key goes only with `to: agent`", "to agent"};
static const struct condition only_agentless = {
    goes_agentless, {"to", NULL}, "this key goes only with `to: agentless`", "to agentless"};

static const struct key control_rows[] = {
    {.name = "command",
     .type = KEY_TEXTS,
     .offset = AT(control.command),
     .second = AT(control.command_count),
     .min = 1,
     .max = KEY_ARGUMENT_MAX,
     .required = true,
     .expected = "a list of a program and its arguments",
     .help = "a check of your own, such as pytest on the profiler; exit status 0 passes"},
    {.name = "timeout",
     .type = KEY_DURATION,
     .offset = AT(control.timeout_ms),
     .min = 100,
     .max = KEY_HOURS(24),
     .initial = "60s",
     .help = "the command is stopped after it"},
};
static const struct key_table control_table = {ROWS(control_rows)};

static const struct key intake_rows[] = {
    {.name = "listen",
     .type = KEY_TEXT,
     .offset = AT(intake.listen),
     .initial = "127.0.0.1:0",
     .check = check_listen,
     .expected = "a loopback address with a port (`127.0.0.1:0`, `[::1]:8126`), `\"unix:\"` in quotes, or `unix:/PATH`",
     .help = "where workers upload to; port 0 picks a free one, `\"unix:\"` a socket in the run directory"},
    {.name = "max_body",
     .type = KEY_SIZE,
     .offset = AT(intake.max_body),
     .min = 1024,
     .max = KEY_GIB(1),
     .initial = "64MiB",
     .help = "largest upload"},
    {.name = "max_header",
     .type = KEY_SIZE,
     .offset = AT(intake.max_header),
     .min = 1024,
     .max = KEY_MIB(1),
     .initial = "32KiB",
     .help = "largest head of a request"},
    {.name = "max_parts",
     .type = KEY_UNSIGNED,
     .offset = AT(intake.max_parts),
     .min = 1,
     .max = 1000,
     .initial = "16",
     .help = "most parts of one upload"},
    {.name = "idle_timeout",
     .type = KEY_DURATION,
     .offset = AT(intake.idle_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .initial = "10s",
     .help = "an upload on which nothing comes for so long is given up"},
};
static const struct key_table intake_table = {ROWS(intake_rows)};

static const struct key forward_rows[] = {
    {.name = "to",
     .type = KEY_WORD,
     .offset = AT(forward.kind),
     .words = forward_words,
     .initial = "environment",
     .help = "where uploads go after they were recorded: what DD_TRACE_AGENT_URL, DD_AGENT_HOST, "
             "DD_API_KEY say in the shell, nowhere, an agent, a site without an agent"},
    {.name = "url",
     .type = KEY_TEXT,
     .offset = AT(forward.url),
     .only = &only_agent,
     .check = check_agent_url,
     .expected = "the agent's address: `http://HOST:PORT`, `https://HOST:PORT` or `unix:///PATH`",
     .help = "the agent; without it the shell's variables say"},
    {.name = "site",
     .type = KEY_TEXT,
     .offset = AT(forward.site),
     .only = &only_agentless,
     .check = check_site,
     .expected = "a host's name, such as `datadoghq.com`",
     .help = "the site; without it DD_SITE of the shell, or datadoghq.com"},
    {.name = "timeout",
     .type = KEY_DURATION,
     .offset = AT(forward.timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .initial = "10s",
     .help = "for one upload"},
};
static const struct key_table forward_table = {ROWS(forward_rows)};

static const struct key evidence_rows[] = {
    {.name = "absence_probability",
     .type = KEY_NUMBER,
     .offset = AT(evidence.absence_probability),
     .min = 0,
     .above = true,
     .max = 0.5,
     .initial = TEXT_OF(TRAIL_ABSENCE_PROBABILITY),
     .help = "a lock without samples is lost when chance alone would do that more rarely"},
    {.name = "duration_tolerance",
     .type = KEY_NUMBER,
     .offset = AT(evidence.duration_tolerance),
     .min = 0.01,
     .max = 10,
     .initial = "0.2",
     .help = "how much longer than planned a phase may take: 0.2 is a fifth"},
};
static const struct key_table evidence_table = {ROWS(evidence_rows)};

#undef AT

/* --- phases and expectations ------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct scenario_phase, member)

static bool has_share(const void *base)
{
    return ((const struct scenario_phase *)base)->share > 0;
}

static bool has_no_share(const void *base)
{
    return !has_share(base);
}

static const struct key phase_rows[] = {
    {.name = "pattern",
     .type = KEY_TEXT,
     .offset = AT(pattern),
     .required = true,
     .check = check_identifier,
     .expected = "a pattern's name: letters, digits and `_`",
     .help = "the way in which locks are held; once in a scenario"},
    {.name = "share",
     .type = KEY_NUMBER,
     .offset = AT(share),
     .min = 0.001,
     .max = 1e6,
     .initial = "1",
     .hidden = has_no_share,
     .help = "of the duration, relative to the shares of the others"},
    {.name = "iterations",
     .type = KEY_UINT64,
     .offset = AT(iterations),
     .min = 1,
     .max = KEY_ITERATIONS_MAX,
     .hidden = has_share,
     .help = "instead of a share: so many for each thread, as fast as it goes"},
};
static const struct key_table phase_table = {ROWS(phase_rows), .size = sizeof(struct scenario_phase),
                                             .shorthand = "pattern", .placeholder = "N", .what = "a phase"};
#undef AT
#define AT(member) offsetof(struct scenario_lock, member)

static const struct key expect_rows[] = {
    {.name = "lock",
     .type = KEY_TEXT,
     .offset = AT(id),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .required = true,
     .check = check_one_line,
     .expected = "a lock's id or name, such as `member/user_session_lock`",
     .help = "the lock"},
    {.name = "worker",
     .type = KEY_TEXT,
     .offset = AT(worker),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .check = check_one_line,
     .expected = "the name of a worker of this scenario",
     .help = "whose lock; without it that of every worker"},
    {.name = "rendering",
     .type = KEY_RENDERING,
     .offset = AT(rendering),
     .second = AT(mangled),
     .required = true,
     .help = "what a profile should show for it"},
};
static const struct key_table expect_table = {ROWS(expect_rows), .size = sizeof(struct scenario_lock),
                                              .placeholder = "N", .what = "an expectation"};
#undef AT
#define AT(member) offsetof(struct scenario, member)

/* They are of soaks alone. */
static bool has_no_disturbance(const void *base)
{
    return ((const struct scenario *)base)->disturbance_count == 0;
}

static const struct key root_rows[] = {
    {.name = "name",
     .type = KEY_TEXT,
     .offset = AT(name),
     .required = true,
     .check = check_file_name,
     .expected = KEY_FILE_NAME,
     .help = "the scenario's name, also in the name of the run directory"},
    {.name = "description",
     .type = KEY_TEXT,
     .offset = AT(description),
     .initial = "",
     .expected = "text",
     .help = "for people"},
    {.name = "service",
     .type = KEY_TEXT,
     .offset = AT(service),
     .min = 1,
     .max = KEY_TAG_MAX,
     .initial = "rlock-production-stress-test",
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "DD_SERVICE of the workers"},
    {.name = "env",
     .type = KEY_TEXT,
     .offset = AT(env),
     .min = 1,
     .max = KEY_TAG_MAX,
     .initial = "stress-test",
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "DD_ENV of the workers"},
    {.name = "version",
     .type = KEY_TEXT,
     .offset = AT(version),
     .min = 1,
     .max = KEY_TAG_MAX,
     .initial = "1.0",
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "DD_VERSION of the workers"},
    {.name = "duration",
     .type = KEY_DURATION,
     .offset = AT(duration_ms),
     .min = 100,
     .max = KEY_HOURS(168),
     .initial = "60s",
     .help = "of the workload, divided by the phases' shares"},
    {.name = "threads",
     .type = KEY_UNSIGNED,
     .offset = AT(threads),
     .min = 2,
     .max = 1024,
     .initial = "4",
     .help = "of each process; two at least contend"},
    {.name = "seed",
     .type = KEY_UINT64,
     .offset = AT(seed),
     .initial = "1",
     .help = "of the workload's random choices"},
    {.name = "rate",
     .type = KEY_NUMBER,
     .offset = AT(rate),
     .min = 0,
     .above = true,
     .max = 1e6,
     .initial = "50",
     .help = "iterations in a second for each thread, where a phase has a share"},
    {.name = "arms",
     .type = KEY_WORD,
     .offset = AT(arms),
     .words = arms_words,
     .initial = "auto",
     .help = "how the local profile and the upload are got: from two processes with the same work, or both from one; "
             "auto: both from one of a native worker, from two of others"},
    {.name = "report",
     .type = KEY_WORD,
     .offset = AT(report),
     .words = report_words,
     .initial = "brief",
     .help = "debug also shows what the local profile has, and which side of it is to blame"},
    {.name = "control",
     .type = KEY_CONTROL,
     .offset = AT(control.kind),
     .words = control_words,
     .table = &control_table,
     .initial = "builtin",
     .help = "does the collector work at all? none is the default where every worker is a command"},
    {.name = "workers",
     .type = KEY_NAMED,
     .offset = AT(workers),
     .second = AT(worker_count),
     .required = true,
     .table = &keys_worker,
     .help = "the programs whose locks are followed"},
    {.name = "phases",
     .type = KEY_LISTED,
     .offset = AT(phases),
     .second = AT(phase_count),
     .table = &phase_table,
     .help = "what the workload does, in this order"},
    {.name = "intake", .type = KEY_TABLE, .table = &intake_table, .help = "the server that takes the uploads"},
    {.name = "forward",
     .type = KEY_TABLE,
     .table = &forward_table,
     .help = "the way of uploads after the intake, where no agent and no backend is named"},
    {.name = "agents",
     .type = KEY_LISTED,
     .offset = AT(agents),
     .second = AT(agent_count),
     .table = &keys_agent,
     .help = "what stands behind the first tap; the first one answers the workers, each further one gets the same "
             "uploads"},
    {.name = "backend", .type = KEY_TABLE, .table = &keys_backend, .help = "where uploads end, and are read back from"},
    {.name = "ui", .type = KEY_TABLE, .table = &keys_ui, .help = "what a person is shown of them"},
    {.name = "faults",
     .type = KEY_LISTED,
     .offset = AT(faults),
     .second = AT(fault_count),
     .table = &keys_fault,
     .help = "names lost on purpose, in a tap"},
    {.name = "disturbances",
     .type = KEY_LISTED,
     .offset = AT(disturbances),
     .second = AT(disturbance_count),
     .table = &keys_disturbance,
     .hidden = has_no_disturbance,
     .help = "what a soak does to workers, agents, taps and its disk while it goes on"},
    {.name = "expect",
     .type = KEY_LISTED,
     .offset = AT(expect),
     .second = AT(expect_count),
     .table = &expect_table,
     .help = "locks that should be rendered in another way than their worker says"},
    {.name = "evidence", .type = KEY_TABLE, .table = &evidence_table, .help = "thresholds of the verdict"},
};
const struct key_table keys_root = {ROWS(root_rows), .size = sizeof(struct scenario)};
