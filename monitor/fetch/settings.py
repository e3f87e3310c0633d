"""How the web is asked: limits and manners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Limits of one request and manners towards hosts. The defaults are those of INTERFACE.md."""

    timeout: timedelta = timedelta(seconds=30)  # the whole fetch, redirects included
    connect_timeout: timedelta = timedelta(seconds=5)
    read_timeout: timedelta = timedelta(seconds=10)  # between two pieces of an answer
    max_bytes: int = 10_000_000  # on the wire, and decoded
    max_redirects: int = 5
    per_host: int = 2
    host_interval: timedelta = timedelta(seconds=1)
    concurrency: int = 16
    allow_networks: tuple[str, ...] = ()
    contact: str = ""
    user_agent: str = ""  # "" = product, version and contact
    proxy: str = ""

    def agent(self, version: str) -> str:
        """An identifying User-Agent: who asks, and where to complain."""
        if self.user_agent:
            return self.user_agent
        contact = "".join(each for each in self.contact if " " <= each <= "~").strip()
        return f"indicator-monitor/{version}" + (f" (+{contact})" if contact else "")
