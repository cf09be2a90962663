/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `ui` with a pprof and a driver of the test's own: what they are told, what is written, and what is said of
 * each way in which it fails. engine_screen_real.c has the real ones. */
#include "screen_fixture.h"

/* Serves, as JSON, the words of its command line but for its port and the paths' directories, and the last of these. */
static const char fake_pprof[] =
    "#!/usr/bin/env python3\n"
    "import http.server, json, os, sys\n"
    "port = int(sys.argv[1].rsplit(':', 1)[1])\n"
    "if '%s' == 'dies' and 'first' in sys.argv[-1]: sys.exit('corrupt profile')\n"
    "class Page(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        if self.path == '/ui/':\n"
    "            self.send_response(301); self.send_header('Location', '/ui/flamegraph')\n"
    "            self.send_header('Content-Length', '0'); self.end_headers(); return\n"
    "        body = json.dumps([os.path.basename(word) for word in sys.argv[2:] + "
    "[os.path.dirname(sys.argv[-1])]]).encode()\n"
    "        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()\n"
    "        self.wfile.write(body)\n"
    "http.server.HTTPServer(('127.0.0.1', port), Page).serve_forever()\n";

/* Gives what the page that was opened last serves as its texts. Every path is written to the file `asked`. */
static const char fake_driver[] =
    "#!/usr/bin/env python3\n"
    "import base64, http.server, json, os, sys, time, urllib.request\n"
    "mode, asked = '%s', open(os.path.dirname(sys.argv[0]) + '/asked', 'a', buffering=1)\n"
    "port = int(sys.argv[1].rsplit('=', 1)[1])\n"
    "if sys.argv[2:] != ['--allowed-ips=127.0.0.1']: sys.exit('arguments')\n"
    "if mode == 'dies': sys.exit('no display')\n"
    "class Driver(http.server.BaseHTTPRequestHandler):\n"
    "    opened = None\n"
    "    def answer(self, value, status=200):\n"
    "        body = value if isinstance(value, bytes) else json.dumps({'value': value}).encode()\n"
    "        self.send_response(status); self.send_header('Content-Length', str(len(body))); self.end_headers()\n"
    "        self.wfile.write(body)\n"
    "    def do_GET(self):\n"
    "        if self.path == '/status': return self.answer({'ready': True})\n"
    "        asked.write(self.path + '\\n')\n"
    "        if mode == 'crashes': os._exit(7)\n"
    "        self.answer(base64.b64encode(b'GIF' if mode == 'gif' else b'\\x89PNG\\r\\n\\x1a\\npicture').decode())\n"
    "    def do_DELETE(self):\n"
    "        asked.write('DELETE ' + self.path + '\\n')\n"
    "        self.answer(None)\n"
    "    def do_POST(self):\n"
    "        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))\n"
    "        asked.write(self.path + '\\n')\n"
    "        if self.path == '/session':\n"
    "            if mode == 'refuses': return self.answer({'error': 'session not created', 'message':\n"
    "                'session not created: Chrome failed to start\\nand so on', 'stacktrace': ''}, 500)\n"
    "            if mode == 'html': return self.answer(b'<html>', 404)\n"
    "            return self.answer({'sessionId': 'S1', 'capabilities': {'browserVersion': '1.2'}})\n"
    "        if 'url' in body: Driver.opened = body['url']\n"
    "        script = body.get('script', '')\n"
    "        if mode == 'other' and 'width:' in script and 'first.' in self.texts(): return self.answer({'other': "
    "'Oh'})\n"
    "        if mode == 'hangs' and 'width:' in script: asked.write('hanging\\n'); time.sleep(600)\n"
    "        if 'texts:' in script: return self.answer({'texts': json.loads(self.texts())})\n"
    "        self.answer({'width': 2000} if 'width:' in script else {'settled': True} if script else body)\n"
    "    def texts(self): return urllib.request.urlopen(Driver.opened).read().decode()\n"
    "    def log_message(self, *_): pass\n"
    "http.server.ThreadingHTTPServer(('127.0.0.1', port), Driver).serve_forever()\n";

static void put_program(struct shown *f, const char *name, const char *text, const char *mode)
{
    const char *mark = strstr(text, "%s");
    char *whole = mem_printf("%.*s%s%s", (int)(mark - text), text, mode, mark + 2);
    shown_put(f, name, whole, strlen(whole), 0755);
    free(whole);
}

/* The three programs, at the beginning of PATH. */
static void put_programs(struct shown *f, const char *pprof_mode, const char *driver_mode)
{
    char *path = mem_printf("%s/bin:%s", f->directory, f->path);
    put_program(f, "bin/pprof", fake_pprof, pprof_mode);
    put_program(f, "bin/chromedriver", fake_driver, driver_mode);
    shown_put(f, "bin/chromium", "", 0, 0755);
    setenv("PATH", path, 1);
    free(path);
}

static void put_subject(struct shown *f, const char *instance)
{
    shown_subject(f, instance);
    shown_copy(f, (const char *const[]){"a.c:1:a", NULL}, ENCODING_ZSTD);
}

static size_t count_lines(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

static void assert_labels(const struct shown *f, const char *name, const char *const *labels)
{
    char *text = shown_read(f, name);
    if (text[0] == '\0')
        fail_msg("%s is not there", name);
    for (size_t i = 0; labels[i]; i++) {
        char *part = mem_printf("\"label\": \"%s\"", labels[i]);
        if (!strstr(text, part))
            fail_msg("%s is not in %s: %s", labels[i], name, text);
        free(part);
    }
    free(text);
}

/* --- all is well --- */

static void test_what_the_programs_are_told(void **state)
{
    static const char *const labels[] = {"-no_browser",
                                         "-symbolize=none",
                                         "-trim=false",
                                         "-sample_index=lock-acquire",
                                         "-tagroot=lock name",
                                         "-tagleaf=lock name",
                                         "1.pprof",
                                         "2.pprof",
                                         NULL};
    static const char *const steps =
        "/session\n"
        "/session/S1/url\n/session/S1/execute/async\n/session/S1/window/rect\n/session/S1/execute/async\n"
        "/session/S1/execute/async\n/session/S1/screenshot\n"
        "/session/S1/url\n/session/S1/execute/async\n/session/S1/window/rect\n/session/S1/execute/async\n"
        "/session/S1/screenshot\nDELETE /session/S1\n";
    struct shown *f = *state;
    put_programs(f, "", "");
    put_subject(f, "app.1.tee");
    shown_copy(f, (const char *const[]){"b.c:1:b", NULL}, ENCODING_LZ4);
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error ? f->error : "", "");
    assert_labels(f, "copies/ui/app.1.tee.1.json", labels);
    char *asked = shown_read(f, "bin/asked");
    assert_string_equal(asked, steps);
    free(asked);
    char *picture = shown_read(f, "copies/ui/app.1.tee.1.top.png");
    assert_string_equal(picture, "\x89PNG\r\n\x1a\npicture");
    free(picture);
    assert_true(shown_has(f, "copies/ui/app.1.tee.1.flamegraph.png"));
}

static void test_the_journal_tells_of_each_copy(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "");
    put_subject(f, "app.1.tee");
    put_subject(f, "app.2.tee");
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error ? f->error : "", "");
    char *events = shown_read(f, "events.jsonl");
    assert_int_equal(count_lines(events, "\"event\":\"copy\""), 2);
    assert_int_equal(count_lines(events, "\"stage\":\"ui\",\"instance\":\"app.1.tee\",\"sequence\":1"), 1);
    assert_int_equal(count_lines(events, "\"stage\":\"ui\",\"instance\":\"app.2.tee\",\"sequence\":1"), 1);
    assert_int_equal(count_lines(events, "\"event\":\"service_ended\""), 5);
    assert_int_equal(count_lines(events, "\"good\":true"), 5);
    free(events);
}

static void test_nobody_to_be_shown(void **state)
{
    struct shown *f = *state;
    shown_start(f);
    shown_wait(f);
    assert_null(f->error);
}

/* --- what fails --- */

static void test_missing_programs(void **state)
{
    static const struct {
        const char *pprof, *driver, *without, *error;
    } cases[] = {
        {NULL, NULL, "pprof", "the stage ui needs google/pprof, and it is not there: make agents"},
        {"nopprof", NULL, NULL, "ui.pprof: there is no program nopprof (without the key, make agents gets pprof)"},
        {NULL, NULL, "chromedriver",
         "the stage ui needs Chromium's driver, and there is no program chromedriver: make deps"},
        {NULL, "nodriver", NULL, "the stage ui needs Chromium's driver, and there is no program nodriver: make deps"},
        {NULL, NULL, "chromium", "the stage ui needs Chromium, and there is no program chromium: make deps"},
    };
    struct shown *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        f->scenario.ui.pprof = f->scenario.ui.driver = NULL;
        put_programs(f, "", "");
        char *path = mem_printf("%s/bin", f->directory);
        setenv("PATH", path, 1);
        assert_int_equal(screen_check(&f->scenario, "/nowhere", "/nowhere", &e), 0);
        f->scenario.ui.pprof = (char *)cases[i].pprof;
        f->scenario.ui.driver = (char *)cases[i].driver;
        if (cases[i].without) {
            char *program = mem_printf("%s/%s", path, cases[i].without);
            unlink(program);
            free(program);
        }
        assert_int_equal(screen_check(&f->scenario, "/nowhere", "/nowhere", &e), -1);
        assert_string_equal(e.text, cases[i].error);
        assert_int_equal(e.code, ERR_MISSING);
        free(path);
    }
    put_subject(f, "app.1.tee");
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error, cases[4].error);
    assert_int_equal(f->code, ERR_MISSING);
}

static void test_what_a_driver_says(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "refuses");
    put_subject(f, "app.1.tee");
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error, "the browser's driver says: session not created: Chrome failed to start");
    assert_int_equal(f->code, ERR_INTERNAL);
    assert_false(shown_has(f, "copies/ui"));
}

static void test_a_driver_that_is_none(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "html");
    put_subject(f, "app.1.tee");
    shown_start(f);
    shown_wait(f);
    assert_memory_equal(f->error, "the browser's driver answers with status 404 and no JSON: ", 58);
}

static void test_a_driver_that_does_not_start(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "dies");
    put_subject(f, "app.1.tee");
    put_subject(f, "app.2.tee");
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error, "chromedriver ended before it was ready: exit 1; it said: no display");
}

static void test_a_driver_that_ends_in_the_middle(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "crashes");
    put_subject(f, "app.1.tee");
    put_subject(f, "app.2.tee");
    shown_start(f);
    shown_wait(f);
    assert_memory_equal(f->error, "app.1.tee: taking a picture of the flame graph: GET http://127.0.0.1:", 68);
    assert_false(shown_has(f, "copies/ui"));
}

static void test_the_others_are_looked_at_all_the_same(void **state)
{
    static const struct {
        const char *pprof, *driver, *error;
    } cases[] = {
        {"dies", "",
         "first.1.tee: pprof-first.1.tee-flamegraph ended before it was ready: exit 1; it said: corrupt profile"},
        {"", "other", "first.1.tee: waiting for the flame graph: the page is not pprof's flame graph, it says: Oh"},
    };
    struct shown *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->over = false;
        f->subject_count = 0;
        put_programs(f, cases[i].pprof, cases[i].driver);
        put_subject(f, "first.1.tee");
        put_subject(f, "second.1.tee");
        shown_start(f);
        while (!f->over)
            uv_run(&f->loop, UV_RUN_ONCE);
        /* Either of the two pprofs may be the first that ends. */
        char *other = strstr(f->error, "-top ended");
        if (other)
            assert_string_equal(other + 4, strstr(cases[i].error, " ended"));
        else
            assert_string_equal(f->error, cases[i].error);
        assert_false(shown_has(f, "copies/ui/first.1.tee.1.json"));
        assert_true(shown_has(f, "copies/ui/second.1.tee.1.json"));
        free(f->error);
        f->error = NULL;
        if (i + 1 < sizeof cases / sizeof *cases) {
            screen_free(f->screen);
            char *path = mem_printf("rm -r %s/copies/ui", f->directory);
            assert_int_equal(system(path), 0);
            free(path);
        }
    }
    shown_wait(f);
}

static void test_a_picture_that_is_none(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "gif");
    put_subject(f, "app.1.tee");
    shown_start(f);
    shown_wait(f);
    assert_string_equal(f->error,
                        "app.1.tee: taking a picture of the flame graph: the browser's driver gave no PNG picture");
}

/* --- copies that can't be read --- */

static void test_the_rest_is_shown(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "");
    put_subject(f, "app.1.tee");
    shown_file(f, "no profile", 10);
    shown_copy(f, (const char *const[]){"b.c:1:b", NULL}, ENCODING_GZIP);
    put_subject(f, "app.2.tee");
    shown_start(f);
    shown_wait(f);
    assert_int_equal(f->code, ERR_INPUT);
    assert_memory_equal(f->error, "app.1.tee: can't be shown: copies/backend/app.1.tee.2.pprof: ", 60);
    assert_labels(f, "copies/ui/app.1.tee.1.json", (const char *const[]){"1.pprof", "2.pprof", NULL});
    char *text = shown_read(f, "copies/ui/app.1.tee.1.json");
    assert_non_null(strstr(text, "\"copies/backend/app.1.tee.2.pprof: "));
    assert_null(strstr(text, "3.pprof"));
    free(text);
    assert_true(shown_has(f, "copies/ui/app.2.tee.1.json"));
}

static void test_nothing_can_be_shown(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "");
    shown_subject(f, "app.1.tee");
    shown_file(f, "", 0);
    put_subject(f, "app.2.tee");
    shown_start(f);
    shown_wait(f);
    assert_int_equal(f->code, ERR_INPUT);
    assert_false(shown_has(f, "copies/ui/app.1.tee.1.json"));
    assert_true(shown_has(f, "copies/ui/app.2.tee.1.json"));
}

/* A copy that can't be read is told by the stage before, too; a page that fails is told here only. */
static void test_the_gravest_is_told(void **state)
{
    struct shown *f = *state;
    put_programs(f, "dies", "");
    shown_subject(f, "app.1.tee");
    shown_file(f, "", 0);
    put_subject(f, "first.1.tee");
    shown_start(f);
    shown_wait(f);
    assert_int_equal(f->code, ERR_INTERNAL);
    assert_memory_equal(f->error, "first.1.tee: pprof-first.1.tee-", 31);
    assert_non_null(strstr(f->error, " ended before it was ready: exit 1; it said: corrupt profile (and 1 more)"));
}

/* A full disk is told as what it is: neither a loss nor a page that fails. */
static void test_what_can_not_be_written(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "");
    put_subject(f, "app.1.tee");
    shown_put(f, "copies/ui", "a file in the way", 17, 0644);
    shown_start(f);
    shown_wait(f);
    assert_int_equal(f->code, ERR_WRITE);
    assert_true(f->host.unwritten);
    char *events = shown_read(f, "events.jsonl");
    assert_int_equal(count_lines(events, "\"event\":\"copy\""), 0);
    free(events);
}

/* --- the user stops it --- */

struct stopper {
    struct shown *f;
    const char *file, *when;
    bool now;
    uv_timer_t timer;
};

static void on_look(uv_timer_t *timer)
{
    struct stopper *s = timer->data;
    char *text = shown_read(s->f, s->file);
    if (strstr(text, s->when)) {
        uv_close((uv_handle_t *)timer, NULL);
        screen_stop(s->f->screen, s->now);
    }
    free(text);
}

static void stop_when(struct shown *f, const char *file, const char *when, bool now)
{
    struct stopper s = {.f = f, .file = file, .when = when, .now = now};
    put_subject(f, "app.1.tee");
    put_subject(f, "app.2.tee");
    shown_start(f);
    uv_timer_init(&f->loop, &s.timer);
    s.timer.data = &s;
    uv_timer_start(&s.timer, on_look, 1, 2);
    while (!f->over)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_true(uv_is_closing((uv_handle_t *)&s.timer));
    shown_wait(f);
    assert_string_equal(f->error, "the screen was not looked at to the end: the run was stopped");
    assert_int_equal(f->code, ERR_INTERRUPTED);
    assert_false(shown_has(f, "copies/ui/app.2.tee.1.json"));
}

static void test_a_stop_before_it_begins(void **state)
{
    struct shown *f = *state;
    put_programs(f, "", "");
    put_subject(f, "app.1.tee");
    shown_start(f);
    screen_stop(f->screen, false);
    shown_wait(f);
    assert_int_equal(f->code, ERR_INTERRUPTED);
    assert_false(shown_has(f, "services"));
}

static void test_a_stop_while_the_driver_starts(void **state)
{
    put_programs(*state, "", "");
    stop_when(*state, "events.jsonl", "\"service\":\"chromedriver\",\"pid\"", false);
}

static void test_a_stop_while_the_page_loads(void **state)
{
    put_programs(*state, "", "hangs");
    stop_when(*state, "bin/asked", "hanging", false);
}

static void test_a_stop_at_once(void **state)
{
    put_programs(*state, "", "hangs");
    stop_when(*state, "bin/asked", "hanging", true);
}

static void test_a_stop_between_two(void **state)
{
    put_programs(*state, "", "");
    stop_when(*state, "events.jsonl", "\"event\":\"copy\"", false);
}

#define SCREEN_TEST(name) cmocka_unit_test_setup_teardown(name, shown_set_up, shown_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCREEN_TEST(test_what_the_programs_are_told),
        SCREEN_TEST(test_the_journal_tells_of_each_copy),
        SCREEN_TEST(test_nobody_to_be_shown),
        SCREEN_TEST(test_missing_programs),
        SCREEN_TEST(test_what_a_driver_says),
        SCREEN_TEST(test_a_driver_that_is_none),
        SCREEN_TEST(test_a_driver_that_does_not_start),
        SCREEN_TEST(test_a_driver_that_ends_in_the_middle),
        SCREEN_TEST(test_the_others_are_looked_at_all_the_same),
        SCREEN_TEST(test_a_picture_that_is_none),
        SCREEN_TEST(test_the_rest_is_shown),
        SCREEN_TEST(test_nothing_can_be_shown),
        SCREEN_TEST(test_the_gravest_is_told),
        SCREEN_TEST(test_what_can_not_be_written),
        SCREEN_TEST(test_a_stop_before_it_begins),
        SCREEN_TEST(test_a_stop_while_the_driver_starts),
        SCREEN_TEST(test_a_stop_while_the_page_loads),
        SCREEN_TEST(test_a_stop_at_once),
        SCREEN_TEST(test_a_stop_between_two),
    };
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
