/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of modules and what is asked of them: a directory for programs, and the modules of one that ran in it, by
 * what the capture library captured or by a list that the program printed. */
#ifndef LOCKTRAIL_TESTS_MODULES_FIXTURE_H
#define LOCKTRAIL_TESTS_MODULES_FIXTURE_H

#include "capture_build.h"
#include "lockprof_target.h"

#include "lockprof/resolve/modules.h"

struct fixture {
    struct target target;
    struct capture_build build; /* `bytes` is NULL where a program was captured */
    struct capture_file file;
    struct modules *modules;
};

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    target_init(&f->target);
    *state = f;
    return 0;
}

static inline void close_modules(struct fixture *f)
{
    modules_free(f->modules);
    f->modules = NULL;
    if (f->file.bytes != NULL) {
        capture_file_close(&f->file);
    }
    if (f->build.bytes != NULL) {
        capture_build_fini(&f->build);
        f->build.bytes = NULL;
    }
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    close_modules(f);
    target_fini(&f->target);
    free(f);
    return 0;
}

/* The modules of a list of mappings, with what the loader told of them. */
static inline void open_text(struct fixture *f, const char *text, const struct capture_module *told, uint32_t count,
                             const struct modules_options *options)
{
    struct err e;
    close_modules(f);
    capture_build_init(&f->build);
    uint64_t maps = capture_build_maps(&f->build, text, told, count);
    assert_int_equal(capture_file_of(&f->file, f->build.bytes, f->build.size, &e), 0);
    assert_int_equal(modules_open(&f->modules, &f->file, capture_file_maps(&f->file, maps), options, &e), 0);
}

#endif
