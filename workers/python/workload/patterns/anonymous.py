# SPDX-License-Identifier: Apache-2.0
"""A rate limiter whose bucket is a pair of a lock and its tokens: no variable ever holds the lock alone."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

BUCKET = tally("anonymous/bucket")


class RateLimiter:
    def __init__(self, io):
        self.io = io
        self.bucket = (
            LockType(),  # lock: anonymous/bucket generic nameless
            {"tokens": 1000},
        )

    def admit(self, worker, turn):
        with BUCKET.asked, self.bucket[0], BUCKET.held:
            self.bucket[1]["tokens"] = checksum(worker, turn) % 1000
            self.io.wait()


def serve(io):
    return RateLimiter(io).admit
