/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_watch.h"

#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* locktrail (the test) and one worker: a child with a child of its own, which both wait for the end of `hold`. */
struct fixture {
    struct soak_watcher *watcher;
    struct soak_process processes[2];
    struct soak_record record;
    int hold[2];
    pid_t child, grandchild;
    unsigned found;
    enum soak_watch_kind found_kind;
};

static char own_worker[] = "", worker[] = "python";

static void run_child(struct fixture *f, int tell)
{
    char c;
    pid_t below = fork();
    close(f->hold[1]);
    if (below > 0) {
        ssize_t written = write(tell, &below, sizeof below);
        close(tell);
        _exit(written == sizeof below && read(f->hold[0], &c, 1) == 0 && waitpid(below, NULL, 0) == below ? 0 : 1);
    }
    close(tell);
    _exit(read(f->hold[0], &c, 1) == 0 ? 0 : 1);
}

static int set_up(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    int tell[2];
    f->watcher = soak_watcher_new();
    f->processes[0] = (struct soak_process){.worker = own_worker, .pid = getpid()};
    f->processes[1] = (struct soak_process){.worker = worker};
    for (size_t i = 0; i < 2; i++) {
        for (enum soak_watch_kind kind = 0; kind < WATCH_COUNT; kind++) {
            f->processes[i].watches[kind].found_at_ms = -1;
        }
    }
    f->record = (struct soak_record){.processes = f->processes, .process_count = 2};
    assert_int_equal(pipe2(f->hold, O_CLOEXEC), 0);
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    f->child = fork();
    if (f->child == 0) {
        close(tell[0]);
        run_child(f, tell[1]);
    }
    close(tell[1]);
    /* The end of the pipe: both have closed it, and go on to wait. */
    assert_int_equal(read(tell[0], &f->grandchild, sizeof f->grandchild), sizeof f->grandchild);
    assert_int_equal(read(tell[0], &(char){0}, 1), 0);
    close(tell[0]);
    f->processes[1].pid = f->child;
    *state = f;
    return 0;
}

static int end_child(struct fixture *f)
{
    int status = 0;
    if (f->hold[1] >= 0) {
        close(f->hold[1]);
        f->hold[1] = -1;
        assert_int_equal(waitpid(f->child, &status, 0), f->child);
    }
    return status;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(end_child(f), 0);
    close(f->hold[0]);
    soak_watcher_free(f->watcher);
    free(f);
    return 0;
}

static void on_found(const struct soak_process *process, enum soak_watch_kind kind, void *data)
{
    struct fixture *f = data;
    assert_ptr_equal(process, &f->processes[0]);
    f->found++;
    f->found_kind = kind;
}

static void take(struct fixture *f, const char *directory, int64_t at_ms)
{
    soak_watcher_take(f->watcher, &f->record, directory, at_ms, on_found, f);
}

static const struct series *series(const struct fixture *f, size_t process, enum soak_watch_kind kind)
{
    return &f->processes[process].watches[kind].series;
}

static unsigned descriptors_of(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2 - (pid == getpid());
}

static void test_a_worker_is_watched_with_what_it_has_started(void **state)
{
    struct fixture *f = *state;
    take(f, NULL, 1000);
    assert_true(series(f, 1, WATCH_THREADS)->last == 2);
    assert_true(series(f, 1, WATCH_DESCRIPTORS)->last == descriptors_of(f->child) + descriptors_of(f->grandchild));
    assert_true(series(f, 1, WATCH_RSS)->last > 0);
    assert_int_equal(series(f, 1, WATCH_DISK)->samples, 0);
    assert_int_equal(series(f, 1, WATCH_RSS)->points[0].at_ms, 1000);
}

static void test_locktrail_is_watched_without_its_children(void **state)
{
    struct fixture *f = *state;
    take(f, NULL, 1000);
    assert_true(series(f, 0, WATCH_THREADS)->last == 1);
    assert_true(series(f, 0, WATCH_DESCRIPTORS)->last == descriptors_of(getpid()));
    f->processes[1].pid = 0; /* then they are nobody's */
    take(f, NULL, 2000);
    assert_true(series(f, 0, WATCH_THREADS)->last == 1);
    assert_int_equal(series(f, 1, WATCH_THREADS)->samples, 1);
}

static void test_a_process_that_is_gone_has_no_sample(void **state)
{
    struct fixture *f = *state;
    siginfo_t info;
    f->processes[0].pid = 0;
    take(f, NULL, 1000);
    close(f->hold[1]);
    assert_int_equal(waitid(P_PID, (id_t)f->child, &info, WEXITED | WNOWAIT), 0);
    take(f, NULL, 2000); /* a zombie */
    f->hold[1] = dup(f->hold[0]);
    assert_int_equal(end_child(f), 0);
    take(f, NULL, 3000);
    for (enum soak_watch_kind kind = 0; kind < WATCH_COUNT; kind++) {
        assert_int_equal(series(f, 0, kind)->samples, 0);
        assert_true(series(f, 1, kind)->samples <= 1);
    }
}

static void test_processor_time_is_that_between_two_samples(void **state)
{
    struct fixture *f = *state;
    struct rusage usage;
    take(f, NULL, 1000);
    assert_int_equal(series(f, 0, WATCH_CPU)->samples, 0);
    do { /* a tick of the clock that /proc counts in, and one more for what it rounds away */
        getrusage(RUSAGE_SELF, &usage);
    } while (usage.ru_utime.tv_sec == 0 && usage.ru_utime.tv_usec + usage.ru_stime.tv_usec < 100000);
    take(f, NULL, 2000);
    assert_int_equal(series(f, 0, WATCH_CPU)->samples, 1);
    assert_true(series(f, 0, WATCH_CPU)->last > 0 && series(f, 0, WATCH_CPU)->last < 1.5);
    assert_int_equal(series(f, 1, WATCH_CPU)->samples, 1);
    assert_true(series(f, 1, WATCH_CPU)->last == 0);
}

static void fill(const char *directory, const char *name, size_t bytes)
{
    char *path = mem_printf("%s/%s", directory, name), *data = mem_calloc(1, bytes);
    memset(data, 'x', bytes);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, data, bytes) == (ssize_t)bytes);
    close(fd);
    free(path);
    free(data);
}

static void test_the_disk_is_that_below_the_directory(void **state)
{
    struct fixture *f = *state;
    char directory[] = "/tmp/soak_watch.XXXXXX", text[64];
    assert_non_null(mkdtemp(directory));
    snprintf(text, sizeof text, "%s/copies", directory);
    assert_int_equal(mkdir(text, 0700), 0);
    fill(directory, "soak.json", 50000);
    fill(directory, "copies/1", 300000);
    snprintf(text, sizeof text, "%s/link", directory);
    assert_int_equal(symlink("/usr", text), 0);
    take(f, directory, 1000);
    double bytes = series(f, 0, WATCH_DISK)->last;
    assert_true(bytes >= 350000 && bytes < 400000);
    assert_int_equal(series(f, 1, WATCH_DISK)->samples, 0);
    take(f, "/nowhere", 2000);
    assert_int_equal(series(f, 0, WATCH_DISK)->samples, 1);
    for (const char **name = (const char *[]){"copies/1", "soak.json", "link", NULL}; *name != NULL; name++) {
        snprintf(text, sizeof text, "%s/%s", directory, *name);
        assert_int_equal(unlink(text), 0);
    }
    snprintf(text, sizeof text, "%s/copies", directory);
    assert_int_equal(rmdir(text), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void test_what_grows_is_told_once(void **state)
{
    struct fixture *f = *state;
    int more[120];
    const struct soak_watch *watch = &f->processes[0].watches[WATCH_DESCRIPTORS];
    for (int i = 0; i < 60; i++) { /* one descriptor each ten seconds */
        more[i] = dup(f->hold[0]);
        assert_true(more[i] >= 0);
        take(f, NULL, i * 10000);
    }
    assert_int_equal(f->found, 1);
    assert_int_equal(f->found_kind, WATCH_DESCRIPTORS);
    assert_int_equal(watch->found_at_ms, 360000);
    assert_true(watch->trend.growing && watch->trend.per_hour == 360);
    soak_watcher_life(f->watcher, &f->processes[0]);
    assert_int_equal(watch->series.samples, 0);
    assert_false(watch->trend.known);
    for (int i = 60; i < 120; i++) {
        more[i] = dup(f->hold[0]);
        take(f, NULL, i * 10000);
    }
    assert_true(watch->trend.growing);
    assert_int_equal(watch->found_at_ms, 360000);
    assert_int_equal(f->found, 1);
    for (int i = 0; i < 120; i++) {
        close(more[i]);
    }
}

static void test_a_trend_is_one_line(void **state)
{
    struct trend t = {.known = true,
                      .growing = true,
                      .per_hour = 61.4e6,
                      .low = 58e6,
                      .high = 63.2e6,
                      .since_ms = 250000,
                      .from = 41e6,
                      .to = 52.3e6};
    struct trend none = {.known = true, .per_hour = -0.01e6, .low = -1e6, .high = 9.97e6}, unknown = {0};
    struct trend counts = {.known = true,
                           .growing = true,
                           .per_hour = 12,
                           .low = 11.6,
                           .high = 12.4,
                           .since_ms = 36000000 + 61000,
                           .from = 20,
                           .to = 36};
    const struct {
        enum soak_watch_kind kind;
        const struct trend *trend;
        const char *text;
    } cases[] = {
        {WATCH_RSS, &t, "grows by 61 MB an hour (95 %: 58 to 63) since 00:04:10, from 41 MB to 52 MB"},
        {WATCH_DISK, &none, "does not grow (0.0 MB an hour, 95 %: -1.0 to 10)"},
        {WATCH_DESCRIPTORS, &counts, "grows by 12 descriptors an hour (95 %: 12 to 12) since 10:01:01, from 20 to 36"},
        {WATCH_THREADS, &counts, "grows by 12 threads an hour (95 %: 12 to 12) since 10:01:01, from 20 to 36"},
        {WATCH_CPU, &unknown, "too few samples for a trend"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = soak_trend_describe(cases[i].kind, cases[i].trend);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_worker_is_watched_with_what_it_has_started, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locktrail_is_watched_without_its_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_process_that_is_gone_has_no_sample, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_processor_time_is_that_between_two_samples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_disk_is_that_below_the_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_grows_is_told_once, set_up, tear_down),
        cmocka_unit_test(test_a_trend_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
