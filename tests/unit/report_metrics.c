/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a soak: both forms as files, and the rules of OpenMetrics that a scraper insists on. */
#include "report/metrics.h"

#include "report_expected.h"
#include "soak_build.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define RANDOM_RECORDS 40
#define FAMILIES_MAX 100

static struct buf metrics(const struct soak_record *r, bool open)
{
    struct buf b = {0};
    report_soak_metrics(r, open, &b);
    return b;
}

static void test_whole_texts(void **state)
{
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    struct buf open = metrics(&r, true), text = metrics(&r, false);
    expect_data("soak", "bad", "openmetrics", &open);
    expect_data("soak", "bad", "prom", &text);
    buf_fini(&open);
    buf_fini(&text);
    soak_record_fini(&r);
}

/* --- the rules -------------------------------------------------------------------------------------------------- */

struct families {
    char names[FAMILIES_MAX][80], types[FAMILIES_MAX][16];
    size_t count;
};

/* Moves behind the labels; fails where they are not of the form {a="b",...}. */
static const char *skip_labels(const char *at, const char *line)
{
    if (*at != '{')
        return at;
    do {
        at++;
        while (isalnum((unsigned char)*at) || *at == '_')
            at++;
        if (strncmp(at, "=\"", 2) != 0)
            fail_msg("no label value: %s", line);
        for (at += 2; *at != '"'; at++) {
            if (*at == '\0')
                fail_msg("no end of a label: %s", line);
            if (*at == '\\') {
                at++;
                if (!strchr("\\\"n", *at))
                    fail_msg("unknown escape: %s", line);
            }
        }
        at++;
    } while (*at == ',');
    if (*at != '}')
        fail_msg("no end of the labels: %s", line);
    return at + 1;
}

static void check_sample(const struct families *f, const char *line, bool open)
{
    static const struct {
        const char *type, *suffixes[3];
    } rules[] = {{"counter", {"_total", NULL, NULL}},
                 {"gauge", {"", NULL, NULL}},
                 {"info", {"_info", NULL, NULL}},
                 {"stateset", {"", NULL, NULL}},
                 {"summary", {"", "_count", "_sum"}}};
    const char *name = f->names[f->count - 1], *type = f->types[f->count - 1];
    size_t size = strcspn(line, "{ ");
    bool good = false;
    char *end;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        for (size_t s = 0; s < 3 && strcmp(rules[i].type, type) == 0; s++) {
            const char *suffix = rules[i].suffixes[s];
            if (suffix && !open && strcmp(type, "counter") == 0)
                suffix = ""; /* it is in the family's name */
            char *want = suffix ? mem_printf("%s%s", name, suffix) : NULL;
            good = good || (want && strlen(want) == size && strncmp(want, line, size) == 0);
            free(want);
        }
    if (!good)
        fail_msg("not a sample of %s %s: %s", type, name, line);
    const char *at = skip_labels(line + size, line);
    if (*at != ' ')
        fail_msg("no value: %s", line);
    (void)strtod(at + 1, &end);
    if (end == at + 1 || *end)
        fail_msg("no number: %s", line);
}

static void begin_family(struct families *f, const char *line)
{
    assert_in_range(f->count, 0, FAMILIES_MAX - 1);
    assert_int_equal(sscanf(line, "# TYPE %79s %15s", f->names[f->count], f->types[f->count]), 2);
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->names[i], f->names[f->count]) == 0)
            fail_msg("%s comes twice", f->names[i]);
    f->count++;
}

/* "# UNIT name unit": the name ends with it. */
static void check_unit(const struct families *f, const char *line)
{
    char name[80], unit[20];
    assert_int_equal(sscanf(line, "# UNIT %79s %19s", name, unit), 2);
    assert_string_equal(name, f->names[f->count - 1]);
    size_t size = strlen(name), unit_size = strlen(unit);
    if (size <= unit_size || strcmp(name + size - unit_size, unit) != 0 || name[size - unit_size - 1] != '_')
        fail_msg("%s does not end with %s", name, unit);
}

static void check(const struct buf *text, bool open)
{
    struct families f = {0};
    bool ended = false;
    for (char *line = text->data; *line;) {
        size_t size = strcspn(line, "\n");
        if (line[size] != '\n')
            fail_msg("no line end: %s", line);
        line[size] = '\0';
        assert_false(ended);
        if (strcmp(line, "# EOF") == 0)
            ended = true;
        else if (strncmp(line, "# TYPE ", 7) == 0)
            begin_family(&f, line);
        else if (strncmp(line, "# UNIT ", 7) == 0)
            check_unit(&f, line);
        else if (strncmp(line, "# HELP ", 7) == 0)
            assert_true(strncmp(line + 7, f.names[f.count - 1], strlen(f.names[f.count - 1])) == 0);
        else
            check_sample(&f, line, open);
        line += size + 1;
    }
    assert_true(ended == open);
    assert_true(f.count > 40);
}

static void test_any_record_gives_a_valid_text(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RANDOM_RECORDS; seed++) {
        uint64_t dice_state = seed * 0x9E3779B97F4A7C15ULL;
        struct soak_record r;
        soak_random(&dice_state, &r);
        for (int open = 0; open < 2; open++) {
            struct buf text = metrics(&r, open);
            check(&text, open);
            buf_fini(&text);
        }
        soak_record_fini(&r);
    }
}

static void test_both_forms_have_the_same_samples(void **state)
{
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    struct buf open = metrics(&r, true), text = metrics(&r, false), kept[2] = {{0}, {0}};
    const struct buf *both[] = {&open, &text};
    for (size_t i = 0; i < 2; i++)
        for (const char *line = both[i]->data; *line; line += strcspn(line, "\n") + 1)
            if (*line != '#')
                buf_add(&kept[i], line, strcspn(line, "\n") + 1);
    assert_string_equal(kept[0].data, kept[1].data);
    for (size_t i = 0; i < 2; i++)
        buf_fini(&kept[i]);
    buf_fini(&open);
    buf_fini(&text);
    soak_record_fini(&r);
}

static void expect_line(const struct buf *text, const char *line)
{
    char *whole = mem_printf("\n%s\n", line);
    if (!strstr(text->data, whole))
        fail_msg("missing: %s", line);
    free(whole);
}

static void test_labels_are_escaped(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    free(r.scenario);
    r.scenario = mem_strdup("a\"b\\c\nd\xFF");
    struct buf text = metrics(&r, true);
    expect_line(&text, "locktrail_soak_info{scenario=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\",run_id=\"2026-11-26T02-00-00Z-"
                       "soak\",version=\"0.1.0\"} 1");
    buf_fini(&text);
    soak_record_fini(&r);
}

static void test_what_matters_is_there(void **state)
{
    static const char *const lines[] = {
        "locktrail_soak_verdict{locktrail_soak_verdict=\"error\"} 1",
        "locktrail_soak_uploads_missing_total{process=\"native.1.upload\",worker=\"native\",stage=\"backend\"} 2",
        /* clang-format off */
        "locktrail_soak_losses_total{worker=\"native\",lock=\"member/user_lock\",stage=\"agent\",mechanism=\"label_dropped\"} 2",
        /* clang-format on */
        "locktrail_soak_growth_per_hour{process=\"native.2.upload\",worker=\"native\",watch=\"rss\"} 61000000",
        "locktrail_soak_growing{process=\"native.2.upload\",worker=\"native\",watch=\"rss\"} 1",
        "locktrail_soak_growing_since_seconds{process=\"native.2.upload\",worker=\"native\",watch=\"rss\"} 250",
        "locktrail_soak_growing{process=\"locktrail\",worker=\"\",watch=\"disk\"} 0",
        "locktrail_soak_problems_total 3",
        "locktrail_soak_disturbances_active 1",
        "locktrail_soak_latency_seconds_count{process=\"native.2.upload\",worker=\"native\"} 199",
    };
    struct soak_record r;
    (void)state;
    soak_bad(&r);
    struct buf text = metrics(&r, true);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_line(&text, lines[i]);
    buf_fini(&text);
    soak_record_fini(&r);
}

static void test_locks_have_a_bound(void **state)
{
    struct soak_record r;
    (void)state;
    soak_good(&r);
    r.lock_count = METRICS_LOCKS_MAX + 3;
    r.locks = mem_realloc(r.locks, r.lock_count, sizeof *r.locks);
    for (size_t i = 2; i < r.lock_count; i++) {
        r.locks[i] = (struct soak_lock){.worker = mem_strdup("w"), .id = mem_printf("l%zu", i), .name = mem_strdup("")};
        r.locks[i].states[STAGE_UPLOAD][STATE_EXACT] = 1;
    }
    struct buf text = metrics(&r, true);
    expect_line(&text, "locktrail_soak_locks_untold 3");
    assert_non_null(strstr(text.data, "lock=\"l499\""));
    assert_null(strstr(text.data, "lock=\"l500\""));
    buf_fini(&text);
    soak_record_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_texts),
        cmocka_unit_test(test_any_record_gives_a_valid_text),
        cmocka_unit_test(test_both_forms_have_the_same_samples),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_what_matters_is_there),
        cmocka_unit_test(test_locks_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
