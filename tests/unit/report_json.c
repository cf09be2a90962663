/* SPDX-License-Identifier: Apache-2.0 */
/* Whole documents are compared with tests/data/report/NAME.json; tests/cli/test_report_files.py holds those against the
 * schema. */
#include "report/json.h"

#include "base/json.h"
#include "report_expected.h"
#include "report_runs.h"

static int drop(void **state)
{
    (void)state;
    evidence_drop();
    return 0;
}

static struct json *read_back(const struct evidence *ev)
{
    struct buf b = {0};
    struct json *j = NULL;
    struct err e;
    report_json(ev, &b);
    if (json_read(b.data, b.size, &j, &e) < 0)
        fail_msg("%s", e.text);
    buf_fini(&b);
    return j;
}

static void test_whole_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPECTED_DOCUMENTS; i++) {
        struct buf b = {0};
        report_json(expected_runs[i].make(), &b);
        expect_file(expected_runs[i].name, "json", &b);
        buf_fini(&b);
    }
}

static void test_reads_back(void **state)
{
    struct json *j = read_back(make_partial());
    (void)state;
    assert_string_equal(json_get_string(j, "schema", ""), "locktrail/report/1");
    assert_string_equal(json_get_string(j, "verdict", ""), "partial");
    assert_int_equal(json_get_int(j, "exit_code", -1), 1);
    const struct json *lock = &json_get(j, "locks")->items[0];
    const struct json *upload = json_get(json_get(lock, "states"), "upload");
    assert_string_equal(json_get_string(upload, "state", ""), "generic");
    assert_string_equal(json_get(upload, "seen_as")->items[0].string, "member.py:12");
    assert_string_equal(json_get_string(json_get(lock, "loss"), "mechanism", ""), "value_rewritten");
    assert_int_equal(json_get_int(lock, "acquires", 0), 37600);
    json_free(j);
}

/* Two arms do the same work: one arm's acquires are the lock's, not their sum. */
static void test_acquires_are_those_of_one_arm(void **state)
{
    struct evidence *ev = make_success();
    (void)state;
    ev->ledger.instances[INSTANCE_UPLOAD].counts[0].acquires = 37601;
    ev->ledger.instances[INSTANCE_CONTROL].counts[0].acquires = 1000000;
    struct json *j = read_back(ev);
    assert_int_equal(json_get_int(&json_get(j, "locks")->items[0], "acquires", 0), 37601);
    json_free(j);
}

static void test_unknown_acquires_are_null(void **state)
{
    struct evidence *ev = make_success();
    (void)state;
    for (size_t i = 0; i < INSTANCES; i++)
        ev->ledger.instances[i].counts[0].known = false;
    struct json *j = read_back(ev);
    assert_int_equal(json_get(&json_get(j, "locks")->items[0], "acquires")->type, JSON_NULL);
    json_free(j);
}

static void test_interrupted_exits_130(void **state)
{
    struct evidence *ev = make_success();
    (void)state;
    ev->interrupted = true;
    struct json *j = read_back(ev);
    assert_int_equal(json_get_int(j, "exit_code", -1), 130);
    assert_true(json_get_bool(j, "interrupted", false));
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_whole_documents, drop),
        cmocka_unit_test_teardown(test_reads_back, drop),
        cmocka_unit_test_teardown(test_acquires_are_those_of_one_arm, drop),
        cmocka_unit_test_teardown(test_unknown_acquires_are_null, drop),
        cmocka_unit_test_teardown(test_interrupted_exits_130, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
