# SPDX-License-Identifier: Apache-2.0
"""Runs phases one after the other: threads, progress, threads that die, interruption."""
import collections
import math
import threading
import time
import traceback

from workload.pacing import Io, Pace, sleep_until

PROGRESS_S = 0.25
# How often the end of the threads and the stop flag are looked at.
LOOK_S = 0.05
# All threads are there before the first iteration is due, so that they start as one burst.
START_DELAY_S = 0.01
# No thread has finished an iteration for this long: they wait for one another, or for a lock that a dead one took
# along.
STALL_S = 5
# After a stop, threads end at their next iteration.
STOP_GRACE_S = 3
TRACEBACK_MAX = 8000

Phase = collections.namedtuple("Phase", "pattern iterations seconds")
_Death = collections.namedtuple("_Death", "thread error traceback")


class Runner:
    """`load(pattern)` gives a pattern's module; `channel` gets the lines. The main thread does all but iterations."""

    def __init__(self, ledger, channel, load, threads, seed):
        self._ledger, self._channel, self._load = ledger, channel, load
        self._threads, self._seed = threads, seed
        self.stopped = False
        self.failed = False
        # One for each place in the list of phases: sums of all its rounds.
        self._reports = {}

    def stop(self):
        """Threads end at their next iteration. Safe in a signal handler."""
        self.stopped = True

    def run(self, phases, rounds=False):
        """All phases once; with `rounds` again and again, until stop() or a round in which a thread died."""
        while True:
            for place, phase in enumerate(phases):
                if self.stopped:
                    return
                report = _PhaseRun(self, phase).run()
                self._ledger.settle(phase.pattern)
                if report:
                    self._add_report(place, report, rounds)
            if not rounds or self.failed:
                return

    def _add_report(self, place, report, rounds):
        before = self._reports.setdefault(place, report)
        if before is not report:
            for key in ("planned_ms", "took_ms", "iterations"):
                before[key] += report[key]
        if rounds:
            before["rounds"] = before.get("rounds", 0) + 1

    def reports(self):
        """What the `done` line says of the phases, in their order."""
        return [self._reports[place] for place in sorted(self._reports)]

    def report_error(self, phase, thread, error, text):
        self.failed = True
        message = {"type": "error", "phase": phase, "thread": thread, "error": error}
        message["traceback"] = text[-TRACEBACK_MAX:]
        self._channel.send(message)

    def progress(self, pattern, done):
        at = time.time_ns()
        acquires = self._ledger.acquires(pattern)
        self._channel.send({"type": "progress", "phase": pattern, "done": done, "at": at, "acquires": acquires})

    def start_pattern(self, phase):
        """The pattern's step: step(worker, turn)."""
        serve = self._load(phase.pattern).serve
        return self._ledger.serve(serve, Io(self._threads, phase.iterations, phase.seconds))

    def make_pace(self, phase, worker):
        return Pace(self._seed, phase.pattern, worker, phase.iterations, phase.seconds)

    @property
    def thread_count(self):
        return self._threads


class _PhaseRun:
    """One phase while it runs."""

    def __init__(self, runner, phase):
        self._runner, self._phase = runner, phase
        self._finished = [0] * runner.thread_count
        self._deaths = collections.deque()
        self._abandoned = False

    def run(self):
        """Its report; None where it could not be started."""
        try:
            step = self._runner.start_pattern(self._phase)
        except Exception as e:
            self._runner.report_error(self._phase.pattern, "MainThread", _describe(e), traceback.format_exc())
            return None
        start = time.monotonic() + START_DELAY_S
        self._watch(self._start_threads(step, start))
        sleep_until(start + self._phase.seconds, self._is_stopped)
        return self._report(time.monotonic() - start)

    def _is_stopped(self):
        return self._runner.stopped or self._abandoned

    def _start_threads(self, step, start):
        threads = []
        for worker in range(self._runner.thread_count):
            name = "%s-%d" % (self._phase.pattern, worker + 1)
            # A daemon: one that is stuck must not keep the process from ending.
            thread = threading.Thread(target=self._work, args=(step, worker, start), name=name, daemon=True)
            threads.append(thread)
            thread.start()
        return threads

    def _work(self, step, worker, start):
        pace = self._runner.make_pace(self._phase, worker)
        try:
            for turn in range(self._phase.iterations):
                if not sleep_until(start + pace.due(turn), self._is_stopped):
                    return
                step(worker, turn)
                self._finished[worker] = turn + 1
        except BaseException as e:
            self._deaths.append(_Death(threading.current_thread().name, _describe(e), traceback.format_exc()))

    def _watch(self, threads):
        """Returns when all threads have ended, or those that are left are given up."""
        next_progress = time.monotonic()
        last_count, last_change = 0, time.monotonic()
        while any(thread.is_alive() for thread in threads):
            now = time.monotonic()
            if now >= next_progress:
                self._send_progress()
                next_progress = now + PROGRESS_S
            if sum(self._finished) != last_count:
                last_count, last_change = sum(self._finished), now
            if now - last_change > self._patience():
                self._abandon([thread.name for thread in threads if thread.is_alive()], now - last_change)
                break
            _join_one(threads, LOOK_S)
        self._send_progress()

    def _patience(self):
        if self._runner.stopped:
            return STOP_GRACE_S
        return STALL_S + 2 * self._phase.seconds / self._phase.iterations

    def _abandon(self, names, waited):
        self._abandoned = True
        self._send_deaths()
        error = "stuck: no iteration was finished for %.0f s" % waited
        for name in names:
            self._runner.report_error(self._phase.pattern, name, error, "")

    def _send_deaths(self):
        while self._deaths:
            death = self._deaths.popleft()
            self._runner.report_error(self._phase.pattern, death.thread, death.error, death.traceback)

    def _send_progress(self):
        self._send_deaths()
        planned = self._phase.iterations * len(self._finished)
        self._runner.progress(self._phase.pattern, round(sum(self._finished) / planned, 4))

    def _report(self, took_s):
        return {
            "phase": self._phase.pattern,
            "planned_ms": int(self._phase.seconds * 1000),
            "took_ms": max(0, math.ceil(took_s * 1000)),
            "iterations": min(self._finished),
            "threads": len(self._finished),
        }


def _describe(error):
    return "%s: %s" % (type(error).__name__, error)


def _join_one(threads, timeout_s):
    for thread in threads:
        if thread.is_alive():
            thread.join(timeout_s)
            return
