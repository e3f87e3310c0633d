"""Parsing in processes of their own: what is too much is stopped, named, and stops nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ParseError
from monitor.model import Document, Feed, Fetched, Validators
from monitor.normalise import normalise
from monitor.parse import ParserPool, parse, worker
from monitor.parse import pool as pool_module
from monitor.parse.pipe import receive, send
from monitor.parse.wire import dump, load

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
FEED = Feed(id="feed", url="https://outlet.example/rss")
GOOD = b"<rss version='2.0'><channel><item><title>One</title></item></channel></rss>"

# Both are within every other limit; nothing about them but their size is unusual.
SLOW = (
    b"<rss version='2.0'><channel>"
    + (
        b"<item><title>x<b></title><description>"
        + b"&lt;p&gt;a &amp;amp; b" * 200
        + b"</description>"
    )
    * 4_900
    + b"</channel></rss>"
)
LARGE = b"<rss version='2.0'><channel>" + b"<a/>" * 2_400_000 + b"</channel></rss>"


def _processes(parent: int) -> list[int]:
    """The process that forks the parsers, and the parsers, which have its command line."""
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in map(int, task.read_text().split()):
            if b"monitor.parse" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found += [pid, *_processes(pid)]
    return found


def _nursery(parent: int) -> list[int]:
    return _processes(parent)[:1]


def _parsers(parent: int) -> list[int]:
    return [pid for nursery in _nursery(parent) for pid in _processes(nursery)]


def fetched(body: bytes) -> Fetched:
    return Fetched(
        url=FEED.url,
        final_url=FEED.url,
        status=200,
        body=body,
        content_type="application/rss+xml",
        validators=Validators(),
        headers={},
    )


def run(pool: ParserPool, *bodies: bytes) -> list[Document | BaseException]:
    async def work() -> list[Document | BaseException]:
        parsing = (pool.parse(fetched(body), FEED, NOW) for body in bodies)
        return list(await asyncio.gather(*parsing, return_exceptions=True))

    return asyncio.run(work())


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    made = ParserPool(workers=2, cpu_seconds=1.0)
    yield made
    made.close()


def _kind(outcome: object) -> str:
    assert isinstance(outcome, ParseError), outcome
    assert outcome.subject == "feed"
    return outcome.kind


def test_a_document_comes_back_as_if_it_had_been_parsed_here(pool: ParserPool) -> None:
    (found,) = run(pool, GOOD)
    assert found == parse(GOOD, url=FEED.url, content_type="application/rss+xml", now=NOW)


def test_what_takes_too_long_is_ended_and_the_others_go_on(pool: ParserPool) -> None:
    outcomes = run(pool, SLOW, GOOD, GOOD, SLOW, GOOD)
    assert [_kind(outcomes[0]), _kind(outcomes[3])] == ["too-slow", "too-slow"]
    assert all(isinstance(outcomes[number], Document) for number in (1, 2, 4))


def test_what_takes_too_much_memory_is_ended() -> None:
    pool = ParserPool(workers=1, memory_bytes=150_000_000)
    try:
        first, second = run(pool, LARGE, GOOD)
        assert _kind(first) in ("too-much-memory", "crash")
        assert isinstance(second, Document)
    finally:
        pool.close()


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(_parsers, id="a parser"),
        pytest.param(_nursery, id="the process that forks them"),
        pytest.param(_processes, id="both"),
    ],
)
def test_a_process_that_dies_is_replaced(pool: ParserPool, who: Callable[[int], list[int]]) -> None:
    run(pool, GOOD)
    killed = who(os.getpid())
    assert killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    outcomes = run(pool, GOOD, GOOD, GOOD)
    assert all(isinstance(each, Document) or _kind(each) == "crash" for each in outcomes)
    assert isinstance(run(pool, GOOD)[0], Document)


def test_a_process_that_has_served_long_enough_is_replaced(
    pool: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(pool, GOOD)
    (first,) = _parsers(os.getpid())
    run(pool, GOOD)
    assert _parsers(os.getpid()) == [first]
    monkeypatch.setattr(pool_module, "_DOCUMENTS_EACH", 1)
    assert isinstance(run(pool, GOOD)[0], Document)
    assert not _parsers(os.getpid())
    assert isinstance(run(pool, GOOD)[0], Document)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, list[float]]]:
    """Our end of a parser in a thread of this process, and the limits of CPU that it set itself."""
    limits: list[float] = []
    monkeypatch.setattr(worker, "_allow", limits.append)
    monkeypatch.setattr(worker, "GROWN_BYTES", 1 << 40)
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=worker._serve, args=(theirs.fileno(), 10.0, None))
    with ours, theirs:
        serving.start()
        yield ours.fileno(), limits
        ours.shutdown(socket.SHUT_RDWR)
        serving.join(10)
    assert not serving.is_alive()


def _said(**more: Any) -> bytes:
    ask = {"url": FEED.url, "content_type": "", "now": NOW.isoformat()} | more
    return json.dumps(ask).encode()


def test_a_process_that_has_grown_answers_and_says_that_it_was_the_last_time(
    served: tuple[int, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    end, _ = served
    send(end, _said(), GOOD)
    assert receive(end)[1] == b""
    monkeypatch.setattr(worker, "GROWN_BYTES", 0)
    send(end, _said(), GOOD)
    answer, last = receive(end)
    assert len(load(json.loads(answer)).entries) == 1
    assert last


def test_who_asks_may_allow_less_computing_but_not_more(
    served: tuple[int, list[float]],
) -> None:
    end, limits = served
    for more in ({}, {"cpu_seconds": 2.0}, {"cpu_seconds": 60.0}):
        send(end, _said(**more), GOOD)
        receive(end)
    assert limits == [10.0, 2.0, 10.0]


def test_a_process_that_hangs_is_ended_by_the_clock() -> None:
    pool = ParserPool(workers=1, wall_seconds=1.5)
    try:
        while not isinstance(run(pool, GOOD)[0], Document):
            pass  # on a busy machine its start alone may take that long
        (pid,) = _parsers(os.getpid())
        os.kill(pid, signal.SIGSTOP)
        assert _kind(run(pool, GOOD)[0]) == "too-slow"
        assert isinstance(run(pool, GOOD)[0], Document)
    finally:
        pool.close()


def test_errors_of_a_document_come_back_as_they_are(pool: ParserPool) -> None:
    (found,) = run(pool, b"<html></html>")
    assert _kind(found) == "html"
    assert isinstance(found, ParseError) and found.remedy


def test_closing_leaves_no_process_and_the_next_parse_starts_one(pool: ParserPool) -> None:
    run(pool, GOOD, GOOD)
    pool.close()
    assert not _processes(os.getpid())
    assert isinstance(run(pool, GOOD)[0], Document)


def test_a_parser_knows_no_secrets(pool: ParserPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_MAIL__PASSWORD", "secret")
    run(pool, GOOD)
    for pid in _processes(os.getpid()):
        assert b"secret" not in Path(f"/proc/{pid}/environ").read_bytes()


SCRIPT = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is begun in the background ignores it
from tests.parse import test_pool as these
pool = these.ParserPool(workers=2)
these.run(pool, these.GOOD, these.GOOD)
print(*these._processes(these.os.getpid()), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_processes_end_with_their_parent_however_it_ends(end: signal.Signals) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{SCRIPT}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout is not None and parent.stdin is not None
    with parent.stdout, parent.stdin:
        try:
            pids = [int(each) for each in parent.stdout.readline().split()]
            assert pids
            parent.send_signal(end)
            parent.wait(timeout=20)
        finally:
            parent.kill()
            parent.wait()
    assert _eventually(lambda: not any(_alive(pid) for pid in pids))


def test_documents_survive_the_way_between_processes() -> None:
    body = (
        "<rss version='2.0'><channel><title>Иран</title><ttl>7</ttl><skipHours><hour>3</hour>"
        "</skipHours><item><title>“a”</title><pubDate>Wed, 25 Nov 2026 05:00:00 GMT</pubDate></item>"
        "</channel></rss>"
    ).encode()
    document = parse(body, url=FEED.url, content_type="", now=NOW)
    assert load(json.loads(dump(document))) == document
    assert document.skip_hours == {3}


def test_items_made_in_the_process_are_those_made_here() -> None:
    body = (
        "<rss version='2.0'><channel><title>Иран</title><link>https://outlet.example/</link><ttl>7</ttl>"
        "<item><guid>1</guid><title>“a” &amp;lt; b</title><link>/a?utm_source=rss</link>"
        "<pubDate>Wed, 25 Nov 2026 05:00:00 GMT</pubDate><description>می‌شود</description></item>"
        "<item><title>No date, no link</title></item></channel></rss>"
    ).encode()
    pool = ParserPool(normalise=normalise, workers=1)
    feed = replace(FEED, name="Outlet", lang="fa")
    try:
        document, items = asyncio.run(pool.items(fetched(body), feed, NOW))
    finally:
        pool.close()
    whole = parse(body, url=FEED.url, content_type="application/rss+xml", now=NOW)
    assert items == normalise(whole, feed, NOW)
    assert document == replace(whole, entries=())
    assert len(items) == 2


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _eventually(holds: Callable[[], Any]) -> bool:
    """Waits for what another process does; a pipe tells nothing of its end."""
    wait = threading.Event()
    return any(holds() or wait.wait(0.05) for _ in range(400)) or bool(holds())
