/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/images.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct text {
    const char *at, *end;
};

/* The text behind the head, within the record (capture_file_maps has checked its size). */
static struct text maps_text(const struct capture_maps *maps)
{
    const char *modules = (const char *)(maps + 1);
    const char *at = modules + (size_t)maps->modules * sizeof(struct capture_module);
    return (struct text){at, at + maps->text_size};
}

/* The next line that is of a file: heap, stacks and anonymous memory come and go, and hold no module. False at the end.
 */
static bool next_line(struct text *text, struct text *line)
{
    while (text->at < text->end) {
        const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
        *line = (struct text){text->at, newline ? newline : text->end};
        text->at = newline ? newline + 1 : text->end;
        if (memchr(line->at, '/', (size_t)(line->end - line->at)))
            return true;
    }
    return false;
}

static void make_key(const struct capture_maps *maps, struct buf *key)
{
    struct text text = maps_text(maps), line;
    buf_add(key, maps + 1, (size_t)maps->modules * sizeof(struct capture_module));
    while (next_line(&text, &line)) {
        buf_add(key, line.at, (size_t)(line.end - line.at));
        buf_add_char(key, '\n');
    }
}

const struct capture_maps *images_newest(const struct capture_file *file, const struct capture_maps *maps)
{
    const struct capture_maps *newest = capture_file_maps(file, file->header->last_maps);
    size_t modules = (size_t)maps->modules * sizeof(struct capture_module);
    if (!newest || newest == maps || newest->modules != maps->modules || memcmp(newest + 1, maps + 1, modules) != 0)
        return maps;
    struct text old = maps_text(maps), new = maps_text(newest), wanted, line;
    /* Both are sorted by address: each old line has to come in the new text. */
    while (next_line(&old, &wanted)) {
        do {
            if (!next_line(&new, &line))
                return maps;
        } while (line.end - line.at != wanted.end - wanted.at ||
                 memcmp(line.at, wanted.at, (size_t)(line.end - line.at)) != 0);
    }
    return newest;
}

static void image_fini(struct image *image)
{
    namer_free(image->namer);
    modules_free(image->modules);
    free(image->mappings);
    free(image->key);
    *image = (struct image){0};
}

void images_fini(struct images *images)
{
    for (size_t i = 0; i < IMAGES_MAX; i++)
        if (images->slots[i].modules)
            image_fini(&images->slots[i]);
}

static struct image *least_used(struct images *images)
{
    struct image *least = &images->slots[0];
    for (size_t i = 1; i < IMAGES_MAX; i++)
        if (images->slots[i].used < least->used)
            least = &images->slots[i];
    return least;
}

static int image_open(struct image *image, const struct capture_file *file, const struct capture_maps *maps,
                      const struct modules_options *options, struct err *e)
{
    if (modules_open(&image->modules, file, maps, options, e) != 0) {
        image->modules = NULL;
        return -1;
    }
    image->namer = namer_new(image->modules);
    image->mappings = mem_calloc(modules_count(image->modules) + 1, sizeof *image->mappings);
    return 0;
}

struct image *images_get(struct images *images, const struct capture_file *file, const struct capture_maps *maps,
                         struct err *e)
{
    struct buf key = {0};
    make_key(maps, &key);
    for (size_t i = 0; i < IMAGES_MAX; i++) {
        struct image *image = &images->slots[i];
        if (image->modules && image->key_size == key.size && memcmp(image->key, key.data, key.size) == 0) {
            buf_fini(&key);
            image->used = ++images->clock;
            return image;
        }
    }
    struct image *image = least_used(images);
    if (image->modules)
        image_fini(image);
    if (image_open(image, file, maps, images->options, e) != 0) {
        buf_fini(&key);
        return NULL;
    }
    image->key_size = key.size;
    image->key = buf_steal(&key);
    image->used = ++images->clock;
    return image;
}
