/* SPDX-License-Identifier: Apache-2.0 */
/* Which questions a person is asked, which lock an answer is about, and what a right page would show. */
#include "engine/screen_attest.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define UPLOAD "app.1.upload"

/* Three processes with two locks of one name and one of another; the first has uploads, the second local copies only.
 */
struct fixture {
    char directory[64];
    struct scenario scenario;
    struct evidence evidence;
    struct evidence_copy copies[3];
};

static void add_lock(struct fixture *f, const char *worker, const char *id, const char *name)
{
    struct err e;
    const struct lock lock = {.worker = (char *)worker,
                              .id = (char *)id,
                              .name = (char *)name,
                              .pattern = (char *)"p",
                              .file = (char *)"a.py",
                              .line = (unsigned)f->evidence.ledger.lock_count + 1};
    assert_true(ledger_add_lock(&f->evidence.ledger, &lock, &e) >= 0);
}

static int set_up(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    struct err e;
    strcpy(f->directory, "/tmp/locktrail-attest-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->evidence.directory = f->directory;
    f->evidence.scenario = &f->scenario;
    add_lock(f, "app", "one/lock", "lock");
    add_lock(f, "app", "two/lock", "lock");
    add_lock(f, "other", "three/lock", "lock");
    add_lock(f, "app", "four/only", "only");
    ledger_add_instance(&f->evidence.ledger, UPLOAD, "app", ARM_UPLOAD, 1, &e);
    ledger_add_instance(&f->evidence.ledger, "app.1.local", "app", ARM_LOCAL, 1, &e);
    ledger_add_instance(&f->evidence.ledger, "other.1.upload", "other", ARM_UPLOAD, 1, &e);
    f->copies[0] = (struct evidence_copy){.stage = STAGE_COLLECTOR, .instance = 1};
    f->copies[1] = (struct evidence_copy){.stage = STAGE_UPLOAD, .instance = 0};
    f->copies[2] = (struct evidence_copy){.stage = STAGE_UPLOAD, .instance = 2};
    f->evidence.copies = f->copies;
    f->evidence.copy_count = 3;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    int result = system(command);
    free(command);
    ledger_fini(&f->evidence.ledger);
    free(f);
    return result;
}

static struct attestation open_it(const struct fixture *f)
{
    struct attestation a;
    struct err e = {0};
    if (attestation_open(&f->evidence, &a, &e) < 0)
        fail_msg("%s", e.text);
    return a;
}

static void test_only_what_was_sent_is_asked(void **state)
{
    struct fixture *f = *state;
    struct attestation a = open_it(f);
    assert_int_equal(a.process_count, 2);
    assert_int_equal(a.question_count, 4);
    assert_int_equal(attestation_unanswered(&a), 4);
    attestation_fini(&a);
    f->copies[2].stage = STAGE_BACKEND; /* of one process only */
    a = open_it(f);
    assert_int_equal(a.question_count, 1);
    assert_string_equal(a.processes[0].record.instance, "other.1.upload");
    attestation_fini(&a);
}

static void test_locks_are_found_by_id_and_by_a_name_of_their_own(void **state)
{
    static const struct {
        const char *instance, *lock, *id, *error;
    } cases[] = {
        {UPLOAD, "two/lock", "two/lock", NULL},
        {UPLOAD, "only", "four/only", NULL},
        {"other.1.upload", "lock", "three/lock", NULL},
        {UPLOAD, "lock", NULL, "2 locks of " UPLOAD " have the name lock, expected an id such as two/lock"},
        {UPLOAD, "three/lock", NULL, UPLOAD " declares no lock three/lock"},
        {"app.1.local", "only", NULL, "no process app.1.local has reached the backend"},
    };
    struct attestation a = open_it(*state);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        size_t question;
        int result = attestation_find(&a, cases[i].instance, cases[i].lock, &question, &e);
        assert_int_equal(result, cases[i].error ? -1 : 0);
        assert_string_equal(e.text, cases[i].error ? cases[i].error : "");
        if (cases[i].id)
            assert_string_equal(a.evidence->ledger.locks[a.questions[question].lock].id, cases[i].id);
    }
    attestation_fini(&a);
}

static void test_what_a_right_page_shows(void **state)
{
    static const struct {
        const char *name, *file, *mangled;
        const char *seen; /* the name at the backend, at a.c:9; NULL: it is not there */
        const char *label;
        enum rendering rendering;
    } cases[] = {
        {"lock", "a.py", NULL, NULL, "a.py:7:lock", RENDERING_EXACT},
        {"__lock", "a.py", "_C__lock", NULL, "a.py:7:_C__lock", RENDERING_MANGLED},
        {"lock", "a.py", NULL, NULL, "a.py:7", RENDERING_GENERIC},
        {"lock", "", NULL, NULL, "lock", RENDERING_EXACT},
        {"lock", "", NULL, NULL, "lock", RENDERING_GENERIC},
        {"lock", "a.c", NULL, "s->lock", "a.c:9:s->lock", RENDERING_EXACT},
        {"lock", "a.c", NULL, "other", "a.c:7:lock", RENDERING_EXACT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lock lock = {.name = (char *)cases[i].name,
                            .file = (char *)cases[i].file,
                            .line = 7,
                            .rendering = cases[i].rendering,
                            .mangled = (char *)cases[i].mangled,
                            .qualified = true};
        char *seen = cases[i].seen ? mem_printf("a.c:9:%s", cases[i].seen) : NULL;
        struct seen_as as = {.label = seen, .name = (char *)cases[i].seen};
        struct trail_lock found = {.stages[STAGE_BACKEND] = {.seen_as = &as, .seen_count = seen != NULL}};
        const struct evidence ev = {.ledger = {.locks = &lock, .lock_count = 1},
                                    .trail = {.locks = &found, .lock_count = 1}};
        char *label = attestation_declared(&ev, &lock);
        assert_string_equal(label, cases[i].label);
        free(label);
        free(seen);
    }
}

static void test_answers_outlive_the_program(void **state)
{
    struct attestation a = open_it(*state);
    struct err e = {0};
    attestation_take(&a, 0, "");
    attestation_take(&a, 1, "s");
    assert_int_equal(attestation_save(&a, &e), 0);
    attestation_fini(&a);
    a = open_it(*state);
    assert_int_equal(attestation_unanswered(&a), 2);
    assert_int_equal(attestation_answer(&a, 0)->word, SAID_AS_DECLARED);
    assert_int_equal(attestation_answer(&a, 1)->word, SAID_UNKNOWN);
    assert_int_equal(a.processes[0].record.label_count, 1);
    assert_string_equal(a.processes[0].record.labels[0].text, "a.py:1:lock");
    assert_int_equal(a.processes[0].record.unknown_count, 2); /* unanswered is as little known */
    attestation_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_what_was_sent_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locks_are_found_by_id_and_by_a_name_of_their_own, set_up, tear_down),
        cmocka_unit_test(test_what_a_right_page_shows),
        cmocka_unit_test_setup_teardown(test_answers_outlive_the_program, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
