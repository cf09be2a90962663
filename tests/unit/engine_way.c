/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a soak's uploads while its agent and its taps are disturbed, with a small program in the agent's place:
 * it answers GET /info and sends each upload on, as trace-agent does. */
#include "engine/recorder.h"
#include "engine/way.h"

#include "child_fixture.h"
#include "io/http_client.h"
#include "pipeline/tap.h"
#include "scenario_text.h"

/* Its process is in the file `pid`; `asked` is there once it had SIGTERM. */
static const char agent[] =
    "#!/usr/bin/python3\n"
    "import http.server, os, signal, sys, urllib.error, urllib.request\n"
    "place = os.path.dirname(os.path.abspath(__file__))\n"
    "class Agent(http.server.BaseHTTPRequestHandler):\n"
    "    protocol_version = 'HTTP/1.1'\n"
    "    def answer(self, status):\n"
    "        self.send_response(status)\n"
    "        self.send_header('Content-Length', '0')\n"
    "        self.send_header('Connection', 'close')\n"
    "        self.end_headers()\n"
    "    def do_GET(self):\n"
    "        self.answer(200)\n"
    "    def do_POST(self):\n"
    "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
    "        to = urllib.request.Request(os.environ['DD_APM_PROFILING_DD_URL'], body,\n"
    "                                    {'Content-Type': self.headers['Content-Type']})\n"
    "        try:\n"
    "            self.answer(urllib.request.urlopen(to).status)\n"
    "        except urllib.error.HTTPError as error:\n"
    "            self.answer(error.code)\n"
    "def asked(*_):\n"
    "    open(place + '/asked', 'w').close()\n"
    "    os._exit(0)\n"
    "signal.signal(signal.SIGTERM, asked)\n"
    "server = http.server.HTTPServer(('127.0.0.1', int(os.environ['DD_APM_RECEIVER_PORT'])), Agent)\n"
    "with open(place + '/new', 'w') as file:\n"
    "    file.write('%d\\n' % os.getpid())\n"
    "os.rename(place + '/new', place + '/pid')\n"
    "server.serve_forever()\n";

static const char yaml[] = "name: x\nworkers: {a: {runtime: command, command: [a], locks: [{name: l}]}}\n"
                           "agents: [trace-agent]\nbackend: store\n";

struct way_fixture {
    uv_loop_t loop;
    uv_timer_t awake;
    char directory[64];
    struct run_options run;
    struct host_soak soak;
    struct host host;
    struct scenario *scenario;
    struct recorder *recorder;
    struct way *way;
    struct http_client *client;
    unsigned uploads[STAGE_COUNT]; /* that the soak was given */
    int status;                    /* of the last answer; -1: none came; 0: it is waited for */
    unsigned back, problems;
    bool ready, drained, way_closed, client_closed, disk_closed;
};

#define WAIT_FOR(f, condition)                                                                                         \
    while (!(condition))                                                                                               \
    uv_run(&(f)->loop, UV_RUN_ONCE)

static void on_awake(uv_timer_t *timer)
{
    (void)timer;
}

static void on_line(const char *instance, const struct message *m, void *data)
{
    (void)instance;
    (void)m;
    (void)data;
}

static void on_upload(enum stage stage, const char *instance, const struct upload *upload, void *data)
{
    struct way_fixture *f = data;
    (void)instance;
    assert_null(upload->rejected);
    f->uploads[stage]++;
}

static void on_problem(const char *who, const char *text, const char *advice, void *data)
{
    struct way_fixture *f = data;
    (void)text;
    (void)advice;
    assert_string_equal(who, "trace-agent");
    f->problems++;
}

static void on_ready(const struct err *e, void *data)
{
    struct way_fixture *f = data;
    if (e)
        fail_msg("%s", e->text);
    f->ready = true;
}

static void on_back(void *data)
{
    struct way_fixture *f = data;
    f->back++;
}

static char *path_of(const struct way_fixture *f, const char *name)
{
    return mem_printf("%s/bin/%s", f->directory, name);
}

static void put_agent(const struct way_fixture *f)
{
    struct err e;
    char *path = path_of(f, "locktrail-trace-agent");
    char *place = mem_printf("%s/bin", f->directory);
    assert_int_equal(disk_make_dir(place, &e), 0);
    assert_int_equal(disk_write_now(path, agent, strlen(agent), &e), 0);
    assert_int_equal(chmod(path, 0755), 0);
    free(path);
    free(place);
}

static int set_up(void **state)
{
    struct way_fixture *f = mem_calloc(1, sizeof *f);
    struct buf said = {0};
    struct err e = {0};
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-way-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    put_agent(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->awake);
    uv_timer_start(&f->awake, on_awake, 5, 5);
    f->scenario = read_with(yaml, strlen(yaml), NULL, 0, &said);
    assert_non_null(f->scenario);
    f->run = (struct run_options){
        .scenario = f->scenario, .directory = f->directory, .root = "/nowhere", .build = f->directory};
    assert_int_equal(host_open(&f->host, &f->run, &f->loop, &e), 0);
    free(f->host.guard);
    f->host.guard = mem_strdup(find_guard());
    f->soak = (struct host_soak){.line = on_line, .upload = on_upload, .problem = on_problem, .data = f};
    f->host.soak = &f->soak;
    f->recorder = recorder_new(&f->host);
    f->client = http_client_new(&f->loop, &e);
    f->way = way_start(&f->host, f->recorder, on_ready, f);
    WAIT_FOR(f, f->ready);
    *state = f;
    return 0;
}

static void on_drained(void *data)
{
    struct way_fixture *f = data;
    f->drained = true;
}

static void on_way_closed(void *data)
{
    struct way_fixture *f = data;
    f->way_closed = true;
}

static void on_client_closed(void *data)
{
    struct way_fixture *f = data;
    f->client_closed = true;
}

static void on_disk_closed(void *data)
{
    struct way_fixture *f = data;
    f->disk_closed = true;
}

static int tear_down(void **state)
{
    struct way_fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    way_drain(f->way, on_drained, f);
    way_give_up(f->way);
    WAIT_FOR(f, f->drained);
    way_close(f->way, on_way_closed, f);
    WAIT_FOR(f, f->way_closed);
    http_client_close(f->client, on_client_closed, f);
    WAIT_FOR(f, f->client_closed);
    recorder_free(f->recorder);
    disk_close(f->host.disk, on_disk_closed, f);
    WAIT_FOR(f, f->disk_closed);
    uv_close((uv_handle_t *)&f->awake, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    host_fini(&f->host);
    scenario_free(f->scenario);
    free(command);
    free(f);
    alarm(0);
    return 0;
}

static void on_answer(const struct http_result *result, void *data)
{
    struct way_fixture *f = data;
    f->status = result->error ? -1 : result->status;
}

/* The status that the sender of an upload is given. */
static int send_upload(struct way_fixture *f)
{
    static const char body[] =
        "--BB\r\nContent-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n\r\n"
        "{\"version\":\"4\",\"family\":\"python\",\"start\":\"2026-11-25T16:23:31.7Z\",\"end\":\"2026-11-25T16:23:32."
        "4Z\","
        "\"attachments\":[\"profile.pprof\"],\"tags_profiler\":\"runtime-id:r-1\"}"
        "\r\n--BB\r\nContent-Disposition: form-data; name=\"profile.pprof\"; filename=\"profile.pprof\"\r\n\r\n"
        "x\r\n--BB--\r\n";
    struct http_headers headers = {0};
    char *url = mem_printf("%s/profiling/v1/input", f->host.intake_url);
    struct http_call call = {.method = "POST",
                             .url = url,
                             .headers = &headers,
                             .body = body,
                             .body_size = strlen(body),
                             .timeout_ms = 30000};
    http_headers_add(&headers, "Content-Type", "multipart/form-data; boundary=BB");
    f->status = 0;
    http_client_send(f->client, &call, on_answer, f);
    WAIT_FOR(f, f->status != 0);
    http_headers_fini(&headers);
    free(url);
    return f->status;
}

static pid_t read_pid(const struct way_fixture *f)
{
    char *path = path_of(f, "pid");
    struct buf text = {0};
    struct err e = {0};
    assert_int_equal(disk_read_now(path, 64, &text, &e), 0);
    pid_t pid = atoi(text.data);
    buf_fini(&text);
    free(path);
    return pid;
}

static bool was_asked(const struct way_fixture *f)
{
    char *path = path_of(f, "asked");
    bool asked = access(path, F_OK) == 0;
    free(path);
    return asked;
}

static void wait_a_moment(struct way_fixture *f)
{
    uint64_t start = uv_hrtime();
    WAIT_FOR(f, uv_hrtime() - start > 50000000);
}

/* --- the agent ---------------------------------------------------------------------------------------------------- */

static void a_restarted_agent_is_there_again_at_its_address(void **state)
{
    struct way_fixture *f = *state;
    pid_t first = read_pid(f);
    assert_int_equal(send_upload(f), 202);
    assert_true(way_disturb_agent(f->way, false, 0, on_back, f));
    assert_false(way_disturb_agent(f->way, true, 0, on_back, f)); /* it is away already */
    WAIT_FOR(f, f->back == 1);
    assert_true(was_asked(f));
    assert_true(read_pid(f) != first);
    assert_int_equal(send_upload(f), 202);
    assert_int_equal(f->uploads[STAGE_UPLOAD], 2);
    assert_int_equal(f->uploads[STAGE_AGENT], 2);
    assert_int_equal(f->problems, 0);
    assert_true(way_disturb_agent(f->way, false, 0, NULL, NULL));
}

static void a_killed_agent_stays_away_for_its_time(void **state)
{
    struct way_fixture *f = *state;
    pid_t first = read_pid(f);
    assert_true(way_disturb_agent(f->way, true, 300, on_back, f));
    WAIT_FOR(f, is_gone(first));
    uint64_t start = uv_hrtime();
    assert_int_equal(send_upload(f), 502);
    WAIT_FOR(f, f->back == 1);
    assert_true(uv_hrtime() - start > 250000000);
    assert_false(was_asked(f));
    assert_int_equal(send_upload(f), 202);
    assert_int_equal(f->uploads[STAGE_UPLOAD], 2);
    assert_int_equal(f->uploads[STAGE_AGENT], 1);
    assert_int_equal(f->problems, 0);
}

static void one_that_dies_by_itself_is_a_problem_and_comes_again(void **state)
{
    struct way_fixture *f = *state;
    pid_t first = read_pid(f);
    assert_int_equal(kill(first, SIGKILL), 0);
    WAIT_FOR(f, f->problems == 1);
    wait_a_moment(f);
    assert_false(way_disturb_agent(f->way, false, 0, on_back, f));
    WAIT_FOR(f, read_pid(f) != first);
    WAIT_FOR(f, way_disturb_agent(f->way, false, 0, on_back, f)); /* it answers */
    WAIT_FOR(f, f->back == 1);
    assert_int_equal(f->problems, 1);
}

static void calm_brings_back_what_is_away_and_tells_nobody(void **state)
{
    static const struct tap_disturbance refused = {.status = 503};
    struct way_fixture *f = *state;
    pid_t first = read_pid(f);
    way_disturb_taps(f->way, STAGE_UPLOAD, &refused, 1);
    way_disturb_taps(f->way, STAGE_AGENT, &refused, 1);
    assert_true(way_disturb_agent(f->way, true, 3600000, on_back, f));
    WAIT_FOR(f, is_gone(first));
    wait_a_moment(f);
    way_calm(f->way);
    WAIT_FOR(f, read_pid(f) != first);
    WAIT_FOR(f, send_upload(f) == 202);
    assert_int_equal(f->back, 0);
}

/* The tear-down closes the way. */
static void it_can_be_closed_while_the_agent_is_away(void **state)
{
    struct way_fixture *f = *state;
    pid_t first = read_pid(f);
    assert_true(way_disturb_agent(f->way, true, 3600000, on_back, f));
    WAIT_FOR(f, is_gone(first));
    wait_a_moment(f);
    assert_int_equal(f->back, 0);
}

/* --- the taps ----------------------------------------------------------------------------------------------------- */

static void each_tap_refuses_for_itself(void **state)
{
    static const struct tap_disturbance refused = {.status = 507};
    struct way_fixture *f = *state;
    way_disturb_taps(f->way, STAGE_UPLOAD, &refused, 1);
    assert_int_equal(send_upload(f), 507);
    assert_int_equal(f->uploads[STAGE_UPLOAD], 0);
    way_disturb_taps(f->way, STAGE_UPLOAD, NULL, 0);
    way_disturb_taps(f->way, STAGE_AGENT, &refused, 1);
    assert_int_equal(send_upload(f), 507); /* the agent passes it on */
    assert_int_equal(f->uploads[STAGE_UPLOAD], 1);
    assert_int_equal(f->uploads[STAGE_AGENT], 0);
    way_disturb_taps(f->way, STAGE_AGENT, NULL, 0);
    assert_int_equal(send_upload(f), 202);
    assert_int_equal(f->uploads[STAGE_UPLOAD], 2);
    assert_int_equal(f->uploads[STAGE_AGENT], 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_restarted_agent_is_there_again_at_its_address),
        TEST(a_killed_agent_stays_away_for_its_time),
        TEST(one_that_dies_by_itself_is_a_problem_and_comes_again),
        TEST(calm_brings_back_what_is_away_and_tells_nobody),
        TEST(it_can_be_closed_while_the_agent_is_away),
        TEST(each_tap_refuses_for_itself),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
