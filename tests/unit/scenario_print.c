/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_same.h"
#include "scenario_text.h"

#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define RANDOM_SCENARIOS 2000

/* xorshift64: the same scenarios on every machine. */
static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t below(uint64_t limit)
{
    return next() % limit;
}

static uint64_t between(uint64_t low, uint64_t high)
{
    return low + below(high - low + 1);
}

static double fraction(void)
{
    return ((double)below(UINT64_C(1) << 53) + 1) / (double)(UINT64_C(1) << 53);
}

/* --- random texts ----------------------------------------------------------------------------------------------- */

static const char *const one_line_pieces[] = {"a",
                                              "Z",
                                              "0",
                                              "9",
                                              " ",
                                              "  ",
                                              ":",
                                              ": ",
                                              " #",
                                              "- ",
                                              "\"",
                                              "'",
                                              "\\",
                                              "{",
                                              "}",
                                              "[",
                                              "]",
                                              ",",
                                              "&a",
                                              "*a",
                                              "!",
                                              "|",
                                              ">",
                                              "%",
                                              "@",
                                              "`",
                                              "?",
                                              "~",
                                              "é",
                                              "€",
                                              "🔒",
                                              "...",
                                              "---",
                                              "null",
                                              "\xC2\x85",
                                              "\xE2\x80\xA8",
                                              "\xEF\xBB\xBF",
                                              "yes",
                                              "1e5",
                                              "<<",
                                              "=",
                                              "\xC2\xA0",
                                              "\xEF\xBF\xBE",
                                              "true"};
static const char *const many_line_pieces[] = {"\n",   "\t",   "\r", "\n\n", "\x01", "\x1B",
                                               "\x7F", "text", " ",  ":",    "\""};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char *random_text(bool many_lines, size_t least, size_t most)
{
    struct buf text = {0};
    for (size_t pieces = between(least, most); pieces > 0; pieces--) {
        bool other = many_lines && below(3) == 0;
        buf_add_str(&text, other ? many_line_pieces[below(COUNT(many_line_pieces))]
                                 : one_line_pieces[below(COUNT(one_line_pieces))]);
    }
    return buf_steal(&text);
}

static char *random_name(const char *first, const char *others)
{
    struct buf text = {0};
    buf_add_char(&text, first[below(strlen(first))]);
    for (size_t more = below(12); more > 0; more--) {
        buf_add_char(&text, others[below(strlen(others))]);
    }
    return buf_steal(&text);
}

static char *random_word(void)
{
    return random_name("abcXYZ059_", "abcXYZ059_-");
}

static char **random_texts(size_t count, const char *const *from, size_t from_count)
{
    char **texts = mem_calloc(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        texts[i] = from ? mem_strdup(from[below(from_count)]) : random_text(true, i == 0, 6);
    }
    return texts;
}

static char **random_command(size_t *count)
{
    *count = between(1, 4);
    return random_texts(*count, NULL, 0);
}

/* --- random scenarios ------------------------------------------------------------------------------------------- */

static void set_rendering(struct scenario_lock *l, bool named)
{
    l->rendering = named ? (enum rendering)below(3) : RENDERING_GENERIC;
    l->mangled = l->rendering == RENDERING_MANGLED ? random_text(false, 1, 3) : NULL;
}

static void add_locks(struct scenario_worker *w)
{
    static const char *const places[] = {"shop.c:40", "shop+0x4060", "a b: c"};
    w->lock_count = between(1, 4);
    w->locks = mem_calloc(w->lock_count, sizeof *w->locks);
    for (size_t i = 0; i < w->lock_count; i++) {
        struct scenario_lock *l = &w->locks[i];
        bool anonymous = below(4) == 0;
        l->worker = mem_strdup(w->name);
        l->name = anonymous ? mem_strdup("") : random_text(false, 1, 4);
        l->id = mem_printf("%zu %s", i, one_line_pieces[below(COUNT(one_line_pieces))]);
        l->line = (unsigned)between(1, 999999999);
        l->file = random_word();
        set_rendering(l, !anonymous);
        l->acquires = below(2) ? 0 : between(1, 1000000);
        l->qualified = below(2);
        l->site_count = below(3);
        l->sites = random_texts(l->site_count, places, COUNT(places));
    }
}

static void add_environment(struct scenario_worker *w)
{
    w->environment_count = below(4);
    w->environment = mem_calloc(w->environment_count, sizeof *w->environment);
    for (size_t i = 0; i < w->environment_count; i++) {
        char *name = random_name("abcXYZ_", "abcXYZ059_");
        w->environment[i].name = mem_printf("%s_%zu", name, i);
        w->environment[i].value = random_text(true, 0, 6);
        free(name);
    }
}

static uint64_t or_none(uint64_t low, uint64_t high)
{
    return below(2) ? 0 : between(low, high);
}

static void fill_ddtrace(struct scenario_worker *w)
{
    static const char *const releases[] = {"4.16.0", "3.17.0", "2.21", "4.0.0rc1", "3"};
    static const char *const packages[] = {"requests", "flask==3.0.0", "uvicorn[standard]>=0.20"};
    free(w->version);
    free(w->interpreter);
    w->version = mem_strdup(releases[below(COUNT(releases))]);
    w->package_count = below(3);
    w->packages = random_texts(w->package_count, packages, COUNT(packages));
    w->launcher = (enum launcher)below(2);
    w->interpreter = mem_printf("/usr/%s", one_line_pieces[below(26)]);
    w->inspect_dir = below(2);
    w->lock = (enum lock_type)below(2);
    w->optional = below(2);
    w->start_timeout_ms = (int64_t)between(100, 3600000);
    w->silence_timeout_ms = (int64_t)between(100, 3600000);
}

static void fill_native(struct scenario_worker *w)
{
    w->build = (enum build)below(BUILD_CLANG_O2G + 1);
    w->capture_pct = below(2) ? 100 : 100 / (double)between(1, 1000);
    w->start_timeout_ms = (int64_t)between(100, 3600000);
    w->silence_timeout_ms = (int64_t)between(100, 3600000);
}

static void fill_worker(struct scenario_worker *w, enum runtime runtime)
{
    *w = (struct scenario_worker){.name = random_word(),
                                  .runtime = runtime,
                                  .build = BUILD_O2G,
                                  .count = (unsigned)between(1, 10),
                                  .limits = {or_none(16 << 20, UINT64_C(1) << 40), or_none(16, 1048576), below(1 << 30),
                                             or_none(4096, UINT64_C(1) << 40)},
                                  .start_timeout_ms = 60000,
                                  .silence_timeout_ms = 30000,
                                  .stop_timeout_ms = (int64_t)between(100, 3600000),
                                  .upload_interval_ms = (int64_t)between(1000, 3600000),
                                  .capture_pct = below(2) ? 100 * fraction() : (double)between(1, 100),
                                  .version = mem_strdup("4.16.0"),
                                  .interpreter = mem_strdup("python3"),
                                  .inspect_dir = true};
    add_environment(w);
    if (runtime == RUNTIME_NATIVE) {
        fill_native(w);
        return;
    }
    if (runtime == RUNTIME_DDTRACE) {
        fill_ddtrace(w);
        return;
    }
    w->protocol = (enum protocol)below(2);
    w->command = random_command(&w->command_count);
    w->directory = below(2) ? random_text(false, 1, 4) : NULL;
    if (w->protocol == PROTOCOL_SILENT) {
        w->until_exit = below(2);
        add_locks(w);
    } else {
        w->start_timeout_ms = (int64_t)between(100, 3600000);
        w->silence_timeout_ms = (int64_t)between(100, 3600000);
    }
}

static void add_phases(struct scenario *s)
{
    static const char *const patterns[] = {"local", "global", "member", "nested", "private", "anonymous"};
    double shares = 0;
    s->phase_count = between(1, COUNT(patterns));
    s->phases = mem_calloc(s->phase_count, sizeof *s->phases);
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        p->pattern = mem_strdup(patterns[i]);
        p->share = below(3) == 0 ? 0 : below(2) ? 0.001 + 10 * fraction() : (double)between(1, 9);
        p->iterations = p->share > 0 ? 0 : between(1, 1000000);
        shares += p->share;
    }
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        if (p->share > 0) {
            p->seconds = (double)s->duration_ms / 1000 * p->share / shares;
            p->iterations = (uint64_t)fmax(1, round(p->seconds * s->rate));
        }
    }
}

static void add_expect(struct scenario *s)
{
    s->expect_count = below(3);
    s->expect = mem_calloc(s->expect_count, sizeof *s->expect);
    for (size_t i = 0; i < s->expect_count; i++) {
        struct scenario_lock *l = &s->expect[i];
        l->id = mem_printf("%zu/%s", i, one_line_pieces[below(COUNT(one_line_pieces))]);
        l->name = mem_strdup("");
        l->file = mem_strdup("");
        set_rendering(l, true);
    }
}

static void fill_ways(struct scenario *s)
{
    static const char *const listens[] = {"127.0.0.1:0", "127.1.2.3:65535", "localhost:1",
                                          "[::1]:8126",  "unix:",           "unix:/a b#"};
    static const char *const urls[] = {"http://10.0.0.5:8126", "https://agent.example/x", "unix:///run/agent",
                                       "http://[::1]:1"};
    s->intake.listen = mem_strdup(listens[below(COUNT(listens))]);
    s->intake.max_body = between(1024, UINT64_C(1) << 30);
    s->intake.max_header = between(1024, 1 << 20);
    s->intake.max_parts = (unsigned)between(1, 1000);
    s->intake.idle_timeout_ms = (int64_t)between(100, 3600000);
    s->forward.kind = (enum forward_kind)below(4);
    s->forward.timeout_ms = (int64_t)between(100, 3600000);
    if (s->forward.kind == FORWARD_AGENT && below(2)) {
        s->forward.url = mem_strdup(urls[below(COUNT(urls))]);
    } else if (s->forward.kind == FORWARD_AGENTLESS && below(2)) {
        s->forward.site = mem_strdup("us5.datadoghq.com");
    }
    s->evidence.absence_probability = fraction() / 2;
    s->evidence.duration_tolerance = 0.01 + fraction();
}

static struct scenario *random_scenario(void)
{
    struct scenario *s = mem_calloc(1, sizeof *s);
    s->path = mem_strdup("test.yaml");
    s->name = random_word();
    s->name[0] = s->name[0] == '-' ? 'x' : s->name[0];
    s->description = random_text(true, 0, 20);
    s->service = random_text(false, 1, 6);
    s->env = random_text(false, 1, 6);
    s->version = random_text(false, 1, 6);
    s->duration_ms = (int64_t)between(100, 600000);
    s->threads = (unsigned)between(2, 64);
    s->seed = next();
    s->rate = below(2) ? (double)between(1, 200) : 100 * fraction();
    s->report = (enum report_kind)below(2);
    s->control.kind = (enum control_kind)below(3);
    s->control.timeout_ms = 60000;
    if (s->control.kind == CONTROL_COMMAND) {
        s->control.timeout_ms = (int64_t)between(100, 86400000);
        s->control.command = random_texts(s->control.command_count = between(1, 4), NULL, 0);
    }
    s->worker_count = between(1, 3);
    s->workers = mem_calloc(s->worker_count, sizeof *s->workers);
    for (size_t i = 0; i < s->worker_count; i++) {
        fill_worker(&s->workers[i], (enum runtime)below(i > 0 ? 3 : 2));
        char *name = s->workers[i].name;
        s->workers[i].name = mem_printf("%zu%s", i, name);
        free(name);
        for (size_t j = 0; j < s->workers[i].lock_count; j++) {
            free(s->workers[i].locks[j].worker);
            s->workers[i].locks[j].worker = mem_strdup(s->workers[i].name);
        }
    }
    add_phases(s);
    add_expect(s);
    fill_ways(s);
    return s;
}

/* --- tests ------------------------------------------------------------------------------------------------------ */

static void test_a_random_scenario_reads_back(void **state)
{
    (void)state;
    seed = 88172645463325252;
    for (int i = 0; i < RANDOM_SCENARIOS; i++) {
        struct buf printed = {0}, said = {0};
        struct scenario *s = random_scenario();
        scenario_print(s, &printed);
        struct scenario *back = read_with(printed.data, printed.size, NULL, 0, &said);
        if (back == NULL) {
            fail_msg("scenario %d\n%s\ncan't be read:\n%s", i, printed.data, said.data);
        }
        if (!same_scenario(s, back)) {
            fail_msg("scenario %d\n%s\nreads back as another", i, printed.data);
        }
        scenario_free(s);
        scenario_free(back);
        buf_fini(&printed);
        buf_fini(&said);
    }
}

static void test_the_whole_text(void **state)
{
    static const char file[] = "name: x\n"
                               "service: 'it''s'\n"
                               "rate: 0.1\n"
                               "control: {command: [pytest, -q], timeout: 90}\n"
                               "workers:\n"
                               "  svc:\n"
                               "    runtime: command\n"
                               "    command: [./service, \"a\\nb\"]\n"
                               "    directory: /srv\n"
                               "    environment: {A: 1, B: \"\", C: true}\n"
                               "    limits: {memory: 1.5GiB, files: 64}\n"
                               "    locks:\n"
                               "      - {name: a_lock, site: src/service.py:12, acquires: 1000}\n"
                               "      - {site: \"service.py:13\"}\n"
                               "      - {name: __c, rendering: mangled:_S__c}\n"
                               "expect:\n"
                               "  - {lock: a_lock, worker: svc, rendering: generic}\n"
                               "forward: {to: agentless, site: datadoghq.eu}\n";
    (void)state;
    struct buf printed = {0}, said = {0}, expected = {0};
    struct scenario *s = read_with(file, strlen(file), NULL, 0, &said);
    assert_non_null(s);
    scenario_print(s, &printed);
    assert_true(slurp("tests/data/scenario/printed.yaml", &expected));
    assert_string_equal(printed.data, expected.data);
    scenario_free(s);
    buf_fini(&printed);
    buf_fini(&said);
    buf_fini(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_random_scenario_reads_back),
        cmocka_unit_test(test_the_whole_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
