/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_judge.h"

#include "base/mem.h"
#include "io/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LOCK(id, name, site)                                                                                           \
    "{\"type\":\"lock\",\"id\":\"" id "\",\"name\":\"" name "\",\"pattern\":\"m\",\"site\":\"" site                    \
    "\",\"rendering\":\"exact\"}"
#define OF(instance, line) "{\"instance\":\"" instance "\",\"line\":" line "}\n"

struct fixture {
    char path[64];
    struct tapping_judge *judge;
    struct err e;
};

static int read_text(struct fixture *f, const char *text)
{
    *f = (struct fixture){.path = "/tmp/locktrail-judge-XXXXXX"};
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return tapping_judge_read(f->path, &f->judge, &f->e);
}

static void end(struct fixture *f)
{
    tapping_judge_free(f->judge);
    unlink(f->path);
}

/* A profile with these labels, split at their colons; NULL ends. */
static struct tapping_judged add(struct fixture *f, const char *instance, ...)
{
    struct profile_name names[8];
    struct profile p = {.kind = PROFILE_LOCKS, .names = names};
    struct tapping_judged judged;
    va_list labels;
    va_start(labels, instance);
    for (const char *label; (label = va_arg(labels, const char *)); p.name_count++) {
        char file[64] = "", name[64] = "";
        unsigned line = 0;
        sscanf(label, "%63[^:]:%u:%63s", file, &line, name);
        names[p.name_count] = (struct profile_name){.label = mem_strdup(label),
                                                    .file = mem_strdup(line ? file : ""),
                                                    .line = line,
                                                    .name = mem_strdup(name),
                                                    .samples = 1,
                                                    .acquires = 1};
    }
    va_end(labels);
    tapping_judge_add(f->judge, instance, &p, 0, &judged);
    for (size_t i = 0; i < p.name_count; i++) {
        free(names[i].label);
        free(names[i].file);
        free(names[i].name);
    }
    return judged;
}

static const char two_programs[] = OF("a.1.tee", LOCK("m/cart", "cart", "app.py:1"))
    OF("a.1.tee", LOCK("m/order", "order", "app.py:2")) OF("b.b.2.upload", LOCK("m/cart", "cart", "other.py:1"))
        OF("b.b.2.upload", "{\"type\":\"site\",\"id\":\"m/cart\",\"site\":\"lib.so+0x12\"}")
            OF("a.control", LOCK("m/only_of_the_control", "x", "app.py:9"));

static void expect(struct tapping_judged judged, const char *worker, const char *lost)
{
    assert_int_equal(judged.judged, worker != NULL);
    if (worker)
        assert_string_equal(judged.worker, worker);
    if (worker)
        assert_string_equal(judged.lost, lost);
    tapping_judged_fini(&judged);
}

static void test_whose_upload_it_is(void **state)
{
    struct fixture f;
    (void)state;
    assert_int_equal(read_text(&f, two_programs), 0);
    expect(add(&f, NULL, "app.py:1:cart", "app.py:2:order", NULL), "a", "");
    expect(add(&f, NULL, "app.py:1:cart", "app.py:2", NULL), "a", "m/order generic");
    expect(add(&f, NULL, "other.py:1:cart", NULL), NULL, NULL); /* the name is in both */
    expect(add(&f, NULL, "lib.so+0x12", NULL), "b.b", "m/cart generic");
    expect(add(&f, NULL, "lib.so+0x123", NULL), NULL, NULL);
    expect(add(&f, "b.b.7.upload", "other.py:1:wrong", NULL), "b.b", "m/cart alias");
    expect(add(&f, "c.1.tee", "app.py:1:cart", "app.py:2:order", NULL), "a", "");
    expect(add(&f, NULL, "nobodys.py:1:lock", NULL), NULL, NULL);
    expect(add(&f, NULL, NULL), NULL, NULL);
    end(&f);
}

/* A name that was once wrong stays so, whatever the other uploads say; a program without an upload is not missed. */
static void test_all_uploads_together(void **state)
{
    struct fixture f;
    struct trail_result result;
    const struct ledger *ledger;
    (void)state;
    assert_int_equal(read_text(&f, two_programs), 0);
    expect(add(&f, NULL, "app.py:1:cart", "app.py:2:order", NULL), "a", "");
    tapping_judge_all(f.judge, &result, &ledger);
    assert_int_equal(result.locks[0].stages[STAGE_UPLOAD].state, STATE_EXACT);
    assert_false(result.locks[2].lost);
    trail_result_fini(&result);
    expect(add(&f, NULL, "app.py:1:cart", "app.py:2", NULL), "a", "m/order generic");
    tapping_judge_all(f.judge, &result, &ledger);
    assert_string_equal(ledger->locks[1].id, "m/order");
    assert_true(result.locks[1].lost);
    assert_int_equal(result.locks[1].stages[STAGE_UPLOAD].seen_count, 2);
    trail_result_fini(&result);
    end(&f);
}

static void test_ledgers_that_are_none(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "%s declares no lock: it wants lines such as {\"type\":\"lock\",...}"},
        {"{\"type\":\"hello\",\"runtime\":\"x\",\"version\":\"1\",\"pid\":1,\"protocol\":1}\n",
         "%s declares no lock: it wants lines such as {\"type\":\"lock\",...}"},
        {"{\"instance\":\"a\"}\n", "%s:1: not a line of a ledger"},
        {LOCK("m/a", "a", "f.py:1") "\n{\"type\":\"site\",\"id\":\"m/b\",\"site\":\"f.py:2\"}\n",
         "%s:2: a site of m/b, which is not declared"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        assert_int_equal(read_text(&f, cases[i].text), -1);
        char *colon = strstr(cases[i].error, "%s");
        char *expected = mem_printf("%s%s", f.path, colon + 2);
        assert_string_equal(f.e.text, expected);
        assert_int_equal(f.e.code, ERR_INPUT);
        free(expected);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose_upload_it_is),
        cmocka_unit_test(test_all_uploads_together),
        cmocka_unit_test(test_ledgers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
