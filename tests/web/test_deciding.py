"""What analysts decide: verdicts, undo, two at once, second opinions, corrections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

from monitor.model import Review
from monitor.web.inbox import agreements, kappa

PASSWORD = "correct horse battery"


def pair(event: int, status: str = "new", indicator: str = "drones") -> str:
    return f"{event}:deals:{indicator}:{status}"


def statuses(place: Any) -> dict[int, str]:
    return {event.id: event.status for event in place.store.events()}


def notice(client: Any, path: str = "/inbox") -> str:
    found = Html(client.get(path).text).css_first(".notice")
    return found.text(separator=" ", strip=True) if found else ""


# ── Verdicts ─────────────────────────────────────────────────────────────────────────────────────


def test_a_verdict_by_a_plain_form_and_back(place: Any) -> None:
    (event,) = place.fill(1)
    client = place.client()
    answer = client.send(
        "/reviews", pair=pair(event), status="confirmed", back="/inbox?sort=newest"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?sort=newest")
    assert statuses(place) == {event: "confirmed"}
    page = Html(client.get("/inbox").text)
    assert "Confirmed: 1 event." in page.css_first(".notice").text()
    token = page.css_first(".notice input[name=token]").attributes["value"]
    assert notice(client) == ""  # told once
    client.send("/reviews/undo", token=token, back="/inbox")
    assert statuses(place) == {event: "new"}
    history = [each.after for each in place.store.audit(event) if each.action == "reviewed"]
    assert history == ["new", "confirmed"]  # nothing is ever taken out of it


def test_many_at_once_with_one_undo(place: Any) -> None:
    events = place.fill(5)
    client = place.client()
    client.send("/reviews", pair=[pair(e) for e in events[:3]], status="second-look")
    assert list(statuses(place).values()).count("second-look") == 3
    token = Html(client.get("/inbox").text).css_first("input[name=token]").attributes["value"]
    client.send("/reviews/undo", token=token)
    assert set(statuses(place).values()) == {"new"}


def test_more_than_twenty_at_once_are_asked_for(place: Any) -> None:
    events = place.fill(21)
    client = place.client()
    answer = client.send("/reviews", pair=[pair(e) for e in events], status="confirmed")
    assert answer.status_code == 200 and "21 events at once" in answer.text
    assert set(statuses(place).values()) == {"new"}
    fields: dict[str, list[str]] = {}
    for node in Html(answer.text).css("main form input[type=hidden]"):
        fields.setdefault(node.attributes["name"] or "", []).append(node.attributes["value"] or "")
    assert client.send("/reviews", **fields | {"csrf": fields["csrf"][0]}).status_code == 303
    assert set(statuses(place).values()) == {"confirmed"}
    assert "21 events" in notice(client)


def test_a_dismissal_needs_a_reason_and_keeps_it(place: Any) -> None:
    (event,) = place.fill(1)
    client = place.client()
    answer = client.send("/reviews", pair=pair(event), status="dismissed")
    assert answer.status_code == 400 and "needs a reason" in answer.text
    client.send("/reviews", pair=pair(event), status="dismissed", reason="old news")
    assert place.store.reviews()[-1].reason == "old news"
    assert "old news" in client.get(f"/events/{event}").text
    assert "Iran" not in Html(client.get("/inbox").text).css_first("main").text()


NO_PAIR = ("", "x", "1:deals:drones", "1:deals:drones:maybe", "1:deals:none:new", "1:x:drones:new",
           "9" * 20 + ":deals:drones:new", "1:deals:drones:new:more")  # fmt: skip


def test_what_is_no_pair_is_refused(place: Any) -> None:
    place.fill(1)
    client = place.client()
    for text in NO_PAIR:
        assert client.send("/reviews", pair=text, status="confirmed").status_code == 400, text
    assert client.send("/reviews", pair=pair(1), status="great").status_code == 400
    assert client.send("/reviews", pair=pair(77), status="confirmed").status_code == 422
    assert not place.store.reviews()


def test_two_people_never_overwrite_each_other_unknowingly(guarded: Any) -> None:
    first, second = guarded.fill(2)
    ana, ben = guarded.client(), guarded.client()
    ana.login("ana", PASSWORD)
    ben.login("ben", PASSWORD)
    seen = [pair(first), pair(second)]  # both have the same page before them
    ana.send("/reviews", pair=pair(first), status="confirmed")
    ben.send("/reviews", pair=seen, status="dismissed", reason="old news")
    assert statuses(guarded) == {first: "confirmed", second: "dismissed"}
    told = notice(ben)
    assert "Dismissed: 1 event." in told and "1 left as they are" in told and "ana" in told
    # as JSON: everything in conflict
    answer = ben.post(
        "/reviews",
        data={"csrf": ben.csrf(), "pair": pair(first), "status": "second-look"},
        headers={"Origin": ben.origin, "Accept": "application/json"},
    )
    assert answer.status_code == 409
    assert answer.json()["conflicts"][0]["by"] == "ana"


def test_undo_leaves_what_another_decided_since(guarded: Any) -> None:
    (event,) = guarded.fill(1)
    ana, ben = guarded.client(), guarded.client()
    ana.login("ana", PASSWORD)
    ben.login("ben", PASSWORD)
    ana.send("/reviews", pair=pair(event), status="confirmed")
    token = Html(ana.get("/inbox").text).css_first("input[name=token]").attributes["value"]
    assert ben.send("/reviews/undo", token=token).status_code == 400  # not his to undo
    ben.send("/reviews", pair=pair(event, "confirmed"), status="second-look")
    ana.send("/reviews/undo", token=token)
    assert statuses(guarded) == {event: "second-look"}
    assert "left as they are" in notice(ana)


def test_what_could_not_be_done_leads_back_to_its_page(place: Any) -> None:
    (event,) = place.fill(1)
    client = place.client()
    given = {"csrf": client.csrf(), "pair": pair(event), "status": "dismissed"}
    for referer, links in {
        "http://localhost:8080/inbox?lang=en": ["/inbox?lang=en", "/"],
        "http://elsewhere.example/inbox": ["/"],
    }.items():
        headers = {"Origin": client.origin, "Referer": referer}
        page = Html(client.post("/reviews", data=given, headers=headers).text)
        assert page.css_first("h1").text() == "A dismissal needs a reason"
        assert [link.attributes["href"] for link in page.css("main a")] == links


def test_a_forged_undo_does_nothing(place: Any) -> None:
    place.fill(1)
    answer = place.client().send("/reviews/undo", token="eyJ4IjoxfQ.abc")
    assert answer.status_code == 400


def test_the_undo_of_a_whole_page_fits_a_cookie(place: Any) -> None:
    events = place.fill(30)
    client = place.client()
    client.send("/reviews", pair=[pair(e) for e in events], status="confirmed", sure="1")
    assert len(client.cookies["monitor_flash"]) < 3800
    assert Html(client.get("/inbox").text).css_first("input[name=token]") is not None


def test_done_today_counts_what_was_decided_since_midnight(place: Any) -> None:
    first, second, third = place.fill(3)
    client = place.client()
    place.app.at -= timedelta(days=1)
    client.send("/reviews", pair=pair(first), status="confirmed")
    place.app.at += timedelta(days=1)
    for status in ("confirmed", "new", "confirmed"):
        before = statuses(place)[second]
        client.send("/reviews", pair=pair(second, before), status=status)
    client.send("/reviews", pair=pair(third), status="second-look")
    assert "1 done today" in client.get("/inbox").text


# ── Second opinions ──────────────────────────────────────────────────────────────────────────────


def test_a_second_opinion_is_given_unseen_and_a_different_one_told(guarded: Any) -> None:
    first, second, third = guarded.fill(3)
    ana, ben = guarded.client(), guarded.client()
    ana.login("ana", PASSWORD)
    ben.login("ben", PASSWORD)
    ana.send("/reviews", pair=[pair(first), pair(second)], status="confirmed")
    page = ben.get("/second").text
    rows = Html(page).css("#rows .row")
    assert {row.attributes["data-pair"] for row in rows} == {pair(first), pair(second)}
    main = page[page.index("<main") : page.index("<dialog")].lower()
    assert "confirmed" not in main.replace('value="confirmed"', "").replace("if confirmed", "")
    assert "ana" not in Html(page).css_first("#rows").text()
    ben.send("/reviews", pair=pair(first), status="confirmed", mode="second", back="/second")
    ben.send("/reviews", pair=pair(second), status="dismissed", reason="other", mode="second")
    assert statuses(guarded) == {first: "confirmed", second: "second-look", third: "new"}
    page = ben.get("/second").text
    assert not Html(page).css("#rows .row")
    assert "50 %" in page  # agreed on one of two
    assert not Html(ana.get("/second").text).css("#rows .row")


def _review(by: str, status: str, event: int = 1, note: str = "") -> Review:
    from tests.web.conftest import NOW

    return Review(
        event=event,
        watch="w",
        indicator="i",
        status=status,
        by=by,
        at=NOW,
        note=note,  # type: ignore[arg-type]
    )


def test_agreement_counts_pairs_judged_twice() -> None:
    second = "second opinion"
    rows = [
        _review("ana", "confirmed", 1),
        _review("ben", "confirmed", 1, second),
        _review("ana", "dismissed", 2),
        _review("ben", "dismissed", 2, second),
        _review("ana", "confirmed", 3),
        _review("ben", "dismissed", 3, second),
        _review("ben", "second-look", 3, "two opinions"),
        _review("ana", "confirmed", 4),
        _review("ben", "confirmed", 4),  # not unseen: no second opinion
        _review("ana", "confirmed", 5, second),  # nobody's first
    ]
    (found,) = agreements(rows)
    assert (found.first, found.second, found.both, found.agreed) == ("ana", "ben", 3, 2)
    assert found.kappa == pytest.approx(0.4)


KAPPAS = {
    "all agree on both verdicts": ([("c", "c"), ("d", "d")], 1.0),
    "one verdict only: chance explains all": ([("c", "c"), ("c", "c")], None),
    "as often as by chance": ([("c", "c"), ("c", "d"), ("d", "c"), ("d", "d")], 0.0),
    "never": ([("c", "d"), ("d", "c")], -1.0),
}


@pytest.mark.parametrize(("judged", "expected"), KAPPAS.values(), ids=KAPPAS)
def test_kappa(judged: list[tuple[str, str]], expected: float | None) -> None:
    assert kappa(judged) == expected


# ── Corrections ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def told_twice(place: Any, article: Callable[..., Any]) -> int:
    """An event of three items."""
    return int(
        place.take_in(
            article("a", "Iran sends drones to Russia", feed="wire"),
            article("b", "Iran sends drones to Russia!", feed="blog"),
            article("c", "Iran denies drones for Russia", feed="blog"),
            roles=("copy", "denial"),
        )
    )


@pytest.fixture
def article() -> Callable[..., Any]:
    from tests.web.conftest import item

    return item


def test_the_event_page_tells_copies_denials_and_why(place: Any, told_twice: int) -> None:
    page = Html(place.client().get(f"/events/{told_twice}").text)
    kinds = [(node.attributes["class"] or "").split()[1] for node in page.css(".timeline .entry")]
    assert sorted(kinds) == ["copy", "denial", "independent"]
    assert "Copy 94%" in page.css_first(".timeline").text()
    text = page.css_first("main").text()
    assert "@iran AND @russia AND @drone" in text and "“given”" in text
    assert "suggested" in page.css_first(".facts").text()
    marks = {mark.text() for mark in page.css(".entry h3 mark")}
    assert {"Iran", "drones", "Russia"} <= marks


def test_a_note_is_added_to_the_history(place: Any, told_twice: int) -> None:
    client = place.client()
    assert client.send(f"/events/{told_twice}/note", text="Look at the picture").status_code == 303
    assert client.send(f"/events/{told_twice}/note", text="  ").status_code == 400
    assert "Look at the picture" in client.get(f"/events/{told_twice}").text


def test_a_grade_is_set_and_taken_back_and_never_overwritten(place: Any, told_twice: int) -> None:
    client = place.client()
    path = f"/events/{told_twice}/grade"
    client.send(path, grade="B2", expected="")
    assert "usually reliable, probably true (local)" in _facts(client, told_twice)
    assert client.send(path, grade="C3", expected="A1").status_code == 409
    assert client.send(path, grade="Z9", expected="B2").status_code == 400
    client.send(path, grade="", expected="B2")
    assert "suggested" in _facts(client, told_twice)


def _facts(client: Any, event: int) -> str:
    return Html(client.get(f"/events/{event}").text).css_first(".facts").text()


def test_split_and_merge(place: Any, told_twice: int) -> None:
    client = place.client()
    path = f"/events/{told_twice}"
    assert client.send(f"{path}/split").status_code == 400
    all_items = ["wire-a", "blog-b", "blog-c"]
    assert client.send(f"{path}/split", item=all_items).status_code == 422
    answer = client.send(f"{path}/split", item=["blog-b", "blog-c"])
    new = int(answer.headers["location"].rsplit("/", 1)[1])
    history = Html(client.get(path).text).css_first("[aria-labelledby=history-h]").text()
    assert f"2 items to event {new}" in history and "blog-b" not in history
    members = {e.id: len(e.members) for e in place.store.events(ids=[told_twice, new])}
    assert members == {told_twice: 1, new: 2}
    for into in ("", "abc", "9999"):
        assert client.send(f"/events/{new}/merge", into=into).status_code in (400, 404)
    assert client.send(f"/events/{new}/merge", into=str(new)).status_code == 422
    answer = client.send(f"/events/{new}/merge", into=f"event {told_twice}")
    assert answer.headers["location"] == path
    assert client.get(f"/events/{new}").headers["location"] == path
    assert len(place.store.events(ids=[told_twice])[0].members) == 3
    history = Html(client.get(path).text).css_first("[aria-labelledby=history-h]").text()
    assert "Split" in history and "Merged" in history


def test_a_pinned_event_says_so(place: Any, told_twice: int) -> None:
    client = place.client()
    client.send(f"/events/{told_twice}/pin", pinned="1")
    assert "Pinned" in _facts(client, told_twice)
    client.send(f"/events/{told_twice}/pin", pinned="0")
    assert "Pinned" not in _facts(client, told_twice)


# ── Levels, method, queries ──────────────────────────────────────────────────────────────────────


def test_the_analysts_level_stands_beside_the_machines(place: Any) -> None:
    place.fill(2)
    client = place.client()
    send = {"indicator": "deals:drones", "level": "very-high"}
    assert client.send("/levels", **send).status_code == 400  # no reason
    assert client.send("/levels", **send | {"level": "odd"}).status_code == 400
    client.send("/levels", **send, reason="Crates arrived")
    page = client.get("/indicators/deals/drones").text
    assert "Very high" in page and "local: Crates arrived" in page
    assert "Analyst: Very high" in client.get("/").text
    client.send("/levels", indicator="deals:drones", level="")
    page = client.get("/indicators/deals/drones").text
    assert "none set" in page and "taken back" in page


def test_precision_comes_from_reviews_and_names_false_alarm_terms(place: Any) -> None:
    events = place.fill(6)
    client = place.client()
    client.send("/reviews", pair=[pair(e) for e in events[:4]], status="dismissed", reason="other")
    client.send("/reviews", pair=[pair(e) for e in events[4:]], status="confirmed")
    page = Html(client.get("/method").text).css_first("#drones")
    assert "33 %" in page.text() and "of 6 reviewed" in page.text()
    assert "@drone 4 (2 confirmed)" in page.text()


def test_a_query_is_tried_before_it_is_in_force(place: Any, article: Callable[..., Any]) -> None:
    place.fill(2)
    place.take_in(article("t", "Minister of Iran visits Russia"))
    client = place.client()
    query = "@iran AND @russia AND (minister OR Kazan)"
    page = Html(client.get(f"/try?run=1&indicator=deals:drones&branch=given&query={query}").text)
    text = page.css_first("[aria-labelledby=outcome-h]").text()
    assert "2 hits instead of 2" in text and "1 gained, 1 lost" in text
    assert "Minister of Iran" in text and "Tula" in text
    assert len(place.store.hits()) == 3  # nothing was changed


BROKEN = {
    "a parenthesis that is open": ("@iran AND (drone", "^"),
    "a misspelt name": ("@irann AND drone", "^^^^^^"),
    "everything": ("NOT drone", ""),
    "on the second line": ("@iran\nAND AND drone", "^^^"),
}


@pytest.mark.parametrize(("query", "caret"), BROKEN.values(), ids=BROKEN)
def test_a_broken_query_is_shown_with_a_caret(place: Any, query: str, caret: str) -> None:
    from urllib.parse import quote

    path = f"/try?run=1&indicator=deals:drones&branch=given&query={quote(query)}"
    answer = place.client().get(path)
    assert answer.status_code == 200
    page = Html(answer.text)
    assert page.css_first("#query-error .state").text()
    if caret:
        assert caret in page.css_first(".caret").text()
    assert query in page.css_first("#query").text().replace("\r", "")


def test_old_events_wait_longest_first_when_asked(place: Any, article: Callable[..., Any]) -> None:
    old = place.take_in(
        article("o", "Iran gave drones to Russia"), at=place.app.at - timedelta(days=9)
    )
    new = place.take_in(article("n", "Iran offers drones to Russia"))
    rows = Html(place.client().get("/inbox?sort=oldest").text).css("#rows .row")
    assert [int((row.attributes["data-pair"] or "").split(":")[0]) for row in rows] == [old, new]
