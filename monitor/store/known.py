"""What was read of an event is good until the event changes: its version says so.

``event.version`` grows with every change of an event, of its items' texts and of its verdicts, in the
transaction that makes it, so a value that is kept with its version is never a stale one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Known(Generic[K, V]):
    """Values by key and version, those last asked for. Safe to use from any thread."""

    def __init__(self, most: int, *, weight: Callable[[V], int] = lambda _: 1) -> None:
        self._most = most  # in weight, all together
        self._weight = weight
        self._total = 0
        self._values: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, version: int) -> V | None:
        """What was kept, if it was of this version."""
        with self._lock:
            found = self._values.get(key)
            if found is None or found[0] != version:
                return None
            self._values.move_to_end(key)
            return found[1]

    def put(self, key: K, version: int, value: V) -> None:
        with self._lock:
            before = self._values.pop(key, None)
            if before is not None:
                self._total -= self._weight(before[1])
            self._values[key] = (version, value)
            self._total += self._weight(value)
            while self._total > self._most and len(self._values) > 1:
                _, (_, oldest) = self._values.popitem(last=False)
                self._total -= self._weight(oldest)
