/* SPDX-License-Identifier: Apache-2.0 */
/* copies/ui: what a person was shown of each process. */
#include "base/mem.h"
#include "engine/evidence_internal.h"
#include "engine/screen_record.h"
#include "io/disk.h"
#include "io/hash.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void free_texts(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

void screen_names_free(struct screen_names *screen)
{
    if (!screen)
        return;
    free_texts(screen->labels, screen->label_count);
    free_texts(screen->pictures, screen->picture_count);
    free_texts(screen->unknown, screen->unknown_count);
    free(screen->how);
    free(screen);
}

/* A path in a file that could come from anywhere is shown, and opened by whoever reads the report. */
static bool is_picture(const char *path)
{
    static const char folder[] = "copies/ui/";
    return strncmp(path, folder, sizeof folder - 1) == 0 && !strchr(path + sizeof folder - 1, '/') &&
           path[sizeof folder - 1] != '.';
}

static void take_pictures(struct evidence *ev, const struct screen_record *r, struct screen_names *screen)
{
    for (size_t i = 0; i < r->picture_count; i++) {
        char *path = mem_printf("%s/%s", ev->directory, r->pictures[i]);
        if (is_picture(r->pictures[i]) && access(path, R_OK) == 0)
            screen->pictures[screen->picture_count++] = mem_strdup(r->pictures[i]);
        free(path);
    }
}

static struct screen_names *take_names(struct evidence *ev, const struct screen_record *r)
{
    struct screen_names *screen = mem_calloc(1, sizeof *screen);
    screen->labels = mem_calloc(r->label_count + 1, sizeof(char *));
    screen->unknown = mem_calloc(r->unknown_count + 1, sizeof(char *));
    screen->pictures = mem_calloc(r->picture_count + 1, sizeof(char *));
    screen->how = mem_strdup(r->how);
    for (size_t i = 0; i < r->label_count; i++)
        screen->labels[screen->label_count++] = mem_strdup(r->labels[i].text);
    for (size_t i = 0; i < r->unknown_count; i++)
        screen->unknown[screen->unknown_count++] = mem_strdup(r->unknown[i]);
    take_pictures(ev, r, screen);
    return screen;
}

/* What can't be read says nothing of any lock: neither that it was shown nor that it was not. */
static struct screen_names *know_nothing(const struct evidence *ev, size_t instance)
{
    const char *worker = ev->ledger.instances[instance].worker;
    struct screen_names *screen = mem_calloc(1, sizeof *screen);
    screen->how = mem_strdup("");
    screen->unknown = mem_calloc(ev->ledger.lock_count + 1, sizeof(char *));
    for (size_t i = 0; i < ev->ledger.lock_count; i++)
        if (strcmp(ev->ledger.locks[i].worker, worker) == 0)
            screen->unknown[screen->unknown_count++] = mem_strdup(ev->ledger.locks[i].id);
    return screen;
}

static void read_screen(struct evidence *ev, struct evidence_copy *copy)
{
    struct screen_record record = {0};
    struct buf text = {0};
    struct err bad;
    char hash[HASH_TEXT_SIZE] = "";
    char *path = mem_printf("%s/%s", ev->directory, copy->path);
    bool good = disk_read_now(path, SCREEN_RECORD_MAX, &text, &bad) == 0;
    if (good) {
        hash_text(text.data ? text.data : "", text.size, hash);
        good = screen_record_read(text.data ? text.data : "", text.size, &record, &bad) == 0;
    }
    if (!good)
        evidence_add_problem(ev, "run", "the run directory was changed after the run: run again", NULL,
                             "%s can't be read: %s", copy->path, bad.text);
    copy->screen = good ? take_names(ev, &record) : know_nothing(ev, copy->instance);
    copy->hash = mem_strdup(hash);
    copy->size = text.size;
    screen_record_fini(&record);
    buf_fini(&text);
    free(path);
}

static int read_entry(struct evidence *ev, const char *name, struct err *e)
{
    char *instance = NULL;
    unsigned sequence;
    if (!evidence_parse_name(name, ".json", &instance, &sequence))
        return 0; /* a picture, or a temporary file that a kill left */
    int index = ledger_find_instance(&ev->ledger, instance);
    free(instance);
    if (index < 0)
        return err_set(e, ERR_INPUT, "%s/copies/ui/%s belongs to no process of the scenario", ev->directory, name);
    ev->copies = mem_grow(ev->copies, ev->copy_count, &ev->copy_capacity, sizeof *ev->copies);
    struct evidence_copy *copy = &ev->copies[ev->copy_count++];
    *copy = (struct evidence_copy){.stage = STAGE_UI,
                                   .instance = (size_t)index,
                                   .sequence = sequence,
                                   .path = mem_printf("copies/ui/%s", name),
                                   .start = mem_strdup(""),
                                   .end = mem_strdup(""),
                                   .runtime_id = mem_strdup("")};
    read_screen(ev, copy);
    return 0;
}

int evidence_read_screens(struct evidence *ev, struct err *e)
{
    char *path = mem_printf("%s/copies/ui", ev->directory);
    DIR *directory = opendir(path);
    int result = 0;
    if (!directory && errno != ENOENT)
        result = err_sys(e, ERR_INPUT, errno, "can't list %s", path);
    struct dirent *entry;
    while (directory && result == 0 && (entry = readdir(directory)))
        result = read_entry(ev, entry->d_name, e);
    if (directory)
        closedir(directory);
    free(path);
    return result;
}
