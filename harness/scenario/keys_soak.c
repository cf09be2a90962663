/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/keys.h"

#include "scenario/textcheck.h"

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)
#define AT(member) offsetof(struct scenario_disturbance, member)

const char *const disturb_words[] = {"kill",  "stop",      "restart_agent", "kill_agent", "refuse",
                                     "delay", "fill_disk", "load",          NULL};
_Static_assert(sizeof disturb_words / sizeof *disturb_words - 1 == DISTURB_COUNT, "a word for each disturbance");

/* From STAGE_UPLOAD on: a tap stands there, and behind an agent. */
static const char *const stage_words[] = {"upload", "agent", NULL};

static enum disturb what_of(const void *base)
{
    return ((const struct scenario_disturbance *)base)->what;
}

static bool lasts(const void *base)
{
    return scenario_disturbance_lasts(what_of(base));
}

static bool is_at_tap(const void *base)
{
    return what_of(base) == DISTURB_REFUSE || what_of(base) == DISTURB_DELAY;
}

static bool is_of_workers(const void *base)
{
    return is_at_tap(base) || what_of(base) == DISTURB_KILL || what_of(base) == DISTURB_STOP ||
           what_of(base) == DISTURB_LOAD;
}

static bool is_refuse(const void *base)
{
    return what_of(base) == DISTURB_REFUSE;
}

static bool is_delay(const void *base)
{
    return what_of(base) == DISTURB_DELAY;
}

static bool is_load(const void *base)
{
    return what_of(base) == DISTURB_LOAD;
}

static bool comes_once(const void *base)
{
    return ((const struct scenario_disturbance *)base)->every_ms == 0;
}

static const struct condition only_lasting = {
    lasts, {"what", NULL}, "`kill` and `restart_agent` are over at once, expected no such key", "what lasts"};
static const struct condition only_tap = {
    is_at_tap, {"what", NULL}, "only `what: refuse` and `what: delay` have this key", "what refuse or delay"};
static const struct condition only_workers = {is_of_workers,
                                              {"what", NULL},
                                              "agents and the disk are no worker's, expected no such key",
                                              "what kill, stop, refuse, delay or load"};
static const struct condition only_refuse = {
    is_refuse, {"what", NULL}, "only `what: refuse` has this key", "what refuse"};
static const struct condition only_delay = {is_delay, {"what", NULL}, "only `what: delay` has this key", "what delay"};
static const struct condition only_load = {is_load, {"what", NULL}, "only `what: load` has this key", "what load"};

_Static_assert(sizeof(int) == sizeof(unsigned), "a status is stored as unsigned");

static const struct key disturbance_rows[] = {
    {.name = "what",
     .type = KEY_WORD,
     .offset = AT(what),
     .words = disturb_words,
     .required = true,
     .help = "SIGKILL or SIGSTOP for a worker's processes; the agent ended and started anew, or killed and away; a tap "
             "that refuses or delays uploads; the quota of the copies taken; further processes of a worker"},
    {.name = "at",
     .type = KEY_DURATION,
     .offset = AT(at_ms),
     .min = 1000,
     .max = KEY_HOURS(168),
     .required = true,
     .help = "since the soak's start"},
    {.name = "every",
     .type = KEY_DURATION,
     .offset = AT(every_ms),
     .min = 1000,
     .max = KEY_HOURS(168),
     .hidden = comes_once,
     .help = "and again; without it once"},
    {.name = "length",
     .type = KEY_DURATION,
     .offset = AT(length_ms),
     .min = 100,
     .max = KEY_HOURS(24),
     .initial = "5s",
     .only = &only_lasting,
     .help = "how long it lasts; of kill_agent how long the agent stays away"},
    {.name = "worker",
     .type = KEY_TEXT,
     .offset = AT(worker),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .only = &only_workers,
     .check = check_one_line,
     .expected = "the name of a worker of this scenario",
     .help = "whose processes or uploads; without it all"},
    {.name = "stage",
     .type = KEY_WORD,
     .offset = AT(stage),
     .words = stage_words,
     .first = STAGE_UPLOAD,
     .initial = "upload",
     .only = &only_tap,
     .help = "the tap: before the agent, or behind it"},
    {.name = "status",
     .type = KEY_UNSIGNED,
     .offset = AT(status),
     .min = 400,
     .max = 599,
     .initial = "503",
     .only = &only_refuse,
     .help = "what the sender is answered; the upload is neither recorded nor passed on"},
    {.name = "delay",
     .type = KEY_DURATION,
     .offset = AT(delay_ms),
     .min = 1,
     .max = KEY_HOURS(1),
     .required = true,
     .only = &only_delay,
     .help = "before an upload is recorded and passed on"},
    {.name = "processes",
     .type = KEY_UNSIGNED,
     .offset = AT(processes),
     .min = 1,
     .max = 256,
     .required = true,
     .only = &only_load,
     .help = "how many more, of each worker that it is for"},
};
const struct key_table keys_disturbance = {ROWS(disturbance_rows), .size = sizeof(struct scenario_disturbance),
                                           .placeholder = "N", .what = "a disturbance"};
