/* SPDX-License-Identifier: Apache-2.0 */
/* Which copies of neighbouring stages are one upload, and what became of uploads between them. */
#include "trail_build.h"

#include "trail/uploads.h"

#include <inttypes.h>

/* A copy in few words. */
struct one {
    char stage;       /* c u a b */
    const char *hash; /* NULL unknown */
    const char *id;   /* runtime id */
    int64_t start, end;
    int answered;
};

static enum stage stage_of(char c)
{
    return c == 'c' ? STAGE_COLLECTOR : c == 'u' ? STAGE_UPLOAD : c == 'a' ? STAGE_AGENT : STAGE_BACKEND;
}

#define COPIES_MAX 10

struct expected_hop {
    uint64_t sent, received, same, changed, lost, doubled, retried, reordered, merged, split, unknown, told_well;
};

static void expect_hop(const char *what, const struct trail_hop *h, const struct expected_hop *e)
{
    const uint64_t got[] = {h->sent,    h->received,  h->same,   h->changed, h->lost,    h->doubled,
                            h->retried, h->reordered, h->merged, h->split,   h->unknown, h->told_well};
    const uint64_t want[] = {e->sent,    e->received,  e->same,   e->changed, e->lost,    e->doubled,
                             e->retried, e->reordered, e->merged, e->split,   e->unknown, e->told_well};
    static const char *const names[] = {"sent",    "received",  "same",   "changed", "lost",    "doubled",
                                        "retried", "reordered", "merged", "split",   "unknown", "told_well"};
    for (size_t i = 0; i < sizeof got / sizeof got[0]; i++) {
        if (got[i] != want[i]) {
            fail_msg("%s: %" PRIu64 " %s, expected %" PRIu64, what, got[i], names[i], want[i]);
        }
    }
}

/* Copies of one process in the order of their arrival. Returns how many there are. */
static size_t fill(struct build *b, const struct one *ones, struct trail_copy *copies)
{
    size_t count = 0;
    for (; count < COPIES_MAX && ones[count].stage != '\0'; count++) {
        const struct one *o = &ones[count];
        unsigned sequence = 1;
        for (size_t k = 0; k < count; k++) {
            sequence += ones[k].stage == o->stage;
        }
        copies[count] = (struct trail_copy){
            .stage = stage_of(o->stage),
            .path = build_text(b, mem_printf("%c.%u", o->stage, sequence)),
            .hash = o->hash,
            .runtime_id = o->id,
            .start_ns = o->start,
            .end_ns = o->end,
            .sequence = sequence,
            .answered = o->answered,
        };
    }
    return count;
}

static void test_hops(void **state)
{
    static const struct {
        const char *what;
        enum arm arm;
        struct one ones[COPIES_MAX];
        const char *pairs; /* "u.1=a.1 u.2~a.2" */
        struct expected_hop hop;
    } cases[] = {
        {"same bytes, other order",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'u', "2", "r", 2, 3, 200}, {'a', "2", "r", 2, 3, 0}, {'a', "1", "r", 1, 2, 0}},
         "u.2=a.1 u.1=a.2",
         {.sent = 2, .received = 2, .same = 2, .reordered = 1}},
        {"other bytes, by time",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "r", 2, 3, 0}, {'a', "y", "r", 2, 3, 0}, {'a', "x", "r", 1, 2, 0}},
         "u.2~a.1 u.1~a.2",
         {.sent = 2, .received = 2, .changed = 2, .reordered = 1}},
        {"one time, two runtime ids",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "s", 1, 2, 0}, {'a', "y", "s", 1, 2, 0}, {'a', "x", "r", 1, 2, 0}},
         "u.2~a.1 u.1~a.2",
         {.sent = 2, .received = 2, .changed = 2, .reordered = 1}},
        {"two profiles in one upload",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "r", 1, 2, 0}, {'a', "x", "r", 1, 2, 0}, {'a', "2", "r", 1, 2, 0}},
         "u.1~a.1 u.2=a.2",
         {.sent = 2, .received = 2, .same = 1, .changed = 1}},
        {"two profiles in one upload, both changed",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "r", 1, 2, 0}, {'a', "x", "r", 1, 2, 0}, {'a', "y", "r", 1, 2, 0}},
         "u.1~a.1 u.2~a.2",
         {.sent = 2, .received = 2, .changed = 2}},
        {"lost, its sender told that all is well",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'u', "2", "r", 2, 3, 202}, {'u', "3", "r", 3, 4, 503}, {'a', "1", "r", 1, 2, 0}},
         "u.1=a.1",
         {.sent = 3, .received = 1, .same = 1, .lost = 2, .told_well = 1}},
        {"lost, and a copy of another time",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'a', "x", "r", 8, 9, 0}},
         "",
         {.sent = 1, .received = 1, .lost = 1, .unknown = 1}},
        {"doubled",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 200}},
         "u.1=a.1 u.1=a.2",
         {.sent = 1, .received = 2, .same = 2, .doubled = 1}},
        {"doubled, and changed once",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'a', "x", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 200}},
         "u.1~a.1 u.1=a.2",
         {.sent = 1, .received = 2, .same = 1, .changed = 1, .doubled = 1}},
        {"doubled, and changed twice",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'a', "x", "r", 1, 2, 200}, {'a', "x", "r", 1, 2, 200}},
         "u.1~a.1 u.1~a.2",
         {.sent = 1, .received = 2, .changed = 2, .doubled = 1}},
        {"came twice before too",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'u', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 0}, {'a', "1", "r", 1, 2, 0}},
         "u.1=a.1 u.2=a.2",
         {.sent = 1, .received = 2, .same = 2}},
        {"sent again after a failure, once passed on",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 503}, {'u', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 0}},
         "u.2=a.1",
         {.sent = 1, .received = 1, .same = 1}},
        {"sent again after a failure, twice passed on",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 502}, {'u', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 0}},
         "u.2=a.1 u.2=a.2",
         {.sent = 1, .received = 2, .same = 2, .retried = 1}},
        {"sent again by the agent",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 200}, {'a', "1", "r", 1, 2, 503}, {'a', "1", "r", 1, 2, 200}},
         "u.1=a.1 u.1=a.2",
         {.sent = 1, .received = 2, .same = 2, .retried = 1}},
        {"sent again by the agent, and once too often",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'a', "1", "r", 1, 2, 503}, {'a', "1", "r", 1, 2, 0}, {'a', "1", "r", 1, 2, 0}},
         "u.1=a.1 u.1=a.2 u.1=a.3",
         {.sent = 1, .received = 3, .same = 3, .retried = 1, .doubled = 1}},
        {"every attempt failed",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 503}, {'u', "1", "r", 1, 2, 503}, {'a', "2", "r", 5, 6, 0}},
         "",
         {.sent = 1, .received = 1, .lost = 1, .unknown = 1}},
        {"merged",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "r", 2, 3, 0}, {'u', "3", "r", 3, 4, 0}, {'a', "x", "r", 1, 3, 0}},
         "",
         {.sent = 3, .received = 1, .merged = 2, .lost = 1}},
        {"split",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 4, 0}, {'u', "2", "r", 4, 5, 0}, {'a', "x", "r", 1, 2, 0}, {'a', "y", "r", 2, 4, 0}},
         "",
         {.sent = 2, .received = 2, .split = 1, .lost = 1}},
        {"another process's time is not merged",
         ARM_UPLOAD,
         {{'u', "1", "r", 1, 2, 0}, {'u', "2", "s", 2, 3, 0}, {'a', "x", "r", 0, 3, 0}},
         "",
         {.sent = 2, .received = 1, .lost = 2, .unknown = 1}},
        {"by runtime id and order",
         ARM_UPLOAD,
         {{'u', "1", "r", 0, 0, 0}, {'u', "2", "s", 0, 0, 0}, {'a', "x", "s", 0, 0, 0}, {'a', "y", "r", 0, 0, 0}},
         "u.2~a.1 u.1~a.2",
         {.sent = 2, .received = 2, .changed = 2, .reordered = 1}},
        {"by order alone",
         ARM_TEE,
         {{'c', "1", NULL, 0, 0, 0}, {'c', "2", NULL, 0, 0, 0}, {'u', "x", "r", 1, 2, 0}, {'u', "y", "r", 2, 3, 0}},
         "c.1~u.1 c.2~u.2",
         {.sent = 2, .received = 2, .changed = 2}},
        {"by order alone, not where the numbers differ",
         ARM_TEE,
         {{'c', "1", NULL, 0, 0, 0}, {'c', "2", NULL, 0, 0, 0}, {'u', "x", "r", 1, 2, 0}},
         "",
         {.sent = 2, .received = 1, .lost = 2, .unknown = 1}},
        {"the rest by order alone",
         ARM_TEE,
         {{'c', "1", NULL, 0, 0, 0}, {'c', "2", NULL, 0, 0, 0}, {'u', "x", "r", 1, 2, 0}, {'u', "1", "r", 2, 3, 0}},
         "c.2~u.1 c.1=u.2",
         {.sent = 2, .received = 2, .same = 1, .changed = 1, .reordered = 1}},
        {"empty profiles of one content",
         ARM_TEE,
         {{'c', "1", NULL, 0, 0, 0}, {'c', "1", NULL, 0, 0, 0}, {'u', "1", "r", 1, 2, 0}, {'u', "1", "r", 2, 3, 0}},
         "c.1=u.1 c.2=u.2",
         {.sent = 1, .received = 2, .same = 2}},
        {"local files say when, and not whose they are",
         ARM_TEE,
         {{'c', "1", NULL, 1, 2, 0},
          {'c', "2", NULL, 2, 3, 0},
          {'c', "3", NULL, 3, 4, 0},
          {'u', "x", "r", 3, 4, 0},
          {'u', "y", "r", 1, 2, 0}},
         "c.3~u.1 c.1~u.2",
         {.sent = 3, .received = 2, .changed = 2, .lost = 1, .reordered = 1}},
        {"local files, one doubled and changed",
         ARM_TEE,
         {{'c', "1", NULL, 1, 2, 0}, {'u', "1", "r", 1, 2, 0}, {'u', "y", "r", 1, 2, 0}},
         "c.1=u.1 c.1~u.2",
         {.sent = 1, .received = 2, .same = 1, .changed = 1, .doubled = 1}},
        {"no hash at all",
         ARM_UPLOAD,
         {{'u', NULL, NULL, 0, 0, 0}, {'u', NULL, NULL, 0, 0, 0}, {'a', NULL, NULL, 0, 0, 0}, {'a', "", NULL, 0, 0, 0}},
         "u.1~a.1 u.2~a.2",
         {.sent = 2, .received = 2, .changed = 2}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        struct trail_copy copies[COPIES_MAX];
        struct trail_matching m;
        bool ran[STAGE_COUNT] = {false};
        struct buf pairs = {0};
        build_start(&b);
        build_process(&b, "p.1", cases[i].arm, 1);
        size_t count = fill(&b, cases[i].ones, copies);
        for (size_t k = 0; k < count; k++) {
            ran[copies[k].stage] = true;
        }
        trail_match_uploads(&b.ledger, copies, count, ran, &m);
        for (size_t k = 0; k < m.pair_count; k++) {
            buf_printf(&pairs, "%s%s%c%s", k ? " " : "", copies[m.pairs[k].before].path, m.pairs[k].same ? '=' : '~',
                       copies[m.pairs[k].after].path);
        }
        if (strcmp(pairs.data ? pairs.data : "", cases[i].pairs) != 0) {
            fail_msg("%s: %s, expected %s", cases[i].what, pairs.data, cases[i].pairs);
        }
        assert_int_equal(m.hop_count, 1);
        expect_hop(cases[i].what, &m.hops[0], &cases[i].hop);
        trail_matching_fini(&m);
        buf_fini(&pairs);
        build_end(&b);
    }
}

/* What a changed label leaves alone tells which of several local copies an upload is, although one is missing. */
static void test_contents_tell_copies_without_time(void **state)
{
    struct build b;
    struct trail_matching m;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_TEE, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", i);
    }
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:X", 3);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:X", 1);
    for (size_t i = 0; i < b.copy_count; i++) {
        b.copies[i].copy.sequence = (unsigned)i + 1;
    }
    build_flatten(&b);
    trail_match_uploads(&b.ledger, b.flat, b.copy_count, b.input.stage_ran, &m);
    assert_int_equal(m.pair_count, 2);
    assert_int_equal(m.pairs[0].before, 2);
    assert_int_equal(m.pairs[1].before, 0);
    assert_int_equal(m.hops[0].lost, 1);
    assert_int_equal(m.hops[0].unknown, 0);
    trail_matching_fini(&m);
    build_end(&b);
}

/* Each process has its hops, between the stages that ran and that its arm feeds; the ui is none. */
static void test_hops_of_each_arm(void **state)
{
    static const struct {
        enum arm arm;
        bool agent;
        const char *hops;
    } cases[] = {
        {ARM_TEE, true, "collector>upload upload>agent agent>backend "},
        {ARM_TEE, false, "collector>upload upload>backend "},
        {ARM_UPLOAD, true, "upload>agent agent>backend "},
        {ARM_UPLOAD, false, "upload>backend "},
        {ARM_LOCAL, true, ""},
        {ARM_CONTROL, true, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        struct trail_matching m;
        struct buf hops = {0};
        bool ran[STAGE_COUNT] = {true, true, true, true, cases[i].agent, true, true};
        build_start(&b);
        build_process(&b, "p.1", cases[i].arm, 1);
        trail_match_uploads(&b.ledger, NULL, 0, ran, &m);
        for (size_t k = 0; k < m.hop_count; k++) {
            buf_printf(&hops, "%s>%s ", stage_name(m.hops[k].from), stage_name(m.hops[k].to));
        }
        assert_string_equal(hops.data ? hops.data : "", cases[i].hops);
        b.ledger.instances[0].left_out = true;
        trail_matching_fini(&m);
        trail_match_uploads(&b.ledger, NULL, 0, ran, &m);
        assert_int_equal(m.hop_count, 0);
        b.ledger.instances[0].left_out = false;
        b.ledger.instances[0].skips[STAGE_UPLOAD] = true;
        trail_matching_fini(&m);
        trail_match_uploads(&b.ledger, NULL, 0, ran, &m);
        assert_true(m.hop_count == 0 || m.hops[0].to > STAGE_UPLOAD);
        trail_matching_fini(&m);
        buf_fini(&hops);
        build_end(&b);
    }
}

/* A profile is lost behind the agent: what counts is what the process was told, that sent it first. */
static void test_told_well_is_about_the_process(void **state)
{
    static const struct {
        int client, agent;
        uint64_t well;
    } cases[] = {{200, 503, 1}, {503, 200, 0}, {0, 200, 1}, {0, 503, 0}, {202, 0, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        struct trail_copy copies[COPIES_MAX];
        struct trail_matching m;
        const bool ran[STAGE_COUNT] = {[STAGE_UPLOAD] = true, [STAGE_AGENT] = true, [STAGE_BACKEND] = true};
        const struct one ones[COPIES_MAX] = {{'u', "1", "r", 1, 2, cases[i].client},
                                             {'a', "x", "r", 1, 2, cases[i].agent}};
        build_start(&b);
        build_process(&b, "p.1", ARM_UPLOAD, 1);
        trail_match_uploads(&b.ledger, copies, fill(&b, ones, copies), ran, &m);
        assert_int_equal(m.hops[1].lost, 1);
        assert_int_equal(m.hops[1].told_well, cases[i].well);
        trail_matching_fini(&m);
        build_end(&b);
    }
}

/* Two processes never share an upload, and pairs stand in the order of the copies behind the hop. */
static void test_processes_and_order_of_the_result(void **state)
{
    struct build b;
    struct trail_matching m;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_UPLOAD, 1);
    build_process(&b, "p.2", ARM_UPLOAD, 1);
    for (size_t i = 0; i < 4; i++) {
        size_t copy = build_copy(&b, i < 2 ? STAGE_AGENT : STAGE_UPLOAD, 1 - i % 2);
        b.copies[copy].copy.hash = "h";
    }
    size_t shown = build_copy(&b, STAGE_UI, 0);
    b.copies[shown].copy.names_only = true;
    build_flatten(&b);
    trail_match_uploads(&b.ledger, b.flat, b.copy_count, b.input.stage_ran, &m);
    assert_int_equal(m.hop_count, 2);
    assert_int_equal(m.hops[0].instance, 0);
    assert_int_equal(m.pair_count, 2);
    assert_int_equal(m.pairs[0].after, 0);
    assert_int_equal(m.pairs[0].before, 2);
    assert_int_equal(m.pairs[1].after, 1);
    assert_int_equal(m.pairs[1].before, 3);
    trail_matching_fini(&m);
    build_end(&b);
}

/* A soak's number of copies is matched by comparing few of them with one another. */
static void test_a_hundred_thousand_copies(void **state)
{
    enum { COPIES = 50000 };
    struct build b;
    struct trail_matching m;
    bool ran[STAGE_COUNT] = {[STAGE_UPLOAD] = true, [STAGE_AGENT] = true};
    struct trail_copy *copies = mem_calloc(2 * COPIES, sizeof *copies);
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_UPLOAD, 1);
    for (size_t i = 0; i < 2 * COPIES; i++) {
        size_t number = i < COPIES ? i : (i - COPIES) * 7 % COPIES;
        copies[i] = (struct trail_copy){
            .stage = i < COPIES ? STAGE_UPLOAD : STAGE_AGENT,
            .path = "",
            .hash = number % 3 == 0 ? "empty" : NULL,
            .runtime_id = "r",
            .start_ns = 1 + 10 * (int64_t)number,
            .end_ns = 11 + 10 * (int64_t)number,
            .sequence = (unsigned)(i % COPIES) + 1,
        };
        if (i >= COPIES && number % 100 == 99) {
            copies[i].end_ns += 1; /* another time: lost, and unknown */
            copies[i].hash = NULL;
        }
    }
    trail_match_uploads(&b.ledger, copies, 2 * COPIES, ran, &m);
    assert_int_equal(m.hops[0].sent, COPIES);
    assert_int_equal(m.hops[0].lost, COPIES / 100);
    assert_int_equal(m.hops[0].unknown, COPIES / 100);
    for (size_t i = 0; i < m.pair_count; i++) {
        assert_int_equal(copies[m.pairs[i].before].start_ns, copies[m.pairs[i].after].start_ns);
    }
    trail_matching_fini(&m);
    free(copies);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hops),
        cmocka_unit_test(test_contents_tell_copies_without_time),
        cmocka_unit_test(test_hops_of_each_arm),
        cmocka_unit_test(test_told_well_is_about_the_process),
        cmocka_unit_test(test_processes_and_order_of_the_result),
        cmocka_unit_test(test_a_hundred_thousand_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
