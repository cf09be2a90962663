/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/mechanisms.h"
#include "base/mem.h"
#include "trail/changes.h"
#include "trail/local_arm.h"
#include "trail/moved_proof.h"
#include "trail/proof.h"
#include "trail/rewrite.h"
#include "trail/rules.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Keys of the string labels that ddtrace puts on samples, seen in profiles of 4.16.0: none of them is a renamed one. */
static const char *const KNOWN_KEYS[] = {
    "lock name",      "thread name",        "task name",    "exception type", "class name",
    "trace endpoint", "trace type",         "span id",      "thread id",      "thread native id",
    "task id",        "local root span id", "container_id",
};

/* What a rule adds to the first sentence of the evidence (proof_both); begins with its punctuation. */
struct extra {
    struct buf text;
    bool own; /* it is about this lock alone */
};

static bool samples_missing(const struct loss_case *c)
{
    return c->what == LOSS_ABSENT || c->what == LOSS_FEWER;
}

static bool name_wrong(const struct loss_case *c)
{
    return c->what == LOSS_NAMELESS || c->what == LOSS_OTHER_NAME;
}

/* --- whole copies ------------------------------------------------------------------------------------------------- */

static bool no_copy(const struct loss_case *c, struct extra *x)
{
    if (!samples_missing(c) || c->flow->copies > 0) {
        return false;
    }
    moved_say_told(c->flow, &x->text);
    return true;
}

static void say_corrupt(const struct loss_case *c, struct extra *x)
{
    buf_printf(&x->text, "; %zu of %zu not readable: %s: %s", c->flow->corrupt, c->flow->copies, c->flow->corrupt_path,
               c->flow->corrupt_why);
}

static bool no_readable_copy(const struct loss_case *c, struct extra *x)
{
    if (!samples_missing(c) || c->flow->readable > 0 || c->flow->corrupt == 0) {
        return false;
    }
    say_corrupt(c, x);
    return true;
}

static bool some_unreadable(const struct loss_case *c, struct extra *x)
{
    size_t before = c->flow_before ? c->flow_before->corrupt : 0;
    if (!samples_missing(c) || c->flow->corrupt <= before) {
        return false;
    }
    say_corrupt(c, x);
    return true;
}

static bool fewer_copies(const struct loss_case *c, struct extra *x)
{
    if (!samples_missing(c) || c->flow_before == NULL || c->flow->copies >= c->flow_before->copies) {
        return false;
    }
    buf_printf(&x->text, "; %s has %zu of the %zu copies that %s had", stage_name(c->stage), c->flow->copies,
               c->flow_before->copies, stage_name(c->before));
    moved_say_told(c->flow, &x->text);
    return true;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static bool names_swapped(const struct loss_case *c, struct extra *x)
{
    if (!name_wrong(c) || c->change == NULL) {
        return false;
    }
    const struct change *other = changes_swapped_with(c->v->w, c->change);
    if (other == NULL) {
        return false;
    }
    x->own = true;
    buf_printf(&x->text, "; '%.200s' has become '%.200s' at the same stage", c->v->w->labels[other->before].text,
               c->v->w->labels[other->after].text);
    return true;
}

/* A value that ends where its name began has lost its name part, unless others of the same length ended elsewhere. */
static bool is_truncated(const struct loss_case *c)
{
    const struct label *before = &c->v->w->labels[c->change->before];
    const struct label *after = &c->v->w->labels[c->change->after];
    const struct flow *f = c->flow;
    if (rewrite_classify(before, after) != REWRITE_SHORTENED) {
        return false;
    }
    return !rewrite_is_site(before, after) || (f->cut_at_site < f->shortened && f->shortest == f->longest);
}

static bool value_truncated(const struct loss_case *c, struct extra *x)
{
    if (!name_wrong(c) || c->change == NULL || !is_truncated(c)) {
        return false;
    }
    const struct flow *f = c->flow;
    x->own = f->shortest != f->longest;
    buf_printf(&x->text, ": cut to %zu bytes", strlen(c->v->w->labels[c->change->after].text));
    if (f->shortened == f->changed && f->shortest == f->longest && f->changed > 1) {
        buf_printf(&x->text, ", as all %zu values that differ there", f->changed);
    }
    return true;
}

static bool value_rewritten(const struct loss_case *c, struct extra *x)
{
    if (!name_wrong(c) || c->change == NULL) {
        return false;
    }
    buf_add_str(&x->text, ": ");
    rewrite_describe(&c->v->w->labels[c->change->before], &c->v->w->labels[c->change->after], &x->text);
    return true;
}

/* --- paired arms -------------------------------------------------------------------------------------------------- */

static void say_local(const struct loss_case *c, const struct local_value *value, struct extra *x)
{
    x->own = true;
    buf_printf(&x->text, "; the worker's local copies have '%.200s', %s has '%.200s', which they have not: ",
               c->v->w->labels[value->before].text, stage_name(c->stage), work_label(c->v->w, value->row)->text);
}

static bool truncated_to_local(const struct loss_case *c, struct extra *x)
{
    struct local_value value;
    if (!local_arm_truncated(c, &value)) {
        return false;
    }
    say_local(c, &value, x);
    buf_printf(&x->text, "cut to %zu bytes", strlen(work_label(c->v->w, value.row)->text));
    return true;
}

static bool rewritten_from_local(const struct loss_case *c, struct extra *x)
{
    struct local_value value;
    if (!local_arm_rewritten(c, &value)) {
        return false;
    }
    say_local(c, &value, x);
    struct rewriting rewriting = {&c->v->w->labels[value.before], work_label(c->v->w, value.row)->text};
    rules_describe(&rewriting, 1, &x->text);
    return true;
}

static bool swapped_by_counts(const struct loss_case *c, struct extra *x)
{
    size_t other;
    bool more;
    if (!local_arm_balance(c, &other, &more)) {
        return false;
    }
    x->own = true;
    buf_printf(&x->text, "; %.200s has %s than the ledger, and no upload came twice", work_lock(c->v->w, other)->id,
               more ? "more" : "fewer");
    return true;
}

static bool fewer_than_local(const struct loss_case *c, struct extra *x)
{
    size_t uploads, local;
    if (!samples_missing(c) || !local_arm_misses_uploads(c, &uploads, &local)) {
        return false;
    }
    buf_add_str(&x->text, "; ");
    proof_count(&x->text, uploads, "upload");
    if (local > 0) {
        buf_printf(&x->text, ", where the worker left %zu local copies", local);
    } else {
        buf_add_str(&x->text, ", and between two of them a time that none covers");
    }
    return true;
}

/* --- labels ------------------------------------------------------------------------------------------------------- */

/* Lock samples without a label that had one before. A collector's own nameless samples are no loss on the way. */
static uint64_t newly_unlabelled(const struct loss_case *c)
{
    /* Where a kin tells whose the unlabelled samples are, they are not this lock's. */
    if (!samples_missing(c) || c->stage == STAGE_COLLECTOR || c->flow->by_kin) {
        return 0;
    }
    uint64_t before = c->flow_before ? c->flow_before->unlabelled : 0;
    return c->flow->unlabelled > before ? c->flow->unlabelled - before : 0;
}

static bool has_key(const struct flow *f, const char *key)
{
    for (size_t i = 0; i < f->key_count; i++) {
        if (strcmp(f->keys[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the key is nothing new: it is on the samples of the stage before, or of the worker's local copies. */
static bool key_is_known(const struct loss_case *c, const char *key)
{
    for (size_t i = 0; i < sizeof KNOWN_KEYS / sizeof KNOWN_KEYS[0]; i++) {
        if (strcmp(key, KNOWN_KEYS[i]) == 0) {
            return true;
        }
    }
    if (c->flow_before != NULL) {
        return has_key(c->flow_before, key);
    }
    for (size_t k = 0; k < c->v->instance_count; k++) {
        if (has_key(work_flow(c->v->w, c->v->instances[k], STAGE_COLLECTOR), key)) {
            return true;
        }
    }
    return false;
}

static bool label_key_renamed(const struct loss_case *c, struct extra *x)
{
    uint64_t unlabelled = newly_unlabelled(c);
    for (size_t i = 0; unlabelled > 0 && i < c->flow->key_count; i++) {
        const struct trail_label_key *key = &c->flow->keys[i];
        /* A few samples may have had no label at all; more than all unlabelled ones would be another label. */
        bool as_many = key->samples >= unlabelled - unlabelled / 10 && key->samples <= c->flow->unlabelled;
        if (!as_many || key_is_known(c, key->key)) {
            continue;
        }
        buf_printf(&x->text, "; the unknown label key '%.200s' is on ", key->key);
        proof_count(&x->text, key->samples, "lock sample");
        buf_printf(&x->text, ", %" PRIu64 " lock samples there have no 'lock name'", c->flow->unlabelled);
        return true;
    }
    return false;
}

static bool label_dropped(const struct loss_case *c, struct extra *x)
{
    uint64_t unlabelled = newly_unlabelled(c);
    if (unlabelled == 0) {
        return false;
    }
    buf_add_str(&x->text, "; ");
    proof_count(&x->text, c->flow->unlabelled, "lock sample");
    buf_add_str(&x->text, " there without the label");
    if (c->flow_before != NULL) {
        buf_printf(&x->text, ", %" PRIu64 " at %s", c->flow_before->unlabelled, stage_name(c->before));
    }
    return true;
}

/* --- names and samples that were never there ---------------------------------------------------------------------- */

static bool never_named(const struct loss_case *c, struct extra *x)
{
    (void)x;
    return c->what == LOSS_NAMELESS;
}

static bool aliased(const struct loss_case *c, struct extra *x)
{
    if (c->what == LOSS_OTHER_NAME && c->stages[c->stage].state == STATE_MANGLED) {
        buf_add_str(&x->text, ", the name as the language mangles it");
    }
    return c->what == LOSS_OTHER_NAME;
}

/* Whether the worker's local copies hold the lock, although this process's uploads do not. */
static bool seen_locally(const struct loss_case *c)
{
    for (size_t k = 0; k < c->v->instance_count; k++) {
        if (c->stage > STAGE_COLLECTOR && view_cell(c->v, k, STAGE_COLLECTOR)->hits > 0) {
            return true;
        }
    }
    return false;
}

static bool never_sampled(const struct loss_case *c, struct extra *x)
{
    if (c->what != LOSS_ABSENT || c->from_before || seen_locally(c)) {
        return false;
    }
    buf_add_str(&x->text, "; ");
    proof_control(c, &x->text);
    if (c->flow->unlabelled > 0) {
        buf_add_str(&x->text, "; ");
        proof_count(&x->text, c->flow->unlabelled, "lock sample");
        buf_add_str(&x->text, " there without a label");
    }
    return true;
}

static bool duplicated(const struct loss_case *c, struct extra *x)
{
    (void)x;
    return c->what == LOSS_TWICE || c->what == LOSS_MORE;
}

static bool samples_dropped(const struct loss_case *c, struct extra *x)
{
    (void)x;
    return samples_missing(c);
}

/* From what leaves no doubt to what is left when nothing else explains it. The last ones hold for every case. */
static const struct {
    enum mechanism mechanism;
    bool (*holds)(const struct loss_case *c, struct extra *x);
} RULES[] = {
    {MECHANISM_PROFILE_DROPPED, no_copy},
    {MECHANISM_PROFILE_CORRUPT, no_readable_copy},
    {MECHANISM_NAMES_SWAPPED, names_swapped},
    {MECHANISM_VALUE_TRUNCATED, value_truncated},
    {MECHANISM_VALUE_REWRITTEN, value_rewritten},
    {MECHANISM_VALUE_TRUNCATED, truncated_to_local},
    {MECHANISM_VALUE_REWRITTEN, rewritten_from_local},
    {MECHANISM_NAMES_SWAPPED, swapped_by_counts},
    {MECHANISM_LABEL_KEY_RENAMED, label_key_renamed},
    {MECHANISM_LABEL_DROPPED, label_dropped},
    {MECHANISM_PROFILE_CORRUPT, some_unreadable},
    {MECHANISM_PROFILE_DROPPED, fewer_copies},
    {MECHANISM_PROFILE_DROPPED, fewer_than_local},
    {MECHANISM_DUPLICATED, duplicated},
    {MECHANISM_NEVER_SAMPLED, never_sampled},
    {MECHANISM_NEVER_NAMED, never_named},
    {MECHANISM_ALIASED, aliased},
    {MECHANISM_SAMPLES_DROPPED, samples_dropped},
};

static char *join(void (*say)(const struct loss_case *c, struct buf *out), const struct loss_case *c,
                  const struct buf *extra)
{
    struct buf out = {0};
    say(c, &out);
    if (extra != NULL) {
        buf_add(&out, extra->data, extra->size);
    }
    return out.size > 0 ? buf_steal(&out) : mem_strdup("");
}

void mechanism_find(const struct loss_case *c, struct loss *loss)
{
    struct extra x = {0};
    size_t i = 0;
    if (c->moved != NULL) {
        moved_prove(c, loss);
        return;
    }
    while (!RULES[i].holds(c, &x)) {
        i++;
        assert(i < sizeof RULES / sizeof RULES[0]);
    }
    loss->mechanism = RULES[i].mechanism;
    loss->mechanisms = LOSS_MECHANISM(loss->mechanism);
    loss->evidence = join(proof_both, c, &x.text);
    loss->own = join(proof_own, c, x.own ? &x.text : NULL);
    loss->common = join(proof_common, c, x.own ? NULL : &x.text);
    buf_fini(&x.text);
}
