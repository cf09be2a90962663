/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes into profile_read, with limits that a fuzzer can reach. What it takes must add up. */
#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void check(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    static const struct profile_limits limits = {.max_raw_size = 1 << 20, .max_names = 16};
    struct profile *p = NULL;
    struct err e = {0};
    if (profile_read(bytes, size, &limits, &p, &e) < 0) {
        check(p == NULL && e.code == ERR_INPUT && e.text[0] != '\0');
        return 0;
    }
    check(p->what != NULL && p->raw_size <= limits.max_raw_size);
    check(p->name_count <= limits.max_names);
    check(p->lock_samples <= p->samples && p->unlabelled <= p->lock_samples);
    check(p->kind != PROFILE_EMPTY || p->samples == 0);
    for (size_t i = 0; i < p->name_count; i++) {
        const struct profile_name *n = &p->names[i];
        check(n->samples > 0 && n->samples <= p->lock_samples && n->label[0] != '\0');
        check(strlen(n->file) <= strlen(n->label) && strlen(n->name) <= strlen(n->label));
    }
    for (size_t i = 0; i < p->key_count; i++) {
        check(p->keys[i].samples > 0 && p->keys[i].samples <= p->lock_samples);
    }
    profile_free(p);
    return 0;
}
