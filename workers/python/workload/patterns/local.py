# SPDX-License-Identifier: Apache-2.0
"""A listener that shares two locks with its handlers: local variables, seen by the handlers as closures."""
from collections import deque

from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

REQUEST = tally("local/request_lock")
RESPONSE = tally("local/response_lock")
REQUESTS_KEPT = 64


def serve(io):
    request_lock = LockType()  # lock: local/request_lock exact
    response_lock = LockType()  # lock: local/response_lock exact
    requests = deque(maxlen=REQUESTS_KEPT)
    responses = {}

    def handle(worker, turn):
        with REQUEST.asked, request_lock, REQUEST.held:
            requests.append((worker, turn))
            io.wait(FIRST)
        with RESPONSE.asked, response_lock, RESPONSE.held:
            responses[worker] = checksum(turn, len(requests))
            io.wait()

    return handle
