"""A value that is dear to make, kept and renewed aside, so that no page waits for it but the first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from monitor.errors import MonitorError

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)

QUICK = 0.05  # seconds: what is made so fast is made at once


class Kept(Generic[_T]):
    """``make()``'s value, at most ``seconds`` old plus the time that making it takes.

    Where making it takes more than a twentieth of ``seconds``, it is kept so much longer.
    """

    def __init__(
        self,
        make: Callable[[], _T],
        *,
        seconds: float = 30.0,
        patience: float = 0.0,
        meanwhile: Callable[[], _T] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._patience = patience  # seconds that who comes first or after a change waits
        self._meanwhile = meanwhile  # what they get if it takes longer and there is nothing yet
        self._clock = clock
        self._turn = threading.Lock()
        self._value: _T | None = None
        self._made_at = float("-inf")
        self._cost = 0.0
        self._drops = 0

    def get(self) -> _T:
        """The value: made now if there is none or it is quick, else the last one, and a newer soon."""
        value = self._value
        if value is not None and self._clock() - self._made_at <= self._lasts:
            return value
        aside = value is not None and self._cost > QUICK
        if aside or (value is None and self._meanwhile is not None):
            if self._turn.acquire(blocking=False):
                renewing = threading.Thread(target=self._renew, name="kept", daemon=True)
                renewing.start()
                if self._patience and self._made_at == float("-inf"):
                    renewing.join(self._patience)
            found = self._value if self._value is not None else value
            return found if found is not None else self._meanwhile()  # type: ignore[misc]
        with self._turn:
            if self._value is not None and self._clock() - self._made_at <= self._lasts:
                return self._value
            return self._made()

    @property
    def _lasts(self) -> float:
        """Seconds: what is dear to make is made less often, so that it never takes a twentieth of us."""
        return max(self._seconds, 20 * self._cost)

    def drop(self) -> None:
        """What it was made of has changed."""
        self._drops += 1
        self._made_at = float("-inf")

    def _made(self) -> _T:
        began, drops = self._clock(), self._drops
        value = self._make()
        self._value, self._cost = value, self._clock() - began
        self._made_at = began if drops == self._drops else float("-inf")  # changed meanwhile
        return value

    def _renew(self) -> None:
        try:
            self._made()
        except MonitorError as error:  # the store is in trouble: pages show the last value, dated
            _log.warning("pages", problem=str(error))
            self._made_at = self._clock()
        finally:
            self._turn.release()
