# SPDX-License-Identifier: Apache-2.0
"""A pattern whose first thread dies and takes the lock along: nobody else ever gets it."""
from workload.ledger import tally
from workload.locktype import LockType

HOARD = tally("hoarding/hoarded_lock")


def serve(io):
    hoarded_lock = LockType()  # lock: hoarding/hoarded_lock exact

    def step(worker, turn):
        if worker == 0:
            hoarded_lock.acquire()
            raise ValueError("died with the lock")
        with HOARD.asked, hoarded_lock, HOARD.held:
            io.wait()

    return step
