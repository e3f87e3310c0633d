"""Dates as feeds write them, in six languages and two calendars."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from monitor.parse.fast import moment
from monitor.text.dates import from_solar_hijri, read_date


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Wed, 25 Nov 2026 05:00:00 GMT", "2026-11-25 05:00"),
        ("Wed, 25 Nov 2026 05:00:00 +0330", "2026-11-25 01:30"),
        ("Wed, 25 Nov 2026 05:00:00 EST", "2026-11-25 10:00"),
        ("Wed, 25 Nov 2026 05:00:00 MSK", "2026-11-25 02:00"),
        ("Wed, 25 Nov 2026 05:00:00 CET", "2026-11-25 04:00"),
        ("Wed, 25 Nov 2026 05:00:00 IRST", "2026-11-25 01:30"),
        ("Wed, 25 Nov 2026 05:00:00 GMT+7", "2026-11-24 22:00"),
        ("Wed, 25 Nov 2026 05:00:00 UTC-05:30", "2026-11-25 10:30"),
        ("25 Nov 26 05:00 +0000", "2026-11-25 05:00"),
        ("Wed, 25 Nov 2026 05:00:00", "2026-11-25 05:00"),
        ("2026-11-25T05:00:00.5+03:00", "2026-11-25 02:00"),
        ("2026-11-25T05:00:00+0300", "2026-11-25 02:00"),
        ("2026-11-25 05:00:00", "2026-11-25 05:00"),
        ("2026-11-25", "2026-11-25 00:00"),
        ("25.11.2026 05:10", "2026-11-25 05:10"),
        ("November 25, 2026 5:00 pm", "2026-11-25 17:00"),
        ("Wednesday, November 25, 2026 12:30 AM", "2026-11-25 00:30"),
        ("25 ноября 2026, 14:30 МСК", "2026-11-25 11:30"),
        ("Ср, 25 ноя 2026 14:30:00 +0300", "2026-11-25 11:30"),
        ("5 мая 2026 г., 09:00", "2026-05-05 09:00"),
        ("25 листопада 2026 10:00", "2026-11-25 10:00"),
        ("۴ آذر ۱۴۰۵ - ۱۲:۳۰", "2026-11-25 12:30"),
        ("چهارشنبه ۴ آذر ۱۴۰۵", "2026-11-25 00:00"),
        ("1405/09/04 12:30", "2026-11-25 12:30"),
        ("۱۴۰۱/۰۷/۰۹", "2022-10-01 00:00"),
        ("۲۵ نوامبر ۲۰۲۶ ۱۲:۳۰", "2026-11-25 12:30"),
        ("٢٥ نوفمبر ٢٠٢٦ - ١٤:٣٠", "2026-11-25 14:30"),
        ("25 تشرين الثاني 2026", "2026-11-25 00:00"),
        ("25 تشرين الثاني/نوفمبر 2026 10:00", "2026-11-25 10:00"),
        ("السبت 26 نوفمبر 2022 14:00 +0300", "2022-11-26 11:00"),
        ("25 בנובמבר 2026 10:00", "2026-11-25 10:00"),
        ("rubbish", None),
        ("", None),
        ("99 ноября 2026", None),
        ("2026-02-30T00:00:00Z", None),
        ("۳۱ مهر ۱۴۰۱", None),
        ("1" * 10_000, None),
        ("1 1 1 1 1 1 1 1 " * 500, None),
    ],
)
def test_a_date(text: str, at: str | None) -> None:
    found = read_date(text)
    assert (found.strftime("%Y-%m-%d %H:%M") if found else None) == at
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("solar", "gregorian"),
    [
        ((1357, 11, 22), (1979, 2, 11)),
        ((1399, 12, 30), (2021, 3, 20)),
        ((1400, 1, 1), (2021, 3, 21)),
        ((1401, 6, 31), (2022, 9, 22)),
        ((1403, 12, 30), (2025, 3, 20)),
        ((1404, 1, 1), (2025, 3, 21)),
    ],
)
def test_the_solar_hijri_calendar(
    solar: tuple[int, int, int], gregorian: tuple[int, int, int]
) -> None:
    assert from_solar_hijri(*solar) == gregorian


def test_every_day_follows_the_one_before() -> None:
    days = []
    for year in range(1390, 1420):
        for month in range(1, 13):
            leap = year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)
            length = 31 if month <= 6 else 30 if month < 12 or leap else 29
            days += [datetime(*from_solar_hijri(year, month, day)) for day in range(1, length + 1)]
    assert {(b - a).days for a, b in pairwise(days)} == {1}


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("20261125", "2026-11-25 00:00"),
        ("2026-330", "2026-11-26 00:00"),
        ("2026-11-25T24:00:00Z", "2026-11-26 00:00"),
        ("99999999999999", None),
        ("2026-13-45T99:99:99Z", None),
        ("2026-11-31", None),
        ("0000-00-00T00:00:00Z", None),
        ("1764046800", None),
    ],
)
def test_a_date_that_only_feedparser_reads_is_none_if_there_is_no_such_day(
    text: str, at: str | None
) -> None:
    found = moment(text)
    assert (found.strftime("%Y-%m-%d %H:%M") if found else None) == at
