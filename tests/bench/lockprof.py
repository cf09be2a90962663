#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the lock profiler costs its target, and what naming costs afterwards, beside the other tools that look at locks.

Ratios are to the plain program in the same round; what is printed is the median over interleaved rounds. A value over its
bound is marked `over`; the exit status is 0 all the same.
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import big_program

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "python"))
import pprof  # noqa: E402  (tests/python)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.dirname(os.environ.get("LOCKTRAIL", os.path.join(ROOT, "build", "locktrail")))
LIBRARY = os.environ.get("LIBLOCKPROF", os.path.join(BUILD, "liblockprof.so"))
LOCKPROF = os.environ.get("LOCKPROF", os.path.join(BUILD, "lockprof"))
WORK = os.path.join(BUILD, "bench")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "4000000"))
CASES = {
    "one": "one lock, one thread",
    "locks": "64 locks of an array",
    "heap": "64 members of heap structs",
    "threads": "64 locks, 8 threads",
}
# Name, settings of the capture library, bound of the ratio.
ARMS = [
    ("every acquire, no hold", {"LOCKPROF_RATE": "1", "LOCKPROF_HOLD": "0"}, 1.15),
    ("every acquire, hold", {"LOCKPROF_RATE": "1", "LOCKPROF_HOLD": "1"}, 1.6),
    ("1 in 100, no hold", {"LOCKPROF_RATE": "100", "LOCKPROF_HOLD": "0"}, 1.03),
    ("1 in 100, hold", {"LOCKPROF_RATE": "100", "LOCKPROF_HOLD": "1"}, 1.03),
]
RSS_BOUND_KIB = 1024
RESOLVER_BOUND_S, RESOLVER_BOUND_MIB = 2.0, 150
# Tracers stop the program or translate it: so many pairs take them a second or so.
PEER_PAIRS = {"ltrace": 3000, "valgrind": 300000, "perf": 10 * PAIRS}


def row(name, value, note="", bound="", over=False):
    print(f"  {name:31} {value:>12}  {note:21} {bound:>8} {'over' if over else ''}".rstrip(), flush=True)


def quiet(command, env=None):
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def build_pair():
    os.makedirs(WORK, exist_ok=True)
    program = os.path.join(WORK, "lock_pair")
    quiet(["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-g", "-pthread", "-o", program, os.path.join(HERE, "lock_pair.c")])
    return program


def preloaded(directory, settings):
    return {**os.environ, "LD_PRELOAD": LIBRARY, "LOCKPROF_DIR": directory, **settings}


def empty(directory):
    for name in os.listdir(directory):
        os.remove(os.path.join(directory, name))


def pair_ratios(program, case, directory):
    """Nanoseconds of the plain pair, and the ratios of each arm, round by round."""
    plain, ratios = [], [[] for _ in ARMS]
    command = [program, case, str(PAIRS)]
    for _ in range(ROUNDS):
        before = float(quiet(command))
        plain.append(before)
        for arm, (_, settings, _) in zip(ratios, ARMS):
            arm.append(float(quiet(command, preloaded(directory, settings))) / before)
            empty(directory)
    return plain, ratios


def print_pairs(program, directory):
    print(f"uncontended lock+unlock: ratio to plain pthread, medians of {ROUNDS} rounds")
    for case, what in CASES.items():
        plain, ratios = pair_ratios(program, case, directory)
        row(what, f"{statistics.median(plain):.1f} ns", "plain pthread")
        for (name, _, bound), values in zip(ARMS, ratios):
            median = statistics.median(values)
            row("  " + name, f"{median:.2f}", f"({min(values):.2f}-{max(values):.2f})", f"<= {bound}", median > bound)


def print_memory(program, directory):
    print("resident memory of a small target (2 threads, 64 locks)")
    command = [program, "rss", "100000"]
    plain, extra = [], []
    for _ in range(ROUNDS):
        plain.append(float(quiet(command)))
        extra.append(float(quiet(command, preloaded(directory, ARMS[1][1]))) - plain[-1])
        empty(directory)
    median = statistics.median(extra)
    row("plain", f"{statistics.median(plain):.0f} KiB")
    row("  more under the profiler", f"{median:.0f} KiB", "", f"<= {RSS_BOUND_KIB}", median > RSS_BOUND_KIB)


def print_first_sight(program, directory):
    """10,000 objects seen once each: what the snapshots cost the target."""
    print("first sight of a lock (10,000 heap objects, initialised and acquired once)")
    command = [program, "sites", "1"]
    plain, ours = [], []
    for _ in range(ROUNDS):
        for times, env in ((plain, None), (ours, preloaded(directory, ARMS[1][1]))):
            times.append(measured(command, env)[1])
        empty(directory)
    each = (statistics.median(ours) - statistics.median(plain)) / 10000 * 1e6
    row("each", f"{each:.2f} us", "init and acquire, CPU")


def measured(command, env=None):
    """Elapsed seconds, those of CPU with all children's, peak MiB and exit status."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode


def named_in(prefix):
    """Acquires under a name, and all."""
    named = acquires = 0
    for name in os.listdir(WORK):
        if name.startswith(os.path.basename(prefix) + ".") and name.endswith(".pprof"):
            for (_, lock), values in pprof.lock_counts([os.path.join(WORK, name)]).items():
                acquires += values.get("lock-acquire", 0)
                named += values.get("lock-acquire", 0) if "lock_" in lock else 0
            os.remove(os.path.join(WORK, name))
    return named, acquires


def print_resolver(directory):
    program, megabytes = big_program.build(WORK)
    print(f"naming {big_program.LOCKS} locks of a program with {megabytes:.0f} MB of debug information")
    if not os.path.exists(LOCKPROF):
        row("lockprof export", "not built")
        return
    seconds, peak = [], []
    for number in range(3):
        quiet([program], preloaded(directory, ARMS[1][1]))
        prefix = os.path.join(WORK, f"big{number}")
        time_s, _, mib, status = measured([LOCKPROF, "export", directory, "--output", prefix, "--compression", "none"])
        if status != 0:
            row("lockprof export", f"exit {status}")
            return
        seconds.append(time_s)
        peak.append(mib)
        named, acquires = named_in(prefix)
        empty(directory)
    time_s, mib = statistics.median(seconds), statistics.median(peak)
    row("time", f"{time_s:.2f} s", "median of 3", f"<= {RESOLVER_BOUND_S}", time_s > RESOLVER_BOUND_S)
    row("under their names", f"{named}", f"of {acquires}", "all", named < acquires)
    row("peak memory", f"{mib:.0f} MiB", "", f"<= {RESOLVER_BOUND_MIB}", mib > RESOLVER_BOUND_MIB)


def peer_command(peer, program, pairs, directory):
    command = [program, "one", str(pairs)]
    if peer == "perf":
        return ["perf", "lock", "record", "-o", os.path.join(directory, "perf.data"), *command]
    if peer == "valgrind":
        return ["valgrind", "--tool=drd", "-q", *command]
    return ["ltrace", "-e", "pthread_mutex_lock+pthread_mutex_unlock", "-o", "/dev/null", *command]


def peer_ratio(peer, program, pairs, directory):
    """CPU time of a pair under the tool and in it, its own start taken off, to that of the plain program."""
    plain = float(quiet([program, "one", str(PAIRS)])) / 1e9
    start = cpu(peer_command(peer, program, 1, directory))
    return (cpu(peer_command(peer, program, pairs, directory)) - start) / pairs / plain


def cpu(command):
    _, seconds, _, status = measured(command)
    if status != 0:
        raise RuntimeError(f"exit status {status}")
    return seconds


def print_peers(program, directory):
    print("the same pair under other tools (one lock, one thread): ratio to plain pthread")
    notes = {"perf": "kernel waits only", "valgrind": "--tool=drd", "ltrace": "two functions"}
    for peer, pairs in PEER_PAIRS.items():
        if not shutil.which(peer):
            row(peer, "not here")
            continue
        try:
            ratios = [peer_ratio(peer, program, pairs, directory) for _ in range(3)]
        except RuntimeError as error:
            row(peer, "does not run", str(error)[-40:])
            continue
        row(f"{peer}, {notes[peer]}", f"{statistics.median(ratios):.2f}", "no lock names")
        empty(directory)


def main():
    if not os.path.exists(LIBRARY):
        sys.exit(f"{LIBRARY} is not there: run make first")
    program = build_pair()
    with tempfile.TemporaryDirectory(prefix="lockprof-bench-") as directory:
        print_pairs(program, directory)
        print_memory(program, directory)
        print_first_sight(program, directory)
        print_peers(program, directory)
        print_resolver(directory)


if __name__ == "__main__":
    main()
