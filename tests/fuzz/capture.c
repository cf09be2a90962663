/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a capture file, as they are and behind a header that fits them; all that can be asked of it is asked,
 * and the module lists are read line by line. */
#include "lockprof/resolve/capture_file.h"
#include "lockprof/resolve/modules_maps.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static void ask_maps(const struct capture_maps *maps)
{
    const void *after = maps + 1;
    const char *text = (const char *)after + maps->modules * sizeof(struct capture_module);
    struct map_line line;
    size_t at = 0;
    while (map_line_next(text, maps->text_size, &at, &line)) {
        char *path = map_line_path(&line);
        check(line.end > line.start && strlen(path) <= line.path_size);
        free(path);
    }
}

static void ask_snapshot(const struct capture_snapshot *snapshot)
{
    unsigned char memory[300];
    uint64_t address, value, again;
    for (size_t i = 0; capture_snapshot_pointer(snapshot, i, &address, &value); i++) {
        check(i < snapshot->blocks);
        /* Another block may hold the address too. */
        check(address > UINT64_MAX - 7 || capture_snapshot_read(snapshot, address, &again, sizeof again));
    }
    capture_snapshot_read(snapshot, snapshot->lock, memory, sizeof memory);
    for (size_t i = 0; i < CAPTURE_REGISTERS; i++) {
        capture_snapshot_read(snapshot, snapshot->registers[i], memory, i);
    }
}

static void ask(const struct capture_file *file)
{
    size_t locks = capture_file_locks(file), slots = capture_file_slots(file);
    char name[CAPTURE_NAME_MAX];
    for (size_t i = 0; i <= locks; i++) {
        struct capture_lock lock;
        if (capture_file_lock(file, i, &lock)) {
            check(i < locks && lock.kind > 0 && lock.kind < KIND_COUNT);
        }
    }
    for (size_t i = 0; i <= slots; i++) {
        struct capture_slot slot;
        if (capture_file_slot(file, i, &slot)) {
            check(i < slots && slot.lock < locks && slot.call > CALL_NONE && slot.call < CALL_COUNT);
            capture_file_lane_name(file, slot.lane, name);
            check(memchr(name, '\0', sizeof name) != NULL);
            capture_file_ns(file, slot.hold_ticks);
        }
    }
    for (uint64_t offset = 0; offset < file->size; offset += 16) {
        const struct capture_snapshot *snapshot = capture_file_snapshot(file, offset);
        const struct capture_maps *maps = capture_file_maps(file, offset);
        check(snapshot == NULL || maps == NULL);
        if (snapshot != NULL) {
            ask_snapshot(snapshot);
        }
        if (maps != NULL) {
            ask_maps(maps);
        }
    }
}

static void open_and_ask(const unsigned char *bytes, size_t size)
{
    struct capture_file file;
    struct err e = {0};
    if (capture_file_of(&file, bytes, size, &e) < 0) {
        check(e.code == ERR_INPUT && e.text[0] != '\0');
        return;
    }
    ask(&file);
    capture_file_close(&file);
}

/* Two lanes, two locks and two slots, and the rest is the arena. */
static void put_header(unsigned char *bytes, size_t size)
{
    struct capture_header h;
    const uint64_t lanes = (sizeof h + 15) & ~UINT64_C(15), locks = lanes + 2 * sizeof(struct capture_lane),
                   slots = locks + 2 * sizeof(struct capture_lock), arena = slots + 2 * sizeof(struct capture_slot);
    memcpy(&h, bytes, sizeof h);
    h.magic = CAPTURE_MAGIC;
    h.version = CAPTURE_VERSION;
    h.header_size = sizeof h;
    h.lanes = (struct capture_section){lanes, 2, 2};
    h.locks = (struct capture_section){locks, 2, 2};
    h.slots = (struct capture_section){slots, 2, 2};
    h.arena = (struct capture_section){arena, size, size};
    memcpy(bytes, &h, sizeof h);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    /* Of its own size, so that the sanitizer sees a byte too many. */
    unsigned char *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    open_and_ask(copy, size);
    if (size >= sizeof(struct capture_header)) {
        put_header(copy, size);
        open_and_ask(copy, size);
    }
    free(copy);
    return 0;
}
