# SPDX-License-Identifier: Apache-2.0
"""A service with one connection to its database, guarded by a lock in the module's globals."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

DATABASE = tally("global/global_database_lock")
TABLE_ROWS = 256

global_database_lock = LockType()  # lock: global/global_database_lock exact
rows = {}


def insert(io, worker, turn):
    with DATABASE.asked, global_database_lock, DATABASE.held:
        rows[turn % TABLE_ROWS] = checksum(worker, turn)
        io.wait()


def serve(io):
    return lambda worker, turn: insert(io, worker, turn)
