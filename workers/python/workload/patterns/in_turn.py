# SPDX-License-Identifier: Apache-2.0
"""A poller that takes its two locks strictly in turn, and nobody else takes any: in step with a sampler that counts.

ddtrace adds the capture percentage at each acquire and takes a sample at 100. At 50 % one of the two locks gets every
sample and the other none, however long the program runs.
"""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

INBOX = tally("in_turn/inbox_lock")
OUTBOX = tally("in_turn/outbox_lock")


class Poller:
    def __init__(self, io):
        self.io = io
        self.inbox_lock = LockType()  # lock: in_turn/inbox_lock exact uncontended
        self.outbox_lock = LockType()  # lock: in_turn/outbox_lock exact uncontended
        self.last = 0

    def poll(self, worker, turn):
        if worker != 0:
            return
        with INBOX.asked, self.inbox_lock, INBOX.held:
            self.last = checksum(turn)
            self.io.wait()
        with OUTBOX.asked, self.outbox_lock, OUTBOX.held:
            self.last = checksum(self.last)
            self.io.wait()


def serve(io):
    return Poller(io).poll
