/* SPDX-License-Identifier: Apache-2.0 */
/* Small programs that a test compiles and runs in a directory of its own. */
#ifndef LOCKTRAIL_TESTS_LOCKPROF_TARGET_H
#define LOCKTRAIL_TESTS_LOCKPROF_TARGET_H

#include "base/buf.h"
#include "lockprof/resolve/capture_file.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct target {
    char directory[64];
};

static inline void target_init(struct target *t)
{
    snprintf(t->directory, sizeof t->directory, "/tmp/lockprof_target_XXXXXX");
    assert_non_null(mkdtemp(t->directory));
}

/* Runs a shell command in the directory; its status. */
static inline int target_try(const struct target *t, const char *command)
{
    struct buf b = {0};
    buf_printf(&b, "cd %s && { %s; }", t->directory, command);
    int status = system(b.data);
    buf_fini(&b);
    return status;
}

static inline void target_run(const struct target *t, const char *command)
{
    if (target_try(t, command) != 0) {
        fail_msg("command failed: %s", command);
    }
}

static inline void target_fini(struct target *t)
{
    target_run(t, "rm -rf -- \"$PWD\"");
}

static inline void target_write(const struct target *t, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", t->directory, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

/* The file's text, for buf_fini. */
static inline struct buf target_read(const struct target *t, const char *name)
{
    char path[256], block[4096];
    struct buf text = {0};
    size_t got;
    snprintf(path, sizeof path, "%s/%s", t->directory, name);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while ((got = fread(block, 1, sizeof block, in)) > 0) {
        buf_add(&text, block, got);
    }
    fclose(in);
    return text;
}

/* The capture library: LOCKPROF_LIBRARY, else beside the directory of this test. */
static inline void target_library(char *out, size_t size)
{
    const char *given = getenv("LOCKPROF_LIBRARY");
    char self[256];
    if (given != NULL) {
        snprintf(out, size, "%s", given);
        return;
    }
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(out, size, "%s/../liblockprof.so", self);
}

/* Runs a program of the directory under the capture library and opens what it captured. */
static inline void target_capture(const struct target *t, const char *program, struct capture_file *out)
{
    char library[320], pattern[128];
    struct buf command = {0};
    struct err e;
    glob_t found;
    target_library(library, sizeof library);
    buf_printf(&command, "rm -rf captured && mkdir captured && LD_PRELOAD=%s LOCKPROF_DIR=$PWD/captured %s", library,
               program);
    target_run(t, command.data);
    buf_fini(&command);
    snprintf(pattern, sizeof pattern, "%s/captured/*.lockcap", t->directory);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    if (capture_file_open(out, found.gl_pathv[0], &e) < 0) {
        fail_msg("%s", e.text);
    }
    globfree(&found);
}

#endif
