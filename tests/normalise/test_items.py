"""Entries as items: text, links, dates, languages, and an identity that lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.model import Document, Entry, Feed, Item
from monitor.normalise import normalise
from monitor.normalise.links import absolute, link_key
from monitor.normalise.markup import to_text

FEED = Feed(id="feed", url="https://outlet.example/rss.xml", name="Outlet")


def items(
    *entries: Entry, feed: Feed = FEED, now: datetime | None = None, **more: str
) -> tuple[Item, ...]:
    now = now or datetime(2026, 11, 25, 6, tzinfo=UTC)
    return normalise(Document(entries=entries, **more), feed, now=now)


def entry(number: int = 1, **more: str) -> Entry:
    fields = {
        "guid": f"urn:{number}",
        "link": f"https://outlet.example/news/{number}",
        "title": f"Title {number}",
        "summary": f"Text {number}",
    }
    return Entry(**(fields | more))


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("AT&T results", "AT&T results"),
        ("AT&amp;T results", "AT&T results"),
        ("AT&amp;amp;T results", "AT&T results"),
        ("a &lt; b &amp;&amp; c", "a < b && c"),
        ("a < b and c > d", "a < b and c > d"),
        ("<p>One</p><p>Two</p>", "One Two"),
        ("One<br>Two<br/>Three", "One Two Three"),
        ("<li>One<li>Two", "One Two"),
        ("bo<b>l</b>d", "bold"),
        ("<script>alert(1)</script>News", "News"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;News", "News"),
        ("<style>p{}</style><p>News</p>", "News"),
        ("<!-- hidden -->News<!-- -->", "News"),
        ("<img src=x onerror=alert(1)>News", "News"),
        ("<iframe src=x>inside</iframe>News", "News"),
        ("<svg><script>x</script></svg>News", "News"),
        ("<math><mtext><style>x</style></mtext></math>News", "News"),
        ("<title>News</title>", "News"),
        ("News</div></body>", "News"),
        ("&nbsp;\u00a0 News \n\t of  today ", "News of today"),
        ("a\x00b\x07c\x85d\u2028e", "a b c d e"),
        ("\ud800News\udfff", "News"),
        ("\u202eswen\u202c \u2066x\u2069\ufeff", "swen x"),
        ("می\u200cروم", "می\u200cروم"),
        ("&#1048;&#x440;&#1072;&#1085;", "Иран"),
        ("&#0;&#xD800;&#99999999;News", "\ufffd\ufffd\ufffdNews"),
        ("&unknown; News", "&unknown; News"),
        ("", ""),
        ("<p></p>", ""),
    ],
)
def test_text_of(html: str, text: str) -> None:
    assert to_text(html, most=1_000) == text


def test_text_is_cut_to_64_kb_of_whole_characters() -> None:
    (item,) = items(entry(summary="ж" * 100_000))
    assert len(item.summary.encode()) == 65_536
    assert set(item.summary) == {"ж"}
    (item,) = items(entry(title="ж" * 10_000))
    assert len(item.title) == 1_000


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    (item,) = items(entry(title="", summary="Word " * 100))
    assert item.title.startswith("Word Word")
    assert item.title.endswith("…")
    assert len(item.title) < 130


def test_entries_that_say_nothing_are_no_items() -> None:
    assert not items(entry(title="<img src=x>", summary=" \u200e "))


# ── Links ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("https://o.example/a", "https://o.example/a"),
        ("/a", "https://outlet.example/a"),
        ("a?x=1", "https://outlet.example/dir/a?x=1"),
        ("//o.example/a", "https://o.example/a"),
        (" https://o.example/a\n  b ", "https://o.example/ab"),
        ("https://o.example/a b", "https://o.example/a%20b"),
        ('https://o.example/"><script>', "https://o.example/%22%3E%3Cscript%3E"),
        ("https://o.example/иран", "https://o.example/иран"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("mailto:a@o.example", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
        ("https://[::1", ""),
        ("http://o.example:port/", ""),
        ("https://o.example/" + "a" * 3_000, ""),
        ("", ""),
    ],
)
def test_a_link_is_absolute_and_of_the_web_or_none(link: str, found: str) -> None:
    assert absolute(link, base="https://outlet.example/dir/rss.xml") == found


SAME = (
    "https://www.outlet.example/news/1",
    "http://outlet.example/news/1",
    "https://outlet.example/news/1/",
    "https://outlet.example:443/news/1",
    "https://OUTLET.example/news/1",
    "https://outlet.example//news/1",
    "https://outlet.example/x/../news/1",
    "https://outlet.example/news/1#comments",
    "https://outlet.example/news/1?utm_source=rss&utm_medium=feed",
    "https://outlet.example/news/1?fbclid=abc",
    "https://outlet.example/news/1;jsessionid=0123",
    "https://outlet.example/news/1?PHPSESSID=0123",
    "https://m.outlet.example/news/1",
    "https://outlet.example/news/1/index.html",
    "https://outlet.example/n%65ws/1",
)
DIFFERENT = (
    "https://outlet.example/news/2",
    "https://outlet.example/News/1",
    "https://outlet.example/news/1?id=2",
    "https://outlet.example/news/1?source=tass",
    "https://outlet.example/#!/news/1",
    "https://outlet.example:8080/news/1",
    "https://other.example/news/1",
)


@pytest.mark.parametrize("link", SAME)
def test_the_same_page_has_the_same_key(link: str) -> None:
    assert link_key(link) == "outlet.example/news/1"


@pytest.mark.parametrize("link", DIFFERENT)
def test_another_page_has_another_key(link: str) -> None:
    assert link_key(link) not in ("", "outlet.example/news/1")


def test_the_order_of_parameters_tells_no_pages_apart() -> None:
    assert link_key("https://o.example/a?b=2&a=1") == link_key("https://o.example/a?a=1&b=2")


@pytest.mark.parametrize(
    "link",
    ["https://o.example", "https://o.example/", "http://www.o.example/#top", "", "http://[::1"],
)
def test_a_home_page_identifies_nothing(link: str) -> None:
    assert link_key(link) == ""


def test_a_link_that_different_entries_share_identifies_none_of_them() -> None:
    live = "https://outlet.example/live"
    one, two = items(entry(1, guid="", link=live), entry(2, guid="", link=live))
    assert one.link_key == two.link_key == ""
    assert one.identity != two.identity
    assert one.link == two.link == live


def test_posts_of_a_live_page_are_told_apart_by_their_fragments() -> None:
    live = "https://outlet.example/live#post-"
    one, two = items(entry(1, link=f"{live}1"), entry(2, link=f"{live}2"))
    assert one.link_key != two.link_key
    assert one.link_key and two.link_key


def test_the_home_page_of_the_feed_identifies_nothing() -> None:
    home = "https://outlet.example/en"
    (item,) = items(entry(link=home), link=home)
    assert item.link_key == ""


# ── Identity ─────────────────────────────────────────────────────────────────────────────────────


def _ids(found: Sequence[Item]) -> list[tuple[str, str]]:
    return [(each.id, each.link_key) for each in found]


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({}, "guid:urn:1"),
        ({"guid": ""}, "link:outlet.example/news/1"),
        ({"guid": "", "link": ""}, "hash:"),
        ({"guid": " urn:1\n "}, "guid:urn:1"),
        ({"guid": "x" * 1_000}, "guid:"),
        ({"guid": "", "link": "https://outlet.example/" + "a" * 1_000}, "link:"),
    ],
)
def test_guid_else_link_else_content(given: dict[str, str], start: str) -> None:
    (item,) = items(entry(**given))
    assert item.identity.startswith(start)
    assert len(item.identity) <= 405


def test_an_edit_keeps_the_identity_and_changes_the_hash() -> None:
    (before,), (after,) = items(entry()), items(entry(title="Another title"))
    assert (before.id, before.identity) == (after.id, after.identity)
    assert before.content_hash != after.content_hash


@pytest.mark.parametrize(
    "changed",
    [
        {"title": "Title  1 "},
        {"title": "<b>Title</b> 1"},
        {"title": "TITLE 1"},
        {"summary": "<p>Text 1</p>"},
        {"summary": "Text 1…"},
        {"link": "https://outlet.example/news/1?utm_source=x"},
    ],
)
def test_what_a_reader_does_not_see_is_no_edit(changed: dict[str, str]) -> None:
    (before,), (after,) = items(entry()), items(entry(**changed))
    assert before.content_hash == after.content_hash


@pytest.mark.parametrize("number", range(5))
def test_a_feed_that_makes_up_guids_at_every_poll_makes_no_new_items(number: int) -> None:
    """With a link the store knows it by that, without one by its id."""
    (known,) = items(entry(guid="urn:first"))
    (again,) = items(entry(guid=f"urn:random-{number}"))
    assert again.link_key == known.link_key
    (known,) = items(entry(guid="urn:first", link=""))
    (again,) = items(entry(guid=f"urn:random-{number}", link=""))
    assert (again.id, again.content_hash) == (known.id, known.content_hash)


def test_an_entry_that_stands_twice_is_one_item() -> None:
    assert len(items(entry(), entry(), entry(2))) == 2


def test_a_guid_that_several_links_share_keeps_them_all() -> None:
    """The store then tells them apart by their links."""
    found = items(*(entry(number, guid="https://outlet.example/") for number in (1, 2, 3)))
    assert len({each.link_key for each in found}) == 3


def test_the_rules_of_identity_do_not_change_unnoticed() -> None:
    """Ids that installations hold. A change here makes their old items new: raise ID_RULE, migrate."""
    assert (
        _ids(
            items(
                entry(1),
                entry(2, guid=""),
                entry(3, guid="", link=""),
                entry(4, link=""),
                entry(5, guid="", link="https://www.outlet.example/5/?utm_source=x&b=2&a=1#c"),
            )
        )
        == PINNED
    )


PINNED = [
    ("ae8ad2b7c280babe77af", "outlet.example/news/1"),
    ("f6f4c11701fd1b7499f7", "outlet.example/news/2"),
    ("bfacf52324d2a602f7c7", ""),
    ("e478761b787842c403b5", ""),
    ("7b39f93f78dfdaf9d13c", "outlet.example/5?a=1&b=2"),
]

# ── Dates ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("published", "at"),
    [
        ("Wed, 25 Nov 2026 05:00:00 +0300", "2026-11-25T02:00"),
        ("2026-11-25T05:00:00Z", "2026-11-25T05:00"),
        ("2026-11-25T05:00:00", "2026-11-25T05:00"),
        ("2026-11-24", "2026-11-24T00:00"),
        ("", None),
        ("yesterday", None),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-45T00:00:00Z", None),
        ("2026-11-26T05:00:00Z", "2026-11-25T06:00"),
        ("2126-11-26T05:00:00Z", "2026-11-25T06:00"),
        ("Wed, 25 Nov 2026 23:00:00 +1400", "2026-11-25T06:00"),
    ],
)
def test_a_date_is_in_utc_and_never_in_the_future(published: str, at: str | None) -> None:
    (item,) = items(entry(published=published))
    assert item.published_at == (datetime.fromisoformat(f"{at}+00:00") if at else None)
    assert item.first_seen_at is None, "the store says when it was first seen"


# ── Languages ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("title", "of_entry", "of_feed", "of_document", "lang"),
    [
        ("Iran sends drones", "", "en", "", "en"),
        ("Иран передал дроны", "", "ru", "en-us", "ru"),
        ("Иран передал дроны", "uk", "ru", "", "uk"),
        ("Iran sends drones to the east", "", "ru", "", "en"),
        ("Иран передал дроны", "", "en", "", "ru"),
        ("ایران پهپاد فرستاد", "", None, "", "fa"),
        ("إيران ترسل طائرات", "", None, "", "ar"),
        ("איראן שלחה", "iw", None, "", "he"),
        ("Iran sends drones", "", None, "", "en"),
        ("2022", "", None, "fa-IR", "fa"),
        ("Iran", "en_GB", None, "", "en"),
        ("L'Iran envoie des drones dans une région", "", "fr", "", "fr"),
        ("Iran sends drones", "not a code!", "en", "", "en"),
    ],
)
def test_the_language(
    title: str, of_entry: str, of_feed: str | None, of_document: str, lang: str
) -> None:
    feed = replace(FEED, lang=of_feed)
    (item,) = items(entry(title=title, summary="", lang=of_entry), feed=feed, lang=of_document)
    assert item.lang == lang


# ── Always ───────────────────────────────────────────────────────────────────────────────────────


def test_normalising_is_pure() -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    entries = [entry(number) for number in range(9)]
    first = items(*entries, now=now)
    assert first == items(*entries, now=now)
    later = items(*entries, now=now + timedelta(days=9))
    assert _ids(first) == _ids(later)
