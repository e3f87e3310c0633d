"""When a digest is due: cron lines in zones, against an independent computation, with a moving clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from monitor.digest.slots import between, due, newest, slot, time_of, upcoming


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ── An independent computation: every quarter of an hour of a year, looked at one by one ────────────

ZONES = (
    "Africa/Casablanca",  # winter time in Ramadan
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "Asia/Kathmandu",  # +05:45
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",  # changes by half an hour
    "Europe/Brussels",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Chatham",  # +12:45
    "UTC",
)
QUARTER = timedelta(minutes=15)
DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}

# (cron line, hours, minutes, days of the week, days of the month)
LINES = {
    "every morning": ("0 7 * * *", {7}, {0}, None, None),
    "working days": ("0 7 * * mon-fri", {7}, {0}, {0, 1, 2, 3, 4}, None),
    "in the hour that may be skipped or doubled": ("30 2 * * *", {2}, {30}, None, None),
    "at midnight, which some zones skip": ("0 0 * * *", {0}, {0}, None, None),
    "a quarter past one": ("15 1 * * *", {1}, {15}, None, None),
    "weekly": ("0 6 * * mon", {6}, {0}, {0}, None),
    "monthly": ("45 23 1 * *", {23}, {45}, None, {1}),
    "twice a day": ("30 0,12 * * *", {0, 12}, {30}, None, None),
}


@cache
def shown(zone: str, year: int) -> list[tuple[datetime, list[datetime]]]:
    """(time, the wall-clock times that are shown or jumped over at it) of every quarter."""
    local = ZoneInfo(zone)
    rows = []
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    before = at.astimezone(local).replace(tzinfo=None) - QUARTER
    while at < end:
        wall = at.astimezone(local).replace(tzinfo=None)
        passed = [wall]
        while passed[-1] - QUARTER > before and wall - passed[-1] < timedelta(hours=3):
            passed.append(passed[-1] - QUARTER)
        rows.append((at, passed))
        before = max(before, wall)
        at += QUARTER
    return rows


def expected(zone: str, hours, minutes, weekdays, monthdays, year: int) -> list[datetime]:
    """The rule in its own words: each wanted wall-clock time comes once a day. The first time it is
    shown counts; one that is never shown counts at the moment the clocks jump over it."""
    found: dict[datetime, datetime] = {}
    for at, walls in shown(zone, year):
        for wall in walls:
            if (
                wall.hour in hours
                and wall.minute in minutes
                and (weekdays is None or wall.weekday() in weekdays)
                and (monthdays is None or wall.day in monthdays)
            ):
                found.setdefault(wall, at)
    return sorted(set(found.values()))


@pytest.mark.parametrize("zone", ZONES)
def test_a_year_of_every_line_is_as_computed_independently(zone):
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    for name, (line, *rule) in LINES.items():
        found = [
            each.at
            for each in between(
                line, zone, after=start - timedelta(minutes=1), until=end - timedelta(minutes=1)
            )
        ]
        assert found == expected(zone, *rule, 2026), name


@pytest.mark.parametrize("zone", ZONES)
def test_a_service_that_looks_now_and_then_finds_each_slot_once(zone):
    line, *rule = LINES["in the hour that may be skipped or doubled"]
    step = timedelta(hours=5, minutes=13)
    sent = drive(line, zone, clock(utc("2026-01-01"), days=365, step=step))
    looked_until = utc("2026-01-01") + 365 * timedelta(days=1) - step
    wanted = [at for at in expected(zone, *rule, 2026) if at <= looked_until]
    assert [at for _, at in sent][: len(wanted)] == wanted
    assert len({slot for slot, _ in sent}) == len(sent)


def clock(start, *, days, step):
    at = start
    while at < start + timedelta(days=days):
        yield at
        at += step


def drive(line, zone, times, *, sent=None):
    """What a service would send that looks at these times: (slot's name, slot's time)."""
    sent = [] if sent is None else sent
    start = None
    for now in times:
        start = start or now
        found = due(
            line,
            zone,
            now=now,
            start=start,
            last=sent[-1][0] if sent else None,
            taken=lambda name: name in {each for each, _ in sent},
        )
        if found is not None:
            sent.append((found.name, found.at))
    return sent


# ── A clock that jumps, a service that was down ────────────────────────────────────────────────────

HOUR = timedelta(hours=1)


def hourly(first: str, last: str):
    at = utc(first)
    while at <= utc(last):
        yield at
        at += HOUR


JUMPS = {
    "a week of downtime gives one catch-up": (
        [
            *hourly("2026-11-01T12:00", "2026-11-03T12:00"),
            *hourly("2026-11-10T12:00", "2026-11-12T12:00"),
        ],
        ["2026-11-02", "2026-11-03", "2026-11-10", "2026-11-11", "2026-11-12"],
    ),
    "back by a day doubles nothing": (
        [
            *hourly("2026-11-01T12:00", "2026-11-04T12:00"),
            *hourly("2026-11-03T12:00", "2026-11-06T12:00"),
        ],
        ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"],
    ),
    "forward by a day and back gives each day one": (
        [
            *hourly("2026-11-01T12:00", "2026-11-02T12:00"),
            *hourly("2026-11-04T12:00", "2026-11-04T18:00"),
            *hourly("2026-11-02T18:00", "2026-11-06T12:00"),
        ],
        ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06"],
    ),
    "a year ahead by mistake silences nobody for a year": (
        [
            *hourly("2026-11-01T12:00", "2026-11-02T12:00"),
            *hourly("2027-11-02T12:00", "2027-11-02T13:00"),
            *hourly("2026-11-02T13:00", "2026-11-04T12:00"),
        ],
        ["2026-11-02", "2026-11-03", "2026-11-04", "2027-11-02"],
    ),
    "a suspended machine resumes with the newest": (
        [utc("2026-11-01T12:00"), utc("2026-11-05T06:59"), utc("2026-11-05T07:00")],
        ["2026-11-04", "2026-11-05"],
    ),
}


@pytest.mark.parametrize(("times", "days"), JUMPS.values(), ids=JUMPS)
def test_one_mail_a_slot_whatever_the_clock_does(times, days):
    sent = [name for name, _ in drive("0 7 * * *", "UTC", times)]
    assert sorted(name[:10] for name in sent) == days
    assert len(set(sent)) == len(sent)


class TestNames:
    def test_a_name_is_local_time_and_zone(self):
        found = newest("0 7 * * *", "Europe/Brussels", now=utc("2026-11-25T06:30"))
        assert found is not None
        assert found.name == "2026-11-25T07:00 Europe/Brussels"
        assert time_of(found.name) == found.at == utc("2026-11-25T06:00")

    def test_the_second_pass_of_a_doubled_hour_has_a_name_of_its_own(self):
        names = [
            each.name.partition(" ")[0]
            for each in between(
                "*/30 * * * *",
                "Europe/Brussels",
                after=utc("2026-10-24T23:59"),
                until=utc("2026-10-25T01:30"),
            )
        ]
        assert names == [
            "2026-10-25T02:00",
            "2026-10-25T02:30",
            "2026-10-25T02:00+01:00",
            "2026-10-25T02:30+01:00",
        ]

    @pytest.mark.parametrize("at", ["2026-10-25T00:30", "2026-10-25T01:30", "2026-03-29T01:00"])
    def test_every_name_tells_its_time(self, at):
        assert time_of(slot(utc(at), "Europe/Brussels").name) == utc(at)

    @pytest.mark.parametrize("name", ["", "yesterday", "2026-11-25T07:00 Mars/Phobos", "x y"])
    def test_what_is_no_name_has_no_time(self, name):
        assert time_of(name) is None


class TestSearch:
    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("0 7 * * *", "2026-11-25T07:00"),
            ("0 7 1 * *", "2026-11-01T07:00"),
            ("0 7 31 12 *", "2025-12-31T07:00"),
            ("0 7 29 2 *", "2024-02-29T07:00"),
        ],
        ids=["daily", "monthly", "yearly", "leap days"],
    )
    def test_the_newest_is_found_however_long_ago(self, line, found):
        slot = newest(line, "UTC", now=utc("2026-11-25T08:00"))
        assert slot is not None
        assert slot.at == utc(found)

    def test_upcoming_is_after_now(self):
        found = upcoming("0 7 * * *", "UTC", now=utc("2026-11-25T07:00"))
        assert found is not None
        assert found.at == utc("2026-11-26T07:00")

    def test_a_day_that_never_comes(self):
        assert newest("0 7 30 2 *", "UTC", now=utc("2026-11-25T08:00")) is None

    def test_a_new_subscription_waits_for_its_first_slot(self):
        now = utc("2026-11-25T10:00")
        nothing = due("0 7 * * *", "UTC", now=now, start=now, last=None, taken=lambda name: False)
        assert nothing is None
