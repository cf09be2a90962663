/* SPDX-License-Identifier: Apache-2.0 */
/* Files of real profilers, see tests/data/README.md. Run in the root of the project. */
#include "profile/profile.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct profile *read_file(const char *path)
{
    char bytes[65536];
    struct profile *p = NULL;
    struct err e;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is not there", path);
    }
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (profile_read(bytes, size, &profile_limits_default, &p, &e) < 0) {
        fail_msg("%s: %s", path, e.text);
    }
    return p;
}

static void test_ddtrace(void **state)
{
    static const struct {
        const char *label, *name;
        unsigned line;
        uint64_t samples, acquires, wait_ns, releases, hold_ns;
    } wanted[] = {
        {"locks.py:2:request_lock", "request_lock", 2, 80, 40, 129011, 40, 12910856},
        {"locks.py:3:global_database_lock", "global_database_lock", 3, 120, 80, 59105, 40, 12912216},
        {"locks.py:22:response_lock", "response_lock", 22, 80, 40, 41289, 40, 364581},
        {"locks.py:7:user_session_lock", "user_session_lock", 7, 80, 40, 150123, 40, 12422772},
        {"locks.py:8:_Session__internal_lock", "_Session__internal_lock", 8, 80, 40, 42339, 40, 381940},
        {"locks.py:9", "", 9, 80, 40, 18218, 40, 297513},
    };
    enum { NAMES = sizeof wanted / sizeof wanted[0] };
    struct profile *p = read_file("tests/data/ddtrace-4.16.0.pprof");
    (void)state;
    assert_int_equal(p->encoding, ENCODING_ZSTD);
    assert_int_equal(p->kind, PROFILE_LOCKS);
    assert_int_equal(p->raw_size, 38977);
    assert_int_equal(p->samples, 520);
    assert_int_equal(p->lock_samples, 520);
    assert_int_equal(p->unlabelled, 0);
    assert_int_equal(p->sample_type_count, 19);
    assert_int_equal(p->time_ns, 1795622944208994599);
    assert_int_equal(p->duration_ns, 26544163);
    assert_int_equal(p->name_count, NAMES);
    for (size_t i = 0; i < NAMES; i++) {
        assert_string_equal(p->names[i].label, wanted[i].label);
        assert_string_equal(p->names[i].file, "locks.py");
        assert_string_equal(p->names[i].name, wanted[i].name);
        assert_int_equal(p->names[i].line, wanted[i].line);
        assert_int_equal(p->names[i].samples, wanted[i].samples);
        assert_int_equal(p->names[i].acquires, wanted[i].acquires);
        assert_int_equal(p->names[i].wait_ns, wanted[i].wait_ns);
        assert_int_equal(p->names[i].releases, wanted[i].releases);
        assert_int_equal(p->names[i].hold_ns, wanted[i].hold_ns);
    }
    assert_int_equal(p->key_count, 2);
    assert_string_equal(p->keys[0].key, "lock name");
    assert_string_equal(p->keys[1].key, "thread name");
    profile_free(p);
}

static void test_go_mutex(void **state)
{
    struct profile *p = read_file("tests/data/go-mutex.pprof");
    (void)state;
    assert_int_equal(p->encoding, ENCODING_GZIP);
    assert_int_equal(p->kind, PROFILE_FOREIGN);
    assert_string_equal(p->what, "pprof, Go mutex or block profile (contentions/count, delay/nanoseconds)");
    assert_int_equal(p->samples, 1);
    assert_int_equal(p->lock_samples, 0);
    assert_int_equal(p->name_count, 0);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ddtrace),
        cmocka_unit_test(test_go_mutex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
