"""Words of a digest: levels, counts, dates in the reader's zone, the sentence and the subject."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.render import plain

LEVEL_WORDS = {
    "none": "None",
    "low": "Low",
    "elevated": "Elevated",
    "high": "High",
    "very-high": "Very high",
    "no-coverage": "No coverage",
}
STAGE_WORDS = {
    "act": "done",
    "decision": "decided",
    "official-claim": "official claim",
    "talks": "talks",
    "threat": "threat",
    "denied": "denied",
}
_SHORT_ID = 4
_NAME = 120  # characters of an indicator's name
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


# embeddings, overrides and isolates: they would turn what stands around them, or pretend to
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def readable(text: str) -> str:
    """A feed's text without control characters and without what forces a direction on it."""
    return _TURNS.sub("", plain(text))


def count(number: int, one: str, many: str = "") -> str:
    """``1 event``, ``2 events``, ``12,400 events``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(at: datetime | date) -> str:
    """``25 Nov``."""
    return f"{at.day} {_MONTHS[at.month - 1][:3]}"


def local(at: datetime, zone: ZoneInfo) -> str:
    """``Wed 25 Nov 2026 07:00 Europe/Brussels``: the zone is always printed."""
    there = at.astimezone(zone)
    name = zone.key if zone.key != "Etc/UTC" else "UTC"
    return f"{_DAYS[there.weekday()]} {day(there)} {there.year} {there:%H:%M} {name}"


def period(since: datetime | None, until: datetime, zone: ZoneInfo) -> str:
    """``25 November 2026``, ``24–25 November 2026``, ``28 October – 3 November 2026``."""
    last = until.astimezone(zone).date()
    first = since.astimezone(zone).date() if since else last
    tail = f"{_MONTHS[last.month - 1]} {last.year}"
    if first >= last:
        return f"{last.day} {tail}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {tail}"
    head = f"{first.day} {_MONTHS[first.month - 1]}"
    if first.year != last.year:
        head += f" {first.year}"
    return f"{head} – {last.day} {tail}"


def short_period(since: datetime | None, until: datetime, zone: ZoneInfo) -> str:
    """For the subject: ``25 Nov``, ``24–25 Nov``, ``28 Oct–3 Nov``."""
    last = until.astimezone(zone).date()
    first = since.astimezone(zone).date() if since else last
    if first >= last:
        return day(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day(last)}"
    return f"{day(first)}–{day(last)}"


def listing(words: Sequence[str], most: int) -> list[str]:
    """``words``, or the first of them and how many more there are."""
    if len(words) <= most:
        return list(words)
    return [*words[: most - 1], f"{len(words) - most + 1} more"]


def listed(words: Sequence[str], limit: int = 6) -> str:
    """``A1, B2 and C3``; beyond ``limit``: ``A1, B2, C3 and 4 more``."""
    shown = list(words[:limit])
    if len(words) > limit:
        shown = [*words[: limit - 1], f"{len(words) - limit + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def cut(text: str, limit: int) -> str:
    """``text`` in one line of at most ``limit`` code points, cut at a word, with an ellipsis."""
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    head = flat[: limit - 1]
    at_word = head.rsplit(" ", 1)[0] if " " in head[limit // 2 :] else head
    return at_word.rstrip(" ,;:–-") + "…"


def full_name(id: str, title: str) -> str:
    """``A2 Drone co-production`` for a short id; a long one only says the title again."""
    return cut(f"{id} {title}" if len(id) <= _SHORT_ID else title or id, _NAME)


def short_name(id: str, title: str) -> str:
    """``A2``, or the beginning of the title where the id is no short one."""
    return id if len(id) <= _SHORT_ID else cut(title or id, 48)


def names(labels: Sequence[str], most: int = 2) -> str:
    """``A2, B3``; long ones are told apart by semicolons, and no more than ``most`` of them."""
    if all(len(label) <= _SHORT_ID for label in labels):
        return ", ".join(labels)
    more = f" and {len(labels) - most} more" if len(labels) > most else ""
    return "; ".join(labels[:most]) + more


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    stop = "" if text.endswith((".", "!", "?", "…")) else "."
    return f"{text[:1].upper()}{text[1:]}{stop}" if text else ""


def months_label(months: Sequence[str]) -> str:
    """``Dec–Nov`` for the first and last of ``2025-12`` … ``2026-11``."""
    names = [_MONTHS[int(month[5:7]) - 1][:3] for month in months]
    return names[0] if len(names) == 1 else f"{names[0]}–{names[-1]}" if names else ""


def corroboration(items: int, origins: int, denials: int) -> str:
    """``9 items, 2 independent, 1 denial``: origins, not volume, are what corroborates."""
    if items <= 1:
        text = "1 item"
    elif origins <= 1:
        text = f"{items} items, 1 origin"
    else:
        text = f"{items} items, {origins} independent"
    return text + (f", {count(denials, 'denial')}" if denials else "")


def ago(days: timedelta) -> str:
    """``3 days``, ``5 hours``."""
    hours = int(days.total_seconds() // 3600)
    return count(hours // 24, "day") if hours >= 48 else count(max(1, hours), "hour")
