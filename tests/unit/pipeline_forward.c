/* SPDX-License-Identifier: Apache-2.0 */
/* Where uploads go, by what the scenario and the environment say, and what of them arrives there. */
#include "client_fixture.h"

#include "pipeline/forward.h"

#include <strings.h>

#define KEY "0123456789abcdefABCDEF0123456789"

/* The environment of a test: "NAME=value" up to a NULL. */
static const char *const *environment;

static char *test_getenv(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, size) == 0 && environment[i][size] == '=') {
            return (char *)(uintptr_t)environment[i] + size + 1;
        }
    }
    return NULL;
}

static const char *shown(const char *text)
{
    return text != NULL ? text : "-";
}

/* "to url socket key|described|profiles_url", or the error. */
static char *resolve(enum forward_from from, const char *url, const char *site, enum err_code *code)
{
    struct forward_target t;
    struct err e = {0};
    *code = 0;
    if (forward_resolve(from, url, site, "my service/1", "stress-test", test_getenv, &t, &e) != 0) {
        *code = e.code;
        assert_null(t.url);
        return mem_strdup(e.text);
    }
    char *text = mem_printf("%d %s %s %s|%s|%s", t.to, shown(t.url), shown(t.unix_socket), shown(t.api_key),
                            shown(t.described), shown(t.profiles_url));
    forward_target_fini(&t);
    return text;
}

struct resolve_case {
    enum forward_from from;
    const char *url, *site;
    const char *env[5];
    const char *expected;
    enum err_code code;
};

static void check_cases(const struct resolve_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum err_code code;
        environment = cases[i].env;
        char *found = resolve(cases[i].from, cases[i].url, cases[i].site, &code);
        assert_string_equal(found, cases[i].expected);
        assert_int_equal(code, cases[i].code);
        free(found);
    }
    environment = NULL;
}

#define ENVIRONMENT FORWARD_FROM_ENVIRONMENT
#define NOWHERE "0 - - -|-|-"
#define QUERY "/profiling/explorer?query=service%3Amy%20service%2F1%20env%3Astress-test"
#define INPUT "/profiling/v1/input"

static void the_environment_names_an_agent_or_a_site(void **state)
{
    static const struct resolve_case cases[] = {
        {ENVIRONMENT, NULL, NULL, {NULL}, NOWHERE, 0},
        {ENVIRONMENT, NULL, NULL, {"DD_SITE=datadoghq.eu"}, NOWHERE, 0},
        {ENVIRONMENT, NULL, NULL, {"DD_AGENT_HOST=", "DD_API_KEY="}, NOWHERE, 0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=10.0.0.5"},
         "1 http://10.0.0.5:8126" INPUT " - -|agent at 10.0.0.5:8126|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_TRACE_AGENT_PORT=9000"},
         "1 http://localhost:9000" INPUT " - -|agent at localhost:9000|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=::1", "DD_TRACE_AGENT_PORT=1"},
         "1 http://[::1]:1" INPUT " - -|agent at [::1]:1|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=a", "DD_TRACE_AGENT_URL=http://b:1/", "DD_API_KEY=" KEY, "DD_SITE=datadoghq.eu"},
         "1 http://b:1" INPUT " - -|agent at b:1|https://app.datadoghq.eu" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_TRACE_AGENT_URL=unix:///var/run/apm.socket"},
         "1 http://localhost" INPUT " /var/run/apm.socket -|agent at unix socket "
         "/var/run/apm.socket|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_TRACE_AGENT_URL=https://agent.example.com/proxy/"},
         "1 https://agent.example.com/proxy" INPUT " - -|agent at agent.example.com|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY},
         "2 https://intake.profile.datadoghq.com/api/v2/profile - " KEY
         "|site datadoghq.com (agentless)|https://app.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY, "DD_SITE=us3.datadoghq.com"},
         "2 https://intake.profile.us3.datadoghq.com/api/v2/profile - " KEY
         "|site us3.datadoghq.com (agentless)|https://us3.datadoghq.com" QUERY,
         0},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY, "DD_SITE=ddog-gov.com"},
         "2 https://intake.profile.ddog-gov.com/api/v2/profile - " KEY
         "|site ddog-gov.com (agentless)|https://app.ddog-gov.com" QUERY,
         0},
    };
    (void)state;
    check_cases(cases, sizeof cases / sizeof *cases);
}

static void the_scenario_goes_before_the_environment(void **state)
{
    static const struct resolve_case cases[] = {
        {FORWARD_FROM_NOWHERE, NULL, NULL, {"DD_AGENT_HOST=a", "DD_API_KEY=" KEY}, NOWHERE, 0},
        {FORWARD_FROM_AGENT,
         "http://c:2",
         NULL,
         {"DD_AGENT_HOST=a"},
         "1 http://c:2" INPUT " - -|agent at c:2|https://app.datadoghq.com" QUERY,
         0},
        {FORWARD_FROM_AGENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=a", "DD_API_KEY=" KEY},
         "1 http://a:8126" INPUT " - -|agent at a:8126|https://app.datadoghq.com" QUERY,
         0},
        {FORWARD_FROM_SITE,
         NULL,
         "ap1.datadoghq.com",
         {"DD_AGENT_HOST=a", "DD_API_KEY=" KEY, "DD_SITE=datadoghq.eu"},
         "2 https://intake.profile.ap1.datadoghq.com/api/v2/profile - " KEY
         "|site ap1.datadoghq.com (agentless)|https://ap1.datadoghq.com" QUERY,
         0},
        {FORWARD_FROM_AGENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY},
         "forwarding to an agent: no agent is named; set forward.url, DD_TRACE_AGENT_URL or "
         "DD_AGENT_HOST",
         ERR_USAGE},
        {FORWARD_FROM_SITE,
         NULL,
         NULL,
         {"DD_AGENT_HOST=a"},
         "forwarding to a site needs its API key in DD_API_KEY",
         ERR_USAGE},
    };
    (void)state;
    check_cases(cases, sizeof cases / sizeof *cases);
}

#define FORMS ", expected http://HOST:PORT, https://HOST:PORT or unix:///PATH"

static void what_is_wrong_is_told_and_never_the_key(void **state)
{
    static const struct resolve_case cases[] = {
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_TRACE_AGENT_URL=localhost:8126"},
         "DD_TRACE_AGENT_URL: 'localhost:8126' is not a URL" FORMS,
         ERR_INPUT},
        {FORWARD_FROM_AGENT, "ftp://a", NULL, {NULL}, "forward.url: 'ftp://a' is not a URL" FORMS, ERR_INPUT},
        {FORWARD_FROM_AGENT, "http://", NULL, {NULL}, "forward.url: 'http://' has no valid host" FORMS, ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://a b",
         NULL,
         {NULL},
         "forward.url: character 9 (0x20) is not allowed in a URL",
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://a..b",
         NULL,
         {NULL},
         "forward.url: 'http://a..b' has no valid host" FORMS,
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://[x]",
         NULL,
         {NULL},
         "forward.url: 'http://[x]' has no valid host" FORMS,
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://a:0",
         NULL,
         {NULL},
         "forward.url: 'http://a:0' has no valid port (1 to 65535)",
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://a:65536",
         NULL,
         {NULL},
         "forward.url: 'http://a:65536' has no valid port (1 to 65535)",
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://[::1]8126",
         NULL,
         {NULL},
         "forward.url: 'http://[::1]8126' has no valid port (1 to 65535)",
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://a/?x",
         NULL,
         {NULL},
         "forward.url: 'http://a/?x' has a query or fragment" FORMS,
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "http://user:secret@a",
         NULL,
         {NULL},
         "forward.url: a user name or password in the URL is not supported",
         ERR_INPUT},
        {FORWARD_FROM_AGENT,
         "unix://run/apm",
         NULL,
         {NULL},
         "forward.url: 'unix://run/apm' has no absolute path, expected unix:///PATH",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=http://a"},
         "DD_AGENT_HOST: 'http://a' is not a host name or address",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_TRACE_AGENT_PORT=x"},
         "DD_TRACE_AGENT_PORT: 'x' is not a port (1 to 65535)",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY, "DD_SITE=https://datadoghq.com"},
         "DD_SITE: 'https://datadoghq.com' is not a site, expected a host name such as "
         "datadoghq.com",
         ERR_INPUT},
        {FORWARD_FROM_SITE,
         NULL,
         "datadoghq",
         {"DD_API_KEY=" KEY},
         "forward.site: 'datadoghq' is not a site, expected a host name such as datadoghq.com",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_AGENT_HOST=a", "DD_SITE=x y.z"},
         "DD_SITE: 'x y.z' is not a site, expected a host name such as datadoghq.com",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=secret"},
         "DD_API_KEY: character 1 of 6 is not a hexadecimal digit; a key has 32",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=0123456789abcdef0123456789abcdeg"},
         "DD_API_KEY: character 32 of 32 is not a hexadecimal digit; a key has 32",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=0123"},
         "DD_API_KEY: it has 4 hexadecimal digits, a key has 32",
         ERR_INPUT},
        {ENVIRONMENT,
         NULL,
         NULL,
         {"DD_API_KEY=" KEY "0"},
         "DD_API_KEY: it has 33 hexadecimal digits, a key has 32",
         ERR_INPUT},
    };
    (void)state;
    check_cases(cases, sizeof cases / sizeof *cases);
}

/* --- sending --- */

static void forward_now(struct client_fixture *f, const struct forward_target *target,
                        const struct http_headers *headers, const char *text)
{
    struct buf body = {0};
    unsigned before = f->results;
    buf_add_str(&body, text);
    forward_send(f->client, target, headers, &body, 30000, on_client_result, f);
    assert_null(body.data); /* taken */
    WAIT(&f->http, f->results > before);
}

static struct http_headers upload_headers(void)
{
    static const char *const lines[][2] = {
        {"Host", "127.0.0.1:1"},
        {"Connection", "close, X-Hop"},
        {"X-Hop", "1"},
        {"Keep-Alive", "timeout=5"},
        {"TE", "trailers"},
        {"Trailer", "X"},
        {"Transfer-Encoding", "chunked"},
        {"Upgrade", "h2c"},
        {"Proxy-Authorization", "Basic x"},
        {"Expect", "100-continue"},
        {"Content-Length", "99"},
        {"content-type", "multipart/form-data; boundary=b"},
        {"dd-evp-origin", "dd-trace-py"},
        {"user-agent", "DDProf/1.0.0"},
        {"accept", "*/*"},
        {"dd-api-key", "the client's own"},
    };
    struct http_headers h = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        http_headers_add(&h, lines[i][0], lines[i][1]);
    }
    return h;
}

static void expect_forwarded(struct client_fixture *f, const struct seen *s, const char *key_line)
{
    struct buf found = {0};
    for (size_t i = 0; i < s->headers.count; i++) {
        if (strcasecmp(s->headers.items[i].name, "Host") != 0) {
            buf_printf(&found, "%s=%s;", s->headers.items[i].name, s->headers.items[i].value);
        }
    }
    char *expected = mem_printf("content-type=multipart/form-data; boundary=b;dd-evp-origin=dd-trace-py;"
                                "user-agent=DDProf/1.0.0;accept=*/*;%s;Content-Length=10;",
                                key_line);
    assert_string_equal(found.data, expected);
    assert_string_equal(s->method, "POST");
    assert_string_equal(s->body.data, "--b\r\n--b--");
    assert_null(f->error);
    assert_int_equal(f->status, 200);
    free(expected);
    buf_fini(&found);
}

static char key[] = KEY;
static char broken_key[] = "0123\r\nX: y";
static char closed_port[] = "http://127.0.0.1:1/api/v2/profile";

static void an_agent_gets_the_upload_unchanged(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = upload_headers();
    struct forward_target target;
    struct err e;
    char *listen = mem_printf("unix:%s/s", f->http.directory);
    f->http.options.listen = listen;
    start_server(&f->http);
    assert_int_equal(
        forward_resolve(FORWARD_FROM_AGENT, httpd_url(f->http.server), NULL, "s", "e", test_getenv, &target, &e), 0);
    forward_now(f, &target, &h, "--b\r\n--b--");
    assert_string_equal(f->http.seen[0].path, INPUT);
    expect_forwarded(f, &f->http.seen[0], "dd-api-key=the client's own");
    forward_target_fini(&target);
    http_headers_fini(&h);
    free(listen);
}

static void a_site_gets_the_key(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = upload_headers();
    start_server(&f->http);
    char *url = mem_printf("%s/api/v2/profile", httpd_url(f->http.server));
    struct forward_target target = {.to = FORWARD_TO_SITE, .url = url, .api_key = key};
    forward_now(f, &target, &h, "--b\r\n--b--");
    assert_string_equal(f->http.seen[0].path, "/api/v2/profile");
    expect_forwarded(f, &f->http.seen[0], "DD-API-KEY=" KEY);
    http_headers_fini(&h);
    free(url);
}

static void a_failure_is_passed_on_without_the_key(void **state)
{
    struct client_fixture *f = *state;
    struct http_headers h = upload_headers();
    struct forward_target target = {.to = FORWARD_TO_SITE, .url = closed_port, .api_key = key};
    forward_now(f, &target, &h, "");
    assert_string_equal(f->error, "POST http://127.0.0.1:1/api/v2/profile: can't connect: "
                                  "Connection refused");
    target.api_key = broken_key;
    forward_now(f, &target, &h, "x");
    assert_string_equal(f->error, "POST http://127.0.0.1:1/api/v2/profile: header DD-API-KEY "
                                  "can't be sent: its value has a line break");
    http_headers_fini(&h);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_names_an_agent_or_a_site),
        cmocka_unit_test(the_scenario_goes_before_the_environment),
        cmocka_unit_test(what_is_wrong_is_told_and_never_the_key),
        TEST(an_agent_gets_the_upload_unchanged),
        TEST(a_site_gets_the_key),
        TEST(a_failure_is_passed_on_without_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
