"""Who may ask whom when: connections at once, spacing and waits, by host.

Counted on the monotonic clock, so that a clock that is set neither hurries nor stalls anybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.errors import FetchError

LONGEST_WAIT = 86_400.0  # seconds; what a server may ask for at most


@dataclass(slots=True)
class Host:
    """What is remembered of one host."""

    slots: asyncio.Semaphore
    next_start: float = 0.0
    blocked_until: float = 0.0
    waiting: int = field(default=0)


class Politeness:
    """Turns for requests. One instance belongs to one event loop."""

    def __init__(self, *, concurrency: int, per_host: int, interval: float) -> None:
        self._all = asyncio.Semaphore(concurrency)
        self._per_host = per_host
        self._interval = interval
        self._hosts: dict[str, Host] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Waits for this host's turn. Raises FetchError where the host asked to be left alone."""
        state = self._host(host)
        state.waiting += 1
        try:
            async with state.slots:
                await self._start(host, state)
                try:
                    yield
                finally:
                    self._all.release()
        finally:
            state.waiting -= 1
            self._forget_idle()

    async def _start(self, host: str, state: Host) -> None:
        """Takes one of all slots at a moment when the host may be asked."""
        while True:
            self._refuse_if_blocked(host, state)
            wait = state.next_start - time.monotonic()
            if wait > 0:  # without a slot of all, which others can use meanwhile
                await asyncio.sleep(wait)
                continue
            await self._all.acquire()
            now = time.monotonic()
            if state.next_start <= now and state.blocked_until <= now:
                state.next_start = now + self._interval
                return
            self._all.release()

    def block(self, host: str, seconds: float) -> None:
        """No request to this host for so long: it asked for that."""
        until = time.monotonic() + min(max(seconds, 0.0), LONGEST_WAIT)
        state = self._host(host)
        state.blocked_until = max(state.blocked_until, until)

    def blocked_for(self, host: str) -> float:
        """Seconds that the host still wants to be left alone; 0 = none."""
        state = self._hosts.get(host)
        return max(0.0, state.blocked_until - time.monotonic()) if state else 0.0

    def blocked(self) -> dict[str, float]:
        """All such hosts."""
        now = time.monotonic()
        return {
            name: state.blocked_until - now
            for name, state in self._hosts.items()
            if state.blocked_until > now
        }

    def _refuse_if_blocked(self, host: str, state: Host) -> None:
        left = state.blocked_until - time.monotonic()
        if left > 0:
            raise FetchError(
                f"{host} asked not to be asked again for {left:,.0f} s",
                kind="host-waiting",
                subject=host,
                remedy="It will be asked again by itself when that time is over.",
                retry_after=timedelta(seconds=left),
            )

    def _host(self, host: str) -> Host:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = Host(asyncio.Semaphore(self._per_host))
        return state

    def _forget_idle(self) -> None:
        if len(self._hosts) < 1_024:
            return
        now = time.monotonic()
        for name, state in list(self._hosts.items()):
            if not state.waiting and max(state.next_start, state.blocked_until) < now:
                del self._hosts[name]
