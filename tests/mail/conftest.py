"""A badly behaved mail server, and frozen messages to send to it."""

from __future__ import annotations

import importlib.util
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.model import Outgoing

_FILE = Path(__file__).parents[1] / "plugins" / "smtp.py"
_SPEC = importlib.util.spec_from_file_location("monitor_smtp_server", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
_PLUGIN = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _PLUGIN  # dataclasses look their module up
_SPEC.loader.exec_module(_PLUGIN)

BODY = (
    b"From: Monitor <monitor@example.org>\r\nTo: ana@example.org\r\nSubject: Digest\r\n"
    b"Message-ID: <1@example.org>\r\n\r\nFirst line\r\n.a line that begins with a dot\r\nlast\r\n"
)


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """``serve(behaviour=…, tls=…, login=…)`` starts a server and gives its post office."""
    with ExitStack() as stack:

        def start(behaviour: str = "accept", **more: Any) -> Any:
            office = _PLUGIN.PostOffice(behave=lambda: behaviour)
            return stack.enter_context(contextmanager(_PLUGIN.serve)(office, **more))

        yield start


@pytest.fixture
def message() -> Callable[..., Outgoing]:
    def make(**more: Any) -> Outgoing:
        known: dict[str, Any] = {
            "number": 1,
            "kind": "digest",
            "subscription": "daily",
            "recipient": "ana@example.org",
            "slot": "2026-11-25T07:00 Europe/Brussels",
            "message_id": "<1@example.org>",
            "subject": "Digest",
            "body": BODY,
            "created_at": datetime(2026, 11, 25, 6, tzinfo=UTC),
            "attempts": 1,
        }
        return Outgoing(**known | more)

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(a server's TLS with a certificate for 127.0.0.1 that nobody vouches for, a client that does)."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"),
            *("-keyout", str(key), "-out", str(cert), "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
