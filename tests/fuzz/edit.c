/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes into an edit; the first byte says which. What the edit takes, profile_read takes before and after it; what
 * it does not take, profile_read refuses too, but for what can't be changed. */
#include "profile/edit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static const struct profile_limits limits = {.max_raw_size = 1 << 20, .max_names = 16};
/* Changed values are new names, and what was written is longer than what came. */
static const struct profile_limits limits_after = {.max_raw_size = 16 << 20, .max_names = 64};

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static bool odd(const struct edit_sample *sample, void *data)
{
    (void)data;
    return (sample->index & 1) != 0;
}

static char *cut(const char *label, void *data)
{
    (void)data;
    return strlen(label) > 3 ? strndup(label, 3) : NULL;
}

static void none(const struct edit_sample *sample, void *data)
{
    size_t *labelled = data;
    *labelled += sample->label != NULL;
}

static void change(struct profile_edit *edit, unsigned what)
{
    size_t labelled = 0, samples = profile_edit_each(edit, none, &labelled);
    switch (what % 8) {
    case 0:
        check(profile_edit_drop_label(edit, odd, NULL) <= labelled);
        break;
    case 1:
        check(profile_edit_rename_key(edit, "k", odd, NULL) <= labelled);
        break;
    case 2:
        check(profile_edit_values(edit, cut, odd, NULL) <= labelled);
        break;
    case 3:
        check(profile_edit_drop_samples(edit, odd, NULL) <= samples);
        break;
    case 4:
        profile_edit_reorder_strings(edit, what);
        break;
    case 5:
        profile_edit_duplicate_strings(edit, what);
        break;
    case 6:
        profile_edit_reorder_samples(edit, what);
        break;
    default:
        profile_edit_add_type(edit, "added", "count");
        profile_edit_rename_types(edit, '-', '_');
        break;
    }
}

/* Edits 4 to 6 change nothing that a reader sees. */
static void compare(const struct profile *before, const struct buf *after, unsigned what)
{
    struct profile *p = NULL;
    struct err e;
    check(profile_read(after->data, after->size, &limits_after, &p, &e) == 0);
    check(what % 8 == 3 ? p->samples <= before->samples : p->samples == before->samples);
    if (what % 8 >= 4 && what % 8 <= 6) {
        check(p->lock_samples == before->lock_samples && p->unlabelled == before->unlabelled);
        check(p->name_count == before->name_count && p->key_count == before->key_count);
        check(p->time_ns == before->time_ns && p->duration_ns == before->duration_ns);
    }
    profile_free(p);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    struct profile_edit *edit = NULL;
    struct profile *p = NULL;
    struct err e = {0}, read_error;
    if (size == 0) {
        return 0;
    }
    unsigned what = bytes[0];
    if (profile_edit_open(bytes + 1, size - 1, &limits, &edit, &e) < 0) {
        check(edit == NULL && e.code == ERR_INPUT && e.text[0] != '\0');
        return 0;
    }
    check(profile_read(bytes + 1, size - 1, &limits, &p, &read_error) == 0);
    struct buf out = {0};
    change(edit, what);
    profile_edit_write(edit, (enum profile_encoding)(what >> 3 & 3), &out);
    compare(p, &out, what);
    buf_fini(&out);
    profile_free(p);
    profile_edit_free(edit);
    return 0;
}
