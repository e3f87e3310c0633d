"""Shared fixtures: a fixed time, stores, a loopback web server, a loopback mail server."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.pluginmanager.register(_fixtures("store"), "monitor-stores")
    config.pluginmanager.register(_fixtures("browser"), "monitor-browser")


def _fixtures(name: str) -> ModuleType:
    """The fixtures of ``plugins/<name>.py``: once for all folders, so that there is one PostgreSQL."""
    path = Path(__file__).parent / "plugins" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"monitor_{name}_fixtures", path)
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def now() -> datetime:
    return NOW


@dataclass
class Answer:
    """What the loopback server says to one path."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Loopback:
    """A web server on the loopback; ``routes`` may be changed while it runs."""

    url: str
    routes: dict[str, Answer | Callable[[dict[str, str]], Answer]]
    requests: list[tuple[str, str, dict[str, str]]]

    @staticmethod
    def answer(body: str, **headers: str) -> Answer:
        """For a route that is a function."""
        return Answer(body.encode(), 200, headers)

    def give(self, path: str, body: bytes | str, *, status: int = 200, **headers: str) -> str:
        raw = body.encode() if isinstance(body, str) else body
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.routes[path] = Answer(raw, status, named)
        return self.url + path


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    routes: dict[str, Any] = {}
    requests: list[tuple[str, str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {key.lower(): value for key, value in self.headers.items()}
            path = urlsplit(self.path).path
            requests.append((self.command, self.path, asked))
            found = routes.get(path, Answer(b"not found", 404))
            answer = found(asked) if callable(found) else found
            etag = answer.headers.get("ETag")
            if etag and asked.get("if-none-match") == etag:
                answer = Answer(b"", 304, {"ETag": etag})
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Loopback(f"http://127.0.0.1:{server.server_address[1]}", routes, requests)
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Mailbox:
    """A mail server on the loopback and what it accepted; ``refuse`` maps a recipient to a reply."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    recipients: list[tuple[str, ...]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    reply: str = "250 accepted"  # to the message itself

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.reply.startswith("2"):
            self.raw.append(envelope.content)
            self.messages.append(message_from_bytes(envelope.content))
            self.recipients.append(tuple(envelope.rcpt_tos))
        return self.reply


@pytest.fixture
def smtp_server() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0, server_hostname="mail.test")
    controller.port = _free_port()
    controller.start()
    box.url = f"smtp://127.0.0.1:{controller.port}"
    yield box
    controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
