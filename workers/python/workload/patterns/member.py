# SPDX-License-Identifier: Apache-2.0
"""Visitors' sessions with a cache before them: two locks in attributes of one object."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

SESSION = tally("member/user_session_lock")
CACHE = tally("member/cache_lock")
CACHE_ENTRIES = 128


class SessionStore:
    def __init__(self, io):
        self.io = io
        self.user_session_lock = LockType()  # lock: member/user_session_lock exact
        self.cache_lock = LockType()  # lock: member/cache_lock exact
        self.sessions = {}
        self.cache = {}

    def visit(self, worker, turn):
        page = turn % CACHE_ENTRIES
        with CACHE.asked, self.cache_lock, CACHE.held:
            if page not in self.cache:
                self.cache[page] = checksum("page", page)
            self.io.wait(FIRST)
        with SESSION.asked, self.user_session_lock, SESSION.held:
            self.sessions[worker] = (page, self.cache[page])
            self.io.wait()


def serve(io):
    return SessionStore(io).visit
