"""An index that finds the texts that share word pairs with one: bottom-k sketches, no false distance.

Two texts of resemblance r share one of their eight smallest hashes with a chance near 1 − (1 − r)^8:
at 0.5 that is 0.996 (Broder, "On the resemblance and containment of documents", 1997).
"""

from __future__ import annotations

from collections.abc import Sequence

SHINGLES = 8
"""Smallest hashes by which copies find each other."""


class Copies:
    """Ids by the smallest hashes of their sketches."""

    def __init__(self) -> None:
        self._by_hash: dict[int, list[str]] = {}

    def add(self, id: str, sketch: Sequence[int]) -> None:
        table = self._by_hash
        for key in sketch[:SHINGLES]:
            some = table.get(key)
            if some is None:
                table[key] = [id]
            else:
                some.append(id)

    def remove(self, id: str, sketch: Sequence[int]) -> None:
        for key in sketch[:SHINGLES]:
            self._by_hash[key].remove(id)
            if not self._by_hash[key]:
                del self._by_hash[key]

    def near(self, sketch: Sequence[int]) -> set[str]:
        """Ids of texts that share one of the smallest hashes."""
        found: set[str] = set()
        for key in sketch[:SHINGLES]:
            some = self._by_hash.get(key)
            if some is not None:
                found.update(some)
        return found
