/* SPDX-License-Identifier: Apache-2.0 */
/* Random scenarios that are good: each kind of worker, agent, backend, fault and disturbance, with texts that YAML has
 * to quote. For one test program each. */
#ifndef LOCKTRAIL_TESTS_SCENARIO_RANDOM_H
#define LOCKTRAIL_TESTS_SCENARIO_RANDOM_H

#include "base/mem.h"
#include "scenario/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64: the same scenarios on every machine. */
static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t below(uint64_t limit)
{
    return next() % limit;
}

static uint64_t between(uint64_t low, uint64_t high)
{
    return low + below(high - low + 1);
}

static double fraction(void)
{
    return ((double)below(UINT64_C(1) << 53) + 1) / (double)(UINT64_C(1) << 53);
}

/* --- random texts ----------------------------------------------------------------------------------------------- */

static const char *const one_line_pieces[] = {"a",
                                              "Z",
                                              "0",
                                              "9",
                                              " ",
                                              "  ",
                                              ":",
                                              ": ",
                                              " #",
                                              "- ",
                                              "\"",
                                              "'",
                                              "\\",
                                              "{",
                                              "}",
                                              "[",
                                              "]",
                                              ",",
                                              "&a",
                                              "*a",
                                              "!",
                                              "|",
                                              ">",
                                              "%",
                                              "@",
                                              "`",
                                              "?",
                                              "~",
                                              "é",
                                              "€",
                                              "🔒",
                                              "...",
                                              "---",
                                              "null",
                                              "\xC2\x85",
                                              "\xE2\x80\xA8",
                                              "\xEF\xBB\xBF",
                                              "yes",
                                              "1e5",
                                              "<<",
                                              "=",
                                              "\xC2\xA0",
                                              "\xEF\xBF\xBE",
                                              "true"};
static const char *const many_line_pieces[] = {"\n",   "\t",   "\r", "\n\n", "\x01", "\x1B",
                                               "\x7F", "text", " ",  ":",    "\""};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char *random_text(bool many_lines, size_t least, size_t most)
{
    struct buf text = {0};
    for (size_t pieces = between(least, most); pieces > 0; pieces--) {
        bool other = many_lines && below(3) == 0;
        buf_add_str(&text, other ? many_line_pieces[below(COUNT(many_line_pieces))]
                                 : one_line_pieces[below(COUNT(one_line_pieces))]);
    }
    return buf_steal(&text);
}

static char *random_name(const char *first, const char *others)
{
    struct buf text = {0};
    buf_add_char(&text, first[below(strlen(first))]);
    for (size_t more = below(12); more > 0; more--) {
        buf_add_char(&text, others[below(strlen(others))]);
    }
    return buf_steal(&text);
}

static char *random_word(void)
{
    return random_name("abcXYZ059_", "abcXYZ059_-");
}

static char **random_texts(size_t count, const char *const *from, size_t from_count)
{
    char **texts = mem_calloc(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        texts[i] = from ? mem_strdup(from[below(from_count)]) : random_text(true, i == 0, 6);
    }
    return texts;
}

static char **random_command(size_t *count)
{
    *count = between(1, 4);
    return random_texts(*count, NULL, 0);
}

/* --- random scenarios ------------------------------------------------------------------------------------------- */

static void set_rendering(struct scenario_lock *l, bool named)
{
    l->rendering = named ? (enum rendering)below(3) : RENDERING_GENERIC;
    l->mangled = l->rendering == RENDERING_MANGLED ? random_text(false, 1, 3) : NULL;
}

static void add_locks(struct scenario_worker *w)
{
    static const char *const places[] = {"shop.c:40", "shop+0x4060", "a b: c"};
    w->lock_count = between(1, 4);
    w->locks = mem_calloc(w->lock_count, sizeof *w->locks);
    for (size_t i = 0; i < w->lock_count; i++) {
        struct scenario_lock *l = &w->locks[i];
        bool anonymous = below(4) == 0;
        l->worker = mem_strdup(w->name);
        l->name = anonymous ? mem_strdup("") : random_text(false, 1, 4);
        l->id = mem_printf("%zu %s", i, one_line_pieces[below(COUNT(one_line_pieces))]);
        l->line = (unsigned)between(1, 999999999);
        l->file = random_word();
        set_rendering(l, !anonymous);
        l->acquires = below(2) ? 0 : between(1, 1000000);
        l->qualified = below(2);
        l->site_count = below(3);
        l->sites = random_texts(l->site_count, places, COUNT(places));
    }
}

static void add_environment(struct scenario_worker *w)
{
    w->environment_count = below(4);
    w->environment = mem_calloc(w->environment_count, sizeof *w->environment);
    for (size_t i = 0; i < w->environment_count; i++) {
        char *name = random_name("abcXYZ_", "abcXYZ059_");
        w->environment[i].name = mem_printf("%s_%zu", name, i);
        w->environment[i].value = random_text(true, 0, 6);
        free(name);
    }
}

static uint64_t or_none(uint64_t low, uint64_t high)
{
    return below(2) ? 0 : between(low, high);
}

static void fill_ddtrace(struct scenario_worker *w)
{
    static const char *const releases[] = {"4.16.0", "3.17.0", "2.21", "4.0.0rc1", "3"};
    static const char *const packages[] = {"requests", "flask==3.0.0", "uvicorn[standard]>=0.20"};
    free(w->version);
    free(w->interpreter);
    w->version = mem_strdup(releases[below(COUNT(releases))]);
    w->package_count = below(3);
    w->packages = random_texts(w->package_count, packages, COUNT(packages));
    w->launcher = (enum launcher)below(2);
    w->interpreter = mem_printf("/usr/%s", one_line_pieces[below(26)]);
    w->inspect_dir = below(2);
    w->lock = (enum lock_type)below(2);
    w->optional = below(2);
    w->start_timeout_ms = (int64_t)between(100, 3600000);
    w->silence_timeout_ms = (int64_t)between(100, 3600000);
}

static void fill_native(struct scenario_worker *w)
{
    w->build = (enum build)below(BUILD_CLANG_O2G + 1);
    w->capture_pct = below(2) ? 100 : 100 / (double)between(1, 1000);
    w->start_timeout_ms = (int64_t)between(100, 3600000);
    w->silence_timeout_ms = (int64_t)between(100, 3600000);
}

static void fill_worker(struct scenario_worker *w, enum runtime runtime)
{
    *w = (struct scenario_worker){.name = random_word(),
                                  .runtime = runtime,
                                  .build = BUILD_O2G,
                                  .count = (unsigned)between(1, 10),
                                  .limits = {or_none(16 << 20, UINT64_C(1) << 40), or_none(16, 1048576), below(1 << 30),
                                             or_none(4096, UINT64_C(1) << 40)},
                                  .start_timeout_ms = 60000,
                                  .silence_timeout_ms = 30000,
                                  .stop_timeout_ms = (int64_t)between(100, 3600000),
                                  .upload_interval_ms = (int64_t)between(100, 3600000),
                                  .lifetime_ms = below(3) ? 0 : (int64_t)between(1000, 3600000),
                                  .capture_pct = below(2) ? 100 * fraction() : (double)between(1, 100),
                                  .version = mem_strdup("4.16.0"),
                                  .interpreter = mem_strdup("python3"),
                                  .inspect_dir = true};
    add_environment(w);
    if (runtime == RUNTIME_NATIVE) {
        fill_native(w);
        return;
    }
    if (runtime == RUNTIME_DDTRACE) {
        fill_ddtrace(w);
        return;
    }
    w->protocol = (enum protocol)below(2);
    w->command = random_command(&w->command_count);
    w->directory = below(2) ? random_text(false, 1, 4) : NULL;
    if (w->protocol == PROTOCOL_SILENT) {
        w->until_exit = below(2);
        add_locks(w);
    } else {
        w->start_timeout_ms = (int64_t)between(100, 3600000);
        w->silence_timeout_ms = (int64_t)between(100, 3600000);
    }
}

static void add_phases(struct scenario *s)
{
    static const char *const patterns[] = {"local", "global", "member", "nested", "private", "anonymous"};
    double shares = 0;
    s->phase_count = between(1, COUNT(patterns));
    s->phases = mem_calloc(s->phase_count, sizeof *s->phases);
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        p->pattern = mem_strdup(patterns[i]);
        p->share = below(3) == 0 ? 0 : below(2) ? 0.001 + 10 * fraction() : (double)between(1, 9);
        p->iterations = p->share > 0 ? 0 : between(1, 1000000);
        shares += p->share;
    }
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        if (p->share > 0) {
            p->seconds = (double)s->duration_ms / 1000 * p->share / shares;
            p->iterations = (uint64_t)fmax(1, round(p->seconds * s->rate));
        }
    }
}

static void add_expect(struct scenario *s)
{
    s->expect_count = below(3);
    s->expect = mem_calloc(s->expect_count, sizeof *s->expect);
    for (size_t i = 0; i < s->expect_count; i++) {
        struct scenario_lock *l = &s->expect[i];
        l->id = mem_printf("%zu/%s", i, one_line_pieces[below(COUNT(one_line_pieces))]);
        l->name = mem_strdup("");
        l->file = mem_strdup("");
        set_rendering(l, true);
    }
}

static void fill_ways(struct scenario *s)
{
    static const char *const listens[] = {"127.0.0.1:0", "127.1.2.3:65535", "localhost:1",
                                          "[::1]:8126",  "unix:",           "unix:/a b#"};
    static const char *const urls[] = {"http://10.0.0.5:8126", "https://agent.example/x", "unix:///run/agent",
                                       "http://[::1]:1"};
    s->intake.listen = mem_strdup(listens[below(COUNT(listens))]);
    s->intake.max_body = between(1024, UINT64_C(1) << 30);
    s->intake.max_header = between(1024, 1 << 20);
    s->intake.max_parts = (unsigned)between(1, 1000);
    s->intake.idle_timeout_ms = (int64_t)between(100, 3600000);
    s->forward.kind = (enum forward_kind)below(4);
    s->forward.timeout_ms = (int64_t)between(100, 3600000);
    if (s->forward.kind == FORWARD_AGENT && below(2)) {
        s->forward.url = mem_strdup(urls[below(COUNT(urls))]);
    } else if (s->forward.kind == FORWARD_AGENTLESS && below(2)) {
        s->forward.site = mem_strdup("us5.datadoghq.com");
    }
    s->evidence.absence_probability = fraction() / 2;
    s->evidence.duration_tolerance = 0.01 + fraction();
}

static const char *const web_urls[] = {"https://app.datadoghq.eu", "http://127.0.0.1:40123/api/v2/profile"};

static char *maybe(char *text)
{
    if (below(2)) {
        return text;
    }
    free(text);
    return NULL;
}

/* Any choice of agents that stand together; whether one of them sends on what it gets. */
static bool add_agents(struct scenario *s)
{
    bool forwards = false;
    s->agents = mem_calloc(AGENT_EXTERNAL + 1, sizeof *s->agents);
    for (enum agent_kind kind = AGENT_TRACE_AGENT; kind <= AGENT_EXTERNAL; kind++) {
        struct scenario_agent *a = &s->agents[s->agent_count];
        bool fits = kind != AGENT_TEST_AGENT || s->backend.kind == BACKEND_NONE;
        if (!fits || below(3) > 0) {
            continue;
        }
        *a = (struct scenario_agent){kind, NULL, (int64_t)between(100, 3600000), 5000};
        if (kind == AGENT_EXTERNAL) {
            a->url = mem_strdup(below(2) ? "unix:///run/a#b" : web_urls[1]);
        } else {
            a->stop_timeout_ms = (int64_t)between(100, 3600000);
        }
        forwards |= kind == AGENT_TRACE_AGENT || kind == AGENT_SERVERLESS_COMPAT;
        s->agent_count++;
    }
    if (s->agent_count == 0 && below(2)) {
        s->agents[s->agent_count++] = (struct scenario_agent){AGENT_NONE, NULL, 10000, 5000};
    }
    return forwards;
}

static void set_backend(struct scenario *s)
{
    s->backend.timeout_ms = 10000;
    s->backend.kind = (enum backend_kind)below(4);
    if (s->backend.kind == BACKEND_NONE) {
        return;
    }
    s->backend.deadline_ms = (int64_t)between(100, 86400000);
    if (s->backend.kind == BACKEND_DIRECTORY) {
        s->backend.directory = random_text(false, 1, 4);
        return;
    }
    s->backend.timeout_ms = (int64_t)between(100, 3600000);
    if (s->backend.kind == BACKEND_DATADOG) {
        s->backend.url = maybe(mem_strdup(web_urls[0]));
        s->backend.intake = maybe(mem_strdup(web_urls[1]));
        s->backend.site = maybe(mem_strdup("us5.datadoghq.com"));
    }
}

static void set_ui(struct scenario *s)
{
    s->ui.driver = mem_strdup("chromedriver");
    s->ui.timeout_ms = 30000;
    s->ui.kind = s->backend.kind == BACKEND_NONE ? UI_NONE : (enum ui_kind)below(3);
    if (s->ui.kind == UI_PPROF) {
        free(s->ui.driver);
        s->ui.driver = mem_printf("/usr/%s", one_line_pieces[below(26)]);
        s->ui.pprof = maybe(mem_strdup("build/bin/pprof"));
        s->ui.timeout_ms = (int64_t)between(100, 3600000);
    } else if (s->ui.kind == UI_ASK) {
        s->ui.link = maybe(mem_strdup("https://app.datadoghq.com/profiling?query=service:x#a"));
    }
}

static void set_fault_locks(struct scenario_fault *f)
{
    f->lock_count = below(3);
    f->locks = mem_calloc(f->lock_count + 1, sizeof *f->locks);
    for (size_t i = 0; i < f->lock_count; i++) {
        f->locks[i] = random_text(false, 1, 4);
    }
}

static void set_mechanism(struct scenario_fault *f)
{
    f->has_mechanism = true;
    f->mechanism = (enum mechanism)between(MECHANISM_LABEL_DROPPED, MECHANISM_DUPLICATED);
    set_fault_locks(f);
    if (f->mechanism == MECHANISM_VALUE_TRUNCATED) {
        f->length = between(1, 1 << 30);
    } else if (f->mechanism == MECHANISM_LABEL_KEY_RENAMED) {
        f->to = maybe(random_text(false, 0, 4));
    } else if (f->mechanism == MECHANISM_VALUE_REWRITTEN) {
        f->rule = (enum rewrite_rule)below(RULE_OTHER + 1);
        f->from = f->rule == RULE_REPLACE ? random_text(false, 1, 4) : NULL;
        f->to = f->rule >= RULE_REPLACE ? random_text(false, 0, 4) : NULL;
        f->to = f->rule == RULE_OTHER ? maybe(f->to) : f->to;
    }
}

static void set_change(struct scenario_fault *f)
{
    f->change = (enum fault_change)between(CHANGE_STATUS, CHANGE_COUNT - 1);
    if (f->change < CHANGE_RECOMPRESSED || f->change > CHANGE_TYPES_RENAMED) {
        set_fault_locks(f);
    }
    if (f->change == CHANGE_STATUS) {
        f->status = (int)between(200, 599);
    } else if (f->change == CHANGE_DELAY) {
        f->delay_ms = (int64_t)between(1, 3600000);
    } else if (f->change == CHANGE_CONTENT_LENGTH) {
        f->length = between(1, 1 << 30);
    } else if (f->change == CHANGE_RECOMPRESSED) {
        f->codec = (enum codec_word)below(4);
    }
}

static void add_faults(struct scenario *s, bool agent, bool backend)
{
    s->fault_count = below(4);
    s->faults = mem_calloc(s->fault_count, sizeof *s->faults);
    for (size_t i = 0; i < s->fault_count; i++) {
        struct scenario_fault *f = &s->faults[i];
        f->at = agent && below(2) ? STAGE_AGENT : backend && below(2) ? STAGE_BACKEND : STAGE_UPLOAD;
        f->rate = below(2) ? 1 : fraction();
        f->worker = maybe(mem_strdup(s->workers[below(s->worker_count)].name));
        if (below(2)) {
            set_mechanism(f);
        } else {
            set_change(f);
        }
    }
}

/* Whether it can be in this scenario: there is a tap, an agent, a tap behind it. */
static bool can_disturb(const struct scenario *s, const struct scenario_disturbance *d, bool forwards)
{
    bool of_agent = d->what == DISTURB_RESTART_AGENT || d->what == DISTURB_KILL_AGENT;
    bool at_tap = d->what == DISTURB_REFUSE || d->what == DISTURB_DELAY;
    bool own = forwards;
    for (size_t i = 0; i < s->agent_count; i++) {
        own |= s->agents[i].kind == AGENT_TEST_AGENT;
    }
    return (!of_agent || own) && (!at_tap || scenario_has_pipeline(s)) && (d->stage != STAGE_AGENT || forwards);
}

static void set_disturbance(struct scenario *s, struct scenario_disturbance *d)
{
    bool at_tap = d->what == DISTURB_REFUSE || d->what == DISTURB_DELAY;
    bool of_workers = at_tap || d->what == DISTURB_KILL || d->what == DISTURB_STOP || d->what == DISTURB_LOAD;
    d->at_ms = (int64_t)between(1000, 3600000);
    d->length_ms = scenario_disturbance_lasts(d->what) ? (int64_t)between(100, 60000) : 5000;
    d->every_ms = below(2) ? 0 : (int64_t)between(60001, 3600000);
    d->worker = of_workers ? maybe(mem_strdup(s->workers[below(s->worker_count)].name)) : NULL;
    d->status = d->what == DISTURB_REFUSE ? (int)between(400, 599) : 503;
    d->delay_ms = d->what == DISTURB_DELAY ? (int64_t)between(1, 3600000) : 0;
    d->processes = d->what == DISTURB_LOAD ? (unsigned)between(1, 9) : 0;
}

static void add_disturbances(struct scenario *s, bool forwards)
{
    s->disturbances = mem_calloc(4, sizeof *s->disturbances);
    for (size_t i = 0; i < 4; i++) {
        struct scenario_disturbance *d = &s->disturbances[s->disturbance_count];
        *d = (struct scenario_disturbance){.what = (enum disturb)below(DISTURB_COUNT), .stage = STAGE_UPLOAD};
        if ((d->what == DISTURB_REFUSE || d->what == DISTURB_DELAY) && below(2)) {
            d->stage = STAGE_AGENT;
        }
        if (below(2) && can_disturb(s, d, forwards)) {
            set_disturbance(s, d);
            s->disturbance_count++;
        }
    }
}

static void add_pipeline(struct scenario *s)
{
    set_backend(s);
    bool forwards = add_agents(s), external = s->agent_count > 0 && s->agents[0].kind == AGENT_EXTERNAL;
    if (external && s->backend.kind == BACKEND_STORE) {
        s->backend.kind = BACKEND_DATADOG;
    }
    set_ui(s);
    add_disturbances(s, forwards);
    if (scenario_has_pipeline(s)) {
        s->forward.kind = s->forward.kind == FORWARD_NONE ? FORWARD_NONE : FORWARD_ENVIRONMENT;
        free(s->forward.url);
        free(s->forward.site);
        s->forward.url = s->forward.site = NULL;
        add_faults(s, forwards, !external && (s->backend.kind == BACKEND_STORE || s->backend.kind == BACKEND_DATADOG));
    }
}

static struct scenario *random_scenario(void)
{
    struct scenario *s = mem_calloc(1, sizeof *s);
    s->path = mem_strdup("test.yaml");
    s->name = random_word();
    s->name[0] = s->name[0] == '-' ? 'x' : s->name[0];
    s->description = random_text(true, 0, 20);
    s->service = random_text(false, 1, 6);
    s->env = random_text(false, 1, 6);
    s->version = random_text(false, 1, 6);
    s->duration_ms = (int64_t)between(100, 600000);
    s->threads = (unsigned)between(2, 64);
    s->seed = next();
    s->rate = below(2) ? (double)between(1, 200) : 100 * fraction();
    s->report = (enum report_kind)below(2);
    s->control.kind = (enum control_kind)below(3);
    s->control.timeout_ms = 60000;
    if (s->control.kind == CONTROL_COMMAND) {
        s->control.timeout_ms = (int64_t)between(100, 86400000);
        s->control.command = random_texts(s->control.command_count = between(1, 4), NULL, 0);
    }
    s->worker_count = between(1, 3);
    s->workers = mem_calloc(s->worker_count, sizeof *s->workers);
    for (size_t i = 0; i < s->worker_count; i++) {
        fill_worker(&s->workers[i], (enum runtime)below(i > 0 ? 3 : 2));
        char *name = s->workers[i].name;
        s->workers[i].name = mem_printf("%zu%s", i, name);
        free(name);
        for (size_t j = 0; j < s->workers[i].lock_count; j++) {
            free(s->workers[i].locks[j].worker);
            s->workers[i].locks[j].worker = mem_strdup(s->workers[i].name);
        }
    }
    add_phases(s);
    add_expect(s);
    fill_ways(s);
    add_pipeline(s);
    return s;
}

#endif
