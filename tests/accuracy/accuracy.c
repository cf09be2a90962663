/* SPDX-License-Identifier: Apache-2.0 */
/* How often locktrail names the right hop and the right mechanism: random fault plans on recorded real uploads.
 *
 *     accuracy [PLANS [FIRST]]   that many plans with faults (1000) and as many harmless ones, from this seed on (1)
 *     accuracy --seed N          the two plans of this seed, with what was said of every lock
 *
 * Run in the root of the project. Exit 0 where the answers are good enough, 1 where not, 70 where it can't be told. */
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLANS_DEFAULT 1000

static bool read_number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

int main(int argc, char **argv)
{
    struct recording recording;
    struct owners owners = {0};
    struct accuracy sum = {0};
    struct err e;
    uint64_t plans = PLANS_DEFAULT, seed = 1;
    bool one = argc == 3 && strcmp(argv[1], "--seed") == 0;
    bool usable =
        one ? read_number(argv[2], &seed)
            : argc <= 3 && (argc < 2 || read_number(argv[1], &plans)) && (argc < 3 || read_number(argv[2], &seed));
    if (!usable) {
        fputs("usage: accuracy [PLANS [FIRST]] | --seed N\n", stderr);
        return ERR_USAGE;
    }
    if (recording_load(RECORDING_DIRECTORY, &recording, &e) < 0 || measure_begin(&recording, &owners, &e) < 0) {
        fprintf(stderr, "accuracy: %s\n", e.text);
        owners_fini(&owners);
        recording_fini(&recording);
        return ERR_INTERNAL;
    }
    for (uint64_t i = 0; i < (one ? 1 : plans); i++) {
        measure_losing(&recording, &owners, seed + i, one, stdout, &sum);
        measure_harmless(&recording, seed + i, stdout, &sum);
    }
    accuracy_print(&sum, stdout);
    owners_fini(&owners);
    recording_fini(&recording);
    return accuracy_is_good(&sum) ? 0 : 1;
}
