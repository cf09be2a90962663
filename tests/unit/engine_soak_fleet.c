/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a soak, with real ones: who is there, what becomes of those that end, and what disturbances do. */
#include "engine/soak_fleet.h"

#include "child_fixture.h"
#include "scenario_text.h"

struct fleet_fixture {
    uv_loop_t loop;
    uv_timer_t awake; /* the loop turns while a condition is waited for */
    char directory[64];
    struct run_options run;
    struct host_soak soak;
    struct host host;
    struct scenario *scenario;
    struct instance_plan plan;
    struct python_env *envs;
    struct soak_record record;
    struct soak_fleet *fleet;
    struct buf lives, problems,
        hits;       /* "+a.1.upload -a.1.upload !a.1.upload", "WHO: TEXT\n", "a.1.upload b.1.upload*" */
    size_t sending; /* of the last `changed` */
    unsigned lines;
    bool done, closed;
};

#define WAIT_FOR(f, condition)                                                                                         \
    while (!(condition))                                                                                               \
    uv_run(&(f)->loop, UV_RUN_ONCE)

/* --- what the fleet tells --- */

static void on_life(const char *instance, void *data)
{
    struct fleet_fixture *f = data;
    buf_printf(&f->lives, "%s+%s", f->lives.size ? " " : "", instance);
}

static void on_life_over(const char *instance, bool killed, void *data)
{
    struct fleet_fixture *f = data;
    buf_printf(&f->lives, "%s%c%s", f->lives.size ? " " : "", killed ? '!' : '-', instance);
}

static void on_changed(struct worker **workers, size_t count, void *data)
{
    struct fleet_fixture *f = data;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(worker_arm(workers[i]), ARM_UPLOAD);
    f->sending = count;
}

static void on_hit(const char *instance, bool lasting, void *data)
{
    struct fleet_fixture *f = data;
    buf_printf(&f->hits, "%s%s%s", f->hits.size ? " " : "", instance, lasting ? "" : "*");
}

static void on_problem(const char *who, const char *text, const char *advice, void *data)
{
    struct fleet_fixture *f = data;
    assert_true(advice[0] != '\0');
    buf_printf(&f->problems, "%s: %s\n", who, text);
}

static void on_said(const char *instance, const struct message *m, void *data)
{
    struct fleet_fixture *f = data;
    (void)instance;
    (void)m;
    f->lines++;
}

static void on_done(void *data)
{
    struct fleet_fixture *f = data;
    assert_false(f->done);
    f->done = true;
}

/* --- a fleet in a loop --- */

static void on_awake(uv_timer_t *timer)
{
    (void)timer;
}

static int set_up(void **state)
{
    struct fleet_fixture *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-fleet-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    uv_timer_init(&f->loop, &f->awake);
    uv_timer_start(&f->awake, on_awake, 5, 5);
    *state = f;
    return 0;
}

/* Workers that are silent commands: "a: ..." lines below `workers`, then anything else. */
static void prepare(struct fleet_fixture *f, const char *yaml)
{
    struct buf said = {0};
    struct err e = {0};
    f->scenario = read_with(yaml, strlen(yaml), NULL, 0, &said);
    if (!f->scenario)
        fail_msg("%s", said.data);
    buf_fini(&said);
    f->run = (struct run_options){.scenario = f->scenario, .directory = f->directory, .root = ".", .build = "."};
    assert_int_equal(host_open(&f->host, &f->run, &f->loop, &e), 0);
    free(f->host.guard);
    f->host.guard = mem_strdup(find_guard());
    f->soak = (struct host_soak){.line = on_said, .problem = on_problem, .data = f};
    f->host.soak = &f->soak;
    instances_plan_soak(f->scenario, &f->plan);
    f->envs = mem_calloc(f->scenario->worker_count, sizeof *f->envs);
    f->record.process_count = f->plan.count + 1;
    f->record.processes = mem_calloc(f->record.process_count, sizeof *f->record.processes);
    struct soak_fleet_options options = {.host = &f->host,
                                         .planned = f->plan.items,
                                         .count = f->plan.count,
                                         .envs = f->envs,
                                         .record = &f->record,
                                         .life = on_life,
                                         .life_over = on_life_over,
                                         .changed = on_changed,
                                         .data = f};
    f->fleet = soak_fleet_new(&options);
}

static struct soak_process *process(struct fleet_fixture *f, size_t at)
{
    return &f->record.processes[at + 1];
}

static void begin(struct fleet_fixture *f, const char *yaml)
{
    prepare(f, yaml);
    soak_fleet_start(f->fleet);
}

/* All that are there all the time run. */
static void wait_for_pids(struct fleet_fixture *f)
{
    for (size_t i = 0; i < f->plan.count; i++)
        if (!strstr(f->scenario->name, "load") || i < f->scenario->workers[0].count)
            WAIT_FOR(f, process(f, i)->pid > 0);
}

static void finish(struct fleet_fixture *f)
{
    soak_fleet_finish(f->fleet, false, on_done, f);
    assert_false(f->done);
    WAIT_FOR(f, f->done);
    for (size_t i = 0; i < f->plan.count; i++)
        assert_int_equal(process(f, i)->pid, 0);
}

static void on_disk_closed(void *data)
{
    struct fleet_fixture *f = data;
    f->closed = true;
}

static int tear_down(void **state)
{
    struct fleet_fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    if (!f->done)
        finish(f);
    soak_fleet_free(f->fleet);
    disk_close(f->host.disk, on_disk_closed, f);
    WAIT_FOR(f, f->closed);
    uv_close((uv_handle_t *)&f->awake, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    host_fini(&f->host);
    instance_plan_fini(&f->plan);
    scenario_free(f->scenario);
    free(f->envs);
    free(f->record.processes);
    buf_fini(&f->lives);
    buf_fini(&f->problems);
    buf_fini(&f->hits);
    free(command);
    free(f);
    alarm(0);
    return 0;
}

static void assert_text(const struct buf *text, const char *expected)
{
    assert_string_equal(text->data ? text->data : "", expected);
}

#define ONE(options, script)                                                                                           \
    "name: x\nworkers:\n  a: {runtime: command, " options "locks: [{name: l}], command: [sh, -c, '" script "']}\n"

/* --- tests ---------------------------------------------------------------------------------------------------------
 */

static void all_start_and_end_as_planned(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f,
          ONE("count: 2, ", "exec sleep 1000") "  b: {runtime: command, locks: [{name: l}], command: [sleep, 99]}\n");
    wait_for_pids(f);
    assert_int_equal(f->sending, 3);
    assert_text(&f->lives, "+a.1.upload +a.2.upload +b.1.upload");
    finish(f);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(process(f, i)->lives, 1);
        assert_int_equal(process(f, i)->planned_ends, 1);
        assert_int_equal(process(f, i)->failures + process(f, i)->kills, 0);
    }
    assert_text(&f->problems, "");
}

static void a_life_ends_after_its_time_and_another_begins(void **state)
{
    struct fleet_fixture *f = *state;
    prepare(f, ONE("", "exec sleep 1000"));
    f->scenario->workers[0].lifetime_ms = 60;
    soak_fleet_start(f->fleet);
    WAIT_FOR(f, process(f, 0)->lives == 3);
    assert_int_equal(f->sending, 1);
    assert_int_equal(process(f, 0)->planned_ends, 2);
    assert_text(&f->lives, "+a.1.upload -a.1.upload +a.1.upload -a.1.upload +a.1.upload");
    assert_text(&f->problems, "");
}

/* At once it would be a loop of some hundred starts in a second. */
static void one_that_ends_by_itself_is_a_problem_and_comes_again_later(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, ONE("", "exit 3"));
    uint64_t start = uv_hrtime();
    WAIT_FOR(f, process(f, 0)->failures == 1);
    assert_int_equal(process(f, 0)->lives, 1);
    WAIT_FOR(f, process(f, 0)->lives == 2);
    assert_true(uv_hrtime() - start > 900000000ull);
    assert_non_null(strstr(f->problems.data, "a.1.upload: ended by exit 3, "));
}

static void an_end_without_an_error_is_a_problem_too(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, "name: x\nphases: [local]\nworkers:\n  a: {runtime: command, protocol: lines, command: [sh, -c, "
             "'printf \"{\\\"type\\\":\\\"hello\\\",\\\"runtime\\\":\\\"x\\\",\\\"version\\\":\\\"1\\\",\\\"pid\\\":1,"
             "\\\"protocol\\\":1}\\n{\\\"type\\\":\\\"done\\\",\\\"acquires\\\":{}}\\n\" >&3']}\n");
    WAIT_FOR(f, process(f, 0)->failures == 1);
    assert_int_equal(f->lines, 2);
    assert_text(&f->problems, "a.1.upload: ended by itself, and a soak's workers go on until they are told to end\n");
}

static void one_that_is_to_end_by_itself_may(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, ONE("until_exit: true, ", "exit 0"));
    WAIT_FOR(f, process(f, 0)->planned_ends == 1);
    finish(f); /* while it waits for its next life */
    assert_int_equal(process(f, 0)->lives, 1);
    assert_text(&f->problems, "");
}

static void one_that_cannot_be_started_is_told_and_tried_again(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, "name: x\nworkers:\n  a: {runtime: command, locks: [{name: l}], command: [/no/such/program]}\n");
    WAIT_FOR(f, process(f, 0)->failures == 1);
    assert_text(&f->problems,
                "a.1.upload: could not be started (program /no/such/program): No such file or directory\n");
    finish(f);
}

static char *file_in(const struct fleet_fixture *f, const char *name)
{
    return mem_printf("%s/%s", f->directory, name);
}

static pid_t read_pid(struct fleet_fixture *f, const char *name)
{
    char *path = file_in(f, name);
    struct buf text = {0};
    struct err e;
    WAIT_FOR(f, access(path, F_OK) == 0 && (buf_clear(&text), disk_read_now(path, 64, &text, &e)) == 0 &&
                    strchr(text.data ? text.data : "", '\n'));
    pid_t pid = atoi(text.data);
    buf_fini(&text);
    free(path);
    return pid;
}

/* A shell whose child writes its pid to FILE in the directory. */
static void begin_with_child(struct fleet_fixture *f)
{
    char *yaml = mem_printf("name: x\nworkers:\n  a: {runtime: command, locks: [{name: l}], command: [sh, -c, "
                            "'sleep 1000 & echo $! >%s/child; wait']}\n",
                            f->directory);
    begin(f, yaml);
    free(yaml);
    WAIT_FOR(f, process(f, 0)->pid > 0);
}

static void a_kill_hits_all_of_a_process_and_is_no_problem(void **state)
{
    struct fleet_fixture *f = *state;
    begin_with_child(f);
    pid_t child = read_pid(f, "child"), first = (pid_t)process(f, 0)->pid;
    soak_fleet_kill(f->fleet, "a", on_hit, f);
    assert_text(&f->hits, "a.1.upload");
    WAIT_FOR(f, process(f, 0)->lives == 2 && process(f, 0)->pid > 0);
    assert_true(is_gone(child));
    assert_true(process(f, 0)->pid != first);
    assert_int_equal(process(f, 0)->kills, 1);
    assert_int_equal(process(f, 0)->failures + process(f, 0)->planned_ends, 0);
    assert_text(&f->lives, "+a.1.upload !a.1.upload +a.1.upload");
    assert_text(&f->problems, "");
}

static void a_stopped_process_goes_on_with_what_it_has_started(void **state)
{
    struct fleet_fixture *f = *state;
    begin_with_child(f);
    pid_t child = read_pid(f, "child"), pid = (pid_t)process(f, 0)->pid;
    soak_fleet_stop_processes(f->fleet, NULL, on_hit, f);
    wait_for_state(pid, "T");
    wait_for_state(child, "T");
    soak_fleet_stop_processes(f->fleet, "a", on_hit, f);
    soak_fleet_continue(f->fleet, "a");
    assert_int_equal(process_state(pid), 'T'); /* until the other one is over too */
    soak_fleet_continue(f->fleet, NULL);
    wait_for_state(pid, "SR");
    wait_for_state(child, "SR");
    assert_text(&f->hits, "a.1.upload a.1.upload");
    assert_int_equal(process(f, 0)->lives, 1);
}

static void a_stopped_process_ends_all_the_same(void **state)
{
    struct fleet_fixture *f = *state;
    begin_with_child(f);
    read_pid(f, "child");
    soak_fleet_stop_processes(f->fleet, NULL, on_hit, f);
    wait_for_state((pid_t)process(f, 0)->pid, "T");
    finish(f);
    assert_int_equal(process(f, 0)->planned_ends, 1);
    assert_text(&f->problems, "");
}

/* A line every 20 ms, and 300 ms of silence are a problem but for those in which it was stopped. */
static void silence_does_not_count_while_it_is_stopped(void **state)
{
    struct fleet_fixture *f = *state;
    begin(
        f,
        "name: x\nphases: [local]\nworkers:\n  a: {runtime: command, protocol: lines, silence_timeout: 300ms, "
        "command: [sh, -c, 'printf \"{\\\"type\\\":\\\"hello\\\",\\\"runtime\\\":\\\"x\\\",\\\"version\\\":\\\"1\\\","
        "\\\"pid\\\":1,\\\"protocol\\\":1}\\n\" >&3; while :; do printf "
        "\"{\\\"type\\\":\\\"progress\\\",\\\"phase\\\":\\\"local\\\",\\\"done\\\":0.5,\\\"acquires\\\":{}}\\n\" >&3; "
        "sleep 0.02; done']}\n");
    WAIT_FOR(f, f->lines >= 3);
    soak_fleet_stop_processes(f->fleet, NULL, on_hit, f);
    uint64_t start = uv_hrtime();
    WAIT_FOR(f, uv_hrtime() - start > 700000000ull);
    soak_fleet_continue(f->fleet, NULL);
    unsigned lines = f->lines;
    WAIT_FOR(f, f->lines >= lines + 3);
    assert_text(&f->problems, "");
    assert_int_equal(process(f, 0)->lives, 1);
}

#define LOAD                                                                                                           \
    "name: load\nworkers:\n  a: {runtime: command, locks: [{name: l}], command: [sleep, 99]}\n"                        \
    "disturbances:\n  - {what: load, at: 1s, processes: 2}\n  - {what: load, at: 1s, processes: 1}\n"

static void a_load_comes_and_goes(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, LOAD);
    assert_int_equal(f->plan.count, 4);
    wait_for_pids(f);
    soak_fleet_load(f->fleet, "a", 2, on_hit, f);
    assert_text(&f->hits, "a.1.upload a.2.upload* a.3.upload*");
    WAIT_FOR(f, process(f, 1)->pid > 0 && process(f, 2)->pid > 0);
    soak_fleet_load(f->fleet, NULL, 9, NULL, NULL); /* as many as are planned */
    WAIT_FOR(f, process(f, 3)->pid > 0);
    soak_fleet_unload(f->fleet, "a", 2);
    WAIT_FOR(f, process(f, 1)->pid == 0 && process(f, 2)->pid == 0);
    assert_true(process(f, 0)->pid > 0 && process(f, 3)->pid > 0);
    soak_fleet_unload(f->fleet, NULL, 9);
    WAIT_FOR(f, process(f, 3)->pid == 0);
    soak_fleet_load(f->fleet, NULL, 1, NULL, NULL);
    WAIT_FOR(f, process(f, 1)->lives == 2);
    assert_int_equal(process(f, 1)->planned_ends, 1);
    assert_int_equal(process(f, 0)->lives, 1);
    assert_text(&f->problems, "");
}

/* Asked for again while it still ends: the next life follows. */
static void a_load_that_comes_back_at_once_is_started_again(void **state)
{
    struct fleet_fixture *f = *state;
    begin(f, LOAD);
    soak_fleet_load(f->fleet, NULL, 1, NULL, NULL);
    WAIT_FOR(f, process(f, 1)->pid > 0);
    soak_fleet_unload(f->fleet, NULL, 1);
    soak_fleet_load(f->fleet, NULL, 1, NULL, NULL);
    WAIT_FOR(f, process(f, 1)->lives == 2 && process(f, 1)->pid > 0);
    assert_int_equal(process(f, 1)->planned_ends, 1);
}

static void a_second_finish_kills(void **state)
{
    struct fleet_fixture *f = *state;
    char *yaml =
        mem_printf("name: x\nworkers:\n  a: {runtime: command, stop_timeout: 1h, locks: [{name: l}], command: [sh, "
                   "-c, 'trap \"\" TERM; echo $$ >%s/child; while :; do sleep 0.01; done']}\n",
                   f->directory);
    begin(f, yaml);
    free(yaml);
    read_pid(f, "child");
    soak_fleet_finish(f->fleet, false, on_done, f);
    uint64_t start = uv_hrtime();
    WAIT_FOR(f, uv_hrtime() - start > 50000000ull);
    assert_false(f->done);
    soak_fleet_finish(f->fleet, true, NULL, NULL);
    WAIT_FOR(f, f->done);
    assert_text(&f->lives, "+a.1.upload !a.1.upload");
    soak_fleet_kill(f->fleet, NULL, on_hit, f);
    soak_fleet_load(f->fleet, NULL, 1, on_hit, f);
    assert_text(&f->hits, "");
}

static void it_can_be_finished_before_it_has_begun(void **state)
{
    struct fleet_fixture *f = *state;
    prepare(f, LOAD);
    finish(f);
    assert_text(&f->lives, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_start_and_end_as_planned),
        TEST(a_life_ends_after_its_time_and_another_begins),
        TEST(one_that_ends_by_itself_is_a_problem_and_comes_again_later),
        TEST(an_end_without_an_error_is_a_problem_too),
        TEST(one_that_is_to_end_by_itself_may),
        TEST(one_that_cannot_be_started_is_told_and_tried_again),
        TEST(a_kill_hits_all_of_a_process_and_is_no_problem),
        TEST(a_stopped_process_goes_on_with_what_it_has_started),
        TEST(a_stopped_process_ends_all_the_same),
        TEST(silence_does_not_count_while_it_is_stopped),
        TEST(a_load_comes_and_goes),
        TEST(a_load_that_comes_back_at_once_is_started_again),
        TEST(a_second_finish_kills),
        TEST(it_can_be_finished_before_it_has_begun),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
