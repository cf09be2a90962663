/* SPDX-License-Identifier: Apache-2.0 */
/* What befalls samples between two copies of one upload: each mechanism at each hop. */
#include "trail_samples.h"

static const char X[] = "a.py:1:xlock";
static const char Y[] = "b.py:2:ylock";
static const char Z[] = "c.py:3:zlock";

/* Three locks of one process, with 10, 20 and 20 samples in each of two uploads. */
static void start(struct flights *f, enum arm arm)
{
    *f = (struct flights){0};
    build_start(&f->b);
    build_lock(&f->b, "xlock", "a.py:1", "exact");
    build_lock(&f->b, "ylock", "b.py:2", "exact");
    build_lock(&f->b, "zlock", "c.py:3", "exact");
    build_process(&f->b, "p.1", arm, 1);
    build_took(&f->b, 0, 0, 20);
    build_took(&f->b, 0, 1, 40);
    build_took(&f->b, 0, 2, 40);
}

static void fill(struct samples *s)
{
    *s = (struct samples){0};
    samples_add(s, X, 10);
    samples_add(s, Y, 20);
    samples_add(s, Z, 20);
    samples_add(s, NULL, 3);
    samples_add(s, "threading.py:563:_lock", 4);
}

typedef void (*damage_fn)(struct samples *s, size_t upload);

/* The way of two uploads; at `hop` and from there on they are damaged. Stages from `first` to `last`. */
static void fly(struct flights *f, enum stage first, enum stage last, enum stage hop, damage_fn damage)
{
    for (size_t upload = 0; upload < 2; upload++) {
        struct samples s;
        fill(&s);
        for (enum stage stage = first; stage <= last; stage++) {
            if (stage == hop) {
                damage(&s, upload);
            }
            flights_copy(f, stage, 0, &s, NULL, stage == STAGE_COLLECTOR ? 0 : 100 + 10 * (int64_t)upload);
        }
    }
}

static void relabel(struct samples *s, const char *from, const char *to, size_t most)
{
    for (size_t i = 0; i < s->count && most > 0; i++) {
        if (s->items[i].label == from) {
            s->items[i].label = to;
            most--;
        }
    }
}

static void exchange(struct samples *s, const char *a, const char *b)
{
    for (size_t i = 0; i < s->count; i++) {
        const char *label = s->items[i].label;
        s->items[i].label = label == a ? b : label == b ? a : label;
    }
}

/* --- damages ------------------------------------------------------------------------------------------------------ */

static void nothing(struct samples *s, size_t upload)
{
    (void)s;
    (void)upload;
}

static void drop_label(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, NULL, SAMPLES_MAX);
}

static void drop_label_in_part(struct samples *s, size_t upload)
{
    relabel(s, X, NULL, upload ? 7 : 0);
}

static void rekey(struct samples *s, const char *key)
{
    for (size_t i = 0; i < s->count; i++) {
        s->items[i].key = s->items[i].label == X ? key : s->items[i].key;
    }
}

static void rename_key(struct samples *s, size_t upload)
{
    (void)upload;
    rekey(s, "lock_name");
}

static void strip_key(struct samples *s, size_t upload)
{
    (void)upload;
    rekey(s, "");
}

static void truncate_value(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "a.py:1:xl", SAMPLES_MAX);
}

static void truncate_in_part(struct samples *s, size_t upload)
{
    relabel(s, X, "a.py:1:xl", upload ? 3 : 4);
}

static void truncate_below_the_site(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "a.p", SAMPLES_MAX);
}

static void truncate_to_the_site(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "a.py:1", SAMPLES_MAX);
}

static void truncate_to_nothing(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "", SAMPLES_MAX);
}

static void truncate_in_a_character(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "a.py:1:xl\xef\xbf\xbd", SAMPLES_MAX);
}

static void upper_case(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, "A.PY:1:XLOCK", SAMPLES_MAX);
}

static void as_another(struct samples *s, size_t upload)
{
    (void)upload;
    relabel(s, X, Y, SAMPLES_MAX);
}

static void swap(struct samples *s, size_t upload)
{
    (void)upload;
    exchange(s, Y, Z);
}

static void swap_and_cut(struct samples *s, size_t upload)
{
    swap(s, upload);
    relabel(s, Y, "b.py:2:yl", SAMPLES_MAX);
    relabel(s, Z, "c.py:3:zl", SAMPLES_MAX);
}

static void cycle(struct samples *s, size_t upload)
{
    swap(s, upload);
    exchange(s, X, Z);
}

static void swap_once(struct samples *s, size_t upload)
{
    if (upload == 1) {
        exchange(s, Y, Z);
    }
}

static void drop_samples(struct samples *s, size_t most)
{
    for (size_t i = 0; i < s->count && most > 0; i++) {
        if (s->items[i].label == X) {
            s->items[i].there = false;
            most--;
        }
    }
}

static void drop_all_samples(struct samples *s, size_t upload)
{
    (void)upload;
    drop_samples(s, SAMPLES_MAX);
}

static void drop_some_samples(struct samples *s, size_t upload)
{
    drop_samples(s, upload ? 1 : 2);
}

static void corrupt_second(struct samples *s, size_t upload)
{
    s->corrupt = upload == 1;
}

static void corrupt(struct samples *s, size_t upload)
{
    (void)upload;
    s->corrupt = true;
}

static void add_samples(struct samples *s, size_t upload)
{
    samples_add(s, X, upload ? 5 : 0);
}

/* Fewer acquires in as many samples. */
static void halve_acquires(struct samples *s, size_t upload)
{
    (void)upload;
    for (size_t i = 0; i < s->count; i += 2) {
        s->items[i].acquires = s->items[i].label == X ? 0 : s->items[i].acquires;
    }
}

/* --- each mechanism at each hop ----------------------------------------------------------------------------------- */

/* What lock `lock` is told; %B stage before, %H stage of the loss. */
static const struct {
    const char *what;
    damage_fn damage;
    size_t lock;
    enum mechanism mechanism;
    enum lock_state state;
    const char *evidence, *own, *common;
} CASES[] = {
    {"label dropped", drop_label, 0, MECHANISM_LABEL_DROPPED, STATE_ABSENT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has no label on 20 samples "
     "(copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): no label there"},
    {"label dropped in part", drop_label_in_part, 0, MECHANISM_LABEL_DROPPED, STATE_EXACT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.2.pprof), %H has no label on 7 of 20 samples "
     "(copies/%H/p.1.2.pprof)",
     "'a.py:1:xlock' in 7 of 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): no label there"},
    {"key renamed", rename_key, 0, MECHANISM_LABEL_KEY_RENAMED, STATE_ABSENT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has it under the key 'lock_name' in 20 samples "
     "(copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): under the key 'lock_name' there"},
    {"key stripped", strip_key, 0, MECHANISM_LABEL_KEY_RENAMED, STATE_ABSENT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has it without a key in 20 samples "
     "(copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): without a key there"},
    {"truncated", truncate_value, 0, MECHANISM_VALUE_TRUNCATED, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'a.py:1:xl' in 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 9 bytes",
     "'a.py:1:xlock' became 'a.py:1:xl' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 9 bytes"},
    {"truncated in part", truncate_in_part, 0, MECHANISM_VALUE_TRUNCATED, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'a.py:1:xl' in 7 of 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 9 bytes",
     "'a.py:1:xlock' became 'a.py:1:xl' in 7 of 20 samples",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 9 bytes"},
    {"truncated below the site", truncate_below_the_site, 0, MECHANISM_VALUE_TRUNCATED, STATE_GENERIC,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'a.p' in 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 3 bytes",
     "'a.py:1:xlock' became 'a.p' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 3 bytes"},
    {"truncated to the site", truncate_to_the_site, 0, MECHANISM_VALUE_TRUNCATED, STATE_GENERIC,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'a.py:1' in 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 6 bytes",
     "'a.py:1:xlock' became 'a.py:1' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 6 bytes"},
    {"truncated to nothing", truncate_to_nothing, 0, MECHANISM_VALUE_TRUNCATED, STATE_GENERIC,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has '' in 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 0 bytes",
     "'a.py:1:xlock' became '' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 0 bytes"},
    {"truncated in a character", truncate_in_a_character, 0, MECHANISM_VALUE_TRUNCATED, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'a.py:1:xl\xef\xbf\xbd' in 20 samples "
     "(copies/%H/p.1.1.pprof): cut to 9 bytes",
     "'a.py:1:xlock' became 'a.py:1:xl\xef\xbf\xbd' in 20 samples",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): cut to 9 bytes"},
    {"upper-cased", upper_case, 0, MECHANISM_VALUE_REWRITTEN, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'A.PY:1:XLOCK' in 20 samples "
     "(copies/%H/p.1.1.pprof): upper-cased",
     "'a.py:1:xlock' became 'A.PY:1:XLOCK' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): upper-cased"},
    {"as another lock's", as_another, 0, MECHANISM_VALUE_REWRITTEN, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'b.py:2:ylock' in 20 samples "
     "(copies/%H/p.1.1.pprof): the value replaced by 'b.py:2:ylock'",
     "'a.py:1:xlock' became 'b.py:2:ylock' in 20 samples",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): the value replaced by 'b.py:2:ylock'"},
    {"swapped", swap, 1, MECHANISM_NAMES_SWAPPED, STATE_ALIAS,
     "%B has 'b.py:2:ylock' in 40 samples (copies/%B/p.1.1.pprof), %H has 'c.py:3:zlock' in 40 samples "
     "(copies/%H/p.1.1.pprof); 'c.py:3:zlock' has become 'b.py:2:ylock' at the same stage",
     "'b.py:2:ylock' became 'c.py:3:zlock' in 40 samples; 'c.py:3:zlock' has become 'b.py:2:ylock' at the same stage",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"swapped, the other one", swap, 2, MECHANISM_NAMES_SWAPPED, STATE_ALIAS,
     "%B has 'c.py:3:zlock' in 40 samples (copies/%B/p.1.1.pprof), %H has 'b.py:2:ylock' in 40 samples "
     "(copies/%H/p.1.1.pprof); 'b.py:2:ylock' has become 'c.py:3:zlock' at the same stage",
     "'c.py:3:zlock' became 'b.py:2:ylock' in 40 samples; 'b.py:2:ylock' has become 'c.py:3:zlock' at the same stage",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"in a circle", cycle, 0, MECHANISM_NAMES_SWAPPED, STATE_ALIAS,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 'c.py:3:zlock' in 20 samples "
     "(copies/%H/p.1.1.pprof); 'c.py:3:zlock' has become 'b.py:2:ylock' at the same stage",
     "'a.py:1:xlock' became 'c.py:3:zlock' in 20 samples; 'c.py:3:zlock' has become 'b.py:2:ylock' at the same stage",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"swapped and cut", swap_and_cut, 1, MECHANISM_NAMES_SWAPPED, STATE_ALIAS,
     "%B has 'b.py:2:ylock' in 40 samples (copies/%B/p.1.1.pprof), %H has 'c.py:3:zl' in 40 samples "
     "(copies/%H/p.1.1.pprof): cut to 9 bytes of 'c.py:3:zlock'; 'c.py:3:zlock' has become 'b.py:2:yl' at the same "
     "stage",
     "'b.py:2:ylock' became 'c.py:3:zl' in 40 samples: cut to 9 bytes of 'c.py:3:zlock'; 'c.py:3:zlock' has become "
     "'b.py:2:yl' at the same stage",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"swapped in one upload", swap_once, 1, MECHANISM_NAMES_SWAPPED, STATE_ALIAS,
     "%B has 'b.py:2:ylock' in 40 samples (copies/%B/p.1.2.pprof), %H has 'c.py:3:zlock' in 20 of 40 samples "
     "(copies/%H/p.1.2.pprof); 'c.py:3:zlock' has become 'b.py:2:ylock' at the same stage",
     "'b.py:2:ylock' became 'c.py:3:zlock' in 20 of 40 samples; 'c.py:3:zlock' has become 'b.py:2:ylock' at the same "
     "stage",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"samples dropped", drop_all_samples, 0, MECHANISM_SAMPLES_DROPPED, STATE_ABSENT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H lacks all of them (copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' in 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): the samples are not there"},
    {"some samples dropped", drop_some_samples, 0, MECHANISM_SAMPLES_DROPPED, STATE_EXACT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H lacks 3 of 20 samples (copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' in 3 of 20 samples", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...): the samples are not there"},
    {"acquires dropped", halve_acquires, 0, MECHANISM_SAMPLES_DROPPED, STATE_EXACT,
     "%B has 'a.py:1:xlock' in 20 samples (copies/%B/p.1.1.pprof), %H has 10 of their 20 acquires "
     "(copies/%H/p.1.1.pprof)",
     "'a.py:1:xlock' with 10 of 20 acquires", "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
    {"one of two corrupt", corrupt_second, 0, MECHANISM_PROFILE_CORRUPT, STATE_EXACT,
     "%B has 'a.py:1:xlock' in 10 of 20 samples (copies/%B/p.1.2.pprof), the copy of that at %H can't be read: "
     "copies/%H/p.1.2.pprof: truncated at offset 12",
     "'a.py:1:xlock' in 10 of 20 samples",
     "p.1: 1 of 2 copies at %H can't be read: copies/%H/p.1.2.pprof: truncated at offset 12"},
    {"both corrupt", corrupt, 2, MECHANISM_PROFILE_CORRUPT, STATE_ABSENT,
     "%B has 'c.py:3:zlock' in 40 samples (copies/%B/p.1.1.pprof), the copy of that at %H can't be read: "
     "copies/%H/p.1.1.pprof: truncated at offset 12",
     "'c.py:3:zlock' in 40 samples",
     "p.1: 2 of 2 copies at %H can't be read: copies/%H/p.1.1.pprof: truncated at offset 12"},
    {"samples added", add_samples, 0, MECHANISM_DUPLICATED, STATE_EXACT,
     "%H has 'a.py:1:xlock' in 5 samples more than %B (copies/%H/p.1.2.pprof)", "'a.py:1:xlock' in 5 samples more",
     "p.1, in 2 copies (copies/%H/p.1.1.pprof ...)"},
};

/* Replaces %B and %H. */
static void expand(const char *text, enum stage hop, char *out, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + 20 < size; text++) {
        if (text[0] == '%' && (text[1] == 'B' || text[1] == 'H')) {
            used += (size_t)snprintf(out + used, size - used, "%s", stage_name(text[1] == 'B' ? hop - 1 : hop));
            text++;
        } else {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
}

static void test_each_mechanism_at_each_hop(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        for (enum stage hop = STAGE_UPLOAD; hop <= STAGE_BACKEND; hop++) {
            struct flights f;
            char text[3][1024];
            start(&f, ARM_TEE);
            fly(&f, STAGE_COLLECTOR, STAGE_BACKEND, hop, CASES[i].damage);
            const struct trail_result *r = flights_judge(&f);
            const struct loss *loss = &r->locks[CASES[i].lock].loss;
            expand(CASES[i].evidence, hop, text[0], sizeof text[0]);
            expand(CASES[i].own, hop, text[1], sizeof text[1]);
            expand(CASES[i].common, hop, text[2], sizeof text[2]);
            expect_lost(r, CASES[i].lock, hop, CASES[i].mechanism, text[0]);
            assert_string_equal(loss->own, text[1]);
            assert_string_equal(loss->common, text[2]);
            assert_int_equal(loss->mechanisms, LOSS_MECHANISM(CASES[i].mechanism));
            assert_int_equal(loss->later_count, 0);
            for (enum stage s = STAGE_COLLECTOR; s < hop; s++) {
                expect_state(r, CASES[i].lock, s, STATE_EXACT);
            }
            for (enum stage s = hop; s <= STAGE_BACKEND; s++) {
                expect_state(r, CASES[i].lock, s, CASES[i].state);
            }
            expect_verdict(r, VERDICT_PARTIAL);
            flights_end(&f);
        }
    }
}

/* Nobody but those who were hit is lost, and labels that another lock took are still the old one's. */
static void test_others_are_kept(void **state)
{
    static const struct {
        damage_fn damage;
        const char *lost;
    } cases[] = {
        {nothing, ""},    {drop_label, "x"}, {rename_key, "x"},       {truncate_value, "x"}, {as_another, "x"},
        {swap, "yz"},     {cycle, "xyz"},    {drop_all_samples, "x"}, {add_samples, "x"},    {truncate_to_nothing, "x"},
        {corrupt, "xyz"}, {upper_case, "x"}, {halve_acquires, "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        start(&f, ARM_UPLOAD);
        fly(&f, STAGE_UPLOAD, STAGE_BACKEND, STAGE_AGENT, cases[i].damage);
        const struct trail_result *r = flights_judge(&f);
        for (size_t lock = 0; lock < 3; lock++) {
            if (strchr(cases[i].lost, (int)("xyz"[lock])) != NULL) {
                assert_true(r->locks[lock].lost);
            } else {
                expect_kept(r, lock);
                expect_state(r, lock, STAGE_BACKEND, STATE_EXACT);
            }
        }
        expect_verdict(r, cases[i].lost[0] ? VERDICT_PARTIAL : VERDICT_SUCCESS);
        flights_end(&f);
    }
}

static void test_what_a_swapped_lock_is_shown_as(void **state)
{
    struct flights f;
    (void)state;
    start(&f, ARM_UPLOAD);
    fly(&f, STAGE_UPLOAD, STAGE_BACKEND, STAGE_AGENT, cycle);
    const struct trail_result *r = flights_judge(&f);
    static const char *const shown[] = {Z, X, Y};
    for (size_t lock = 0; lock < 3; lock++) {
        for (enum stage s = STAGE_AGENT; s <= STAGE_BACKEND; s++) {
            const struct stage_result *stage = &r->locks[lock].stages[s];
            assert_int_equal(stage->seen_count, 1);
            assert_string_equal(stage->seen_as[0].label, shown[lock]);
            assert_int_equal(stage->samples, r->locks[lock].stages[STAGE_UPLOAD].samples);
            assert_int_equal(stage->hold_ns, stage->samples * 9);
            assert_true(stage->count_equal);
        }
    }
    assert_int_equal(r->undeclared_count, 1);
    flights_end(&f);
}

/* Where a lock's label was changed to another's, each has its own samples of that row. */
static void test_a_row_of_two_locks(void **state)
{
    struct flights f;
    (void)state;
    start(&f, ARM_UPLOAD);
    fly(&f, STAGE_UPLOAD, STAGE_BACKEND, STAGE_AGENT, as_another);
    const struct trail_result *r = flights_judge(&f);
    for (enum stage s = STAGE_AGENT; s <= STAGE_BACKEND; s++) {
        assert_int_equal(r->locks[0].stages[s].samples, 20);
        assert_int_equal(r->locks[1].stages[s].samples, 40);
        assert_int_equal(r->locks[0].stages[s].hold_ns, 180);
        assert_int_equal(r->locks[1].stages[s].hold_ns, 360);
        expect_state(r, 0, s, STATE_ALIAS);
        expect_state(r, 1, s, STATE_EXACT);
        assert_true(r->locks[1].stages[s].count_equal);
    }
    flights_end(&f);
}

/* Without pairs a swap of whole labels can't be seen: this is what pairs are for. */
static void test_pairs_are_what_tells_a_swap(void **state)
{
    struct flights f;
    (void)state;
    start(&f, ARM_UPLOAD);
    fly(&f, STAGE_UPLOAD, STAGE_AGENT, STAGE_AGENT, swap);
    f.no_pairs = true;
    expect_verdict(flights_judge(&f), VERDICT_SUCCESS);
    f.no_pairs = false;
    expect_verdict(flights_judge(&f), VERDICT_PARTIAL);
    flights_end(&f);
}

/* --- exchange ----------------------------------------------------------------------------------------------------- */

/* A label that another lock's took, while that one's became something else: nothing came back. */
static void test_a_chain_is_no_exchange(void **state)
{
    struct flights f;
    struct samples s;
    (void)state;
    start(&f, ARM_UPLOAD);
    fill(&s);
    f.b.ledger.instances[0].capture_rate = 0.5;
    flights_copy(&f, STAGE_UPLOAD, 0, &s, NULL, 100);
    relabel(&s, Z, "c.py:3:", SAMPLES_MAX);
    relabel(&s, Y, Z, SAMPLES_MAX);
    relabel(&s, X, Y, SAMPLES_MAX);
    flights_copy(&f, STAGE_AGENT, 0, &s, NULL, 100);
    const struct trail_result *r = flights_judge(&f);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_rewritten");
    assert_string_equal(mechanism_name(r->locks[1].loss.mechanism), "value_rewritten");
    assert_string_equal(mechanism_name(r->locks[2].loss.mechanism), "value_truncated");
    flights_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mechanism_at_each_hop),      cmocka_unit_test(test_others_are_kept),
        cmocka_unit_test(test_what_a_swapped_lock_is_shown_as), cmocka_unit_test(test_a_row_of_two_locks),
        cmocka_unit_test(test_pairs_are_what_tells_a_swap),     cmocka_unit_test(test_a_chain_is_no_exchange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
