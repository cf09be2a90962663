/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/ledger.h"

#include "native/runtime/calls.h"
#include "native/runtime/declarations.h"
#include "native/runtime/tally.h"

#include <stdlib.h>
#include <string.h>

/* native.mk says which build this is; an editor or an analyser sees the plain one. */
#ifndef NATIVE_VARIANT
#define NATIVE_VARIANT "O2g"
#define NATIVE_DEBUG DEBUG_FULL
#endif

/* A file's name (NAME_MAX is 255) and what comes behind it. */
#define SITE_MAX 600

/* What is left of the sources in a build. */
enum debug_information {
    DEBUG_FULL,    /* variables and types, in the file or beside it */
    DEBUG_LINES,   /* ELF symbols and line tables */
    DEBUG_SYMBOLS, /* ELF symbols */
    DEBUG_NONE
};

static const enum debug_information debug_information = NATIVE_DEBUG;

/* For each declaration: how many of its places were sent; -1: no phase has it. */
static int *sent;
static int *sent_symbols;

const char *ledger_variant(void)
{
    return NATIVE_VARIANT;
}

static enum rendering rendering(const struct declaration *d)
{
    if (debug_information == DEBUG_NONE)
        return SHOWN_GENERIC;
    return debug_information == DEBUG_FULL ? d->with_debug : d->by_symbol;
}

static void send_lock(const struct declaration *d, struct channel *channel)
{
    struct line line;
    line_begin(&line, "lock");
    line_text(&line, "id", d->id);
    line_text(&line, "name", d->name);
    line_text(&line, "pattern", d->pattern);
    line_text(&line, "site", d->site);
    line_text(&line, "rendering", rendering(d) == SHOWN_EXACT ? "exact" : "generic");
    fprintf(line.out, ",\"qualified\":true,\"sites\":[%s]", d->sites);
    if (!d->contends)
        fputs(",\"contends\":false", line.out);
    line_send(&line, channel);
}

void ledger_declare(const char *pattern, struct channel *channel)
{
    if (!sent) {
        sent = malloc(declaration_count * sizeof *sent);
        sent_symbols = calloc(declaration_count, sizeof *sent_symbols);
        if (!sent || !sent_symbols) {
            fputs("no memory for the ledger\n", stderr);
            abort();
        }
        memset(sent, 0xff, declaration_count * sizeof *sent);
    }
    for (size_t i = 0; i < declaration_count; i++) {
        if (sent[i] < 0 && strcmp(declarations[i].pattern, pattern) == 0) {
            sent[i] = 0;
            send_lock(&declarations[i], channel);
        }
    }
}

static void send_site(const struct declaration *d, const char *site, struct channel *channel)
{
    struct line line;
    line_begin(&line, "site");
    line_text(&line, "id", d->id);
    line_text(&line, "site", site);
    line_send(&line, channel);
}

/* Without line tables a collector knows no more of them than MODULE:0:SYMBOL+0xOFFSET. */
static void send_symbols(size_t i, struct channel *channel)
{
    char symbol[SITE_MAX / 2], site[SITE_MAX];
    while (calls_symbol(i, (size_t)sent_symbols[i], symbol, sizeof symbol)) {
        snprintf(site, sizeof site, "%s:0:%s", calls_module(), symbol);
        send_site(&declarations[i], site, channel);
        sent_symbols[i]++;
    }
}

void ledger_send_sites(struct channel *channel)
{
    for (size_t i = 0; i < declaration_count; i++) {
        uintptr_t offset;
        while (sent[i] >= 0 && (offset = calls_offset(i, (size_t)sent[i])) != 0) {
            char site[SITE_MAX];
            snprintf(site, sizeof site, "%s+0x%zx", calls_module(), (size_t)offset);
            send_site(&declarations[i], site, channel);
            sent[i]++;
        }
        if (sent[i] >= 0 && debug_information == DEBUG_SYMBOLS)
            send_symbols(i, channel);
    }
}

void ledger_add_acquires(struct line *line, const char *pattern)
{
    const char *comma = "";
    fputs(",\"acquires\":{", line->out);
    for (size_t i = 0; i < declaration_count; i++) {
        if (strcmp(declarations[i].pattern, pattern) != 0)
            continue;
        fprintf(line->out, "%s\"%s\":%llu", comma, declarations[i].id, (unsigned long long)tally_total(i).acquires);
        comma = ",";
    }
    fputc('}', line->out);
}

void ledger_add_totals(struct line *line)
{
    static const struct {
        const char *key;
        size_t offset;
    } counters[] = {
        {"acquires", offsetof(struct tally_total, acquires)},
        {"waits", offsetof(struct tally_total, waits)},
        {"wait_ns", offsetof(struct tally_total, wait_ns)},
        {"depth", offsetof(struct tally_total, depth)},
    };
    for (size_t k = 0; k < sizeof counters / sizeof *counters; k++) {
        const char *comma = "";
        fprintf(line->out, ",\"%s\":{", counters[k].key);
        for (size_t i = 0; i < declaration_count; i++) {
            if (sent[i] < 0)
                continue;
            struct tally_total total = tally_total(i);
            uint64_t value;
            memcpy(&value, (const char *)&total + counters[k].offset, sizeof value);
            fprintf(line->out, "%s\"%s\":%llu", comma, declarations[i].id, (unsigned long long)value);
            comma = ",";
        }
        fputc('}', line->out);
    }
}

void ledger_fini(void)
{
    free(sent);
    free(sent_symbols);
    sent = sent_symbols = NULL;
}
