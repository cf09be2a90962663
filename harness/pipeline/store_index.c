/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/store_index.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* How many items from the end on are looked at for the same tags: as many processes as upload in turn. */
#define SHARED_LOOK 64

static void tags_free(struct store_tags *tags)
{
    if (tags == NULL || --tags->refs > 0) {
        return;
    }
    for (size_t i = 0; i < tags->count; i++) {
        free(tags->items[i].key);
        free(tags->items[i].value);
    }
    free(tags->items);
    free(tags);
}

void store_item_free(struct store_item *item)
{
    if (item == NULL) {
        return;
    }
    for (size_t i = 0; i < item->part_count; i++) {
        free(item->parts[i].file);
    }
    tags_free(item->tags);
    free(item->parts);
    free(item->id);
    free(item->profile_id);
    free(item->start);
    free(item->end);
    free(item);
}

const char *store_item_tag(const struct store_item *item, const char *key)
{
    for (size_t i = 0; i < item->tags->count; i++) {
        if (strcmp(item->tags->items[i].key, key) == 0) {
            return item->tags->items[i].value;
        }
    }
    return "";
}

static bool is_same(const struct store_tags *tags, const struct upload_tag *others, size_t count)
{
    bool same = tags->count == count;
    for (size_t i = 0; i < count && same; i++) {
        same = strcmp(tags->items[i].value, others[i].value) == 0 && strcmp(tags->items[i].key, others[i].key) == 0;
    }
    return same;
}

struct store_tags *store_index_tags(const struct store_index *index, const struct upload_tag *tags, size_t count)
{
    for (size_t i = 0; i < index->count && i < SHARED_LOOK; i++) {
        struct store_tags *of_item = index->items[index->first + index->count - 1 - i]->tags;
        if (is_same(of_item, tags, count)) {
            of_item->refs++;
            return of_item;
        }
    }
    struct store_tags *fresh = mem_calloc(1, sizeof *fresh);
    *fresh = (struct store_tags){.refs = 1, .items = mem_calloc(count + 1, sizeof *tags), .count = count};
    for (size_t i = 0; i < count; i++) {
        fresh->items[i] = (struct upload_tag){.key = mem_strdup(tags[i].key), .value = mem_strdup(tags[i].value)};
    }
    return fresh;
}

void store_index_fini(struct store_index *index)
{
    for (size_t i = 0; i < index->count; i++) {
        store_item_free(index->items[index->first + i]);
    }
    free(index->items);
    *index = (struct store_index){0};
}

void store_index_add(struct store_index *index, struct store_item *item)
{
    /* What was dropped in front is given back once it is half of the array. */
    if (index->first > index->count) {
        memmove(index->items, index->items + index->first, index->count * sizeof *index->items);
        index->first = 0;
    }
    index->items = mem_grow(index->items, index->first + index->count, &index->capacity, sizeof *index->items);
    index->items[index->first + index->count++] = item;
    index->bytes += item->bytes;
}

struct store_item *store_index_drop(struct store_index *index, uint64_t max_bytes, size_t max_uploads)
{
    bool over = (max_bytes > 0 && index->bytes > max_bytes) || index->count > max_uploads;
    if (!over || index->count < 2) {
        return NULL;
    }
    struct store_item *item = index->items[index->first++];
    index->count--;
    index->bytes -= item->bytes;
    index->dropped++;
    return item;
}

struct store_item *store_index_find(const struct store_index *index, uint64_t number, const char *id)
{
    size_t low = index->first, high = index->first + index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->items[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < index->first + index->count && strcmp(index->items[low]->id, id) == 0;
    return found ? index->items[low] : NULL;
}

/* Of two that began together the later upload is the later one. */
static int compare_up(const void *a, const void *b)
{
    const struct store_item *x = *(const struct store_item *const *)a, *y = *(const struct store_item *const *)b;
    int order = intake_time_compare(&x->at, &y->at);
    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

static int compare_down(const void *a, const void *b)
{
    return compare_up(b, a);
}

const struct store_item **store_index_select(const struct store_index *index, const struct store_query *query,
                                             size_t *count, size_t *matched)
{
    const struct store_item **found = NULL;
    size_t found_count = 0, capacity = 0;
    for (size_t i = 0; i < index->count; i++) {
        const struct store_item *item = index->items[index->first + i];
        if (store_query_fits(query, &item->at, item->tags->items, item->tags->count)) {
            found = mem_grow(found, found_count, &capacity, sizeof *found);
            found[found_count++] = item;
        }
    }
    if (found_count > 1) {
        qsort(found, found_count, sizeof *found, query->ascending ? compare_up : compare_down);
    }
    *matched = found_count;
    *count = found_count < query->limit ? found_count : query->limit;
    return found;
}
