"""An index that finds the texts that share word pairs with one: bottom-k sketches, no false distance.

Each of the smallest hashes of one text is among those of another with a chance near their resemblance
(Broder, "On the resemblance and containment of documents", 1997). Two must be: one is shared by any two
texts that say "in the". Of texts with a resemblance of 0.5 one in fifty is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterable

LEAST = 10
"""Smallest hashes of a text by which it is found."""
SHARED = 2
ENOUGH = 200
"""Texts under one hash, from which on no more are listed: who joins these has joined the rest."""


class Copies:
    """Ids by the smallest hashes of their sketches."""

    def __init__(self) -> None:
        self._by_hash: dict[int, list[str]] = {}

    def add(self, id: str, least: Iterable[int]) -> None:
        table = self._by_hash
        for key in least:
            some = table.get(key)
            if some is None:
                table[key] = [id]
            elif len(some) < ENOUGH:
                some.append(id)

    def remove(self, id: str, least: Iterable[int]) -> None:
        for key in least:
            some = self._by_hash.get(key, [])
            if id in some:
                some.remove(id)
                if not some:
                    del self._by_hash[key]

    def near(self, least: Iterable[int]) -> set[str]:
        """Ids of texts that share ``SHARED`` of the smallest hashes, one being no more than a phrase."""
        seen: set[str] = set()
        found: set[str] = set()
        table = self._by_hash
        for key in least:
            some = table.get(key)
            if some is not None:
                found.update(seen.intersection(some))
                seen.update(some)
        return found
