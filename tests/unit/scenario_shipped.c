/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios that ship are good, and are what their issues say of them. */
#include "scenario_text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct scenario *read_shipped(const char *name)
{
    struct buf path = {0}, text = {0}, said = {0};
    buf_printf(&path, "scenarios/%s.yaml", name);
    assert_true(slurp(path.data, &text));
    struct scenario *s = read_with(text.data, text.size, NULL, 0, &said);
    if (s == NULL) {
        fail_msg("%s: %s", path.data, said.data);
    }
    buf_fini(&path);
    buf_fini(&text);
    buf_fini(&said);
    return s;
}

static const struct {
    const char *name;
    int64_t duration_ms;
    unsigned threads;
    size_t phases;
    enum report_kind report;
    size_t native; /* workers; behind them one of ddtrace, but for `builds` */
} shipped[] = {
    {"production", 120000, 4, 7, REPORT_BRIEF, 1}, {"debug", 30000, 4, 3, REPORT_DEBUG, 0},
    {"smoke", 30000, 4, 7, REPORT_BRIEF, 1},       {"long", 600000, 16, 7, REPORT_BRIEF, 0},
    {"control", 10000, 2, 9, REPORT_BRIEF, 0},     {"demo-stress", 60000, 16, 3, REPORT_BRIEF, 0},
    {"demo-simple", 15000, 2, 1, REPORT_BRIEF, 0}, {"demo-heavy", 90000, 8, 7, REPORT_BRIEF, 0},
    {"builds", 30000, 2, 12, REPORT_BRIEF, 8},     {"pipeline", 15000, 4, 7, REPORT_BRIEF, 1},
    {"agentless", 15000, 4, 7, REPORT_BRIEF, 1},   {"two-agents", 15000, 4, 7, REPORT_BRIEF, 1},
};
#define SHIPPED (sizeof shipped / sizeof *shipped)

/* Those of soaks: their duration is one round, which may be shorter than an upload's interval. */
static const struct {
    const char *name;
    size_t workers, disturbances;
} soaks[] = {{"soak", 3, 0}, {"soak-disturbed", 2, 10}};
#define SOAKS (sizeof soaks / sizeof *soaks)

static void check_shipped_worker(const struct scenario_worker *w, bool native, bool optional)
{
    assert_true(w->capture_pct == 100);
    assert_int_equal(w->runtime, native ? RUNTIME_NATIVE : RUNTIME_DDTRACE);
    if (!native) {
        assert_string_equal(w->name, "python");
        assert_string_equal(w->version, "4.16.0");
        assert_int_equal(w->optional, optional);
    }
}

static void test_each_is_what_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHIPPED; i++) {
        struct scenario *s = read_shipped(shipped[i].name);
        assert_string_equal(s->name, shipped[i].name);
        assert_int_equal(s->duration_ms, shipped[i].duration_ms);
        assert_int_equal(s->threads, shipped[i].threads);
        assert_int_equal(s->phase_count, shipped[i].phases);
        assert_int_equal(s->report, shipped[i].report);
        assert_int_equal(s->arms, shipped[i].native > 0 ? ARMS_AUTO : ARMS_PAIRED);
        assert_int_equal(s->control.kind, CONTROL_BUILTIN);
        assert_int_equal(s->worker_count, shipped[i].native == 8 ? 8 : shipped[i].native + 1);
        for (size_t w = 0; w < s->worker_count; w++) {
            check_shipped_worker(&s->workers[w], w < shipped[i].native, shipped[i].native == 1);
            assert_true(s->workers[w].upload_interval_ms * 3 <= s->duration_ms);
        }
        scenario_free(s);
    }
}

static void test_soaks_are_what_they_say(void **state)
{
    bool there[DISTURB_COUNT] = {0};
    (void)state;
    for (size_t i = 0; i < SOAKS; i++) {
        struct scenario *s = read_shipped(soaks[i].name);
        char *key = scenario_soak_key(s);
        assert_string_equal(s->name, soaks[i].name);
        assert_string_equal(key, soaks[i].disturbances > 0 ? "disturbances" : "workers.brief.lifetime");
        assert_int_equal(s->worker_count, soaks[i].workers);
        assert_int_equal(s->disturbance_count, soaks[i].disturbances);
        assert_int_equal(s->agent_count, 1);
        assert_int_equal(s->agents[0].kind, AGENT_TRACE_AGENT);
        assert_int_equal(s->backend.kind, BACKEND_STORE);
        for (size_t d = 0; d < s->disturbance_count; d++) {
            there[s->disturbances[d].what] = true;
            assert_true(s->disturbances[d].at_ms + s->disturbances[d].length_ms < 180000);
        }
        free(key);
        scenario_free(s);
    }
    for (size_t i = 0; i < DISTURB_COUNT; i++) {
        if (!there[i]) {
            fail_msg("no %s", scenario_disturb_name((enum disturb)i));
        }
    }
}

static void test_a_load_counts_for_each_worker(void **state)
{
    static const char text[] = "name: x\nworkers: {a: {runtime: native}, b: {runtime: native}}\nphases: [local]\n"
                               "disturbances:\n  - {what: load, at: 5s, processes: 3}\n"
                               "  - {what: load, at: 5s, processes: 4, worker: b}\n";
    (void)state;
    struct buf said = {0};
    struct scenario *s = read_with(text, strlen(text), NULL, 0, &said);
    assert_non_null(s);
    assert_int_equal(scenario_load_processes(s, &s->workers[0]), 3);
    assert_int_equal(scenario_load_processes(s, &s->workers[1]), 7);
    assert_int_equal(s->disturbances[0].length_ms, 5000);
    assert_int_equal(s->disturbances[0].every_ms, 0);
    scenario_free(s);
    buf_fini(&said);
}

static void test_a_run_has_no_key_of_soaks(void **state)
{
    (void)state;
    struct scenario *s = read_shipped("smoke");
    assert_null(scenario_soak_key(s));
    scenario_free(s);
}

static int is_yaml(const struct dirent *entry)
{
    return strstr(entry->d_name, ".yaml") != NULL;
}

static void test_none_is_forgotten_here(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir("scenarios", &entries, is_yaml, alphasort);
    assert_int_equal(count, SHIPPED + SOAKS);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
}

static void test_the_ways_are_what_they_say(void **state)
{
    static const struct {
        const char *name;
        bool pipeline;
        size_t agents;
        enum backend_kind backend;
        enum ui_kind ui;
    } cases[] = {{"smoke", false, 0, BACKEND_NONE, UI_NONE},
                 {"agentless", true, 0, BACKEND_STORE, UI_NONE},
                 {"pipeline", true, 1, BACKEND_STORE, UI_PPROF},
                 {"two-agents", true, 2, BACKEND_STORE, UI_NONE}};
    static const enum agent_kind agents[] = {AGENT_TRACE_AGENT, AGENT_SERVERLESS_COMPAT};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scenario *s = read_shipped(cases[i].name);
        assert_int_equal(scenario_has_pipeline(s), cases[i].pipeline);
        assert_int_equal(s->agent_count, cases[i].agents);
        for (size_t a = 0; a < s->agent_count; a++) {
            assert_int_equal(s->agents[a].kind, agents[a]);
        }
        assert_int_equal(s->backend.kind, cases[i].backend);
        assert_int_equal(s->ui.kind, cases[i].ui);
        assert_int_equal(s->fault_count, 0);
        scenario_free(s);
    }
}

/* --- scenarios/loss --------------------------------------------------------------------------------------------- */

/* The rest of a file's comment lines that begin with `tag`, one after the other; NULL at the end. */
static const char *next_tag(const char *at, const char *tag, char *out, size_t size)
{
    for (const char *line = at; line && *line == '#'; line = line ? line + 1 : NULL) {
        const char *end = strchr(line, '\n');
        size_t length = strlen(tag);
        if (strncmp(line, tag, length) == 0) {
            snprintf(out, size, "%.*s", (int)(end - line - (ptrdiff_t)length), line + length);
            return end + 1;
        }
        line = end;
    }
    return NULL;
}

/* Each "LOCK MECHANISM STAGE" has words that are known; returns how many there are. */
static size_t check_losses(const char *name, const char *text)
{
    char rest[256], lock[128], mechanism_text[64], stage_text[64];
    enum mechanism mechanism;
    enum stage stage;
    size_t count = 0;
    for (const char *at = text; (at = next_tag(at, "# Loss: ", rest, sizeof rest)) != NULL;) {
        if (strcmp(rest, "none") == 0) {
            continue;
        }
        if (sscanf(rest, "%127s %63s %63s", lock, mechanism_text, stage_text) != 3 ||
            !mechanism_parse(mechanism_text, &mechanism) || !stage_parse(stage_text, &stage)) {
            fail_msg("%s: `# Loss: %s` is not LOCK MECHANISM STAGE", name, rest);
        }
        count++;
    }
    return count;
}

/* What must be reported stands in the file, and is possible at all. */
static void check_told(const char *name, const char *text, const struct scenario *s)
{
    char verdict[64], code[64];
    bool in_collector = s->fault_count == 0;
    size_t losses = check_losses(name, text);
    if (!next_tag(text, "# Verdict: ", verdict, sizeof verdict) || !next_tag(text, "# Exit: ", code, sizeof code)) {
        fail_msg("%s: no `# Verdict:` or no `# Exit:`", name);
    }
    enum verdict expected = losses == 0 ? VERDICT_SUCCESS : in_collector ? VERDICT_FAILURE : VERDICT_PARTIAL;
    assert_string_equal(verdict, verdict_name(expected));
    assert_int_equal(atoi(code), verdict_exit_code(expected));
}

static bool read_loss(const char *name, struct buf *text, struct scenario **out)
{
    struct buf path = {0}, said = {0};
    buf_printf(&path, "scenarios/loss/%s", name);
    bool there = slurp(path.data, text);
    *out = there ? read_with(text->data, text->size, NULL, 0, &said) : NULL;
    if (there && *out == NULL) {
        fail_msg("%s: %s", path.data, said.data);
    }
    buf_fini(&path);
    buf_fini(&said);
    return there;
}

static void test_each_loss_says_what_must_be_reported(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir("scenarios/loss", &entries, is_yaml, alphasort);
    assert_true(count > 30);
    for (int i = 0; i < count; i++) {
        struct buf text = {0};
        struct scenario *s;
        assert_true(read_loss(entries[i]->d_name, &text, &s));
        buf_add_char(&text, '\0');
        assert_int_equal(strncmp(entries[i]->d_name, s->name, strlen(s->name)), 0);
        assert_string_equal(entries[i]->d_name + strlen(s->name), ".yaml");
        check_told(s->name, text.data, s);
        scenario_free(s);
        buf_fini(&text);
        free(entries[i]);
    }
    free(entries);
}

static void test_each_mechanism_is_lost_at_each_hop(void **state)
{
    (void)state;
    for (enum mechanism m = MECHANISM_LABEL_DROPPED; m <= MECHANISM_DUPLICATED; m++) {
        for (enum stage at = STAGE_UPLOAD; at <= STAGE_BACKEND; at++) {
            struct buf name = {0}, text = {0};
            struct scenario *s;
            buf_printf(&name, "%s-%s.yaml", mechanism_name(m), stage_name(at));
            if (!read_loss(name.data, &text, &s)) {
                fail_msg("scenarios/loss/%s is not there", name.data);
            }
            assert_int_equal(s->fault_count, 1);
            assert_true(s->faults[0].has_mechanism);
            assert_int_equal(s->faults[0].mechanism, m);
            assert_int_equal(s->faults[0].at, at);
            scenario_free(s);
            buf_fini(&name);
            buf_fini(&text);
        }
    }
}

static void test_smoke_has_the_seven_patterns(void **state)
{
    static const char *const patterns[] = {"local", "global", "member", "nested", "private", "anonymous", "reentrant"};
    (void)state;
    struct scenario *s = read_shipped("smoke");
    for (size_t i = 0; i < s->phase_count; i++) {
        assert_string_equal(s->phases[i].pattern, patterns[i]);
    }
    scenario_free(s);
}

static void test_builds_has_each_build_once(void **state)
{
    (void)state;
    struct scenario *s = read_shipped("builds");
    for (size_t i = 0; i < s->worker_count; i++) {
        assert_int_equal(s->workers[i].build, i);
        assert_string_equal(s->workers[i].name, scenario_build_name((enum build)i));
    }
    assert_int_equal(s->worker_count, BUILD_CLANG_O2G + 1);
    scenario_free(s);
}

static void test_shares_divide_the_duration(void **state)
{
    (void)state;
    struct scenario *s = read_shipped("demo-stress");
    assert_true(s->phases[0].seconds == 24 && s->phases[1].seconds == 24 && s->phases[2].seconds == 12);
    assert_int_equal(s->phases[0].iterations, 2400);
    assert_int_equal(s->phases[2].iterations, 1200);
    scenario_free(s);
}

static void test_iterations_have_no_part_of_the_duration(void **state)
{
    static const char text[] = "name: x\nduration: 10s\nrate: 0.01\nworkers: {python: }\n"
                               "phases: [{pattern: local, iterations: 77}, global, {pattern: member, share: 3}]\n";
    (void)state;
    struct buf said = {0};
    struct scenario *s = read_with(text, strlen(text), NULL, 0, &said);
    assert_non_null(s);
    assert_int_equal(s->phases[0].iterations, 77);
    assert_true(s->phases[0].seconds == 0 && s->phases[0].share == 0);
    assert_true(s->phases[1].seconds == 2.5 && s->phases[2].seconds == 7.5);
    /* 0.025 and 0.075 iterations: every phase runs once at least. */
    assert_int_equal(s->phases[1].iterations, 1);
    assert_int_equal(s->phases[2].iterations, 1);
    scenario_free(s);
    buf_fini(&said);
}

static void test_defaults(void **state)
{
    static const char text[] = "name: x\nworkers:\n  python:\nphases: [local]\n";
    (void)state;
    struct buf said = {0};
    struct scenario *s = read_with(text, strlen(text), NULL, 0, &said);
    assert_non_null(s);
    assert_string_equal(s->path, "test.yaml");
    assert_string_equal(s->service, "rlock-production-stress-test");
    assert_string_equal(s->env, "stress-test");
    assert_string_equal(s->version, "1.0");
    assert_string_equal(s->intake.listen, "127.0.0.1:0");
    assert_int_equal(s->forward.kind, FORWARD_ENVIRONMENT);
    assert_null(s->forward.url);
    assert_null(s->forward.site);
    assert_true(s->evidence.absence_probability == 0.001);
    assert_null(s->workers[0].directory);
    assert_true(s->workers[0].inspect_dir);
    assert_non_null(scenario_find_worker(s, "python"));
    assert_null(scenario_find_worker(s, "native"));
    scenario_free(s);
    buf_fini(&said);
}

static void test_a_command_alone_has_no_control(void **state)
{
    static const char text[] = "name: x\nworkers: {svc: {runtime: command, command: [a], locks: [{name: l}]}}\n";
    (void)state;
    struct buf said = {0};
    struct scenario *s = read_with(text, strlen(text), NULL, 0, &said);
    assert_non_null(s);
    assert_int_equal(s->control.kind, CONTROL_NONE);
    assert_string_equal(s->workers[0].locks[0].worker, "svc");
    assert_string_equal(s->workers[0].locks[0].id, "l");
    assert_int_equal(s->workers[0].locks[0].rendering, RENDERING_EXACT);
    scenario_free(s);
    buf_fini(&said);
}

static void test_the_variable_and_the_key_are_one_setting(void **state)
{
    static const struct {
        const char *value;
        bool inspects;
    } cases[] = {{"false", false}, {"False", false}, {"0", false}, {"\"\"", false},
                 {"true", true},   {"TRUE", true},   {"1", true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, said = {0};
        buf_printf(
            &text,
            "name: x\nworkers: {python: {environment: {DD_PROFILING_LOCK_NAME_INSPECT_DIR: %s}}}\nphases: [local]\n",
            cases[i].value);
        struct scenario *s = read_with(text.data, text.size, NULL, 0, &said);
        assert_non_null(s);
        assert_int_equal(s->workers[0].inspect_dir, cases[i].inspects);
        scenario_free(s);
        buf_fini(&text);
        buf_fini(&said);
    }
}

/* lockprof takes one acquire in N, and percentages are rounded by people. */
static void test_a_native_percentage_is_one_in_n(void **state)
{
    static const struct {
        const char *percentage;
        unsigned sampling; /* 0: refused */
    } cases[] = {{"100", 1},   {"50", 2},           {"33.3", 3},    {"33.4", 3}, {"33", 0},
                 {"25", 4},    {"14.3", 7},         {"14.2", 0},    {"10", 10},  {"1", 100},
                 {"0.7", 143}, {"0.0001", 1000000}, {"0.00005", 0}, {"99.6", 1}, {"99.4", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, said = {0};
        buf_printf(&text, "name: x\nworkers: {c: {runtime: native, capture_pct: %s}}\nphases: [local]\n",
                   cases[i].percentage);
        struct scenario *s = read_with(text.data, text.size, NULL, 0, &said);
        if ((s != NULL) != (cases[i].sampling != 0)) {
            fail_msg("%s: %s", cases[i].percentage, said.data);
        }
        if (s != NULL) {
            assert_int_equal(scenario_worker_sampling(&s->workers[0]), cases[i].sampling);
            assert_true(scenario_worker_capture_rate(&s->workers[0]) == 1.0 / cases[i].sampling);
        }
        scenario_free(s);
        buf_fini(&text);
        buf_fini(&said);
    }
}

static void test_arms_follow_the_runtime(void **state)
{
    static const char text[] = "name: x\nphases: [local]\nworkers: {c: {runtime: native}, p: {runtime: ddtrace}, s: "
                               "{runtime: command, command: [a], locks: [{name: l}]}}\n";
    (void)state;
    struct buf said = {0};
    struct scenario *s = read_with(text, strlen(text), NULL, 0, &said);
    assert_non_null(s);
    assert_int_equal(s->arms, ARMS_AUTO);
    assert_int_equal(scenario_worker_arms(s, &s->workers[0]), ARMS_TEE);
    assert_int_equal(scenario_worker_arms(s, &s->workers[1]), ARMS_PAIRED);
    assert_int_equal(scenario_worker_arms(s, &s->workers[2]), ARMS_PAIRED);
    s->arms = ARMS_TEE;
    assert_int_equal(scenario_worker_arms(s, &s->workers[2]), ARMS_TEE);
    assert_true(scenario_worker_capture_rate(&s->workers[1]) == 1);
    assert_string_equal(scenario_build_name(s->workers[0].build), "O2g");
    assert_string_equal(scenario_build_name(BUILD_CLANG_O2G), "clang-O2g");
    scenario_free(s);
    buf_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_what_it_says),
        cmocka_unit_test(test_soaks_are_what_they_say),
        cmocka_unit_test(test_a_load_counts_for_each_worker),
        cmocka_unit_test(test_a_run_has_no_key_of_soaks),
        cmocka_unit_test(test_none_is_forgotten_here),
        cmocka_unit_test(test_the_ways_are_what_they_say),
        cmocka_unit_test(test_each_loss_says_what_must_be_reported),
        cmocka_unit_test(test_each_mechanism_is_lost_at_each_hop),
        cmocka_unit_test(test_smoke_has_the_seven_patterns),
        cmocka_unit_test(test_builds_has_each_build_once),
        cmocka_unit_test(test_shares_divide_the_duration),
        cmocka_unit_test(test_iterations_have_no_part_of_the_duration),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_command_alone_has_no_control),
        cmocka_unit_test(test_the_variable_and_the_key_are_one_setting),
        cmocka_unit_test(test_a_native_percentage_is_one_in_n),
        cmocka_unit_test(test_arms_follow_the_runtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
