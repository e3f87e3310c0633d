"""The heartbeat: one request to an address that an outside watchdog listens at."""

from __future__ import annotations

import httpx

from monitor.errors import MailError

_TIMEOUT = 10.0  # seconds
_TRIES = 2


async def call(url: str) -> None:
    """GETs ``url``; what it answers does not matter as long as it is no error. Raises MailError."""
    problem = ""
    async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
        for _ in range(_TRIES):
            try:
                answer = await client.get(url)
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.status_code < 400:
                return
            problem = f"answered {answer.status_code}"
    place = httpx.URL(url).host
    raise MailError(f"the heartbeat was not taken: {problem}", subject=place)
