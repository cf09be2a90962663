/* SPDX-License-Identifier: Apache-2.0 */
/* What a lock's label becomes, and bytes that nobody can read any more. */
#include "base/mem.h"
#include "pipeline/fault_internal.h"
#include "profile/label.h"
#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

/* The two kinds of damage, one after the other, before all bytes are overwritten. One is nearly always enough. */
#define CORRUPT_TRIES 2

/* What a store makes of "lock name" that allows no space in a key. */
#define MADE_UP_KEY "lock_name"

const char *fault_key(const struct scenario_fault *fault)
{
    return fault->to != NULL ? fault->to : MADE_UP_KEY;
}

static char *truncated(const char *label, uint64_t length)
{
    /* Bytes, not characters: what truncates for real does not look for a boundary. */
    return strlen(label) > length ? mem_strndup(label, (size_t)length) : NULL;
}

static char *cased(const char *label, bool upper)
{
    char *out = mem_strdup(label);
    for (char *c = out; *c != '\0'; c++) {
        if (upper && *c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        } else if (!upper && *c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return out;
}

static char *replaced(const char *label, const char *from, const char *to)
{
    struct buf out = {0};
    const char *found;
    if (from[0] == '\0') {
        return NULL;
    }
    while ((found = strstr(label, from)) != NULL) {
        buf_add(&out, label, (size_t)(found - label));
        buf_add_str(&out, to);
        label = found + strlen(from);
    }
    buf_add_str(&out, label);
    return buf_steal(&out);
}

/* Another name at the same site. A made-up one is the same wherever the label comes. */
static char *other_name(const char *label, const char *to)
{
    struct label parts;
    if (!label_parse(label, strlen(label), &parts) || parts.name_size == 0) {
        return NULL;
    }
    int site = (int)(parts.name - label);
    if (to[0] != '\0') {
        return mem_printf("%.*s%s", site, label, to);
    }
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (const char *c = label; *c != '\0'; c++) {
        hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
    }
    return mem_printf("%.*sother_%08x", site, label, hash);
}

static char *rewritten(const struct scenario_fault *fault, const char *label)
{
    const char *from = fault->from != NULL ? fault->from : "", *to = fault->to != NULL ? fault->to : "";
    switch (fault->rule) {
    case RULE_LOWER:
        return cased(label, false);
    case RULE_UPPER:
        return cased(label, true);
    case RULE_REPLACE:
        return replaced(label, from, to);
    case RULE_PREFIX:
        return mem_printf("%s%s", to, label);
    case RULE_SUFFIX:
        return mem_printf("%s%s", label, to);
    case RULE_OTHER:
        return other_name(label, to);
    }
    return NULL;
}

char *fault_value(const struct scenario_fault *fault, const char *label)
{
    return fault->mechanism == MECHANISM_VALUE_TRUNCATED ? truncated(label, fault->length) : rewritten(fault, label);
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static bool is_readable(const struct buf *bytes)
{
    struct profile *p;
    struct err e;
    if (profile_read(bytes->data, bytes->size, &profile_limits_default, &p, &e) < 0) {
        return false;
    }
    profile_free(p);
    return true;
}

/* In the middle a few bytes are others, or everything behind is missing. */
static void damage(struct buf *bytes, uint64_t random)
{
    size_t at = bytes->size / 4 + (size_t)(random >> 8) % (bytes->size / 2 + 1);
    if (random & 1) {
        bytes->size = at < bytes->size ? at : bytes->size - 1;
        return;
    }
    for (size_t i = at; i < bytes->size && i < at + 16; i++) {
        bytes->data[i] = (char)(bytes->data[i] ^ (char)(random >> (i % 8 * 8)) ^ 0x55);
    }
}

void fault_corrupt(const struct fault_choice *choice, const void *bytes, size_t size, struct buf *out)
{
    struct buf damaged = {0};
    for (uint64_t i = 0; i < CORRUPT_TRIES && size > 1; i++) {
        buf_clear(&damaged);
        buf_add(&damaged, bytes, size);
        damage(&damaged, (choice->base + i) * UINT64_C(0x9E3779B97F4A7C15));
        if (damaged.size > 0 && !is_readable(&damaged)) {
            buf_add(out, damaged.data, damaged.size);
            buf_fini(&damaged);
            return;
        }
    }
    buf_fini(&damaged);
    buf_add(out, bytes, size);
    if (size > 0) {
        memset(out->data + out->size - size, 0xFF, size); /* no number of the wire format ends so */
    }
}
