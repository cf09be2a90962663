# SPDX-License-Identifier: Apache-2.0
"""Counts what threads do with one lock, without a lock of its own and without touching the lock that it counts.

The code that takes a lock puts it between two context managers of its tally:
    with tally.asked, self.cache_lock, tally.held:
so that the acquire itself stays in the caller's frame, where the profiler looks for names, and an exception leaves the
tally as right as the lock. No tally refers to a lock: a profiler that searches the caller's variables can't find it
here.

A profiler counts each acquire that succeeds, recursive ones too, and so does a tally. Taking a condition's lock again
at the end of wait() is the condition's own doing: the profiler sees only the call of wait(), so the tally leaves it
out.
"""
import mmap
from _thread import get_ident
from time import monotonic_ns


class Counts:
    """One thread's share, which nobody else writes; or a sum of such."""

    __slots__ = ("acquires", "waits", "wait_ns", "depth", "greatest_depth", "asked_ns", "must_wait")

    def __init__(self):
        self.acquires = self.waits = self.wait_ns = self.depth = self.greatest_depth = self.asked_ns = 0
        self.must_wait = False

    def add(self, other):
        self.acquires += other.acquires
        self.waits += other.waits
        self.wait_ns += other.wait_ns
        self.greatest_depth = max(self.greatest_depth, other.greatest_depth)


class Tally:
    """`slots`: how many threads can hold the lock at once (more than one only for a semaphore)."""

    def __init__(self, slots=1):
        self._slots = slots
        # Single operations on a dict or a set are atomic under the interpreter's own lock.
        self._threads = {}
        self._holders = set()
        self.asked = _Asked(self)
        self.held = _Held(self)
        self.parked = _Parked(self)

    def counts(self):
        """The calling thread's counts."""
        thread = get_ident()
        counts = self._threads.get(thread)
        if counts is None:
            counts = self._threads[thread] = Counts()
        return counts

    def total(self):
        """What all threads have counted."""
        total = Counts()
        for counts in list(self._threads.values()):
            total.add(counts)
        return total

    def settle(self):
        """The same, and begins anew: threads that are gone leave nothing behind."""
        total = self.total()
        self._threads.clear()
        self._holders.clear()
        return total

    def ask(self):
        counts = self.counts()
        counts.must_wait = counts.depth == 0 and len(self._holders) >= self._slots
        counts.asked_ns = monotonic_ns()

    def take(self):
        counts = self.counts()
        counts.acquires += 1
        if counts.must_wait:
            counts.waits += 1
            counts.wait_ns += monotonic_ns() - counts.asked_ns
        counts.depth += 1
        counts.greatest_depth = max(counts.greatest_depth, counts.depth)
        self._holders.add(get_ident())

    def leave(self):
        counts = self.counts()
        counts.depth -= 1
        if counts.depth == 0:
            self._holders.discard(get_ident())

    def park(self):
        self._holders.discard(get_ident())

    def unpark(self):
        self._holders.add(get_ident())


class SharedTally(Tally):
    """Counts the acquires of forked children too, as they come. One process at a time may use it."""

    def __init__(self, slots=1):
        super().__init__(slots)
        # Acquires, and the greatest depth.
        self._shared = memoryview(mmap.mmap(-1, 16)).cast("Q")
        self._settled = 0

    def take(self):
        super().take()
        self._shared[0] += 1
        self._shared[1] = max(self._shared[1], self.counts().depth)

    def total(self):
        total = super().total()
        total.acquires = self._shared[0] - self._settled
        total.greatest_depth = self._shared[1]
        return total

    def settle(self):
        total = super().settle()
        self._settled += total.acquires
        return total


class _Context:
    """Shared by all threads; what belongs to one of them is in its Counts."""

    def __init__(self, tally):
        self._tally = tally

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


class _Asked(_Context):
    """Just before the acquire: was it held by somebody else?"""

    def __enter__(self):
        self._tally.ask()


class _Held(_Context):
    """From the acquire to just before the release."""

    def __enter__(self):
        self._tally.take()

    def __exit__(self, *error):
        self._tally.leave()


class _Parked(_Context):
    """While the holder of a condition waits in it, others can have the lock."""

    def __enter__(self):
        self._tally.park()

    def __exit__(self, *error):
        self._tally.unpark()
