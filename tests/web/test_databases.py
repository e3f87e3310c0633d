"""The pages say the same on SQLite and PostgreSQL, and two people at once meet on both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

LISTS = (
    "/inbox",
    "/inbox?sort=newest",
    "/inbox?sort=oldest",
    "/inbox?q=drones",
    "/inbox?q=drones+Kazan",
    "/inbox?q=%D0%B1%D0%B5%D1%81%D0%BF%D0%B8%D0%BB%D0%BE%D1%82%D0%BD%D0%B8%D0%BA%D0%B8",
    "/inbox?lang=ru",
    "/inbox?indicator=visits",
    "/inbox?status=dismissed",
    "/events",
    "/events?sort=independent",
    "/events?q=depot",
)
SEARCHES = ("/search?q=Iran", "/search?q=Russia+Tula", "/search?q=Iran&lang=ru", "/search?q=none")


def fill(place: Any) -> Any:
    from tests.web.conftest import item

    events = place.fill(6)
    place.take_in(item("r1", "Иран передал России беспилотники", feed="vesti"))
    place.take_in(item("v1", "Minister of Iran visits Russia", "He spoke of drones."))
    client = place.client()
    client.send("/reviews", pair=f"{events[0]}:deals:drones:new", status="confirmed")
    client.send("/reviews", pair=f"{events[1]}:deals:drones:new", status="dismissed", reason="old")
    return place


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, make_place: Callable[..., Any]) -> Any:
    return fill(make_place(url=request.getfixturevalue(request.param)))


def words(html: str, selector: str) -> list[str]:
    return [node.text(separator=" ", strip=True) for node in Html(html).css(selector)]


def test_lists_facets_and_searches_are_the_same(
    make_place: Callable[..., Any], sqlite_url: str, postgres_url: str
) -> None:
    clients = [fill(make_place(url=url)).client() for url in (sqlite_url, postgres_url)]
    for path in (*LISTS, *SEARCHES):
        one, other = (client.get(path).text for client in clients)
        for part in ("#rows h3", ".facets li", "main h3", "main .empty", "main .meta"):
            assert words(one, part) == words(other, part), (path, part)
        assert words(one, "#rows h3, main h3, main .empty"), path
    assert words(clients[1].get("/inbox?q=drones+Kazan").text, "#rows h3") == []
    assert len(words(clients[1].get("/inbox?status=all&q=drones+Kazan").text, "#rows h3")) == 1


def test_what_another_decided_meanwhile_is_left(filled: Any) -> None:
    ana, ben = filled.client(), filled.client()
    event = filled.store.events(status="new", indicator="visits")[0].id
    pair = f"{event}:deals:visits:new"
    json = {"accept": "application/json"}
    for client, status, code in ((ana, "confirmed", 200), (ben, "dismissed", 409)):
        data = {"csrf": client.csrf(), "pair": pair, "status": status, "reason": "not this"}
        answer = client.post("/reviews", data=data, headers={"Origin": client.origin} | json)
        assert answer.status_code == code
    assert filled.store.events(ids=[event])[0].reviews["deals", "visits"] == "confirmed"


def test_failed_logins_and_pauses_are_kept(filled: Any) -> None:
    client = filled.client()
    for _ in range(6):
        client.site.throttle.failed("name ana")
    assert client.site.throttle.wait("name ana") > 0
    client.site.throttle.succeeded("name ana")
    assert client.site.throttle.wait("name ana") == 0
    client.send("/feeds/blog/pause", paused="1")
    assert {s.feed.id for s in filled.store.feeds(enabled=False)} == {"blog"}
