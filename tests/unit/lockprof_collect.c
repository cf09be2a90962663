/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/collect.h"

#include "base/mem.h"
#include "capture_directory.h"
#include "lockprof/export/exported.h"
#include "lockprof/export/interval.h"

#include <pthread.h>
#include <sys/stat.h>

uint64_t capture_directory_lock, capture_directory_caller;

enum { TEST_LOCK_LINE = __LINE__ + 1 };
static pthread_mutex_t test_lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noinline)) static void take_test_lock(void)
{
    pthread_mutex_lock(&test_lock);
    __asm__ volatile("lea 0(%%rip), %0" : "=r"(capture_directory_caller));
    pthread_mutex_unlock(&test_lock);
}

struct fixture {
    struct capture_directory directory;
    struct collector *collector;
    struct buf problems;
    char label[64];
};

static int setup(void **state)
{
    static const struct modules_options options;
    struct fixture *f = mem_calloc(1, sizeof *f);
    take_test_lock();
    capture_directory_lock = (uint64_t)(uintptr_t)&test_lock;
    capture_directory_init(&f->directory);
    f->collector = collector_new(f->directory.path, &options);
    snprintf(f->label, sizeof f->label, "lockprof_collect.c:%d:test_lock", TEST_LOCK_LINE);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    collector_free(f->collector);
    buf_fini(&f->problems);
    capture_directory_fini(&f->directory);
    free(f);
    return 0;
}

static size_t update(struct fixture *f)
{
    struct err e;
    buf_clear(&f->problems);
    int count = collector_update(f->collector, &f->problems, &e);
    if (count < 0)
        fail_msg("%s", e.text);
    return (size_t)count;
}

static void commit(struct fixture *f)
{
    collector_commit(f->collector, 1800000000000000000);
    collector_prune(f->collector);
}

/* The sum of a value over all samples. */
static int64_t sum(struct fixture *f, enum sample_value value)
{
    const struct interval *in = collector_interval(f->collector);
    int64_t result = 0;
    for (size_t i = 0; i < in->count; i++)
        result += in->samples[i].values[value];
    return result;
}

static const char *text(struct fixture *f, uint32_t string)
{
    return collector_interval(f->collector)->tables->strings[string];
}

static void expect_remark(struct fixture *f, const char *expected, bool there)
{
    const struct interval *in = collector_interval(f->collector);
    bool found = false;
    for (size_t i = 0; i < in->remark_count; i++)
        found = found || strcmp(in->remarks[i], expected) == 0;
    if (found != there)
        fail_msg("%s: %s", there ? "missing" : "not expected", expected);
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

static void a_lock_has_its_name_stack_and_thread(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    assert_int_equal(update(f), 1);
    const struct interval *in = collector_interval(f->collector);
    const struct sample *s = in->samples;
    assert_string_equal(text(f, s->label), f->label);
    assert_string_equal(text(f, s->thread), "worker");
    assert_int_equal(s->pid, 0);
    assert_int_equal(s->values[VALUE_ACQUIRE], 5);
    assert_int_equal(in->tables->stacks[s->stack].count, 1);
    const struct table_location *l = &in->tables->locations[in->tables->frames[in->tables->stacks[s->stack].first]];
    assert_int_equal(l->line_count, 1);
    const struct table_function *function = &in->tables->functions[in->tables->lines[l->first_line].function];
    assert_string_equal(text(f, function->name), "take_test_lock");
    const struct table_mapping *m = &in->tables->mappings[l->mapping - 1];
    assert_true(l->address >= m->start && l->address < m->limit);
    assert_string_equal(f->problems.data ? f->problems.data : "", "");
    assert_int_equal(in->start_ns, 1700000000000000000);
    capture_written_end(&w);
}

static void each_interval_has_what_is_new(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    struct capture_slot *slot = capture_written_slot(&w);
    update(f);
    commit(f);
    assert_int_equal(update(f), 0);
    slot->acquires = 12;
    slot->contended = 2;
    slot->wait_ticks = 300;
    slot->releases = 11;
    slot->hold_ticks = 1000;
    assert_int_equal(update(f), 1);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 7);
    assert_int_equal(sum(f, VALUE_CONTENDED), 2);
    assert_int_equal(sum(f, VALUE_ACQUIRE_WAIT), 300);
    assert_int_equal(sum(f, VALUE_RELEASE), 11);
    assert_int_equal(sum(f, VALUE_RELEASE_HOLD), 1000);
    assert_int_equal(collector_interval(f->collector)->start_ns, 1800000000000000000);
    capture_written_end(&w);
}

static void what_was_not_committed_comes_again(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    update(f);
    capture_written_slot(&w)->acquires = 6;
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 6);
    capture_written_end(&w);
}

static void counts_are_multiplied_by_the_rate(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    w.build.header->rate = 100;
    capture_written_slot(&w)->wait_ticks = 7;
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 500);
    assert_int_equal(sum(f, VALUE_ACQUIRE_WAIT), 700);
    assert_int_equal(collector_interval(f->collector)->rate, 100);
    capture_written_end(&w);
}

static void estimates_stop_at_the_largest_number(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, UINT64_MAX);
    w.build.header->rate = 1000;
    update(f);
    assert_true(sum(f, VALUE_ACQUIRE) == INT64_MAX);
    capture_written_end(&w);
}

static void a_counter_that_shrank_gives_nothing(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    update(f);
    commit(f);
    capture_written_slot(&w)->acquires = 1;
    assert_int_equal(update(f), 0);
    capture_written_end(&w);
}

static void a_call_without_a_snapshot_has_its_innermost_frame(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    capture_written_slot(&w)->snapshot = 0;
    assert_int_equal(update(f), 1);
    const struct interval *in = collector_interval(f->collector);
    assert_string_equal(text(f, in->samples->label), f->label);
    assert_int_equal(in->tables->stacks[in->samples->stack].count, 1);
    capture_written_end(&w);
}

static void lost_module_lists_are_told_and_counted_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    capture_written_slot(&w)->snapshot = 0;
    w.build.header->last_maps = 0;
    assert_int_equal(update(f), 1);
    char *told = mem_printf("%s: has no list of modules, its locks and stacks have no names\n", w.path);
    assert_string_equal(f->problems.data, told);
    assert_string_equal(text(f, collector_interval(f->collector)->samples->label), "unknown:0");
    free(told);
    update(f);
    assert_int_equal(f->problems.size, 0);
    capture_written_end(&w);
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static void processes_are_told_apart(void **state)
{
    struct fixture *f = *state;
    struct capture_written a, b;
    capture_written_init(&a, &f->directory, 100, 1, 5);
    capture_written_init(&b, &f->directory, 200, 1, 6);
    assert_int_equal(update(f), 2);
    const struct sample *s = collector_interval(f->collector)->samples;
    assert_int_equal(s[0].pid, 100);
    assert_int_equal(s[1].pid, 200);
    assert_int_equal(s[0].label, s[1].label);
    assert_int_equal(s[0].stack, s[1].stack);
    capture_written_end(&a);
    capture_written_end(&b);
}

static void images_of_one_process_are_added_up(void **state)
{
    struct fixture *f = *state;
    struct capture_written a, b;
    capture_written_init(&a, &f->directory, 100, 1, 5);
    capture_written_init(&b, &f->directory, 100, 2, 6);
    assert_int_equal(update(f), 1);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 11);
    capture_written_end(&a);
    capture_written_end(&b);
}

static void files_of_ended_processes_are_removed_once_exported(void **state)
{
    struct fixture *f = *state;
    struct capture_written a, b;
    int32_t pids[2] = {0};
    capture_written_init(&a, &f->directory, 100, 1, 5);
    capture_written_init(&b, &f->directory, 200, 1, 6);
    update(f);
    commit(f);
    assert_int_equal(access(a.path, F_OK), 0);
    assert_int_equal(collector_running(f->collector, pids, 2), 2);
    capture_written_slot(&a)->acquires = 6;
    capture_written_end(&a);
    assert_int_equal(collector_running(f->collector, pids, 2), 1);
    assert_int_equal(pids[0], 200);
    collector_prune(f->collector);
    assert_int_equal(access(a.path, F_OK), 0);
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 1);
    commit(f);
    assert_int_not_equal(access(a.path, F_OK), 0);
    assert_int_equal(access(b.path, F_OK), 0);
    assert_int_equal(collector_seen(f->collector), 2);
    capture_written_end(&b);
    update(f);
    commit(f);
    assert_int_equal(capture_directory_count(&f->directory), 0);
}

static void a_fork_loop_leaves_no_files_and_loses_no_counts(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    struct err e;
    for (int32_t pid = 1; pid <= 40; pid++) {
        capture_written_init(&w, &f->directory, pid, 1, 3);
        capture_written_end(&w);
        assert_int_equal(collector_absorb(f->collector, 8, &f->problems, &e), 0);
        assert_true(capture_directory_count(&f->directory) <= 8);
    }
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 120);
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 120);
    commit(f);
    assert_int_equal(update(f), 0);
}

static void processes_beyond_a_bound_are_merged_and_told(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    for (int32_t pid = 1; pid <= 259; pid++) {
        capture_written_init(&w, &f->directory, pid, 1, 1);
        capture_written_end(&w);
    }
    assert_int_equal(update(f), 257);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 259);
    expect_remark(f, "3 processes beyond the 256 that are told apart have no \"process id\"", true);
}

static void another_exporter_goes_on_where_one_was_killed(void **state)
{
    static const struct modules_options options;
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    update(f);
    commit(f);
    capture_written_slot(&w)->acquires = 7;
    capture_written_end(&w);
    collector_free(f->collector);
    f->collector = collector_new(f->directory.path, &options);
    update(f);
    assert_int_equal(sum(f, VALUE_ACQUIRE), 2);
    assert_int_equal(collector_interval(f->collector)->start_ns, 1800000000000000000);
    commit(f);
    assert_int_equal(capture_directory_count(&f->directory), 0);
}

/* --- broken files ------------------------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void a_broken_file_is_told_once_and_kept(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    char path[128];
    capture_written_init(&w, &f->directory, 100, 1, 5);
    snprintf(path, sizeof path, "%s/7.1.lockcap", f->directory.path);
    write_text(path, "no capture file");
    assert_int_equal(update(f), 1);
    char *told = mem_printf("%s: not a capture file: 15 bytes, less than its header of %zu\n", path,
                            sizeof(struct capture_header));
    assert_string_equal(f->problems.data, told);
    free(told);
    update(f);
    assert_int_equal(f->problems.size, 0);
    commit(f);
    assert_int_equal(access(path, F_OK), 0);
    capture_written_end(&w);
}

static void what_is_no_plain_file_is_not_opened(void **state)
{
    struct fixture *f = *state;
    char fifo[128], link[128];
    snprintf(link, sizeof link, "%s/7.1.lockcap", f->directory.path);
    snprintf(fifo, sizeof fifo, "%s/8.1.lockcap", f->directory.path);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(update(f), 0);
    char *told = mem_printf("%s: not a plain file\n%s: not a plain file\n", link, fifo);
    assert_string_equal(f->problems.data, told);
    free(told);
}

static void a_process_that_was_killed_at_its_start_is_nothing_to_tell(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/7.1.lockcap", f->directory.path);
    write_text(path, "");
    assert_int_equal(update(f), 0);
    assert_int_equal(f->problems.size, 0);
    commit(f);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void other_names_are_not_looked_at(void **state)
{
    static const char *const names[] = {"1.lockcap",   "x.1.lockcap",  "1.x.lockcap",           "1.2.lockcap~",
                                        "0.1.lockcap", "-4.1.lockcap", "99999999999.1.lockcap", "1.1.lockcap.exported"};
    struct fixture *f = *state;
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", f->directory.path, names[i]);
        write_text(path, "x");
    }
    assert_int_equal(update(f), 0);
    assert_int_equal(f->problems.size, 0);
    assert_int_equal(collector_seen(f->collector), 0);
}

static void a_missing_directory_is_an_error(void **state)
{
    static const struct modules_options options;
    struct err e;
    struct collector *c = collector_new("/nowhere/at/all", &options);
    (void)state;
    assert_int_equal(collector_update(c, NULL, &e), -1);
    assert_string_equal(e.text,
                        "/nowhere/at/all: can't read the directory of capture files: No such file or directory");
    collector_free(c);
}

static void what_was_dropped_is_told(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    capture_written_init(&w, &f->directory, 100, 1, 5);
    w.build.header->dropped.acquires = 17;
    update(f);
    expect_remark(f, "dropped since the start: 17 acquires that are in no sample", true);
    expect_remark(f, "not seen: locks of statically linked programs (the library can't be preloaded there)", true);
    /* Also when the file is gone. */
    capture_written_end(&w);
    update(f);
    commit(f);
    update(f);
    expect_remark(f, "dropped since the start: 17 acquires that are in no sample", true);
}

static void a_broken_list_of_exported_counts_is_told(void **state)
{
    struct fixture *f = *state;
    struct capture_written w;
    char path[160];
    capture_written_init(&w, &f->directory, 100, 1, 5);
    snprintf(path, sizeof path, "%s%s", w.path, EXPORTED_SUFFIX);
    write_text(path, "rubbish");
    assert_int_equal(update(f), 1);
    char *told = mem_printf("%s: not a list of exported counts\n", path);
    assert_string_equal(f->problems.data, told);
    free(told);
    capture_written_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lock_has_its_name_stack_and_thread, setup, teardown),
        cmocka_unit_test_setup_teardown(each_interval_has_what_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_committed_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_are_multiplied_by_the_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(estimates_stop_at_the_largest_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_counter_that_shrank_gives_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_without_a_snapshot_has_its_innermost_frame, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_module_lists_are_told_and_counted_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(images_of_one_process_are_added_up, setup, teardown),
        cmocka_unit_test_setup_teardown(files_of_ended_processes_are_removed_once_exported, setup, teardown),
        cmocka_unit_test_setup_teardown(a_fork_loop_leaves_no_files_and_loses_no_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_beyond_a_bound_are_merged_and_told, setup, teardown),
        cmocka_unit_test_setup_teardown(another_exporter_goes_on_where_one_was_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_file_is_told_once_and_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_plain_file_is_not_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_that_was_killed_at_its_start_is_nothing_to_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(other_names_are_not_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_directory_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_dropped_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_list_of_exported_counts_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
