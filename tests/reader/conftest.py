"""A real server on the loopback that speaks chat completions, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from monitor.model import Anchor, Branch, Hit, Indicator, Item, ScorePart, Watch

Reply = tuple[int, bytes]


def says(answer: Mapping[str, Any] | str) -> Reply:
    """A completion with this answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    body = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    return 200, json.dumps(body).encode()


YES = says({"applies": True, "stage": "act", "reason": "Drones were handed over."})
NO = says({"applies": False, "stage": None, "reason": "It is about a film."})


@dataclass
class Endpoint:
    """What the stub was asked, and what it answers: the replies in turn, the last one for ever."""

    url: str
    replies: list[Reply | Callable[[dict[str, Any]], Reply]]
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)  # ends what is slow


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with turn:
                stub.requests.append(body)
                stub.headers.append({key.lower(): value for key, value in self.headers.items()})
                stub.paths.append(self.path)
                reply = stub.replies.pop(0) if len(stub.replies) > 1 else stub.replies[0]
            status, data = reply(body) if callable(reply) else reply
            try:
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except ConnectionError:
                pass  # the reader did not wait

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = Endpoint(url=f"http://127.0.0.1:{server.server_port}/v1", replies=[YES])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    stub.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Kept:
    """Verdicts kept in memory: the store's are tested with the store."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}

    def readings(self, keys: Sequence[str]) -> Mapping[str, str]:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def keep_readings(self, readings: Mapping[str, str], *, now: datetime) -> None:
        self.rows.update(readings)


@pytest.fixture
def kept() -> Kept:
    return Kept()


INDICATOR = Indicator(
    id="drones", title="Iran gives Russia drones", group="g", watch="w", anchor=Anchor(section=""),
    counts="A delivery that is reported.", does_not_count="Use, displays.", ach={},
    branches=(Branch(name="only", query="@iran"),),
)  # fmt: skip

WATCH = Watch(
    id="w", title="", question="", source="", hypotheses=(), indicators=(INDICATOR,), concepts={},
)  # fmt: skip


def pair(
    title: str = "Iran sends drones", *, id: str = "1", score: float = 0.73, rules: str = "r1"
) -> tuple[Item, tuple[Hit, ...]]:
    item = Item(id=id, identity=f"guid:{id}", feed="f", title=title, summary="", link="", lang="en")
    hit = Hit(
        watch="w", indicator="drones", item=id, rules=rules, score=score, stage="act", spans=(),
        branch="only", query="@iran", parts=(ScorePart(name="query", value=1.0, why="holds"),),
    )  # fmt: skip
    return item, (hit,)
