"""The pages as somebody sees them who has no script, and what they promise to browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

PASSWORD = "correct horse battery"

PAGES = (
    "/",
    "/?months=24",
    "/matrix",
    "/matrix?sort=diagnostic",
    "/inbox",
    "/inbox?status=all&sort=newest",
    "/events",
    "/events/1",
    "/second",
    "/search",
    "/search?q=Iran",
    "/evidence",
    "/feeds",
    "/feeds?state=failing",
    "/feeds/wire",
    "/method",
    "/indicators/deals/drones",
    "/try",
    "/exports",
    "/account",
    "/login",
    "/no-such-page",
)


def test_every_page_of_an_installation_in_use(place: Any) -> None:
    place.fill()
    place.poll("blog", "failed", health="failing", failures=4, cause="HTTP 403 Forbidden.")
    client = place.client()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code == (404 if "no-such" in path else 200), path
        tree = Html(answer.text)
        assert len(tree.css("h1")) == 1, path
        assert "As of 25 Nov 2026" in tree.css_first("footer").text(), path
        _nothing_inline(tree)


def test_every_page_of_an_empty_installation(place: Any) -> None:
    client = place.client()
    for path in PAGES:
        answer = client.get(path)
        assert answer.status_code in (200, 404), path
        _nothing_inline(Html(answer.text))


def _nothing_inline(tree: Html) -> None:
    """What a strict CSP would stop is not there at all."""
    assert not tree.css("[style], style, script:not([src]), iframe, object, embed, base")
    for node in tree.css("*"):
        assert not [name for name in node.attributes if name.startswith("on")], node.html[:200]
    for node in tree.css("script[src], link[href], img[src], form[action]"):
        address = node.attributes.get("src") or node.attributes.get("href") or ""
        address = address or node.attributes.get("action") or ""
        assert address.startswith("/"), address


@pytest.mark.parametrize("path", ["/", "/inbox", "/healthz", "/static/monitor.js", "/no-such-page"])
def test_a_watchdog_may_ask_for_the_headers_alone(place: Any, path: str) -> None:
    client = place.client()
    head, whole = client.request("HEAD", path), client.get(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-security-policy"] == whole.headers["content-security-policy"]


def test_every_answer_has_the_security_headers(place: Any) -> None:
    for path in ("/", "/no-such-page", "/static/monitor.js", "/healthz", "/api/hits"):
        headers = place.client().get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers


def test_static_files_are_kept_for_a_year_under_an_address_that_changes_with_them(
    place: Any,
) -> None:
    client = place.client()
    tree = Html(client.get("/").text)
    address = tree.css_first("link[rel=stylesheet]").attributes["href"]
    assert address is not None
    assert "immutable" in client.get(address).headers["cache-control"]
    assert client.get("/static/style.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/base.html").status_code == 404


def test_board_shows_levels_counts_and_what_changed(place: Any) -> None:
    place.fill()
    place.poll("wire")
    tree = Html(place.client().get("/").text)
    row = next(r for r in tree.css("tr.ind") if "Drones for Russia" in r.text())
    assert row.css(".cell")[-1].text(strip=True) == "6"
    link = row.css(".cell a")[-1].attributes["href"]
    assert link == "/events?watch=deals&indicator=drones&month=2026-11"
    assert "6 new" in row.css_first(".new").text()
    assert "6 events" in tree.css_first(".changes").text()
    assert "not probabilities" in tree.text()


def test_what_needs_a_second_look_is_not_counted_as_new(place: Any) -> None:
    first, *_ = place.fill(3)
    client = place.client()
    client.send("/reviews", pair=f"{first}:deals:drones:new", status="second-look")
    tree = Html(client.get("/").text)
    assert "2 new" in tree.css_first(".new").text()
    lines = {
        line.css_first(".kind").text(): line.css_first("a") for line in tree.css(".changes li")
    }
    for kind, words, count in (("To review", "2 events", 2), ("Look again", "1 event", 1)):
        assert lines[kind].text() == words
        listed = Html(client.get(lines[kind].attributes["href"]).text)
        assert len(listed.css("#rows .row")) == count


def test_a_row_names_the_words_that_matched(place: Any) -> None:
    place.fill(1)
    row = Html(place.client().get("/inbox").text).css_first("#rows .row")
    words = row.css_first(".why").text()
    assert "Iran + drones + Russia" in words and "@" not in words


MARKED = {
    "a word": ("drones", "Iran gives drones", ["drones"]),
    "beside a hyphen": ("Russia", "The Iran-Russia line", ["Russia"]),
    "before an apostrophe": ("Iran", "Iran’s drones", ["Iran"]),
    "before a comma, without it": ("Iran", "Iran, again", ["Iran"]),
    "two words with a hyphen": ("Iran-Russia", "Russia and Iran", ["Russia", "Iran"]),
    "a part of a word is none": ("Iran", "Iranian drones", []),
}


@pytest.mark.parametrize(("asked", "title", "marks"), MARKED.values(), ids=MARKED)
def test_search_marks_words(asked: str, title: str, marks: list[str]) -> None:
    from monitor.web.evidence import marked, words_of

    pieces = marked(title, words_of(asked))
    assert [each.text for each in pieces if each.marked] == marks
    assert "".join(each.text for each in pieces) == title


def test_a_cell_leads_to_its_events(place: Any) -> None:
    place.fill()
    client = place.client()
    tree = Html(client.get("/events?watch=deals&indicator=drones&month=2026-11").text)
    assert len(tree.css("#rows .row")) == 6
    tree = Html(client.get("/events?watch=deals&indicator=drones&month=2026-10").text)
    assert not tree.css("#rows .row")


def test_no_coverage_looks_different_from_zero(place: Any) -> None:
    place.fill()
    end = place.app.at
    for days in range(25):
        place.app.at = end - timedelta(days=days)
        for feed in ("wire", "vesti", "khabar", "blog"):
            place.poll(feed)
    place.app.at = end
    row = Html(place.client().get("/").text).css("tr.ind")[1]  # visits: polled, nothing found
    assert "no-coverage" in (row.css(".cell")[0].attributes["class"] or "")
    assert row.css(".cell")[0].text(strip=True).endswith("–")
    assert row.css(".cell")[-1].text(strip=True) == "0"


def test_the_board_says_since_when_its_changes_are(place: Any) -> None:
    place.fill()
    client = place.client()
    assert "How things stand" in client.get("/").text
    place.app.at += timedelta(minutes=5)
    assert "How things stand" in client.get("/").text  # still the same visit
    place.app.at += timedelta(days=2)
    assert "25 Nov 2026 06:05 UTC, 2 d ago" in client.get("/").text


def test_broken_cookies_are_no_trouble(place: Any) -> None:
    client = place.client()
    for value in ("~", "x~y", "9999-99-99~", "2026-11-01T00:00:00Z~3000-01-01T00:00:00Z", "%00"):
        client.cookies.set("monitor_visit", value)
        client.cookies.set("monitor_flash", value)
        client.cookies.set("monitor_session", value)
        assert client.get("/inbox").status_code == 200
        assert client.get("/").status_code == 200


ADDRESSES = {
    "an unknown status": "/inbox?status=nonsense",
    "an unknown facet value": "/inbox?origins=17&grade=Z&lang=xx&stage=maybe&feed=none",
    "a date that is none": "/inbox?since=yesterday&until=2026-99-99&month=2026-13",
    "days ago": "/inbox?since=7d",
    "an unknown order": "/inbox?sort=by-magic",
    "a pair that is none": "/inbox?open=abc",
    "a pair of another event": "/inbox?open=999:deals:drones:new",
    "a pair of no indicator": "/inbox?open=1:deals:nothing:new",
    "a long number": f"/inbox?open={'9' * 40}:deals:drones:new",
    "months beyond the table": "/?months=7",
    "a quote among the words": "/inbox?q=%22Iran%22%27--",
    "words in Persian": "/search?q=%D8%A7%DB%8C%D8%B1%D8%A7%D9%86",
    "a null character": "/search?q=a%00b",
}


def test_an_address_typed_by_hand_is_answered(place: Any) -> None:
    place.fill(2)
    client = place.client()
    for name, path in ADDRESSES.items():
        assert client.get(path).status_code == 200, name


REFUSED = {
    "a page key that is none": ("/inbox?after=xyz", 400),
    "months that are no number": ("/?months=many", 422),
    "an event that is not there": ("/events/999", 404),
    "an event of a huge number": (f"/events/{'9' * 30}", 404),
    "a feed that is not there": ("/feeds/none", 404),
    "an indicator that is not there": ("/indicators/deals/none", 404),
    "a watch that is not there": ("/indicators/none/drones", 404),
    "trying a query of no indicator": ("/try?indicator=x:y", 400),
}


def test_what_does_not_exist_is_said_plainly(place: Any) -> None:
    client = place.client()
    for name, (path, status) in REFUSED.items():
        answer = client.get(path)
        assert answer.status_code == status, name
        assert "Traceback" not in answer.text


def test_inbox_pages_go_on_by_key(place: Any) -> None:
    place.fill(3)
    for number in range(60):
        place.take_in(
            item_of(number, "Minister of Iran visits Russia in room"),
            at=place.app.at - timedelta(days=12 * number + 1),
        )
    client = place.client()
    seen: list[str] = []
    path = "/inbox?sort=newest"
    while path:
        tree = Html(client.get(path).text)
        seen += [row.attributes["data-pair"] or "" for row in tree.css("#rows .row")]
        after = tree.css_first(".pages a[rel=next]")
        path = after.attributes["href"] or "" if after else ""
    assert len(seen) == len(set(seen)) == 63


def item_of(number: int, title: str) -> Any:
    from monitor.model import Item

    return Item(
        id=f"n{number}", identity=f"guid:n{number}", feed="wire", title=f"{title} {number}",
        summary="", link=f"https://wire.example/n{number}", link_key=f"wire.example/n{number}",
        content_hash=str(number), lang="en", source="The Wire",
    )  # fmt: skip


def test_facets_narrow_and_the_address_holds_them(place: Any) -> None:
    place.fill(3)
    place.take_in(item_of(1, "Minister of Iran visits Russia"))
    client = place.client()
    tree = Html(client.get("/inbox").text)
    link = next(a for a in tree.css(".facets a") if "Visits" in a.text()).attributes["href"]
    assert link is not None
    tree = Html(client.get(link).text)
    assert [row.css_first(".code-of").text() for row in tree.css("#rows .row")] == ["B1"]
    assert "indicator: B1 Visits" in tree.css_first(".filters").text()
    off = next(a for a in tree.css(".chip a") if "B1" in (a.attributes["aria-label"] or ""))
    assert len(Html(client.get(off.attributes["href"] or "").text).css("#rows .row")) == 4


def test_search_finds_items_in_every_language_and_says_where_they_stand(
    place: Any, news: Callable[..., Any]
) -> None:
    place.take_in(news("a", "Иран передал России беспилотники", feed="vesti"))
    place.take_in(news("b", "کتاب تازه درباره باغ‌ها", feed="khabar"))
    client = place.client()
    tree = Html(client.get("/search?q=беспилотники").text)
    assert tree.css_first(".row mark").text() == "беспилотники"
    assert "Drones for Russia" in tree.css_first(".row .meta").text()
    tree = Html(client.get("/search?q=كتاب").text)  # Arabic kaf finds the Persian one
    assert "no indicator" in tree.css_first(".row .meta").text()


@pytest.fixture
def news() -> Callable[..., Any]:
    from monitor.model import Item

    def make(name: str, title: str, *, feed: str) -> Item:
        return Item(
            id=name, identity=f"guid:{name}", feed=feed, title=title, summary="", link="",
            content_hash=title, lang={"vesti": "ru", "khabar": "fa"}[feed], source=feed,
        )  # fmt: skip

    return make


def test_each_title_has_its_own_language_and_direction(place: Any, news: Any) -> None:
    place.take_in(news("f", "ایران به روسیه پهپاد داد", feed="khabar"))
    row = Html(place.client().get("/inbox").text).css_first("#rows .row h3")
    assert (row.attributes["lang"], row.attributes["dir"]) == ("fa", "auto")


def test_feeds_have_problems_first_with_cause_and_strip(place: Any) -> None:
    place.poll("wire")
    place.poll("blog", "failed", health="failing", failures=5, cause="HTTP 403 Forbidden.")
    tree = Html(place.client().get("/feeds").text)
    first = tree.css_first(".feeds tbody tr")
    assert "A blog" in first.text() and "HTTP 403" in first.text() and "Failing" in first.text()
    label = first.css_first(".strip svg").attributes["aria-label"]
    assert label == "Last 14 days: 25 Nov failed"
    assert "1" in tree.css_first(".main-nav .count.bad").text()


RSS = """<rss version="2.0"><channel><title>The Outlet</title><item><title>News</title>
<link>https://outlet.example/1</link></item></channel></rss>"""


def test_a_feed_is_added_from_the_page_that_names_it(
    make_place: Callable[..., Any], loopback: Any
) -> None:
    place = make_place(allow=["127.0.0.1/32"], users=[("ana", "reviewer"), ("rea", "reader")])
    client = place.client()
    client.login("ana", PASSWORD)
    loopback.give("/feed.xml", RSS, Content_Type="application/rss+xml")
    head = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
    page = loopback.give("/", f"<html><head>{head}</head></html>", Content_Type="text/html")
    answer = client.send("/feeds", url=page, lang="fa")
    (added,) = [s.feed for s in place.store.feeds() if not s.feed.declared_in]
    assert answer.headers["location"] == f"/feeds/{added.id}"
    assert (added.url, added.name, added.lang) == (f"{loopback.url}/feed.xml", "The Outlet", "fa")
    shown = client.get(f"/feeds/{added.id}").text
    assert "Added by <bdi" in shown and "ana" in shown
    client.send("/feeds", url=page)
    assert "there already" in client.get("/feeds").text
    reader = place.client()
    reader.login("rea", PASSWORD)
    assert reader.send("/feeds", url=page).status_code == 403
    assert "Add a feed" not in reader.get("/feeds").text


def test_a_feed_that_cannot_be_is_not_added(place: Any) -> None:
    client = place.client()
    for url in ("ftp://outlet.example/feed", "http://127.0.0.1:9/feed", ""):
        client.send("/feeds", url=url)
        assert "It was not added" in client.get("/feeds").text
    assert len(place.store.feeds()) == 4


def test_a_paused_feed_is_not_polled_until_it_is_resumed(place: Any) -> None:
    client = place.client()
    client.send("/feeds/blog/pause", paused="1")

    def due() -> set[str]:
        found = place.store.claim_due_feeds(now=place.app.at, holder="t", everything=True)
        place.store.release_feeds([each.feed.id for each in found], holder="t")
        return {each.feed.id for each in found}

    assert due() == {"wire", "vesti", "khabar"}
    feeds = [status.feed for status in place.store.feeds()]
    declared = [replace(feed, enabled=True) for feed in feeds]
    place.store.sync_feeds(declared, now=place.app.at)  # a restart: the file knows nothing of it
    assert due() == {"wire", "vesti", "khabar"}
    page = client.get("/feeds/blog").text
    assert "Resume" in page and "Paused by" in page
    client.send("/feeds/blog/pause", paused="0")
    assert due() == {"wire", "vesti", "khabar", "blog"}
    assert client.send("/feeds/none/pause", paused="1").status_code == 404


def test_what_a_file_switches_off_the_page_does_not_switch_on(place: Any) -> None:
    feeds = [replace(s.feed, enabled=s.feed.id != "blog") for s in place.store.feeds()]
    place.store.sync_feeds(feeds, now=place.app.at)
    answer = place.client().send("/feeds/blog/pause", paused="0")
    assert answer.status_code == 422 and "switched off in its file" in answer.text


def test_feeds_can_be_polled_ahead_of_the_schedule(place: Any) -> None:
    place.poll("blog", "failed", health="failing", failures=1)
    client = place.client()
    assert client.send("/feeds/blog/retry").status_code == 303
    assert client.send("/feeds/none/retry").status_code == 404
    due = {each.feed.id: each.state.next_due_at for each in place.store.feeds()}
    assert due["blog"] <= place.app.at


def test_health_answers_with_reasons(place: Any) -> None:
    answer = place.client().get("/healthz")
    assert answer.status_code == 200 and answer.json() == {"ok": True, "reasons": []}
    place.app.rules_problem = "arms.yaml:3: error: bad"
    answer = place.client().get("/healthz")
    assert answer.status_code == 503 and "edited watch" in answer.json()["reasons"][0]
    assert "arms.yaml:3" in place.client().get("/").text


def test_metrics_are_prometheus_text(place: Any) -> None:
    place.poll("wire")
    text = place.client().get("/metrics").text
    assert "monitor_healthy 1.0" in text
    assert 'monitor_feeds{state="ok"} 4.0' in text


def test_a_broken_template_of_a_user_is_told_with_its_place(
    place: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitor import resources

    broken = tmp_path / "own" / "pages"
    broken.mkdir(parents=True)
    (broken / "feeds.html").write_text(
        "{% extends 'pages/base.html' %}\n{% block main %}{{ nono }}{% endblock %}"
    )
    folders = (tmp_path / "own", resources.path("templates"))
    monkeypatch.setattr(type(place.app), "template_folders", property(lambda _: folders))
    answer = place.client().get("/feeds")
    assert answer.status_code == 500
    assert "feeds.html:2" in answer.text and "nono" in answer.text
