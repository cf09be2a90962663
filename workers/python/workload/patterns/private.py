# SPDX-License-Identifier: Apache-2.0
"""A vault that hides its locks: one underscore is a custom, two are mangled by the compiler."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

INTERNAL = tally("private/_internal_lock")
PRIVATE = tally("private/__private_lock")
SECRETS_KEPT = 32


class Vault:
    def __init__(self, io):
        self._io = io
        self._internal_lock = LockType()  # lock: private/_internal_lock exact
        self.__private_lock = LockType()  # lock: private/__private_lock mangled:_Vault__private_lock
        self._reads = 0
        self.__secrets = {}

    def rotate(self, worker, turn):
        with INTERNAL.asked, self._internal_lock, INTERNAL.held:
            self._reads += 1
            self._io.wait(FIRST)
        with PRIVATE.asked, self.__private_lock, PRIVATE.held:
            self.__secrets[turn % SECRETS_KEPT] = checksum(worker, turn)
            self._io.wait()


def serve(io):
    return Vault(io).rotate
