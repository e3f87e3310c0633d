"""The fast way of reading a document gives the items that feedparser gives, or leaves it to it."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.demo.feeds import SampleServer, sample_feeds
from monitor.model import Document, Feed
from monitor.normalise import normalise
from monitor.parse import document as parsing
from monitor.parse.encoding import decode
from monitor.parse.fast import read_fast
from monitor.parse.mending import mend
from tests.ingest.hostile import atom, item, rss

NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
FEED = Feed(id="feed", url="https://outlet.example/rss")
suite = settings(max_examples=60, deadline=None, derandomize=True, database=None)

# ── Random documents, of what feeds are made of ──────────────────────────────────────────────────

_WORDS = (
    "Iran", "AT&T", "a < b", "Иран", "ایران", "“quoted”", "<b>bold</b>", "&amp;", "&nbsp;", "&#8217;",
    "x\u00a0y", "Ã©", "é", "<p>", "</p>", "<script>x</script>", "&unknown;", "", " ", "\n", "caf\u00e9",
    "]]", "<br/>", "&lt;i&gt;", "\u0092", "1 > 0", "🙂", "<img src='/a.png'>", "a_b", "&copy;", "--",
)  # fmt: skip
_text = st.lists(st.sampled_from(_WORDS), max_size=6).map(" ".join)
_link = st.sampled_from(
    [
        "https://outlet.example/1",
        "https://outlet.example/2?a=1&b=2",
        "/relative/3",
        " https://outlet.example/4 ",
        "https://outlet.example/\u0438",
        "javascript:alert(1)",
        "urn:uuid:5",
        "",
    ]
)
_date = st.sampled_from(
    [
        "Wed, 25 Nov 2026 05:00:00 GMT",
        "Wed, 25 Nov 2026 05:00:00 +0330",
        "Wed, 25 Nov 2026 05:00:00 CET",
        "2026-11-25T05:00:00Z",
        "2026-11-25T05:00:00+03:00",
        "2026-11-25",
        "25 ноября 2026, 14:30",
        "Nov 2026",
        "2026-W48-3",
        "yesterday",
        "",
    ]
)


def _written(text: str, cdata: bool) -> str:
    if cdata and "]]>" not in text:
        return f"<![CDATA[{text}]]>"
    return escape(text)


@st.composite
def _element(draw: st.DrawFn, names: tuple[str, ...], values: st.SearchStrategy[str]) -> str:
    name = draw(st.sampled_from(names))
    attributes = draw(
        st.sampled_from(
            ["", "", "", ' isPermaLink="false"', ' isPermaLink="true"', ' xml:lang="fa"']
        )
    )
    return f"<{name}{attributes}>{_written(draw(values), draw(st.booleans()))}</{name}>"


_rss_part = st.one_of(
    _element(("title", "title", "dc:title", "media:title"), _text),
    _element(("link", "guid", "guid", "comments"), _link),
    _element(("description", "description", "content:encoded", "dc:description"), _text),
    _element(("media:description", "category", "author", "dc:creator", "itunes:summary"), _text),
    _element(("pubDate", "pubDate", "dc:date", "dcterms:modified"), _date),
    _element(("dc:language",), st.sampled_from(["en", "fa-IR", ""])),
    st.sampled_from(
        [
            '<enclosure url="https://outlet.example/a.mp3" type="audio/mpeg" length="1"/>',
            '<media:content url="https://outlet.example/a.jpg" medium="image"/>',
            "<media:content><media:title>Picture</media:title></media:content>",
            "<media:group><media:description>Group</media:description></media:group>",
            '<atom:link rel="self" href="https://outlet.example/self"/>',
            '<atom:link href="https://outlet.example/alternate"/>',
            '<source url="https://other.example/rss">Other</source>',
            "<unknown><title>inner</title></unknown>",
            "<title>one <b>two</b></title>",
            "<!-- comment -->",
        ]
    ),
)
_rss_item = st.lists(_rss_part, max_size=9).map(lambda parts: f"<item>{''.join(parts)}</item>")
_rss = st.tuples(
    st.lists(_rss_item, min_size=1, max_size=4).map("".join),
    st.sampled_from(["", "<language>ru</language>", "<language>fa-IR</language>"]),
    st.sampled_from(["2.0", "0.91", "0.92"]),
    _text,
).map(
    lambda made: (
        f'<rss version="{made[2]}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:atom="http://www.w3.org/2005/Atom"><channel>'
        f"<title>{escape(made[3])}</title><link>https://outlet.example/</link>{made[1]}{made[0]}"
        "</channel></rss>"
    )
)


@st.composite
def _construct(draw: st.DrawFn, name: str) -> str:
    kind = draw(st.sampled_from(["", ' type="text"', ' type="html"', ' type="text/html"']))
    if draw(st.integers(0, 9)) == 0:
        inner = '<div xmlns="http://www.w3.org/1999/xhtml">a <b>b</b></div>'
        return f'<{name} type="xhtml">{inner}</{name}>'
    return f"<{name}{kind}>{_written(draw(_text), draw(st.booleans()))}</{name}>"


_atom_part = st.one_of(
    _construct("title"),
    _construct("summary"),
    _construct("content"),
    _element(("id",), _link),
    _element(("published", "updated", "updated"), _date),
    _link.map(lambda link: f'<link href="{escape(link)}"/>'),
    st.sampled_from(
        [
            '<link rel="alternate" type="text/html" href="https://outlet.example/a"/>',
            '<link rel="self" href="https://outlet.example/self"/>',
            '<link rel="enclosure" href="https://outlet.example/a.mp3"/>',
            '<link rel="alternate" type="application/pdf" href="https://outlet.example/a.pdf"/>',
            "<author><name>A. Writer</name></author>",
            '<category term="news"/>',
            "<rights>All</rights>",
            "<source><title>Other</title><id>urn:other</id></source>",
        ]
    ),
)
_atom = st.lists(
    st.lists(_atom_part, max_size=8).map(lambda parts: f"<entry>{''.join(parts)}</entry>"),
    min_size=1,
    max_size=4,
).map(
    lambda entries: (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Outlet</title>'
        f'<link href="https://outlet.example/"/>{"".join(entries)}</feed>'
    )
)

# ── The comparison ───────────────────────────────────────────────────────────────────────────────


def both(text: str) -> tuple[Document | None, Document]:
    mended, _ = mend(text)
    return read_fast(mended), parsing._with_feedparser(mended)


def assert_the_same(text: str) -> bool:
    """True if the document was read the fast way."""
    fast, slow = both(text)
    if fast is None:
        return False
    usable = [list(parsing._usable(each.entries)) for each in (fast, slow)]
    assert len(usable[0]) == len(usable[1])
    assert normalise(fast, FEED, now=NOW) == normalise(slow, FEED, now=NOW)
    return True


@suite
@given(_rss)
def test_rss(text: str) -> None:
    assert_the_same(text)


@suite
@given(_atom)
def test_atom(text: str) -> None:
    assert_the_same(text)


DOCUMENTS = {
    "rss": rss().decode(),
    "rss of one item": rss(item(1)).decode(),
    "bare ampersand": rss("<item><title>AT&T results</title><guid>1</guid></item>").decode(),
    "undeclared entity": rss("<item><title>a&nbsp;b</title><guid>1</guid></item>").decode(),
    "escaped markup": rss(
        "<item><title>a &lt;b&gt;c&lt;/b&gt;</title><guid>1</guid></item>"
    ).decode(),
    "no guid": rss("<item><title>a</title><link>https://o.example/1</link></item>").decode(),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_common_documents_are_read_the_fast_way(name: str) -> None:
    assert assert_the_same(DOCUMENTS[name])


def test_sample_feeds_are_read_the_fast_way() -> None:
    import urllib.request

    with SampleServer(sample_feeds(), ends_at=NOW) as server:
        for feed in server.feeds.values():
            if feed.format not in ("rss", "atom"):
                continue
            with urllib.request.urlopen(f"{server.url}/{feed.id}") as answer:
                text, _ = decode(answer.read(), answer.headers["content-type"])
            assert assert_the_same(text), feed.id


def test_markup_that_is_not_escaped_is_left_to_feedparser() -> None:
    assert not assert_the_same(atom().decode())
    assert (
        read_fast(
            "<rss version='2.0'><channel><item><title>a<b>c</b></title></item></channel></rss>"
        )
        is None
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "<rss",
        "<rss/>",
        "<rss version='2.0'/>",
        "<html/>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><rss/>",
    ],
)
def test_what_is_no_feed_is_left_to_feedparser(text: str) -> None:
    assert read_fast(text) is None
