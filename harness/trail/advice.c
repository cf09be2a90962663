/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/advice.h"

static const char *const UNSAMPLED[UNSAMPLED_COUNT] = {
    [UNSAMPLED_IN_STEP] = "try another capture rate or a less regular workload: the sampler counts instead "
                          "of drawing, and a program in step with it leaves a lock without a sample",
    [UNSAMPLED_CAPTURED] = "although every one is captured: look for an excluded module, a lock collector that is "
                           "off, a lock that was made before the profiler started, or another lock type",
    [UNSAMPLED_KIND] = "try another version of the profiler, and look whether the lock's module is excluded from "
                       "profiling",
};

static const char *const ANYWHERE[MECHANISM_COUNT] = {
    [MECHANISM_NEVER_NAMED] = "look at the first sampled acquire: its caller's frame does not "
                              "show the lock under a name",
    [MECHANISM_ALIASED] = "look for another variable that reaches the lock in the frame of "
                          "its first sampled acquire",
    [MECHANISM_LABEL_DROPPED] = "look what filters or limits the labels of samples there",
    [MECHANISM_LABEL_KEY_RENAMED] = "look what renames label keys there, and ask for the "
                                    "names under the new key",
    [MECHANISM_VALUE_TRUNCATED] = "look for a limit on the length of label values there",
    [MECHANISM_VALUE_REWRITTEN] = "look what normalizes or rewrites label values there",
    [MECHANISM_NAMES_SWAPPED] = "look at the string table of the profile there: indexes point "
                                "to the wrong strings; keep the copies of both stages and report them to who makes it",
    [MECHANISM_SAMPLES_DROPPED] = "look what filters, aggregates or limits samples there",
    [MECHANISM_PROFILE_DROPPED] = "look for refused, lost or overdue profiles there: answers, "
                                  "size limits, timeouts, the end of the process",
    [MECHANISM_PROFILE_CORRUPT] = "look at the unreadable copy: compression, cut-off bodies",
    [MECHANISM_DUPLICATED] = "look for retries or two receivers there: something came more "
                             "than once",
};

/* What is particular to a stage; NULL: as anywhere. */
static const char *const AT_BACKEND[MECHANISM_COUNT] = {
    [MECHANISM_LABEL_DROPPED] = "the store drops labels of samples: look whether it keeps string labels at all, and "
                                "which ones it was told to keep",
    [MECHANISM_LABEL_KEY_RENAMED] = "the store renames label keys: ask it for the names under the new key, or for keys "
                                    "with a space as they are",
    [MECHANISM_VALUE_TRUNCATED] = "look for the store's limit on the length of label values",
    [MECHANISM_VALUE_REWRITTEN] = "look what the store makes of label values when it takes them in",
    [MECHANISM_SAMPLES_DROPPED] = "look whether the store aggregates, thins out or limits samples, and whether it "
                                  "takes these sample types",
    [MECHANISM_PROFILE_CORRUPT] = "compare both copies: compression, cut-off bodies, what the store packs them in",
    [MECHANISM_DUPLICATED] = "look for an agent that sends again after a timeout, and for a store that keeps both",
};

static const char *const AT_UI[MECHANISM_COUNT] = {
    [MECHANISM_LABEL_DROPPED] = "the view shows other names and not these: look at its grouping, at the sample type "
                                "that is selected, and at limits on how many entries are shown",
    [MECHANISM_VALUE_TRUNCATED] = "the view shortens names: look for the whole text where the pointer is over them",
    [MECHANISM_VALUE_REWRITTEN] = "look how the view writes the values of labels",
    [MECHANISM_SAMPLES_DROPPED] = "the view shows no lock at all: select a lock sample type, and group by the label "
                                  "'lock name'",
    [MECHANISM_PROFILE_DROPPED] = "the view did not come up: look at its log, and whether it reads the compression of "
                                  "these profiles",
    [MECHANISM_PROFILE_CORRUPT] = "the view could not be read: look at its log and its picture",
};

/* What lies in between does not read profiles. */
static bool is_unread(enum mechanism m)
{
    return m == MECHANISM_LABEL_DROPPED || m == MECHANISM_LABEL_KEY_RENAMED || m == MECHANISM_VALUE_TRUNCATED ||
           m == MECHANISM_VALUE_REWRITTEN || m == MECHANISM_NAMES_SWAPPED || m == MECHANISM_SAMPLES_DROPPED;
}

/* What the senders of all uploads that were lost at a stage were told. */
struct told {
    bool well, failure; /* the sender at the stage before */
    bool nobody;        /* that a tap got no answer for it: 502, 504 */
    bool first_well;    /* the process, that sent them first */
};

static struct told told_of(const struct work *w, enum stage stage)
{
    struct told told = {0};
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        const struct flow *f = work_flow(w, i, stage);
        for (size_t k = 0; k < f->lost; k++) {
            if (k > 1) {
                break; /* least and most are all that is kept */
            }
            int status = k ? f->told_most : f->told_least, first = k ? f->first_most : f->first_least;
            told.well = told.well || (status >= 200 && status < 300);
            told.nobody = told.nobody || status == 502 || status == 504;
            told.failure = told.failure || (status != 0 && (status < 200 || status >= 300));
            told.first_well = told.first_well || (first >= 200 && first < 300);
        }
    }
    return told;
}

static const char *of_dropped(const struct work *w, enum stage stage)
{
    struct told told = told_of(w, stage);
    if (stage == STAGE_AGENT && told.well) {
        return "the agent answers before it delivers: look at its log, its queue and its limit on size, since nobody "
               "else is told of what it drops";
    }
    if (told.nobody && !told.well && !told.first_well) {
        return "nobody answered behind the tap that has the last copy: look whether what should listen there does, and "
               "at the error of the exchange in events.jsonl";
    }
    if (stage == STAGE_AGENT && told.failure) {
        return "the agent refused it and said so: look at its log, and whether the profiler sends again";
    }
    if (stage == STAGE_BACKEND && told.failure && told.first_well) {
        return "the agent answers before it delivers, and drops what is refused behind it: look at its log and at the "
               "answers of the backend, since the process is not told";
    }
    if (stage == STAGE_BACKEND && told.failure) {
        return "the backend refused it and said so: look at its log, its limits and the key";
    }
    if (stage == STAGE_BACKEND && told.well) {
        return "the backend took it and does not give it back: look at what it drops after its answer, how long it "
               "keeps profiles, and how long this run waited";
    }
    return ANYWHERE[MECHANISM_PROFILE_DROPPED];
}

void advice_say(const struct tally *t, enum stage stage, enum mechanism mechanism, enum unsampled unsampled,
                struct buf *out)
{
    const char *particular = stage == STAGE_BACKEND ? AT_BACKEND[mechanism]
                             : stage == STAGE_UI    ? AT_UI[mechanism]
                                                    : NULL;
    if (unsampled != UNSAMPLED_NO) {
        buf_add_str(out, UNSAMPLED[unsampled]);
    } else if (particular != NULL) {
        buf_add_str(out, particular);
    } else if (mechanism == MECHANISM_PROFILE_DROPPED) {
        buf_add_str(out, of_dropped(t->w, stage));
    } else {
        buf_add_str(out, stage == STAGE_AGENT && is_unread(mechanism)
                             ? "an agent passes profiles on unread, so find what reads them there; "
                             : "");
        buf_add_str(out, ANYWHERE[mechanism]);
    }
}
