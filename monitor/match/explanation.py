"""Why an item is a hit or none: each clause of a query with what it found and how near it came.

Walks the parsed queries with the matcher's own plans, so that what is told is what was done; the score
and its parts come from the matcher too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from monitor.match.engine import CompiledWatch, IndexedMatcher
from monitor.match.plan import Gazetteer, Plan, Planner, State
from monitor.match.score import total
from monitor.model import Branch, Hit, Indicator, Item, Watch
from monitor.query import parse
from monitor.query.frames import Action, labels
from monitor.query.matches import Match, Outcome
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Title

MOST_SHOWN = 4  # places of one clause that are quoted
_QUERY_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One part of a query on one item."""

    text: str  # as written
    holds: bool
    found: tuple[str, ...] = ()  # the item's words it rests on
    note: str = ""  # why it fails, how near it came
    parts: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchFound:
    """One branch of an indicator on one item."""

    branch: Branch
    clause: Clause
    veto: Clause | None  # the indicator's exclusion, where it has one and the branch holds
    distance: int | None  # words between the evidence that stands farthest apart in a match

    @property
    def holds(self) -> bool:
        return self.clause.holds and not (self.veto and self.veto.holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    indicator: Indicator
    branches: tuple[BranchFound, ...]
    hit: Hit | None  # the best branch's hit, whatever its score
    min_score: float

    @property
    def is_hit(self) -> bool:
        return self.hit is not None and self.hit.score >= self.min_score


def explain(watch: Watch, item: Item, indicator: str, *, matcher: IndexedMatcher) -> str:
    """The whole story of one item and one indicator, for a terminal. ``indicator`` is in ``watch``."""
    return "\n".join(_lines(explanation(watch, item, indicator, matcher=matcher)))


def explanation(
    watch: Watch, item: Item, indicator: str, *, matcher: IndexedMatcher
) -> Explanation:
    """Every branch of an indicator on an item, with its clauses, and the hit that comes of them."""
    wanted = watch.indicator(indicator)
    walker = _walker(matcher.compiled(watch.id), item, matcher)
    hits = matcher.candidates(item)
    mine = [hit for hit in hits if hit.watch == watch.id and hit.indicator == indicator]
    return Explanation(
        indicator=wanted,
        branches=tuple(_branch(walker, wanted, each) for each in wanted.branches),
        hit=mine[0] if mine else None,
        min_score=watch.min_score,
    )


def details(watch: Watch, item: Item, hit: Hit, *, matcher: IndexedMatcher) -> dict[str, Any]:
    """What ``match --explain`` says of a hit beside its parts: distance and branches that failed."""
    walker = _walker(matcher.compiled(watch.id), item, matcher)
    indicator = watch.indicator(hit.indicator)
    distance = None
    others = []
    for branch in indicator.branches:
        if branch.name == hit.branch:
            distance = _branch(walker, indicator, branch).distance
        elif failed := failures(_branch(walker, indicator, branch).clause):
            others.append({"branch": branch.name, "failed": failed[:3]})
    return {"distance": distance, "min_score": watch.min_score, "other_branches": others}


def why_missed(watch: Watch, item: Item, indicator: str, *, matcher: IndexedMatcher) -> str:
    """In one line why an indicator is no hit: its score, what excluded it, or the nearest branch."""
    told = explanation(watch, item, indicator, matcher=matcher)
    if told.hit is not None:
        return f"branch “{told.hit.branch}” holds, score {told.hit.score:.2f}"
    for found in told.branches:
        if found.clause.holds and found.veto is not None:
            words = ", ".join(_found_by(found.veto)) or shortened(told.indicator.exclude)
            return f"branch “{found.branch.name}” holds, but is excluded by {words}"
    failed = [(failures(found.clause), found.branch.name) for found in told.branches]
    if not failed:
        return "it has no branches"
    least, name = min(failed, key=lambda each: len(each[0]))
    return f"branch “{name}” fails: {'; '.join(least[:3])}"


def near_misses(
    watch: Watch, item: Item, hits: Sequence[Hit], *, matcher: IndexedMatcher
) -> list[dict[str, Any]]:
    """Indicators that a branch speaks for and that an exclusion or a low score keeps from a hit."""
    known = {hit.indicator for hit in hits if hit.watch == watch.id}
    found: list[dict[str, Any]] = [
        {
            "watch": watch.id,
            "indicator": hit.indicator,
            "branch": hit.branch,
            "score": hit.score,
            "because": f"the score is below {watch.min_score:g}",
        }
        for hit in matcher.candidates(item)
        if hit.watch == watch.id and hit.indicator not in known
    ]
    known |= {each["indicator"] for each in found}
    walker = _walker(matcher.compiled(watch.id), item, matcher)
    for indicator in watch.indicators:
        if indicator.exclude and indicator.id not in known:
            found.extend(_vetoed(walker, watch, indicator))
    return found


def _vetoed(walker: _Walker, watch: Watch, indicator: Indicator) -> Iterator[dict[str, Any]]:
    outcome = walker.outcome(indicator.exclude)
    if not outcome.holds:
        return
    for branch in indicator.branches:
        if walker.outcome(branch.query).holds:
            words = ", ".join(walker.quoted(outcome.matches)) or shortened(indicator.exclude)
            yield {
                "watch": watch.id,
                "indicator": indicator.id,
                "branch": branch.name,
                "because": f"excluded by {words}",
            }
            return


def failures(clause: Clause) -> list[str]:
    """What keeps a clause from holding, in a few words each, innermost first."""
    if clause.holds:
        return []
    inner = [words for part in clause.parts for words in failures(part)]
    if inner and not clause.note:
        return inner
    said = f"{shortened(clause.text)}: {clause.note}" if clause.note else shortened(clause.text)
    return [said]


def _found_by(clause: Clause) -> list[str]:
    """The words that a clause, an exclusion mostly, rests on."""
    own = list(clause.found)
    return own or [word for part in clause.parts if part.holds for word in _found_by(part)]


# ── Clauses ──────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=4_096)
def _parsed(query: str) -> Node:
    return parse(query)


def _walker(compiled: CompiledWatch, item: Item, matcher: IndexedMatcher) -> _Walker:
    return _Walker(compiled, matcher.state(item))


def _branch(walker: _Walker, indicator: Indicator, branch: Branch) -> BranchFound:
    clause = walker.of(branch.query).clause(_parsed(branch.query))
    veto = None
    if clause.holds and indicator.exclude and branch.prior >= 0:  # else only a model lifts it
        veto = walker.of(indicator.exclude).clause(_parsed(indicator.exclude))
    outcome = walker.outcome(branch.query)
    return BranchFound(branch=branch, clause=clause, veto=veto, distance=_distance(outcome))


def _distance(outcome: Outcome) -> int | None:
    """Words between the first and the last leaf of the widest match; None without two leaves."""
    gaps = [
        match[1] - match[0] - sum(leaf[1] - leaf[0] for leaf in match[2])
        for match in outcome.matches
        if len(match[2]) > 1
    ]
    return max(0, *gaps) if gaps else None


class _Walker:
    """The queries of one watch on one item."""

    def __init__(self, watch: CompiledWatch, state: State) -> None:
        self.watch = watch
        self.state = state

    def of(self, query: str) -> _Clauses:
        return _Clauses(query, self.watch, self.state)

    def outcome(self, query: str) -> Outcome:
        return self.of(query).evaluate(_parsed(query))

    def quoted(self, matches: Sequence[Match]) -> list[str]:
        return _quoted(self.state, matches)


class _Clauses:
    """The clauses of one query on one item."""

    def __init__(self, query: str, watch: CompiledWatch, state: State) -> None:
        self.query = query
        self.watch = watch
        self.state = state
        self.document = state.document

    def evaluate(self, node: Node, title_only: bool = False) -> Outcome:
        plan = self._plan(node, title_only)
        holds = plan.holds(self.state)
        return Outcome(holds, tuple(plan.find(self.state)) if holds else ())

    def _plan(self, node: Node, title_only: bool) -> Plan:
        key = self.query, node, title_only
        plan = self.watch.plans.get(key)
        if plan is None:
            planner = Planner(self.watch.gazetteer, _parsed(self.query))
            plan = self.watch.plans[key] = planner.part(node, title=title_only)
        return plan

    def clause(self, node: Node, title_only: bool = False) -> Clause:
        outcome = self.evaluate(node, title_only)
        text = written(self.query, node)
        found = tuple(self.quoted(outcome.matches))
        match node:
            case And(operands) | Or(operands):
                parts = tuple(self.clause(each, title_only) for each in operands)
                return Clause(text=text, holds=outcome.holds, parts=parts)
            case Not(operand):
                inner = self.clause(operand, title_only)
                note = f"{', '.join(inner.found)} stands there" if inner.found else "it holds"
                return Clause(
                    text=text, holds=outcome.holds, note="" if outcome.holds else f"but {note}"
                )
            case Title(operand):
                part = self.clause(operand, True)
                note = part.note or ("" if part.parts else "not in the title")
                return Clause(
                    text=text,
                    holds=outcome.holds,
                    found=found,
                    note="" if outcome.holds else note,
                    parts=part.parts,
                )
            case Fact(kind):
                note = f"the item's {kind} is {self.state.fact(kind) or 'not known'}"
                return Clause(text=text, holds=outcome.holds, note=note)
            case Near():
                return self._near(node, text, outcome, found, title_only)
            case Frame():
                return self._frame(node, text, outcome, found, title_only)
        note = "" if outcome.holds else ("not in the title" if title_only else "not in the text")
        return Clause(text=text, holds=outcome.holds, found=found, note=note)

    def _near(
        self,
        node: Near,
        text: str,
        outcome: Outcome,
        found: tuple[str, ...],
        title_only: bool,
    ) -> Clause:
        if outcome.holds:
            return Clause(text=text, holds=True, found=found, note=self._gaps(outcome.matches))
        sides = tuple(self.clause(each, title_only) for each in (node.left, node.right))
        if not all(side.holds for side in sides):
            return Clause(text=text, holds=False, parts=sides)
        lefts = self.evaluate(node.left, title_only).matches
        rights = self.evaluate(node.right, title_only).matches
        return Clause(text=text, holds=False, note=self._too_far(node, lefts, rights), parts=sides)

    def _too_far(self, node: Near, lefts: Sequence[Match], rights: Sequence[Match]) -> str:
        """How near the two came and what they missed by."""
        pairs = [
            (max(right[0] - left[1], left[0] - right[1]), left, right)
            for left in lefts
            for right in rights
        ]
        gap, left, right = min(pairs, key=lambda pair: abs(pair[0]))
        where = f"nearest: {self.quote(left)} and {self.quote(right)}"
        if self.document.in_title(left[0]) != self.document.in_title(right[0]):
            return f"{where}, one in the title, the other in the summary"
        if gap < 0:
            return f"{where}, which are the same words"
        if node.ordered and right[0] < left[1]:
            return f"{where}, in the other order"
        if isinstance(node.within, int):
            return f"{where}, {gap} words between; {node.within} may be"
        return f"{where}, not in one {node.within}"

    def _frame(
        self,
        node: Frame,
        text: str,
        outcome: Outcome,
        found: tuple[str, ...],
        title_only: bool,
    ) -> Clause:
        if outcome.holds:
            return Clause(text=text, holds=True, found=found, note=self._gaps(outcome.matches))
        actions = self._actions(node)
        if not actions:
            return Clause(text=text, holds=False, note=f"no form of @{node.action.name} is there")
        parts = tuple(
            self._role(role, operand, actions, title_only) for role, operand in node.roles
        )
        note = "" if any(not part.holds for part in parts) else "not all of them around one action"
        return Clause(text=text, holds=False, note=note, parts=parts)

    def _actions(self, node: Frame) -> list[Action]:
        gazetteer: Gazetteer = self.watch.gazetteer
        lexicon, name = gazetteer.lexicon, node.action.name
        places, atom = self.state.places, gazetteer.vocabulary.atom
        verbs = set(places.get(atom(lexicon.verbs(name)), ()))
        nouns = set(places.get(atom(lexicon.nouns(name)), ()))
        return [
            Action(start, end, (start, end) in verbs, (start, end) in nouns, f"@{name}")
            for start, end in sorted(verbs | nouns)
        ]

    def _role(
        self, role: str, operand: Node, actions: Sequence[Action], title_only: bool
    ) -> Clause:
        """Whether any candidate can be what the role asks, and what it is instead."""
        text = f"{role}: {written(self.query, operand)}"
        candidates = self.evaluate(operand, title_only).matches
        if not candidates:
            return Clause(text=text, holds=False, note="not in the text")
        instead: dict[str, None] = {}
        actors = self.state.actors(self.watch.gazetteer)
        for action in actions:
            sentence = self.document.sentence(action.start)
            for match in candidates:
                if self.document.sentence(match[0]) != sentence:
                    continue
                readings = labels(self.document, action, (match[0], match[1]), actors).values()
                can_be = frozenset().union(*readings)
                if role in can_be or role == "in" or (role == "with" and "by" in can_be):
                    return Clause(text=text, holds=True, found=(self.quote(match),))
                words = "/".join(sorted(can_be)) or "without a role"
                instead[f"{self.quote(match)} is {words} of {self.quote(_place(action))}"] = None
        note = "; ".join(list(instead)[:MOST_SHOWN]) or "not in the sentence of the action"
        return Clause(text=text, holds=False, note=note)

    # ── The item's own words ─────────────────────────────────────────────────────────────────────

    def _gaps(self, matches: Sequence[Match]) -> str:
        distance = _distance(Outcome(True, tuple(matches[:1])))
        if distance is None:
            return ""
        return f"{distance} word{'' if distance == 1 else 's'} between"

    def quoted(self, matches: Sequence[Match]) -> list[str]:
        return _quoted(self.state, matches)

    def quote(self, match: Match) -> str:
        return _quote(self.state, match[0], match[1])


def _quoted(state: State, matches: Sequence[Match]) -> list[str]:
    """The words of the first matches, each once."""
    leaves = dict.fromkeys(leaf[:2] for match in matches for leaf in match[2])
    return list(dict.fromkeys(_quote(state, *place) for place in leaves))[:MOST_SHOWN]


def _quote(state: State, first: int, end: int) -> str:
    field, start, stop = state.document.span(first, end)
    tokens = state.document.title if field == "title" else state.document.summary
    return f"“{tokens.source.source[start:stop]}”"


def _place(action: Action) -> Match:
    return action.start, action.end, ()


# ── As text ──────────────────────────────────────────────────────────────────────────────────────


def _lines(told: Explanation) -> Iterator[str]:
    hit = told.hit
    if hit is None:
        yield f"  {told.indicator.id}: no hit, no branch holds"
    elif told.is_hit:
        yield f"  {told.indicator.id}: hit, score {hit.score:.2f}, {hit.stage}, {hit.genre}"
    else:
        yield (
            f"  {told.indicator.id}: no hit, score {hit.score:.2f} is below {told.min_score:g}"
            f" ({hit.stage}, {hit.genre})"
        )
    for found in told.branches:
        yield from _branch_lines(found, told.indicator)
    if hit is not None:
        yield f"  score of branch “{hit.branch}”, in log-odds:"
        for part in hit.parts:
            yield f"    {part.value:+6.2f}  {part.name:<10} {part.why}".rstrip()
        yield f"    {total(hit.parts):+6.2f}  sum, which is {hit.score:.2f}"


def _branch_lines(found: BranchFound, indicator: Indicator) -> Iterator[str]:
    words = "holds" if found.clause.holds else "fails"
    if found.clause.holds and not found.holds:
        words = "holds, but is excluded"
    yield f"  branch “{found.branch.name}” {words}"
    yield from _clause_lines(found.clause, "    ")
    if found.veto is not None and found.veto.holds:
        yield f"    excluded by: {shortened(indicator.exclude)}"
        yield from _clause_lines(found.veto, "      ")


def _clause_lines(clause: Clause, indent: str) -> Iterator[str]:
    mark = "+" if clause.holds else "-"
    said = " ".join(each for each in (", ".join(clause.found), clause.note) if each)
    yield f"{indent}{mark} {shortened(clause.text)}{'  ← ' if said else ''}{said}"
    absent = [part for part in clause.parts if not (part.holds or part.parts)]
    if len(absent) > 1 and len({part.note for part in absent}) == 1 and len(absent[0].note) < 20:
        names = " ".join(part.text for part in absent)
        yield f"{indent}  - {absent[0].note}: {shortened(names)}"
    else:
        absent = []
    for part in clause.parts:
        if part not in absent:
            yield from _clause_lines(part, indent + "  ")


def written(query: str, node: Node) -> str:
    """A node as it stands in its query, on one line, with the parentheses that belong to it."""
    start, end = node.start, node.end
    depth = lowest = 0
    for sign in query[start:end]:
        depth += (sign == "(") - (sign == ")")
        lowest = min(lowest, depth)
    for _ in range(-lowest):
        start = max(0, query.rfind("(", 0, start))
    for _ in range(depth - lowest):
        end = query.find(")", end) + 1 or end
    return " ".join(query[start:end].split())


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUERY_WIDTH else text[: _QUERY_WIDTH - 1] + "…"
