/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include "base/json.h"
#include "base/mem.h"
#include "engine/orders.h"
#include "engine/protocol.h"
#include "io/disk.h"
#include "pipeline/intake_time.h"

#include <stdlib.h>
#include <string.h>

/* The whole recording has less than 400 KiB. */
#define FILE_MAX ((size_t)1 << 20)

typedef int (*line_fn)(struct recording *r, const char *directory, const char *line, size_t size, struct err *e);

static int each_line(struct recording *r, const char *directory, const char *name, line_fn fn, struct err *e)
{
    struct buf text = {0};
    char *path = mem_printf("%s/%s", directory, name);
    int result = disk_read_now(path, FILE_MAX, &text, e);
    char *at = text.data;
    for (size_t number = 1; result == 0 && at != NULL && *at != '\0'; number++) {
        char *end = strchrnul(at, '\n');
        if (fn(r, directory, at, (size_t)(end - at), e) < 0) {
            result = err_wrap(e, "%s, line %zu", path, number);
        }
        at = *end == '\n' ? end + 1 : end;
    }
    free(path);
    buf_fini(&text);
    return result;
}

/* --- ledger ------------------------------------------------------------------------------------------------------- */

/* "native.1.tee": worker, number, arm; "python.control": worker, arm. */
static int instance_of(struct recording *r, const char *name, struct err *e)
{
    int index = ledger_find_instance(&r->ledger, name);
    if (index >= 0) {
        return index;
    }
    enum arm arm;
    const char *last = strrchr(name, '.');
    char *worker = mem_strndup(name, strcspn(name, "."));
    if (last == NULL || !arm_parse(last + 1, &arm)) {
        index = err_set(e, ERR_INPUT, "'%s' is no process", name);
    } else {
        index = ledger_add_instance(&r->ledger, name, worker, arm, 1, e);
    }
    free(worker);
    return index;
}

static int add_lock(struct recording *r, size_t instance, const struct lock *declared, struct err *e)
{
    struct lock lock = *declared;
    if (strcmp(lock.pattern, REFERENCE_PATTERN) == 0) {
        return 0;
    }
    lock.worker = r->ledger.instances[instance].worker;
    lock.provisional = r->ledger.instances[instance].arm == ARM_CONTROL && strcmp(lock.worker, "native") == 0;
    return ledger_add_lock(&r->ledger, &lock, e) < 0 ? -1 : 0;
}

static int add_site(struct recording *r, size_t instance, const struct message *m, struct err *e)
{
    int lock = ledger_find_lock(&r->ledger, r->ledger.instances[instance].worker, m->id);
    return lock < 0 ? 0 : ledger_add_site(&r->ledger, (size_t)lock, m->site, e); /* none: the reference lock */
}

static int set_counts(struct recording *r, size_t instance, const struct message *m, struct err *e)
{
    for (size_t i = 0; i < message_counted(m); i++) {
        int lock = ledger_find_lock(&r->ledger, r->ledger.instances[instance].worker, m->acquires->keys[i]);
        struct lock_count count = {0};
        if (lock < 0) {
            continue; /* the reference lock */
        }
        message_count(m, i, &count);
        if (ledger_set_count(&r->ledger, instance, (size_t)lock, &count, e) < 0) {
            return -1;
        }
    }
    return 0;
}

static int take_message(struct recording *r, size_t instance, const struct message *m, struct err *e)
{
    switch (m->type) {
    case MESSAGE_LOCK:
        return add_lock(r, instance, &m->lock, e);
    case MESSAGE_SITE:
        return add_site(r, instance, m, e);
    case MESSAGE_DONE:
        return set_counts(r, instance, m, e);
    default:
        return 0;
    }
}

/* {"instance":"NAME","line":LINE} */
static int on_ledger_line(struct recording *r, const char *directory, const char *line, size_t size, struct err *e)
{
    static const char head[] = "{\"instance\":\"", middle[] = "\",\"line\":";
    struct message m;
    (void)directory;
    const char *name = line + sizeof head - 1, *end = line + size;
    const char *name_end = size > sizeof head ? memmem(line, size, middle, sizeof middle - 1) : NULL;
    if (name_end == NULL || strncmp(line, head, sizeof head - 1) != 0 || end[-1] != '}') {
        return err_set(e, ERR_INPUT, "not a line of a ledger");
    }
    char *instance_name = mem_strndup(name, (size_t)(name_end - name));
    int instance = instance_of(r, instance_name, e);
    free(instance_name);
    const char *inner = name_end + sizeof middle - 1;
    if (instance < 0 || message_read(inner, (size_t)(end - 1 - inner), &m, e) < 0) {
        return -1;
    }
    int result = take_message(r, (size_t)instance, &m, e);
    message_fini(&m);
    return result;
}

/* --- copies ------------------------------------------------------------------------------------------------------- */

static int64_t time_of(const char *text)
{
    struct intake_time t;
    return intake_time_read(text, &t) == 0 ? t.s * 1000000000 + t.ns : 0;
}

static int add_copy(struct recording *r, const char *directory, const struct json *line, struct err *e)
{
    int instance = instance_of(r, json_get_string(line, "instance", ""), e);
    enum stage stage;
    if (instance < 0) {
        return -1;
    }
    if (!stage_parse(json_get_string(line, "stage", ""), &stage)) {
        return err_set(e, ERR_INPUT, "no stage");
    }
    r->copies = mem_grow(r->copies, r->count, &r->capacity, sizeof *r->copies);
    struct recorded *c = &r->copies[r->count++];
    *c = (struct recorded){.stage = stage,
                           .instance = (size_t)instance,
                           .sequence = (unsigned)json_get_int(line, "sequence", 0),
                           .path = mem_strdup(json_get_string(line, "copy", "")),
                           .runtime_id = mem_strdup(json_get_string(line, "runtime_id", "")),
                           .start_ns = time_of(json_get_string(line, "start", "")),
                           .end_ns = time_of(json_get_string(line, "end", "")),
                           .status = (int)json_get_int(line, "status", 0)};
    char *path = mem_printf("%s/%s", directory, c->path);
    int result = disk_read_now(path, FILE_MAX, &c->bytes, e);
    free(path);
    return result;
}

static int on_copy_line(struct recording *r, const char *directory, const char *line, size_t size, struct err *e)
{
    struct json *tree = NULL;
    int result = json_read(line, size, &tree, e);
    if (result == 0) {
        result = add_copy(r, directory, tree, e);
    }
    json_free(tree);
    return result;
}

int recording_load(const char *directory, struct recording *out, struct err *e)
{
    *out = (struct recording){0};
    return each_line(out, directory, "ledger.jsonl", on_ledger_line, e) < 0 ||
                   each_line(out, directory, "copies.jsonl", on_copy_line, e) < 0
               ? err_wrap(e, "the recording")
               : 0;
}

void recording_fini(struct recording *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->copies[i].path);
        free(r->copies[i].runtime_id);
        buf_fini(&r->copies[i].bytes);
    }
    free(r->copies);
    ledger_fini(&r->ledger);
}
