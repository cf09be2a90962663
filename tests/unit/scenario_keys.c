/* SPDX-License-Identifier: Apache-2.0 */
/* The key tables hold together, and the help that comes from them. */
#include "scenario/keys.h"
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_row(const struct key_table *table, size_t at)
{
    const struct key *key = &table->rows[at];
    struct buf expected = {0};
    bool array = key->type == KEY_TEXTS || key->type == KEY_VARIABLES || key->type == KEY_NAMED ||
                 key->type == KEY_LISTED || key->type == KEY_RENDERING || key->type == KEY_SITE;
    assert_true(key->help && key->help[0]);
    assert_true(array == (key->second != 0));
    assert_true((key->words != NULL) == (key->type == KEY_WORD || key->type == KEY_CONTROL));
    assert_false(key->required && key->initial);
    assert_true(key->type != KEY_NUMBER || key->max > 0); /* infinity is refused by it */
    key_expected(&expected, key);
    assert_true(expected.size > 0);
    buf_fini(&expected);
    for (size_t i = 0; i < at; i++) {
        assert_string_not_equal(table->rows[i].name, key->name);
    }
}

static size_t check_table(const struct key_table *table)
{
    size_t rows = table->count;
    for (size_t i = 0; i < table->count; i++) {
        check_row(table, i);
        rows += table->rows[i].table ? check_table(table->rows[i].table) : 0;
    }
    return rows;
}

static void test_each_row_is_whole(void **state)
{
    (void)state;
    assert_int_equal(check_table(&keys_root), 114);
}

static void test_the_help_has_a_line_for_each_key(void **state)
{
    (void)state;
    struct buf help = {0};
    scenario_describe_keys(&help);
    size_t lines = 0;
    for (size_t i = 0; i < help.size; i++) {
        lines += help.data[i] == '\n';
    }
    assert_int_equal(lines, check_table(&keys_root));
    assert_non_null(strstr(help.data,
                           "\nthreads                         a whole number from 2 to 1024; default 4; of each "
                           "process; two at least contend\n"));
    assert_non_null(strstr(help.data,
                           "\nworkers.NAME.limits.memory      0 (no limit) or a size from 16MiB to 1TiB; default 0; "
                           "address space of a process\n"));
    assert_non_null(strstr(help.data,
                           "\nworkers.NAME.inspect_dir        true or false; default true; only with runtime ddtrace; "
                           "DD_PROFILING_LOCK_NAME_INSPECT_DIR: look for names in members too\n"));
    assert_non_null(strstr(help.data, "\nbackend                         `none`, `store`, `datadog`, `directory` or a "
                                      "mapping of keys; where uploads end, and are read back from\n"));
    assert_non_null(strstr(help.data, "\nfaults.N.status                 a whole number from 200 to 599; required; "
                                      "only with change status; what the sender is answered; the next hop is not "
                                      "asked\n"));
    assert_non_null(strstr(help.data,
                           "\ndisturbances.N.length           a duration from 100ms to 24h; default 5s; only "
                           "with what lasts; how long it lasts; of kill_agent how long the agent stays "
                           "away\n"));
    buf_fini(&help);
}

/* A value at each end of a range is taken, one beyond is not. */
static void test_ranges_end_where_they_say(void **state)
{
    static const struct {
        const char *path, *good, *bad;
    } cases[] = {
        {"threads", "2", "1"},
        {"threads", "1024", "1025"},
        {"duration", "100ms", "99ms"},
        {"duration", "168h", "604800001ms"},
        {"rate", "1e-9", "0"},
        {"rate", "1000000", "1000000.1"},
        {"seed", "0", "-1"},
        {"seed", "18446744073709551615", "18446744073709551616"},
        {"workers.python.capture_pct", "0.0001", "0"},
        {"workers.python.capture_pct", "100", "100.0001"},
        {"workers.python.count", "1", "0"},
        {"workers.python.count", "256", "257"},
        {"workers.python.upload_interval", "100ms", "99ms"},
        {"workers.python.limits.memory", "0", "1"},
        {"workers.python.limits.memory", "16MiB", "16777215"},
        {"workers.python.limits.files", "16", "15"},
        {"workers.python.limits.output", "0", "1073741825"},
        {"intake.max_parts", "1000", "1001"},
        {"intake.listen", "127.255.255.255:65535", "127.0.0.256:1"},
        {"intake.listen", "127.0.0.1:65535", "127.0.0.1:65536"},
        {"intake.listen", "localhost:0", "localhost.:0"},
        {"intake.listen", "127.0.0.1:0", "128.0.0.1:0"},
        {"intake.listen", "\"[::1]:0\"", "\"[::2]:0\""},
        {"evidence.absence_probability", "0.5", "0.51"},
        {"phases", "[{pattern: local, share: 0.001}]", "[{pattern: local, share: 0.0009}]"},
        {"phases", "[{pattern: local, iterations: 1000000000}]", "[{pattern: local, iterations: 1000000001}]"},
        {"workers.python.version", "4.0.0rc1", "4.0.0rc"},
        {"workers.python.version", "2.21.0.dev3", "2.21.0.dev"},
        {"workers.python.version", "3", "3."},
        {"workers.python.packages", "[\"uvicorn[standard]>=0.20,<1\"]", "[\"uvicorn >= 0.20\"]"},
        {"workers.python.packages", "[ddtrace-extra]", "[ddtrace]"},
        {"workers.python.packages", "[a]", "[\"a;b\"]"},
        {"forward", "{to: agent, url: \"http://10.0.0.5:8126/\"}", "{to: agent, url: \"http://10.0.0.5:0\"}"},
        {"forward", "{to: agent, url: \"http://[::1]:8126\"}", "{to: agent, url: \"http://[]:8126\"}"},
        {"forward", "{to: agent, url: \"https://agent\"}", "{to: agent, url: \"ftp://agent\"}"},
        {"forward", "{to: agent, url: \"unix:///run/x\"}", "{to: agent, url: \"unix://run/x\"}"},
        {"forward", "{to: agent, url: \"http://a:65535\"}", "{to: agent, url: \"http://a:65536\"}"},
        {"forward", "{to: agent, url: \"http://a-b.c\"}", "{to: agent, url: \"http://a..c\"}"},
        {"forward", "{to: agentless, site: us5.datadoghq.com}", "{to: agentless, site: datadoghq}"},
        {"agents", "[trace-agent, serverless-compat]", "[trace-agent, serverless_compat]"},
        {"agents", "[{kind: trace-agent, stop_timeout: 100ms}]", "[{kind: trace-agent, stop_timeout: 99ms}]"},
        {"agents", "[{kind: external, url: \"unix:///run/a\"}]", "[{kind: external, url: \"ftp://a\"}]"},
        {"backend", "store", "stored"},
        {"backend", "{kind: store, deadline: 24h}", "{kind: store, deadline: 25h}"},
        {"backend", "{kind: datadog, url: \"http://127.0.0.1:1\"}", "{kind: datadog, url: \"unix:///run/a\"}"},
        {"backend", "{kind: datadog, intake: \"https://a/b\"}", "{kind: datadog, intake: \"https://a/b?c\"}"},
        {"ui", "{kind: ask, link: \"https://a/b?c#d\"}", "{kind: ask, link: \"https://a/b c\"}"},
        {"ui", "{kind: ask, link: \"http://a\"}", "{kind: ask, link: \"https://\"}"},
        {"faults.0.rate", "0.001", "0"},
        {"faults.0.rate", "1", "1.001"},
        {"faults.0.length", "1", "0"},
        {"faults.0.length", "1073741824", "1073741825"},
        {"faults.1.status", "200", "199"},
        {"faults.1.status", "599", "600"},
        {"faults.2.delay", "1ms", "0"},
        {"workers.python.lifetime", "0", "999ms"},
        {"workers.python.lifetime", "168h", "169h"},
        {"disturbances", "[{what: kill, at: 1s}]", "[{what: kill, at: 999ms}]"},
        {"disturbances", "[{what: stop, at: 1s, length: 100ms}]", "[{what: stop, at: 1s, length: 99ms}]"},
        {"disturbances", "[{what: load, at: 1s, processes: 255}]", "[{what: load, at: 1s, processes: 256}]"},
        {"disturbances", "[{what: fill_disk, at: 1s, length: 5s, every: 5001ms}]",
         "[{what: fill_disk, at: 1s, length: 5s, every: 5s}]"},
        {"name", "a.b_c-9", ".hidden"},
        {"name",
         "a2345678901234567890123456789012345678901234567890123456789012"
         "34",
         "a2345678901234567890123456789012345678901234567890123456789012"
         "345"},
    };
    static const char base[] = "name: x\nworkers:\n  python:\nphases: [local]\n";
    static const char faults[] =
        "backend: store\nfaults: [{at: upload, mechanism: value_truncated, length: 9}, "
        "{at: backend, change: status, status: 503}, {at: upload, change: delay, delay: 1s}]\n";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf said = {0};
        const struct scenario_override good = {cases[i].path, cases[i].good, NULL},
                                       bad = {cases[i].path, cases[i].bad, NULL};
        struct buf text = {0};
        buf_printf(&text, "%s%s", base, strncmp(cases[i].path, "faults", 6) == 0 ? faults : "");
        struct scenario *s = read_with(text.data, text.size, &good, 1, &said);
        if (s == NULL) {
            fail_msg("%s", said.data);
        }
        scenario_free(s);
        s = read_with(text.data, text.size, &bad, 1, &said);
        if (s != NULL) {
            fail_msg("%s: `%s` is taken", cases[i].path, cases[i].bad);
        }
        buf_fini(&text);
        buf_fini(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_is_whole),
        cmocka_unit_test(test_the_help_has_a_line_for_each_key),
        cmocka_unit_test(test_ranges_end_where_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
