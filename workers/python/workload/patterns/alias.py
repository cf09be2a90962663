# SPDX-License-Identifier: Apache-2.0
"""An audit log whose lock is handed to a helper: the helper's parameter is another name of the same lock.

A profiler that took the name from the declaration would say audit_log_lock, and that is what an engineer looks for,
hence exact. ddtrace takes the first name that it meets in the frame of the acquire, and keeps it.
"""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

AUDIT = tally("alias/audit_log_lock")
LINES_KEPT = 128

audit_log_lock = LockType()  # lock: alias/audit_log_lock exact -- the helper below knows it as `guard`
audit_lines = {}


def append_guarded(guard, lines, key, io, text):
    with AUDIT.asked, guard, AUDIT.held:
        lines[key] = text
        io.wait()


def serve(io):
    def record(worker, turn):
        append_guarded(audit_log_lock, audit_lines, turn % LINES_KEPT, io, checksum(worker, turn))

    return record
