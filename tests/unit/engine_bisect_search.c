/* SPDX-License-Identifier: Apache-2.0 */
/* Planted boundaries are found, within the tries that a binary search has; what hides one is said. */
#include "engine/bisect_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VALUES_MAX 200

/* One letter for each value: n named, l lost, u can't be judged; f lost at the second try of three, g at the third one
 * only, h at the first one only. */
struct planted {
    const char *values;
    struct bisect_tries tries[VALUES_MAX];
    struct bisect_search search;
    char order[4 * VALUES_MAX]; /* the values in the order in which they were tried, from a: "ad" */
    unsigned count;
};

static enum bisect_outcome outcome(char letter, unsigned before)
{
    switch (letter) {
    case 'n':
        return BISECT_NAMED;
    case 'l':
        return BISECT_LOST;
    case 'f':
        return before % 3 == 1 ? BISECT_LOST : BISECT_NAMED;
    case 'h':
        return before == 0 ? BISECT_LOST : BISECT_NAMED;
    case 'g':
        return before == 2 ? BISECT_LOST : BISECT_NAMED;
    default:
        return BISECT_UNKNOWN;
    }
}

static struct bisect_result search(struct planted *p, const char *values, unsigned repeats)
{
    size_t value;
    *p = (struct planted){.values = values};
    p->search = (struct bisect_search){.values = p->tries, .count = strlen(values), .repeats = repeats};
    while (bisect_search_next(&p->search, &value)) {
        const struct bisect_tries *t = &p->tries[value];
        assert_true(value < p->search.count);
        assert_true(p->count < p->search.count * repeats);
        p->order[p->count++] = value < 26 ? (char)('a' + value) : '?';
        bisect_search_add(&p->search, value, outcome(values[value], t->named + t->lost + t->unknown));
    }
    return bisect_search_result(&p->search);
}

static void test_every_boundary_of_every_length(void **state)
{
    (void)state;
    for (size_t count = 2; count < VALUES_MAX; count += count < 40 ? 1 : 37) {
        for (size_t at = 1; at < count; at++) {
            for (int loses = 0; loses < 2; loses++) {
                char values[VALUES_MAX];
                struct planted p;
                memset(values, loses ? 'n' : 'l', at);
                memset(values + at, loses ? 'l' : 'n', count - at);
                values[count] = '\0';
                struct bisect_result r = search(&p, values, 1);
                assert_int_equal(r.end, BISECT_BOUNDARY);
                assert_int_equal(r.before, at - 1);
                assert_int_equal(r.after, at);
                assert_int_equal(r.loses, loses);
                assert_true(r.monotone && !r.flaky);
                /* Two ends, a binary search, one look on each side. */
                unsigned most = 4;
                for (size_t left = count - 1; left > 1; left = (left + 1) / 2)
                    most++;
                assert_true(p.count <= most);
            }
        }
    }
}

static void test_what_is_tried_and_when(void **state)
{
    static const struct {
        const char *values;
        unsigned repeats;
        const char *order;
    } cases[] = {
        {"ln", 1, "ab"},
        {"ln", 3, "abaabb"},
        {"lnnn", 1, "adbc"},        /* c: a look between b and d */
        {"lnnn", 2, "adadbbc"},     /* b is a neighbour, so it is tried again */
        {"llllnnnnn", 1, "aiecdg"}, /* g: the widest gap on that side */
        {"nnnn", 1, "adb"},         /* ends that agree, and a look between them */
        {"nl", 2, "abab"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct planted p;
        search(&p, cases[i].values, cases[i].repeats);
        assert_string_equal(p.order, cases[i].order);
    }
}

static void test_ends_that_agree(void **state)
{
    struct planted p;
    (void)state;
    struct bisect_result r = search(&p, "nnnnnnnnn", 1);
    assert_int_equal(r.end, BISECT_SAME);
    assert_true(r.monotone);
    assert_int_equal(bisect_search_state(&p.search, r.first), BISECT_NAMED);
    r = search(&p, "lllllllll", 1);
    assert_int_equal(r.end, BISECT_SAME);
    assert_int_equal(bisect_search_state(&p.search, r.last), BISECT_LOST);
}

static void test_a_name_that_comes_and_goes(void **state)
{
    struct planted p;
    (void)state;
    struct bisect_result r = search(&p, "nnnlllnnn", 1);
    assert_int_equal(r.end, BISECT_SAME);
    assert_false(r.monotone);
    assert_int_equal(r.odd, 4);
    /* A loss that contradicts is tried again: a flaky one makes no second boundary. */
    r = search(&p, "nnnnhnnnn", 3);
    assert_int_equal(r.end, BISECT_SAME);
    assert_true(!r.monotone && r.flaky);
    assert_int_equal(r.odd, 4);
    assert_int_equal(p.tries[4].named, 2);
    r = search(&p, "nnnnhnnnnnnnnnnnll", 3);
    assert_int_equal(r.before, 15);
    r = search(&p, "llnllllllllllnnn", 1); /* the search never comes near c */
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_int_equal(r.after, 13);
    assert_true(r.monotone);
    r = search(&p, "nnllllnnnnnnnlll", 1); /* its look on the left does */
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_false(r.monotone);
    assert_int_equal(r.odd, 3);
}

static void test_what_can_not_be_judged_is_stepped_over(void **state)
{
    struct planted p;
    (void)state;
    struct bisect_result r = search(&p, "lluuunn", 1);
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_int_equal(r.before, 1);
    assert_int_equal(r.after, 5);
    r = search(&p, "uuuuuuulllllnnnnnnuu", 1);
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_int_equal(r.first, 7);
    assert_int_equal(r.last, 16);
    assert_int_equal(r.after, 12);
    assert_true(strncmp(p.order, "abdhtq", 4) == 0);
    r = search(&p, "uuuuuuu", 3);
    assert_int_equal(r.end, BISECT_UNJUDGED);
    assert_string_equal(p.order, "abd"); /* none more than once */
    r = search(&p, "nuuu", 1);
    assert_int_equal(r.end, BISECT_UNJUDGED);
    r = search(&p, "n", 1);
    assert_int_equal(r.end, BISECT_UNJUDGED);
}

/* A third of the tries lose the name: a good one between is taken at its word only after as many as the ends had. */
static void test_flaky_values_are_tried_as_often_as_the_ends(void **state)
{
    struct planted p;
    (void)state;
    struct bisect_result r = search(&p, "nnnnnffffffff", 3);
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_int_equal(r.before, 4);
    assert_int_equal(r.after, 5);
    assert_true(r.flaky && r.monotone);
    assert_int_equal(p.tries[12].lost, 1);
    assert_int_equal(p.tries[12].named, 2);
    assert_int_equal(p.tries[4].named, 3);
}

/* The neighbours of the boundary are tried again: what looked good once may be lost at its third try. */
static void test_a_neighbour_that_changes_its_mind(void **state)
{
    struct planted p;
    (void)state;
    struct bisect_result r = search(&p, "nnnnnglll", 3);
    assert_int_equal(r.end, BISECT_BOUNDARY);
    assert_int_equal(r.before, 4);
    assert_int_equal(r.after, 5);
    assert_true(r.flaky);
}

static void test_doubt(void **state)
{
    struct bisect_tries tries[] = {{.named = 5}, {.named = 1, .lost = 1}, {.named = 3, .lost = 1}, {.lost = 4}};
    struct bisect_search s = {.values = tries, .count = 4, .repeats = 1};
    (void)state;
    assert_true(bisect_search_doubt(&s, 2) == 0.75 * 0.75);
    s.count = 1;
    assert_true(bisect_search_doubt(&s, 2) == 0);
    s.values = tries + 3;
    assert_true(bisect_search_doubt(&s, 2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_boundary_of_every_length),
        cmocka_unit_test(test_what_is_tried_and_when),
        cmocka_unit_test(test_ends_that_agree),
        cmocka_unit_test(test_a_name_that_comes_and_goes),
        cmocka_unit_test(test_what_can_not_be_judged_is_stepped_over),
        cmocka_unit_test(test_flaky_values_are_tried_as_often_as_the_ends),
        cmocka_unit_test(test_a_neighbour_that_changes_its_mind),
        cmocka_unit_test(test_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
