"""The report: one file, no request, nothing hostile, small, dated, honest about what it leaves out."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

from monitor import render, resources
from monitor.model import (
    Assessment,
    Event,
    Feed,
    FeedState,
    FeedStatus,
    Hit,
    HypothesisEvidence,
    Item,
    Level,
    LevelChange,
    LevelName,
    Member,
    Month,
    Span,
    StoredHit,
    Watch,
)
from monitor.report import LIMIT, prepare, report
from monitor.watch import load

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


@pytest.fixture(scope="session")
def env() -> Any:
    return prepare(render.environment(resources.path("templates")))


@pytest.fixture(scope="session")
def watch() -> Watch:
    """The shipped one: all indicators, as the report of an installation has them."""
    return load(resources.path("indicators/russia-iran"))


def event(
    watch: Watch, number: int, *, indicator: int = 0, status: str = "new", **more: Any
) -> Event:
    at = more.pop("at", NOW - timedelta(hours=number))
    title = more.pop("title", f"Iran delivered drones to Russia, report {number}")
    item = Item(
        id=f"i{number}", identity=f"guid:i{number}", feed="wire", title=title,
        summary="The depot took the drones, a spokesman said. " * 6,
        link=more.pop("link", f"https://wire.example/{number}"), lang="en", source="The Wire",
        published_at=at, first_seen_at=at,
    )  # fmt: skip
    id = watch.indicators[indicator].id
    hit = Hit(
        watch=watch.id, indicator=id, item=item.id, rules="r", score=0.9, stage="act",
        spans=(Span(field="title", start=0, end=4, term="@iran"),), branch="given", query="@iran",
    )  # fmt: skip
    stored = StoredHit(number=number, hit=hit, item=item, event=number, stored_at=at)
    return Event(
        id=number, title=title, first_seen_at=at, last_seen_at=at,
        members=(Member(item=item, role="origin"),), hits=(stored,),
        reviews={(watch.id, id): status}, lang="en",  # type: ignore[dict-item]
    )  # fmt: skip


def assessment(watch: Watch) -> Assessment:
    levels = tuple(
        Level(
            watch=watch.id, indicator=each.id, level="high" if n == 0 else "none", weighted=1.0,
            events=2, baseline=None, since_at=NOW, changed_from="low" if n == 0 else None,
            months=(Month(month="2026-11", events=2, level="high" if n == 0 else "none"),),
        )
        for n, each in enumerate(watch.indicators)
    )  # fmt: skip
    hypotheses = tuple(
        HypothesisEvidence(hypothesis=each.id, for_=2.0 + n, against=1.0 * n)
        for n, each in enumerate(watch.hypotheses)
    )
    return Assessment(
        watch=watch.id, rules=watch.rules, as_of=NOW, levels=levels, hypotheses=hypotheses
    )


def made(env: Any, watch: Watch, events: list[Event], **more: Any) -> str:
    feed = Feed(id="wire", url="https://wire.example/rss", name="The Wire", reliability="B")
    state = FeedState(health="failing", cause="HTTP 403 Forbidden.", failures=4, polls=9)
    change = LevelChange(
        watch=watch.id, indicator=watch.indicators[0].id, at=NOW - timedelta(days=2),
        before="low", after="high", cause="3 events", rules="r",
    )  # fmt: skip
    given = {
        "events": events,
        "changes": [change],
        "feeds": [FeedStatus(feed=feed, state=state)],
        "coverage": {"wire": {date(2026, 11, 25): (0, 4)}},
        "now": NOW,
    }
    return report(env, [(watch, assessment(watch))], **given | more)


def test_it_asks_for_nothing_and_runs_nothing(env: Any, watch: Watch) -> None:
    text = made(env, watch, [event(watch, 1)])
    tree = Html(text)
    assert not tree.css("script, link, img, iframe, form, button, input, [style], base")
    assert not [n for n in tree.css("*") for name in n.attributes if name.startswith("on")]
    assert "url(http" not in text and "@import" not in text
    policy = tree.css_first("meta[http-equiv=Content-Security-Policy]").attributes["content"] or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy


def test_it_has_board_events_feeds_and_method_each_with_its_time(env: Any, watch: Watch) -> None:
    tree = Html(made(env, watch, [event(watch, 1), event(watch, 2, indicator=3)]))
    heads = {head.attributes.get("id"): head.text() for head in tree.css(".head")}
    assert set(heads) == {"board", "events", "feeds", "method"}
    assert all("25 Nov 2026 06:00 UTC" in text for text in heads.values())
    assert "25 Nov 2026 06:00 UTC" in tree.css_first("header.top").text()
    assert "25 Nov 2026 06:00 UTC" in tree.css_first("footer").text()
    assert len(tree.css("tr.ind")) == len(tree.css(".method-row")) == len(watch.indicators)
    row = tree.css_first(".rows .row")
    assert row.css_first("mark").text() == "Iran"
    assert row.css_first("a").attributes["href"] == "https://wire.example/1"
    assert row.css_first("a").attributes["rel"] == "noreferrer noopener"
    assert "The Wire" in row.text() and "25 Nov 2026 05:00 UTC" in row.text()
    assert "query “given”" in row.text()
    assert "HTTP 403 Forbidden." in tree.css_first("[aria-labelledby=problem-feeds]").text()
    change = tree.css_first(".changes li").text()
    assert "Level up" in change and "3 events" in change


MOVES = {
    "a rise": ("low", "high", "Level up"),
    "a fall": ("high", "low", "Level down"),
    "blind, which is not quiet": ("high", "no-coverage", "Coverage lost"),
    "blind, after nothing": ("none", "no-coverage", "Coverage lost"),
    "seen again": ("no-coverage", "low", "Covered again"),
}


@pytest.mark.parametrize(("before", "after", "said"), MOVES.values(), ids=MOVES)
def test_what_a_change_of_level_is_called(
    env: Any, watch: Watch, before: LevelName, after: LevelName, said: str
) -> None:
    change = LevelChange(
        watch=watch.id, indicator=watch.indicators[0].id, at=NOW - timedelta(days=2),
        before=before, after=after, cause="it is so", rules="r",
    )  # fmt: skip
    line = Html(made(env, watch, [event(watch, 1)], changes=[change])).css_first(".changes li")
    assert said in line.text()


def test_hostile_titles_and_links_are_text(env: Any, watch: Watch) -> None:
    bad = event(watch, 1, title=f"Iran {EVIL}", link="javascript:alert(1)")
    tree = Html(made(env, watch, [bad]))
    assert not tree.css("script, img")
    head = tree.css_first(".rows .row h3")
    assert not head.css("a")
    assert "<script>alert(1)</script>" in head.text() and "\u202e" not in head.text()


def test_dismissed_events_are_not_listed_but_others_are(env: Any, watch: Watch) -> None:
    events = [event(watch, 1, status="dismissed"), event(watch, 2, status="confirmed")]
    tree = Html(made(env, watch, events))
    assert [row.css_first("h3").text()[-1] for row in tree.css(".rows .row")] == ["2"]
    assert "Confirmed" in tree.css_first(".rows .row").text()


def test_a_year_of_hits_stays_below_two_megabytes_and_says_what_is_left_out(
    env: Any, watch: Watch
) -> None:
    events = [
        event(
            watch,
            n,
            indicator=n % len(watch.indicators),
            title=f"Иран передал России беспилотники, сообщение {n} " * 3,
            at=NOW - timedelta(hours=n * 2),
        )
        for n in range(1, 4000)
    ]
    text = made(env, watch, events)
    assert 500_000 < len(text.encode()) <= LIMIT
    tree = Html(text)
    listed = len(tree.css(".rows .row"))
    note = tree.css_first("#events").text()
    assert f"{3999 - listed:,}".replace(",", "\u2009") + " further events" in note


def test_nothing_stored_makes_a_report_all_the_same(env: Any, watch: Watch) -> None:
    tree = Html(report(env, [(watch, None)], events=[], changes=[], feeds=[], coverage={}, now=NOW))
    assert "Nothing has been assessed yet" in tree.text()
    assert "No event of the last twelve months." in tree.text()
    empty = report(env, [], events=[], changes=[], feeds=[], coverage={}, now=NOW)
    assert "<h1>Method</h1>" in empty


def test_two_watches_stand_one_after_the_other(env: Any, watch: Watch) -> None:
    other = replace(watch, id="other", title="Another question")
    text = report(
        env,
        [(watch, assessment(watch)), (other, assessment(other))],
        events=[],
        changes=[],
        feeds=[],
        coverage={},
        now=NOW,
    )
    assert "Another question" in text and len(Html(text).css("table.heat")) == 2


def test_every_printed_sheet_has_its_time_and_its_number(env: Any, watch: Watch) -> None:
    style = Html(made(env, watch, [])).css_first("style").text()
    foot = style[style.rindex("@page") :]
    assert "counter(page)" in foot and "25\\20 Nov\\20 2026" in foot
    hostile = replace(watch, title='"} </style><script>alert(1)</script>')
    text = made(env, hostile, [])
    assert not Html(text).css("script") and len(Html(text).css("style")) == 1


def test_a_users_own_style_is_taken_with_its_own_hash(watch: Watch, tmp_path: Any) -> None:
    own = tmp_path / "pages"
    own.mkdir()
    (own / "style.css").write_text("body { color: {{ red }} }")
    env = prepare(render.environment(tmp_path, resources.path("templates")))
    text = made(env, watch, [])
    assert "body { color: {{ red }} }" in text
