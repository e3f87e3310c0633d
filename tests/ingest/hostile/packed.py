"""Content encodings, and bombs in them."""

from __future__ import annotations

import gzip
import zlib
from functools import partial

from tests.ingest.hostile.server import (
    BEFOREHAND,
    BEHAVIOURS,
    Behaviour,
    Peer,
    behaviour,
    plain,
    rss,
)

# ── Packed ───────────────────────────────────────────────────────────────────────────────────────


def deflated(data: bytes, wbits: int = 15) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return packer.compress(data) + packer.flush()


def brotlied(data: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(data, quality=5))


def zstandard(data: bytes) -> bytes:
    from backports import zstd

    return bytes(zstd.compress(data))


plain("gzip", gzip.compress(rss()), Content_Encoding="gzip")
plain(
    "gzip in two members",
    gzip.compress(rss()[:99]) + gzip.compress(rss()[99:]),
    Content_Encoding="gzip",
)
plain("gzip with padding", gzip.compress(rss()) + b"\0" * 64, Content_Encoding="gzip")
plain("gzip unannounced", gzip.compress(rss()))
plain("gzip announced but plain", rss(), Content_Encoding="gzip")
plain("deflate", deflated(rss()), Content_Encoding="deflate")
plain("raw deflate", deflated(rss(), -15), Content_Encoding="deflate")
plain("brotli", brotlied(rss()), Content_Encoding="br")
plain("zstd", zstandard(rss()), Content_Encoding="zstd")
plain("packed twice", brotlied(gzip.compress(rss())), Content_Encoding="gzip, br")
plain("packed thrice", gzip.compress(b"x"), "encoding", Content_Encoding="gzip, gzip, gzip")
plain("packed in an unknown way", rss(), "encoding", Content_Encoding="compress")
plain("gzip cut short", gzip.compress(rss())[:-20], "truncated", Content_Encoding="gzip")
plain("brotli cut short", brotlied(rss())[:-20], "truncated", Content_Encoding="br")
plain("zstd cut short", zstandard(rss())[:-20], "truncated", Content_Encoding="zstd")
plain("gzip damaged", gzip.compress(rss())[:40] + b"\xff" * 40, "encoding", Content_Encoding="gzip")
plain(
    "gzip in ten thousand empty members",
    gzip.compress(b"") * 10_000 + gzip.compress(rss()),
    "encoding",
    Content_Encoding="gzip",
)
plain(
    "zstd in ten thousand empty frames",
    zstandard(b"") * 10_000 + zstandard(rss()),
    "encoding",
    Content_Encoding="zstd",
)


def layered() -> bytes:
    """A feed in gzip, then zeros, which gzip takes for padding: small, but for what is between."""
    if "layered" not in _bombs:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        parts = [packer.compress(gzip.compress(rss())), packer.compress(_ZEROS), packer.flush()]
        _bombs["layered"] = b"".join(parts)
    return _bombs["layered"]


@behaviour("too-large")
async def bomb_between_two_layers(peer: Peer) -> None:
    await peer.reply(layered(), Content_Encoding="gzip, gzip")


_ZEROS = b"\0" * 64_000_000
_bombs: dict[str, bytes] = {}
BOMBS = ("gzip", "deflate", "br", "zstd", "gzip, gzip")


def bomb(kind: str) -> bytes:
    """64 MB of nothing, packed; made when first asked for."""
    if kind not in _bombs:
        pack = {"gzip": gzip.compress, "deflate": deflated, "br": brotlied, "zstd": zstandard}
        if kind == "gzip, gzip":
            _bombs[kind] = gzip.compress(bomb("gzip"))
        else:
            _bombs[kind] = pack[kind](_ZEROS)
    return _bombs[kind]


def _bomb_behaviour(kind: str) -> None:
    async def respond(peer: Peer) -> None:
        await peer.reply(bomb(kind), Content_Encoding=kind)

    BEHAVIOURS[f"bomb in {kind}".replace(",", " and")] = Behaviour(respond, "too-large")


for _kind in BOMBS:
    _bomb_behaviour(_kind)
    BEFOREHAND.append(partial(bomb, _kind))
BEFOREHAND.append(layered)
