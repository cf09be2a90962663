# SPDX-License-Identifier: Apache-2.0
"""Two queues whose classes chose the same name for their lock: only the sites tell them apart."""
from workload.ledger import tally
from workload.locktype import LockType
from workload.pacing import FIRST, checksum

MAIL = tally("shared_name/MailQueue.queue_lock")
PRINT = tally("shared_name/PrintQueue.queue_lock")


class MailQueue:
    def __init__(self, io):
        self.io = io
        self.queue_lock = LockType()  # lock: shared_name/MailQueue.queue_lock exact
        self.last = 0

    def push(self, worker, turn):
        with MAIL.asked, self.queue_lock, MAIL.held:
            self.last = checksum("mail", worker, turn)
            self.io.wait(FIRST)


class PrintQueue:
    def __init__(self, io):
        self.io = io
        self.queue_lock = LockType()  # lock: shared_name/PrintQueue.queue_lock exact
        self.last = 0

    def push(self, worker, turn):
        with PRINT.asked, self.queue_lock, PRINT.held:
            self.last = checksum("print", worker, turn)
            self.io.wait()


def serve(io):
    mail, printer = MailQueue(io), PrintQueue(io)

    def step(worker, turn):
        mail.push(worker, turn)
        printer.push(worker, turn)

    return step
