/* SPDX-License-Identifier: Apache-2.0 */
/* Each element is packed as a profile of its own with nothing else in it: messages put one behind the other are their
 * sum (protobuf.dev, "Encoding", last one wins and repeated fields append), and no tree of all samples is needed. */
#include "lockprof/export/pprof_write.h"

#include "base/mem.h"
#include "lockprof/export/version.h"
#include "lockprof/resolve/symbols.h"
#include "profile.pb-c.h"

#include <stdlib.h>
#include <string.h>

const char *const sample_type_names[VALUE_TYPES] = {
    [VALUE_ACQUIRE] = "lock-acquire",     [VALUE_ACQUIRE_WAIT] = "lock-acquire-wait",
    [VALUE_RELEASE] = "lock-release",     [VALUE_RELEASE_HOLD] = "lock-release-hold",
    [VALUE_CONTENDED] = "lock-contended",
};
const char *const sample_type_units[VALUE_TYPES] = {
    [VALUE_ACQUIRE] = "count",   [VALUE_ACQUIRE_WAIT] = "nanoseconds",
    [VALUE_RELEASE] = "count",   [VALUE_RELEASE_HOLD] = "nanoseconds",
    [VALUE_CONTENDED] = "count",
};

/* "lock name", "thread name", "process id". */
#define LABELS_MAX 3

/* Numbers of the elements of a table in the profile, in the order of their first use; 0: not used yet. */
struct numbers {
    uint32_t *of;    /* by element */
    uint32_t *order; /* elements by number - 1 */
    uint32_t count;
};

struct writer {
    const struct interval *interval;
    const struct tables *t;
    struct buf *out;
    struct numbers mappings, locations, functions;
    struct buf strings; /* the packed table */
    struct intern string_index;
    const char **texts; /* by string number */
    size_t text_capacity;
    int64_t lock_name, thread_name, process_id; /* strings */
};

static struct numbers numbers_new(size_t count)
{
    return (struct numbers){mem_calloc(count + 1, sizeof(uint32_t)), mem_calloc(count + 1, sizeof(uint32_t)), 0};
}

static void numbers_fini(struct numbers *n)
{
    free(n->of);
    free(n->order);
}

static uint32_t number(struct numbers *n, uint32_t element)
{
    if (n->of[element] == 0) {
        n->order[n->count++] = element;
        n->of[element] = n->count;
    }
    return n->of[element];
}

static void pack(const Pprof__Profile *part, struct buf *out)
{
    size_t size = pprof__profile__get_packed_size(part);
    buf_reserve(out, size);
    pprof__profile__pack(part, (uint8_t *)out->data + out->size);
    out->size += size;
    out->data[out->size] = '\0';
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

static bool same_text(const void *table, uint32_t element, const void *key)
{
    return strcmp(((const struct writer *)table)->texts[element], key) == 0;
}

/* `text` must live as long as the writer. */
static int64_t string(struct writer *w, const char *text)
{
    uint64_t hash = intern_hash(INTERN_SEED, text, strlen(text));
    uint32_t found = intern_find(&w->string_index, hash, same_text, w, text);
    if (found != INTERN_NONE)
        return found;
    w->texts = mem_grow(w->texts, w->string_index.count, &w->text_capacity, sizeof *w->texts);
    w->texts[w->string_index.count] = text;
    ProtobufCBinaryData bytes = {strlen(text), (uint8_t *)(uintptr_t)text};
    Pprof__Profile part = PPROF__PROFILE__INIT;
    part.n_string_table = 1;
    part.string_table = &bytes;
    pack(&part, &w->strings);
    return intern_add(&w->string_index, hash);
}

static int64_t table_string(struct writer *w, uint32_t element)
{
    return string(w, w->t->strings[element]);
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

static int compare_locations(const struct tables *t, uint32_t a, uint32_t b)
{
    if (a == b)
        return 0;
    const struct table_location *x = &t->locations[a], *y = &t->locations[b];
    if (x->mapping != y->mapping) {
        if (x->mapping == 0 || y->mapping == 0)
            return x->mapping == 0 ? -1 : 1;
        const struct table_mapping *m = &t->mappings[x->mapping - 1], *n = &t->mappings[y->mapping - 1];
        int order = strcmp(t->strings[m->path], t->strings[n->path]);
        order = order ? order : strcmp(t->strings[m->build_id], t->strings[n->build_id]);
        if (order)
            return order;
    }
    return (x->address > y->address) - (x->address < y->address);
}

static int compare_stacks(const struct tables *t, uint32_t a, uint32_t b)
{
    const struct table_stack *x = &t->stacks[a], *y = &t->stacks[b];
    for (size_t i = 0; i < x->count && i < y->count; i++) {
        int order = compare_locations(t, t->frames[x->first + i], t->frames[y->first + i]);
        if (order)
            return order;
    }
    return (x->count > y->count) - (x->count < y->count);
}

/* By what can be read, so that the order does not depend on how the tables grew. */
static int compare_samples(const void *a, const void *b, void *data)
{
    const struct sample *x = *(const struct sample *const *)a, *y = *(const struct sample *const *)b;
    const struct tables *t = data;
    int order = x->label == y->label ? 0 : strcmp(t->strings[x->label], t->strings[y->label]);
    if (order == 0 && x->stack != y->stack)
        order = compare_stacks(t, x->stack, y->stack);
    if (order == 0 && x->thread != y->thread)
        order = strcmp(t->strings[x->thread], t->strings[y->thread]);
    return order ? order : (x->pid > y->pid) - (x->pid < y->pid);
}

static size_t make_labels(struct writer *w, const struct sample *s, Pprof__Label labels[LABELS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < LABELS_MAX; i++)
        labels[i] = (Pprof__Label)PPROF__LABEL__INIT;
    labels[count].key = w->lock_name;
    labels[count++].str = table_string(w, s->label);
    if (s->thread != 0) {
        labels[count].key = w->thread_name;
        labels[count++].str = table_string(w, s->thread);
    }
    if (s->pid != 0) {
        labels[count].key = w->process_id;
        labels[count++].num = s->pid;
    }
    return count;
}

static void add_sample(struct writer *w, const struct sample *s)
{
    uint64_t locations[FRAMES_MAX];
    Pprof__Label labels[LABELS_MAX], *pointers[LABELS_MAX];
    Pprof__Sample sample = PPROF__SAMPLE__INIT, *one = &sample;
    Pprof__Profile part = PPROF__PROFILE__INIT;
    int64_t values[VALUE_TYPES];
    const struct table_stack *stack = &w->t->stacks[s->stack];
    for (size_t i = 0; i < stack->count && i < FRAMES_MAX; i++)
        locations[sample.n_location_id++] = number(&w->locations, w->t->frames[stack->first + i]);
    memcpy(values, s->values, sizeof values);
    sample.location_id = locations;
    sample.n_value = VALUE_TYPES;
    sample.value = values;
    sample.n_label = make_labels(w, s, labels);
    for (size_t i = 0; i < sample.n_label; i++)
        pointers[i] = &labels[i];
    sample.label = pointers;
    part.n_sample = 1;
    part.sample = &one;
    pack(&part, w->out);
}

static void add_samples(struct writer *w)
{
    const struct interval *in = w->interval;
    const struct sample **sorted = mem_calloc(in->count + 1, sizeof *sorted);
    for (size_t i = 0; i < in->count; i++)
        sorted[i] = &in->samples[i];
    qsort_r(sorted, in->count, sizeof *sorted, compare_samples, (void *)(uintptr_t)w->t);
    for (size_t i = 0; i < in->count; i++)
        add_sample(w, sorted[i]);
    free(sorted);
}

/* --- code --------------------------------------------------------------------------------------------------------- */

static void add_location(struct writer *w, uint32_t element, uint32_t id)
{
    const struct table_location *l = &w->t->locations[element];
    Pprof__Line lines[SYMBOLS_INLINE_MAX], *pointers[SYMBOLS_INLINE_MAX];
    Pprof__Location location = PPROF__LOCATION__INIT, *one = &location;
    Pprof__Profile part = PPROF__PROFILE__INIT;
    for (size_t i = 0; i < l->line_count && i < SYMBOLS_INLINE_MAX; i++) {
        const struct table_line *line = &w->t->lines[l->first_line + i];
        lines[i] = (Pprof__Line)PPROF__LINE__INIT;
        lines[i].function_id = number(&w->functions, line->function);
        lines[i].line = line->line;
        pointers[i] = &lines[i];
        location.n_line++;
    }
    location.id = id;
    location.mapping_id = l->mapping ? number(&w->mappings, l->mapping - 1) : 0;
    location.address = l->address;
    location.line = pointers;
    part.n_location = 1;
    part.location = &one;
    pack(&part, w->out);
}

static void add_function(struct writer *w, uint32_t element, uint32_t id)
{
    const struct table_function *f = &w->t->functions[element];
    Pprof__Function function = PPROF__FUNCTION__INIT, *one = &function;
    Pprof__Profile part = PPROF__PROFILE__INIT;
    function.id = id;
    function.name = table_string(w, f->name);
    function.system_name = table_string(w, f->system_name);
    function.filename = table_string(w, f->file);
    function.start_line = f->start_line;
    part.n_function = 1;
    part.function = &one;
    pack(&part, w->out);
}

/* A flag says that a reader need not look into the file itself, so it holds only where all locations have it. */
static void set_flags(const struct writer *w, uint32_t element, Pprof__Mapping *mapping)
{
    mapping->has_functions = mapping->has_filenames = mapping->has_line_numbers = true;
    for (uint32_t i = 0; i < w->locations.count; i++) {
        const struct table_location *l = &w->t->locations[w->locations.order[i]];
        if (l->mapping != element + 1)
            continue;
        mapping->has_functions &= l->line_count > 0;
        mapping->has_inline_frames |= l->line_count > 1;
        for (size_t k = 0; k < l->line_count; k++) {
            const struct table_line *line = &w->t->lines[l->first_line + k];
            mapping->has_filenames &= w->t->functions[line->function].file != 0;
            mapping->has_line_numbers &= line->line != 0;
        }
    }
    mapping->has_filenames &= mapping->has_functions;
    mapping->has_line_numbers &= mapping->has_functions;
}

static void add_mapping(struct writer *w, uint32_t element, uint32_t id)
{
    const struct table_mapping *m = &w->t->mappings[element];
    Pprof__Mapping mapping = PPROF__MAPPING__INIT, *one = &mapping;
    Pprof__Profile part = PPROF__PROFILE__INIT;
    mapping.id = id;
    mapping.memory_start = m->start;
    mapping.memory_limit = m->limit;
    mapping.filename = table_string(w, m->path);
    mapping.build_id = table_string(w, m->build_id);
    set_flags(w, element, &mapping);
    part.n_mapping = 1;
    part.mapping = &one;
    pack(&part, w->out);
}

static void add_code(struct writer *w)
{
    for (uint32_t i = 0; i < w->locations.count; i++)
        add_location(w, w->locations.order[i], i + 1);
    for (uint32_t i = 0; i < w->functions.count; i++)
        add_function(w, w->functions.order[i], i + 1);
    /* Readers take the first mapping for the program's own. */
    for (int is_main = 1; is_main >= 0; is_main--)
        for (uint32_t i = 0; i < w->mappings.count; i++)
            if (w->t->mappings[w->mappings.order[i]].is_main == is_main)
                add_mapping(w, w->mappings.order[i], i + 1);
}

/* --- the profile -------------------------------------------------------------------------------------------------- */

static void add_sample_types(struct writer *w)
{
    for (size_t i = 0; i < VALUE_TYPES; i++) {
        Pprof__ValueType type = PPROF__VALUE_TYPE__INIT, *one = &type;
        Pprof__Profile part = PPROF__PROFILE__INIT;
        type.type = string(w, sample_type_names[i]);
        type.unit = string(w, sample_type_units[i]);
        part.n_sample_type = 1;
        part.sample_type = &one;
        pack(&part, w->out);
    }
}

static void add_comment(struct writer *w, const char *text)
{
    Pprof__Profile part = PPROF__PROFILE__INIT;
    int64_t comment = string(w, text);
    part.n_comment = 1;
    part.comment = &comment;
    pack(&part, w->out);
}

/* `about` lives as long as the writer. */
static void add_rest(struct writer *w, const char *about)
{
    const struct interval *in = w->interval;
    Pprof__ValueType period = PPROF__VALUE_TYPE__INIT;
    Pprof__Profile part = PPROF__PROFILE__INIT;
    period.type = string(w, sample_type_names[VALUE_ACQUIRE]);
    period.unit = string(w, sample_type_units[VALUE_ACQUIRE]);
    part.period_type = &period;
    part.period = in->rate;
    part.time_nanos = in->start_ns;
    part.duration_nanos = in->end_ns - in->start_ns;
    part.default_sample_type = string(w, sample_type_names[VALUE_ACQUIRE_WAIT]);
    pack(&part, w->out);
    add_comment(w, about);
    for (size_t i = 0; i < in->remark_count; i++)
        add_comment(w, in->remarks[i]);
}

void pprof_write(const struct interval *interval, struct buf *out)
{
    const struct tables *t = interval->tables;
    struct writer w = {.interval = interval,
                       .t = t,
                       .out = out,
                       .mappings = numbers_new(t->mapping_count),
                       .locations = numbers_new(t->location_index.count),
                       .functions = numbers_new(t->function_index.count)};
    char *about = mem_printf("lockprof " LOCKPROF_VERSION ": 1 acquire in %u recorded, counts and times are estimates "
                             "of all; %s",
                             interval->rate, interval->holds ? "hold times recorded" : "no hold times recorded");
    string(&w, "");
    w.lock_name = string(&w, "lock name");
    w.thread_name = string(&w, "thread name");
    w.process_id = string(&w, "process id");
    add_sample_types(&w);
    add_samples(&w);
    add_code(&w);
    add_rest(&w, about);
    buf_add(out, w.strings.data, w.strings.size);
    buf_fini(&w.strings);
    intern_fini(&w.string_index);
    free(w.texts);
    free(about);
    numbers_fini(&w.mappings);
    numbers_fini(&w.locations);
    numbers_fini(&w.functions);
}
