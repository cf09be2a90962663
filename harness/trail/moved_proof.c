/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/moved_proof.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/proof.h"
#include "trail/rules.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a label that evidence quotes. Lock labels are shorter; a hostile one may have megabytes. */
#define LABEL_SHOWN_MAX 200

/* What is said of one edge. */
struct said {
    const struct loss_case *c;
    const struct edge *e;
    uint64_t samples, of;      /* of the lock: that went this way, and that had the label before */
    const char *here, *before; /* stages */
    const char *name;          /* of the process */
};

static void say_quoted(const char *text, struct buf *out)
{
    buf_printf(out, "'%.*s'", LABEL_SHOWN_MAX, text);
}

/* "81 samples", "37 of 81 samples". */
static void say_share(const struct said *s, struct buf *out)
{
    if (s->samples < s->of) {
        buf_printf(out, "%" PRIu64 " of ", s->samples);
        proof_count(out, s->of, "sample");
    } else {
        proof_count(out, s->samples, "sample");
    }
}

static void say_path(const char *path, struct buf *out)
{
    if (path != NULL && path[0] != '\0') {
        buf_printf(out, " (%s)", path);
    }
}

static const char *label_before(const struct said *s)
{
    return s->e->from != NO_LABEL ? s->c->v->w->labels[s->e->from].text : "";
}

/* What the lock had under a label at the stage before, or has on the stacks of its kin. */
static uint64_t samples_before(const struct loss_case *c, uint32_t label)
{
    const struct work *w = c->v->w;
    uint64_t kin = 0;
    for (size_t i = 0; c->flow->by_kin && i < c->flow->edges; i++) {
        const struct edge *e = &w->edges[c->flow->first_edge + i];
        kin += e->from == label ? e->samples : 0;
    }
    for (size_t i = 0; label != NO_LABEL && c->cell_before != NULL && i < c->cell_before->hits; i++) {
        const struct hit *hit = &w->hits[c->cell_before->first_hit + i];
        if (w->rows[hit->row].label == label) {
            return hit->samples;
        }
    }
    return kin;
}

static void say_statuses(int least, int most, struct buf *out)
{
    if (least == 0) {
        buf_add_str(out, "nothing or ");
    } else if (least != most) {
        buf_printf(out, "%d or ", least);
    }
    buf_printf(out, "%d", most);
}

void moved_say_told(const struct flow *f, struct buf *out)
{
    bool sender = f->lost > 0 && f->told_most != 0;
    bool client = f->lost > 0 && f->before > STAGE_UPLOAD && f->first_most != 0;
    if (sender) {
        buf_add_str(out, client         ? ": the agent was told "
                         : f->lost == 1 ? ": its sender was told "
                                        : ": their senders were told ");
        say_statuses(f->told_least, f->told_most, out);
    }
    if (client) {
        buf_add_str(out, sender ? ", and the client " : ": the client was told ");
        say_statuses(f->first_least, f->first_most, out);
        buf_add_str(out, sender ? " before" : "");
    }
}

/* --- what the copy before says ------------------------------------------------------------------------------------ */

static void say_before(const struct said *s, struct buf *out)
{
    bool whole_copies = s->e->kind == EDGE_LOST || s->e->kind == EDGE_CORRUPT;
    buf_printf(out, "%s has ", s->before);
    say_quoted(label_before(s), out);
    if (s->c->flow->by_kin) {
        buf_add_str(out, " on the same stacks");
        return;
    }
    buf_add_str(out, " in ");
    if (whole_copies) {
        say_share(s, out);
    } else {
        proof_count(out, s->of, "sample");
    }
    say_path(s->e->path_before, out);
}

/* --- what the copy after says ------------------------------------------------------------------------------------- */

static void say_changed(const struct said *s, struct buf *out)
{
    if (s->c->flow->names_only) {
        buf_printf(out, "%s shows ", s->here);
        say_quoted(s->e->to_text ? s->e->to_text : "", out);
    } else {
        buf_printf(out, "%s has ", s->here);
        say_quoted(s->e->to_text ? s->e->to_text : "", out);
        buf_add_str(out, " in ");
        say_share(s, out);
    }
    say_path(s->e->path_after, out);
}

static void say_unlabelled(const struct said *s, struct buf *out)
{
    if (s->c->flow->names_only) {
        buf_printf(out, "%s does not show it, but ", s->here);
        proof_count(out, s->c->flow->rows, "other name");
    } else {
        buf_printf(out, "%s has no label on ", s->here);
        say_share(s, out);
    }
    say_path(s->e->path_after, out);
}

static void say_rekeyed(const struct said *s, struct buf *out)
{
    const char *key = s->e->key;
    buf_printf(out, "%s has ", s->here);
    if (s->e->to_text == NULL || strcmp(s->e->to_text, label_before(s)) == 0) {
        buf_add_str(out, "it");
    } else {
        say_quoted(s->e->to_text, out);
    }
    if (key[0] == '\0') {
        buf_add_str(out, " without a key in ");
    } else {
        buf_printf(out, " under the key '%.*s' in ", LABEL_SHOWN_MAX, key);
    }
    say_share(s, out);
    say_path(s->e->path_after, out);
}

static void say_gone(const struct said *s, struct buf *out)
{
    if (s->c->flow->names_only) {
        buf_printf(out, "%s shows no name of a lock", s->here);
    } else if (s->samples < s->of) {
        buf_printf(out, "%s lacks ", s->here);
        say_share(s, out);
    } else {
        buf_printf(out, "%s lacks all of them", s->here);
    }
    say_path(s->e->path_after, out);
}

static void say_lost(const struct said *s, struct buf *out)
{
    if (s->c->flow->copies == 0) {
        buf_printf(out, "%s has no copy of %s", s->here, s->name);
    } else if (s->e->copies == 1) {
        buf_printf(out, "%s has no copy of that", s->here);
    } else {
        buf_printf(out, "%s has no copy of %zu uploads with it", s->here, s->e->copies);
    }
    moved_say_told(s->c->flow, out);
}

static void say_corrupt(const struct said *s, struct buf *out)
{
    buf_printf(out, "the copy of that at %s can't be read: %s: %s", s->here,
               s->e->path_after ? s->e->path_after : "no path", s->e->why ? s->e->why : "not readable");
}

static void say_doubled(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s has the same upload twice: %s came again, with ", s->here, s->e->path_after);
    proof_count(out, s->samples, "sample");
    buf_add_str(out, " of ");
    say_quoted(s->e->to_text ? s->e->to_text : "", out);
}

static void say_unknown(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s has an upload that %s has not: %s, with ", s->here, s->before, s->e->path_after);
    proof_count(out, s->samples, "sample");
    buf_add_str(out, " of ");
    say_quoted(s->e->to_text ? s->e->to_text : "", out);
}

static void say_added(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s has ", s->here);
    say_quoted(s->e->to_text ? s->e->to_text : "", out);
    buf_add_str(out, " in ");
    proof_count(out, s->samples, "sample");
    buf_printf(out, " more than %s", s->before);
    say_path(s->e->path_after, out);
}

static void say_counts(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s has %" PRIu64 " of their %" PRIu64 " acquires", s->here, s->e->acquires_after,
               s->e->acquires_before);
    say_path(s->e->path_after, out);
}

/* --- in two parts ------------------------------------------------------------------------------------------------- */

static void own_label(const struct said *s, struct buf *out)
{
    say_quoted(label_before(s), out);
    buf_add_str(out, " in ");
    say_share(s, out);
}

static void own_changed(const struct said *s, struct buf *out)
{
    say_quoted(label_before(s), out);
    buf_add_str(out, s->c->flow->names_only ? " is shown as " : " became ");
    say_quoted(s->e->to_text ? s->e->to_text : "", out);
    if (!s->c->flow->names_only) {
        buf_add_str(out, " in ");
        say_share(s, out);
    }
}

static void own_more(const struct said *s, struct buf *out)
{
    say_quoted(s->e->to_text ? s->e->to_text : "", out);
    buf_add_str(out, " in ");
    proof_count(out, s->samples, "sample");
    buf_add_str(out, " more");
}

static void own_counts(const struct said *s, struct buf *out)
{
    say_quoted(label_before(s), out);
    buf_printf(out, " with %" PRIu64 " of %" PRIu64 " acquires", s->e->acquires_after, s->e->acquires_before);
}

static void common_copies(const struct said *s, struct buf *out)
{
    const struct flow *f = s->c->flow;
    buf_printf(out, "%s, in ", s->name);
    proof_count(out, f->copies, "copy");
    buf_printf(out, " (%s%s)", f->path, f->copies > 1 ? " ..." : "");
}

static void common_unlabelled(const struct said *s, struct buf *out)
{
    common_copies(s, out);
    buf_add_str(out, s->c->flow->names_only ? ": not shown, but other names are" : ": no label there");
}

static void common_rekeyed(const struct said *s, struct buf *out)
{
    common_copies(s, out);
    if (s->e->key[0] == '\0') {
        buf_add_str(out, ": without a key there");
    } else {
        buf_printf(out, ": under the key '%.*s' there", LABEL_SHOWN_MAX, s->e->key);
    }
}

static void common_gone(const struct said *s, struct buf *out)
{
    common_copies(s, out);
    buf_add_str(out, s->c->flow->names_only ? ": no name of a lock is shown" : ": the samples are not there");
}

static void common_lost(const struct said *s, struct buf *out)
{
    const struct flow *f = s->c->flow;
    if (f->copies == 0) {
        buf_printf(out, "%s has no copy of %s", s->here, s->name);
    } else {
        buf_printf(out, "%s: %s has no copy of %zu of its uploads (%s%s)", s->name, s->here, f->lost, f->lost_path,
                   f->lost > 1 ? " ..." : "");
    }
    moved_say_told(f, out);
}

static void common_corrupt(const struct said *s, struct buf *out)
{
    const struct flow *f = s->c->flow;
    buf_printf(out, "%s: %zu of %zu copies at %s can't be read: %s: %s", s->name, f->corrupt, f->copies, s->here,
               f->corrupt_path ? f->corrupt_path : f->path, f->corrupt_why ? f->corrupt_why : "not readable");
}

static void common_doubled(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s: %s has the same upload twice: %s came again", s->name, s->here, s->e->path_after);
}

static void common_unknown(const struct said *s, struct buf *out)
{
    buf_printf(out, "%s: %s has an upload that %s has not: %s", s->name, s->here, s->before, s->e->path_after);
}

typedef void (*say_fn)(const struct said *s, struct buf *out);

/* Where there was nothing before, the sentence begins with what is there now. */
static const struct {
    bool both;
    say_fn found, own, common;
} WORDS[EDGE_KINDS] = {
    [EDGE_KEPT] = {true, say_counts, own_counts, common_copies},
    [EDGE_CHANGED] = {true, say_changed, own_changed, common_copies},
    [EDGE_REKEYED] = {true, say_rekeyed, own_label, common_rekeyed},
    [EDGE_UNLABELLED] = {true, say_unlabelled, own_label, common_unlabelled},
    [EDGE_GONE] = {true, say_gone, own_label, common_gone},
    [EDGE_LOST] = {true, say_lost, own_label, common_lost},
    [EDGE_CORRUPT] = {true, say_corrupt, own_label, common_corrupt},
    [EDGE_ADDED] = {false, say_added, own_more, common_copies},
    [EDGE_DOUBLED] = {false, say_doubled, own_more, common_doubled},
    [EDGE_UNKNOWN] = {false, say_unknown, own_more, common_unknown},
    [EDGE_READABLE] = {false, say_unknown, own_more, common_unknown},
};

/* --- how a value changed ------------------------------------------------------------------------------------------ */

/* What the value became that this one has taken. */
static void say_swap(const struct said *s, struct buf *out)
{
    const struct work *w = s->c->v->w;
    const char *taken = s->e->taken != NO_LABEL ? w->labels[s->e->taken].text : "";
    if (s->e->taken != NO_LABEL && s->e->taken != s->e->to) {
        buf_printf(out, ": cut to %zu bytes of ", strlen(s->e->to_text));
        say_quoted(taken, out);
    }
    for (size_t i = 0; i < s->c->flow->edges; i++) {
        const struct edge *e = &w->edges[s->c->flow->first_edge + i];
        if (e->kind == EDGE_CHANGED && e->from == s->e->taken && e->mechanism == MECHANISM_NAMES_SWAPPED) {
            buf_add_str(out, "; ");
            say_quoted(w->labels[e->from].text, out);
            buf_add_str(out, " has become ");
            say_quoted(e->to_text, out);
            buf_add_str(out, " at the same stage");
            return;
        }
    }
}

static void say_truncation(const struct said *s, struct buf *out)
{
    const struct flow *f = s->c->flow;
    size_t size;
    rules_is_truncated(label_before(s), s->e->to_text ? s->e->to_text : "", &size);
    buf_printf(out, ": cut to %zu bytes", size);
    if (f->shortened == f->changed && f->shortest == f->longest && f->changed > 1) {
        buf_printf(out, ", as all %zu values that differ there", f->changed);
    }
}

/* Appends how the value changed; true where other locks may share it. */
static bool say_rule(const struct said *s, struct buf *out)
{
    const struct flow *f = s->c->flow;
    if (s->e->kind != EDGE_CHANGED) {
        return true;
    }
    if (s->e->mechanism == MECHANISM_NAMES_SWAPPED) {
        say_swap(s, out);
        return false;
    }
    if (s->e->mechanism == MECHANISM_VALUE_TRUNCATED) {
        say_truncation(s, out);
        return f->shortest == f->longest;
    }
    if (f->rule != NULL) {
        buf_printf(out, ": %s", f->rule);
    } else if (f->rewritten == 1) {
        buf_add_str(out, ": another value put in its place");
    } else {
        buf_printf(out, ": no one rule fits the %zu values that were rewritten there", f->rewritten);
    }
    return true;
}

/* "; also label_dropped in 12 samples". */
static void say_others(const struct loss_case *c, struct buf *out)
{
    for (enum mechanism m = 0; m < MECHANISM_COUNT; m++) {
        if (m != c->moved->main && c->moved->by[m].edge != NULL) {
            buf_printf(out, "; also %s in ", mechanism_name(m));
            proof_count(out, c->moved->by[m].samples, "sample");
        }
    }
}

static char *finish(struct buf *out)
{
    return out->size > 0 ? buf_steal(out) : mem_strdup("");
}

void moved_prove(const struct loss_case *c, struct loss *loss)
{
    const struct moved_by *by = &c->moved->by[c->moved->main];
    struct said s = {
        .c = c,
        .e = by->edge,
        .samples = by->edge_samples,
        .of = samples_before(c, by->edge->from),
        .here = stage_name(c->stage),
        .before = c->flow->by_kin ? work_instance(c->v->w, c->flow->kin)->name : stage_name(c->before),
        .name = work_instance(c->v->w, c->instance)->name,
    };
    struct buf both = {0}, own = {0}, common = {0}, rule = {0};
    bool shared = say_rule(&s, &rule);
    s.of = s.of > s.samples ? s.of : s.samples;
    if (WORDS[s.e->kind].both) {
        say_before(&s, &both);
        buf_add_str(&both, ", ");
    }
    WORDS[s.e->kind].found(&s, &both);
    WORDS[s.e->kind].own(&s, &own);
    WORDS[s.e->kind].common(&s, &common);
    if (rule.size > 0) {
        buf_add(&both, rule.data, rule.size);
        buf_add(shared ? &common : &own, rule.data, rule.size);
    }
    say_others(c, &both);
    say_others(c, &own);
    loss->mechanism = c->moved->main;
    loss->mechanisms = c->moved->mechanisms;
    loss->evidence = finish(&both);
    loss->own = finish(&own);
    loss->common = finish(&common);
    buf_fini(&rule);
}
