/* SPDX-License-Identifier: Apache-2.0 */
/* Locks known by further sites, by names without a site, and by the last member of a C expression. */
#include "trail_build.h"

#define LOCKS_MAX 3
#define SAW_MAX 4
#define ACQUIRES 100

struct declared {
    const char *name, *site, *rendering;
    bool qualified;
    const char *sites[2];
};

struct saw {
    const char *label;
    uint64_t count;
};

static size_t declare(struct build *b, const struct declared *d, size_t place)
{
    struct err e;
    char *id = mem_printf("%zu", place);
    size_t lock = build_lock_of(b, "native", id, d->name, d->site, d->rendering);
    b->ledger.locks[lock].qualified = d->qualified;
    for (size_t i = 0; i < 2 && d->sites[i] != NULL; i++) {
        assert_int_equal(ledger_add_site(&b->ledger, lock, d->sites[i], &e), 0);
    }
    free(id);
    return lock;
}

static void start(struct build *b, const struct declared *locks)
{
    build_start(b);
    build_process_of(b, "native", "p.1", ARM_TEE, 1);
    for (size_t i = 0; i < LOCKS_MAX && locks[i].site != NULL; i++) {
        declare(b, &locks[i], i);
        build_took(b, 0, i, ACQUIRES);
    }
}

static void see(struct build *b, enum stage stage, const struct saw *saw)
{
    size_t copy = build_copy(b, stage, 0);
    for (size_t i = 0; i < SAW_MAX && saw[i].label != NULL; i++) {
        build_saw(b, copy, saw[i].label, saw[i].count);
    }
}

/* --- one stage ---------------------------------------------------------------------------------------------------- */

#define X(...)                                                                                                         \
    {                                                                                                                  \
        "x", "a.c:5", "exact", false,                                                                                  \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define QX(name)                                                                                                       \
    {                                                                                                                  \
        name, "a.c:5", "exact", true,                                                                                  \
        {                                                                                                              \
            NULL                                                                                                       \
        }                                                                                                              \
    }

static const struct {
    const char *what;
    struct declared locks[LOCKS_MAX];
    struct saw saw[SAW_MAX];
    enum lock_state states[LOCKS_MAX];
} cases[] = {
    /* further sites */
    {"a further site", {X("b.c:9")}, {{"b.c:9", 100}}, {STATE_GENERIC}},
    {"with a path on both sides", {X("src/b.c:9")}, {{"/x/b.c:9", 100}}, {STATE_GENERIC}},
    {"the second of two", {X("b.c:9", "c.c:1")}, {{"c.c:1", 100}}, {STATE_GENERIC}},
    {"another line", {X("b.c:9")}, {{"b.c:8", 100}}, {STATE_ABSENT}},
    {"the name at a further site", {X("b.c:9")}, {{"b.c:9:x", 100}}, {STATE_EXACT}},
    {"another name at a further site", {X("b.c:9")}, {{"b.c:9:y", 100}}, {STATE_ALIAS}},
    {"named at the first, nameless at the further one",
     {X("b.c:9")},
     {{"a.c:5:x", 60}, {"b.c:9", 40}},
     {STATE_GENERIC}},
    {"an address of the module", {X("svc+0x12f0")}, {{"svc+0x12f0", 100}}, {STATE_GENERIC}},
    {"another address", {X("svc+0x12f0")}, {{"svc+0x12f8", 100}}, {STATE_ABSENT}},
    {"a number that is no line", {X("svc:0")}, {{"svc:0", 100}}, {STATE_GENERIC}},
    {"of another folder", {X("svc:0")}, {{"src/svc:0", 100}}, {STATE_ABSENT}},
    {"more than a line", {X("b.c:9x")}, {{"b.c:9", 100}}, {STATE_ABSENT}},
    {"a line beyond any number", {X("b.c:4294967301")}, {{"b.c:5", 100}}, {STATE_ABSENT}},
    {"nobody's address", {X(NULL)}, {{"svc+0x12f0", 100}}, {STATE_ABSENT}},
    {"of a lock without a site", {{"x", "", "exact", false, {"b.c:9"}}}, {{"b.c:9", 100}}, {STATE_GENERIC}},
    /* a further site of several */
    {"the one that is named elsewhere keeps its name",
     {{"x", "a.c:5", "exact", false, {"w.c:3"}}, {"y", "a.c:6", "exact", false, {"w.c:3"}}},
     {{"a.c:5:x", 100}, {"w.c:3", 100}},
     {STATE_EXACT, STATE_GENERIC}},
    {"an expression is a name too",
     {{"x", "a.c:5", "exact", true, {"w.c:3"}}, {"y", "a.c:6", "exact", false, {"w.c:3"}}},
     {{"a.c:5:s->x", 100}, {"w.c:3", 100}},
     {STATE_EXACT, STATE_GENERIC}},
    {"nobody is named",
     {{"x", "a.c:5", "exact", false, {"w.c:3"}}, {"y", "a.c:6", "exact", false, {"w.c:3"}}},
     {{"w.c:3", 200}},
     {STATE_GENERIC, STATE_GENERIC}},
    {"all are named elsewhere, and somebody is not always",
     {{"x", "a.c:5", "exact", false, {"w.c:3"}}, {"y", "a.c:6", "exact", false, {"w.c:3"}}},
     {{"a.c:5:x", 60}, {"a.c:6:y", 60}, {"w.c:3", 80}},
     {STATE_GENERIC, STATE_GENERIC}},
    {"each is named there",
     {{"x", "a.c:5", "exact", false, {"w.c:3"}}, {"y", "a.c:6", "exact", false, {"w.c:3"}}},
     {{"w.c:3:y", 100}, {"w.c:3:x", 100}},
     {STATE_EXACT, STATE_EXACT}},
    {"the nameless one is the one that can't have a name",
     {{"x", "a.c:5", "exact", false, {"w.c:3"}}, {"y", "a.c:6", "generic", false, {"w.c:3"}}},
     {{"w.c:3:x", 100}, {"w.c:3", 100}},
     {STATE_EXACT, STATE_GENERIC}},
    {"the further site of one is the site of another",
     {{"x", "a.c:5", "exact", false, {"a.c:6"}}, {"y", "a.c:6", "exact", false, {NULL}}},
     {{"a.c:6:y", 100}, {"a.c:6", 100}},
     {STATE_GENERIC, STATE_EXACT}},
    /* a name and no site */
    {"a symbol without lines", {X(NULL)}, {{"svc:0:x", 100}}, {STATE_EXACT}},
    {"nobody's symbol", {X(NULL)}, {{"svc:0:y", 100}}, {STATE_ABSENT}},
    {"neither name nor line", {X(NULL)}, {{"svc:0", 100}}, {STATE_ABSENT}},
    {"a name where no site is", {X(NULL)}, {{"b.c:7:x", 100}}, {STATE_ABSENT}},
    {"symbol and offset as mangled",
     {{"x", "a.c:5", "mangled:g+8", false, {NULL}}},
     {{"svc:0:g+8", 100}},
     {STATE_MANGLED}},
    {"a symbol that two have",
     {{"x", "a.c:5", "exact", false, {NULL}}, {"x", "b.c:5", "exact", false, {NULL}}},
     {{"svc:0:x", 200}},
     {STATE_EXACT, STATE_EXACT}},
    {"a symbol at no site of a qualified lock", {QX("x")}, {{"svc:0:g.x", 100}}, {STATE_EXACT}},
    {"the same without it", {X(NULL)}, {{"svc:0:g.x", 100}}, {STATE_ABSENT}},
    /* a place in a larger object */
    {"a place is no name", {QX("x")}, {{"a.c:5:g+0x50", 100}}, {STATE_GENERIC}},
    {"to who knows no expressions it is one", {X(NULL)}, {{"a.c:5:g+0x50", 100}}, {STATE_ALIAS}},
    {"no digits", {QX("x")}, {{"a.c:5:g+0x", 100}}, {STATE_ALIAS}},
    {"more than digits", {QX("x")}, {{"a.c:5:g+0x5z", 100}}, {STATE_ALIAS}},
    {"no symbol", {QX("x")}, {{"a.c:5:+0x5", 100}}, {STATE_ALIAS}},
    {"a place that is the mangled name",
     {{"x", "a.c:5", "mangled:g+0x8", true, {NULL}}},
     {{"svc:0:g+0x8", 100}},
     {STATE_MANGLED}},
    {"a place that is a further site",
     {{"x", "a.c:5", "exact", true, {"svc:0:g+0x8"}}},
     {{"svc:0:g+0x8", 100}},
     {STATE_GENERIC}},
    {"another place", {{"x", "a.c:5", "exact", true, {"svc:0:g+0x8"}}}, {{"svc:0:g+0x10", 100}}, {STATE_ABSENT}},
    {"a place at the site of one that can't have a name",
     {{"x", "a.c:5", "exact", true, {"w.c:3"}}, {"y", "a.c:6", "generic", true, {"w.c:3"}}},
     {{"w.c:3:g->x", 100}, {"w.c:3:g+0x8", 100}},
     {STATE_EXACT, STATE_GENERIC}},
    {"and of nobody else",
     {{"x", "a.c:5", "exact", true, {"w.c:3"}}, {"y", "a.c:6", "generic", true, {"w.c:3"}}},
     {{"w.c:3:g+0x8", 100}},
     {STATE_ABSENT, STATE_GENERIC}},
    /* expressions */
    {"through a pointer", {QX("x")}, {{"a.c:5:s->x", 100}}, {STATE_EXACT}},
    {"in a struct", {QX("x")}, {{"a.c:5:s.x", 100}}, {STATE_EXACT}},
    {"alone", {QX("x")}, {{"a.c:5:x", 100}}, {STATE_EXACT}},
    {"far down", {QX("x")}, {{"a.c:5:g->t[2].s->x", 100}}, {STATE_EXACT}},
    {"unqualified", {X(NULL)}, {{"a.c:5:s->x", 100}}, {STATE_ALIAS}},
    {"the end of a word", {QX("x")}, {{"a.c:5:s->ax", 100}}, {STATE_ALIAS}},
    {"the end of the only word", {QX("x")}, {{"a.c:5:ax", 100}}, {STATE_ALIAS}},
    {"no arrow", {QX("x")}, {{"a.c:5:s>x", 100}}, {STATE_ALIAS}},
    {"half an arrow", {QX("x")}, {{"a.c:5:s-x", 100}}, {STATE_ALIAS}},
    {"not the last", {QX("x")}, {{"a.c:5:s->x.y", 100}}, {STATE_ALIAS}},
    {"an element that the declaration does not say", {QX("x")}, {{"a.c:5:s->x[3]", 100}}, {STATE_ALIAS}},
    {"an element that it says", {QX("x[3]")}, {{"a.c:5:s->x[3]", 100}}, {STATE_EXACT}},
    {"another element", {QX("x[3]")}, {{"a.c:5:s->x[2]", 100}}, {STATE_ALIAS}},
    {"a member of a member", {QX("in.x")}, {{"a.c:5:s->in.x", 100}}, {STATE_EXACT}},
    {"another member's", {QX("in.x")}, {{"a.c:5:s->out.x", 100}}, {STATE_ALIAS}},
    {"several expressions", {QX("x")}, {{"a.c:5:s->x", 50}, {"a.c:5:t->x", 50}}, {STATE_EXACT}},
    {"one of them wrong", {QX("x")}, {{"a.c:5:s->x", 50}, {"a.c:5:t->y", 50}}, {STATE_ALIAS}},
    {"the longer of two names at one site",
     {QX("x"), QX("in.x")},
     {{"a.c:5:s->in.x", 100}, {"a.c:5:s->x", 100}},
     {STATE_EXACT, STATE_EXACT}},
    {"an anonymous lock has no members", {{"", "a.c:5", "generic", true, {NULL}}}, {{"a.c:5:s->", 100}}, {STATE_ALIAS}},
    {"a lock without a site", {{"x", "", "exact", true, {NULL}}}, {{"b.c:7:s->x", 100}}, {STATE_EXACT}},
    {"unqualified without a site", {{"x", "", "exact", false, {NULL}}}, {{"b.c:7:s->x", 100}}, {STATE_ABSENT}},
};

static void test_each_label_is_the_lock_that_it_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start(&b, cases[i].locks);
        see(&b, STAGE_COLLECTOR, cases[i].saw);
        const struct trail_result *r = build_judge(&b);
        for (size_t k = 0; k < r->lock_count; k++) {
            enum lock_state found = r->locks[k].stages[STAGE_COLLECTOR].state;
            if (found != cases[i].states[k]) {
                fail_msg("%s: lock %zu is %s, not %s", cases[i].what, k, lock_state_name(found),
                         lock_state_name(cases[i].states[k]));
            }
        }
        build_end(&b);
    }
}

/* At every site the counts of the ledger are there, although the sites are two. */
static void test_counts_are_those_of_all_sites(void **state)
{
    static const struct {
        uint64_t there;
        bool lost;
    } parts[] = {{40, false}, {39, true}, {41, true}};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const struct declared locks[LOCKS_MAX] = {{"x", "a.c:5", "generic", false, {"b.c:9", "svc+0x10"}}};
        char again[] = "src/a.c:5"; /* its first site once more */
        struct err e;
        const struct saw saw[SAW_MAX] = {{"a.c:5", 30}, {"b.c:9", 30}, {"svc+0x10", parts[i].there}};
        struct build b;
        start(&b, locks);
        assert_int_equal(ledger_add_site(&b.ledger, 0, again, &e), 0);
        see(&b, STAGE_COLLECTOR, saw);
        const struct trail_result *r = build_judge(&b);
        assert_true(r->locks[0].stages[STAGE_COLLECTOR].count_checked);
        assert_int_equal(r->locks[0].lost, parts[i].lost);
        build_end(&b);
    }
}

/* Who is named in one process may be nameless in another. */
static void test_each_process_names_for_itself(void **state)
{
    const struct declared locks[LOCKS_MAX] = {{"x", "a.c:5", "exact", false, {"w.c:3"}},
                                              {"y", "a.c:6", "exact", false, {"w.c:3"}}};
    const struct saw saw[SAW_MAX] = {{"a.c:5:x", 100}, {"a.c:6:y", 100}};
    struct build b;
    (void)state;
    start(&b, locks);
    size_t other = build_process_of(&b, "native", "p.2", ARM_TEE, 1);
    build_took(&b, other, 0, ACQUIRES);
    build_took(&b, other, 1, ACQUIRES);
    see(&b, STAGE_COLLECTOR, saw);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, other, "w.c:3", 100);
    build_saw(&b, copy, "a.c:6:y", 100);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_GENERIC);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_EXACT);
    build_end(&b);
}

/* Whose acquires a shared further site has can't be said, so nothing is said of them. */
static void test_a_shared_further_site_has_no_count(void **state)
{
    const struct declared locks[LOCKS_MAX] = {{"x", "a.c:5", "generic", false, {"w.c:3"}},
                                              {"y", "a.c:6", "generic", false, {"w.c:3"}}};
    const struct saw saw[SAW_MAX] = {{"w.c:3", 150}, {"a.c:5", 50}};
    struct build b;
    (void)state;
    start(&b, locks);
    see(&b, STAGE_COLLECTOR, saw);
    const struct trail_result *r = build_judge(&b);
    assert_false(r->locks[0].stages[STAGE_COLLECTOR].count_checked);
    assert_false(r->locks[1].stages[STAGE_COLLECTOR].count_checked);
    expect_kept(r, 0);
    expect_kept(r, 1);
    assert_true(r->locks[0].known_limit);
    build_end(&b);
}

/* --- two copies --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    struct declared lock;
    struct saw before[SAW_MAX], after[SAW_MAX];
    const char *mechanism; /* NULL: kept */
} hops[] = {
    {"the same", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5:s->x", 100}}, NULL},
    {"two that stay",
     QX("x"),
     {{"a.c:5:s->x", 50}, {"a.c:5:t->x", 50}},
     {{"a.c:5:s->x", 50}, {"a.c:5:t->x", 50}},
     NULL},
    {"another folder", X(NULL), {{"src/a.c:5:x", 100}}, {{"a.c:5:x", 100}}, NULL},
    {"the path is cut", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5:x", 100}}, "value_rewritten"},
    {"another path", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5:t->x", 100}}, "value_rewritten"},
    {"one becomes the other",
     QX("x"),
     {{"a.c:5:s->x", 50}, {"a.c:5:t->x", 50}},
     {{"a.c:5:s->x", 100}},
     "value_rewritten"},
    {"the name is gone", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5", 100}}, "value_rewritten"},
    {"it came twice", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5:s->x", 200}}, "duplicated"},
    {"some are gone", QX("x"), {{"a.c:5:s->x", 100}}, {{"a.c:5:s->x", 90}}, "samples_dropped"},
    {"from one further site to another",
     {"x", "a.c:5", "generic", false, {"b.c:9", "svc+0x10"}},
     {{"svc+0x10", 100}},
     {{"svc+0x10", 100}},
     NULL},
};

static void test_no_text_changes_between_two_copies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        const struct declared locks[LOCKS_MAX] = {hops[i].lock};
        struct build b;
        start(&b, locks);
        see(&b, STAGE_COLLECTOR, hops[i].before);
        see(&b, STAGE_UPLOAD, hops[i].after);
        const struct trail_lock *l = &build_judge(&b)->locks[0];
        const char *found = l->lost ? mechanism_name(l->loss.mechanism) : "kept";
        if (strcmp(found, hops[i].mechanism ? hops[i].mechanism : "kept") != 0 ||
            (l->lost && l->loss.stage != STAGE_UPLOAD)) {
            fail_msg("%s: %s: %s", hops[i].what, found, l->lost ? l->loss.evidence : "");
        }
        build_end(&b);
    }
}

/* --- notes, steps and limits -------------------------------------------------------------------------------------- */

static void test_right_expressions_are_no_two_names(void **state)
{
    static const struct {
        const char *first, *second, *note;
    } names[] = {{"a.c:5:s->x", "a.c:5:t->x", NULL},
                 {"a.c:5:s->x", "a.c:5:t->y", "native 0 at collector: s->x in 60 samples, t->y in 40"},
                 {"a.c:5:s->x", "a.c:5:g+0x8", "native 0 at collector: s->x in 60 samples, g+0x8 in 40"},
                 {"a.c:5:g+0x8", "a.c:5:g+0x10", NULL},
                 {"a.c:5:g+0x8", "a.c:5", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct declared locks[LOCKS_MAX] = {QX("x")};
        const struct saw saw[SAW_MAX] = {{names[i].first, 60}, {names[i].second, 40}};
        struct build b;
        start(&b, locks);
        see(&b, STAGE_COLLECTOR, saw);
        const struct trail_result *r = build_judge(&b);
        if (names[i].note != NULL) {
            expect_note(r, names[i].note);
        } else {
            assert_int_equal(r->note_count, 0);
        }
        build_end(&b);
    }
}

static void test_a_further_site_is_not_a_shared_one(void **state)
{
    const struct declared locks[LOCKS_MAX] = {{"x", "a.c:6", "exact", false, {"a.c:5"}},
                                              {"y", "a.c:5", "exact", false, {NULL}},
                                              {"z", "a.c:5", "exact", false, {NULL}}};
    const struct saw saw[SAW_MAX] = {{"a.c:6:x", 100}, {"a.c:5:y", 100}, {"a.c:5:z", 100}};
    struct build b;
    (void)state;
    start(&b, locks);
    see(&b, STAGE_COLLECTOR, saw);
    const struct trail_result *r = build_judge(&b);
    expect_note(r, "native: 2 declared locks have the site a.c:5 and are told apart by their names alone");
    assert_int_equal(r->note_count, 1);
    build_end(&b);
}

static void test_an_expression_at_another_site_is_pointed_at(void **state)
{
    const struct declared locks[LOCKS_MAX] = {QX("x")};
    const struct saw saw[SAW_MAX] = {{"a.c:8:s->x", 80}, {"a.c:9:t->x", 10}, {"b.c:5:u->x", 10}};
    struct build b;
    (void)state;
    start(&b, locks);
    see(&b, STAGE_COLLECTOR, saw);
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(r->next_steps[0], "Check the site of x: the profile has a.c:8:s->x, declared is a.c:5");
    build_end(&b);
}

static void test_processes_add_their_sites(void **state)
{
    struct ledger ledger = {0};
    struct err e;
    static char worker[] = "w", id[] = "i", name[] = "n", pattern[] = "p", file[] = "a.c";
    char *first[] = {(char[]){"b.c:1"}, (char[]){"b.c:2"}}, *second[] = {(char[]){"b.c:2"}, (char[]){"b.c:3"}};
    struct lock lock = {.worker = worker, .id = id, .name = name, .pattern = pattern, .file = file, .line = 1};
    (void)state;
    lock.sites = first;
    lock.site_count = 2;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    lock.sites = second;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), 0);
    assert_int_equal(ledger.locks[0].site_count, 3);
    assert_string_equal(ledger.locks[0].sites[2], "b.c:3");
    lock.qualified = true;
    assert_int_equal(ledger_add_lock(&ledger, &lock, &e), -1);
    assert_string_equal(e.text, "worker w: lock i is declared twice with another qualified");
    for (unsigned i = 3; i < LEDGER_SITES_MAX; i++) {
        char *site = mem_printf("c.c:%u", i);
        assert_int_equal(ledger_add_site(&ledger, 0, site, &e), 0);
        free(site);
    }
    assert_int_equal(ledger_add_site(&ledger, 0, "b.c:3", &e), 0);
    assert_int_equal(ledger_add_site(&ledger, 0, "d.c:1", &e), -1);
    assert_string_equal(e.text, "worker w: lock i has more than 256 further sites");
    ledger_fini(&ledger);
}

/* What nobody started misses nothing. */
static void test_a_process_that_was_left_out_lacks_nothing(void **state)
{
    (void)state;
    for (int left_out = 0; left_out < 2; left_out++) {
        const struct declared locks[LOCKS_MAX] = {X(NULL)};
        const struct saw saw[SAW_MAX] = {{"a.c:5:x", 100}};
        struct build b;
        start(&b, locks);
        size_t process = build_process_of(&b, "native", "p.2", ARM_TEE, 1);
        build_took(&b, process, 0, ACQUIRES);
        b.ledger.instances[process].left_out = left_out;
        see(&b, STAGE_COLLECTOR, saw);
        expect_state(build_judge(&b), 0, STAGE_COLLECTOR, left_out ? STATE_EXACT : STATE_ABSENT);
        build_end(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_label_is_the_lock_that_it_shows),
        cmocka_unit_test(test_counts_are_those_of_all_sites),
        cmocka_unit_test(test_each_process_names_for_itself),
        cmocka_unit_test(test_a_shared_further_site_has_no_count),
        cmocka_unit_test(test_no_text_changes_between_two_copies),
        cmocka_unit_test(test_right_expressions_are_no_two_names),
        cmocka_unit_test(test_a_further_site_is_not_a_shared_one),
        cmocka_unit_test(test_an_expression_at_another_site_is_pointed_at),
        cmocka_unit_test(test_processes_add_their_sites),
        cmocka_unit_test(test_a_process_that_was_left_out_lacks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
