/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/journal.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void journal_time(char out[JOURNAL_TIME_SIZE])
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t size = strftime(out, JOURNAL_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + size, JOURNAL_TIME_SIZE - size, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

void journal_init(struct journal *j, struct disk *disk, const char *directory)
{
    *j = (struct journal){.disk = disk,
                          .directory = mem_strdup(directory),
                          .events_path = mem_printf("%s/events.jsonl", directory),
                          .segment = 1,
                          .ledger_path = mem_printf("%s/ledger.jsonl", directory),
                          .start_ns = monotonic_ns()};
}

/* The first has no number, so that a bounded journal begins as any other. */
static char *segment_path(const struct journal *j, unsigned segment)
{
    return segment == 1 ? mem_printf("%s/events.jsonl", j->directory)
                        : mem_printf("%s/events.%u.jsonl", j->directory, segment);
}

static unsigned last_segment(const struct journal *j)
{
    unsigned last = 1, number;
    int end;
    DIR *listing = opendir(j->directory);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        end = 0;
        if (sscanf(entry->d_name, "events.%u.jsonl%n", &number, &end) == 1 && end > 0 && !entry->d_name[end] &&
            number > last)
            last = number;
    }
    if (listing)
        closedir(listing);
    return last;
}

void journal_bound(struct journal *j, uint64_t bytes)
{
    struct stat info;
    j->bounded = true;
    j->segment_max = bytes / 2 < JOURNAL_SEGMENT_MAX ? bytes / 2 : JOURNAL_SEGMENT_MAX;
    j->segment = last_segment(j);
    free(j->events_path);
    j->events_path = segment_path(j, j->segment);
    j->segment_bytes = stat(j->events_path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static void next_segment(struct journal *j)
{
    if (j->segment > 1) {
        char *old = segment_path(j, j->segment - 1);
        unlink(old);
        free(old);
    }
    free(j->events_path);
    j->events_path = segment_path(j, ++j->segment);
    j->segment_bytes = 0;
}

void journal_fini(struct journal *j)
{
    free(j->directory);
    free(j->events_path);
    free(j->ledger_path);
    buf_fini(&j->line);
}

int64_t journal_elapsed_ms(const struct journal *j)
{
    return (int64_t)((monotonic_ns() - j->start_ns) / 1000000u);
}

struct json_out journal_begin(struct journal *j, const char *event)
{
    char time[JOURNAL_TIME_SIZE];
    journal_time(time);
    buf_clear(&j->line);
    struct json_out out = json_begin(&j->line, 0);
    json_object(&out);
    json_put_string(&out, "event", event);
    json_put_string(&out, "time", time);
    json_put_int(&out, "elapsed_ms", journal_elapsed_ms(j));
    return out;
}

void journal_end(struct journal *j, struct json_out *out, bool sync)
{
    json_object_end(out);
    buf_add_char(&j->line, '\n');
    if (j->bounded && j->segment_bytes >= j->segment_max)
        next_segment(j);
    j->segment_bytes += j->line.size;
    disk_append(j->disk, j->events_path, j->line.data, j->line.size, sync, NULL, NULL);
}

void journal_ledger(struct journal *j, const char *instance, const char *line, size_t size)
{
    buf_clear(&j->line);
    struct json_out out = json_begin(&j->line, 0);
    json_object(&out);
    json_put_string(&out, "instance", instance);
    json_key(&out, "line");
    json_raw(&out, line, size);
    json_object_end(&out);
    buf_add_char(&j->line, '\n');
    j->ledger_bytes += j->line.size;
    disk_append(j->disk, j->ledger_path, j->line.data, j->line.size, false, NULL, NULL);
}

bool journal_ledger_full(const struct journal *j)
{
    return j->ledger_bytes >= JOURNAL_LEDGER_MAX || disk_full(j->disk);
}
