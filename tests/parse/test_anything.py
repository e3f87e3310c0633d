"""The boundary to the web's documents: any bytes come to items or to a ParseError, and to nothing else.

Ten minutes of it:  python -m tests.parse.test_anything --minutes 10
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import time
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import FetchError, ParseError
from monitor.fetch.answers import is_html, retry_after, standing_in
from monitor.fetch.decoding import Body
from monitor.fetch.discovery import feeds_of
from monitor.fetch.opml import read_opml
from monitor.fetch.robots import Robots
from monitor.model import Feed
from monitor.normalise import normalise
from monitor.parse import parse
from monitor.parse.page import read_page
from monitor.text.dates import read_date
from tests.ingest.hostile import atom, rss
from tests.ingest.hostile.packed import brotlied, zstandard

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
FEED = Feed(id="feed", url="https://outlet.example/rss")
SEEDS = (
    rss(),
    atom(),
    rss(prolog='<!DOCTYPE rss [<!ENTITY a "b"><!ENTITY c SYSTEM "file:///x">]>'),
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "One"}]}',
    "<?xml version='1.0' encoding='koi8-r'?><rss version='2.0'><channel><item><title>Иран</title>"
    "</item></channel></rss>".encode("koi8-r"),
    b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
    b"xmlns='http://purl.org/rss/1.0/'><channel/><item><title>a</title></item></rdf:RDF>",
)
TOKENS = (
    b"<", b">", b"&", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<item>", b"</item>", b"<entry>", b"&#0;",
    b"&#xD800;", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"<?xml?>", b"<!DOCTYPE", b"[", b"]>", b"<title>",
    b"xml:base='x'", b"xmlns='y'", b"<link href='", b"\xd0", b"\xed\xa0\x80", b"</rss>", b"<rss ", b"{",
    b"<!ENTITY a 'b'>", b"&a;", b"\"", b"'", b"\r", b"\xe2\x80\xae", b"<pubDate>", b"99999999999", b"-1",
)  # fmt: skip
ANSWERS = (
    gzip.compress(rss()),
    zlib.compress(rss()),
    zstandard(rss()),
    brotlied(rss()),
    b"<!-- c -->\n" * 60 + rss(),
    b"<!doctype html><html><head><title>Just a moment...</title></head></html>",
    b"Fri, 31 Dec 9999 23:59:59 -0100",
)  # packed, before a feed, instead of one, and a header
ARTICLE = (
    b"<!doctype html><html><head><title>a</title><base href='/b'><link rel=feed href='f'></head><nav><p>"
    b"User-agent: *\nDisallow: /*c$\n</nav><article><h1>One</h1><p>"
    + b"Words of it. "
    * 40
    + b"</p>"
    b"<aside><aside><p>Other</p></aside></aside></article><a href='/rss'>x</a></html>"
)
TYPES = (
    "",
    "text/xml; charset=utf-16",
    "application/rss+xml; charset=koi8-r",
    "x; charset=\x00",
    "text/html",
)


def harmless(body: bytes, content_type: str = "") -> str:
    """What came of it. Anything but items or a ParseError is a failure."""
    try:
        document = parse(body, url=FEED.url, content_type=content_type, now=NOW)
    except ParseError as error:
        assert error.kind and error.problem
        return error.kind
    for each in normalise(document, FEED, now=NOW):
        stored = f"{each.id}{each.identity}{each.title}{each.summary}{each.link}{each.link_key}"
        stored += f"{each.lang}{each.source}{each.content_hash}"
        assert "\0" not in stored
        stored.encode()
        assert each.title and len(each.identity) < 500
        assert each.link.startswith(("http://", "https://", ""))
        assert "<script" not in each.title.lower()
        assert each.published_at is None or each.published_at <= NOW
        assert len(each.summary.encode()) <= 65_536
    return "ok"


def looked_at(body: bytes) -> None:
    """What the polling process itself does with an answer, beside unpacking it."""
    is_html(body)
    text = body.decode("latin-1")
    standing_in(body, {"cf-mitigated": text[:9]}, "outlet.example")
    wait = retry_after({"retry-after": text, "date": text[::-1]}, NOW)
    assert wait is None or timedelta(0) <= wait <= timedelta(days=1)
    for encoding in ("", "gzip", "deflate, br", "zstd", text[:40]):
        unpacking = Body(encoding, max_bytes=10_000, host="outlet.example")
        try:
            unpacking.add(body)
            assert len(unpacking.finish()) <= 10_000
        except FetchError as error:
            assert error.kind in ("too-large", "encoding", "truncated")


def taken_apart(body: bytes, content_type: str = "") -> None:
    """What is made of a web page, and of what a site says that may be read."""
    page = read_page(body, url=FEED.url, content_type=content_type)
    assert len(page.text.encode()) <= 65_536
    page.title.encode()
    assert len(feeds_of(page, url=FEED.url)) <= 8
    Robots(body.decode("utf-8", "replace"), "indicator-monitor").allows("/a/b?c=d")


def mutated(random: random.Random, body: bytes) -> bytes:
    """A few bytes cut, doubled, exchanged or put in."""
    made = bytearray(body)
    for _ in range(random.randint(1, 12)):
        at = random.randrange(len(made) + 1)
        match random.randrange(5):
            case 0:
                del made[at : at + random.randint(1, 40)]
            case 1:
                made[at:at] = random.choice(TOKENS)
            case 2:
                made[at:at] = made[random.randrange(len(made) + 1) :][: random.randint(1, 200)]
            case 3:
                made[at : at + 1] = bytes([random.randrange(256)])
            case _:
                made[at:at] = random.choice(TOKENS) * random.randint(1, 50)
    return bytes(made)


suite = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@suite
@given(st.integers(0, 2**32), st.sampled_from(SEEDS), st.sampled_from(TYPES))
def test_a_feed_with_a_few_bytes_changed(seed: int, body: bytes, content_type: str) -> None:
    harmless(mutated(random.Random(seed), body), content_type)


@suite
@given(st.lists(st.sampled_from(TOKENS), max_size=60).map(b"".join))
def test_a_feed_of_tokens_in_any_order(inner: bytes) -> None:
    harmless(b"<rss version='2.0'><channel>" + inner + b"</channel></rss>")


@suite
@given(st.binary(max_size=400))
def test_any_bytes(body: bytes) -> None:
    harmless(body)
    looked_at(body)
    taken_apart(body)


@suite
@given(st.integers(0, 2**32), st.sampled_from(ANSWERS))
def test_an_answer_with_a_few_bytes_changed(seed: int, body: bytes) -> None:
    looked_at(mutated(random.Random(seed), body))


@suite
@given(st.integers(0, 2**32), st.sampled_from(TYPES))
def test_a_page_with_a_few_bytes_changed(seed: int, content_type: str) -> None:
    taken_apart(mutated(random.Random(seed), ARTICLE), content_type)


@suite
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "items",
                        "id",
                        "title",
                        "url",
                        "authors",
                        "content_html",
                        "version",
                        "language",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_any_json(data: object) -> None:
    import json

    harmless(
        json.dumps(
            {"version": "https://jsonfeed.org/version/1", "items": [data, {"title": data}]}
        ).encode()
    )


@suite
@given(st.text(max_size=80))
def test_any_date(text: str) -> None:
    read_date(text)


@suite
@given(st.binary(max_size=200))
def test_any_subscription_list(body: bytes) -> None:
    for data in (body, b"<opml><body>" + body + b"</body></opml>"):
        with pytest.raises(ParseError):
            read_opml(data)


def main() -> None:
    """Mutates feeds for as long as it is told; prints how many came to what."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    source = random.Random(chosen.seed)
    ended = time.monotonic() + chosen.minutes * 60
    counts: dict[str, int] = {}
    longest = 0.0
    while time.monotonic() < ended:
        seed = source.getrandbits(64)
        chance = random.Random(seed)
        body = chance.choice(SEEDS)
        for _ in range(chance.randint(1, 4)):
            body = mutated(chance, body)
        began = time.process_time()
        try:
            kind = harmless(body, chance.choice(TYPES))
            looked_at(body)
            looked_at(mutated(chance, chance.choice(ANSWERS)))
            taken_apart(body)
            taken_apart(mutated(chance, ARTICLE))
        except BaseException:
            print(f"seed {seed}: {body!r}", file=sys.stderr)
            raise
        longest = max(longest, time.process_time() - began)
        counts[kind] = counts.get(kind, 0) + 1
    print(f"{sum(counts.values()):,} documents, none uncaught; longest {longest:.2f} s of CPU")
    for kind, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        print(f"{count:>10,}  {kind}")


if __name__ == "__main__":
    main()
