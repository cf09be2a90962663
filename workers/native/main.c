/* SPDX-License-Identifier: Apache-2.0 */
/* The `native` workload: takes locks whose names are known, and says on file descriptor 3 what it really did. */
#include "native/runtime/calls.h"
#include "native/runtime/channel.h"
#include "native/runtime/ledger.h"
#include "native/runtime/options.h"
#include "native/runtime/phases.h"
#include "native/runtime/tally.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_USAGE 64
#define EXIT_CANT_WRITE 73
#define PROTOCOL 1
/* Of the workload itself: another number where its patterns or counts change their meaning. */
#define WORKLOAD_VERSION "1"

static const char not_started[] =
    "%s: file descriptor 3 is not open for writing. This program is started by locktrail, which reads its protocol\n"
    "lines there. To try it by hand, let them go to the terminal:\n"
    "  %s --threads 4 --seed 1 --phase member:100:0.5 3>&1\n";

static void on_signal(int number)
{
    (void)number;
    phases_stop();
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static void send_hello(struct channel *channel)
{
    struct line line;
    line_begin(&line, "hello");
    line_text(&line, "runtime", "native");
    line_text(&line, "version", WORKLOAD_VERSION);
    fprintf(line.out, ",\"pid\":%d,\"protocol\":%d", (int)getpid(), PROTOCOL);
    line_text(&line, "build", ledger_variant());
    line_text(&line, "compiler", __VERSION__);
    line_send(&line, channel);
}

static int run(const struct options *options, struct channel *channel)
{
    send_hello(channel);
    bool well = phases_run(options, channel);
    if (channel->gone) {
        fprintf(stderr, "%s\n", channel->error);
        return EXIT_CANT_WRITE;
    }
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct channel channel;
    int status = EXIT_CANT_WRITE;
    enum options_result result = options_read(&options, argc, argv);
    if (result != OPTIONS_OK) {
        options_fini(&options);
        return result == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    }
    calls_start();
    take_signals();
    if (channel_open(&channel))
        status = run(&options, &channel);
    else
        fprintf(stderr, not_started, calls_module(), argv[0]);
    ledger_fini();
    tally_fini();
    calls_fini();
    options_fini(&options);
    return status;
}
