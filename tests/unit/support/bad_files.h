/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of wrong files: each NAME.yaml of a directory gives exactly the diagnostics of NAME.txt beside it. */
#ifndef LOCKTRAIL_TESTS_BAD_FILES_H
#define LOCKTRAIL_TESTS_BAD_FILES_H

#include "scenario_text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int bad_file_is_case(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

/* What a reader says of a text. */
typedef void (*bad_file_fn)(const struct buf *text, struct buf *said);

static bool bad_file_check(const char *directory, const char *name, bad_file_fn read)
{
    struct buf path = {0}, text = {0}, expected = {0}, said = {0};
    buf_printf(&path, "%s%s", directory, name);
    assert_true(slurp(path.data, &text));
    memcpy(path.data + path.size - 4, "txt", 4);
    assert_true(slurp(path.data, &expected));
    read(&text, &said);
    bool same = said.size == expected.size && memcmp(said.data, expected.data, said.size) == 0;
    if (!same) {
        print_error("%s says:\n%sexpected:\n%s", name, said.data ? said.data : "", expected.data);
    }
    buf_fini(&path);
    buf_fini(&text);
    buf_fini(&expected);
    buf_fini(&said);
    return same;
}

/* `least`: what the directory had when the test was written: one that is not found must not pass. */
static void bad_files_check(const char *directory, int least, bad_file_fn read)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, bad_file_is_case, alphasort), wrong = 0;
    assert_true(count >= least);
    for (int i = 0; i < count; i++) {
        wrong += !bad_file_check(directory, entries[i]->d_name, read);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(wrong, 0);
}

#endif
