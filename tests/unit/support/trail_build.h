/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs of trail_judge in few words: locks, processes, copies and what was seen in them. */
#ifndef TRAIL_BUILD_H
#define TRAIL_BUILD_H

#include "base/buf.h"
#include "base/mem.h"
#include "trail/trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUILD_KEYS_MAX 8

struct build_copy {
    struct trail_copy copy;
    struct sighting *sightings;
    size_t capacity;
    struct trail_label_key keys[BUILD_KEYS_MAX];
};

struct build {
    struct ledger ledger;
    struct build_copy *copies;
    size_t copy_count, copy_capacity;
    struct trail_input input; /* set control, suspects, problems ... here before build_judge */
    struct trail_copy *flat;
    struct trail_result result;
    char **texts; /* everything that was copied for the sightings */
    size_t text_count, text_capacity;
};

static inline const char *build_text(struct build *b, char *text)
{
    b->texts = mem_grow(b->texts, b->text_count, &b->text_capacity, sizeof *b->texts);
    b->texts[b->text_count++] = text;
    return text;
}

static inline void build_start(struct build *b)
{
    *b = (struct build){0};
    b->input.control = CONTROL_PASSED;
}

/* `site` "file.py:12" or "" where it is not known. */
static inline size_t build_lock_of(struct build *b, const char *worker, const char *id, const char *name,
                                   const char *site, const char *rendering)
{
    struct err e;
    char file[128] = "";
    struct lock lock = {
        .worker = (char *)(size_t)worker,
        .id = (char *)(size_t)id,
        .name = (char *)(size_t)name,
        .pattern = (char *)(size_t) "member",
        .file = file,
        .contends = true,
        .counted = true,
    };
    const char *mangled;
    assert_true(rendering_parse(rendering, &lock.rendering, &mangled));
    lock.mangled = (char *)(size_t)mangled;
    if (site[0] != '\0') {
        assert_int_equal(sscanf(site, "%127[^:]:%u", file, &lock.line), 2);
    }
    int index = ledger_add_lock(&b->ledger, &lock, &e);
    if (index < 0) {
        fail_msg("%s", e.text);
    }
    return (size_t)index;
}

/* A lock of the worker "python" with its own name as id. */
static inline size_t build_lock(struct build *b, const char *name, const char *site, const char *rendering)
{
    return build_lock_of(b, "python", name[0] ? name : "anonymous", name, site, rendering);
}

static inline size_t build_process_of(struct build *b, const char *worker, const char *name, enum arm arm, double rate)
{
    struct err e;
    int index = ledger_add_instance(&b->ledger, name, worker, arm, rate, &e);
    if (index < 0) {
        fail_msg("%s", e.text);
    }
    b->ledger.instances[index].duration_ms = 10000;
    return (size_t)index;
}

static inline size_t build_process(struct build *b, const char *name, enum arm arm, double rate)
{
    return build_process_of(b, "python", name, arm, rate);
}

static inline void build_took(struct build *b, size_t process, size_t lock, uint64_t acquires)
{
    struct err e;
    struct lock_count count = {.acquires = acquires, .known = true};
    assert_int_equal(ledger_set_count(&b->ledger, process, lock, &count, &e), 0);
}

/* An empty copy; the stage counts as run. */
static inline size_t build_copy(struct build *b, enum stage stage, size_t process)
{
    unsigned sequence = 1;
    for (size_t i = 0; i < b->copy_count; i++) {
        sequence += b->copies[i].copy.stage == stage && b->copies[i].copy.instance == process;
    }
    const char *path = build_text(
        b, mem_printf("copies/%s/%s.%u.pprof", stage_name(stage), b->ledger.instances[process].name, sequence));
    b->copies = mem_grow(b->copies, b->copy_count, &b->copy_capacity, sizeof *b->copies);
    b->copies[b->copy_count] = (struct build_copy){
        .copy = {.stage = stage, .instance = process, .path = path},
    };
    b->input.stage_ran[stage] = true;
    return b->copy_count++;
}

/* Splits as the collector's label is written: FILE:LINE[:NAME], the file greedy. */
static inline void build_split(struct build *b, struct sighting *s)
{
    const char *label = s->label;
    s->file = s->name = "";
    s->line = 0;
    for (size_t i = strlen(label); i-- > 0;) {
        unsigned line;
        int used = 0;
        if (label[i] != ':' || label[i + 1] < '0' || label[i + 1] > '9' ||
            sscanf(label + i, ":%u%n", &line, &used) != 1) {
            continue;
        }
        const char *rest = label + i + used;
        if (rest[0] == '\0' || (rest[0] == ':' && rest[1] != '\0')) {
            s->file = build_text(b, mem_strndup(label, i));
            s->line = line;
            s->name = rest[0] ? rest + 1 : rest;
            return;
        }
    }
}

/* `count` samples with one acquire each. */
static inline void build_saw(struct build *b, size_t copy, const char *label, uint64_t count)
{
    struct build_copy *c = &b->copies[copy];
    c->sightings = mem_grow(c->sightings, c->copy.sighting_count, &c->capacity, sizeof *c->sightings);
    struct sighting *s = &c->sightings[c->copy.sighting_count++];
    *s = (struct sighting){
        .label = build_text(b, mem_strdup(label)),
        .samples = count,
        .acquires = count,
        .wait_ns = 10 * count,
        .releases = count,
        .hold_ns = 20 * count,
    };
    build_split(b, s);
}

/* A copy in which one label was seen. */
static inline size_t build_copy_saw(struct build *b, enum stage stage, size_t process, const char *label,
                                    uint64_t count)
{
    size_t copy = build_copy(b, stage, process);
    build_saw(b, copy, label, count);
    return copy;
}

static inline void build_key(struct build *b, size_t copy, const char *key, uint64_t samples)
{
    struct build_copy *c = &b->copies[copy];
    assert_true(c->copy.label_key_count < BUILD_KEYS_MAX);
    c->keys[c->copy.label_key_count++] = (struct trail_label_key){key, samples};
}

/* Fills `flat` and what of the input comes from it. */
static inline void build_flatten(struct build *b)
{
    free(b->flat);
    b->flat = mem_calloc(b->copy_count, sizeof *b->flat);
    for (size_t i = 0; i < b->copy_count; i++) {
        b->flat[i] = b->copies[i].copy;
        b->flat[i].sightings = b->copies[i].sightings;
        b->flat[i].label_keys = b->copies[i].keys;
    }
    b->input.ledger = &b->ledger;
    b->input.copies = b->flat;
    b->input.copy_count = b->copy_count;
}

static inline const struct trail_result *build_judge(struct build *b)
{
    trail_result_fini(&b->result);
    build_flatten(b);
    trail_judge(&b->input, &b->result);
    return &b->result;
}

static inline void build_end(struct build *b)
{
    trail_result_fini(&b->result);
    ledger_fini(&b->ledger);
    for (size_t i = 0; i < b->copy_count; i++) {
        free(b->copies[i].sightings);
    }
    for (size_t i = 0; i < b->text_count; i++) {
        free(b->texts[i]);
    }
    free(b->texts);
    free(b->copies);
    free(b->flat);
}

/* --- what is expected --------------------------------------------------------------------------------------------- */

static inline void expect_state(const struct trail_result *r, size_t lock, enum stage stage, enum lock_state state)
{
    assert_string_equal(lock_state_name(r->locks[lock].stages[stage].state), lock_state_name(state));
}

static inline void expect_kept(const struct trail_result *r, size_t lock)
{
    if (r->locks[lock].lost) {
        fail_msg("lost at %s: %s: %s", stage_name(r->locks[lock].loss.stage),
                 mechanism_name(r->locks[lock].loss.mechanism), r->locks[lock].loss.evidence);
    }
}

static inline void expect_lost(const struct trail_result *r, size_t lock, enum stage stage, enum mechanism mechanism,
                               const char *evidence)
{
    const struct trail_lock *l = &r->locks[lock];
    assert_true(l->lost);
    assert_string_equal(mechanism_name(l->loss.mechanism), mechanism_name(mechanism));
    assert_string_equal(stage_name(l->loss.stage), stage_name(stage));
    assert_string_equal(l->loss.evidence, evidence);
}

static inline void expect_verdict(const struct trail_result *r, enum verdict verdict)
{
    assert_string_equal(verdict_name(r->verdict), verdict_name(verdict));
}

static inline void expect_note(const struct trail_result *r, const char *text)
{
    for (size_t i = 0; i < r->note_count; i++) {
        if (strcmp(r->notes[i], text) == 0) {
            return;
        }
    }
    fail_msg("no note '%s' among %zu, the first: %s", text, r->note_count, r->note_count ? r->notes[0] : "none");
}

#endif
