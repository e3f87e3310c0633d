"""The plain evaluator: each rule of the language as it is defined, with no thought for speed.

It is what the indexed engine (``monitor/match``) is tested against, what ``explain`` walks through and
what small tools use. Times grow with the number of forms times the number of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.query.frames import Action, find_frames
from monitor.query.lexicon import ACTORS, Lexicon, Pattern, word_matches
from monitor.query.matches import (
    MAX_MATCHES,
    NOTHING,
    Facts,
    Leaf,
    Match,
    Outcome,
    joined,
    merged,
)
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Ref, Term, Title
from monitor.text import Document

NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class PlainEvaluator:
    """Evaluates any node on one document."""

    document: Document
    lexicon: Lexicon
    facts: Facts = NO_FACTS

    def evaluate(self, node: Node, *, title_only: bool = False) -> Outcome:
        match node:
            case Term(text):
                return self._found(self.lexicon.term(text), text, title_only)
            case Ref(name):
                return self._found(self.lexicon.patterns(name), f"@{name}", title_only)
            case Title(operand):
                return self.evaluate(operand, title_only=True)
            case Fact(kind, value):
                return Outcome(getattr(self.facts, kind) == value)
            case Not(operand):
                return Outcome(not self.evaluate(operand, title_only=title_only).holds)
            case And(operands):
                found = [self.evaluate(each, title_only=title_only) for each in operands]
                if not all(each.holds for each in found):
                    return NOTHING
                return Outcome(True, merged(each.matches for each in found))
            case Or(operands):
                found = [self.evaluate(each, title_only=title_only) for each in operands]
                return Outcome(
                    any(each.holds for each in found),
                    merged(each.matches for each in found if each.holds),
                )
            case Near():
                return self._near(node, title_only)
            case Frame():
                return self._frame(node, title_only)

    def _found(self, patterns: Sequence[Pattern], term: str, title_only: bool) -> Outcome:
        leaves = [(*place, term) for place in find(patterns, self.document, title_only=title_only)]
        matches = tuple((leaf[0], leaf[1], (leaf,)) for leaf in leaves[:MAX_MATCHES])
        return Outcome(bool(matches), matches)

    def _near(self, node: Near, title_only: bool) -> Outcome:
        lefts = self.evaluate(node.left, title_only=title_only).matches
        rights = self.evaluate(node.right, title_only=title_only).matches
        best: dict[tuple[int, int], tuple[int, Match]] = {}
        for left in lefts:
            for right in rights:
                gap = self._gap(node, left, right)
                if gap is None:
                    continue
                both = joined(left, right)
                key = both[0], both[1]
                if key not in best or gap < best[key][0]:
                    best[key] = gap, both
        matches = merged([[each for _, each in best.values()]])
        return Outcome(bool(matches), matches)

    def _gap(self, node: Near, left: Match, right: Match) -> int | None:
        """How many words stand between, if the two are near as the node asks."""
        if right[0] >= left[1]:
            gap = right[0] - left[1]
        elif not node.ordered and left[0] >= right[1]:
            gap = left[0] - right[1]
        else:
            return None
        first, last = min(left[0], right[0]), max(left[1], right[1]) - 1
        if node.within == "sentence":
            near = self.document.sentence(first) == self.document.sentence(last)
        elif node.within == "clause":
            near = self.document.clause(first) == self.document.clause(last)
        else:
            near = gap <= node.within
        return gap if near else None

    def _frame(self, node: Frame, title_only: bool) -> Outcome:
        name = node.action.name
        verbs = set(find(self.lexicon.verbs(name), self.document, title_only=title_only))
        nouns = set(find(self.lexicon.nouns(name), self.document, title_only=title_only))
        actions = [
            Action(start, end, (start, end) in verbs, (start, end) in nouns, f"@{name}")
            for start, end in sorted(verbs | nouns)[:MAX_MATCHES]
        ]
        roles = [
            (role, self.evaluate(operand, title_only=title_only).matches)
            for role, operand in node.roles
        ]
        matches = merged([find_frames(self.document, actions, roles, self.actors, {})])
        return Outcome(bool(matches), matches)

    def actors(self) -> list[Leaf]:
        """Every mention of a possible doer."""
        return sorted(
            (start, end, name)
            for name in self.lexicon.names(ACTORS)
            for start, end in find(self.lexicon.patterns(name), self.document)
        )


def find(
    patterns: Sequence[Pattern], document: Document, *, title_only: bool = False
) -> list[tuple[int, int]]:
    """Where any of the patterns stands, in the order of the text."""
    found: set[tuple[int, int]] = set()
    fields = [(document.title, 0)]
    if not title_only:
        fields.append((document.summary, document.offset))
    for field, offset in fields:
        for pattern in patterns:
            for at in range(len(field.words) - len(pattern) + 1):
                if all(
                    word_matches(word, field.words[at + i], field.folded[at + i])
                    for i, word in enumerate(pattern)
                ):
                    found.add((offset + at, offset + at + len(pattern)))
    return sorted(found)
