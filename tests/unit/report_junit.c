/* SPDX-License-Identifier: Apache-2.0 */
/* Whole documents are compared with tests/data/report/NAME.xml; tests/cli/test_report_files.py reads those with an XML
 * parser. */
#include "report/junit.h"

#include "base/utf8.h"
#include "report_expected.h"
#include "report_runs.h"

static int drop(void **state)
{
    (void)state;
    evidence_drop();
    return 0;
}

static struct buf junit(const struct evidence *ev)
{
    struct buf b = {0};
    report_junit(ev, &b);
    return b;
}

static void test_whole_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXPECTED_DOCUMENTS; i++) {
        struct buf b = junit(expected_runs[i].make());
        expect_file(expected_runs[i].name, "xml", &b);
        buf_fini(&b);
    }
}

/* Every byte that a name can have, alone and in front of another. */
static void test_any_byte_in_a_name(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        struct evidence *ev = evidence_begin("bytes");
        char name[] = {'a', (char)byte, 'b', (char)byte, '\0'};
        add_lock(ev, "python", name, name, "", 0, 1, "eee");
        struct buf b = junit(ev);
        assert_int_equal(utf8_valid(b.data, b.size), b.size);
        for (size_t i = 0; i < b.size; i++)
            assert_true((unsigned char)b.data[i] >= 0x20 || b.data[i] == '\n');
        char *at = strstr(b.data, " name=\"a");
        size_t length = strcspn(at + 8, "\"");
        assert_null(memchr(at + 8, '<', length));
        assert_memory_equal(at + 8 + length, "\">\n", 3);
        buf_fini(&b);
        evidence_drop();
    }
}

static void test_outcomes_by_state(void **state)
{
    static const struct {
        const char *states, *expected;
    } cases[] = {
        {"eee", "tests=\"7\" failures=\"0\" errors=\"0\" skipped=\"3\""},
        {"emm", "tests=\"7\" failures=\"0\" errors=\"0\" skipped=\"3\""},
        {"egg", "tests=\"7\" failures=\"2\" errors=\"0\" skipped=\"3\""},
        {"ea-", "tests=\"7\" failures=\"2\" errors=\"0\" skipped=\"3\""},
        {"eff", "tests=\"7\" failures=\"0\" errors=\"0\" skipped=\"5\""},
        {"nnn", "tests=\"7\" failures=\"0\" errors=\"0\" skipped=\"6\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct evidence *ev = evidence_begin("states");
        add_lock(ev, "python", "member/a", "a", "member.py", 1, 10, cases[i].states);
        struct buf b = junit(ev);
        if (!strstr(b.data, cases[i].expected))
            fail_msg("%s: expected %s in\n%s", cases[i].states, cases[i].expected, b.data);
        buf_fini(&b);
        evidence_drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_whole_documents, drop),
        cmocka_unit_test_teardown(test_any_byte_in_a_name, drop),
        cmocka_unit_test_teardown(test_outcomes_by_state, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
