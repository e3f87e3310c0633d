"""Every behaviour of the hostile server comes to its expected end, whatever it sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingest.hostile import BEHAVIOURS, Hostile, item, rss


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_server(name: str, hostile: Hostile, read: Any) -> None:
    expected = BEHAVIOURS[name]
    outcome = read(hostile.url(name))
    assert outcome.kind == expected.expect, outcome.error
    if expected.expect == "ok":
        assert len(outcome.items) == expected.items
        assert all(each.title for each in outcome.items)
    else:
        assert not outcome.items
        assert outcome.error.problem
        assert outcome.error.subject


def test_no_private_address_was_ever_connected_to(hostile: Hostile, read: Any) -> None:
    for name in (each for each in BEHAVIOURS if each.startswith("into ")):
        read(hostile.url(name))
    assert hostile.canary == 0


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_ten_thousand_items_the_newest_are_read(
    newest_first: bool, hostile: Hostile, read: Any
) -> None:
    numbers = range(10_000) if newest_first else range(9_999, -1, -1)
    body = rss("".join(map(item, numbers)))  # each an hour older than the one before

    async def many(peer: Any) -> None:
        await peer.reply(body)

    hostile.routes["ten thousand"] = many
    outcome = read(hostile.url("ten thousand"))
    assert outcome.kind == "ok"
    assert {each.title for each in outcome.items} == {f"Title {number}" for number in range(5_000)}
    assert outcome.document.dropped == 5_000
    assert outcome.document.dropped_why == "only the newest 5,000 entries are read"


def test_there_are_enough_of_them() -> None:
    assert len(BEHAVIOURS) >= 60
