# SPDX-License-Identifier: Apache-2.0
"""A pool of two database connections, behind a semaphore, and a bounded one for exports.

One acquire is counted for each `with`, by profiler and ledger alike. Releases are not one to one: a semaphore in
ddtrace remembers one time of acquire, not one for each slot, so a release can find it taken by another.
"""
import threading

from workload.ledger import tally
from workload.pacing import checksum

EXPORTS = 1
EXPORT = tally("semaphore/export_semaphore", EXPORTS)


class ConnectionPool:
    def __init__(self, io, connections):
        self.io = io
        self.connection = tally("semaphore/connection_semaphore", connections)
        self.connection_semaphore = threading.Semaphore(connections)  # lock: semaphore/connection_semaphore exact
        self.export_semaphore = threading.BoundedSemaphore(EXPORTS)  # lock: semaphore/export_semaphore exact
        self.results = {}

    def query(self, worker, turn):
        with self.connection.asked, self.connection_semaphore, self.connection.held:
            self.results[worker] = checksum(worker, turn)
            self.io.wait()
        with EXPORT.asked, self.export_semaphore, EXPORT.held:
            self.results[worker] = checksum(worker)
            self.io.wait()


def serve(io):
    # Fewer connections than threads, or nobody would ever wait.
    return ConnectionPool(io, 1 if io.threads <= 2 else 2).query
