/* SPDX-License-Identifier: Apache-2.0 */
/* --shard: what is given, and what farms say. */
#include "commands/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The environment of a case: "NAME=VALUE", up to NULL. */
static const char *const *environment;

static char *variable(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; environment[i]; i++) {
        if (strncmp(environment[i], name, size) == 0 && environment[i][size] == '=') {
            return (char *)(uintptr_t)environment[i] + size + 1;
        }
    }
    return NULL;
}

#define ARRAY(id, count, min, step)                                                                                    \
    "SLURM_ARRAY_TASK_ID=" id, "SLURM_ARRAY_TASK_COUNT=" count, "SLURM_ARRAY_TASK_MIN=" min,                           \
        "SLURM_ARRAY_TASK_STEP=" step

static void test_shards_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *environment[6];
        unsigned number, count;
    } cases[] = {
        {"1/1", {0}, 1, 1},
        {"3/4", {"CI_NODE_INDEX=1", "CI_NODE_TOTAL=2"}, 3, 4},
        {"10000/10000", {0}, 10000, 10000},
        {"auto", {"LOCKTRAIL_SHARD=2/3", "CI_NODE_INDEX=1", "CI_NODE_TOTAL=9"}, 2, 3},
        {"auto", {"LOCKTRAIL_SHARD=", "CI_NODE_INDEX=5", "CI_NODE_TOTAL=9"}, 5, 9},
        {"auto", {ARRAY("1", "4", "1", "1")}, 1, 4},
        {"auto", {ARRAY("4", "4", "1", "1")}, 4, 4},
        {"auto", {ARRAY("0", "4", "0", "1")}, 1, 4},
        {"auto", {ARRAY("30", "3", "10", "10")}, 3, 3},
        {"auto", {"SLURM_ARRAY_TASK_ID=2", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1"}, 2, 3},
        {"auto", {"JOB_COMPLETION_INDEX=0", "LOCKTRAIL_SHARDS=3"}, 1, 3},
        {"auto", {"JOB_COMPLETION_INDEX=2", "LOCKTRAIL_SHARDS=3"}, 3, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shard s = {0};
        struct err e = {0};
        environment = cases[i].environment;
        if (shard_read(cases[i].text, variable, &s, &e) < 0) {
            fail_msg("case %zu: %s", i, e.text);
        }
        assert_int_equal(s.number, cases[i].number);
        assert_int_equal(s.count, cases[i].count);
    }
}

#define NONE                                                                                                           \
    "matrix: --shard auto finds none of LOCKTRAIL_SHARD, SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX and "               \
    "CI_NODE_INDEX in the environment: give --shard K/N"

static void test_wrong_ones_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *environment[6], *expected;
    } cases[] = {
        {"", {0}, "matrix: --shard  is not of the form K/N, as in 1/4, and not auto"},
        {"3", {0}, "matrix: --shard 3 is not of the form K/N, as in 1/4, and not auto"},
        {"a/4", {0}, "matrix: --shard a/4 is not of the form K/N, as in 1/4, and not auto"},
        {"1/4x", {0}, "matrix: --shard 1/4x is not of the form K/N, as in 1/4, and not auto"},
        {"-1/4", {0}, "matrix: --shard -1/4 is not of the form K/N, as in 1/4, and not auto"},
        {"0/4", {0}, "matrix: --shard 0/4 is shard 0 of 4, expected one from 1 to 4"},
        {"5/4", {0}, "matrix: --shard 5/4 is shard 5 of 4, expected one from 1 to 4"},
        {"1/0", {0}, "matrix: --shard 1/0 makes 0 shards, expected 1 to 10000"},
        {"1/10001", {0}, "matrix: --shard 1/10001 makes 10001 shards, expected 1 to 10000"},
        {"auto", {0}, NONE},
        {"auto", {"CI_NODE_TOTAL=3", "LOCKTRAIL_SHARDS=3"}, NONE},
        {"auto", {"LOCKTRAIL_SHARD=2"}, "matrix: LOCKTRAIL_SHARD 2 is not of the form K/N, as in 1/4"},
        {"auto",
         {"CI_NODE_INDEX=2"},
         "matrix: --shard auto: CI_NODE_INDEX is set, and CI_NODE_TOTAL, which says how many shards there are, is "
         "not: set it too, or give --shard K/N"},
        {"auto",
         {"CI_NODE_INDEX=4", "CI_NODE_TOTAL=3"},
         "matrix: CI_NODE_INDEX is shard 4 of 3, expected one from 1 to 3"},
        {"auto",
         {"JOB_COMPLETION_INDEX=0"},
         "matrix: --shard auto: JOB_COMPLETION_INDEX is set, and LOCKTRAIL_SHARDS, which says how many shards there "
         "are, is not: set it too, or give --shard K/N"},
        {"auto",
         {"JOB_COMPLETION_INDEX=x", "LOCKTRAIL_SHARDS=3"},
         "matrix: --shard auto: JOB_COMPLETION_INDEX is x, expected a whole number"},
        {"auto",
         {ARRAY("7", "3", "1", "1")},
         "matrix: --shard auto: task 7 is none of an array of 3 from 1 in steps of 1: submit one such as --array=1-4, "
         "or give --shard K/N"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shard s = {0};
        struct err e = {0};
        environment = cases[i].environment;
        assert_int_equal(shard_read(cases[i].text, variable, &s, &e), -1);
        assert_string_equal(e.text, cases[i].expected);
        assert_int_equal(e.code, ERR_USAGE);
        assert_int_equal(s.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_are_read),
        cmocka_unit_test(test_wrong_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
