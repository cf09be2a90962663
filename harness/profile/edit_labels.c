/* SPDX-License-Identifier: Apache-2.0 */
/* What faults do to lock samples and their labels. What a lock sample is, is looked up anew for each edit, since an
 * edit before may have renamed a type or a key. */
#include "base/buf.h"
#include "base/mem.h"
#include "profile/edit_internal.h"

#include <stdlib.h>
#include <string.h>

#define LOCK_NAME "lock name"

/* As in pprof.c. */
static const char *const lock_types[] = {"lock-acquire", "lock-acquire-wait", "lock-release", "lock-release-hold"};

/* A value of `lock name`. */
struct value {
    const char *text; /* NULL: not looked up yet */
    int64_t to;       /* the string that it becomes; its own index: none */
};

/* One pass over the samples. */
struct pass {
    struct profile_edit *edit;
    size_t string_count; /* at its beginning */
    bool *is_key;        /* for each string of the table */
    struct value *values;
    bool *is_lock_column; /* for each sample type */
    bool *is_acquire_column;
    edit_chosen_fn chosen;
    void *data;
};

static struct pass begin(struct profile_edit *edit, edit_chosen_fn chosen, void *data)
{
    const Pprof__Profile *p = edit->message;
    struct pass s = {.edit = edit, .string_count = p->n_string_table, .chosen = chosen, .data = data};
    s.is_key = mem_calloc(s.string_count, sizeof *s.is_key);
    s.values = mem_calloc(s.string_count, sizeof *s.values);
    s.is_lock_column = mem_calloc(p->n_sample_type, sizeof *s.is_lock_column);
    s.is_acquire_column = mem_calloc(p->n_sample_type, sizeof *s.is_acquire_column);
    for (size_t i = 0; i < s.string_count; i++) {
        s.is_key[i] = edit_string_is(edit, (int64_t)i, LOCK_NAME);
    }
    for (size_t i = 0; i < p->n_sample_type; i++) {
        for (size_t k = 0; k < sizeof lock_types / sizeof lock_types[0]; k++) {
            s.is_lock_column[i] = s.is_lock_column[i] || edit_string_is(edit, p->sample_type[i]->type, lock_types[k]);
        }
        s.is_acquire_column[i] = edit_string_is(edit, p->sample_type[i]->type, lock_types[0]);
    }
    return s;
}

static void end(struct pass *s)
{
    free(s->is_key);
    free(s->values);
    free(s->is_lock_column);
    free(s->is_acquire_column);
}

/* Whether the label names a lock: a text of "" is a label that was not given. */
static bool is_name(const struct pass *s, const Pprof__Label *label)
{
    return s->is_key[label->key] && s->edit->message->string_table[label->str].len > 0;
}

/* A C string can't hold a zero byte; it becomes U+FFFD, as in struct profile_name. */
static const char *copy_text(struct profile_edit *edit, const ProtobufCBinaryData *string)
{
    struct buf b = {0};
    for (size_t i = 0; i < string->len; i++) {
        if (string->data[i] != 0) {
            buf_add_char(&b, (char)string->data[i]);
        } else {
            buf_add_str(&b, "\xEF\xBF\xBD");
        }
    }
    const char *text = edit_copy(edit, b.data, b.size, 1);
    buf_fini(&b);
    return text;
}

static struct value *value_of(struct pass *s, const Pprof__Label *label)
{
    struct value *v = &s->values[label->str];
    if (v->text == NULL) {
        v->text = copy_text(s->edit, &s->edit->message->string_table[label->str]);
        v->to = -1;
    }
    return v;
}

static bool is_lock_sample(const struct pass *s, const Pprof__Sample *sample)
{
    for (size_t i = 0; i < sample->n_value && i < s->edit->message->n_sample_type; i++) {
        if (s->is_lock_column[i] && sample->value[i] != 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sample->n_label; i++) {
        if (is_name(s, sample->label[i])) {
            return true;
        }
    }
    return false;
}

static struct edit_sample describe(struct pass *s, size_t index)
{
    const Pprof__Sample *sample = s->edit->message->sample[index];
    struct edit_sample at = {.index = index};
    for (size_t i = 0; i < sample->n_value && i < s->edit->message->n_sample_type; i++) {
        at.acquires += s->is_acquire_column[i] && sample->value[i] > 0 ? (uint64_t)sample->value[i] : 0;
    }
    for (size_t i = 0; i < sample->n_label && at.label == NULL; i++) {
        at.label = is_name(s, sample->label[i]) ? value_of(s, sample->label[i])->text : NULL;
    }
    return at;
}

/* For edits of labels: whether there is one, and it is chosen. */
static bool label_chosen(struct pass *s, size_t index)
{
    struct edit_sample at = describe(s, index);
    return at.label != NULL && s->chosen(&at, s->data);
}

size_t profile_edit_each(struct profile_edit *edit, void (*fn)(const struct edit_sample *sample, void *data),
                         void *data)
{
    struct pass s = begin(edit, NULL, NULL);
    size_t count = 0;
    for (size_t i = 0; i < edit->message->n_sample; i++) {
        if (is_lock_sample(&s, edit->message->sample[i])) {
            struct edit_sample at = describe(&s, i);
            fn(&at, data);
            count++;
        }
    }
    end(&s);
    return count;
}

size_t profile_edit_drop_label(struct profile_edit *edit, edit_chosen_fn chosen, void *data)
{
    struct pass s = begin(edit, chosen, data);
    size_t changed = 0;
    for (size_t i = 0; i < edit->message->n_sample; i++) {
        Pprof__Sample *sample = edit->message->sample[i];
        if (!label_chosen(&s, i)) {
            continue;
        }
        size_t kept = 0;
        for (size_t k = 0; k < sample->n_label; k++) {
            if (!is_name(&s, sample->label[k])) {
                sample->label[kept++] = sample->label[k];
            }
        }
        sample->n_label = kept;
        changed++;
    }
    end(&s);
    return changed;
}

size_t profile_edit_rename_key(struct profile_edit *edit, const char *to, edit_chosen_fn chosen, void *data)
{
    struct pass s = begin(edit, chosen, data);
    int64_t key = to[0] != '\0' ? edit_add_string(edit, to, strlen(to)) : 0;
    size_t changed = 0;
    for (size_t i = 0; i < edit->message->n_sample && key >= 0 && strcmp(to, LOCK_NAME) != 0; i++) {
        Pprof__Sample *sample = edit->message->sample[i];
        if (!label_chosen(&s, i)) {
            continue;
        }
        for (size_t k = 0; k < sample->n_label; k++) {
            if (is_name(&s, sample->label[k])) {
                sample->label[k]->key = key;
            }
        }
        changed++;
    }
    end(&s);
    return changed;
}

/* Finds the new value of a label's string once. */
static void find_new(struct pass *s, const Pprof__Label *label, edit_value_fn value)
{
    struct value *v = value_of(s, label);
    if (v->to >= 0) {
        return;
    }
    char *text = value(v->text, s->data);
    v->to = label->str;
    if (text != NULL && strcmp(text, v->text) != 0) {
        int64_t added = text[0] != '\0' ? edit_add_string(s->edit, text, strlen(text)) : 0;
        v->to = added >= 0 ? added : label->str;
    }
    free(text);
}

static bool would_change(struct pass *s, const Pprof__Sample *sample, edit_value_fn value)
{
    bool changes = false;
    for (size_t k = 0; k < sample->n_label; k++) {
        if (is_name(s, sample->label[k])) {
            find_new(s, sample->label[k], value);
            changes = changes || s->values[sample->label[k]->str].to != sample->label[k]->str;
        }
    }
    return changes;
}

size_t profile_edit_values(struct profile_edit *edit, edit_value_fn value, edit_chosen_fn chosen, void *data)
{
    struct pass s = begin(edit, chosen, data);
    size_t changed = 0;
    for (size_t i = 0; i < edit->message->n_sample; i++) {
        Pprof__Sample *sample = edit->message->sample[i];
        if (!would_change(&s, sample, value) || !label_chosen(&s, i)) {
            continue;
        }
        for (size_t k = 0; k < sample->n_label; k++) {
            if (is_name(&s, sample->label[k])) {
                sample->label[k]->str = s.values[sample->label[k]->str].to;
            }
        }
        changed++;
    }
    end(&s);
    return changed;
}

size_t profile_edit_drop_samples(struct profile_edit *edit, edit_chosen_fn chosen, void *data)
{
    struct pass s = begin(edit, chosen, data);
    Pprof__Profile *p = edit->message;
    size_t kept = 0, count = p->n_sample;
    for (size_t i = 0; i < count; i++) {
        struct edit_sample at = describe(&s, i);
        if (!is_lock_sample(&s, p->sample[i]) || !chosen(&at, data)) {
            p->sample[kept++] = p->sample[i];
        }
    }
    p->n_sample = kept;
    end(&s);
    return count - kept;
}
