/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The examples of FIPS 180-4's author (one block, two blocks, none, a million bytes). */
static void hashes_are_those_of_the_standard(void **state)
{
    static const struct {
        const char *text, *hash;
    } cases[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hash[HASH_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hash_text(cases[i].text, strlen(cases[i].text), hash);
        assert_string_equal(hash, cases[i].hash);
    }
    char *million = mem_calloc(1000000, 1);
    memset(million, 'a', 1000000);
    hash_text(million, 1000000, hash);
    assert_string_equal(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void nothing_may_be_a_null_pointer(void **state)
{
    char hash[HASH_TEXT_SIZE];
    (void)state;
    hash_text(NULL, 0, hash);
    assert_string_equal(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_the_standard),
        cmocka_unit_test(nothing_may_be_a_null_pointer),
    };
    return cmocka_run_group_tests_name("io_hash", tests, NULL, NULL);
}
