/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: --threads N --seed N [--rounds] --phase PATTERN:ITERATIONS:SECONDS ... */
#ifndef NATIVE_RUNTIME_OPTIONS_H
#define NATIVE_RUNTIME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many as the scenario allows. */
#define THREADS_MAX 1024

struct order {
    const struct pattern *pattern;
    uint64_t iterations; /* of each thread */
    double seconds;      /* 0: as fast as it goes */
};

struct options {
    unsigned threads;
    uint64_t seed;
    bool rounds;          /* all phases again and again, until the process is told to stop */
    struct order *phases; /* in the order of the command line */
    size_t phase_count;
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_BAD };

/* Prints usage and what is wrong to standard error, or the help to standard output. */
enum options_result options_read(struct options *options, int argc, char **argv);
void options_fini(struct options *options);

#endif
