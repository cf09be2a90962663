/* SPDX-License-Identifier: Apache-2.0 */
/* A malloc whose every call takes two nested mutexes, in constructors as well: preloaded, or linked into a program.
 * malloc_acquires() says how often each was acquired. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define CLASSES 32
#define POOL_BYTES ((size_t)256 << 20)

struct chunk {
    size_t class;
    struct chunk *next;
};

struct size_class {
    struct chunk *free_chunks;
    pthread_mutex_t class_lock;
};

static struct size_class classes[CLASSES];
pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static char *pool, *pool_next;
static atomic_ulong class_acquires, pool_acquires;

__attribute__((visibility("default"))) void malloc_acquires(unsigned long *of_classes, unsigned long *of_pool)
{
    *of_classes = class_acquires;
    *of_pool = pool_acquires;
}

/* Called with the class's lock held. */
static struct chunk *chunk_new(size_t class)
{
    struct chunk *chunk = NULL;
    pthread_mutex_lock(&pool_lock);
    pool_acquires++;
    if (!pool) {
        void *memory =
            mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory != MAP_FAILED)
            pool = pool_next = memory;
    }
    size_t size = ((size_t)32 << class);
    if (pool && size <= (size_t)(pool + POOL_BYTES - pool_next)) {
        chunk = (struct chunk *)(void *)pool_next;
        pool_next += size;
        chunk->class = class;
    }
    pthread_mutex_unlock(&pool_lock);
    return chunk;
}

void *malloc(size_t size)
{
    size_t class = 0;
    while (class < CLASSES && ((size_t)32 << class) < size + sizeof(struct chunk))
        class ++;
    if (class == CLASSES) {
        errno = ENOMEM;
        return NULL;
    }
    struct size_class *list = &classes[class];
    pthread_mutex_lock(&list->class_lock);
    class_acquires++;
    struct chunk *chunk = list->free_chunks;
    if (chunk)
        list->free_chunks = chunk->next;
    else
        chunk = chunk_new(class);
    pthread_mutex_unlock(&list->class_lock);
    if (!chunk) {
        errno = ENOMEM;
        return NULL;
    }
    return chunk + 1;
}

void free(void *memory)
{
    if (!memory)
        return;
    struct chunk *chunk = (struct chunk *)memory - 1;
    struct size_class *list = &classes[chunk->class];
    pthread_mutex_lock(&list->class_lock);
    class_acquires++;
    chunk->next = list->free_chunks;
    list->free_chunks = chunk;
    pthread_mutex_unlock(&list->class_lock);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *memory = malloc(bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}

void *realloc(void *old, size_t size)
{
    void *memory = malloc(size);
    if (memory && old) {
        size_t had = ((size_t)32 << ((struct chunk *)old - 1)->class) - sizeof(struct chunk);
        memcpy(memory, old, had < size ? had : size);
        free(old);
    }
    return memory;
}

/* Chunks are multiples of 32 bytes behind a head of 16: more than 16 is found by taking more. */
void *aligned_alloc(size_t alignment, size_t size)
{
    if (alignment <= 16)
        return malloc(size);
    char *memory = malloc(size + alignment + sizeof(struct chunk));
    if (!memory)
        return NULL;
    uintptr_t aligned = ((uintptr_t)memory + sizeof(struct chunk) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    struct chunk *head = (struct chunk *)aligned - 1; /* freed as a chunk of the smallest size: a leak of the rest */
    head->class = 0;
    return (void *)aligned;
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    *out = aligned_alloc(alignment, size);
    return *out ? 0 : ENOMEM;
}

void *memalign(size_t alignment, size_t size)
{
    return aligned_alloc(alignment, size);
}

__attribute__((constructor)) static void use_early(void)
{
    for (size_t size = 16; size < 100000; size *= 3)
        free(malloc(size));
}
