/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every pattern in a thread of its name and prints `NAME ACQUIRES` for each.
 *
 *     patterns [MODULE.so]     the module that is opened while the program runs */
#include "patterns.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

void in_thread(void *(*body)(void *), void *argument)
{
    char name[16];
    pthread_t thread;
    pthread_getname_np(pthread_self(), name, sizeof(name));
    /* A thread starts with the name of the one that makes it. */
    if (pthread_create(&thread, NULL, body, argument) != 0 || pthread_join(thread, NULL) != 0)
        abort();
}

struct run {
    const struct pattern *pattern;
    unsigned acquires;
};

static void *run_one(void *argument)
{
    struct run *run = argument;
    if (pthread_setname_np(pthread_self(), run->pattern->name) != 0)
        abort();
    run->acquires = run->pattern->run();
    return NULL;
}

static void run_all(const struct pattern *pattern)
{
    for (; pattern->name; pattern++) {
        struct run run = {pattern, 0};
        in_thread(run_one, &run);
        printf("%s %u\n", pattern->name, run.acquires);
    }
}

int main(int argc, char **argv)
{
    static const struct pattern library[] = {
        {"library_static", library_static},
        {"library_member", library_member},
        {"library_hidden", library_hidden},
        {NULL, NULL},
    };
    run_all(storage_patterns);
    run_all(stack_patterns);
    run_all(member_patterns);
    run_all(outward_patterns);
    run_all(kind_patterns);
    run_all(cpp_patterns);
    run_all(library);
    if (argc > 1) {
        void *module = dlopen(argv[1], RTLD_NOW);
        const struct pattern *patterns = module ? dlsym(module, "module_patterns") : NULL;
        if (!patterns) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        run_all(patterns);
    }
    return 0;
}
