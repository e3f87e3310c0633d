"""Content encodings undone in small steps, so that a bomb is noticed while it is small."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli  # type: ignore[import-untyped]

from monitor.errors import FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEP = 65_536  # bytes that one step may yield
ACCEPTED = "gzip, deflate, br, zstd"
_LAYERS = 2
_MEMBERS = (
    1_000  # parts that one packed body may be made of; empty ones cost time and yield nothing
)
_WINDOW_LOG = 23  # 8 MB, what RFC 8878 asks every decoder to support and no web server exceeds


class Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def complete(self) -> bool: ...


class Gzip:
    """One or more gzip members."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self._begun = False
        self._members = 1

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                if not data.strip(b"\0"):
                    return  # padding
                self._members += 1
                _refuse_if_many(self._members)
                self._inner = zlib.decompressobj(31)
            self._begun = True
            yield self._inner.decompress(data, STEP)
            while self._inner.unconsumed_tail:
                yield self._inner.decompress(self._inner.unconsumed_tail, STEP)
            data = self._inner.unused_data

    @property
    def complete(self) -> bool:
        return self._inner.eof or not self._begun


class Deflate:
    """zlib, or raw deflate as some servers send it."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        try:
            piece = self._inner.decompress(data, STEP)
        except zlib.error:
            if self._begun:
                raise
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
            piece = self._inner.decompress(data, STEP)
        self._begun = True
        yield piece
        while self._inner.unconsumed_tail:
            yield self._inner.decompress(self._inner.unconsumed_tail, STEP)

    @property
    def complete(self) -> bool:
        return self._inner.eof or not self._begun


class Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        self._begun = True
        yield self._inner.process(data, output_buffer_limit=STEP)
        while not self._inner.can_accept_more_data():
            yield self._inner.process(b"", output_buffer_limit=STEP)

    @property
    def complete(self) -> bool:
        return not self._begun or bool(self._inner.is_finished())


class Zstd:
    """One or more zstd frames."""

    def __init__(self) -> None:
        self._inner = self._new()
        self._begun = False
        self._members = 1

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        )

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            self._begun = True
            if self._inner.eof:
                self._members += 1
                _refuse_if_many(self._members)
                self._inner = self._new()
            yield self._inner.decompress(data, STEP)
            while not self._inner.eof and not self._inner.needs_input:
                yield self._inner.decompress(b"", STEP)
            data = self._inner.unused_data if self._inner.eof else b""

    @property
    def complete(self) -> bool:
        return not self._begun or self._inner.eof


def _refuse_if_many(members: int) -> None:
    if members > _MEMBERS:
        raise zlib.error("too many members")


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": Gzip,
    "x-gzip": Gzip,
    "deflate": Deflate,
    "br": Brotli,
    "zstd": Zstd,
}
_ERRORS = (zlib.error, brotli.error, zstd.ZstdError)


class Body:
    """Collects a body within limits. ``add`` raises FetchError when one is passed."""

    def __init__(self, encoding: str, *, max_bytes: int, host: str) -> None:
        self._host = host
        self._max = max_bytes
        self._names = [
            name
            for name in (each.strip().lower() for each in encoding.split(","))
            if name not in ("", "identity")
        ]
        self._layers: list[Decoder] | None = None
        self._pieces: list[bytes] = []
        self._sizes = [0] * (_LAYERS + 1)  # what each layer has yielded
        self.wire_bytes = 0

    def add(self, data: bytes) -> None:
        self.wire_bytes += len(data)
        if self.wire_bytes > self._max:
            raise self._too_large("sent")
        if self._layers is None and data:
            self._layers = self._begin(data)
        try:
            self._pieces.extend(self._unpacked(data, 0))
        except _ERRORS:
            raise self._damaged() from None

    def _unpacked(self, data: bytes, depth: int) -> Iterator[bytes]:
        """What comes of a piece; what lies between two layers counts as the outcome does."""
        self._sizes[depth] += len(data)
        if self._sizes[depth] > self._max:
            raise self._too_large("unpacked")
        if depth == len(self._layers or ()):
            yield data
            return
        assert self._layers is not None
        for piece in self._layers[depth].feed(data):
            yield from self._unpacked(piece, depth + 1)

    def finish(self) -> bytes:
        if not all(layer.complete for layer in self._layers or ()):
            raise FetchError(
                f"{self._host} ended its packed answer before the end",
                kind="truncated",
                wire_bytes=self.wire_bytes,
            )
        return b"".join(self._pieces)

    def _begin(self, data: bytes) -> list[Decoder]:
        """The decoders; a body that was never packed, whatever its header says, needs none."""
        if len(self._names) > _LAYERS or any(name not in _DECODERS for name in self._names):
            raise FetchError(
                f"{self._host} packs its answer in a way this monitor does not know "
                f"({', '.join(self._names)[:60]})",
                kind="encoding",
            )
        if self._names and _is_plain(self._names[-1], data):
            return []
        if not self._names and data[:3] == b"\x1f\x8b\x08":  # a .xml.gz without its header
            return [Gzip()]
        return [_DECODERS[name]() for name in reversed(self._names)]

    def _too_large(self, how: str) -> FetchError:
        return FetchError(
            f"{self._host} {how} more than {self._max:,} bytes",
            kind="too-large",
            remedy="Feeds are far smaller; fetch.max_bytes is the limit.",
            wire_bytes=self.wire_bytes,
        )

    def _damaged(self) -> FetchError:
        return FetchError(
            f"{self._host} sent an answer that cannot be unpacked",
            kind="encoding",
            wire_bytes=self.wire_bytes,
        )


def _is_plain(packed: str, data: bytes) -> bool:
    """True where a body begins as markup does. Brotli and raw deflate may begin with any byte."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if packed in ("gzip", "x-gzip", "zstd"):
        return start[:1] in (b"<", b"{")
    return start.startswith((b"<?xml", b"<rss ", b"<feed", b"<!DOC", b"<html"))
