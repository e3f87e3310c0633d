"""What systemd is told: ready, alive, stopping. Without systemd nothing is said.

The protocol is one datagram to the socket in ``NOTIFY_SOCKET`` (sd_notify(3)); a leading ``@`` means
Linux's abstract namespace.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping


def notify(state: str, environment: Mapping[str, str]) -> bool:
    """Sends one state (``READY=1``, ``WATCHDOG=1``, ``STOPPING=1``); False if nobody listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(state.encode(), name)
        except OSError:
            return False
    return True


def watchdog_seconds(environment: Mapping[str, str], pid: int) -> float | None:
    """How often systemd wants to hear of this process; None if it does not."""
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() and int(microseconds) else None
