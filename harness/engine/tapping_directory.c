/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_internal.h"

#include "base/mem.h"
#include "engine/journal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was there before would be taken for this tap's. */
static int check_empty(const char *directory, struct err *e)
{
    DIR *listing = opendir(directory);
    bool empty = true;
    if (!listing)
        return err_sys(e, ERR_WRITE, errno, "can't list %s", directory);
    for (struct dirent *entry; empty && (entry = readdir(listing));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(listing);
    return empty ? 0
                 : err_set(e, ERR_WRITE, "%s is not empty: a tap needs a directory of its own, name another with --out",
                           directory);
}

static int make_part(const char *directory, const char *name, struct err *e)
{
    char *path = mem_printf("%s/%s", directory, name);
    int result = disk_make_dir(path, e);
    free(path);
    return result;
}

/* So that the directory can be judged again where the ledger is not. */
static int copy_ledger(const struct tapping_options *options, struct err *e)
{
    struct buf text = {0};
    if (disk_read_now(options->ledger, TAPPING_LEDGER_MAX, &text, e) < 0)
        return -1;
    char *path = mem_printf("%s/ledger.jsonl", options->directory);
    int result = disk_write_now(path, text.data, text.size, e);
    free(path);
    buf_fini(&text);
    return result;
}

static int write_mark(const struct tapping_options *options, struct err *e)
{
    char now[JOURNAL_TIME_SIZE];
    struct buf text = {0};
    struct json_out j = json_begin(&text, 2);
    journal_time(now);
    json_object(&j);
    json_put_string(&j, "started", now);
    json_put_string(&j, "listen", options->listen);
    json_put_string(&j, "to", options->to.unix_socket ? options->to.unix_socket : options->to.url);
    json_object_end(&j);
    buf_add_char(&text, '\n');
    char *path = mem_printf("%s/" TAPPING_MARK, options->directory);
    int result = disk_write_now(path, text.data, text.size, e);
    free(path);
    buf_fini(&text);
    return result;
}

static int make_parts(const char *directory, struct err *e)
{
    return make_part(directory, "copies", e) < 0 || make_part(directory, "spool", e) < 0 ? -1 : 0;
}

int tapping_directory_make(const struct tapping_options *o, struct err *e)
{
    if (disk_make_dir(o->directory, e) < 0 || check_empty(o->directory, e) < 0)
        return -1;
    bool made = write_mark(o, e) == 0 && (!o->ledger || copy_ledger(o, e) == 0) &&
                (!o->to.url || make_parts(o->directory, e) == 0);
    if (!made)
        tapping_directory_unmake(o);
    return made ? 0 : -1;
}

void tapping_directory_unmake(const struct tapping_options *o)
{
    static const char *const names[] = {TAPPING_MARK, "ledger.jsonl", "copies", "spool", "store"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = mem_printf("%s/%s", o->directory, names[i]);
        remove(path);
        free(path);
    }
}
