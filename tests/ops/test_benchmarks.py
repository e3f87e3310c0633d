"""The arithmetic of benchmarks and soak, and that their world behaves."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules of ``benchmarks/``, which is no part of the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_the_exponent_says_how_time_grows(benchmarks: Any) -> None:
    table = benchmarks("__main__")
    row = table.Row
    small = row("match", 1_000, "items", 1.0, 1_000)
    assert table.exponent(None, small) == ""
    assert table.exponent(small, row("match", 10_000, "items", 10.0, 1_000)) == "1.00"
    assert table.exponent(small, row("match", 10_000, "items", 100.0, 100)) == "2.00"
    assert table.exponent(small, row("store", 10_000, "items", 10.0, 1_000)) == ""


def test_the_bottleneck_is_the_stage_that_takes_most(benchmarks: Any) -> None:
    table = benchmarks("__main__")
    rows = [
        table.Row("ingest", 1_000, "items", 1.0, 1),
        table.Row("match", 1_000, "items", 6.0, 1),
        table.Row("store", 1_000, "items", 2.0, 1),
        table.Row("group", 100, "hits", 1.0, 1),
    ]
    (said,) = table.bottlenecks(rows)
    assert "match takes 60% of 10.0 CPU seconds" in said


@pytest.mark.parametrize(
    ("values", "a_day"),
    [([1.0, 2.0], 0.0), ([100.0] * 8, 0.0), ([0, 0, 0, 0, 10, 12, 14, 16], 2.0)],
    ids=["too few days", "flat", "grows by two a day at last"],
)
def test_the_slope_of_memory_is_that_of_the_second_half(
    benchmarks: Any, values: list[float], a_day: float
) -> None:
    assert benchmarks("soak.ledger").slope(values) == pytest.approx(a_day)


def test_an_item_of_the_archive_is_served_once_its_date_has_come(
    benchmarks: Any, tmp_path: Path
) -> None:
    start = datetime(2022, 10, 1, tzinfo=UTC)
    archive = tmp_path / "archive.jsonl"
    rows = [
        {
            "feed": "https://outlet.example/rss",
            "title": f"News {n} & more",
            "summary": "",
            "link": f"https://outlet.example/{n}",
            "published_at": (start + timedelta(hours=n)).isoformat(),
        }
        for n in range(4)
    ]
    archive.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    world = benchmarks("soak.world").World(archive, start + timedelta(hours=1))
    try:
        (url,) = world.urls()
        first = httpx.get(url, trust_env=False)
        assert first.text.count("<item>") == 2
        again = httpx.get(url, headers={"If-None-Match": first.headers["ETag"]}, trust_env=False)
        assert again.status_code == 304
        world.now += timedelta(hours=9)
        assert httpx.get(url, trust_env=False).text.count("<item>") == 4
        assert len(world.served["https://outlet.example/rss"]) == 4
    finally:
        world.server.shutdown()
        world.server.server_close()
    assert world.published() == world.served


@pytest.mark.parametrize(
    ("served", "stored", "wrong"),
    [
        (["https://a.example/1", "https://a.example/1?utm_source=x"], ["https://a.example/1"], {}),
        (["https://a.example/1"], [], {"served but not stored": 1}),
        ([], ["https://a.example/1"], {"stored but not served": 1}),
        (["https://a.example/1"], ["https://a.example/1"] * 2, {"stored more than once": 1}),
        (
            ["https://a.example/live#1", "https://a.example/live#2"],
            ["https://a.example/live#1", "https://a.example/live#2"],
            {},
        ),
        (
            ["https://a.example/live#1", "https://a.example/live#2"],
            ["https://a.example/live#1"] * 3,
            {"stored more than once": 1},
        ),
    ],
    ids=[
        "two ways to write one link",
        "lost",
        "from nowhere",
        "doubled",
        "a live page is as many items as it has links",
        "and no more",
    ],
)
def test_the_ledger_tells_what_does_not_fit(
    benchmarks: Any, served: list[str], stored: list[str], wrong: dict[str, int]
) -> None:
    found = benchmarks("soak.ledger").compared(served, stored)
    counts = ("served but not stored", "stored but not served", "stored more than once")
    assert {name: found[name] for name in counts if found[name]} == wrong


def test_the_page_on_sizes_is_what_follows_from_the_figures(benchmarks: Any) -> None:
    sizing = benchmarks("sizing")
    page = (ROOT / "docs" / "operator" / "sizing.md").read_text("utf-8")
    assert "\n".join(sizing.table(sizing.Measured(), sizing.Wanted())) in page
    for figure in ("31.6", "4.1", "0.79", "0.43"):
        assert f"{figure} ms" in page or f"{figure} kB" in page


def test_twice_the_feeds_need_twice_the_polls(benchmarks: Any) -> None:
    sizing = benchmarks("sizing")

    def polls(feeds: int) -> str:
        (row,) = [
            result
            for what, _, result in sizing.needs(sizing.Measured(), sizing.Wanted(feeds=feeds))
            if what == "polls a second"
        ]
        return str(row)

    assert (polls(9_000), polls(18_000)) == ("10", "20")
