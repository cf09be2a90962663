#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The `ddtrace` workload: takes locks whose names are known, and says on file descriptor 3 what it really did.

Nothing here may touch `threading` before the profiler has started.
"""
import argparse
import os
import platform
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from workload import launcher  # noqa: E402
from workload.channel import Channel, ChannelGone  # noqa: E402

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_CANT_WRITE = 0, 1, 64, 73
PROTOCOL = 1
THREADS_MAX = 1024
# The profiler's last flush may go to an intake that is no longer there.
END_TIMEOUT_S = 15


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        print("%s: %s" % (self.prog, message), file=sys.stderr)
        sys.exit(EXIT_USAGE)


def parse_arguments(arguments):
    parser = Parser(prog="main.py", description="Started by locktrail; reads like a service that holds locks.")
    parser.add_argument("--launcher", choices=launcher.LAUNCHERS, required=True)
    parser.add_argument("--lock-type", choices=("rlock", "lock"), default="rlock")
    parser.add_argument("--threads", type=int, default=4, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--rounds", action="store_true", help="all phases again and again, until SIGTERM")
    parser.add_argument("--phase", action="append", required=True, dest="phases", metavar="NAME:ITERATIONS:SECONDS")
    options = parser.parse_args(arguments)
    if not 1 <= options.threads <= THREADS_MAX:
        parser.error("--threads is %d, expected 1 to %d" % (options.threads, THREADS_MAX))
    return parser, options


def parse_phases(parser, texts):
    from workload.patterns import MODULES
    from workload.phases import Phase

    phases = []
    for text in texts:
        words = text.split(":")
        try:
            phase = Phase(words[0], int(words[1]), float(words[2]))
        except (IndexError, ValueError):
            parser.error("--phase %s: expected NAME:ITERATIONS:SECONDS" % text)
        if len(words) != 3 or phase.iterations < 1 or not 0 <= phase.seconds < float("inf"):
            parser.error("--phase %s: expected NAME:ITERATIONS:SECONDS, one iteration at least" % text)
        if phase.pattern not in MODULES:
            parser.error("--phase %s: no pattern %s, there are %s" % (text, phase.pattern, ", ".join(MODULES)))
        phases.append(phase)
    return phases


def send_hello(channel, options, profiler):
    hello = {"type": "hello", "runtime": "ddtrace", "version": profiler.version, "pid": os.getpid()}
    hello.update(protocol=PROTOCOL, python=platform.python_version(), launcher=options.launcher)
    hello["profiler"] = profiler.running
    channel.send(hello)


def run_phases(channel, options, phases):
    """Returns the exit status."""
    from workload import locktype, patterns
    from workload.ledger import LEDGER
    from workload.phases import Runner

    locktype.choose(options.lock_type)
    for pattern in dict.fromkeys(phase.pattern for phase in phases):
        LEDGER.declare(patterns.paths(pattern))
    for line in LEDGER.lines():
        channel.send(line)
    runner = Runner(LEDGER, channel, patterns.load, options.threads, options.seed)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop())
    try:
        runner.run(phases, options.rounds)
    except ChannelGone:
        runner.stop()
        raise
    done = {"type": "done", "at": time.time_ns()}
    done.update(LEDGER.totals(), phases=runner.reports(), interrupted=runner.stopped)
    channel.send(done)
    return EXIT_FAILED if runner.failed else EXIT_OK


def main(arguments):
    parser, options = parse_arguments(arguments)
    try:
        channel = Channel()
        profiler = launcher.start(options.launcher)
        phases = parse_phases(parser, options.phases)
        send_hello(channel, options, profiler)
        if profiler.problem:
            channel.send({"type": "error", "phase": "", "thread": "MainThread", "error": profiler.problem})
            print("main.py: %s" % profiler.problem, file=sys.stderr)
            return EXIT_FAILED
        return run_phases(channel, options, phases)
    except ChannelGone as e:
        print(e, file=sys.stderr)
        # Nobody is left to end this process.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(END_TIMEOUT_S)
        return EXIT_CANT_WRITE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
