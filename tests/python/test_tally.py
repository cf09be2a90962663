# SPDX-License-Identifier: Apache-2.0
"""What a tally counts, against locks of every kind."""
import os
import threading
import unittest

import support

from workload.ledger import Ledger
from workload.pacing import JITTER, Io, Pace
from workload.tally import Tally

DEADLINE_S = 30
SEMAPHORE = os.path.join(support.WORKERS, "workload", "patterns", "semaphore.py")


def hold(tally, lock, held, release):
    with tally.asked, lock, tally.held:
        held.set()
        release.wait(DEADLINE_S)


class Counting(unittest.TestCase):
    def start_holder(self, tally, lock):
        held, release = threading.Event(), threading.Event()
        thread = threading.Thread(target=hold, args=(tally, lock, held, release))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(release.set)
        self.assertTrue(held.wait(DEADLINE_S))
        return release

    def test_recursion_counts_each_acquire_and_the_depth(self):
        tally, lock = Tally(), threading.RLock()
        with tally.asked, lock, tally.held:
            with tally.asked, lock, tally.held:
                pass
            with tally.asked, lock, tally.held:
                pass
        total = tally.total()
        self.assertEqual((total.acquires, total.greatest_depth, total.waits), (3, 2, 0))

    def test_a_lock_that_another_thread_holds_is_waited_for(self):
        tally, lock = Tally(), threading.Lock()
        release = self.start_holder(tally, lock)
        threading.Timer(0.01, release.set).start()
        with tally.asked, lock, tally.held:
            pass
        self.assertEqual((tally.total().acquires, tally.total().waits), (2, 1))
        self.assertGreater(tally.total().wait_ns, 0)

    def test_a_semaphore_is_waited_for_when_all_its_slots_are_taken(self):
        tally, lock = Tally(2), threading.Semaphore(2)
        first = self.start_holder(tally, lock)
        second = self.start_holder(tally, lock)
        self.assertEqual(tally.total().waits, 0)
        threading.Timer(0.01, first.set).start()
        with tally.asked, lock, tally.held:
            pass
        second.set()
        self.assertEqual((tally.total().acquires, tally.total().waits), (3, 1))

    def test_nobody_waits_for_a_condition_whose_holder_waits_in_it(self):
        tally, condition = Tally(), threading.Condition()
        parked = threading.Event()

        def park():
            with tally.asked, condition, tally.held, tally.parked:
                parked.set()
                condition.wait(DEADLINE_S)

        thread = threading.Thread(target=park)
        thread.start()
        self.assertTrue(parked.wait(DEADLINE_S))
        with tally.asked, condition, tally.held:
            condition.notify_all()
        thread.join()
        self.assertEqual((tally.total().acquires, tally.total().waits), (2, 0))

    def test_an_exception_leaves_the_tally_as_right_as_the_lock(self):
        tally, lock = Tally(), threading.Lock()
        with self.assertRaises(KeyError):
            with tally.asked, lock, tally.held:
                raise KeyError
        with tally.asked, lock, tally.held:
            pass
        total = tally.total()
        self.assertEqual((total.acquires, total.waits, total.greatest_depth), (2, 0, 1))

    def test_what_is_settled_begins_anew(self):
        tally, lock = Tally(), threading.Lock()
        for acquires in (1, 2):
            for _ in range(acquires):
                with tally.asked, lock, tally.held:
                    pass
            self.assertEqual(tally.settle().acquires, acquires)
            self.assertEqual(tally.total().acquires, 0)

    def test_tallies_of_a_phase_go_with_it_and_their_counts_stay(self):
        ledger = Ledger()
        ledger.declare([SEMAPHORE])
        lock_id = "semaphore/connection_semaphore"
        for acquires in (1, 2):
            tally = ledger.serve(ledger.tally, lock_id, 2)
            with tally.asked, tally.held:
                pass
            ledger.settle("semaphore")
            self.assertEqual(ledger.totals()["acquires"][lock_id], acquires)
            self.assertEqual(ledger._tallies[lock_id], [])


class Schedule(unittest.TestCase):
    def test_iterations_are_due_in_bursts(self):
        pace = Pace(1, "member", 0, 100, 10.0)
        for turn in range(100):
            due = pace.due(turn)
            self.assertGreaterEqual(due, turn * 0.1)
            self.assertLessEqual(due, (turn + JITTER) * 0.1)

    def test_the_same_seed_gives_the_same_schedule(self):
        def schedule(seed, thread):
            pace = Pace(seed, "member", thread, 20, 1.0)
            return [pace.due(turn) for turn in range(20)]

        self.assertEqual(schedule(1, 0), schedule(1, 0))
        self.assertNotEqual(schedule(1, 0), schedule(2, 0))
        self.assertNotEqual(schedule(1, 0), schedule(1, 1))

    def test_without_seconds_everything_is_due_at_once(self):
        self.assertEqual(Pace(1, "member", 0, 20, 0.0).due(7), 0.0)

    def test_critical_sections_never_fill_a_locks_time(self):
        for threads, iterations, seconds in ((4, 857, 4.285), (16, 8000, 40.0), (64, 100, 1.0)):
            hold_s = Io(threads, iterations, seconds)._hold_s
            self.assertLessEqual(threads * iterations / seconds * hold_s, 0.4)


if __name__ == "__main__":
    unittest.main()
