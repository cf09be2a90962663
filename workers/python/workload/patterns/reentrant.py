# SPDX-License-Identifier: Apache-2.0
"""Bookings that lock the journal in every layer, three deep: each method is safe to call by itself."""
import threading

from workload.ledger import tally
from workload.pacing import FIRST, checksum

JOURNAL = tally("reentrant/journal_lock")
BALANCE = tally("reentrant/balance_lock")
ENTRIES_KEPT = 128


class Journal:
    def __init__(self, io):
        self.io = io
        self.journal_lock = threading.RLock()  # lock: reentrant/journal_lock exact -- always an RLock: Lock would hang
        self.balance_lock = threading.RLock()  # lock: reentrant/balance_lock exact -- likewise
        self.entries = {}
        self.balance = 0

    def book(self, worker, turn):
        with JOURNAL.asked, self.journal_lock, JOURNAL.held:
            self.write(worker, turn)
        with BALANCE.asked, self.balance_lock, BALANCE.held:
            self.add(turn)

    def write(self, worker, turn):
        with JOURNAL.asked, self.journal_lock, JOURNAL.held:
            self.entries[turn % ENTRIES_KEPT] = checksum(worker, turn)
            self.sync()

    def sync(self):
        with JOURNAL.asked, self.journal_lock, JOURNAL.held:
            self.io.wait(FIRST)

    def add(self, turn):
        with BALANCE.asked, self.balance_lock, BALANCE.held:
            self.balance += turn % 7
            self.io.wait()


def serve(io):
    return Journal(io).book
