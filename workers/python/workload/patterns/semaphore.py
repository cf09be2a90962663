# SPDX-License-Identifier: Apache-2.0
"""A pool of two database connections, behind a semaphore, and a bounded one for exports.

One acquire is counted for each `with`, by profiler and ledger alike. Releases are not one to one: a semaphore in ddtrace
remembers one time of acquire, not one for each slot, so a release can find it taken by another.
"""
import threading

from workload.ledger import tally
from workload.pacing import checksum

CONNECTIONS = 2
EXPORTS = 1
CONNECTION = tally("semaphore/connection_semaphore", CONNECTIONS)
EXPORT = tally("semaphore/export_semaphore", EXPORTS)


class ConnectionPool:
    def __init__(self, io):
        self.io = io
        self.connection_semaphore = threading.Semaphore(CONNECTIONS)  # lock: semaphore/connection_semaphore exact
        self.export_semaphore = threading.BoundedSemaphore(EXPORTS)  # lock: semaphore/export_semaphore exact
        self.results = {}

    def query(self, worker, turn):
        with CONNECTION.asked, self.connection_semaphore, CONNECTION.held:
            self.results[worker] = checksum(worker, turn)
            self.io.wait()
        with EXPORT.asked, self.export_semaphore, EXPORT.held:
            self.results[worker] = checksum(worker)
            self.io.wait()


def serve(io):
    return ConnectionPool(io).query
