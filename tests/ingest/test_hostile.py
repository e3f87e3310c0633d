"""Every behaviour of the hostile server comes to its expected end, whatever it sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ingest.hostile import BEHAVIOURS, Hostile


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


def test_there_are_enough_of_them() -> None:
    assert len(BEHAVIOURS) >= 60
