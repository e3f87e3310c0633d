"""What report and pages are made of: months, weeks, marks, timelines, strips, words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from monitor.model import Event, Item, Member, Span
from monitor.report.board import month_heads, month_range, weekly
from monitor.report.events import event_view, grouping, words_found
from monitor.report.marks import Piece, pieces, snippet
from monitor.report.method import Record, false_alarm_terms, suggestion
from monitor.report.wording import ago, duration, grade_words, http_link, listed, ordinal, shown

NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def test_months_end_with_the_running_one_and_say_so() -> None:
    heads = month_heads(NOW, 12)
    assert [head.month for head in heads][::11] == ["2025-12", "2026-11"]
    assert [head.note for head in heads] == ["’25", "’26", *[""] * 9, "to 25th"]
    assert sum(head.old for head in heads) == 6


def test_weeks_are_counted_back_from_today() -> None:
    days = {NOW.date(): 2, NOW.date() - timedelta(days=6): 1, NOW.date() - timedelta(days=7): 5}
    assert weekly(days, NOW, 3) == (0, 5, 3)
    assert weekly({NOW.date() + timedelta(days=3): 1, date(2020, 1, 1): 1}, NOW, 2) == (0, 0)


MONTHS = {"2026-11": "2026-12-01", "2026-12": "2027-01-01", "2026-13": "", "": "", "x": ""}


@pytest.mark.parametrize(("month", "end"), MONTHS.items())
def test_a_month_is_a_range(month: str, end: str) -> None:
    found = month_range(month)
    assert (f"{found[1]:%Y-%m-%d}" if found else "") == end


def _span(start: int, end: int, field: str = "title") -> Span:
    return Span(field=field, start=start, end=end, term="t")  # type: ignore[arg-type]


MARKS = {
    "one word": ("Iran acts", [_span(0, 4)], "[Iran] acts"),
    "overlapping ones are one": ("Iran acts", [_span(0, 3), _span(2, 6)], "[Iran a]cts"),
    "touching ones are one": ("Iran", [_span(0, 2), _span(2, 4)], "[Iran]"),
    "one beyond the text is cut": ("Iran", [_span(2, 99)], "Ir[an]"),
    "an empty one is none": ("Iran", [_span(2, 2)], "Iran"),
    "of another field": ("Iran", [_span(0, 4, "summary")], "Iran"),
    "beside Persian letters": ("پهپاد ایران", [_span(6, 11)], "پهپاد [ایران]"),
    "behind an emoji": ("🙂 Iran", [_span(2, 6)], "🙂 [Iran]"),
}


@pytest.mark.parametrize(("text", "spans", "expected"), MARKS.values(), ids=MARKS)
def test_marks(text: str, spans: list[Span], expected: str) -> None:
    assert _drawn(pieces(text, spans, "title")) == expected


def _drawn(found: tuple[Piece, ...]) -> str:
    return "".join(f"[{each.text}]" if each.marked else each.text for each in found)


def test_a_snippet_is_cut_around_the_marks_at_spaces() -> None:
    text = "word " * 100 + "Iran sent drones " + "word " * 100
    at = text.index("Iran")
    found = _drawn(snippet(text, [_span(at, at + 4, "summary")], "summary", width=80))
    assert found.startswith("…word") and "[Iran] sent drones" in found and found.endswith("…")
    assert len(found) < 90


def _event(*roles: str, minutes: int = 20, same: bool = False) -> Event:
    members = tuple(
        Member(
            item=Item(
                id=f"i{n}", identity=f"g{n}", feed="f", title="Same" if same else f"Title {n}",
                summary="", link="", source=f"Outlet {n}",
                first_seen_at=NOW + timedelta(minutes=minutes * n),
            ),
            role=role,  # type: ignore[arg-type]
            similarity=0.88,
        )
        for n, role in enumerate(roles)
    )  # fmt: skip
    return Event(id=1, title="T", first_seen_at=NOW, last_seen_at=NOW, members=members, hits=())


def test_a_timeline_has_entries_dots_and_round_ticks() -> None:
    view = event_view(_event("origin", "copy", "denial"), watches=[], grades={}, now=NOW)
    assert [(e.kind, e.word) for e in view.entries] == [
        ("independent", "First report"), ("copy", "Copy 88%"), ("denial", "Denial"),
    ]  # fmt: skip
    assert view.axis is not None
    assert [tick.label for tick in view.axis.ticks] == ["06:00", "06:15", "06:30", "06:45"]
    assert all(24 <= dot.x <= 756 for dot in view.axis.dots)


def test_the_same_text_again_is_folded() -> None:
    view = event_view(
        _event("origin", "copy", "copy", "copy", same=True), watches=[], grades={}, now=NOW
    )
    assert [each.same for each in view.entries] == [(), ("Outlet 2", "Outlet 3")]
    assert view.items == 4


def test_one_moment_has_no_axis() -> None:
    assert event_view(_event("origin"), watches=[], grades={}, now=NOW).axis is None
    view = event_view(_event("origin", "copy", minutes=0), watches=[], grades={}, now=NOW)
    assert view.axis is None


WORDS = {
    "minutes": (duration(timedelta(minutes=15)), "15 min"),
    "hours and minutes": (duration(timedelta(hours=2, minutes=5)), "2 h 5 min"),
    "days and hours": (duration(timedelta(days=3, hours=4)), "3 d 4 h"),
    "weeks": (duration(timedelta(days=268, hours=3)), "268 d"),
    "less than a minute": (duration(timedelta(seconds=9)), "under 1 min"),
    "ago": (ago(NOW - timedelta(hours=5), NOW), "5 h ago"),
    "long ago": (ago(NOW - timedelta(days=40), NOW), "16 Oct"),
    "another year": (ago(NOW - timedelta(days=400), NOW), "21 Oct 2025"),
    "yet to come": (ago(NOW + timedelta(hours=1), NOW), "07:00"),
    "first": (ordinal(1), "1st"),
    "eleventh": (ordinal(11), "11th"),
    "twenty-third": (ordinal(23), "23rd"),
    "a list": (listed(["a", "b", "c"]), "a, b and c"),
    "a long list": (listed(list("abcdef")), "a, b, c, d and 2 more"),
    "a grade": (grade_words("B2"), "usually reliable, probably true"),
    "no grade": (grade_words(None), "not graded"),
    "marks that turn the text": (shown("a\u202eb\x00c\u200cd"), "abc\u200cd"),
    "a web link": (http_link("https://x.example/a?b=1"), "https://x.example/a?b=1"),
    "a script link": (http_link("javascript:alert(1)"), ""),
    "a link with a quote": (http_link('https://x.example/"x'), ""),
    "a link without a host": (http_link("https:///x"), ""),
}


@pytest.mark.parametrize(("found", "expected"), WORDS.values(), ids=WORDS)
def test_words(found: str, expected: str) -> None:
    assert found == expected


def test_precision_waits_for_five_verdicts() -> None:
    assert Record(confirmed=3, dismissed=1).precision is None
    assert Record(confirmed=4, dismissed=1).precision == 0.8
    assert false_alarm_terms([], []) == ()


def _hit(*terms: str) -> list[Span]:
    return [Span(field="title", start=0, end=1, term=term) for term in terms]


def test_what_every_hit_has_is_no_false_alarm_term() -> None:
    dismissed = [_hit("@iran", "@drone", "museum"), _hit("@iran", "museum"), _hit("@iran", "toy")]
    confirmed = [_hit("@iran", "@drone"), _hit("@iran", "@drone"), _hit("@iran", "@drone")]
    found = false_alarm_terms(dismissed, confirmed)
    assert found == (("museum", 2, 0), ("@iran", 3, 3), ("toy", 1, 0), ("@drone", 1, 3))


SUGGESTIONS = {
    "mostly in false alarms": (20, ("museum", 3, 1), "museum"),
    "seen too seldom": (20, ("museum", 2, 0), ""),
    "in many confirmed ones": (20, ("@iran", 9, 3), ""),
    "in as many": (40, ("@drone", 3, 3), ""),
}


@pytest.mark.parametrize(("confirmed", "term", "expected"), SUGGESTIONS.values(), ids=SUGGESTIONS)
def test_an_exclusion_is_suggested_where_it_loses_little(
    confirmed: int, term: tuple[str, int, int], expected: str
) -> None:
    assert suggestion(Record(confirmed=confirmed, dismissed=9, terms=(term,))) == expected


WHY = {
    "a feed is told by its outlet": (
        "same origin (feed:https://www.wire.example/rss); same day",
        "same origin (wire.example); same day",
    ),
    "names without their mark": ("shares @iran @sanction-verb, 2", "shares iran sanction-verb, 2"),
    "an address in a title stays": ("with “mail a@b.example”", "with “mail a@b.example”"),
}


@pytest.mark.parametrize(("stored", "expected"), WHY.values(), ids=WHY)
def test_why_items_are_one_event_is_told_plainly(stored: str, expected: str) -> None:
    assert grouping(stored) == expected


def test_matched_words_are_those_of_the_text_each_once() -> None:
    spans = (
        Span(field="title", start=0, end=4, term="@iran"),
        Span(field="title", start=9, end=15, term="drone*"),
        Span(field="title", start=11, end=15, term="@drone"),  # within the one before
        Span(field="summary", start=0, end=6, term="@iran"),
    )
    found = words_found("Iran has drones", "Iran’s again", spans)
    assert found == ("Iran", "drones")


def test_a_long_text_on_a_timeline_has_an_excerpt() -> None:
    event = _event("origin")
    long = replace(event.members[0].item, summary="word " * 200)
    members = (replace(event.members[0], item=long),)
    (entry,) = event_view(replace(event, members=members), watches=[], grades={}, now=NOW).entries
    assert 300 < len(_drawn(entry.excerpt)) < 380 < len(_drawn(entry.summary))
