# SPDX-License-Identifier: Apache-2.0
"""A pattern whose second thread gives a lock back that it does not have."""
from workload.ledger import tally
from workload.locktype import LockType

FRAGILE = tally("dying/fragile_lock")
DIES_AT = 3


def serve(io):
    fragile_lock = LockType()  # lock: dying/fragile_lock exact

    def step(worker, turn):
        if worker == 1 and turn == DIES_AT:
            fragile_lock.release()
        with FRAGILE.asked, fragile_lock, FRAGILE.held:
            io.wait()

    return step
