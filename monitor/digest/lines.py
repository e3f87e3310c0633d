"""What a line of a digest says of its hits: their order, the words that matched, the piece of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from monitor.digest import wording
from monitor.digest.known import rank
from monitor.digest.values import EventLine, LevelLine
from monitor.digest.wording import readable
from monitor.model import Status, StoredHit
from monitor.render import safe_link

_TERMS, _SNIPPET = 5, 180
GRADES = "ABCDEF"
_LINK = 1_000  # characters: what is longer is no address that a reader could use


def rise(line: LevelLine) -> int:
    return rank(line.after) - rank(line.before)


def usable_link(address: str) -> str:
    found = safe_link(address)
    return found if len(found) <= _LINK else ""


def leading_status(statuses: Sequence[Status]) -> Status:
    for status in ("second-look", "new", "confirmed"):
        if status in statuses:
            return status
    return "new"


def best_first(line: EventLine) -> tuple[object, ...]:
    """Independent origins, the better source, the better match; volume and age only after them."""
    known = line.grade and line.grade in GRADES
    grade = GRADES.index(line.grade) if known else len(GRADES)
    return (-line.origins, grade, -line.score, -line.items, -line.at.timestamp(), line.number)


def by_item(hits: Sequence[StoredHit]) -> list[list[StoredHit]]:
    found: dict[str, list[StoredHit]] = {}
    for stored in hits:
        found.setdefault(stored.item.id, []).append(stored)
    return list(found.values())


def bulk_line(bulk: Sequence[StoredHit]) -> str:
    if not bulk:
        return ""
    parts = []
    for how, word in (
        ("import", "an import"),
        ("rematch", "changed rules applied to stored items"),
    ):
        some = [stored for stored in bulk if stored.how == how]
        if some:
            by = Counter(stored.hit.indicator for stored in some)
            top = [f"{indicator[:40]} {number:,}" for indicator, number in by.most_common(4)]
            more = f", {len(by) - 4} more indicators" if len(by) > 4 else ""
            parts.append(f"{wording.count(len(some), 'hit')} from {word} ({', '.join(top)}{more})")
    return f"Not news, listed on the pages only: {' and '.join(parts)}."


def snippet(lead: StoredHit) -> str:
    """The start of the summary, or the piece around its first match when that comes late."""
    text = readable(lead.item.summary)
    starts = [span.start for span in lead.hit.spans if span.field == "summary"]
    if starts and min(starts) > _SNIPPET - 40:
        begin = text.rfind(" ", 0, max(0, min(starts) - 60)) + 1
        return "…" + wording.cut(text[begin:], _SNIPPET - 1)
    return wording.cut(text, _SNIPPET)


def terms(lead: StoredHit, news: Sequence[StoredHit]) -> tuple[str, ...]:
    """The words that matched, as published, without repeats."""
    found: dict[str, str] = {}
    for stored in [lead, *news]:
        if stored.item.id != lead.item.id:
            continue
        for span in stored.hit.spans:
            text = stored.item.title if span.field == "title" else stored.item.summary
            word = wording.cut(readable(text[span.start : span.end]) or span.term, 40)
            found.setdefault(word.casefold(), word)
    return tuple(list(found.values())[:_TERMS])
