# SPDX-License-Identifier: Apache-2.0
"""A pattern whose first thread dies and takes the lock along: nobody else ever gets it."""
import time

from workload.ledger import tally
from workload.locktype import LockType

HOARD = tally("hoarding/hoarded_lock")


def serve(io):
    hoarded_lock = LockType()  # lock: hoarding/hoarded_lock exact
    taken = []

    def step(worker, turn):
        if worker == 0:
            hoarded_lock.acquire()
            taken.append(True)
            raise ValueError("died with the lock")
        # Else they may all be through before the first thread comes.
        while not taken:
            time.sleep(0.001)
        with HOARD.asked, hoarded_lock, HOARD.held:
            io.wait()

    return step
