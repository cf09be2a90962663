/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include <inttypes.h>

static double share(uint64_t part, uint64_t all)
{
    return all > 0 ? (double)part / (double)all : 1;
}

/* What is asked of the answers: between copies of one upload nothing is random. Between two processes samples can't be
 * held against one another; less than this would be worse than it was (docs/accuracy.md). */
static const struct {
    double hop, mechanism;
} wanted[HOP_KINDS] = {[HOP_OF_COPIES] = {1, 0.99}, [HOP_OF_PROCESSES] = {1, 0.95}};
/* Of all hops together, as soon as there are plans enough for one in a hundred to be told from chance. */
#define TOTAL_MECHANISM_MIN 0.99
#define TOTAL_FROM_PLANS 1000

struct score accuracy_total(const struct accuracy *a)
{
    struct score total = {0};
    for (size_t i = 0; i < HOP_KINDS; i++) {
        total.hits += a->scores[i].hits;
        total.hop_right += a->scores[i].hop_right;
        total.mechanism_right += a->scores[i].mechanism_right;
        total.several += a->scores[i].several;
    }
    return total;
}

bool accuracy_is_good(const struct accuracy *a)
{
    bool good = a->false_losses == 0 && a->false_alarms == 0;
    for (size_t i = 0; i < HOP_KINDS; i++) {
        const struct score *s = &a->scores[i];
        good = good && share(s->hop_right, s->hits) >= wanted[i].hop &&
               share(s->mechanism_right, s->hits) >= wanted[i].mechanism;
    }
    struct score total = accuracy_total(a);
    return good && (a->plans < TOTAL_FROM_PLANS || share(total.mechanism_right, total.hits) >= TOTAL_MECHANISM_MIN);
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

static void print_score(const char *name, const struct score *s, FILE *out)
{
    fprintf(out, "%-29s %10" PRIu64 "    %6.2f %%          %6.2f %%       %10" PRIu64 "\n", name, s->hits,
            100 * share(s->hop_right, s->hits), 100 * share(s->mechanism_right, s->hits), s->several);
}

void accuracy_print(const struct accuracy *a, FILE *out)
{
    struct score total = accuracy_total(a);
    fprintf(out, "plans with faults  %" PRIu64 "\n\n", a->plans);
    fputs("                               locks hit   hop right   mechanism right   one of several\n", out);
    print_score("between copies of one upload", &a->scores[HOP_OF_COPIES], out);
    print_score("between two processes", &a->scores[HOP_OF_PROCESSES], out);
    print_score("all", &total, out);
    fputs("\n", out);
    fprintf(out, "not to be seen     %" PRIu64 " (only releases were hit, between two processes)\n", a->unseen);
    fprintf(out, "false losses       %" PRIu64 "\n", a->false_losses);
    fprintf(out, "harmless plans     %" PRIu64 ", false alarms %" PRIu64 "\n\n", a->harmless, a->false_alarms);
    print_table(a, out);
}
