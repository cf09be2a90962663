/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of a soak's disturbances, and what is held against each: fleet, way and copies are played by this test,
 * which writes down what it is asked for. */
#include "engine/soak_disturb.h"

#include "child_fixture.h"
#include "pipeline/tap.h"
#include "scenario_text.h"

struct disturb_fixture {
    uv_loop_t loop;
    char directory[64];
    struct run_options run;
    struct host host;
    struct scenario *scenario;
    struct soak_record record;
    struct soak_disturb *disturb;
    bool closed;
};

/* What the fakes say and have been asked for. */
static struct buf calls;
static bool agent_is_away, disk_is_full;
static void (*agent_back)(void *data);
static void *agent_back_data;
static unsigned extra; /* processes of a load that are hit too */

/* --- the others' parts -------------------------------------------------------------------------------------------- */

static void said(const char *what, const char *worker, soak_hit_fn hit, void *data)
{
    static const char *const names[] = {"a.1.upload", "a.2.upload", "b.1.upload"};
    buf_printf(&calls, "%s %s\n", what, worker ? worker : "*");
    for (size_t i = 0; hit && i < 3; i++)
        if (!worker || names[i][0] == worker[0])
            hit(names[i], true, data);
}

void soak_fleet_kill(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    assert_null(f);
    said("kill", worker, hit, data);
}

void soak_fleet_stop_processes(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    assert_null(f);
    said("stop", worker, hit, data);
}

void soak_fleet_continue(struct soak_fleet *f, const char *worker)
{
    assert_null(f);
    said("continue", worker, NULL, NULL);
}

void soak_fleet_load(struct soak_fleet *f, const char *worker, unsigned more, soak_hit_fn hit, void *data)
{
    char *what = mem_printf("load %u", more);
    assert_null(f);
    said(what, worker, hit, data);
    for (unsigned i = 0; i < extra; i++)
        hit("a.9.upload", false, data);
    free(what);
}

void soak_fleet_unload(struct soak_fleet *f, const char *worker, unsigned fewer)
{
    char *what = mem_printf("unload %u", fewer);
    assert_null(f);
    said(what, worker, NULL, NULL);
    free(what);
}

void soak_fleet_each(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data)
{
    size_t size = calls.size;
    assert_null(f);
    said("each", worker, hit, data);
    calls.size = size; /* it does nothing to them */
    calls.data[size] = '\0';
}

int soak_keep_fill(struct soak_keep *k, uint64_t bytes, struct err *e)
{
    assert_null(k);
    buf_printf(&calls, "fill %llu\n", (unsigned long long)bytes);
    return disk_is_full ? err_set(e, ERR_WRITE, "no room") : 0;
}

void way_disturb_taps(struct way *way, enum stage stage, const struct tap_disturbance *items, size_t count)
{
    assert_non_null(way);
    buf_printf(&calls, "tap %s:", stage_name(stage));
    for (size_t i = 0; i < count; i++)
        buf_printf(&calls, " %s %d %d", items[i].worker ? items[i].worker : "*", items[i].status,
                   (int)items[i].delay_ms);
    buf_add_char(&calls, '\n');
}

bool way_disturb_agent(struct way *way, bool kill, int64_t away_ms, void (*back)(void *data), void *data)
{
    assert_non_null(way);
    if (agent_is_away)
        return false;
    buf_printf(&calls, "agent %s %d\n", kill ? "killed" : "restarted", (int)away_ms);
    agent_is_away = true;
    agent_back = back;
    agent_back_data = data;
    return true;
}

void way_calm(struct way *way)
{
    assert_non_null(way);
    buf_add_str(&calls, "calm\n");
}

static void let_agent_back(void)
{
    agent_is_away = false;
    agent_back(agent_back_data);
}

/* --- a soak without processes ------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct disturb_fixture *f = mem_calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/locktrail-disturb-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    buf_clear(&calls);
    agent_is_away = disk_is_full = false;
    extra = 0;
    *state = f;
    return 0;
}

/* `list`: the disturbances. */
static void begin(struct disturb_fixture *f, const char *list)
{
    static const char *const names[] = {"locktrail", "a.1.upload", "a.2.upload", "b.1.upload"};
    struct buf yaml = {0}, wrong = {0};
    struct err e = {0};
    buf_printf(&yaml,
               "name: x\nworkers: {a: {runtime: native, count: 2}, b: {runtime: native}}\nphases: [local]\n"
               "agents: [trace-agent]\nbackend: store\ndisturbances:\n%s",
               list);
    f->scenario = read_with(yaml.data, yaml.size, NULL, 0, &wrong);
    if (!f->scenario)
        fail_msg("%s", wrong.data);
    f->run = (struct run_options){.scenario = f->scenario, .directory = f->directory, .root = ".", .build = "."};
    assert_int_equal(host_open(&f->host, &f->run, &f->loop, &e), 0);
    f->record.process_count = 4;
    f->record.processes = mem_calloc(4, sizeof *f->record.processes);
    for (size_t i = 0; i < 4; i++)
        f->record.processes[i].name = mem_strdup(names[i]);
    struct soak_disturb_options options = {
        .host = &f->host, .record = &f->record, .quota = 1000, .way = (struct way *)f};
    f->disturb = soak_disturb_new(&options);
    buf_fini(&yaml);
    buf_fini(&wrong);
}

static void on_disk_closed(void *data)
{
    struct disturb_fixture *f = data;
    f->closed = true;
}

static int tear_down(void **state)
{
    struct disturb_fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    soak_disturb_free(f->disturb);
    disk_close(f->host.disk, on_disk_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(system(command), 0);
    host_fini(&f->host);
    soak_record_fini(&f->record);
    scenario_free(f->scenario);
    buf_fini(&calls);
    free(command);
    free(f);
    return 0;
}

static void assert_calls(const char *expected)
{
    assert_string_equal(calls.size > 0 ? calls.data : "", expected);
    buf_clear(&calls);
}

static int64_t wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define S INT64_C(1000000000)

/* An upload of the second behind now, that came through. */
static void come_through(struct disturb_fixture *f, const char *instance)
{
    int64_t now = wall_ns();
    soak_disturb_judged(f->disturb, instance, true, now, now + S);
}

/* --- the schedule ------------------------------------------------------------------------------------------------- */

static void each_does_what_it_says_and_ends(void **state)
{
    static const struct {
        const char *yaml, *begun, *ended, *what;
    } cases[] = {
        {"what: kill, worker: a", "kill a\n", "", "kill a"},
        {"what: kill", "kill *\n", "", "kill every worker"},
        {"what: stop, length: 2s", "stop *\n", "continue *\n", "stop every worker for 2 s"},
        {"what: load, length: 2s, processes: 3, worker: b", "load 3 b\n", "unload 3 b\n", "3 more of b for 2 s"},
        {"what: fill_disk, length: 2s", "fill 1000\n", "fill 0\n", "fill the quota of the copies for 2 s"},
        {"what: refuse, length: 2s, status: 429, worker: a", "tap upload: a 429 0\n", "tap upload:\n",
         "refuse a at upload with 429 for 2 s"},
        {"what: delay, length: 2s, delay: 250ms, stage: agent", "tap agent: * 0 250\n", "tap agent:\n",
         "delay every worker at agent by 0.25 s for 2 s"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct disturb_fixture *f;
        set_up((void **)&f);
        char *list = mem_printf("  - {at: 3s, %s}\n", cases[i].yaml);
        begin(f, list);
        soak_disturb_tick(f->disturb, 0);
        soak_disturb_tick(f->disturb, 2999);
        assert_calls("");
        soak_disturb_tick(f->disturb, 3001);
        assert_calls(cases[i].begun);
        bool lasts = cases[i].ended[0] != '\0';
        assert_int_equal(f->record.disturbance_count, 1);
        assert_string_equal(f->record.disturbances[0].what, cases[i].what);
        assert_int_equal(f->record.disturbances[0].at_ms, 3001);
        assert_int_equal(f->record.disturbances[0].until_ms, lasts ? -1 : 3001);
        soak_disturb_tick(f->disturb, 5000);
        assert_calls("");
        soak_disturb_tick(f->disturb, 5200);
        assert_calls(cases[i].ended);
        assert_int_equal(f->record.disturbances[0].until_ms, lasts ? 5200 : 3001);
        soak_disturb_tick(f->disturb, 100000);
        assert_calls("");
        soak_disturb_finish(f->disturb);
        assert_calls("calm\n");
        free(list);
        tear_down((void **)&f);
    }
}

static void it_comes_again_at_its_times(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: kill, at: 3s, every: 10s}\n");
    for (int64_t at_ms = 0; at_ms <= 25000; at_ms += 250)
        soak_disturb_tick(f->disturb, at_ms);
    assert_calls("kill *\nkill *\nkill *\n");
    /* the loop stood still: once, and then at its times again */
    soak_disturb_tick(f->disturb, 57000);
    soak_disturb_tick(f->disturb, 57250);
    assert_calls("kill *\n");
    assert_int_equal(f->record.disturbances[3].at_ms, 57000);
    soak_disturb_tick(f->disturb, 62900);
    assert_calls("");
    soak_disturb_tick(f->disturb, 63000);
    assert_calls("kill *\n");
}

static void a_resumed_soak_does_not_make_up_for_what_was_due(void **state)
{
    struct disturb_fixture *f = *state;
    f->record.elapsed_ms = 28000;
    f->record.disturbances = mem_calloc(1, sizeof *f->record.disturbances);
    f->record.disturbance_count = f->record.disturbance_capacity = 1;
    f->record.disturbances[0] = (struct soak_disturbance){
        .at_ms = 23000, .until_ms = -1, .what = mem_strdup("stop every worker for 1 h"), .recovered_ms = -1};
    begin(f, "  - {what: kill, at: 3s, worker: a}\n  - {what: kill, at: 3s, every: 10s, worker: b}\n");
    assert_int_equal(f->record.disturbances[0].until_ms, 28000);
    soak_disturb_tick(f->disturb, 30000);
    assert_calls("");
    soak_disturb_tick(f->disturb, 33000);
    assert_calls("kill b\n");
    assert_int_equal(f->record.disturbance_count, 2);
}

static void taps_are_told_of_all_that_last(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: refuse, at: 1s, length: 3s}\n  - {what: delay, at: 2s, length: 5s, delay: 1s, worker: b}\n"
             "  - {what: refuse, at: 2s, length: 5s, stage: agent, status: 500}\n");
    soak_disturb_tick(f->disturb, 1000);
    soak_disturb_tick(f->disturb, 2000);
    assert_calls("tap upload: * 503 0\ntap upload: * 503 0 b 0 1000\ntap agent: * 500 0\n");
    soak_disturb_tick(f->disturb, 4000);
    assert_calls("tap upload: b 0 1000\n");
    soak_disturb_finish(f->disturb);
    assert_calls("tap upload:\ntap agent:\ncalm\n");
}

static void an_agent_is_over_when_it_answers_again(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: kill_agent, at: 1s, length: 4s}\n  - {what: restart_agent, at: 2s}\n");
    soak_disturb_tick(f->disturb, 1000);
    assert_calls("agent killed 4000\n");
    soak_disturb_tick(f->disturb, 6000); /* the other one waits until it is back */
    assert_calls("");
    assert_int_equal(f->record.disturbances[0].until_ms, -1);
    let_agent_back();
    assert_int_equal(f->record.disturbances[0].until_ms, 6000);
    assert_int_equal(f->record.disturbance_count, 1);
    soak_disturb_tick(f->disturb, 6250);
    assert_calls("agent restarted 0\n");
    assert_string_equal(f->record.disturbances[0].what, "kill the agent, away for 4 s");
    assert_string_equal(f->record.disturbances[1].what, "restart the agent");
    assert_int_equal(f->record.disturbances[1].at_ms, 6250);
}

static void a_disk_that_cannot_be_filled_is_a_problem(void **state)
{
    struct disturb_fixture *f = *state;
    disk_is_full = true;
    f->record.copies.bytes = 300;
    begin(f, "  - {what: fill_disk, at: 1s}\n");
    soak_disturb_tick(f->disturb, 1000);
    assert_calls("fill 700\n");
    assert_int_equal(f->record.problem_count, 1);
    assert_string_equal(f->record.problems[0].text, "no room");
}

static void what_hits_nothing_says_so(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: kill, at: 1s, worker: a}\n");
    f->scenario->disturbances[0].worker[0] = 'z'; /* none of it runs */
    soak_disturb_tick(f->disturb, 1000);
    assert_string_equal(f->record.disturbances[0].what, "kill z (nothing was there to be hit)");
    assert_int_equal(f->record.disturbances[0].recovered_ms, 0);
}

/* --- what it cost ------------------------------------------------------------------------------------------------- */

static void it_is_recovered_when_each_process_is_through_again(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: stop, at: 1s, length: 1s, worker: a}\n");
    soak_disturb_tick(f->disturb, 1000);
    come_through(f, "a.1.upload"); /* while it lasts */
    int64_t before = wall_ns();
    soak_disturb_tick(f->disturb, 2000);
    const struct soak_disturbance *told = &f->record.disturbances[0];
    soak_disturb_judged(f->disturb, "a.1.upload", true, before - S, before + S);   /* began before its end */
    soak_disturb_judged(f->disturb, "a.2.upload", true, wall_ns(), wall_ns() + S); /* with a loss */
    come_through(f, "b.1.upload");
    assert_int_equal(told->recovered_ms, -1);
    uint64_t start = uv_hrtime();
    while (uv_hrtime() - start < 30000000)
        ;
    come_through(f, "a.1.upload");
    assert_true(told->recovered_ms >= 30 && told->recovered_ms < 60000);
}

static void processes_of_a_load_are_not_waited_for(void **state)
{
    struct disturb_fixture *f = *state;
    extra = 1;
    begin(f, "  - {what: load, at: 1s, length: 1s, processes: 2, worker: b}\n");
    soak_disturb_tick(f->disturb, 1000);
    soak_disturb_tick(f->disturb, 2000);
    assert_int_equal(f->record.disturbances[0].recovered_ms, -1);
    assert_true(soak_disturb_covers(f->disturb, "a.9.upload", wall_ns(), wall_ns()));
    come_through(f, "b.1.upload");
    assert_true(f->record.disturbances[0].recovered_ms >= 0);
}

static void what_is_lost_for_good_is_counted(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: kill, at: 1s, worker: a}\n  - {what: kill, at: 9s, worker: a}\n");
    int64_t now = wall_ns();
    soak_disturb_missed(f->disturb, "a.1.upload", 1000, now - S, now); /* before any */
    soak_disturb_tick(f->disturb, 1000);
    soak_disturb_missed(f->disturb, "a.1.upload", 30, now - S, now);
    soak_disturb_missed(f->disturb, "a.2.upload", 5, now, wall_ns());
    soak_disturb_missed(f->disturb, "b.1.upload", 700, now, wall_ns()); /* was not hit */
    assert_int_equal(f->record.disturbances[0].lost_acquires, 35);
    soak_disturb_judged(f->disturb, "a.1.upload", false, now - S, now);
    soak_disturb_judged(f->disturb, "a.1.upload", false, now - 100 * S, now - 99 * S); /* long before */
    soak_disturb_judged(f->disturb, "b.1.upload", false, now - S, now);
    assert_int_equal(f->record.disturbances[0].lost_uploads, 1);
    come_through(f, "a.1.upload");
    come_through(f, "a.2.upload");
    int64_t behind = wall_ns() + S;
    soak_disturb_missed(f->disturb, "a.1.upload", 100, behind, behind + S); /* nobody's doing */
    soak_disturb_missed(f->disturb, "a.1.upload", 7, now, behind + 20 * S); /* told late, and possible since then */
    assert_int_equal(f->record.disturbances[0].lost_acquires, 42);
    soak_disturb_tick(f->disturb, 9000);
    soak_disturb_missed(f->disturb, "a.2.upload", 11, wall_ns(), wall_ns());
    soak_disturb_judged(f->disturb, "a.2.upload", false, wall_ns(), wall_ns());
    assert_int_equal(f->record.disturbances[0].lost_acquires, 42);
    assert_int_equal(f->record.disturbances[1].lost_acquires, 11);
    assert_int_equal(f->record.disturbances[0].lost_uploads, 1);
    assert_int_equal(f->record.disturbances[1].lost_uploads, 1);
}

static void it_covers_its_time_and_its_recovery(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: stop, at: 1s, length: 1s, worker: a}\n");
    int64_t now = wall_ns();
    assert_false(soak_disturb_covers(f->disturb, "a.1.upload", now - S, now));
    soak_disturb_tick(f->disturb, 1000);
    assert_true(soak_disturb_covers(f->disturb, "a.1.upload", now - 60 * S, now + S));
    assert_true(soak_disturb_covers(f->disturb, "a.1.upload", now - 3 * S, now - S)); /* was under way */
    assert_false(soak_disturb_covers(f->disturb, "a.1.upload", now - 60 * S, now - 50 * S));
    assert_false(soak_disturb_covers(f->disturb, "b.1.upload", now, now + S));
    soak_disturb_tick(f->disturb, 2000);
    assert_true(soak_disturb_covers(f->disturb, "a.1.upload", now + 50 * S, now + 51 * S));
    assert_false(soak_disturb_covers(f->disturb, "a.1.upload", now + 70 * S, now + 71 * S)); /* a fault of its own */
    come_through(f, "a.1.upload");
    assert_false(soak_disturb_covers(f->disturb, "a.1.upload", now + 50 * S, now + 51 * S));
    assert_true(soak_disturb_covers(f->disturb, "a.2.upload", now + 50 * S, now + 51 * S));
    assert_true(soak_disturb_covers(f->disturb, "a.1.upload", now, now + S)); /* judged late */
}

/* Also those that were between two lives when it began. */
static void what_stands_between_is_everybodys(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: restart_agent, at: 1s}\n  - {what: refuse, at: 2s, length: 1s, worker: a}\n");
    int64_t now = wall_ns();
    soak_disturb_tick(f->disturb, 1000);
    assert_true(soak_disturb_covers(f->disturb, "b.7.upload", now, now + S));
    assert_false(soak_disturb_covers(f->disturb, "b.7.upload", now + 70 * S, now + 71 * S)); /* it never comes back */
    let_agent_back();
    come_through(f, "a.1.upload");
    come_through(f, "a.2.upload");
    come_through(f, "b.1.upload");
    assert_false(soak_disturb_covers(f->disturb, "b.7.upload", now + 10 * S, now + 11 * S));
    soak_disturb_tick(f->disturb, 2000);
    assert_true(soak_disturb_covers(f->disturb, "a.7.upload", now + 10 * S, now + 11 * S));
    assert_false(soak_disturb_covers(f->disturb, "b.7.upload", now + 10 * S, now + 11 * S));
}

/* A day of a kill each second, of which nobody ever recovers. */
static void it_does_not_grow(void **state)
{
    struct disturb_fixture *f = *state;
    begin(f, "  - {what: kill, at: 1s, every: 1s}\n  - {what: stop, at: 1s, length: 24h}\n");
    for (int64_t at_ms = 0; at_ms < 5000000; at_ms += 1000)
        soak_disturb_tick(f->disturb, at_ms);
    assert_int_equal(f->record.disturbance_count, SOAK_DISTURBANCES_MAX);
    assert_int_equal(f->record.disturbances_dropped, 4999 + 1 - SOAK_DISTURBANCES_MAX);
    soak_disturb_finish(f->disturb);
    assert_non_null(strstr(calls.data, "continue *\ncalm\n"));
    assert_int_equal(f->record.disturbances[1].until_ms, 4999000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_does_what_it_says_and_ends),
        TEST(it_comes_again_at_its_times),
        TEST(a_resumed_soak_does_not_make_up_for_what_was_due),
        TEST(taps_are_told_of_all_that_last),
        TEST(an_agent_is_over_when_it_answers_again),
        TEST(a_disk_that_cannot_be_filled_is_a_problem),
        TEST(what_hits_nothing_says_so),
        TEST(it_is_recovered_when_each_process_is_through_again),
        TEST(processes_of_a_load_are_not_waited_for),
        TEST(what_is_lost_for_good_is_counted),
        TEST(it_covers_its_time_and_its_recovery),
        TEST(what_stands_between_is_everybodys),
        TEST(it_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
