/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes that did the same work, one local and one that uploads: what stands on the same stacks. */
#include "trail_build.h"

static const char X[] = "a.py:1:xlock";
static const char Y[] = "b.py:2:ylock";

#define MOVES_MAX 6

struct twins {
    struct build b;
    struct trail_kin kin;
    size_t local, upload;
};

/* What is shown at the upload, and how that came about. */
struct shown {
    const char *from, *to; /* to NULL: no label */
    const char *key;
    uint64_t samples;
};

/* Both locks are taken 80 times by each process. */
static void start(struct twins *t, double rate, bool upload_first)
{
    *t = (struct twins){.local = upload_first, .upload = !upload_first};
    build_start(&t->b);
    build_lock(&t->b, "xlock", "a.py:1", "exact");
    build_lock(&t->b, "ylock", "b.py:2", "exact");
    for (size_t i = 0; i < 2; i++) {
        build_process(&t->b, i == t->local ? "p.1.local" : "p.1.upload", i == t->local ? ARM_LOCAL : ARM_UPLOAD, rate);
        build_took(&t->b, i, 0, 80);
        build_took(&t->b, i, 1, 80);
    }
    size_t copy = build_copy_saw(&t->b, STAGE_COLLECTOR, t->local, X, 80);
    build_saw(&t->b, copy, Y, 80);
}

static void add_label(struct twins *t, size_t copy, const char *label, uint64_t samples)
{
    struct build_copy *c = &t->b.copies[copy];
    for (size_t i = 0; i < c->copy.sighting_count; i++) {
        if (strcmp(c->sightings[i].label, label) == 0) {
            c->sightings[i].samples += samples;
            c->sightings[i].acquires += samples;
            return;
        }
    }
    build_saw(&t->b, copy, label, samples);
}

/* A copy at a stage as the moves tell, and the moves. */
static void show(struct twins *t, enum stage stage, const struct shown *shown, struct trail_move moves[MOVES_MAX])
{
    size_t copy = build_copy(&t->b, stage, t->upload), count = 0;
    for (; count < MOVES_MAX && shown[count].samples > 0; count++) {
        const struct shown *s = &shown[count];
        if (s->to != NULL && s->key == NULL) {
            add_label(t, copy, s->to, s->samples);
        } else {
            t->b.copies[copy].copy.unlabelled_samples += s->samples;
        }
        moves[count] = (struct trail_move){
            .kind = s->to == NULL                 ? MOVE_UNLABELLED
                    : s->key != NULL              ? MOVE_REKEYED
                    : strcmp(s->from, s->to) == 0 ? MOVE_KEPT
                                                  : MOVE_CHANGED,
            .from = s->from,
            .to = s->to,
            .key = s->key,
            .samples = s->samples,
            .acquires_before = s->samples,
            .acquires_after = s->samples,
        };
    }
    t->b.copies[copy].copy.hash = "h";
    t->kin = (struct trail_kin){t->upload, t->local, moves, count};
    t->b.input.kins = &t->kin;
    t->b.input.kin_count = 1;
}

#define LOCAL "p.1.local has 'a.py:1:xlock' on the same stacks, upload has "
#define UPLOAD " (copies/upload/p.1.upload.1.pprof)"

static void test_what_stands_on_the_same_stacks(void **state)
{
    static const struct {
        const char *what;
        struct shown shown[MOVES_MAX];
        enum lock_state x;
        enum mechanism mechanism; /* of x */
        const char *evidence;     /* of x; NULL: kept */
        bool y_lost;
    } cases[] = {
        {"as it should be", {{X, X, NULL, 80}, {Y, Y, NULL, 80}}, STATE_EXACT, 0, NULL, false},
        {"swapped, with equal counts",
         {{X, Y, NULL, 80}, {Y, X, NULL, 80}},
         STATE_ALIAS,
         MECHANISM_NAMES_SWAPPED,
         LOCAL "'b.py:2:ylock' in 80 samples" UPLOAD "; 'b.py:2:ylock' has become 'a.py:1:xlock' at the same stage",
         true},
        {"swapped in part",
         {{X, Y, NULL, 30}, {Y, X, NULL, 30}, {X, X, NULL, 50}, {Y, Y, NULL, 50}},
         STATE_ALIAS,
         MECHANISM_NAMES_SWAPPED,
         LOCAL "'b.py:2:ylock' in 30 of 80 samples" UPLOAD
               "; 'b.py:2:ylock' has become 'a.py:1:xlock' at the same stage",
         true},
        {"as the other's",
         {{X, Y, NULL, 80}, {Y, Y, NULL, 80}},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         LOCAL "'b.py:2:ylock' in 80 samples" UPLOAD ": the value replaced by 'b.py:2:ylock'",
         false},
        {"cut",
         {{X, "a.p", NULL, 80}, {Y, Y, NULL, 80}},
         STATE_GENERIC,
         MECHANISM_VALUE_TRUNCATED,
         LOCAL "'a.p' in 80 samples" UPLOAD ": cut to 3 bytes",
         false},
        {"cut in a few",
         {{X, "a.p", NULL, 3}, {X, X, NULL, 77}, {Y, Y, NULL, 80}},
         STATE_GENERIC,
         MECHANISM_VALUE_TRUNCATED,
         LOCAL "'a.p' in 3 of 80 samples" UPLOAD ": cut to 3 bytes",
         false},
        {"cut in the name",
         {{X, "a.py:1:xl", NULL, 80}, {Y, Y, NULL, 80}},
         STATE_ALIAS,
         MECHANISM_VALUE_TRUNCATED,
         LOCAL "'a.py:1:xl' in 80 samples" UPLOAD ": cut to 9 bytes",
         false},
        {"upper-cased",
         {{X, "A.PY:1:XLOCK", NULL, 80}, {Y, Y, NULL, 80}},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         LOCAL "'A.PY:1:XLOCK' in 80 samples" UPLOAD ": upper-cased",
         false},
        {"both names by one rule",
         {{X, "a.py:1:xmutex", NULL, 80}, {Y, "b.py:2:ymutex", NULL, 80}},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         LOCAL "'a.py:1:xmutex' in 80 samples" UPLOAD ": 'lock' replaced by 'mutex'",
         true},
        {"no label",
         {{X, NULL, NULL, 80}, {Y, Y, NULL, 80}},
         STATE_ABSENT,
         MECHANISM_LABEL_DROPPED,
         LOCAL "no label on 80 samples" UPLOAD,
         false},
        {"another key",
         {{X, X, "lock_name", 20}, {X, X, NULL, 60}, {Y, Y, NULL, 80}},
         STATE_EXACT,
         MECHANISM_LABEL_KEY_RENAMED,
         LOCAL "it under the key 'lock_name' in 20 of 80 samples" UPLOAD,
         false},
    };
    (void)state;
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        struct twins t;
        struct trail_move moves[MOVES_MAX];
        const char *evidence = cases[i / 2].evidence;
        start(&t, 1, i % 2);
        show(&t, STAGE_UPLOAD, cases[i / 2].shown, moves);
        const struct trail_result *r = build_judge(&t.b);
        if (r->locks[0].lost != (evidence != NULL) ||
            (evidence != NULL && strcmp(r->locks[0].loss.evidence, evidence) != 0)) {
            fail_msg("%s: %s", cases[i / 2].what, r->locks[0].lost ? r->locks[0].loss.evidence : "kept");
        }
        expect_state(r, 0, STAGE_UPLOAD, cases[i / 2].x);
        assert_int_equal(r->locks[1].lost, cases[i / 2].y_lost);
        assert_int_equal(r->undeclared_count, 0);
        if (evidence != NULL) {
            assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), mechanism_name(cases[i / 2].mechanism));
            assert_int_equal(r->locks[0].loss.stage, STAGE_UPLOAD);
            assert_false(r->locks[0].loss.by_collector);
            expect_verdict(r, VERDICT_PARTIAL);
        }
        if (!cases[i / 2].y_lost) {
            assert_int_equal(r->locks[1].stages[STAGE_UPLOAD].samples, 80);
            assert_true(r->locks[1].stages[STAGE_UPLOAD].count_equal);
        }
        build_end(&t.b);
    }
}

/* Two locks of one name: only their sites tell that they changed places. */
static void test_two_locks_of_one_name(void **state)
{
    static const char a[] = "a.py:3:lock", b[] = "b.py:4:lock";
    static const struct shown swapped[MOVES_MAX] = {{a, b, NULL, 20}, {b, a, NULL, 20}};
    struct twins t;
    struct trail_move moves[MOVES_MAX];
    (void)state;
    start(&t, 0.5, false);
    build_lock_of(&t.b, "python", "shared/a", "lock", "a.py:3", "exact");
    build_lock_of(&t.b, "python", "shared/b", "lock", "b.py:4", "exact");
    build_saw(&t.b, 0, a, 20);
    build_saw(&t.b, 0, b, 20);
    show(&t, STAGE_UPLOAD, swapped, moves);
    const struct trail_result *r = build_judge(&t.b);
    for (size_t lock = 2; lock < 4; lock++) {
        expect_state(r, lock, STAGE_UPLOAD, STATE_ALIAS);
        assert_string_equal(mechanism_name(r->locks[lock].loss.mechanism), "names_swapped");
    }
    build_end(&t.b);
}

/* Another name at the lock's own site is what its own collector found. */
static void test_what_a_collector_may_find_is_its_own(void **state)
{
    static const struct {
        const char *x, *y;
        enum mechanism mechanism;
    } cases[] = {
        {"a.py:1:self", Y, MECHANISM_ALIASED},
        {"a.py:1:lk", "b.py:2:lk", MECHANISM_ALIASED},
        {"a.py:1:other", "b.py:2:thing", MECHANISM_ALIASED},
        {"a.py:1", "b.py:2", MECHANISM_NEVER_NAMED},
        {"a.py:1:xmutex", Y, MECHANISM_ALIASED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct twins t;
        struct trail_move moves[MOVES_MAX];
        const struct shown shown[MOVES_MAX] = {{X, cases[i].x, NULL, 80}, {Y, cases[i].y, NULL, 80}};
        start(&t, 1, false);
        show(&t, STAGE_UPLOAD, shown, moves);
        const struct trail_result *r = build_judge(&t.b);
        assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), mechanism_name(cases[i].mechanism));
        assert_true(r->locks[0].loss.by_collector);
        build_end(&t.b);
    }
}

/* Two locks on one stack: below 100 % each process may have sampled another one. */
static void test_chance_has_its_part(void **state)
{
    static const struct {
        double rate;
        uint64_t swapped, kept;
        bool lost;
    } cases[] = {
        {0.5, 9, 0, false},  {0.5, 10, 0, true}, {0.5, 10, 100, false},
        {0.5, 30, 60, true}, {1, 2, 2, true},    {1, 2, 60, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct twins t;
        struct trail_move moves[MOVES_MAX];
        const struct shown shown[MOVES_MAX] = {
            {X, Y, NULL, cases[i].swapped},
            {Y, X, NULL, cases[i].swapped},
            {X, X, NULL, cases[i].kept},
            {Y, Y, NULL, cases[i].kept},
        };
        start(&t, cases[i].rate, false);
        for (size_t p = 0; p < 2; p++) {
            for (size_t lock = 0; lock < 2; lock++) {
                t.b.ledger.instances[p].counts[lock].known = false;
            }
        }
        show(&t, STAGE_UPLOAD, shown, moves);
        const struct trail_result *r = build_judge(&t.b);
        if (r->locks[0].lost != cases[i].lost) {
            fail_msg("case %zu: %s", i, r->locks[0].lost ? r->locks[0].loss.evidence : "kept");
        }
        build_end(&t.b);
    }
}

/* Samples without a label that are another lock's do not explain what a lock lacks. */
static void test_whose_the_unlabelled_samples_are(void **state)
{
    static const struct shown shown[MOVES_MAX] = {{Y, Y, "lock_name", 80}};
    struct twins t;
    struct trail_move moves[MOVES_MAX];
    (void)state;
    start(&t, 1, false);
    show(&t, STAGE_UPLOAD, shown, moves);
    size_t copy = build_copy(&t.b, STAGE_UPLOAD, t.upload);
    t.b.copies[copy].copy.status = COPY_CORRUPT;
    build_key(&t.b, 1, "lock_name", 80);
    const struct trail_result *r = build_judge(&t.b);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "profile_corrupt");
    assert_string_equal(mechanism_name(r->locks[1].loss.mechanism), "label_key_renamed");
    build_end(&t.b);
}

/* What was swapped before the first tap stays so behind it, and is lost once. */
static void test_behind_the_first_tap(void **state)
{
    static const struct shown swapped[MOVES_MAX] = {
        {X, Y, NULL, 30}, {Y, X, NULL, 40}, {X, X, NULL, 50}, {Y, Y, NULL, 40}};
    struct twins t;
    struct trail_move moves[MOVES_MAX], unused[MOVES_MAX];
    struct trail_pair pair;
    (void)state;
    start(&t, 1, false);
    show(&t, STAGE_UPLOAD, swapped, moves);
    show(&t, STAGE_AGENT, swapped, unused);
    t.kin.moves = moves;
    pair = (struct trail_pair){.before = 1, .after = 2, .compared = true, .same = true};
    t.b.input.pairs = &pair;
    t.b.input.pair_count = 1;
    const struct trail_result *r = build_judge(&t.b);
    for (enum stage s = STAGE_UPLOAD; s <= STAGE_AGENT; s++) {
        expect_state(r, 0, s, STATE_ALIAS);
        assert_int_equal(r->locks[0].stages[s].samples, 80);
        assert_int_equal(r->locks[1].stages[s].samples, 80);
        assert_int_equal(r->locks[0].stages[s].seen_count, 2);
    }
    assert_int_equal(r->locks[0].loss.later_count, 0);
    build_end(&t.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands_on_the_same_stacks),       cmocka_unit_test(test_two_locks_of_one_name),
        cmocka_unit_test(test_what_a_collector_may_find_is_its_own), cmocka_unit_test(test_chance_has_its_part),
        cmocka_unit_test(test_whose_the_unlabelled_samples_are),     cmocka_unit_test(test_behind_the_first_tap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
