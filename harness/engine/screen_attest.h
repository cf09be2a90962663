/* SPDX-License-Identifier: Apache-2.0 */
/* What a person says of a page that no program may read: one question for each declared lock of each process whose
 * uploads reached the backend; the answers are kept in copies/ui/INSTANCE.1.json. Blocks; no loop needed. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_ATTEST_H
#define LOCKTRAIL_ENGINE_SCREEN_ATTEST_H

#include "engine/evidence.h"
#include "engine/screen_record.h"

struct attest_process {
    size_t instance; /* in the ledger */
    struct screen_record record;
    bool changed; /* since it was read or saved */
};

struct attest_question {
    size_t process; /* in the attestation */
    size_t lock;    /* in the ledger */
};

/* Free with attestation_fini. */
struct attestation {
    const struct evidence *evidence; /* borrowed */
    struct attest_process *processes;
    size_t process_count;
    struct attest_question *questions; /* in the order of processes, then of locks */
    size_t question_count, question_capacity;
};

/* Reads what was answered before. A file that is there and can't be read is an error (ERR_INPUT). */
int attestation_open(const struct evidence *ev, struct attestation *out, struct err *e);
void attestation_fini(struct attestation *a);

/* Where the person looks; "" where nobody knows. Borrowed. */
const char *attestation_link(const struct evidence *ev);

/* NULL: not answered yet. Borrowed. */
const struct screen_answer *attestation_answer(const struct attestation *a, size_t question);
size_t attestation_unanswered(const struct attestation *a);

/* The label that a page shows if all is well: "member.py:12:user_session_lock". The caller's. */
char *attestation_declared(const struct evidence *ev, const struct lock *lock);

/* One line as it was typed: empty as declared, "-" nothing is shown, "s" not known, "\"s\"" the text between the
 * quotation marks, anything else the text itself. */
void attestation_take(struct attestation *a, size_t question, const char *line);

/* The question that is meant by an instance and a lock's id, or its name where only one has that. Code ERR_INPUT. */
int attestation_find(const struct attestation *a, const char *instance, const char *lock, size_t *question,
                     struct err *e);

/* Writes what has changed, each file through a temporary one. Code ERR_WRITE. */
int attestation_save(struct attestation *a, struct err *e);

#endif
