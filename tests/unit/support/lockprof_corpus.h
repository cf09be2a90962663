/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a program of tests/data/lockprof, runs it under the capture library and names its locks. The test skips where
 * a compiler or the library is missing. */
#ifndef LOCKPROF_CORPUS_H
#define LOCKPROF_CORPUS_H

#include "base/buf.h"
#include "base/mem.h"
#include "lockprof/resolve/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CORPUS_LOCKS_MAX 256
#define CORPUS_SLOTS_MAX 4096
#define CORPUS_ARGUMENTS_MAX 64

/* One build of one program. */
struct corpus_build {
    const char *source;   /* in tests/data/lockprof */
    const char *compiler; /* gcc, g++, clang, clang++ */
    const char *flags;    /* with a space between them */
    const char *library;  /* source of a shared object that is linked; NULL: none */
    unsigned names;       /* locks that must be expected: a program that stops early is seen */
};

/* What a program said of a lock. */
struct corpus_lock {
    uint64_t address;
    char names[200];
};

struct corpus {
    char directory[64]; /* temporary, removed at the end */
    char library[256];  /* liblockprof.so */
    struct corpus_lock locks[CORPUS_LOCKS_MAX];
    size_t count;
};

/* The library's place: LOCKPROF_LIBRARY, else beside the directory of this program. */
static bool corpus_library(struct corpus *corpus)
{
    const char *given = getenv("LOCKPROF_LIBRARY");
    if (given) {
        snprintf(corpus->library, sizeof corpus->library, "%s", given);
    } else {
        char self[200];
        ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
        assert_true(size > 0);
        self[size] = 0;
        *strrchr(self, '/') = 0;
        snprintf(corpus->library, sizeof corpus->library, "%s/../liblockprof.so", self);
    }
    return access(corpus->library, R_OK) == 0;
}

static int corpus_setup(void **state)
{
    struct corpus *corpus = mem_calloc(1, sizeof *corpus);
    strcpy(corpus->directory, "/tmp/lockprof-names-XXXXXX");
    assert_non_null(mkdtemp(corpus->directory));
    *state = corpus;
    return 0;
}

static void corpus_clean(const char *directory)
{
    DIR *dir = opendir(directory);
    struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (entry->d_name[0] != '.') {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static int corpus_teardown(void **state)
{
    struct corpus *corpus = *state;
    if (!getenv("LOCKPROF_KEEP")) {
        corpus_clean(corpus->directory);
        rmdir(corpus->directory);
    }
    free(corpus);
    return 0;
}

/* Runs a command line in the shell, with standard output to a file of the directory; its exit code. */
__attribute__((format(printf, 1, 2))) static int corpus_shell(const char *fmt, ...)
{
    struct buf line = {0};
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&line, fmt, args);
    va_end(args);
    int status = system(line.data);
    buf_fini(&line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void corpus_compile(struct corpus *corpus, const struct corpus_build *build)
{
    if (corpus_shell("command -v %s >/dev/null", build->compiler) != 0) {
        print_message("%s is not there\n", build->compiler);
        skip();
    }
    const char *sources = "tests/data/lockprof";
    const char *dir = corpus->directory;
    if (build->library) {
        assert_int_equal(corpus_shell("cd %s && %s %s -fPIC -shared -pthread -o libpart.so $OLDPWD/%s/%s", dir,
                                      build->compiler, build->flags, sources, build->library),
                         0);
    }
    assert_int_equal(corpus_shell("cd %s && %s %s -c -pthread -o program.o $OLDPWD/%s/%s && "
                                  "%s %s -pthread -o program program.o %s",
                                  dir, build->compiler, build->flags, sources, build->source, build->compiler,
                                  build->flags, build->library ? "-L. -lpart -Wl,-rpath,." : ""),
                     0);
}

static void corpus_expectations(struct corpus *corpus)
{
    char path[128], line[256];
    snprintf(path, sizeof path, "%s/expected", corpus->directory);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    corpus->count = 0;
    while (fgets(line, sizeof line, file)) {
        struct corpus_lock *lock = &corpus->locks[corpus->count++];
        assert_true(corpus->count < CORPUS_LOCKS_MAX);
        unsigned long long address;
        assert_int_equal(sscanf(line, "%llx %199s", &address, lock->names), 2);
        lock->address = address;
    }
    fclose(file);
}

static bool corpus_is_allowed(const char *names, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = names; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        if (strncmp(at, name, size) == 0 && (at[size] == 0 || at[size] == '|')) {
            return true;
        }
    }
    return false;
}

/* The namer of one moment of the program: locks in modules that were loaded later have another one. */
struct corpus_moment {
    uint64_t maps;
    struct modules *modules;
    struct namer *namer;
};

struct corpus_capture {
    struct capture_file file;
    struct corpus_moment moments[16];
    size_t count;
};

static struct corpus_moment *corpus_moment(struct corpus_capture *capture, uint64_t maps)
{
    for (size_t i = 0; i < capture->count; i++) {
        if (capture->moments[i].maps == maps) {
            return &capture->moments[i];
        }
    }
    struct err e;
    struct modules_options options = {0};
    assert_true(capture->count < 16);
    struct corpus_moment *moment = &capture->moments[capture->count++];
    moment->maps = maps;
    if (modules_open(&moment->modules, &capture->file, capture_file_maps(&capture->file, maps), &options, &e) != 0) {
        fail_msg("%s", e.text);
    }
    moment->namer = namer_new(moment->modules);
    return moment;
}

static void corpus_consider(struct corpus_capture *capture, uint64_t offset, enum capture_kind kind, bool is_init,
                            struct lock_name *best, bool *best_is_init)
{
    const struct capture_snapshot *snapshot = offset ? capture_file_snapshot(&capture->file, offset) : NULL;
    if (!snapshot) {
        return;
    }
    struct corpus_moment *moment = corpus_moment(capture, snapshot->maps);
    struct frame frames[FRAMES_MAX];
    struct lock_name name;
    size_t count = frames_of(moment->modules, snapshot, frames, FRAMES_MAX);
    namer_name(moment->namer, snapshot, kind, frames, count, &name);
    if (getenv("LOCKPROF_SHOW")) {
        print_message("  %#llx call %u frames %zu source %d: %s\n", (unsigned long long)snapshot->lock, snapshot->call,
                      count, (int)name.source, name.label);
    }
    if (!best->label || lock_name_better(&name, is_init, best, *best_is_init)) {
        lock_name_fini(best);
        *best = name;
        *best_is_init = is_init;
    } else {
        lock_name_fini(&name);
    }
}

/* The best name of the lock with this index in the file. */
static bool corpus_name(struct corpus_capture *capture, size_t index, struct lock_name *best)
{
    struct capture_lock lock;
    struct capture_slot slot;
    bool is_init = false;
    *best = (struct lock_name){.source = NAME_UNKNOWN};
    if (!capture_file_lock(&capture->file, index, &lock)) {
        return false;
    }
    corpus_consider(capture, lock.init, lock.kind, true, best, &is_init);
    for (size_t i = 0; i < capture_file_slots(&capture->file); i++) {
        if (capture_file_slot(&capture->file, i, &slot) && slot.lock == index) {
            corpus_consider(capture, slot.snapshot, lock.kind, false, best, &is_init);
        }
    }
    return best->label != NULL;
}

/* Index in the file of the lock that is the `occurrence`th at the address. */
static bool corpus_find(struct corpus_capture *capture, uint64_t address, size_t occurrence, size_t *index)
{
    for (size_t i = 0; i < capture_file_locks(&capture->file); i++) {
        struct capture_lock lock;
        if (capture_file_lock(&capture->file, i, &lock) && lock.address == address && occurrence-- == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void corpus_check(struct corpus *corpus, struct corpus_capture *capture, const struct corpus_build *build)
{
    unsigned wrong = 0;
    assert_int_equal(corpus->count, build->names);
    for (size_t i = 0; i < corpus->count; i++) {
        const struct corpus_lock *expected = &corpus->locks[i];
        size_t occurrence = 0, index;
        for (size_t before = 0; before < i; before++) {
            occurrence += corpus->locks[before].address == expected->address;
        }
        struct lock_name best = {.source = NAME_UNKNOWN};
        if (!corpus_find(capture, expected->address, occurrence, &index) || !corpus_name(capture, index, &best)) {
            print_message("%s %s %s: %s was not captured\n", build->compiler, build->flags, build->source,
                          expected->names);
            wrong++;
            continue;
        }
        const char *name = best.source <= NAME_POINTER ? best.name : "-";
        if (!corpus_is_allowed(expected->names, name) || (best.source <= NAME_POINTER && !best.file)) {
            print_message("%s %s %s: %s is called %s (%s)\n", build->compiler, build->flags, build->source,
                          expected->names, name, best.label);
            wrong++;
        }
        lock_name_fini(&best);
    }
    assert_int_equal(wrong, 0);
}

static void corpus_open(struct corpus *corpus, struct corpus_capture *capture)
{
    struct err e;
    struct dirent *entry;
    char path[sizeof corpus->directory + sizeof entry->d_name + 1] = "";
    DIR *dir = opendir(corpus->directory);
    while (dir && (entry = readdir(dir))) {
        size_t size = strlen(entry->d_name), suffix = strlen(CAPTURE_SUFFIX);
        if (size > suffix && strcmp(entry->d_name + size - suffix, CAPTURE_SUFFIX) == 0) {
            snprintf(path, sizeof path, "%s/%s", corpus->directory, entry->d_name);
        }
    }
    closedir(dir);
    assert_string_not_equal(path, "");
    if (capture_file_open(&capture->file, path, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

/* Builds and runs; afterwards locks can be found and named. */
static void corpus_capture(struct corpus *corpus, const struct corpus_build *build, struct corpus_capture *capture)
{
    if (!corpus_library(corpus)) {
        print_message("%s is not there\n", corpus->library);
        skip();
    }
    corpus_clean(corpus->directory);
    corpus_compile(corpus, build);
    assert_int_equal(
        corpus_shell("cd %s && LOCKPROF_DIR=. LD_PRELOAD=%s ./program >expected", corpus->directory, corpus->library),
        0);
    corpus_expectations(corpus);
    corpus_open(corpus, capture);
}

static void corpus_capture_end(struct corpus_capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        namer_free(capture->moments[i].namer);
        modules_free(capture->moments[i].modules);
    }
    capture_file_close(&capture->file);
}

/* The whole test of one build. */
__attribute__((unused)) static void corpus_run(struct corpus *corpus, const struct corpus_build *build)
{
    struct corpus_capture capture = {.count = 0};
    corpus_capture(corpus, build, &capture);
    corpus_check(corpus, &capture, build);
    corpus_capture_end(&capture);
}

#endif
