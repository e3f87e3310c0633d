"""Messages over a socket between two processes: a length, then so many bytes.

Written out here because the standard library's connections import a good deal, which every parser
process would pay for.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

_LENGTHS = struct.Struct("!II")
_MOST = 1 << 30  # bytes of one part; nothing that is sent comes near


def send(descriptor: int, first: bytes, second: bytes = b"") -> None:
    """Both parts of one message. Raises OSError where the other end is gone."""
    left: list[memoryview] = [
        memoryview(each) for each in (_LENGTHS.pack(len(first), len(second)), first, second)
    ]
    while left:
        left = _after(left, os.writev(descriptor, left))


def receive(descriptor: int) -> tuple[bytes, bytes]:
    """The next message. Raises EOFError where the other end is gone, ValueError for nonsense."""
    first, second = _LENGTHS.unpack(_exactly(descriptor, _LENGTHS.size))
    if max(first, second) > _MOST:
        raise ValueError("a message of more than a gigabyte")
    return _exactly(descriptor, first), _exactly(descriptor, second)


def _exactly(descriptor: int, count: int) -> bytes:
    pieces: list[bytes] = []
    while count > 0:
        piece = os.read(descriptor, count)
        if not piece:
            raise EOFError
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _after(parts: Sequence[memoryview], written: int) -> list[memoryview]:
    """What is left of the parts."""
    left = []
    for part in parts:
        if written >= len(part):
            written -= len(part)
        else:
            left.append(part[written:])
            written = 0
    return left
