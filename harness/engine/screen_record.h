/* SPDX-License-Identifier: Apache-2.0 */
/* copies/ui/INSTANCE.SEQ.json: what a person was shown of one process. Written by the stage `ui` and by `locktrail
 * attest`, read back for the report. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_RECORD_H
#define LOCKTRAIL_ENGINE_SCREEN_RECORD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a label was seen. */
enum screen_place { SCREEN_FLAMEGRAPH, SCREEN_TOP, SCREEN_PERSON, SCREEN_PLACE_COUNT };

struct screen_label {
    char *text;
    bool where[SCREEN_PLACE_COUNT];
};

/* What a person said of one declared lock. */
enum screen_word { SAID_AS_DECLARED, SAID_TEXT, SAID_NOTHING, SAID_UNKNOWN, SAID_COUNT };
struct screen_answer {
    char *lock; /* its id */
    enum screen_word word;
    char *text; /* SAID_TEXT: what the page shows; else "" */
    char *time; /* RFC 3339 */
};

/* `{0}` is empty. All of it its own. */
struct screen_record {
    char *instance, *how, *page, *time;
    unsigned sequence;
    struct screen_label *labels; /* each once */
    size_t label_count, label_capacity;
    bool unlabelled[SCREEN_PLACE_COUNT]; /* samples without a name were shown there */
    char **pictures;                     /* relative to the run directory */
    size_t picture_count, picture_capacity;
    char **left_out; /* copies that could not be shown, and why: one line each */
    size_t left_out_count, left_out_capacity;
    struct screen_answer *answers;
    size_t answer_count, answer_capacity;
    char **unknown; /* ids of locks of which nobody said whether they are shown */
    size_t unknown_count, unknown_capacity;
};

/* Largest such file that is read: the top table of a profile with all the names that are read has 100 MB. */
#define SCREEN_RECORD_MAX ((size_t)256 << 20)

/* Adds the label, or the place to one of the first `known` labels that is the same; the caller knows that the others
 * are not (a table has thousands, each once). */
void screen_record_label(struct screen_record *r, size_t known, const char *text, enum screen_place place);
void screen_record_picture(struct screen_record *r, const char *path);
void screen_record_left_out(struct screen_record *r, const char *text);
void screen_record_unknown(struct screen_record *r, const char *lock);
/* Replaces an earlier answer to the same question. */
void screen_record_answer(struct screen_record *r, const char *lock, enum screen_word word, const char *text,
                          const char *time);
const struct screen_answer *screen_record_find_answer(const struct screen_record *r, const char *lock);

/* Forgets labels and unknown locks. */
void screen_record_clear_labels(struct screen_record *r);
void screen_record_fini(struct screen_record *r);

/* The file's text. */
void screen_record_print(const struct screen_record *r, struct buf *out);
/* And back. Code ERR_INPUT: not JSON, not of this form; *r is empty then. */
int screen_record_read(const char *text, size_t size, struct screen_record *r, struct err *e);

#endif
