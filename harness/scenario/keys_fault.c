/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include "scenario/textcheck.h"

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)
#define AT(member) offsetof(struct scenario_fault, member)

/* From STAGE_UPLOAD, MECHANISM_LABEL_DROPPED and CHANGE_STATUS on. Mechanisms before are the collector's own. */
static const char *const at_words[] = {"upload", "agent", "backend", NULL};
static const char *const mechanism_words[] = {
    "label_dropped",   "label_key_renamed", "value_truncated", "value_rewritten", "names_swapped",
    "samples_dropped", "profile_dropped",   "profile_corrupt", "duplicated",      NULL};
const char *const change_words[] = {"status",
                                    "delay",
                                    "reset",
                                    "content_length",
                                    "recompressed",
                                    "strings_reordered",
                                    "strings_duplicated",
                                    "samples_reordered",
                                    "type_added",
                                    "types_renamed",
                                    "headers",
                                    "uploads_reordered",
                                    NULL};
static const char *const rule_words[] = {"lower", "upper", "replace", "prefix", "suffix", "other", NULL};
static const char *const codec_words[] = {"none", "gzip", "zstd", "lz4", NULL};

_Static_assert(sizeof mechanism_words / sizeof *mechanism_words - 1 == MECHANISM_COUNT - MECHANISM_LABEL_DROPPED,
               "a word for each mechanism that can happen on the way");
_Static_assert(sizeof change_words / sizeof *change_words - 1 == CHANGE_COUNT - CHANGE_STATUS,
               "a word for each change");

static bool has_mechanism(const void *base, enum mechanism mechanism)
{
    const struct scenario_fault *f = base;
    return f->has_mechanism && f->mechanism == mechanism;
}

static bool has_change(const void *base, enum fault_change change)
{
    return ((const struct scenario_fault *)base)->change == change;
}

/* Changes of form are of every profile, whatever is in it. */
static bool chooses_locks(const void *base)
{
    enum fault_change change = ((const struct scenario_fault *)base)->change;
    return change < CHANGE_RECOMPRESSED || change > CHANGE_TYPES_RENAMED;
}

static bool has_length(const void *base)
{
    return has_mechanism(base, MECHANISM_VALUE_TRUNCATED) || has_change(base, CHANGE_CONTENT_LENGTH);
}

static bool is_rewritten(const void *base)
{
    return has_mechanism(base, MECHANISM_VALUE_REWRITTEN);
}

static bool replaces(const void *base)
{
    return is_rewritten(base) && ((const struct scenario_fault *)base)->rule == RULE_REPLACE;
}

static bool has_to(const void *base)
{
    return (is_rewritten(base) && ((const struct scenario_fault *)base)->rule >= RULE_REPLACE) ||
           has_mechanism(base, MECHANISM_LABEL_KEY_RENAMED);
}

static bool is_status(const void *base)
{
    return has_change(base, CHANGE_STATUS);
}

static bool is_delay(const void *base)
{
    return has_change(base, CHANGE_DELAY);
}

static bool is_recompressed(const void *base)
{
    return has_change(base, CHANGE_RECOMPRESSED);
}

static bool has_no_mechanism(const void *base)
{
    return !((const struct scenario_fault *)base)->has_mechanism;
}

static bool has_no_change(const void *base)
{
    return has_change(base, CHANGE_NONE);
}

static bool has_all_locks(const void *base)
{
    return ((const struct scenario_fault *)base)->lock_count == 0;
}

static const struct condition only_locks = {
    chooses_locks,
    {"change", NULL},
    "this change is one of every profile, whatever locks are in it, expected no such key",
    "a mechanism, or a change of uploads"};
static const struct condition only_length = {has_length,
                                             {"mechanism", "change"},
                                             "only `mechanism: value_truncated` and `change: content_length` have it",
                                             "mechanism value_truncated or change content_length"};
static const struct condition only_rewritten = {
    is_rewritten, {"mechanism", NULL}, "only `mechanism: value_rewritten` has this key", "mechanism value_rewritten"};
static const struct condition only_replaces = {
    replaces, {"mechanism", "rule"}, "only `mechanism: value_rewritten` with `rule: replace` has it", "rule replace"};
static const struct condition only_to = {has_to,
                                         {"mechanism", "rule"},
                                         "only `mechanism: label_key_renamed`, and `value_rewritten` with a `rule` "
                                         "from `replace` to `other`, have it",
                                         "mechanism label_key_renamed, or rule replace, prefix, suffix or other"};
static const struct condition only_status = {
    is_status, {"change", NULL}, "only `change: status` has this key", "change status"};
static const struct condition only_delay = {
    is_delay, {"change", NULL}, "only `change: delay` has this key", "change delay"};
static const struct condition only_recompressed = {
    is_recompressed, {"change", NULL}, "only `change: recompressed` has this key", "change recompressed"};

_Static_assert(sizeof(int) == sizeof(unsigned), "a status is stored as unsigned");

static const struct key fault_rows[] = {
    {.name = "at",
     .type = KEY_WORD,
     .offset = AT(at),
     .words = at_words,
     .first = STAGE_UPLOAD,
     .required = true,
     .help = "the stage at which the loss is to be seen: before the first tap records, between it and the agent, or "
             "behind the tap that is behind the agent"},
    {.name = "mechanism",
     .type = KEY_WORD,
     .offset = AT(mechanism),
     .given = AT(has_mechanism),
     .words = mechanism_words,
     .first = MECHANISM_LABEL_DROPPED,
     .hidden = has_no_mechanism,
     .help = "how names are lost"},
    {.name = "change",
     .type = KEY_WORD,
     .offset = AT(change),
     .words = change_words,
     .first = CHANGE_STATUS,
     .hidden = has_no_change,
     .help = "or what else happens to uploads"},
    {.name = "rate",
     .type = KEY_NUMBER,
     .offset = AT(rate),
     .min = 0,
     .above = true,
     .max = 1,
     .initial = "1",
     .help = "the chance of each lock sample where labels or samples change (but names_swapped), else of each upload"},
    {.name = "locks",
     .type = KEY_TEXTS,
     .offset = AT(locks),
     .second = AT(lock_count),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .only = &only_locks,
     .hidden = has_all_locks,
     .check = check_place,
     .expected = "a list of ids or names of locks",
     .help = "whose names; of what hits whole uploads: those that have one of them; without it all"},
    {.name = "worker",
     .type = KEY_TEXT,
     .offset = AT(worker),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .check = check_one_line,
     .expected = "the name of a worker of this scenario",
     .help = "whose uploads; without it all"},
    {.name = "length",
     .type = KEY_UINT64,
     .offset = AT(length),
     .min = 1,
     .max = KEY_FAULT_LENGTH_MAX,
     .required = true,
     .only = &only_length,
     .help = "bytes that are left of a label, or bytes of a body that are told and never come"},
    {.name = "rule",
     .type = KEY_WORD,
     .offset = AT(rule),
     .words = rule_words,
     .initial = "lower",
     .only = &only_rewritten,
     .help = "how names are rewritten"},
    {.name = "from",
     .type = KEY_TEXT,
     .offset = AT(from),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .required = true,
     .only = &only_replaces,
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "what is replaced"},
    {.name = "to",
     .type = KEY_TEXT,
     .offset = AT(to),
     .max = KEY_TEXT_MAX,
     .only = &only_to,
     .check = check_one_line,
     .expected = KEY_ONE_LINE,
     .help = "what stands there then: the label's new key (\"\": none), the text that replaces, stands in front or "
             "behind, or the other name"},
    {.name = "status",
     .type = KEY_UNSIGNED,
     .offset = AT(status),
     .min = 200,
     .max = 599,
     .required = true,
     .only = &only_status,
     .help = "what the sender is answered; the next hop is not asked"},
    {.name = "delay",
     .type = KEY_DURATION,
     .offset = AT(delay_ms),
     .min = 1,
     .max = KEY_HOURS(1),
     .required = true,
     .only = &only_delay,
     .help = "before an upload is passed on"},
    {.name = "codec",
     .type = KEY_WORD,
     .offset = AT(codec),
     .words = codec_words,
     .required = true,
     .only = &only_recompressed,
     .help = "how profiles are compressed then"},
};
const struct key_table keys_fault = {ROWS(fault_rows), .size = sizeof(struct scenario_fault), .placeholder = "N",
                                     .what = "a fault"};
