/* SPDX-License-Identifier: Apache-2.0 */
/* Locks on both sides of a shared object's border. */
#include "expect.h"

#include "part.h"

struct mine {
    int kind;
    pthread_mutex_t mine_lock;
};

static void called_back(void *argument)
{
    struct mine *mine = argument;
    expect(&mine->mine_lock, BUILD("mine->mine_lock", "mine->mine_lock|outside->mine_lock"));
    pthread_mutex_lock(&mine->mine_lock);
    mine->kind++;
    pthread_mutex_unlock(&mine->mine_lock);
}

int main(void)
{
    struct part *part = part_new();
    expect(part_lock_address(part), "part->part_lock|made->part_lock");
    expect(part_tls_address(), "library_tls_lock");
    expect(part_static_address(), "library_static_lock");
    part_use(part);
    KEEP(part);
    expect(&library_global_lock, BUILD("library_global_lock|-", "library_global_lock|-"));
    pthread_mutex_lock(&library_global_lock);
    pthread_mutex_unlock(&library_global_lock);
    struct mine *outside = calloc(1, sizeof *outside);
    part_call(called_back, outside);
    KEEP(outside);
    struct mine *given = calloc(1, sizeof *given);
    expect(&given->mine_lock, "given->mine_lock");
    part_lock(&given->mine_lock);
    KEEP(given);
    return 0;
}
