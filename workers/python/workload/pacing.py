# SPDX-License-Identifier: Apache-2.0
"""When iterations are due, and how long a critical section holds its lock."""
import random
import time

# Share of the time that a lock is held by somebody. Sleeping and the profiler's own work come on top: together they
# stay below 0.4, where waiting is common and queues still drain before the next burst.
LOAD = 0.25
# A critical section with a quick query or a small read in it.
HOLD_MAX_S = 0.001
# Without a pace there is no period to take a share of.
HOLD_UNPACED_S = 0.0001
# Where a thread takes two locks, one after the other, this share of its time goes to the first: were both held for as
# long, threads would leave the first one just when the second is free, and nobody would wait for it.
FIRST = 0.7
# What a sleep takes longer than it was asked to: the kernel's timer slack and the switch back.
SLEEP_COST_S = 0.00006
# Threads come within this share of a period of one another: a burst, not a queue in step.
JITTER = 0.05
# Longest sleep without a look at the stop flag.
NAP_S = 0.05


class Io:
    """The slow part of a critical section: a query, a read, a write."""

    def __init__(self, threads, iterations, seconds):
        self.threads, self.iterations = threads, iterations
        self._hold_s = HOLD_UNPACED_S
        if seconds > 0:
            self._hold_s = min(HOLD_MAX_S, LOAD * seconds / iterations / threads)

    def wait(self, share=1.0):
        """Waits as for a device, once for each lock and iteration: `share` of the time that a lock may be held."""
        # Sleeping 0 s lets go of the interpreter too, so that others ask for the lock meanwhile.
        time.sleep(max(0.0, self._hold_s * share - SLEEP_COST_S))


def checksum(*values):
    """The computing part of a critical section: a few microseconds."""
    result = 17
    for byte in repr(values).encode():
        result = (result * 31 + byte) & 0xFFFFFFFF
    return result


class Pace:
    """The schedule of one thread in one phase; the same seed gives the same schedule."""

    def __init__(self, seed, phase, thread, iterations, seconds):
        self._period_s = seconds / iterations
        self._random = random.Random("%d/%s/%d" % (seed, phase, thread))

    def due(self, turn):
        """Seconds from the phase's start. Call it once for each turn, in order."""
        if self._period_s == 0:
            return 0.0
        return self._period_s * (turn + JITTER * self._random.random())


def sleep_until(moment, is_stopped):
    """Sleeps until `moment` on the monotonic clock; returns False if it was stopped before."""
    while not is_stopped():
        left = moment - time.monotonic()
        if left <= 0:
            return True
        time.sleep(min(left, NAP_S))
    return False
