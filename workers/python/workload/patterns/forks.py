# SPDX-License-Identifier: Apache-2.0
"""A server that has reports written by children: they take a lock that they have from it and one that they make
themselves, and leave in order. What they take counts as the server's (SharedTally)."""
from workload import children
from workload.ledger import LEDGER, tally
from workload.locktype import LockType
from workload.pacing import checksum
from workload.tally import SharedTally

# In one phase, evenly.
CHILDREN = 4
LINES_EACH = 5
QUEUE = tally("forks/queue_lock")
# One process at a time has these.
REPORT = LEDGER.add("forks/report_lock", SharedTally())
LINE = LEDGER.add("forks/line_lock", SharedTally())


class Server:
    def __init__(self, io):
        self.io = io
        self.every = max(1, io.iterations // CHILDREN)
        self.queue_lock = LockType()  # lock: forks/queue_lock exact
        self.report_lock = LockType()  # lock: forks/report_lock exact uncontended
        self.queued = 0
        self.report = 0

    def take_order(self, worker, turn):
        with QUEUE.asked, self.queue_lock, QUEUE.held:
            self.queued += 1
            self.io.wait()
        if worker == 0 and turn % self.every == 0:
            self.add_to_report(turn)
            children.run(lambda: self.write_report(turn))

    def write_report(self, turn):
        for number in range(LINES_EACH):
            self.add_to_report(self.make_line(turn + number))

    def add_to_report(self, line):
        with REPORT.asked, self.report_lock, REPORT.held:
            self.report = checksum(self.report, line)

    def make_line(self, number):
        line_lock = LockType()  # lock: forks/line_lock exact uncontended
        with LINE.asked, line_lock, LINE.held:
            return checksum(number)


def serve(io):
    return Server(io).take_order
