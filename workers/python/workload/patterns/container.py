# SPDX-License-Identifier: Apache-2.0
"""A sharded index: locks in a dictionary, by name, and in a list, by number.

ddtrace looks at variables and attributes, not into containers, so their elements have no name: a known limit. Many
locks that are made on one line have one site, and are one lock of the ledger.
"""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

SHARDS = ("orders", "users")
STRIPES = 2
TABLE = {name: tally("container/table_locks") for name in SHARDS}
STRIPE = [tally("container/stripe_locks") for _ in range(STRIPES)]


class ShardedIndex:
    def __init__(self, io):
        self.io = io
        self.table_locks = {name: LockType() for name in SHARDS}  # lock: container/table_locks generic
        self.stripe_locks = [LockType() for _ in range(STRIPES)]  # lock: container/stripe_locks generic
        self.entries = {}

    def put(self, worker, turn):
        table, stripe = SHARDS[turn % len(SHARDS)], turn % STRIPES
        with TABLE[table].asked, self.table_locks[table], TABLE[table].held:
            self.entries[table] = checksum(worker, turn)
            self.io.wait(FIRST)
        with STRIPE[stripe].asked, self.stripe_locks[stripe], STRIPE[stripe].held:
            self.entries[stripe] = checksum(worker, table)
            self.io.wait()


def serve(io):
    return ShardedIndex(io).put
