/* SPDX-License-Identifier: Apache-2.0 */
/* Code that invites a wrong name: "-" is always allowed, another lock's name never is. */
#include "expect.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LOCK(lock)                                                                                                     \
    do {                                                                                                               \
        pthread_mutex_lock(lock);                                                                                      \
        pthread_mutex_unlock(lock);                                                                                    \
    } while (0)

struct alpha {
    long first;
    pthread_mutex_t alpha_lock;
    long last;
};

struct beta {
    long first;
    pthread_mutex_t beta_lock;
    long last;
};

/* The lock stands first. */
struct front {
    pthread_mutex_t front_lock;
    int rest;
};

struct node {
    struct node *next;
};

struct item {
    long weight;
    struct node link;
    pthread_mutex_t item_lock;
};

struct owner {
    long weight;
    struct node head;
    pthread_mutex_t owner_lock;
};

struct twice {
    struct alpha left, right;
};

union either {
    struct alpha alpha;
    struct beta beta;
};

struct flexible {
    int count;
    struct alpha rows[];
};

struct bits {
    unsigned a : 3;
    unsigned b : 29;
    pthread_mutex_t bits_lock;
};

struct device;
struct device_ops {
    void (*start)(struct device *);
};
struct device {
    const struct device_ops *ops;
    void *private_data;
    pthread_mutex_t device_lock;
};

NOINLINE static void *heap(size_t size)
{
    void *memory = calloc(1, size);
    KEEP(memory);
    return memory;
}

/* A pointer to what was freed: both point to the same bytes. */
NOINLINE static void stale_pointer(void)
{
    struct alpha *old = heap(sizeof *old);
    pthread_mutex_init(&old->alpha_lock, NULL);
    expect(&old->alpha_lock, "old->alpha_lock|-");
    LOCK(&old->alpha_lock);
    pthread_mutex_destroy(&old->alpha_lock);
    struct beta *fresh = (struct beta *)(uintptr_t)old;
    KEEP(fresh);
    pthread_mutex_init(&fresh->beta_lock, NULL);
    expect(&fresh->beta_lock, "fresh->beta_lock|-");
    LOCK(&fresh->beta_lock);
    KEEP(old);
}

NOINLINE static void lock_beta(struct beta *b)
{
    LOCK(&b->beta_lock);
    b->last++;
}

/* The stale pointer is the caller's. */
NOINLINE static void stale_in_caller(void)
{
    struct alpha *gone = heap(sizeof *gone);
    struct beta *here = (struct beta *)(uintptr_t)gone;
    KEEP(here);
    expect(&here->beta_lock, "here->beta_lock|b->beta_lock|-");
    lock_beta(here);
    KEEP(gone);
}

NOINLINE static void leave_garbage(struct alpha *a)
{
    struct alpha *volatile left[64];
    for (int i = 0; i < 64; i++) {
        left[i] = a;
    }
    KEEP(left[3]);
}

/* Variables that hold what an earlier call left on the stack. */
NOINLINE static void uninitialized(struct beta *given)
{
    expect(&given->beta_lock, "right->beta_lock");
    LOCK(&given->beta_lock);
    struct alpha *wrong1, *wrong2, *wrong3, *wrong4, *wrong5, *wrong6;
    wrong1 = wrong2 = wrong3 = wrong4 = wrong5 = wrong6 = heap(8);
    KEEP(wrong1);
    KEEP(wrong2);
    KEEP(wrong3);
    KEEP(wrong4);
    KEEP(wrong5);
    KEEP(wrong6);
}

NOINLINE static void garbage(void)
{
    struct beta *right = heap(sizeof *right);
    leave_garbage((struct alpha *)(uintptr_t)right);
    uninitialized(right);
    KEEP(right);
}

/* Registers of a dead variable hold the lock's address in another type. */
NOINLINE static long dead_register(struct alpha *a, struct beta *(*convert)(struct alpha *))
{
    long sum = a->first;
    struct beta *b = convert(a);
    expect(&b->beta_lock, "b->beta_lock|-");
    LOCK(&b->beta_lock);
    return sum + b->last;
}

NOINLINE static struct beta *convert_alpha(struct alpha *a)
{
    return (struct beta *)(uintptr_t)a;
}

NOINLINE static void unions(void)
{
    union either either;
    memset(&either, 0, sizeof either);
    expect(&either.alpha.alpha_lock, "either.alpha.alpha_lock");
    LOCK(&either.alpha.alpha_lock);
    union {
        pthread_mutex_t as_mutex;
        pthread_rwlock_t as_rwlock;
    } kinds;
    memset(&kinds, 0, sizeof kinds);
    expect(&kinds, "kinds.as_rwlock");
    pthread_rwlock_wrlock(&kinds.as_rwlock);
    pthread_rwlock_unlock(&kinds.as_rwlock);
}

NOINLINE static void lock_item(struct node *link)
{
    struct item *item = (struct item *)((char *)link - offsetof(struct item, link));
    expect(&item->item_lock, BUILD("item->item_lock", "item->item_lock|holder->item_lock|-"));
    LOCK(&item->item_lock);
    KEEP(item);
}

/* After the last element a list's cursor points to its owner, in the element's type. */
NOINLINE static void past_the_end(struct owner *owner)
{
    struct item *cursor = (struct item *)((char *)owner->head.next - offsetof(struct item, link));
    KEEP(cursor);
    expect(&owner->owner_lock, "owner->owner_lock|-");
    LOCK(&owner->owner_lock);
    KEEP(cursor);
    owner->weight++;
}

NOINLINE static void containers(void)
{
    struct item *holder = heap(sizeof *holder);
    lock_item(&holder->link);
    struct owner *owner = heap(sizeof *owner);
    owner->head.next = &owner->head;
    past_the_end(owner);
    KEEP(holder);
    KEEP(owner);
}

NOINLINE static void same_struct_twice(void)
{
    struct twice *both = heap(sizeof *both);
    expect(&both->left.alpha_lock, "both->left.alpha_lock");
    LOCK(&both->left.alpha_lock);
    expect(&both->right.alpha_lock, "both->right.alpha_lock");
    LOCK(&both->right.alpha_lock);
    KEEP(both);
}

/* The second element is no name of the first pointer. */
NOINLINE static void strides(void)
{
    struct alpha *rows = heap(4 * sizeof *rows);
    expect(&rows[0].alpha_lock, "rows->alpha_lock|-");
    LOCK(&rows->alpha_lock);
    expect(&rows[1].alpha_lock, "-");
    LOCK(&rows[1].alpha_lock);
    struct alpha *second = &rows[2];
    KEEP(second);
    expect(&second->alpha_lock, "second->alpha_lock");
    LOCK(&second->alpha_lock);
    struct flexible *flexible = heap(sizeof *flexible + 3 * sizeof(struct alpha));
    expect(&flexible->rows[2].alpha_lock, "-");
    LOCK(&flexible->rows[2].alpha_lock);
    KEEP(rows);
    KEEP(flexible);
    KEEP(second);
}

NOINLINE static void shadowing(void)
{
    struct alpha *a = heap(sizeof *a);
    {
        struct beta *outer_a = heap(sizeof *outer_a);
        struct beta *b = outer_a;
        KEEP(b);
        {
            struct beta *a = b;
            KEEP(a);
            expect(&a->beta_lock, "a->beta_lock|outer_a->beta_lock|b->beta_lock" BUILD("", "|-"));
            LOCK(&a->beta_lock);
        }
    }
    KEEP(a);
}

/* The outer `p` is another variable than the one that the inner block calls so. */
NOINLINE static void shadowed_alias(void)
{
    struct alpha *p = heap(sizeof *p);
    struct alpha *q = p;
    KEEP(q);
    {
        struct node *p = heap(sizeof *p);
        KEEP(p);
        expect(&q->alpha_lock, "q->alpha_lock");
        LOCK(&q->alpha_lock);
        KEEP(p);
    }
    KEEP(p);
    KEEP(q);
}

NOINLINE static void lock_front(void *memory)
{
    pthread_mutex_lock(memory);
    pthread_mutex_unlock(memory);
    KEEP(memory);
}

/* At offset 0 the struct's member is meant, not a pointer to a bare lock; through void * only the caller knows. */
NOINLINE static void offset_zero(void)
{
    struct front *front = heap(sizeof *front);
    pthread_mutex_t *bare = &front->front_lock;
    KEEP(bare);
    expect(&front->front_lock, "front->front_lock");
    LOCK(bare);
    struct front *through = heap(sizeof *through);
    expect(&through->front_lock, "through->front_lock");
    lock_front(through);
    KEEP(front);
    KEEP(through);
    KEEP(bare);
}

NOINLINE static void bit_fields(void)
{
    struct bits *bits = heap(sizeof *bits);
    bits->a = 5;
    expect(&bits->bits_lock, "bits->bits_lock");
    LOCK(&bits->bits_lock);
    KEEP(bits);
}

/* Buffers and integers are never names. */
NOINLINE static void raw(void)
{
    char buffer[64] __attribute__((aligned(16)));
    memset(buffer, 0, sizeof buffer);
    expect(buffer, "-");
    lock_front(buffer);
    uintptr_t number = (uintptr_t)heap(64);
    expect((void *)number, "-");
    lock_front((void *)number);
    KEEP(number);
}

NOINLINE static void start_device(struct device *device)
{
    struct alpha *data = device->private_data;
    KEEP(data);
    expect(&data->alpha_lock, BUILD("data->alpha_lock", "data->alpha_lock|-"));
    LOCK(&data->alpha_lock);
    KEEP(data);
    expect(&device->device_lock, BUILD("disk->device_lock", "disk->device_lock|device->device_lock"));
    LOCK(&device->device_lock);
    KEEP(device);
}

NOINLINE static void drivers(void)
{
    static const struct device_ops ops = {start_device};
    struct device *disk = heap(sizeof *disk);
    disk->ops = &ops;
    disk->private_data = heap(sizeof(struct alpha));
    disk->ops->start(disk);
    KEEP(disk);
}

/* Two functions of one code: the compiler keeps one of them. */
NOINLINE static void fold_alpha(struct alpha *a)
{
    pthread_mutex_lock(&a->alpha_lock);
    KEEP(a);
}

__attribute__((noinline)) static void fold_beta(struct beta *b)
{
    pthread_mutex_lock(&b->beta_lock);
    KEEP(b);
}

NOINLINE static void folded(void)
{
    struct alpha *one = heap(sizeof *one);
    expect(&one->alpha_lock, "one->alpha_lock|-");
    fold_alpha(one);
    struct beta *two = heap(sizeof *two);
    expect(&two->beta_lock, "two->beta_lock|-");
    fold_beta(two);
    /* As a linker's folding looks to whoever has no symbols. */
    struct beta *three = heap(sizeof *three);
    void (*volatile function)(struct beta *) = (void (*)(struct beta *))(uintptr_t)fold_alpha;
    expect(&three->beta_lock, "three->beta_lock|-");
    function(three);
    KEEP(three);
    KEEP(one);
    KEEP(two);
}

/* A function's static under the same name as another's, and as a global's. */
static pthread_mutex_t same_name = PTHREAD_MUTEX_INITIALIZER;

NOINLINE static void same_names(void)
{
    LOCK(&same_name);
    {
        static struct alpha same_name = {.alpha_lock = PTHREAD_MUTEX_INITIALIZER};
        expect(&same_name.alpha_lock, "same_name.alpha_lock");
        LOCK(&same_name.alpha_lock);
    }
}

NOINLINE static void variable_length(int n)
{
    pthread_mutex_t locks[n];
    memset(locks, 0, sizeof locks);
    expect(&locks[1], "-|locks[1]");
    LOCK(&locks[1]);
    KEEP(locks);
}

int main(void)
{
    stale_pointer();
    stale_in_caller();
    garbage();
    struct alpha *converted = heap(sizeof *converted);
    KEEP(dead_register(converted, convert_alpha));
    unions();
    containers();
    same_struct_twice();
    strides();
    shadowing();
    shadowed_alias();
    offset_zero();
    bit_fields();
    raw();
    drivers();
    folded();
    same_names();
    variable_length(3);
    return 0;
}
