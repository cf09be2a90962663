# SPDX-License-Identifier: Apache-2.0
"""Sessions that come and go by the thousand: each has a lock of its own, and each of their answers has one in a local
variable. All locks that are made on one line are one lock of the ledger."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

# Of one thread: that live at once, and that come and go in one step.
SESSIONS_KEPT = 48
SESSIONS_EACH = 16
# Nobody waits for anybody, since no two threads have the same one.
EVERYBODY = 1 << 20
SESSION = tally("churn/session_lock", EVERYBODY)
ANSWER = tally("churn/answer_lock", EVERYBODY)


class Session:
    def __init__(self, number):
        self.session_lock = LockType()  # lock: churn/session_lock exact uncontended
        self.number = number
        self.visits = 0

    def visit(self):
        with SESSION.asked, self.session_lock, SESSION.held:
            self.visits += 1
            return self.number


class Service:
    def __init__(self, io):
        self.io = io
        self.desks = [[None] * SESSIONS_KEPT for _ in range(io.threads)]

    def serve_some(self, worker, turn):
        desk = self.desks[worker]
        total = 0
        for number in range(turn * SESSIONS_EACH, (turn + 1) * SESSIONS_EACH):
            session = desk[number % SESSIONS_KEPT] = Session(number)
            total += session.visit()
        return self.write_answer(total)

    def write_answer(self, total):
        answer_lock = LockType()  # lock: churn/answer_lock exact uncontended
        with ANSWER.asked, answer_lock, ANSWER.held:
            self.io.wait()
            return checksum(total)


def serve(io):
    return Service(io).serve_some
