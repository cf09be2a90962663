/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario file's bytes in, a checked struct scenario with every default filled in out. */
#ifndef LOCKTRAIL_SCENARIO_SCENARIO_H
#define LOCKTRAIL_SCENARIO_SCENARIO_H

#include "base/buf.h"
#include "base/err.h"
#include "trail/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum runtime { RUNTIME_NATIVE, RUNTIME_DDTRACE, RUNTIME_COMMAND };
enum build { BUILD_O0G, BUILD_O2G, BUILD_O3LTO, BUILD_G1, BUILD_NODEBUG, BUILD_STRIPPED, BUILD_SPLIT, BUILD_CLANG_O2G };
enum launcher { LAUNCHER_DDTRACE_RUN, LAUNCHER_AUTO };
enum lock_type { LOCK_TYPE_RLOCK, LOCK_TYPE_LOCK };
enum arms { ARMS_AUTO, ARMS_PAIRED, ARMS_TEE };
enum protocol { PROTOCOL_SILENT, PROTOCOL_LINES };
enum control_kind { CONTROL_NONE, CONTROL_BUILTIN, CONTROL_COMMAND };
enum report_kind { REPORT_BRIEF, REPORT_DEBUG };
enum forward_kind { FORWARD_ENVIRONMENT, FORWARD_NONE, FORWARD_AGENT, FORWARD_AGENTLESS };
enum agent_kind { AGENT_NONE, AGENT_TRACE_AGENT, AGENT_SERVERLESS_COMPAT, AGENT_TEST_AGENT, AGENT_EXTERNAL };
enum backend_kind { BACKEND_NONE, BACKEND_STORE, BACKEND_DATADOG, BACKEND_DIRECTORY };
enum ui_kind { UI_NONE, UI_PPROF, UI_ASK };
enum codec_word { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_LZ4 }; /* in the order of enum profile_encoding */
/* How value_rewritten writes. */
enum rewrite_rule { RULE_LOWER, RULE_UPPER, RULE_REPLACE, RULE_PREFIX, RULE_SUFFIX, RULE_OTHER };
/* Changes in a tap that are no mechanism of a lost name by themselves. */
enum fault_change {
    CHANGE_NONE,
    CHANGE_STATUS,         /* `status`: the next hop is not asked, the sender gets this */
    CHANGE_DELAY,          /* `delay` */
    CHANGE_RESET,          /* the connection to the next hop is cut in mid-body */
    CHANGE_CONTENT_LENGTH, /* the next hop is told `length` bytes more than there are */
    CHANGE_RECOMPRESSED,   /* `codec` */
    CHANGE_STRINGS_REORDERED,
    CHANGE_STRINGS_DUPLICATED,
    CHANGE_SAMPLES_REORDERED,
    CHANGE_TYPE_ADDED,        /* a sample type more, with values of 0 */
    CHANGE_TYPES_RENAMED,     /* lock-acquire becomes lock_acquire */
    CHANGE_HEADERS,           /* a header more, and User-Agent changed */
    CHANGE_UPLOADS_REORDERED, /* held back behind the next one */
    CHANGE_COUNT
};
/* What a soak does while it goes on. */
enum disturb {
    DISTURB_KILL,          /* SIGKILL for a worker's processes, which are started anew */
    DISTURB_STOP,          /* SIGSTOP, and after `length` SIGCONT */
    DISTURB_RESTART_AGENT, /* SIGTERM, and it is started anew */
    DISTURB_KILL_AGENT,    /* SIGKILL, and after `length` it is started anew */
    DISTURB_REFUSE,        /* a tap answers `status` for `length` */
    DISTURB_DELAY,         /* a tap holds each upload back by `delay` for `length` */
    DISTURB_FILL_DISK,     /* the quota of the copies is taken for `length` */
    DISTURB_LOAD,          /* `processes` further processes of a worker for `length` */
    DISTURB_COUNT
};

struct scenario_phase {
    char *pattern;
    /* Of the duration, relative to the other phases' shares (1 where nothing is given); 0 where iterations are given:
     * such a phase has no part of the duration. */
    double share;
    uint64_t iterations; /* for each thread; filled in from share, duration and rate where it was not given */
    double seconds;      /* its part of the duration; 0: as fast as it goes */
};

struct scenario_variable {
    char *name, *value;
};

/* A lock that a `command` worker holds, or (under `expect`) another rendering for one that a worker declares. */
struct scenario_lock {
    char *worker; /* under `expect`: the worker's name, NULL for every worker. Under workers.X.locks: X */
    char *id;     /* under `expect`: what stands at `lock`, an id or a name */
    char *name;   /* under `expect`: "" */
    char *file;   /* base name, from `site: FILE:LINE`: a profile has no more of it; "" and 0 where not given */
    unsigned line;
    enum rendering rendering;
    char *mangled;
    uint64_t acquires; /* of one process in one run; 0: not known */
    bool qualified;    /* a C expression that ends in its name is right */
    char **sites;      /* further ones: calls, addresses */
    size_t site_count;
};

struct scenario_limits {
    uint64_t memory; /* bytes of address space (RLIMIT_AS); 0 no limit */
    uint64_t files;  /* open descriptors (RLIMIT_NOFILE); 0 no limit */
    uint64_t output; /* bytes of stdout and of stderr that are kept; the rest is counted and dropped */
    uint64_t disk;   /* bytes of one file that it writes (RLIMIT_FSIZE); 0 no limit */
};

struct scenario_worker {
    char *name; /* its key: "python" */
    enum runtime runtime;
    unsigned count; /* processes for each arm */
    struct scenario_variable *environment;
    size_t environment_count;
    struct scenario_limits limits;
    int64_t start_timeout_ms;   /* from spawn to the first protocol line */
    int64_t silence_timeout_ms; /* between two protocol lines */
    int64_t stop_timeout_ms;    /* from SIGTERM to SIGKILL; also what a worker may overrun its duration */
    int64_t upload_interval_ms;
    int64_t lifetime_ms; /* in a soak: ended after it, and started anew; 0: it works to the soak's end */
    double capture_pct;  /* 0 < x <= 100 */

    /* native */
    enum build build;

    /* ddtrace */
    bool optional; /* left out of the run where its virtual environment can't be made */
    char *version; /* of ddtrace: "4.16.0" */
    char **packages;
    size_t package_count;
    enum launcher launcher;
    char *interpreter; /* "python3", or a path */
    bool inspect_dir;  /* DD_PROFILING_LOCK_NAME_INSPECT_DIR, which may also stand under `environment`: then as there */
    enum lock_type lock;

    /* command */
    char **command;
    size_t command_count;
    char *directory; /* where it runs; NULL: the directory from which locktrail was started */
    enum protocol protocol;
    bool until_exit; /* it ends by itself, and the duration is the most it may take; else it is stopped then */
    struct scenario_lock *locks;
    size_t lock_count;
};

/* What stands between the workers and the backend. The first of a scenario answers the workers; each further one gets
 * the same uploads beside it. */
struct scenario_agent {
    enum agent_kind kind;
    char *url;                /* external: "http://HOST:PORT" or "unix:///PATH" */
    int64_t start_timeout_ms; /* until it answers GET /info */
    int64_t stop_timeout_ms;  /* from SIGTERM to SIGKILL */
};

/* Names lost on purpose, in the tap at whose stage the loss is to be seen: `upload` before the first tap records,
 * `agent` between that and the agent, `backend` behind the tap that is behind the agent. One of `mechanism` and
 * `change` is given. */
struct scenario_fault {
    enum stage at;
    bool has_mechanism;
    enum mechanism mechanism; /* those that can happen on the way: label_dropped to duplicated */
    enum fault_change change;
    double
        rate; /* 0 < x <= 1: the chance of each lock sample (mechanisms that change samples), or else of each upload */
    char **locks; /* names or ids; none: every lock */
    size_t lock_count;
    char *worker;           /* whose uploads; NULL: all */
    uint64_t length;        /* value_truncated: bytes that are left; content_length: bytes too many */
    enum rewrite_rule rule; /* value_rewritten */
    char *from, *to;        /* value_rewritten: `replace` one text by another, `prefix`, `suffix`, `other`: to;
                               label_key_renamed:        to */
    int status;
    int64_t delay_ms;
    enum codec_word codec;
};

/* Of a soak; a run refuses them. Times are in ms. */
struct scenario_disturbance {
    enum disturb what;
    int64_t at_ms;     /* since the soak's start */
    int64_t every_ms;  /* and again after it; 0: once */
    int64_t length_ms; /* where scenario_disturbance_lasts */
    char *worker;      /* whose processes or uploads; NULL: all */
    enum stage stage;  /* refuse, delay: the tap at this stage, upload or agent */
    int status;
    int64_t delay_ms;
    unsigned processes; /* load: of each worker that it is for */
};

struct scenario {
    char *path; /* as given on the command line */
    char *name, *description;
    char *service, *env, *version; /* DD_SERVICE, DD_ENV, DD_VERSION */
    int64_t duration_ms;
    unsigned threads;
    uint64_t seed;
    double rate; /* iterations in a second for each thread, where a phase gives no iterations */
    enum arms arms;
    enum report_kind report;

    struct {
        enum control_kind kind; /* CONTROL_BUILTIN only where a worker is native or ddtrace's */
        char **command;         /* CONTROL_COMMAND */
        size_t command_count;
        int64_t timeout_ms;
    } control;

    struct scenario_worker *workers;
    size_t worker_count;
    struct scenario_phase *phases;
    size_t phase_count;

    struct {
        char *listen;                  /* "127.0.0.1:0", or "unix:" (a socket in the run directory), or "unix:/PATH" */
        uint64_t max_body, max_header; /* bytes */
        unsigned max_parts;
        int64_t idle_timeout_ms;
    } intake;
    struct {
        enum forward_kind kind;
        char *url;  /* of the agent (http://..., unix:///...); NULL: from the environment */
        char *site; /* agentless: "datadoghq.com"; NULL: from the environment */
        int64_t timeout_ms;
    } forward;

    struct scenario_agent *agents;
    size_t agent_count;
    struct {
        enum backend_kind kind;
        char *url;           /* datadog: of the list and download API; NULL: https://app.SITE */
        char *intake;        /* datadog: where uploads go; NULL: https://intake.profile.SITE/api/v2/profile */
        char *site;          /* datadog: NULL: DD_SITE, or datadoghq.com */
        char *directory;     /* directory */
        int64_t deadline_ms; /* until all uploads are to be read back */
        int64_t timeout_ms;  /* for one request */
    } backend;
    struct {
        enum ui_kind kind;
        char *pprof;        /* program; NULL: build/bin/pprof, else that of PATH */
        char *driver;       /* program: chromedriver */
        int64_t timeout_ms; /* for one page */
        char *link;         /* ask: where the person looks; NULL: the site's page of the service */
    } ui;
    struct scenario_fault *faults;
    size_t fault_count;
    struct scenario_disturbance *disturbances;
    size_t disturbance_count;

    struct scenario_lock *expect;
    size_t expect_count;
    struct {
        double absence_probability;
        double duration_tolerance; /* 0.2: a phase may take a fifth longer than planned, and never be shorter */
    } evidence;
};

/* One thing wrong with a file. */
struct diagnostic {
    unsigned line, column; /* from 1; 0 for one without a place (an override names itself in the text) */
    char *text;    /* "workers.python.capture_pct: 120 is out of range, expected a number above 0 and up to 100" */
    char *excerpt; /* the line of the file and, under it, a caret; NULL where there is no place */
};

struct diagnostics {
    struct diagnostic *items; /* in the order of the file */
    size_t count, capacity;
    size_t dropped; /* beyond DIAGNOSTICS_MAX */
};
/* More than a person reads; a binary file would give one for each byte. */
#define DIAGNOSTICS_MAX 50

void diagnostics_fini(struct diagnostics *d);

/* Limits of a file. Shipped ones have 2 KiB and four levels; the bounds stop files that were made to hurt. */
#define SCENARIO_SIZE_MAX ((size_t)1 << 20)
#define SCENARIO_DEPTH_MAX 32
#define SCENARIO_NODES_MAX 20000 /* after aliases are followed: a "billion laughs" file ends here */

/* `--set PATH=VALUE`: the value is read as YAML and replaces or adds the node at that path of keys before the checks.
 */
struct scenario_override {
    const char *path;  /* "workers.python.capture_pct"; elements of a list by number from 0: "phases.0.share" */
    const char *value; /* "10" */
    const char *shown; /* how the user wrote it, for diagnostics: "--threads 10"; NULL: "--set PATH=VALUE" */
};

/* Reads, overrides, checks, fills in. `path` is only for messages. Returns 0 and the scenario, or -1 with at least one
 * diagnostic. All of a file's errors are reported. No I/O; any thread. */
int scenario_read(const char *path, const char *bytes, size_t size, const struct scenario_override *overrides,
                  size_t override_count, struct scenario **out, struct diagnostics *diagnostics);
void scenario_free(struct scenario *s);

/* The scenario as YAML with every default filled in; reading it back gives the same scenario. */
void scenario_print(const struct scenario *s, struct buf *out);

/* The key tables as text for `locktrail help scenario`: one line for each key with type, range, default and meaning. */
void scenario_describe_keys(struct buf *out);

/* Whether the worker gets orders and says on descriptor 3 what it does: locktrail's own workloads do, a command if its
 * protocol is `lines`. */
bool scenario_worker_speaks(const struct scenario_worker *w);

/* Whether the worker runs one of locktrail's own workloads, native or ddtrace's: it has phases and a builtin control.
 */
bool scenario_worker_is_ours(const struct scenario_worker *w);

/* ARMS_PAIRED or ARMS_TEE: what `arms: auto` means depends on the worker's runtime. */
enum arms scenario_worker_arms(const struct scenario *s, const struct scenario_worker *w);

/* How many acquires a native worker's profiler takes for one sample: 100 / capture_pct, a whole number. */
unsigned scenario_worker_sampling(const struct scenario_worker *w);
/* The chance of one acquire to be sampled. */
double scenario_worker_capture_rate(const struct scenario_worker *w);

/* Whether uploads go on behind the first tap: an agent or a backend is named. Without, the intake is the end of the
 * way. */
bool scenario_has_pipeline(const struct scenario *s);

/* "trace-agent", "store", "pprof": as in YAML. */
const char *scenario_agent_name(enum agent_kind kind);
const char *scenario_backend_name(enum backend_kind kind);
const char *scenario_ui_name(enum ui_kind kind);
const char *fault_change_name(enum fault_change change);
const char *scenario_disturb_name(enum disturb what); /* "kill_agent" */

/* Whether it has a `length`: the others are over at once. */
bool scenario_disturbance_lasts(enum disturb what);

/* Most processes of a worker that loads add to its `count`: those of all of them at once. */
uint64_t scenario_load_processes(const struct scenario *s, const struct scenario_worker *w);

/* What only a soak does, for who runs a scenario once: "disturbances", "workers.native.lifetime"; NULL: nothing. For
 * the caller to free. */
char *scenario_soak_key(const struct scenario *s);

/* The word of a build, as it stands in YAML and in the program's name: "O2g". */
const char *scenario_build_name(enum build build);

const struct scenario_worker *scenario_find_worker(const struct scenario *s, const char *name);

#endif
