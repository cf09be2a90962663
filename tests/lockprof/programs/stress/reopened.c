/* SPDX-License-Identifier: Apache-2.0 */
/* A module of reopen.c: built twice, with locks, types and members of another name but the same size, so that the two
 * have the same layout and the second takes the place of the first. */
#include <pthread.h>
#include <stdlib.h>

#ifdef SECOND
#define STATIC_LOCK omega_lock
#define MEMBER_LOCK lamed_lock
#else
#define STATIC_LOCK alpha_lock
#define MEMBER_LOCK aleph_lock
#endif

struct state {
    int uses;
    pthread_mutex_t MEMBER_LOCK;
};

static pthread_mutex_t STATIC_LOCK = PTHREAD_MUTEX_INITIALIZER;
static struct state *state;

void module_use(void);
void module_use(void)
{
    state = calloc(1, sizeof(*state));
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&STATIC_LOCK);
        pthread_mutex_lock(&state->MEMBER_LOCK);
        state->uses++;
        pthread_mutex_unlock(&state->MEMBER_LOCK);
        pthread_mutex_unlock(&STATIC_LOCK);
    }
    free(state);
}
