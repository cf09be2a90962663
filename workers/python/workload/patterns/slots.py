# SPDX-License-Identifier: Apache-2.0
"""A connection whose attributes are slots: it has no dictionary to look into."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import checksum

SOCKET = tally("slots/socket_lock")


class Connection:
    __slots__ = ("io", "socket_lock", "sent", "last_error")

    def __init__(self, io):
        self.io = io
        self.socket_lock = LockType()  # lock: slots/socket_lock exact
        # `last_error` stays unset until there is one, as in real code: reading it raises AttributeError.
        self.sent = 0

    def send(self, worker, turn):
        with SOCKET.asked, self.socket_lock, SOCKET.held:
            self.sent = checksum(worker, turn)
            self.io.wait()


def serve(io):
    return Connection(io).send
