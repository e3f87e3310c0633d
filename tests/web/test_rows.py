"""Rows that are kept as HTML: the same while nothing changed, anew when anything did."""

from __future__ import annotations

from typing import Any

from monitor.web.rows import Last


class TestLast:
    def test_it_is_made_again_when_what_it_is_made_of_changes(self) -> None:
        last: Last[int] = Last()
        one, two = object(), object()
        makes = iter(range(9))
        found = [
            last.get("key", of, lambda: next(makes))
            for of in ((one, "a"), (one, "a"), (two, "a"), (two, "b"), (two, "b"))
        ]
        assert found == [0, 0, 1, 2, 2]

    def test_no_more_are_kept_than_allowed(self) -> None:
        last: Last[int] = Last(most=2)
        makes = iter(range(9))
        found = [last.get(key, (), lambda: next(makes)) for key in "abcab"]
        assert found == [0, 1, 2, 3, 4]


def test_a_list_shows_at_once_what_was_decided(place: Any) -> None:
    place.fill()
    client = place.client()
    before = client.get("/inbox?status=all").text
    assert client.get("/inbox?status=all").text == before
    pair = client.get("/api/inbox").json()["rows"][0]
    key = f"{pair['event']}:{pair['watch']}:{pair['indicator']}:new"
    assert client.send("/reviews", pair=key, status="second-look").status_code == 303
    rows = client.get("/inbox?status=all").text.split("<li ")
    row = next(each for each in rows if f"r{pair['event']}-" in each)
    assert "Second look" in row
