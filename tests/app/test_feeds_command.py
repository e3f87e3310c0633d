"""``feeds``: subscribing, moving, trying, exporting."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.fetch.fetcher import _Chain

NEWS = (("1", "Iran sends drones to Russia", "Two hundred of them."),)


def _moved(loopback: Any, rss: Any) -> str:
    loopback.give("/new.xml", rss(*NEWS))
    return str(loopback.give("/old.xml", "", status=301, Location=loopback.url + "/new.xml"))


def test_a_feed_is_found_on_the_page_that_names_it(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    loopback.give("/feed.xml", rss(*NEWS, title="The Outlet"))
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head></html>'
    url = loopback.give("/", page, Content_Type="text/html")
    assert installation.run("feeds", "add", url, now=now).code == 0
    (feed,) = installation.run("feeds", "list", "--json", now=now).json
    assert feed["url"] == loopback.url + "/feed.xml"
    assert feed["name"] == "The Outlet"
    again = installation.run("feeds", "add", url, now=now)
    assert again.code != 0
    assert "there already" in again.err


def test_subscribing_to_a_page_asks_each_address_once(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    """Also to one that does not begin as a page does; and the first poll is not at once."""
    loopback.give("/the-feed.xml", rss(*NEWS))
    page = "<div>Ours</div><html><head><link rel=feed href=/the-feed.xml></head></html>"
    url = loopback.give("/home", page, Content_Type="text/html")
    assert installation.run("feeds", "add", url, now=now).code == 0
    installation.run("poll", now=now + timedelta(seconds=13))
    assert [path for _, path, _ in loopback.requests] == ["/home", "/the-feed.xml"]
    installation.run("poll", now=now + timedelta(seconds=61))
    assert [path for _, path, _ in loopback.requests] == ["/home", "/the-feed.xml", "/the-feed.xml"]


def test_a_page_without_a_feed_is_refused(installation: Any, loopback: Any, now: datetime) -> None:
    url = loopback.give("/", "<html><body>Hello</body></html>", Content_Type="text/html")
    done = installation.run("feeds", "add", url, now=now)
    assert done.code != 0
    assert installation.run("feeds", "list", "--json", now=now).json == []


def test_what_is_exported_can_be_imported(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    for path in ("/a.xml", "/b.xml"):
        installation.run("feeds", "add", loopback.give(path, rss(*NEWS, title=path)), now=now)
    installation.run("feeds", "export", "all.opml", now=now)
    before = installation.run("feeds", "list", "--json", now=now).json
    for feed in before:
        installation.run("feeds", "remove", feed["id"], now=now)
    assert installation.run("feeds", "list", "--json", now=now).json == []
    done = installation.run("feeds", "import", "all.opml", now=now)
    assert "2 feeds added" in done.err
    after = installation.run("feeds", "list", "--json", now=now).json
    assert {feed["url"] for feed in after} == {feed["url"] for feed in before}


def test_an_import_takes_language_and_what_is_put_aside(installation: Any, now: datetime) -> None:
    rows = "<outline text='A' xmlUrl='https://a.example/' language='fa-IR'/>"
    rows += "<outline text='B' xmlUrl='https://b.example/' isComment='true'/>"
    (installation.folder / "other.opml").write_text(f"<opml><body>{rows}</body></opml>")
    assert installation.run("feeds", "import", "other.opml", now=now).code == 0
    found = installation.run("feeds", "list", "--json", now=now).json
    shown = {each["name"]: (each["lang"], each["enabled"]) for each in found}
    assert shown == {"A": ("fa", True), "B": (None, False)}


def test_checking_feeds_tells_each_and_stores_nothing(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS)), loopback.url + "/missing.xml"]
    installation.write()
    done = installation.run("feeds", "check", "--json", now=now)
    assert done.code == 3
    assert [(row["id"], row["ok"], row["items"]) for row in done.json] == [
        ("feed0", True, 1),
        ("feed1", False, 0),
    ]
    assert installation.run("hits", "--json", now=now).json == []


def test_a_feed_of_which_nothing_is_left_is_not_ok(
    installation: Any, loopback: Any, now: datetime
) -> None:
    nothing = "<rss version='2.0'><channel><title>T</title>{}</channel></rss>"
    installation.feeds = [
        loopback.give("/dropped.xml", nothing.format("<item></item><item><title> </title></item>")),
        loopback.give("/empty.xml", nothing.format("")),
    ]
    installation.write()
    done = installation.run("feeds", "check", "--json", now=now)
    assert [(row["ok"], row["words"]) for row in done.json] == [
        (False, "2 entries were left out: entries without title, text and link"),
        (True, "the feed has no items yet"),
    ]


def test_a_bug_met_at_one_feed_does_not_end_the_check(
    installation: Any, loopback: Any, rss: Any, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.feeds = [loopback.give("/a.xml", rss(*NEWS)), loopback.give("/b.xml", "")]
    installation.write()
    monkeypatch.setattr(_Chain, "_fetched", _fails_for("/b.xml", _Chain._fetched))
    done = installation.run("feeds", "check", "--json", now=now)
    assert [(row["ok"], row["items"]) for row in done.json] == [(True, 1), (False, 0)]
    assert "unexpected OverflowError" in done.json[1]["words"]


def _fails_for(path: str, whole: Any) -> Any:
    def part(self: Any, url: Any, *more: Any) -> Any:
        if url.path == path:
            raise OverflowError
        return whole(self, url, *more)

    return part


def test_a_new_address_is_taken_over_once_it_has_held(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    """A captive portal redirects for an hour; a feed that moved does so for days."""
    old = _moved(loopback, rss)
    installation.run("feeds", "add", old, now=now)
    for day in range(5):
        installation.run("poll", "--all", now=now + timedelta(days=day))
        (feed,) = installation.run("feeds", "list", "--json", now=now).json
        if day == 0:
            assert feed["url"] == old
    assert feed["url"] == loopback.url + "/new.xml"
    loopback.requests.clear()
    again = installation.run("poll", "--all", "--json", now=now + timedelta(days=6)).json
    assert [path for _, path, _ in loopback.requests] == ["/new.xml"]
    assert again["items"]["new"] == 0


def test_a_declared_feed_that_moved_is_asked_there_and_stays_in_its_file(
    installation: Any, loopback: Any, rss: Any, now: datetime
) -> None:
    installation.feeds = [_moved(loopback, rss)]
    installation.write()
    for day in range(5):
        done = installation.run("poll", "--all", now=now + timedelta(days=day))
    assert "monitor.toml" in done.err
    assert "/new.xml" in done.err
    loopback.requests.clear()
    for day in (5, 6):
        again = installation.run("poll", "--all", "--json", now=now + timedelta(days=day)).json
    assert [path for _, path, _ in loopback.requests] == ["/new.xml"] * 2
    assert again["items"]["new"] == 0
    (feed,) = installation.run("feeds", "list", "--json", now=now).json
    assert feed["url"] == loopback.url + "/old.xml"
    assert feed["asked_at"] == loopback.url + "/new.xml"
    doctor = installation.run("doctor", now=now + timedelta(days=6))
    assert "moved, change it in its file" in doctor.err

    installation.feeds = [loopback.give("/third.xml", rss(*NEWS))]
    installation.write()
    loopback.requests.clear()
    installation.run("poll", "--all", now=now + timedelta(days=7))
    assert [path for _, path, _ in loopback.requests] == ["/third.xml"]
