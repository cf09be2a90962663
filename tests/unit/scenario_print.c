/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario_random.h"
#include "scenario_same.h"
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define RANDOM_SCENARIOS 2000

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

static void test_the_whole_text_of_a_pipeline(void **state)
{
    static const char file[] =
        "name: x\n"
        "workers: {c: {runtime: native}}\n"
        "phases: [local]\n"
        "agents: [trace-agent, {kind: external, url: \"http://127.0.0.1:8126\"}]\n"
        "backend: {kind: datadog, site: datadoghq.eu}\n"
        "ui: ask\n"
        "faults:\n"
        "  - {at: agent, mechanism: value_truncated, length: 16, rate: 0.5, locks: [user_session_lock]}\n"
        "  - {at: upload, mechanism: value_rewritten, rule: replace, from: _, to: \"\", worker: c}\n"
        "  - {at: backend, change: status, status: 503}\n"
        "  - {at: backend, mechanism: label_key_renamed, to: \"\"}\n"
        "disturbances:\n"
        "  - {what: kill, at: 90, worker: c, every: 2m}\n"
        "  - {what: refuse, at: 1m, length: 500ms}\n"
        "  - {what: kill_agent, at: 1h}\n"
        "  - {what: delay, at: 5s, delay: 200ms, stage: agent}\n"
        "  - {what: load, at: 5s, processes: 3}\n";
    static const char expected[] = "agents:\n"
                                   "  - kind: trace-agent\n"
                                   "    start_timeout: 10s\n"
                                   "    stop_timeout: 5s\n"
                                   "  - kind: external\n"
                                   "    url: \"http://127.0.0.1:8126\"\n"
                                   "    start_timeout: 10s\n"
                                   "backend:\n"
                                   "  kind: datadog\n"
                                   "  site: datadoghq.eu\n"
                                   "  deadline: 2m\n"
                                   "  timeout: 10s\n"
                                   "ui:\n"
                                   "  kind: ask\n"
                                   "faults:\n"
                                   "  - at: agent\n"
                                   "    mechanism: value_truncated\n"
                                   "    rate: 0.5\n"
                                   "    locks:\n"
                                   "      - user_session_lock\n"
                                   "    length: 16\n"
                                   "  - at: upload\n"
                                   "    mechanism: value_rewritten\n"
                                   "    rate: 1\n"
                                   "    worker: c\n"
                                   "    rule: replace\n"
                                   "    from: _\n"
                                   "    to: \"\"\n"
                                   "  - at: backend\n"
                                   "    change: status\n"
                                   "    rate: 1\n"
                                   "    status: 503\n"
                                   "  - at: backend\n"
                                   "    mechanism: label_key_renamed\n"
                                   "    rate: 1\n"
                                   "    to: \"\"\n"
                                   "disturbances:\n"
                                   "  - what: kill\n"
                                   "    at: 90s\n"
                                   "    every: 2m\n"
                                   "    worker: c\n"
                                   "  - what: refuse\n"
                                   "    at: 1m\n"
                                   "    length: 500ms\n"
                                   "    stage: upload\n"
                                   "    status: 503\n"
                                   "  - what: kill_agent\n"
                                   "    at: 1h\n"
                                   "    length: 5s\n"
                                   "  - what: delay\n"
                                   "    at: 5s\n"
                                   "    length: 5s\n"
                                   "    stage: agent\n"
                                   "    delay: 200ms\n"
                                   "  - what: load\n"
                                   "    at: 5s\n"
                                   "    length: 5s\n"
                                   "    processes: 3\n"
                                   "expect: []\n";
    (void)state;
    struct buf printed = {0}, said = {0};
    struct scenario *s = read_with(file, strlen(file), NULL, 0, &said);
    if (s == NULL) {
        fail_msg("%s", said.data);
    }
    scenario_print(s, &printed);
    char *from = strstr(printed.data, "\nagents:"), *to = strstr(printed.data, "evidence:");
    assert_true(from && to);
    *to = '\0';
    assert_string_equal(from + 1, expected);
    scenario_free(s);
    buf_fini(&printed);
    buf_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_random_scenario_reads_back),
        cmocka_unit_test(test_the_whole_text),
        cmocka_unit_test(test_the_whole_text_of_a_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
