"""The sentence, the subject and the preheader: what a reader sees before the digest is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.digest import wording
from monitor.digest.lines import rise
from monitor.digest.scope import Scope
from monitor.digest.values import CoverageGap, EventLine, LevelLine

_SUBJECT = 70
_NAMED = 24  # characters of an indicator's name from which one knows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    lines: Sequence[EventLine]
    levels: Sequence[LevelLine]
    gap: CoverageGap | None
    to_review: int
    bulk: str
    flood: str
    scope: Scope

    def sentence(self) -> str:
        """One or two short sentences: the biggest change, the number of events, the gap."""
        parts = [part for part in (self._change(), self._events(), self._gap()) if part]
        if not (self.levels or self.lines):
            parts.insert(0, self._nothing())
        return " ".join(parts)

    def _change(self) -> str:
        if not self.levels:
            return ""
        top = self.levels[0]
        text = f"{top.title} moved from {_level(top.before)} to {_level(top.after)}"
        if len(self.levels) > 1:
            text += f" and {wording.count(len(self.levels) - 1, 'other level')} changed"
        return text + "."

    def _events(self) -> str:
        if not self.lines:
            return ""
        updates = sum(line.is_update for line in self.lines)
        new = len(self.lines) - updates
        found = []
        if new:
            found.append(wording.count(new, "new event"))
        if updates:
            found.append(wording.count(updates, "earlier event") + " that grew")
        text = " and ".join(found)
        if self.to_review == len(self.lines):
            return f"{text} {'waits' if len(self.lines) == 1 else 'wait'} for review."
        return f"{text}; {self.to_review:,} of {len(self.lines):,} still to review."

    def _gap(self) -> str:
        if self.gap is None:
            return ""
        if self.gap.failing:
            number = len(self.gap.failing)
            return f"{wording.count(number, 'feed')} {'is' if number == 1 else 'are'} failing."
        return "There is a gap in coverage."

    def _nothing(self) -> str:
        previous = self.scope.known.previous_at
        if previous is None:
            imported = self.bulk or self.flood  # found, and no news
            return "Nothing new from the feeds yet." if imported else "Nothing found yet."
        return f"Nothing new since {wording.local(previous, self.scope.zone)}."

    def preheader(self) -> str:
        """What a mail client shows beside the subject: what the subject does not say, 40–90 chars."""
        parts = []
        ups = sum(rise(line) > 0 for line in self.levels)
        downs = len(self.levels) - ups
        if ups:
            parts.append(wording.count(ups, "level") + " up")
        if downs:
            parts.append(wording.count(downs, "level") + " down")
        if self.lines:
            parts.append(f"first: {self.lines[0].title}")
        if self.gap is not None:
            parts.insert(0, "coverage gap")
        text = ", ".join(parts) or "The monitor ran and found nothing that is new to you."
        return wording.cut(text[:1].upper() + text[1:], 90)

    def subject(self) -> str:
        """At most 70 characters: when, the biggest change, how many to review.

        Where there is no room for the change, the monitor's name goes first: the sender says it too.
        """
        known, scope = self.scope.known, self.scope
        when = wording.short_period(known.previous_at, known.as_of, scope.zone)
        tail = self._subject_count()
        long, short = f"{wording.cut(scope.house.name, 24)}, {when}: ", f"{when}: "
        if not self.levels:
            return wording.cut(long + (tail or self._subject_empty()), _SUBJECT)
        top = self.levels[0]
        verb = "up to" if rise(top) > 0 else "down to" if rise(top) < 0 else "now"
        change = f" {verb} {_level(top.after)}" + (f", {tail}" if tail else "")
        head = long if self._room(long, change) >= min(len(top.name), _NAMED) else short
        name = wording.cut(top.name, max(8, self._room(head, change)))
        return wording.cut(f"{head}{name}{change}", _SUBJECT)

    @staticmethod
    def _room(head: str, change: str) -> int:
        return _SUBJECT - len(head) - len(change)

    def _subject_count(self) -> str:
        if not self.lines:
            return ""
        if self.to_review:
            return f"{wording.count(self.to_review, 'event')} to review"
        return wording.count(len(self.lines), "event")

    def _subject_empty(self) -> str:
        return "nothing new, but a coverage gap" if self.gap is not None else "nothing new"


def _level(level: str) -> str:
    return wording.LEVEL_WORDS.get(level, level)
