# SPDX-License-Identifier: Apache-2.0
"""Children that leave in order, and those that do not."""
import os
import signal
import subprocess
import sys
import unittest
import unittest.mock

import support

from workload import children
from workload.tally import SharedTally

LEAVES = """
import atexit, os, sys
from workload import children
atexit.register(lambda: os.write(1, b"in order\\n"))
children.run(lambda: os.write(1, b"work\\n"))
os._exit(0)
"""


class Children(unittest.TestCase):
    def test_what_is_registered_for_the_end_of_the_process_is_done_in_the_child(self):
        result = subprocess.run([sys.executable, "-c", LEAVES], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=dict(support.environment(), PYTHONPATH=support.WORKERS), timeout=support.DEADLINE_S)
        self.assertEqual((result.stdout, result.stderr, result.returncode), (b"work\nin order\n", b"", 0))

    def test_what_a_child_takes_counts_here(self):
        tally = SharedTally()
        for acquires in (1, 2):

            def work():
                for _ in range(acquires):
                    with tally.asked, tally.held:
                        pass
                os._exit(0)

            children.run(work)
            with tally.asked, tally.held:
                pass
            total = tally.settle()
            self.assertEqual((total.acquires, total.greatest_depth), (acquires + 1, 1))

    def test_one_that_fails_is_an_error(self):
        with self.assertRaises(children.ChildFailed) as caught:
            children.run(lambda: os.kill(os.getpid(), signal.SIGKILL))
        self.assertEqual(str(caught.exception), "a child ended with status 9")

    def test_one_that_does_not_end_is_ended(self):
        with unittest.mock.patch.object(children, "CHILD_MAX_S", 0):
            with self.assertRaises(children.ChildFailed) as caught:
                children.run(signal.pause)
        self.assertEqual(str(caught.exception), "a child did not end for 0 s")


if __name__ == "__main__":
    unittest.main()
