"""Who stands behind a report, the chain of who told whom, and the grade that follows from both.

Origins are counted, not articles: a copy has the origin of what it copies, an item that names an agency
has that agency's, and outlets of one owner or of one state are one origin (docs/decisions/0051).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.group.attribution import attributed, origin_of
from monitor.group.fingerprint import READ_BYTES
from monitor.model import Event, Feed, Item, Member
from monitor.text import cut, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One step of the echo chain, in the order of publication."""

    item: str
    source: str
    origin: str  # "state:ru", "owner:bbc", "agency:reuters", "feed:…"
    of: str = ""  # the item that it repeats or follows
    first: bool = False  # whether this origin speaks here for the first time


def behind(item: Item, feeds: Mapping[str, Feed]) -> str:
    """Who stands behind an outlet: its state, its owner, else itself."""
    feed = feeds.get(item.feed)
    if feed is not None and feed.state:
        return f"state:{feed.state.casefold()}"
    if feed is not None and feed.origin:
        return f"owner:{feed.origin.casefold()}"
    return f"feed:{(item.source or item.feed).casefold()}"


def chain(event: Event, feeds: Mapping[str, Feed]) -> tuple[Link, ...]:
    """Who published when and from whom it came."""
    origins: dict[str, str] = {}
    found: list[Link] = []
    for member in sorted(event.members, key=_when):
        item = member.item
        origin = _origin(member, origins, feeds)
        found.append(
            Link(
                item=item.id,
                source=item.source or item.feed,
                origin=origin,
                of=member.of,
                first=origin not in origins.values(),
            )
        )
        origins[item.id] = origin
    return tuple(found)


def independent_origins(event: Event, feeds: Mapping[str, Feed]) -> int:
    """Distinct origins that report the happening itself; follow-ups and denials do not corroborate."""
    return _origins(event, chain(event, feeds))


def _origins(event: Event, links: Iterable[Link]) -> int:
    reporting = {
        member.item.id for member in event.members if member.role not in ("followup", "denial")
    }
    return max(1, len({link.origin for link in links if link.item in reporting}))


def suggested_grade(event: Event, feeds: Mapping[str, Feed]) -> str:
    """Admiralty: the best source that did not merely repeat, and how far others bear it out.

    Letters are the catalogue's A–F of the feeds. Figures: 1 three origins or more, two of them C or
    better; 2 two origins; 3 one origin graded A or B; 4 denied, and one origin alone; 6 cannot be
    judged. F and 6 mean unknown, not bad. 5 ("improbable") is left to a person.
    """
    repeats = {member.item.id for member in event.members if member.role == "copy"}
    letters: dict[str, str] = {}
    # Who stands behind the only report changes nothing, and reading its text is what takes the time.
    links = chain(event, feeds) if len(event.members) > 1 else _alone(event)
    for link, member in zip(links, sorted(event.members, key=_when), strict=True):
        feed = feeds.get(member.item.feed)
        letter = feed.reliability if feed is not None and link.item not in repeats else "F"
        letters[link.origin] = min(letters.get(link.origin, "F"), letter)
    origins = _origins(event, links)
    best = min(letters.values(), default="F")
    good = sum(letter <= "C" for letter in letters.values())
    if origins >= 3 and good >= 2:
        figure = "1"
    elif origins >= 2:
        figure = "2"
    elif any(member.role == "denial" for member in event.members):
        figure = "4"
    else:
        figure = "3" if best in "AB" else "6"
    return best + figure


def _alone(event: Event) -> tuple[Link, ...]:
    return tuple(
        Link(item=m.item.id, source=m.item.source, origin=m.item.feed) for m in event.members
    )


def _origin(member: Member, known: Mapping[str, str], feeds: Mapping[str, Feed]) -> str:
    item = member.item
    if member.role == "copy" and member.of in known:
        return known[member.of]
    named = attributed(fold(item.title).text, fold(cut(item.summary, READ_BYTES)).text)
    if named:
        return origin_of(min(named))
    return behind(item, feeds)


def _when(member: Member) -> tuple[float, str]:
    at = member.item.published_at or member.item.first_seen_at or member.added_at
    return (at.timestamp() if at else 0.0, member.item.id)
