"""The log of events, to a file or to stdout: one line of JSON for each of them.

The hooks work without it: a line that can't be written is reported in the error log, and lost.
"""

import os
from collections.abc import Iterable, Iterator
from select import PIPE_BUF

from msgspec.json import encode

from hooks.ranges.events import Event

STDOUT = 1


class HistoryLog:
    """A log to which several processes write at a time."""

    def __init__(self, path: str) -> None:
        """Open the log.

        Args:
            path: of a file, which is created if it is missing; `-` for stdout, and "" for no log.

        Raises:
            OSError: the file can't be written.
        """
        self._file = None
        if path:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            self._file = STDOUT if path == "-" else os.open(path, flags, 0o644)

    def write(self, events: Iterable[Event]) -> None:
        """Write events, in pieces that do not mix with those of other processes.

        Raises:
            OSError: a part of them could not be written.
        """
        if self._file is None:
            return
        for piece in _pieces(encode(event) + b"\n" for event in events):
            _write_all(self._file, piece)


def _pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in pieces that a pipe takes as a whole."""
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > PIPE_BUF:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


def _write_all(file: int, piece: bytes) -> None:
    while piece:
        piece = piece[os.write(file, piece) :]
