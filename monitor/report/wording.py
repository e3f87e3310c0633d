"""The words and dates that every page uses, so that the same thing is called the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from monitor.model import Indicator, Item, Watch

LEVEL_WORDS = {
    "none": "None",
    "low": "Low",
    "elevated": "Elevated",
    "high": "High",
    "very-high": "Very high",
    "no-coverage": "No coverage",
}
STATUS_WORDS = {
    "new": "New",
    "second-look": "Second look",
    "confirmed": "Confirmed",
    "dismissed": "Dismissed",
}
STAGE_WORDS = {
    "act": "Act",
    "decision": "Decision",
    "official-claim": "Official claim",
    "talks": "Talks",
    "threat": "Threat",
    "denied": "Denied",
}
HEALTH_WORDS = {
    "failing": "Failing",
    "degraded": "Degraded",
    "quiet": "Quiet",
    "ok": "OK",
    "unpolled": "Not polled yet",
    "paused": "Paused",
}
ROLE_WORDS = {
    "origin": "Independent",
    "independent": "Independent",
    "copy": "Copy",
    "followup": "Follow-up",
    "denial": "Denial",
}
LANGUAGE_NAMES = {
    "en": "English",
    "ru": "Русский",
    "fa": "فارسی",
    "ar": "العربية",
    "uk": "Українська",
    "he": "עברית",
}

# The Admiralty (NATO) system, STANAG 2511: reliability of the source, credibility of the report.
RELIABILITY_WORDS = {
    "A": "completely reliable",
    "B": "usually reliable",
    "C": "fairly reliable",
    "D": "not usually reliable",
    "E": "unreliable",
    "F": "reliability cannot be judged",
}
CREDIBILITY_WORDS = {
    "1": "confirmed by other sources",
    "2": "probably true",
    "3": "possibly true",
    "4": "doubtful",
    "5": "improbable",
    "6": "truth cannot be judged",
}
GRADES = tuple(a + b for a in RELIABILITY_WORDS for b in CREDIBILITY_WORDS)

RATING_WORDS = {
    2: "Strongly consistent",
    1: "Consistent",
    0: "Neutral",
    -1: "Inconsistent",
    -2: "Strongly inconsistent",
}
RATING_SIGNS = {2: "++", 1: "+", 0: "0", -1: "−", -2: "−−"}

# Embedding, override and isolate marks can reorder what stands around them; C0 and C1 controls have
# no picture. ZWNJ and ZWJ stay: Persian and Arabic spelling needs them.
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")


_NOT_IN_LINKS = re.compile(r"[ \t\r\n\"'<>\\`]")


def shown(text: str) -> str:
    """``text`` without the characters that reorder or hide what stands around them."""
    return _UNSHOWN.sub("", text)


def source_name(item: Item) -> str:
    """Who published an item; of an archive that names only the feed's address, its host."""
    return outlet_name(item.source or item.feed)


def outlet_name(name: str) -> str:
    """A source as it is shown: of an address its host."""
    if name.startswith(("http://", "https://")) and http_link(name):
        return (urlsplit(name).hostname or name).removeprefix("www.")
    return name


def http_link(url: str) -> str:
    """The one gate for addresses that came from outside: http(s) with a host, or ``""``."""
    if _UNSHOWN.search(url) or _NOT_IN_LINKS.search(url):
        return ""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    return url if parts.scheme.lower() in ("http", "https") and host else ""


def grade_words(grade: str | None) -> str:
    """``"B2"`` → ``"usually reliable, probably true"``."""
    if not grade:
        return "not graded"
    found = [RELIABILITY_WORDS.get(grade[:1], ""), CREDIBILITY_WORDS.get(grade[1:2], "")]
    return ", ".join(word for word in found if word) or "not graded"


def plural(count: int, word: str, many: str = "") -> str:
    """``3 events``, ``1 event``; thousands are grouped by a thin space."""
    return f"{number(count)} {word if count == 1 else many or word + 's'}"


def number(count: int) -> str:
    return f"{count:,}".replace(",", "\u2009")


def moment(at: datetime | None) -> str:
    """``23 Nov 2026 06:00 UTC``."""
    return f"{at.astimezone(UTC):%-d %b %Y %H:%M} UTC" if at else "never"


def short_moment(at: datetime | None, now: datetime) -> str:
    """The clock today, the day before that, the year only where it is another one."""
    if at is None:
        return "never"
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    if at.date() == now.date():
        return f"{at:%H:%M}"
    return f"{at:%-d %b %H:%M}" if at.year == now.year else f"{at:%-d %b %Y}"


def iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def duration(delta: timedelta) -> str:
    """The two largest units: ``3 d 4 h``, ``15 min``, ``under 1 min``."""
    minutes = int(abs(delta).total_seconds() // 60)
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    if days >= 14 or (days and not hours):
        return f"{days} d"
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min" if minutes and hours < 3 else f"{hours} h"
    return f"{minutes} min" if minutes else "under 1 min"


def ago(at: datetime, now: datetime) -> str:
    """``2 h ago`` within a fortnight, else the date."""
    delta = now - at
    if delta < timedelta(0):
        return short_moment(at, now)
    if delta < timedelta(days=14):
        days, hours = delta.days, delta.seconds // 3600
        if days:
            return f"{days} d ago"
        return f"{hours} h ago" if hours else f"{delta.seconds // 60} min ago"
    return f"{at:%-d %b}" if at.year == now.year else f"{at:%-d %b %Y}"


def ordinal(day: int) -> str:
    suffix = "th" if 10 <= day % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"


def codes(watch: Watch) -> dict[str, str]:
    """Indicator id → short code for narrow places: the group's letter and a number (``B3``).

    Codes follow the order of the watch and are for the eye only; the id is the name.
    """
    return dict(
        _codes(tuple(watch.groups), tuple((each.id, each.group) for each in watch.indicators))
    )


@lru_cache(maxsize=64)
def _codes(
    groups: tuple[str, ...], indicators: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    present = dict.fromkeys(group for _, group in indicators)
    used = [group for group in dict.fromkeys([*groups, *present]) if group in present]
    counts: dict[str, int] = {}
    found: list[tuple[str, str]] = []
    for id, group in indicators:
        counts[group] = counts.get(group, 0) + 1
        found.append((id, f"{_letters(used.index(group))}{counts[group]}"))
    return tuple(found)


def _letters(index: int) -> str:
    return (_letters(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def by_group(watch: Watch) -> list[tuple[str, list[Indicator]]]:
    """Indicators under their group's title, in the order of the watch."""
    groups: dict[str, list[Indicator]] = {id: [] for id in watch.groups}
    for each in watch.indicators:
        groups.setdefault(each.group, []).append(each)
    return [(watch.groups.get(id, id), found) for id, found in groups.items() if found]


def listed(words: Sequence[str], *, most: int = 4) -> str:
    """``A, B and C``; past ``most`` the rest is counted."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
