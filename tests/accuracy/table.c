/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <inttypes.h>

static double share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 1;
}

bool accuracy_is_good(const struct accuracy *a)
{
    return share(a->hop_right, a->hits) >= ACCURACY_HOP_MIN &&
           share(a->mechanism_right, a->hits) >= ACCURACY_MECHANISM_MIN && a->false_losses == 0 && a->false_alarms == 0;
}

/* Short names for the columns, in the order of enum mechanism. */
static const char *const columns[MECHANISM_COUNT + 1] = {"n.named", "n.sampl", "aliased", "l.drop", "l.key",
                                                         "v.trunc", "v.rewr",  "n.swap",  "s.drop", "p.drop",
                                                         "p.corr",  "dupl",    "other"};

static bool is_used(const struct accuracy *a, size_t column)
{
    for (size_t m = 0; m < MECHANISM_COUNT; m++) {
        if (a->table[m][column] > 0) {
            return true;
        }
    }
    return column >= MECHANISM_LABEL_DROPPED;
}

static void print_table(const struct accuracy *a, FILE *out)
{
    fprintf(out, "planned \\ reported  ");
    for (size_t c = 0; c <= MECHANISM_COUNT; c++) {
        if (is_used(a, c)) {
            fprintf(out, " %7s", columns[c]);
        }
    }
    fputs("\n", out);
    for (size_t m = MECHANISM_LABEL_DROPPED; m < MECHANISM_COUNT; m++) {
        fprintf(out, "%-19s ", mechanism_name((enum mechanism)m));
        for (size_t c = 0; c <= MECHANISM_COUNT; c++) {
            if (is_used(a, c)) {
                fprintf(out, " %7" PRIu64, a->table[m][c]);
            }
        }
        fputs("\n", out);
    }
}

void accuracy_print(const struct accuracy *a, FILE *out)
{
    fprintf(out, "plans with faults  %" PRIu64 ", in which %" PRIu64 " times a lock was hit\n", a->plans, a->hits);
    fprintf(out, "hop right          %.2f %% (%" PRIu64 ")\n", 100 * share(a->hop_right, a->hits), a->hop_right);
    fprintf(out, "mechanism right    %.2f %% (%" PRIu64 ", of these %" PRIu64 " one of several at that hop)\n",
            100 * share(a->mechanism_right, a->hits), a->mechanism_right, a->several);
    fprintf(out, "not to be seen     %" PRIu64 " (only releases were hit, between two processes)\n", a->unseen);
    fprintf(out, "false losses       %" PRIu64 "\n", a->false_losses);
    fprintf(out, "harmless plans     %" PRIu64 ", false alarms %" PRIu64 "\n\n", a->harmless, a->false_alarms);
    print_table(a, out);
}
