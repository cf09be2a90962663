/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/stop_signals.h"

#include <signal.h>
#include <stddef.h>

static const int numbers[STOP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static void on_signal(uv_signal_t *handle, int number)
{
    struct stop_signals *s = handle->data;
    s->fn(number, s->data);
}

void stop_signals_start(struct stop_signals *s, uv_loop_t *loop, void (*fn)(int number, void *data), void *data)
{
    *s = (struct stop_signals){.fn = fn, .data = data};
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        uv_signal_init(loop, &s->handles[i]);
        s->handles[i].data = s;
        uv_signal_start(&s->handles[i], on_signal, numbers[i]);
    }
}

static void mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(how, &set, NULL);
}

void stop_signals_end(struct stop_signals *s)
{
    mask(SIG_BLOCK);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        uv_close((uv_handle_t *)&s->handles[i], NULL);
}

void stop_signals_settle(bool ignore)
{
    for (size_t i = 0; i < STOP_SIGNALS && ignore; i++)
        signal(numbers[i], SIG_IGN);
    mask(SIG_UNBLOCK);
}
