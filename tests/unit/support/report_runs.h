/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence built by hand: a function for each kind of run. evidence_drop frees it. */
#ifndef LOCKTRAIL_TESTS_REPORT_RUNS_H
#define LOCKTRAIL_TESTS_REPORT_RUNS_H

#include "report_evidence.h"

static inline void add_copies(struct evidence *ev)
{
    add_copy(ev, STAGE_CONTROL, INSTANCE_CONTROL, "copies/control/python.control.1.pprof", "member.py:12:cache_lock",
             1);
    add_copy(ev, STAGE_COLLECTOR, INSTANCE_LOCAL, "copies/collector/python.1.local.1.pprof", "member.py:12:cache_lock",
             37600);
    add_copy(ev, STAGE_UPLOAD, INSTANCE_UPLOAD, "copies/upload/python.1.upload.1.pprof", "member.py:12:cache_lock",
             37600);
}

static inline struct evidence *make_success(void)
{
    struct evidence *ev = evidence_begin("smoke");
    add_copies(ev);
    struct trail_lock *t =
        add_lock(ev, "python", "member/user_session_lock", "user_session_lock", "member.py", 12, 37600, "eee");
    add_seen(t, STAGE_COLLECTOR, "member.py:12:user_session_lock", "user_session_lock", 37600);
    add_seen(t, STAGE_UPLOAD, "member.py:12:user_session_lock", "user_session_lock", 37600);
    t->stages[STAGE_COLLECTOR].count_checked = t->stages[STAGE_COLLECTOR].count_equal = true;
    t = add_lock(ev, "python", "private/__secret_lock", "__secret_lock", "private.py", 9, 1200, "mmm");
    ev->ledger.locks[t->lock].rendering = RENDERING_MANGLED;
    ev->ledger.locks[t->lock].mangled = text("_Session__secret_lock");
    add_seen(t, STAGE_COLLECTOR, "private.py:9:_Session__secret_lock", "_Session__secret_lock", 1200);
    t = add_lock(ev, "python", "anonymous/1", "", "anonymous.py", 7, 900, "ggg");
    ev->ledger.locks[t->lock].rendering = RENDERING_GENERIC;
    t->known_limit = true;
    add_seen(t, STAGE_COLLECTOR, "anonymous.py:7", "", 900);
    add_undeclared(ev, "threading.py:563:_lock", "threading.py", 563, "_lock", 14);
    judge_by_hand(ev, VERDICT_SUCCESS, "Each declared name is there at every stage that was looked at.");
    return ev;
}

static inline struct evidence *make_partial(void)
{
    struct evidence *ev = evidence_begin("production");
    add_copies(ev);
    struct trail_lock *t =
        add_lock(ev, "python", "member/user_session_lock", "user_session_lock", "member.py", 12, 37600, "eeg");
    add_seen(t, STAGE_COLLECTOR, "member.py:12:user_session_lock", "user_session_lock", 37600);
    add_seen(t, STAGE_UPLOAD, "member.py:12", "", 37600);
    lose(t, STAGE_UPLOAD, MECHANISM_VALUE_REWRITTEN,
         "collector: member.py:12:user_session_lock with 37600 samples in copies/collector/python.1.local.1.pprof; "
         "upload: member.py:12 with 37600 samples in copies/upload/python.1.upload.1.pprof");
    t = add_lock(ev, "python", "member/cache_lock", "cache_lock", "member.py", 13, 20, "eee");
    t->stages[STAGE_UPLOAD].count_checked = true;
    ev->uploads =
        (struct upload_counts){.received = 4, .stored = 3, .rejected = 1, .forwarded = 2, .forward_failed = 1};
    ev->forward_described = text("agent at 10.0.0.5:8126");
    ev->profiles_url = text("https://app.datadoghq.com/profiling/explorer?query=service%3Arlock-production-stress-test%"
                            "20env%3Astress-test");
    judge_by_hand(ev, VERDICT_PARTIAL,
                  "The collector names the locks, and 1 of 2 names is lost on the way: at the upload.");
    add_step(ev, "Check that what stands between collector and backend can read this pprof: its encoding, its sample "
                 "types, its labels.");
    add_step(ev, "Compare the agent's and the backend's processing of labels.");
    return ev;
}

static inline struct evidence *make_failure(void)
{
    struct evidence *ev = evidence_begin("production");
    add_copies(ev);
    ev->control = CONTROL_NOT_RUN;
    ev->stage_ran[STAGE_CONTROL] = false;
    struct trail_lock *t =
        add_lock(ev, "python", "member/user_session_lock", "user_session_lock", "member.py", 12, 37600, "ngg");
    add_seen(t, STAGE_COLLECTOR, "member.py:12", "", 30000);
    add_seen(t, STAGE_COLLECTOR, "member.py:12:user_session_lock", "user_session_lock", 7600);
    lose(t, STAGE_COLLECTOR, MECHANISM_NEVER_NAMED,
         "37600 acquires at member.py:12, 30000 samples say member.py:12 and 7600 member.py:12:user_session_lock");
    t = add_lock(ev, "python", "alias/lk", "lk", "alias.py", 3, 500, "naa");
    lose(t, STAGE_COLLECTOR, MECHANISM_ALIASED, "500 samples say alias.py:3:lock_parameter");
    t = add_lock(ev, "python", "local/turn_lock", "turn_lock", "local.py", 5, 500000, "n--");
    lose(t, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED, "500000 acquires and not one sample");
    add_note(ev, "the control did not run: a broken collector can't be told from a lost name");
    add_note(ev, "python member/user_session_lock at collector: no name in 30000 samples, user_session_lock in 7600");
    judge_by_hand(ev, VERDICT_FAILURE, "3 of 3 names are not even in the local pprof.");
    add_step(ev, "Set DD_PROFILING_LOCK_NAME_INSPECT_DIR to true (the default).");
    return ev;
}

/* A lock of a build: `states` as in add_lock, `right` where its build lets no more be shown. */
static inline struct trail_lock *add_built(struct evidence *ev, const char *build, const char *id, const char *states,
                                           bool right)
{
    struct trail_lock *t = add_lock(ev, build, id, strchr(id, '/') + 1, "native.c", 12, 900, states);
    ev->ledger.locks[t->lock].qualified = true;
    for (int stage = STAGE_COLLECTOR; stage <= STAGE_UPLOAD; stage++)
        t->stages[stage].count_checked = t->stages[stage].count_equal = true;
    if (right && states[1] == 'g') {
        ev->ledger.locks[t->lock].rendering = RENDERING_GENERIC;
        t->known_limit = true;
    }
    if (!right)
        lose(t, states[1] == 'e' ? STAGE_UPLOAD : STAGE_COLLECTOR, MECHANISM_NEVER_NAMED,
             "the ledger declares 'cache_lock', collector has 'native.c:12' in 900 samples "
             "(copies/collector/split.1.tee.1.pprof)");
    return t;
}

/* All builds in one run, and a Python worker that was left out. */
static inline struct evidence *make_builds(void)
{
    static const char *const builds[] = {"O0g",     "O2g",      "O3lto", "g1",
                                         "nodebug", "stripped", "split", "a-build-with-a-long-name"};
    struct evidence *ev = evidence_begin("builds");
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        bool bare = i >= 3 && i <= 5;
        char *name = mem_printf("%s.1.tee", builds[i]);
        add_worker_def(ev, builds[i]);
        ev->scenario->workers[i + 1].runtime = RUNTIME_NATIVE;
        ev->scenario->workers[i + 1].build = i < 7 ? (enum build)i : BUILD_CLANG_O2G;
        add_instance(ev, name, builds[i], ARM_TEE);
        free(name);
        add_built(ev, builds[i], "global/global_database_lock", i == 5 ? "ngg" : "nee", true);
        add_built(ev, builds[i], "member/cache_lock",
                  bare || i == 6 ? "ngg"
                  : i == 2       ? "neg"
                                 : "nee",
                  i != 6 && i != 2);
        if (i == 0)
            add_lock(ev, "O0g", "array/a_lock_of_one_build_alone_with_a_long_name", "l", "native.c", 3, 9, "nff");
    }
    ev->ledger.locks[0].sites = take(1, sizeof *ev->ledger.locks[0].sites);
    ev->ledger.locks[0].sites[0] = text("native-O0g+0x4010");
    ev->ledger.locks[0].site_count = 1;
    ev->trail.locks[1].stages[STAGE_COLLECTOR].samples = 900;
    ev->trail.locks[1].stages[STAGE_COLLECTOR].count_equal = false;
    ev->left_out = take(1, sizeof *ev->left_out);
    ev->left_out[0] = (struct left_out){text("python"), text("no environment with ddtrace 4.16.0: no package index")};
    ev->left_out_count = 1;
    judge_by_hand(ev, VERDICT_FAILURE, "1 of 17 locks is not rightly named even in the local pprof.");
    return ev;
}

/* Two groups of losses, one of them longer than what is shown, and a loss that is alone. */
static inline struct evidence *make_grouped(void)
{
    struct evidence *ev = evidence_begin("production");
    const struct trail_lock *first = NULL;
    for (unsigned i = 0; i < 3; i++) {
        static const char *const ids[] = {"local/request_lock", "member/user_session_lock",
                                          "private/a_name_that_is_far_too_long_for_its_column"};
        struct trail_lock *t = add_lock(ev, "python", ids[i], ids[i], "member.py", 12 + i, 37600, "enn");
        t->stages[STAGE_COLLECTOR].count_checked = true;
        if (first) {
            lose_like(t, first, "37600 acquires, 37600 samples to be expected");
        } else {
            lose(t, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED, "not shown, since it is not alone");
            t->loss.own = text("37600 acquires, 37600 samples to be expected");
            t->loss.common = text("python.1.local at a capture rate of 100 %: collector has none in 1 copy "
                                  "(copies/collector/python.1.local.1.pprof); present in the control at 100 %");
            first = t;
        }
    }
    struct trail_lock *t = add_lock(ev, "python", "alias/lk", "lk", "alias.py", 3, 500, "eaa");
    t->stages[STAGE_COLLECTOR].state = STATE_ALIAS;
    lose(t, STAGE_COLLECTOR, MECHANISM_ALIASED, "500 samples say alias.py:3:lock_parameter");
    first = NULL;
    for (unsigned i = 0; i < TERMINAL_GROUP_MAX + 2; i++) {
        char id[32];
        snprintf(id, sizeof id, "list/%u", i);
        t = add_lock(ev, "python", id, "listed", "list.py", 9, 5, "eee");
        if (first) {
            lose_like(t, first, "");
        } else {
            lose(t, STAGE_UPLOAD, MECHANISM_DUPLICATED, "upload has the same bytes twice: b.pprof came again");
            first = t;
        }
    }
    judge_by_hand(ev, VERDICT_FAILURE, "56 of 56 names are not right.");
    return ev;
}

static inline struct evidence *make_critical(void)
{
    struct evidence *ev = evidence_begin("control");
    ev->ledger.instance_count = ev->worker_count = 0;
    ev->control = CONTROL_FAILED;
    ev->control_why = text("pytest -q tests/profiling ended with exit 1");
    ev->control_exit = 1;
    ev->control_output = text("E   AssertionError: lock name missing\n1 failed in 0.4 s\n");
    ev->stage_ran[STAGE_COLLECTOR] = ev->stage_ran[STAGE_UPLOAD] = false;
    ev->uploads = (struct upload_counts){0};
    judge_by_hand(ev, VERDICT_CRITICAL, "The collector fails its control: nothing that follows can be trusted.");
    add_step(ev, "Fix the collector first, then run again.");
    return ev;
}

static inline struct evidence *make_inconclusive(void)
{
    struct evidence *ev = evidence_begin("smoke");
    struct trail_lock *t =
        add_lock(ev, "python", "member/user_session_lock", "user_session_lock", "member.py", 12, 120, "eff");
    t->stages[STAGE_COLLECTOR].true_acquires = t->stages[STAGE_UPLOAD].true_acquires = 120;
    t->stages[STAGE_COLLECTOR].needed_ms = t->stages[STAGE_UPLOAD].needed_ms = 11513;
    t = add_lock(ev, "python", "member/cache_lock", "cache_lock", "member.py", 13, 0, "eff");
    ev->scenario->workers[0].capture_pct = 1;
    judge_by_hand(ev, VERDICT_INCONCLUSIVE, "There are too few samples to say anything of 2 of 2 locks.");
    add_step(ev, "Run at least 11.5 s, or capture more than 1 %.");
    return ev;
}

static inline struct evidence *make_killed(void)
{
    struct evidence *ev = evidence_begin("long");
    ev->complete = false;
    add_lock(ev, "python", "member/user_session_lock", "user_session_lock", "member.py", 12, 120, "enn");
    ev->stage_ran[STAGE_COLLECTOR] = ev->stage_ran[STAGE_UPLOAD] = false;
    ev->workers[INSTANCE_LOCAL].ended = ev->workers[INSTANCE_LOCAL].good = false;
    ev->workers[INSTANCE_LOCAL].cause = text("still running when the coordinator died");
    add_problem(ev, "run", "the coordinator did not live to the end of the run", "run it again", "");
    add_problem(ev, "python.1.local", "ended by signal 11 (Segmentation fault) 3.2 s after its start",
                "look at its output in workers/python.1.local/stderr",
                "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n"
                "Fatal Python error: Segmentation fault\n\n  File \"/app/worker.py\", line 12 in lock\n");
    judge_by_hand(ev, VERDICT_ERROR, "The run went wrong, so its profiles prove nothing.");
    add_step(ev, "Fix the problems that are listed, then run again.");
    return ev;
}

static inline void add_hop(struct evidence *ev, struct trail_hop hop)
{
    ev->matching.hops[ev->matching.hop_count++] = hop;
}

static inline void add_screen(struct evidence *ev, size_t instance, const char *label, const char *longest)
{
    struct screen_names *s = take(1, sizeof *s);
    char *name = ev->ledger.instances[instance].name;
    s->labels = take(2, sizeof *s->labels);
    s->labels[s->label_count++] = text(label);
    s->labels[s->label_count++] = text(longest);
    s->how = text("pprof in Chromium 156");
    s->pictures = take(2, sizeof *s->pictures);
    char *flamegraph = mem_printf("copies/ui/%s.1.flamegraph.png", name),
         *top = mem_printf("copies/ui/%s.1.top.png", name);
    char *names = mem_printf("copies/ui/%s.1.json", name);
    s->pictures[s->picture_count++] = text(flamegraph);
    s->pictures[s->picture_count++] = text(top);
    add_copy(ev, STAGE_UI, instance, names, label, 1);
    ev->copies[ev->copy_count - 1].profile = NULL;
    ev->copies[ev->copy_count - 1].screen = s;
    free(flamegraph);
    free(top);
    free(names);
}

static inline void add_service(struct evidence *ev, const char *name, const char *cause, bool good)
{
    ev->services[ev->service_count++] = (struct service_outcome){text(name), text(cause), good};
}

/* Two agents, a store and a screen; a name that is cut behind the first agent, and uploads that get lost and come
 * twice. */
static inline struct evidence *make_pipeline(void)
{
    struct evidence *ev = evidence_begin("value_truncated at agent");
    size_t tee = ev->ledger.instance_count, mirror = tee + 1, other = tee + 2;
    ev->matching.hops = take(16, sizeof *ev->matching.hops);
    ev->services = take(4, sizeof *ev->services);
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        ev->stage_ran[stage] = true;
    add_worker_def(ev, "native");
    ev->scenario->workers[1].runtime = RUNTIME_NATIVE;
    add_instance(ev, "native.1.tee", "native", ARM_TEE);
    add_instance(ev, "native.1.tee+serverless-compat", "native", ARM_UPLOAD);
    ev->ledger.instances[mirror].mirror = true;
    ev->worker_count--; /* which is the process of before */
    add_instance(ev, "native.2.tee", "native", ARM_TEE);
    struct trail_lock *t =
        add_lock(ev, "native", "member/user_session_lock", "user_session_lock", "native.c", 12, 37600, "eeeggg");
    add_seen(t, STAGE_UPLOAD, "native.c:12:user_session_lock", "user_session_lock", 37600);
    add_seen(t, STAGE_AGENT, "native.c:12:user", "user", 18800);
    lose(t, STAGE_AGENT, MECHANISM_VALUE_TRUNCATED,
         "upload: native.c:12:user_session_lock with 18800 samples in copies/upload/native.1.tee.2.pprof; agent: "
         "native.c:12:user in copies/agent/native.1.tee.2.pprof, the same samples: cut after 16 bytes");
    t->loss.mechanisms = LOSS_MECHANISM(MECHANISM_VALUE_TRUNCATED) | LOSS_MECHANISM(MECHANISM_DUPLICATED);
    t->loss.later[t->loss.later_count++] = (struct later_loss){STAGE_BACKEND, MECHANISM_SAMPLES_DROPPED};
    add_lock(ev, "native", "member/cache_lock", "cache_lock", "native.c", 13, 20, "eeeeee");
    add_lock(ev, "python", "nested/a_lock_with_a_name_that_fills_a_line", "nested_lock", "nested.py", 4, 20, "eeeeee");
    add_copies(ev);
    add_screen(ev, tee, "native.c:12:user", "native.c:13:cache_lock");
    add_screen(ev, other, "native.c:13:cache_lock",
               "a_directory_that_is_deep/and_a_file_with_a_long_name_of_its_own.c:13:cache_lock_of_the_second_shard");
    add_hop(
        ev,
        (struct trail_hop){
            .instance = INSTANCE_UPLOAD, .from = STAGE_UPLOAD, .to = STAGE_AGENT, .sent = 3, .received = 3, .same = 3});
    struct screen_names *attested = ev->copies[ev->copy_count - 1].screen;
    attested->unknown = take(1, sizeof *attested->unknown);
    attested->unknown[attested->unknown_count++] = text("member/user_session_lock");
    add_hop(ev, (struct trail_hop){
                    .instance = tee, .from = STAGE_COLLECTOR, .to = STAGE_UPLOAD, .sent = 7, .received = 7, .same = 7});
    add_hop(ev, (struct trail_hop){.instance = tee,
                                   .from = STAGE_UPLOAD,
                                   .to = STAGE_AGENT,
                                   .sent = 7,
                                   .received = 6,
                                   .same = 3,
                                   .changed = 1,
                                   .lost = 2,
                                   .doubled = 1,
                                   .told_well = 1});
    add_hop(ev, (struct trail_hop){
                    .instance = tee, .from = STAGE_AGENT, .to = STAGE_BACKEND, .sent = 5, .received = 5, .same = 5});
    add_hop(ev, (struct trail_hop){.instance = mirror,
                                   .from = STAGE_UPLOAD,
                                   .to = STAGE_AGENT,
                                   .sent = 7,
                                   .received = 0,
                                   .lost = 7,
                                   .told_well = 7});
    ev->uploads = (struct upload_counts){.received = 10, .stored = 10};
    ev->faults = text("at agent: value_truncated to 16 bytes in 18800 of 37620 lock samples of native.1.tee upload 2\n"
                      "at agent: duplicated native.1.tee upload 4");
    add_service(ev, "trace-agent", "exit 0", true);
    add_service(ev, "serverless-compat", "signal 11 (Segmentation fault) 3.2 s after its start", false);
    judge_by_hand(ev, VERDICT_PARTIAL,
                  "The collector names the locks, and 1 of 3 names is lost on the way: at the agent.");
    add_step(ev, "Look for a limit on the length of labels in the agent.");
    return ev;
}

static inline struct evidence *make_debug(void)
{
    struct evidence *ev = make_partial();
    ev->scenario->report = REPORT_DEBUG;
    return ev;
}

/* Two workers, every stage, and names that want to break the layout or the terminal. */
static inline struct evidence *make_hostile(void)
{
    struct evidence *ev = evidence_begin("<hostile> & \"quoted\" \x1b[31m");
    add_worker_def(ev, "other");
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        ev->stage_ran[stage] = true;
    add_instance(ev, "other.1.tee", "other", ARM_TEE);
    char *long_name = take(400, 1);
    memset(long_name, 'x', 399);
    memcpy(long_name, "member/begin_", 13);
    memcpy(long_name + 395, "_end", 4);
    struct trail_lock *t = add_lock(ev, "python", long_name, long_name + 7, "member.py", 12, 37600, "eeg");
    for (int stage = STAGE_AGENT; stage < STAGE_COUNT; stage++)
        t->stages[stage].state = STATE_GENERIC;
    add_seen(t, STAGE_UPLOAD, "member.py:12:\xff\x1b[2J", "\xff\x1b[2J", 5);
    lose(t, STAGE_UPLOAD, MECHANISM_VALUE_REWRITTEN, long_name);
    add_lock(ev, "other", "member/\x01\x02<&>\"'\xff\xef\xbf\xbe", "\x01\x02<&>\"'\xff\xef\xbf\xbe", "", 0, 3, "eee");
    add_lock(ev, "other",
             "member/\xe9\x8c\xa0\xe5\x89\x8d\xe3\x81\xae\xe9\x8c\xa0\xe5\x89\x8d"
             "e\xcc\x81\xe2\x80\xae"
             "right to left",
             "wide", "m.py", 1, 3, "eee");
    for (int i = 0; i < 12; i++)
        add_undeclared(ev, long_name, "", 0, "", (uint64_t)(100 - i));
    add_problem(ev, long_name, "wrote \x1b]0;title\x07 into its output", "", "\x1b[2J\xff\xfe\n");
    judge_by_hand(ev, VERDICT_ERROR, "The run went wrong,\x1b[2J so its profiles prove nothing.");
    return ev;
}

#endif
