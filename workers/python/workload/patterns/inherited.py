# SPDX-License-Identifier: Apache-2.0
"""A handler that takes locks its base class has made: a plain one, and one that all handlers share."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

STATE = tally("inherited/state_lock")
REGISTRY = tally("inherited/registry_lock")


class BaseHandler:
    registry_lock = LockType()  # lock: inherited/registry_lock exact -- an attribute of the class

    def __init__(self, io):
        self.io = io
        self.state_lock = LockType()  # lock: inherited/state_lock exact
        self.state = {}


class UploadHandler(BaseHandler):
    def handle(self, worker, turn):
        with STATE.asked, self.state_lock, STATE.held:
            self.state[worker] = checksum(worker, turn)
            self.io.wait(FIRST)
        with REGISTRY.asked, self.registry_lock, REGISTRY.held:
            self.state["last"] = worker
            self.io.wait()


def serve(io):
    return UploadHandler(io).handle
