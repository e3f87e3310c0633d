"""A real PostgreSQL, and a proxy before it that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy.engine import make_url

from monitor.store import SqlStore, open_store


@pytest.fixture
def shared(postgres_url: str) -> Iterator[SqlStore]:
    """A store on an empty PostgreSQL."""
    with open_store(postgres_url) as opened:
        yield opened


class Proxy:
    """Passes connections on to PostgreSQL until it is cut; then it drops them and takes no more."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._open: set[socket.socket] = set()
        self._turn = threading.Lock()
        self._whole = True
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        port = self._server.getsockname()[1]
        plain = self._target.set(host="127.0.0.1", port=port, query={})
        return plain.render_as_string(hide_password=False)

    def cut(self) -> int:
        """Drops every connection; returns how many there were."""
        with self._turn:
            self._whole = False
            dropped, self._open = self._open, set()
        for each in dropped:
            _close(each)
        return len(dropped) // 2

    def mend(self) -> None:
        self._whole = True

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if not self._whole:
                client.close()
                continue
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            with self._turn:
                self._open |= {client, server}
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _connect(self) -> socket.socket:
        host = str(self._target.query.get("host", self._target.host or ""))
        port = self._target.port or 5432
        if not host.startswith("/"):
            return socket.create_connection((host or "127.0.0.1", port), timeout=5)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        with self._turn:
            self._open -= {source, target}
        _close(source)
        _close(target)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """A proxy before the test's database."""
    made = Proxy(postgres_url)
    yield made
    made.close()
