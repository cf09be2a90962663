/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for any input, tried on many that a seeded generator makes. */
#include "trail_dump.h"

#define ROUNDS 300
#define LOCKS_MAX 10
#define PROCESSES_MAX 4

/* A run in which everything is right: tee processes or pairs, each upload passing every stage unchanged. */
struct world {
    struct build b;
    uint64_t seed;
    size_t locks, uploads;
    enum stage last;
    char right[LOCKS_MAX][64]; /* the label that each lock should have */
};

static void make_locks(struct world *w)
{
    w->locks = 1 + below(&w->seed, LOCKS_MAX);
    for (size_t i = 0; i < w->locks; i++) {
        char name[32], site[32], rendering[64];
        size_t kind = below(&w->seed, 6);
        snprintf(site, sizeof site, "%s.py:%zu", i % 2 ? "session" : "app", 10 + 7 * i);
        snprintf(name, sizeof name, "%s%zu_lock", kind == 0 ? "__m" : "name", i);
        snprintf(rendering, sizeof rendering, "%s%s",
                 kind == 0   ? "mangled:_Svc"
                 : kind == 1 ? "generic"
                             : "exact",
                 kind == 0 ? name : "");
        build_lock(&w->b, name, site, rendering);
        snprintf(w->right[i], sizeof w->right[i], kind == 1 ? "%s" : "%s:%s%s", site, kind == 0 ? "_Svc" : "", name);
    }
}

static void fill_copy(struct world *w, size_t copy, uint64_t seed)
{
    for (size_t i = 0; i < w->locks; i++) {
        build_saw(&w->b, copy, w->right[i], 100 + below(&seed, 900));
    }
    build_saw(&w->b, copy, "threading.py:563:_lock", 1 + below(&seed, 50));
}

static void make_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.seed = seed * 77 + 1};
    build_start(&w->b);
    make_locks(w);
    w->uploads = 1 + below(&w->seed, 3);
    w->last = STAGE_UPLOAD + below(&w->seed, 4);
    size_t processes = 1 + below(&w->seed, PROCESSES_MAX);
    bool tee = below(&w->seed, 2);
    for (size_t p = 0; p < (tee ? processes : 2 * processes); p++) {
        char name[16];
        enum arm arm = tee ? ARM_TEE : p % 2 ? ARM_UPLOAD : ARM_LOCAL;
        snprintf(name, sizeof name, "p.%zu", p);
        build_process(&w->b, name, arm, 0.5);
        for (size_t i = 0; i < w->locks; i++) {
            build_took(&w->b, p, i, 5000);
        }
        for (size_t u = 0; u < w->uploads; u++) {
            uint64_t content = next(&w->seed);
            for (enum stage s = STAGE_COLLECTOR; s <= w->last; s++) {
                if (arm == ARM_TEE || (arm == ARM_LOCAL) == (s == STAGE_COLLECTOR)) {
                    fill_copy(w, build_copy(&w->b, s, p), content);
                }
            }
        }
    }
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

enum damage { DROP, UNLABEL, NAMELESS, ALIAS, TRUNCATE, UPPER, DAMAGE_COUNT };

static void relabel(struct build *b, struct sighting *s, char *label)
{
    s->label = build_text(b, label);
    build_split(b, s);
}

static void remove_sighting(struct build_copy *c, size_t i)
{
    c->sightings[i] = c->sightings[--c->copy.sighting_count];
}

/* Damages the label in one copy; false where it is not there. */
static bool damage_copy(struct build *b, size_t copy, const char *label, enum damage damage)
{
    struct build_copy *c = &b->copies[copy];
    size_t i = 0;
    while (i < c->copy.sighting_count && strcmp(c->sightings[i].label, label) != 0) {
        i++;
    }
    if (i == c->copy.sighting_count) {
        return false;
    }
    struct sighting *s = &c->sightings[i];
    switch (damage) {
    case UNLABEL:
        c->copy.unlabelled_samples += s->samples;
        remove_sighting(c, i);
        break;
    case NAMELESS:
        relabel(b, s, mem_printf("%s:%u", s->file, s->line));
        break;
    case ALIAS:
        relabel(b, s, mem_printf("%s:%u:zz", s->file, s->line));
        break;
    case TRUNCATE:
        relabel(b, s, mem_strndup(label, strlen(label) - 1 - s->acquires % 3));
        break;
    case UPPER: {
        char *upper = mem_strdup(label);
        for (char *at = upper; *at != '\0'; at++) {
            *at = *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at;
        }
        relabel(b, s, upper);
        break;
    }
    default:
        remove_sighting(c, i);
    }
    return true;
}

static void damage_at_random(struct world *w, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        damage_copy(&w->b, below(&w->seed, w->b.copy_count), w->right[below(&w->seed, w->locks)],
                    below(&w->seed, DAMAGE_COUNT));
    }
}

/* Damages one lock's name in every copy of one process from a stage on. */
static bool damage_from(struct world *w, size_t process, enum stage stage, size_t lock, enum damage damage)
{
    bool any = false;
    for (size_t i = 0; i < w->b.copy_count; i++) {
        const struct trail_copy *c = &w->b.copies[i].copy;
        if (c->instance == process && c->stage >= stage) {
            any = damage_copy(&w->b, i, w->right[lock], damage) || any;
        }
    }
    return any;
}

/* --- properties --------------------------------------------------------------------------------------------------- */

static void test_a_right_run_succeeds(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct world w;
        make_world(&w, round);
        const struct trail_result *r = build_judge(&w.b);
        size_t limits = 0;
        for (size_t i = 0; i < r->lock_count; i++) {
            expect_kept(r, i);
            limits += r->locks[i].known_limit;
        }
        expect_verdict(r, limits == r->lock_count ? VERDICT_INCONCLUSIVE : VERDICT_SUCCESS);
        build_end(&w.b);
    }
}

static void shuffle(struct world *w)
{
    struct build *b = &w->b;
    for (size_t i = b->copy_count; i > 1; i--) {
        size_t k = below(&w->seed, i);
        struct build_copy swap = b->copies[i - 1];
        b->copies[i - 1] = b->copies[k];
        b->copies[k] = swap;
    }
    for (size_t c = 0; c < b->copy_count; c++) {
        for (size_t i = b->copies[c].copy.sighting_count; i > 1; i--) {
            size_t k = below(&w->seed, i);
            struct sighting swap = b->copies[c].sightings[i - 1];
            b->copies[c].sightings[i - 1] = b->copies[c].sightings[k];
            b->copies[c].sightings[k] = swap;
        }
    }
}

static void test_the_order_of_copies_and_sightings_changes_nothing(void **state)
{
    static const char *const hashes[] = {"a", "b", "c", NULL};
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct world w;
        make_world(&w, round);
        damage_at_random(&w, below(&w.seed, 12));
        for (size_t i = 0; i < w.b.copy_count; i++) {
            w.b.copies[i].copy.hash = hashes[below(&w.seed, 4)];
            if (below(&w.seed, 10) == 0) {
                w.b.copies[i].copy.status = COPY_CORRUPT;
                w.b.copies[i].copy.why = hashes[below(&w.seed, 4)];
                w.b.copies[i].copy.sighting_count = 0;
            }
        }
        char *before = dump(build_judge(&w.b));
        shuffle(&w);
        char *after = dump(build_judge(&w.b));
        assert_string_equal(before, after);
        free(before);
        free(after);
        build_end(&w.b);
    }
}

/* States, and where each lock was lost. */
static char *dump_states(const struct trail_result *r)
{
    struct buf out = {0};
    for (size_t i = 0; i < r->lock_count; i++) {
        for (enum stage s = 0; s < STAGE_COUNT; s++) {
            buf_printf(&out, "%s ", lock_state_name(r->locks[i].stages[s].state));
        }
        buf_printf(&out, "lost %s\n", r->locks[i].lost ? stage_name(r->locks[i].loss.stage) : "nowhere");
    }
    return buf_steal(&out);
}

static void split_copy(struct world *w, size_t from)
{
    struct build *b = &w->b;
    size_t to = build_copy(b, b->copies[from].copy.stage, b->copies[from].copy.instance);
    for (size_t i = 0; i < b->copies[from].copy.sighting_count; i++) {
        uint64_t part = below(&w->seed, b->copies[from].sightings[i].samples + 1);
        char *label = mem_strdup(b->copies[from].sightings[i].label);
        build_saw(b, to, label, part);
        struct sighting *s = &b->copies[from].sightings[i];
        s->samples -= part;
        s->acquires -= part;
        s->releases -= part;
        s->wait_ns -= 10 * part;
        s->hold_ns -= 20 * part;
        free(label);
    }
}

static void test_splitting_a_copy_changes_no_state(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct world w;
        make_world(&w, round);
        damage_at_random(&w, below(&w.seed, 6));
        char *before = dump_states(build_judge(&w.b));
        split_copy(&w, below(&w.seed, w.b.copy_count));
        char *after = dump_states(build_judge(&w.b));
        assert_string_equal(before, after);
        free(before);
        free(after);
        build_end(&w.b);
    }
}

static int badness(enum verdict verdict)
{
    static const int order[VERDICT_COUNT] = {
        [VERDICT_SUCCESS] = 0, [VERDICT_INCONCLUSIVE] = 1, [VERDICT_PARTIAL] = 2,
        [VERDICT_FAILURE] = 3, [VERDICT_CRITICAL] = 4,     [VERDICT_ERROR] = 5,
    };
    return order[verdict];
}

/* One more upload that passes all stages of a process as it should. */
static void test_one_more_right_copy_makes_no_verdict_worse(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 10 * ROUNDS; round++) {
        struct world w;
        make_world(&w, round);
        for (size_t i = below(&w.seed, 8); i > 0; i--) {
            damage_from(&w, below(&w.seed, w.b.ledger.instance_count), STAGE_COLLECTOR + below(&w.seed, w.last),
                        below(&w.seed, w.locks), below(&w.seed, DAMAGE_COUNT));
        }
        for (size_t p = 0; p < w.b.ledger.instance_count; p++) {
            for (size_t i = 0; i < w.locks; i++) {
                w.b.ledger.instances[p].counts[i].acquires = below(&w.seed, 2) ? 5000 : 5;
            }
        }
        enum verdict before = build_judge(&w.b)->verdict;
        size_t p = below(&w.seed, w.b.ledger.instance_count);
        uint64_t content = next(&w.seed);
        for (enum stage s = STAGE_COLLECTOR; s <= w.last; s++) {
            enum arm arm = w.b.ledger.instances[p].arm;
            if (arm == ARM_TEE || (arm == ARM_LOCAL) == (s == STAGE_COLLECTOR)) {
                fill_copy(&w, build_copy(&w.b, s, p), content);
            }
        }
        enum verdict after = build_judge(&w.b)->verdict;
        if (badness(after) > badness(before)) {
            fail_msg("round %" PRIu64 ": %s became %s", round, verdict_name(before), verdict_name(after));
        }
        build_end(&w.b);
    }
}

static void test_a_name_lost_at_a_stage_is_found_at_that_stage(void **state)
{
    static const enum mechanism between[DAMAGE_COUNT] = {
        [DROP] = MECHANISM_SAMPLES_DROPPED,     [UNLABEL] = MECHANISM_LABEL_DROPPED,
        [NAMELESS] = MECHANISM_VALUE_REWRITTEN, [ALIAS] = MECHANISM_VALUE_REWRITTEN,
        [TRUNCATE] = MECHANISM_VALUE_TRUNCATED, [UPPER] = MECHANISM_VALUE_REWRITTEN,
    };
    size_t tried = 0;
    (void)state;
    for (uint64_t round = 1; round <= 4 * ROUNDS; round++) {
        struct world w;
        make_world(&w, round);
        size_t process = below(&w.seed, w.b.ledger.instance_count);
        size_t lock = below(&w.seed, w.locks);
        enum damage damage = below(&w.seed, DAMAGE_COUNT);
        enum arm arm = w.b.ledger.instances[process].arm;
        enum stage first = arm == ARM_UPLOAD ? STAGE_UPLOAD : STAGE_COLLECTOR;
        enum stage last = arm == ARM_LOCAL ? STAGE_COLLECTOR : w.last;
        enum stage stage = first + below(&w.seed, last - first + 1);
        bool named = w.b.ledger.locks[lock].rendering != RENDERING_GENERIC;
        /* Where a trail begins nobody can tell a value that was rewritten from another site's. */
        if ((named || damage == DROP || damage == ALIAS) && (stage > first || damage < TRUNCATE) &&
            damage_from(&w, process, stage, lock, damage)) {
            const struct trail_result *r = build_judge(&w.b);
            tried++;
            for (size_t i = 0; i < r->lock_count; i++) {
                if (i != lock) {
                    expect_kept(r, i);
                }
            }
            if (!r->locks[lock].lost || r->locks[lock].loss.stage != stage ||
                (stage > first && r->locks[lock].loss.mechanism != between[damage])) {
                fail_msg("round %" PRIu64 ": damage %d at %s: %s", round, (int)damage, stage_name(stage),
                         r->locks[lock].lost ? r->locks[lock].loss.evidence : "kept");
            }
            assert_true(r->verdict == (stage == STAGE_COLLECTOR ? VERDICT_FAILURE : VERDICT_PARTIAL));
        }
        build_end(&w.b);
    }
    assert_true(tried > 2 * ROUNDS);
}

/* Pairs and moves that fit neither the copies nor one another: a result all the same, with evidence for each loss. */
static void test_moves_that_make_no_sense(void **state)
{
    static const char *const texts[] = {NULL, "", "app.py:10", "session.py:17:name1_lock", "\xff", "nowhere"};
    enum { PAIRS = 12, MOVES = 6 };
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct world w;
        struct trail_pair pairs[PAIRS];
        struct trail_move moves[PAIRS][MOVES];
        make_world(&w, round);
        damage_at_random(&w, below(&w.seed, 12));
        for (size_t i = 0; i < w.b.copy_count; i++) {
            struct trail_copy *c = &w.b.copies[i].copy;
            c->runtime_id = texts[below(&w.seed, 3)];
            c->start_ns = (int64_t)below(&w.seed, 4);
            c->end_ns = (int64_t)below(&w.seed, 4);
            c->answered = (int)below(&w.seed, 600);
            c->names_only = c->stage == STAGE_UI;
        }
        for (size_t i = 0; i < PAIRS; i++) {
            pairs[i] = (struct trail_pair){
                .before = below(&w.seed, w.b.copy_count),
                .after = below(&w.seed, w.b.copy_count),
                .compared = below(&w.seed, 4) > 0,
                .same = below(&w.seed, 4) == 0,
                .moves = moves[i],
                .move_count = MOVES,
            };
            for (size_t k = 0; k < MOVES; k++) {
                moves[i][k] = (struct trail_move){
                    .kind = (enum trail_move_kind)below(&w.seed, MOVE_ADDED + 1),
                    .from = below(&w.seed, 2) ? w.right[below(&w.seed, w.locks)] : texts[below(&w.seed, 6)],
                    .to = below(&w.seed, 2) ? w.right[below(&w.seed, w.locks)] : texts[below(&w.seed, 6)],
                    .key = texts[below(&w.seed, 6)],
                    .samples = below(&w.seed, 8) ? below(&w.seed, 2000) : UINT64_MAX / 2,
                    .acquires_before = below(&w.seed, 2000),
                    .acquires_after = below(&w.seed, 2000),
                };
            }
        }
        w.b.input.pairs = pairs;
        w.b.input.pair_count = PAIRS;
        const struct trail_result *r = build_judge(&w.b);
        for (size_t i = 0; i < r->lock_count; i++) {
            assert_true(!r->locks[i].lost || r->locks[i].loss.evidence[0] != '\0');
            assert_true(!r->locks[i].lost || r->locks[i].loss.mechanisms != 0);
        }
        build_end(&w.b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_right_run_succeeds),
        cmocka_unit_test(test_the_order_of_copies_and_sightings_changes_nothing),
        cmocka_unit_test(test_splitting_a_copy_changes_no_state),
        cmocka_unit_test(test_one_more_right_copy_makes_no_verdict_worse),
        cmocka_unit_test(test_moves_that_make_no_sense),
        cmocka_unit_test(test_a_name_lost_at_a_stage_is_found_at_that_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
