# SPDX-License-Identifier: Apache-2.0
"""Protocol lines to the coordinator: one JSON object a line on file descriptor 3."""
import fcntl
import json
import os
import select
import stat
import time

CHANNEL_FD = 3
# A coordinator reads at once; one that leaves a full pipe alone this long is hung.
SEND_TIMEOUT_S = 10
NOT_STARTED = """\
main.py: file descriptor 3 is not open for writing. This program is started by locktrail, which reads its protocol
lines there. To try it by hand, let them go to the terminal:
  python3 workers/python/main.py --launcher none --lock-type rlock --threads 4 --seed 1 --phase member:100:0.5 3>&1"""


class ChannelGone(Exception):
    """Nobody reads the lines any more."""


def _is_open_for_lines(fd):
    try:
        mode = os.fstat(fd).st_mode
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError:
        return False
    # What a library has opened for itself (epoll, eventfd) has no type of file.
    known = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode) or stat.S_ISCHR(mode)
    return known and access != os.O_RDONLY


class Channel:
    """Only the main thread sends, so lines never mix and no lock is needed."""

    def __init__(self, fd=CHANNEL_FD):
        """Raises ChannelGone with a text for people if `fd` is not open for writing."""
        if not _is_open_for_lines(fd):
            raise ChannelGone(NOT_STARTED)
        self._fd = fd
        os.set_inheritable(fd, False)
        os.set_blocking(fd, False)

    def send(self, message):
        """Writes the whole line. Raises ChannelGone if the reader is gone, or does not read."""
        rest = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        deadline = time.monotonic() + SEND_TIMEOUT_S
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([], [self._fd], [], left)[1]:
                    raise ChannelGone("the reader of the protocol lines takes none for %d s" % SEND_TIMEOUT_S)
            except OSError as e:
                raise ChannelGone("the reader of the protocol lines is gone: %s" % e.strerror)
