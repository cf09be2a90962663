# SPDX-License-Identifier: Apache-2.0
"""A journal with group commit: a writer waits a moment for others, so that one flush serves several of them.

One acquire is counted for each `with`: the end of wait() takes the lock again inside threading.Condition, and neither
the profiler nor the ledger counts that.
"""
import threading

from workload.ledger import tally
from workload.pacing import checksum

COMMIT = tally("condition/commit_condition")
GROUP = 2
GROUP_WAIT_S = 0.0005


class Journal:
    def __init__(self, io):
        self.io = io
        self.commit_condition = threading.Condition()  # lock: condition/commit_condition exact
        self.pending = 0
        self.flushed = 0

    def commit(self, worker, turn):
        with COMMIT.asked, self.commit_condition, COMMIT.held:
            self.pending += 1
            self.flushed = checksum(worker, turn)
            self.io.wait()
            if self.pending < GROUP:
                with COMMIT.parked:
                    self.commit_condition.wait(GROUP_WAIT_S)
            self.pending = 0
            self.commit_condition.notify_all()


def serve(io):
    return Journal(io).commit
