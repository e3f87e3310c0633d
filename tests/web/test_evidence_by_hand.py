"""Evidence that no feed carried: typed, read from a link, or an item that was missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Html


def notice(client: Any, path: str = "/inbox") -> str:
    found = Html(client.get(path).text).css_first(".notice")
    return found.text(separator=" ", strip=True) if found else ""


@pytest.fixture
def article() -> Callable[..., Any]:
    from tests.web.conftest import item

    return item


def test_evidence_by_hand_is_matched_by_the_rules(place: Any) -> None:
    client = place.client()
    answer = client.send(
        "/evidence",
        title="Iran hands drones to Russia",
        text="A leaflet says so.",
        link="https://leaflet.example/1",
        source="A leaflet",
    )
    assert answer.status_code == 303
    (event,) = place.store.events()
    assert answer.headers["location"] == f"/events/{event.id}"
    assert event.indicators == ("drones",) and event.hits[0].how == "manual"
    assert event.members[0].item.source == "A leaflet"
    assert event.status == "new"


def test_evidence_by_hand_is_filed_where_the_analyst_says(place: Any) -> None:
    client = place.client()
    client.send(
        "/evidence", title="Crates at the quay", indicator="deals:drones", note="seen there"
    )
    (event,) = place.store.events()
    assert event.status == "confirmed" and event.hits[0].hit.branch == ""
    page = client.get(f"/events/{event.id}").text
    assert "filed by hand" in page and "seen there" in page


def test_evidence_that_no_rule_matches_is_kept_and_said(place: Any) -> None:
    client = place.client()
    client.send("/evidence", title="Weather at the quay")
    assert "No indicator" in notice(client, "/evidence")
    assert place.store.search("quay").found


ARTICLE = """<html><head><title>Crates | Leaflet</title><meta property="og:title"
content="Iran hands drones to Russia"></head><body><nav><p>Home and other things that are long enough to
be a paragraph.</p></nav><article>{}</article></body></html>""".format(
    "".join(
        f"<p>Paragraph {n} says that Iran gave drones to Russia at a quay in May.</p>"
        for n in range(9)
    )
)


@pytest.fixture
def reading_place(make_place: Callable[..., Any]) -> Any:
    """May fetch from the loopback."""
    return make_place(allow=["127.0.0.1/32"])


def test_of_a_link_alone_the_page_is_read(reading_place: Any, loopback: Any) -> None:
    link = loopback.give("/leaflet", ARTICLE, Content_Type="text/html; charset=utf-8")
    answer = reading_place.client().send("/evidence", link=link)
    assert answer.status_code == 303
    (event,) = reading_place.store.events()
    item = event.members[0].item
    assert (item.title, item.link, item.source) == (
        "Iran hands drones to Russia", link, "127.0.0.1",
    )  # fmt: skip
    assert "Paragraph 8" in item.summary and "Home" not in item.summary
    assert event.indicators == ("drones",)


def test_what_was_typed_goes_before_what_the_page_says(reading_place: Any, loopback: Any) -> None:
    link = loopback.give("/leaflet", ARTICLE, Content_Type="text/html")
    reading_place.client().send("/evidence", link=link, title="A leaflet of drones")
    (item,) = reading_place.store.newest_items(limit=5)
    assert item.title == "A leaflet of drones" and "Paragraph 8" in item.summary


UNREADABLE = {
    "is not there": {"status": 404},
    "holds no article": {"body": "<html><body><p>Short.</p></body></html>"},
    "may not be read": {"robots": "User-agent: *\nDisallow: /"},
}


@pytest.mark.parametrize("page", UNREADABLE.values(), ids=UNREADABLE)
def test_where_the_page_cannot_be_read_the_analyst_pastes_it(
    reading_place: Any, loopback: Any, page: dict[str, Any]
) -> None:
    link = loopback.give(
        "/leaflet",
        page.get("body", ARTICLE),
        status=page.get("status", 200),
        Content_Type="text/html",
    )
    if "robots" in page:
        loopback.give("/robots.txt", page["robots"], Content_Type="text/plain")
    client = reading_place.client()
    answer = client.send("/evidence", link=link, note="from a reader")
    assert answer.status_code == 422
    form = Html(answer.text)
    assert "Paste its title and text" in form.css_first("[role=alert]").text()
    assert form.css_first("#link").attributes["value"] == link
    assert form.css_first("#note").attributes["value"] == "from a reader"
    unread = form.css_first("[name=unread]").attributes["value"]
    asked = len(loopback.requests)
    answer = client.send("/evidence", link=link, title="Iran hands drones to Russia", unread=unread)
    assert answer.status_code == 303 and len(loopback.requests) == asked
    (item,) = reading_place.store.newest_items(limit=5)
    assert item.link == link


def test_a_link_into_the_private_network_is_not_followed(place: Any, loopback: Any) -> None:
    link = loopback.give("/secret", ARTICLE, Content_Type="text/html")
    assert place.client().send("/evidence", link=link).status_code == 422
    assert loopback.requests == []


BAD_EVIDENCE = {
    "a script as link": {"link": "javascript:alert(1)"},
    "a date of tomorrow": {"published_at": "2026-11-26"},
    "a date that is none": {"published_at": "soon"},
    "an unknown indicator": {"indicator": "deals:none"},
}


def test_evidence_that_cannot_be_keeps_what_was_typed(place: Any) -> None:
    client = place.client()
    for name, bad in BAD_EVIDENCE.items():
        answer = client.send("/evidence", **{"title": "Iran", "text": "typed text"} | bad)
        assert answer.status_code == 422, name
        assert "typed text" in answer.text, name
    assert client.send("/evidence", title="<b></b>").status_code == 422  # nothing is left of it
    assert place.store.counts()["items"] == 0


def test_an_item_that_was_missed_is_labelled_and_becomes_evidence(
    place: Any, article: Callable[..., Any]
) -> None:
    place.take_in(article("m", "Crates with wings at the quay"))
    client = place.client()
    row = Html(client.get("/search?q=crates").text).css_first(".row")
    assert row.css_first("input[name=item]").attributes["value"] == "wire-m"
    client.send("/missed", item="wire-m", indicator="deals:drones", note="wings")
    (miss,) = place.store.misses()
    assert (miss.item, miss.indicator, miss.note) == ("wire-m", "drones", "wings")
    (event,) = place.store.events()
    assert event.status == "confirmed" and event.members[0].item.id == "wire-m"
    assert client.send("/missed", item="none", indicator="deals:drones").status_code == 400
    assert client.send("/missed", item="wire-m", indicator="x").status_code == 400
