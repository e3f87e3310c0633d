"""Invented data that templates are tried with, and what is wrong with a user's own ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.digest.alerts import AlertContent, AlertEvent, AlertLine
from monitor.digest.forms import templates
from monitor.digest.notices import NoticeContent, Trouble
from monitor.digest.values import (
    CoverageGap,
    DigestContent,
    EventLine,
    EvidenceLine,
    LevelLine,
    RestLine,
)
from monitor.errors import Problem
from monitor.model import LEVELS, LevelName, Month
from monitor.render import BrokenTemplateError, render

_AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
_BASE = "https://monitor.example.org"


def samples() -> Mapping[str, Mapping[str, Any]]:
    """Values for each template of ``email/`` that is rendered by itself."""
    return {
        "digest.txt": {"c": digest(), "unsubscribe": f"{_BASE}/unsubscribe/x"},
        "digest.html": {"c": digest(), "unsubscribe": f"{_BASE}/unsubscribe/x"},
        "alert.txt": {"c": alert()},
        "alert.html": {"c": alert()},
        "notice.txt": {"c": _notice()},
    }


def check(own: Path, shipped: Path) -> Iterator[Problem]:
    """Renders each of the user's own templates; every mistake with file, line and column."""
    folder = own / "email"
    if not folder.is_dir():
        return
    env = templates(own, shipped)
    seen = set()
    for name, values in samples().items():
        for variant in (values, _bare(values)):
            try:
                render(env, f"email/{name}", variant)
            except BrokenTemplateError as error:
                detail = error.detail
                place = (detail.path, detail.line, detail.message)
                if place not in seen and Path(detail.path).is_relative_to(own):
                    seen.add(place)
                    yield detail
    known = {*samples(), "parts.html", "style.html"}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.name not in known and file.suffix in (".html", ".txt"):
            yield Problem(
                path=str(file),
                line=0,
                column=0,
                message="no message uses a template of this name",
                hint="Used are: " + ", ".join(sorted(known)),
                severity="warning",
            )


def _bare(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same without what may be missing: a digest of nothing."""
    from dataclasses import replace

    said = values["c"]
    if not isinstance(said, DigestContent):
        return values
    empty = replace(
        said, gap=None, levels=(), more_levels=(), events=(), rest=(), evidence=(),
        quiet=(), imported="", flood="",
        inbox_link="", feeds_link="", board_link="", total=0, to_review=0, updates=0, note="",
    )  # fmt: skip
    return {**values, "c": empty, "unsubscribe": ""}


def digest() -> DigestContent:
    levels: tuple[LevelName, ...] = (*LEVELS, "no-coverage")
    months = tuple(
        Month(month=f"2026-{number:02d}", events=number, level=level)
        for number, level in enumerate(levels * 2, start=1)
    )
    event = EventLine(
        number=12,
        title="Two more tankers change flag after losing cover",
        lang="en",
        snippet="The harbour master refused certificates.",
        indicators=("B3",),
        labels=("B3",),
        terms=("tankers", "cover"),
        source="Straits Shipping Bulletin",
        grade="A",
        event_grade="B2",
        stage="done",
        items=5,
        origins=3,
        denials=1,
        at=_AT,
        date="25 Nov",
        status="new",
        link=f"{_BASE}/events/12",
        source_link="https://news.example.org/12",
        grown=2,
        corroboration="5 items, 3 independent, 1 denial",
        score=0.9,
    )
    return DigestContent(
        name="daily",
        house="Monitor",
        recipient="analyst@example.org",
        zone="Europe/Brussels",
        as_of=_AT,
        slot="2026-11-25T07:00 Europe/Brussels",
        period="24–25 November 2026",
        heading="daily digest",
        sentence="Tanker insurance moved from Low to High. 1 new event waits for review.",
        preheader="1 level up",
        subject="Monitor, 24–25 Nov: B3 Tanker insurance up to High",
        first=False,
        gap=CoverageGap(
            failing=("Gulf Ledger",),
            feeds=34,
            since_at=_AT,
            indicators=("B3",),
            blind=("C2",),
            sentence="1 of 34 feeds is failing.",
        ),
        levels=(
            LevelLine(
                indicator="B3",
                title="Tanker insurance",
                name="B3 Tanker insurance",
                before="low",
                after="high",
                at=_AT,
                cause="5 events in 30 days",
                events=5,
                baseline=1.5,
                months=months,
                analyst="elevated",
                link=f"{_BASE}/inbox?indicator=B3",
            ),
        ),
        more_levels=(
            LevelLine(
                indicator="D1",
                title="Competition for buyers",
                name="D1 Competition for buyers",
                before="elevated",
                after="low",
                at=_AT,
                cause="1 event in 30 days",
                events=1,
                baseline=None,
                months=(),
            ),
        ),
        events=(event,),
        updates=1,
        total=31,
        to_review=31,
        rest=(
            RestLine(
                indicator="B3",
                title="Tanker insurance",
                name="B3 Tanker insurance",
                events=30,
                link=f"{_BASE}/inbox?indicator=B3",
            ),
        ),
        evidence=(EvidenceLine(hypothesis="H1", title="They do", for_=3.5, against=1.0),),
        quiet=("A1", "C3"),
        imported="Not news, listed on the pages only: 12 hits from an import (B3 12).",
        flood="Suddenly all new at once, so stored but not listed: Gulf Ledger (80 items).",
        rules={"sample": "0123456789abcdef"},
        run="poll 4,812",
        as_of_words="Wed 25 Nov 2026 07:00 Europe/Brussels",
        next_words="Thu 26 Nov 2026 07:00 Europe/Brussels",
        inbox_link=f"{_BASE}/inbox?status=new",
        feeds_link=f"{_BASE}/feeds",
        board_link=f"{_BASE}/",
        attached="report-2026-11-25.html",
        note="This is sample data.",
    )


def alert() -> AlertContent:
    event = AlertEvent(
        title="Two more tankers change flag after losing cover",
        lang="en",
        source="Straits Shipping Bulletin",
        corroboration="2 items, 2 independent",
        link=f"{_BASE}/events/12",
        source_link="https://news.example.org/12",
    )
    line = AlertLine(
        indicator="B3",
        name="B3 Tanker insurance",
        before="low",
        after="high",
        cause="5 events in 30 days",
        at_words="Wed 25 Nov 2026 07:00 Europe/Brussels",
        link=f"{_BASE}/inbox?indicator=B3",
        acknowledge=f"{_BASE}/acknowledge/x",
        repeated=True,
        events=(event,),
        more=3,
    )
    return AlertContent(
        house="Monitor",
        name="alert",
        recipient="duty@example.org",
        subject="Monitor: B3 Tanker insurance rose to High",
        sentence="B3 Tanker insurance rose to High.",
        lines=(line,),
        zone="Europe/Brussels",
        note="This is sample data.",
    )


def _notice() -> NoticeContent:
    trouble = Trouble(
        key="feed/gulf-ledger",
        words="Feed Gulf Ledger fails: it answers 404",
        since="2026-11-25 06:00 UTC",
        remedy="It is tried again by itself.",
    )
    return NoticeContent(
        sentence="Monitor: 1 new problem.",
        subject="Monitor operator: Feed Gulf Ledger fails",
        new=(trouble,),
        mended=(trouble,),
        open=(trouble,),
    )
