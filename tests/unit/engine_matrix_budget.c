/* SPDX-License-Identifier: Apache-2.0 */
/* Cells at once, and what a machine or a control group leaves for them. */
#include "engine/matrix_budget.h"

#include "child_fixture.h"
#include "io/disk.h"

#define GIB ((uint64_t)1 << 30)

static void test_how_many_fit(void **state)
{
    static const struct {
        struct matrix_budget budget;
        unsigned expected;
    } cases[] = {
        {{.cpus = 2, .cell_cpus = 1}, 2},
        {{.cpus = 2, .cell_cpus = 0.5}, 4},
        {{.cpus = 0.3, .cell_cpus = 0.1}, 3},
        {{.cpus = 2, .cell_cpus = 1.5}, 1},
        {{.cpus = 2, .cell_cpus = 4}, 1},
        {{.jobs = 3, .cpus = 8, .cell_cpus = 1}, 3},
        {{.jobs = 9, .cpus = 8, .cell_cpus = 1}, 8},
        {{.cpus = 8, .cell_cpus = 1, .memory = 5 * GIB, .cell_memory = 2 * GIB}, 2},
        {{.cpus = 8, .cell_cpus = 1, .memory = GIB, .cell_memory = 2 * GIB}, 1},
        {{.cpus = 8, .cell_cpus = 1, .memory = GIB}, 8},
        {{.cpus = 8, .cell_cpus = 1, .cell_memory = 2 * GIB}, 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(matrix_budget_at_once(&cases[i].budget), cases[i].expected);
}

/* A tree of files in the place of /proc and /sys. */
struct machine {
    char root[64];
};

static void put(const struct machine *m, const char *path, const char *text)
{
    struct err e = {0};
    char *whole = mem_printf("%s%s", m->root, path);
    char *directory = mem_strndup(whole, (size_t)(strrchr(whole, '/') - whole));
    assert_int_equal(disk_make_dir(directory, &e), 0);
    assert_int_equal(disk_write_now(whole, text, strlen(text), &e), 0);
    free(directory);
    free(whole);
}

static int set_up(void **state)
{
    struct machine *m = mem_calloc(1, sizeof *m);
    strcpy(m->root, "/tmp/locktrail-budget-XXXXXX");
    assert_non_null(mkdtemp(m->root));
    put(m, "/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\nMemAvailable:    8388608 kB\n");
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *m = *state;
    char *command = mem_printf("rm -rf %s", m->root);
    assert_int_equal(system(command), 0);
    free(command);
    free(m);
    return 0;
}

static void test_a_machine_without_groups(void **state)
{
    struct machine *m = *state;
    assert_int_equal(matrix_budget_memory(m->root), 8 * GIB);
    assert_true(matrix_budget_cpus(m->root) == uv_available_parallelism());
}

static void test_a_group_and_those_above_it_bound_it(void **state)
{
    struct machine *m = *state;
    put(m, "/proc/self/cgroup", "1:name=systemd:/x\n0::/pod/job\n");
    put(m, "/sys/fs/cgroup/pod/job/cpu.max", "75000 100000\n");
    put(m, "/sys/fs/cgroup/pod/cpu.max", "50000 100000\n");
    put(m, "/sys/fs/cgroup/pod/job/memory.max", "max\n");
    put(m, "/sys/fs/cgroup/pod/memory.max", "4294967296\n");
    put(m, "/sys/fs/cgroup/pod/memory.current", "1073741824\n");
    assert_true(matrix_budget_cpus(m->root) == 0.5);
    assert_int_equal(matrix_budget_memory(m->root), 3 * GIB);
}

static void test_the_topmost_group_of_a_container(void **state)
{
    struct machine *m = *state;
    put(m, "/proc/self/cgroup", "0::/\n");
    put(m, "/sys/fs/cgroup/cpu.max", "max 100000\n");
    put(m, "/sys/fs/cgroup/memory.max", "1024\n");
    put(m, "/sys/fs/cgroup/memory.current", "4096\n");
    assert_true(matrix_budget_cpus(m->root) == uv_available_parallelism());
    assert_int_equal(matrix_budget_memory(m->root), 0);
}

static void test_what_is_unreadable_is_no_limit(void **state)
{
    struct machine *m = *state;
    put(m, "/proc/self/cgroup", "0::/a\n");
    put(m, "/sys/fs/cgroup/a/cpu.max", "many few\n");
    put(m, "/sys/fs/cgroup/a/memory.max", "100\n");
    put(m, "/proc/meminfo", "nothing\n");
    assert_true(matrix_budget_cpus(m->root) == uv_available_parallelism());
    assert_int_equal(matrix_budget_memory(m->root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_many_fit),
        cmocka_unit_test_setup_teardown(test_a_machine_without_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_group_and_those_above_it_bound_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_topmost_group_of_a_container, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_unreadable_is_no_limit, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
