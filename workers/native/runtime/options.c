/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/options.h"

#include "native/patterns/patterns.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_DEFAULT 4
#define SEED_DEFAULT 1
/* Exactly representable as a double, and more than any run can do. */
#define ITERATIONS_MAX (UINT64_C(1) << 53)

static const char usage[] =
    "usage: %s [--threads N] [--seed N] [--rounds] --phase PATTERN:ITERATIONS:SECONDS [--phase ...]\n";

__attribute__((format(printf, 2, 3))) static enum options_result bad(const char *program, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, usage, program);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return OPTIONS_BAD;
}

/* Nothing but digits, up to `max`. */
static int read_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno || value > max)
        return -1;
    *out = value;
    return 0;
}

static int read_seconds(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (!isdigit((unsigned char)text[0]) || *end || !isfinite(value))
        return -1;
    *out = value;
    return 0;
}

static const struct pattern *find_pattern(const char *name)
{
    for (size_t i = 0; i < pattern_count; i++)
        if (strcmp(patterns[i].name, name) == 0)
            return &patterns[i];
    return NULL;
}

static enum options_result bad_pattern(const char *program, const char *text, const char *name)
{
    char list[2048] = "";
    for (size_t i = 0; i < pattern_count; i++) {
        size_t size = strlen(list);
        snprintf(list + size, sizeof list - size, "%s%s", i ? ", " : "", patterns[i].name);
    }
    return bad(program, "--phase %s: no pattern %s, there are %s", text, name, list);
}

static enum options_result read_phase(struct order *order, const char *program, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    enum options_result result = OPTIONS_OK;
    char *first = strchr(copy, ':');
    char *second = first ? strchr(first + 1, ':') : NULL;
    if (second)
        *first = *second = '\0';
    if (!second || read_number(first + 1, ITERATIONS_MAX, &order->iterations) < 0 ||
        read_seconds(second + 1, &order->seconds) < 0)
        result = bad(program, "--phase %s: expected PATTERN:ITERATIONS:SECONDS", text);
    else if (order->iterations == 0)
        result = bad(program, "--phase %s: expected PATTERN:ITERATIONS:SECONDS, one iteration at least", text);
    else if (!(order->pattern = find_pattern(copy)))
        result = bad_pattern(program, text, copy);
    free(copy);
    return result;
}

static enum options_result read_option(struct options *options, const char *program, int option)
{
    uint64_t number;
    switch (option) {
    case 't':
        if (read_number(optarg, THREADS_MAX, &number) < 0 || number == 0)
            return bad(program, "--threads is %s, expected 1 to %d", optarg, THREADS_MAX);
        options->threads = (unsigned)number;
        return OPTIONS_OK;
    case 's':
        if (read_number(optarg, UINT64_MAX, &options->seed) < 0)
            return bad(program, "--seed is %s, expected a whole number", optarg);
        return OPTIONS_OK;
    case 'r':
        options->rounds = true;
        return OPTIONS_OK;
    case 'p':
        return read_phase(&options->phases[options->phase_count++], program, optarg);
    case 'h':
        printf(usage, program);
        return OPTIONS_HELP;
    default:
        return OPTIONS_BAD;
    }
}

enum options_result options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"threads", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
        {"rounds", no_argument, NULL, 'r'},        {"phase", required_argument, NULL, 'p'},
        {"help", no_argument, NULL, 'h'},          {0},
    };
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *program = slash ? slash + 1 : argc > 0 ? argv[0] : "native";
    *options = (struct options){.threads = THREADS_DEFAULT, .seed = SEED_DEFAULT};
    options->phases = calloc((size_t)argc + 1, sizeof *options->phases);
    if (!options->phases)
        abort();
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == ':' || option == '?')
            return bad(program, option == ':' ? "%s needs a value" : "unknown option %s", argv[optind - 1]);
        enum options_result result = read_option(options, program, option);
        if (result != OPTIONS_OK)
            return result;
    }
    if (optind < argc)
        return bad(program, "unknown argument %s", argv[optind]);
    if (options->phase_count == 0)
        return bad(program, "no --phase");
    return OPTIONS_OK;
}

void options_fini(struct options *options)
{
    free(options->phases);
    options->phases = NULL;
}
