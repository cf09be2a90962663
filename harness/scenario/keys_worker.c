/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include "scenario/textcheck.h"

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)

/* The patterns of workers/python and of workers/native. */
static const char *const python_patterns[] = {"local",       "global",    "member",    "nested",    "private",
                                              "anonymous",   "reentrant", "slots",     "container", "alias",
                                              "shared_name", "late_name", "condition", "semaphore", "module",
                                              "inherited",   "in_turn",   "churn",     "forks",     NULL};
static const char *const native_patterns[] = {
    "local",     "global",  "member",      "nested",    "private",   "anonymous", "reentrant",    "slots",
    "container", "alias",   "shared_name", "late_name", "condition", "semaphore", "module",       "inherited",
    "in_turn",   "wrapper", "static",      "array",     "rwlock",    "spin",      "thread_local", "global_pointer",
    "recursive", "timed",   "kinds",       "churn",     "forks",     NULL};

const char *const *pattern_names(enum runtime runtime)
{
    return runtime == RUNTIME_DDTRACE ? python_patterns : runtime == RUNTIME_NATIVE ? native_patterns : NULL;
}

const char *const runtime_words[] = {"native", "ddtrace", "command", NULL};
const char *const build_words[] = {"O0g", "O2g", "O3lto", "g1", "nodebug", "stripped", "split", "clang-O2g", NULL};
static const char *const launcher_words[] = {"ddtrace-run", "auto", NULL};
static const char *const lock_words[] = {"rlock", "lock", NULL};
static const char *const protocol_words[] = {"silent", "lines", NULL};

/* --- locks of a command ----------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct scenario_lock, member)

static bool has_no_line(const void *base)
{
    return ((const struct scenario_lock *)base)->line == 0;
}

static bool has_no_sites(const void *base)
{
    return ((const struct scenario_lock *)base)->site_count == 0;
}

static bool is_uncounted(const void *base)
{
    return ((const struct scenario_lock *)base)->acquires == 0;
}

static const struct key lock_rows[] = {
    {.name = "id",
     .type = KEY_TEXT,
     .offset = AT(id),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "unique in the worker; its name by default"},
    {.name = "name",
     .type = KEY_TEXT,
     .offset = AT(name),
     .max = KEY_TEXT_MAX,
     .initial = "",
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "as declared; \"\" for an anonymous lock"},
    {.name = "site",
     .type = KEY_SITE,
     .offset = AT(file),
     .second = AT(line),
     .hidden = has_no_line,
     .help = "where the lock is made"},
    {.name = "rendering",
     .type = KEY_RENDERING,
     .offset = AT(rendering),
     .second = AT(mangled),
     .initial = "exact",
     .help = "what a profile should show; generic is the default of an anonymous lock"},
    {.name = "acquires",
     .type = KEY_UINT64,
     .offset = AT(acquires),
     .min = 1,
     .max = 1e12,
     .hidden = is_uncounted,
     .help = "of one process in one run, where they are known"},
    {.name = "qualified",
     .type = KEY_BOOL,
     .offset = AT(qualified),
     .initial = "false",
     .help = "are C expressions that end in its name, such as `s->NAME`, right too?"},
    {.name = "sites",
     .type = KEY_TEXTS,
     .offset = AT(sites),
     .second = AT(site_count),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .hidden = has_no_sites,
     .check = check_place,
     .expected = "one or more places, such as `shop.c:40` or `shop+0x4060`",
     .help = "further places by which a profile without a name may show it"},
};
static const struct key_table lock_table = {ROWS(lock_rows), .size = sizeof(struct scenario_lock), .placeholder = "N",
                                            .what = "a lock"};
#undef AT

/* --- workers ---------------------------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct scenario_worker, member)

static bool is_ddtrace(const void *base)
{
    return ((const struct scenario_worker *)base)->runtime == RUNTIME_DDTRACE;
}

static bool is_command(const void *base)
{
    return ((const struct scenario_worker *)base)->runtime == RUNTIME_COMMAND;
}

static bool is_native(const void *base)
{
    return ((const struct scenario_worker *)base)->runtime == RUNTIME_NATIVE;
}

static bool speaks(const void *base)
{
    return scenario_worker_speaks(base);
}

static bool is_silent(const void *base)
{
    return !speaks(base);
}

static bool lives_on(const void *base)
{
    return ((const struct scenario_worker *)base)->lifetime_ms == 0;
}

static const struct condition only_ddtrace = {
    is_ddtrace, {"runtime", NULL}, "only a worker with `runtime: ddtrace` has this key", "runtime ddtrace"};
static const struct condition only_command = {
    is_command, {"runtime", NULL}, "only a worker with `runtime: command` has this key", "runtime command"};
static const struct condition only_native = {
    is_native, {"runtime", NULL}, "only a worker with `runtime: native` has this key", "runtime native"};
static const struct condition only_speaking = {
    speaks,
    {"runtime", "protocol"},
    "a worker with `protocol: silent` says nothing that could be waited for, expected no such key",
    "runtime native or ddtrace, or protocol lines"};
static const struct condition only_silent = {
    is_silent,
    {"runtime", "protocol"},
    "this worker declares its locks itself, only one with `runtime: command` and `protocol: silent` has this key",
    "protocol silent"};

static const struct condition only_ending = {
    is_silent,
    {"runtime", "protocol"},
    "this worker says itself when it is done, only one with `runtime: command` and `protocol: silent` has this key",
    "protocol silent"};

static const struct key limit_rows[] = {
    {.name = "memory",
     .type = KEY_SIZE,
     .offset = AT(limits.memory),
     .min = KEY_MIB(16),
     .max = KEY_GIB(1024),
     .zero = "no limit",
     .initial = "0",
     .help = "address space of a process"},
    {.name = "files",
     .type = KEY_UINT64,
     .offset = AT(limits.files),
     .min = 16,
     .max = 1048576,
     .zero = "no limit",
     .initial = "0",
     .help = "open files of a process"},
    {.name = "output",
     .type = KEY_SIZE,
     .offset = AT(limits.output),
     .max = KEY_GIB(1),
     .initial = "1MiB",
     .help = "what is kept of stdout and of stderr; the rest is counted and dropped"},
    {.name = "disk",
     .type = KEY_SIZE,
     .offset = AT(limits.disk),
     .min = 4096,
     .max = KEY_GIB(1024),
     .zero = "no limit",
     .initial = "1GiB",
     .help = "largest file that a process may write"},
};
static const struct key_table limit_table = {ROWS(limit_rows)};

static const struct key worker_rows[] = {
    {.name = "runtime",
     .type = KEY_WORD,
     .offset = AT(runtime),
     .words = runtime_words,
     .initial = "ddtrace",
     .help = "locktrail's Python workload under ddtrace, its C workload under lockprof, or a program of your own"},
    {.name = "protocol",
     .type = KEY_WORD,
     .offset = AT(protocol),
     .words = protocol_words,
     .initial = "silent",
     .only = &only_command,
     .help = "does the program say on descriptor 3 what it does?"},
    {.name = "until_exit",
     .type = KEY_BOOL,
     .offset = AT(until_exit),
     .initial = "false",
     .only = &only_ending,
     .help = "does the program end by itself? The duration is then the most that it may take"},
    {.name = "count",
     .type = KEY_UNSIGNED,
     .offset = AT(count),
     .min = 1,
     .max = 256,
     .initial = "1",
     .help = "processes for each arm"},
    {.name = "capture_pct",
     .type = KEY_NUMBER,
     .offset = AT(capture_pct),
     .min = 0,
     .above = true,
     .max = 100,
     .initial = "100",
     .help = "percentage of acquires that the profiler samples; lockprof takes 1 in N: 100, 50, 33.3, 25, 10, 1 ..."},
    {.name = "upload_interval",
     .type = KEY_DURATION,
     .offset = AT(upload_interval_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .initial = "10s",
     .help = "between two profiles of a process"},
    {.name = "lifetime",
     .type = KEY_DURATION,
     .offset = AT(lifetime_ms),
     .min = 1000,
     .max = KEY_HOURS(168),
     .zero = "none",
     .initial = "0s",
     .hidden = lives_on,
     .help = "in a soak a process is ended by SIGTERM after it, and started anew"},
    {.name = "build",
     .type = KEY_WORD,
     .offset = AT(build),
     .words = build_words,
     .initial = "O2g",
     .only = &only_native,
     .help = "how the C workload was compiled: what its debug information leaves to be named"},
    {.name = "optional",
     .type = KEY_BOOL,
     .offset = AT(optional),
     .initial = "false",
     .only = &only_ddtrace,
     .help = "is it left out, and the report says so, where its virtual environment can't be made?"},
    {.name = "version",
     .type = KEY_TEXT,
     .offset = AT(version),
     .only = &only_ddtrace,
     .initial = "4.16.0",
     .check = check_release,
     .expected = "a release of ddtrace, such as `4.16.0`",
     .help = "release of ddtrace, in a virtual environment of its own"},
    {.name = "packages",
     .type = KEY_TEXTS,
     .offset = AT(packages),
     .second = AT(package_count),
     .max = 255,
     .only = &only_ddtrace,
     .check = check_package,
     .expected = "packages as pip knows them, such as `requests` or `requests==2.32.3`",
     .help = "what is installed beside it, as in a production image"},
    {.name = "launcher",
     .type = KEY_WORD,
     .offset = AT(launcher),
     .words = launcher_words,
     .only = &only_ddtrace,
     .initial = "ddtrace-run",
     .help = "how the profiler is started; auto: import ddtrace.profiling.auto"},
    {.name = "interpreter",
     .type = KEY_TEXT,
     .offset = AT(interpreter),
     .min = 1,
     .max = 4095,
     .only = &only_ddtrace,
     .initial = "python3",
     .check = check_program,
     .expected = "a program's name or path",
     .help = "Python from which the virtual environment is made"},
    {.name = "inspect_dir",
     .type = KEY_BOOL,
     .offset = AT(inspect_dir),
     .only = &only_ddtrace,
     .initial = "true",
     .help = "DD_PROFILING_LOCK_NAME_INSPECT_DIR: look for names in members too"},
    {.name = "lock",
     .type = KEY_WORD,
     .offset = AT(lock),
     .words = lock_words,
     .only = &only_ddtrace,
     .initial = "rlock",
     .help = "threading.RLock or threading.Lock"},
    {.name = "command",
     .type = KEY_TEXTS,
     .offset = AT(command),
     .second = AT(command_count),
     .min = 1,
     .max = KEY_ARGUMENT_MAX,
     .only = &only_command,
     .required = true,
     .expected = "a list of a program and its arguments",
     .help = "the program and its arguments"},
    {.name = "directory",
     .type = KEY_TEXT,
     .offset = AT(directory),
     .min = 1,
     .max = 4095,
     .only = &only_command,
     .check = check_one_line,
     .expected = "a directory",
     .help = "where it runs; by default where locktrail was started"},
    {.name = "locks",
     .type = KEY_LISTED,
     .offset = AT(locks),
     .second = AT(lock_count),
     .only = &only_silent,
     .table = &lock_table,
     .help = "the locks of a program that does not say them itself"},
    {.name = "environment",
     .type = KEY_VARIABLES,
     .offset = AT(environment),
     .second = AT(environment_count),
     .check = check_variable_name,
     .expected = "a variable's name: letters, digits and `_`",
     .help = "further variables; those of DD_* in the shell do not reach workers"},
    {.name = "limits", .type = KEY_TABLE, .table = &limit_table, .help = "of each process"},
    {.name = "start_timeout",
     .type = KEY_DURATION,
     .offset = AT(start_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_speaking,
     .initial = "60s",
     .help = "until it says its first line"},
    {.name = "silence_timeout",
     .type = KEY_DURATION,
     .offset = AT(silence_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .only = &only_speaking,
     .initial = "30s",
     .help = "between two lines"},
    {.name = "stop_timeout",
     .type = KEY_DURATION,
     .offset = AT(stop_timeout_ms),
     .min = 100,
     .max = KEY_HOURS(1),
     .initial = "10s",
     .help = "from SIGTERM to SIGKILL; also what it may overrun its duration"},
};
const struct key_table keys_worker = {ROWS(worker_rows),
                                      .size = sizeof(struct scenario_worker),
                                      .name_offset = AT(name),
                                      .placeholder = "NAME",
                                      .what = "a worker",
                                      .check_name = check_worker_name,
                                      .expected_name =
                                          "a name that can be a file's: letters, digits, `_` and `-`, at most 64"};
