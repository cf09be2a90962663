# SPDX-License-Identifier: Apache-2.0
"""The control's yardstick: a plain lock in a module's globals, which every lock profiler must be able to name."""
import threading

from workload.ledger import tally

REFERENCE = tally("reference/reference_lock")

reference_lock = threading.Lock()  # lock: reference/reference_lock exact uncontended -- a Lock, whatever --lock-type


def serve(io):
    def step(worker, turn):
        if worker == 0:
            with REFERENCE.asked, reference_lock, REFERENCE.held:
                io.wait()

    return step
