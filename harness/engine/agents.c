/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/agents.h"

#include "base/mem.h"
#include "engine/orders.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* workers/agent/agent.mk has the same names. */
#define SERVERLESS_COMPAT "venvs/serverless-compat-0.19.0"
#define TEST_AGENT "venvs/test-agent-1.69.1"

/* Agents refuse to work without a key. 32 hexadecimal digits are the form of a real one. */
#define MADE_UP_KEY "00000000000000000000000000000000"
/* Where serverless-compat would send what it is given no address for; RFC 6761 keeps the name from ever being found. */
#define NO_SITE "locktrail.invalid"
/* It puts this path behind the address that it is given. */
#define PROFILE_PATH "/api/v2/profile"

#define ARGS_MAX 16
#define ENV_MAX 16

/* What `make agents` makes of each. */
static const struct program {
    const char *path;
    const char *whole; /* file that is there once all of it is; NULL: the program is all */
} programs[] = {
    [AGENT_TRACE_AGENT] = {"bin/locktrail-trace-agent", NULL},
    [AGENT_SERVERLESS_COMPAT] = {SERVERLESS_COMPAT "/bin/datadog-serverless-compat", SERVERLESS_COMPAT "/ready"},
    [AGENT_TEST_AGENT] = {TEST_AGENT "/bin/python", TEST_AGENT "/ready"},
};

/* --- what is there --- */

char *agent_tool(const char *root, const char *build, const char *name)
{
    char *beside = mem_printf("%s/%s", build, name), *shared = mem_printf("%s/build/%s", root, name);
    bool other = access(beside, F_OK) < 0 && access(shared, F_OK) == 0;
    free(other ? beside : shared);
    return other ? shared : beside;
}

static bool is_started(enum agent_kind kind)
{
    return kind == AGENT_TRACE_AGENT || kind == AGENT_SERVERLESS_COMPAT || kind == AGENT_TEST_AGENT;
}

bool agent_forwards(enum agent_kind kind)
{
    return kind == AGENT_TRACE_AGENT || kind == AGENT_SERVERLESS_COMPAT;
}

static int check_file(enum agent_kind kind, const char *root, const char *build, const char *name, int mode,
                      struct err *e)
{
    char *path = agent_tool(root, build, name);
    int result = 0;
    if (access(path, mode) < 0)
        result =
            err_sys(e, ERR_MISSING, errno, "agent %s needs %s (make agents gets it)", scenario_agent_name(kind), path);
    free(path);
    return result;
}

int agent_check(enum agent_kind kind, const char *root, const char *build, struct err *e)
{
    if (!is_started(kind))
        return 0;
    const struct program *program = &programs[kind];
    if (program->whole && check_file(kind, root, build, program->whole, R_OK, e) < 0)
        return -1;
    return check_file(kind, root, build, program->path, X_OK, e);
}

unsigned agent_free_port(struct err *e)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    unsigned port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        port = ntohs(address.sin_port);
    else
        err_put_sys(e, ERR_INTERNAL, errno, "no free port of 127.0.0.1 for an agent");
    if (fd >= 0)
        close(fd);
    return port;
}

/* --- how it is started --- */

static char **strings_new(size_t max)
{
    return mem_calloc(max + 1, sizeof(char *));
}

/* Takes `text`. */
static void strings_add(char **strings, size_t max, char *text)
{
    size_t count = 0;
    while (strings[count])
        count++;
    assert(count < max);
    strings[count] = text;
}

static void add_arg(struct agent_command *c, char *text)
{
    strings_add(c->args, ARGS_MAX, text);
}

static void set(struct agent_command *c, const char *name, const char *value)
{
    strings_add(c->env, ENV_MAX, mem_printf("%s=%s", name, value));
}

static void add_basic_environment(struct agent_command *c)
{
    static const char *const names[] = {"PATH", "HOME", "TMPDIR", "LANG", "TZ"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            set(c, names[i], getenv(names[i]));
}

/* As the trace-agent itself calls them; serverless-compat has the same names. */
static void add_receiver(const struct agent_orders *o, struct agent_command *c)
{
    char *port = mem_printf("%u", o->port);
    set(c, "DD_APM_RECEIVER_PORT", port);
    set(c, "DD_API_KEY", o->api_key ? o->api_key : MADE_UP_KEY);
    free(port);
}

static int make_trace_agent(const struct agent_orders *o, struct agent_command *c, struct err *e)
{
    (void)e;
    add_receiver(o, c);
    set(c, "DD_APM_PROFILING_DD_URL", o->intake_url);
    return 0;
}

static int make_serverless_compat(const struct agent_orders *o, struct agent_command *c, struct err *e)
{
    size_t size = strlen(o->intake_url), path = strlen(PROFILE_PATH);
    if (size < path || strcmp(o->intake_url + size - path, PROFILE_PATH) != 0)
        return err_set(e, ERR_INPUT,
                       "serverless-compat can send to an address that ends in " PROFILE_PATH " only, not to %s",
                       o->intake_url);
    char *intake = mem_strndup(o->intake_url, size - path);
    add_receiver(o, c);
    set(c, "DD_APM_PROFILING_DD_URL", intake);
    set(c, "DD_APM_DD_URL", intake);
    set(c, "DD_SITE", NO_SITE);
    set(c, "DD_USE_DOGSTATSD", "false");
    set(c, "DD_LOG_LEVEL", "debug");
    /* With the name of a Spring application it looks for no cloud's metadata. */
    set(c, "ASCSVCRT_SPRING__APPLICATION__NAME", "locktrail");
    free(intake);
    return 0;
}

/* It opens three ports, and they must differ. */
static int make_test_agent(const struct agent_orders *o, struct agent_command *c, struct err *e)
{
    unsigned grpc = agent_free_port(e);
    if (grpc != 0 && grpc == o->port)
        grpc = agent_free_port(e);
    if (grpc == 0)
        return -1;
    static const char *const fixed[] = {"-I",
                                        "-m",
                                        "ddapm_test_agent.agent",
                                        "--host",
                                        "127.0.0.1",
                                        "--disable-llmobs-data-forwarding",
                                        "--otlp-http-port",
                                        "0"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add_arg(c, mem_strdup(fixed[i]));
    add_arg(c, mem_printf("--otlp-grpc-port=%u", grpc));
    add_arg(c, mem_printf("--port=%u", o->port));
    add_arg(c, mem_printf("--snapshot-dir=%s/snapshots", o->directory));
    add_arg(c, mem_printf("--vcr-cassettes-directory=%s/cassettes", o->directory));
    set(c, "PYTHONUNBUFFERED", "1");
    return 0;
}

static int make_started(const struct agent_orders *o, struct agent_command *c, struct err *e)
{
    enum agent_kind kind = o->agent->kind;
    if (agent_check(kind, o->root, o->build, e) < 0)
        return -1;
    c->args = strings_new(ARGS_MAX);
    c->env = strings_new(ENV_MAX);
    c->url = mem_printf("http://127.0.0.1:%u", o->port);
    c->health_url = mem_printf("%s/info", c->url);
    add_arg(c, agent_tool(o->root, o->build, programs[kind].path));
    add_basic_environment(c);
    if (kind == AGENT_TRACE_AGENT)
        return make_trace_agent(o, c, e);
    return kind == AGENT_SERVERLESS_COMPAT ? make_serverless_compat(o, c, e) : make_test_agent(o, c, e);
}

int agent_command_make(const struct agent_orders *o, struct agent_command *out, struct err *e)
{
    struct agent_command c = {0};
    assert(o->agent->kind != AGENT_NONE && o->agent->kind != AGENT_EXTERNAL);
    if (make_started(o, &c, e) < 0) {
        agent_command_fini(&c);
        return -1;
    }
    *out = c;
    return 0;
}

void agent_command_fini(struct agent_command *c)
{
    if (c->args)
        orders_free_strings(c->args);
    if (c->env)
        orders_free_strings(c->env);
    free(c->url);
    free(c->health_url);
    *c = (struct agent_command){0};
}
