"""Queries made ready to run: trees of closures over atoms.

The same language as ``monitor.query.plain`` defines, evaluated on what the vocabulary found. Work is
bounded whatever the query and the item: matches per operand, pairs per NEAR and frames per action all
have a limit, and nothing is tried twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from monitor.match.ceiling import Text
from monitor.match.moods import Moods
from monitor.match.places import Mentions, Places
from monitor.match.vocabulary import Need, Vocabulary
from monitor.query.frames import MAX_ACTIONS, Action, Scenes, find_frames
from monitor.query.lexicon import ACTORS, Lexicon
from monitor.query.matches import MAX_MATCHES, Leaf, Match, joined, joined_parts, merged
from monitor.query.nodes import And, Fact, Frame, Near, Node, Not, Or, Ref, Term, Title, walk
from monitor.text import Document

MAX_PAIRS = 6_000
"""Pairs of matches that the NEARs of one query look at in one item, shared among them."""

MAX_LEAVES = 8_000
"""Places of all terms of one query that are looked at in one item, shared among them; 40 at least."""

MAX_SCENES = 40
"""Places of actions that the frames of one query look at in one item, shared; 2 at least."""

Matches: TypeAlias = Sequence[Match]
NONE: Matches = ()


class State:
    """One item under evaluation: where its atoms stand, and what was worked out already."""

    __slots__ = (
        "_actions", "_actors", "_facts", "_scenes", "document", "fact_of", "genres", "kept", "moods",
        "numbers", "places", "texts",
    )  # fmt: skip

    def __init__(
        self, document: Document, places: Places, fact_of: Callable[[State, str], str]
    ) -> None:
        self.document = document
        self.places = places
        self.numbers = places.numbers
        self.fact_of = fact_of
        self.kept: dict[object, Matches] = {}
        self.genres: dict[object, tuple[str, str]] = {}
        self.texts: dict[object, Text] = {}
        self.moods: dict[object, Moods] = {}
        self._facts: dict[str, str] = {}
        self._actors: dict[int, list[Leaf]] = {}
        self._scenes: dict[int, Scenes] = {}
        self._actions: dict[tuple[int, int, str], list[Action]] = {}

    def fact(self, kind: str) -> str:
        """What is known of the item as a whole: its "lang", "stage" or "genre"."""
        found = self._facts.get(kind)
        if found is None:
            found = self._facts[kind] = self.fact_of(self, kind)
        return found

    def actors(self, gazetteer: Gazetteer) -> list[Leaf]:
        key = id(gazetteer)
        if key not in self._actors:
            self._actors[key] = sorted(
                (*place, name)
                for name, places in gazetteer.actors.among(self.places)
                for place in places
            )
        return self._actors[key]

    def scenes(self, gazetteer: Gazetteer) -> Scenes:
        return self._scenes.setdefault(id(gazetteer), {})

    def actions(self, verbs: int, nouns: int, term: str) -> list[Action]:
        """Where an action stands, in the order of the text."""
        key = verbs, nouns, term
        if key not in self._actions:
            as_verbs, as_nouns = set(self.places[verbs]), set(self.places[nouns])
            self._actions[key] = [
                Action(*place, place in as_verbs, place in as_nouns, term)
                for place in sorted(as_verbs | as_nouns)
            ]
        return self._actions[key]


Holds: TypeAlias = Callable[[State], bool]
Find: TypeAlias = Callable[[State], Matches]


Words: TypeAlias = frozenset[int]
"""Patterns, by number; ``~number`` for one in the title."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A node, ready: whether it holds, and its matches if it does.

    What it needs is asked first, as most queries fail for a word that is not there.
    """

    holds: Holds
    find: Find
    needs: tuple[Words, ...] = ()  # of each, one word must occur for it to hold
    exact: bool = False  # and where one of each does, it holds
    cheap: bool = False  # ``holds`` costs little
    finds: bool = True  # it holds exactly where it has matches; NOT and facts have none
    only: int = -1  # the one pattern word that it is, wherever that stands
    might: Holds | None = None  # a cheaper look: where it says no, it does not hold

    @property
    def look(self) -> Holds:
        """The cheapest look that there is."""
        if self.might is not None:
            return self.might
        if self.cheap:
            return self.holds
        return meets(self.needs)


def meets(needs: Sequence[Words]) -> Holds:
    """Of an item whether every need is met: the question that is asked most, so the usual cases are
    written out."""
    match needs:
        case []:
            return lambda state: True
        case [one]:
            return lambda state: not state.numbers.isdisjoint(one)
        case [one, two]:
            return lambda state: not ((no := state.numbers.isdisjoint)(one) or no(two))
        case [one, two, three]:
            return lambda state: not ((no := state.numbers.isdisjoint)(one) or no(two) or no(three))

    def met(state: State) -> bool:
        no = state.numbers.isdisjoint
        for words in needs:  # noqa: SIM110 — half the time of all()
            if no(words):
                return False
        return True

    return met


class Gazetteer:
    """A watch's concepts as atoms."""

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self.lexicon = lexicon
        self.vocabulary = vocabulary
        names = lexicon.names(ACTORS)
        self.actors = Mentions([(name, self.atom(name)) for name in names], vocabulary)

    def atom(self, name: str) -> int:
        return self.vocabulary.atom(self.lexicon.patterns(name))


class Planner:
    """Turns the nodes of one query into plans."""

    def __init__(self, gazetteer: Gazetteer, root: Node) -> None:
        self.gazetteer = gazetteer
        self.vocabulary = gazetteer.vocabulary
        nodes = walk(root)
        nears = sum(isinstance(node, Near) for node in nodes)
        leaves = sum(isinstance(node, Term | Ref) for node in nodes)
        frames = sum(isinstance(node, Frame) for node in nodes)
        self.max_pairs = MAX_PAIRS // max(1, nears)
        self.max_leaves = max(40, min(MAX_MATCHES, MAX_LEAVES // max(1, leaves)))
        self.max_actions = max(2, min(MAX_ACTIONS, MAX_SCENES // max(1, frames)))
        self.plan = self._plan(root, title=False)

    def part(self, node: Node, *, title: bool) -> Plan:
        """The plan of one node of the query, within ``title:`` or not: what ``explain`` asks."""
        return self._plan(node, title)

    def _plan(self, node: Node, title: bool) -> Plan:
        match node:
            case Term(text):
                patterns = self.gazetteer.lexicon.term(text)
                return self._leaf(self.vocabulary.atom(patterns), text, title)
            case Ref(name):
                return self._leaf(self.gazetteer.atom(name), f"@{name}", title)
            case Title(operand):
                return self._plan(operand, title=True)
            case Fact(kind, value):
                return Plan(
                    lambda state: state.fact(kind) == value,
                    lambda state: NONE,
                    cheap=kind == "lang",
                    finds=False,
                )
            case Not(operand):
                inner = self._plan(operand, title)
                holds = inner.holds
                return Plan(
                    lambda state: not holds(state),
                    lambda state: NONE,
                    cheap=inner.cheap,
                    finds=False,
                )
            case And(operands):
                return _all([self._plan(each, title) for each in operands])
            case Or(operands):
                return _any([self._plan(each, title) for each in operands])
            case Near():
                return self._near(node, title)
            case Frame():
                return self._frame(node, title)

    def _leaf(self, atom: int, term: str, title: bool) -> Plan:
        most = self.max_leaves

        def find(state: State) -> Matches:
            places = state.places[atom]
            if title:
                places = [place for place in places if state.document.in_title(place[0])]
            return [(start, end, ((start, end, term),)) for start, end in places[:most]]

        _, numbers, only = self.vocabulary.atoms[atom]
        if title:
            return _of_words(titled(numbers), find)
        if only < 0:
            return _of_words(numbers, find)

        def find_one(state: State) -> Matches:
            places = state.places.of(only, most)
            return [(start, end, ((start, end, term),)) for start, end in places]

        return Plan(
            lambda state: only in state.numbers,
            find_one,
            (numbers,),
            exact=True,
            cheap=True,
            only=only,
        )

    def _near(self, node: Near, title: bool) -> Plan:
        left, right = self._plan(node.left, title), self._plan(node.right, title)
        max_pairs = self.max_pairs
        one, two = left.only, right.only
        length = self.vocabulary.patterns
        reach = 0
        if isinstance(node.within, int) and one >= 0 and two >= 0:
            reach = node.within + max(len(length[one]), len(length[two]))
        needs = left.needs + right.needs
        might = _stand_near(one, two, reach) if reach else meets(needs)

        def work(state: State) -> Matches:
            if not might(state):
                return NONE
            lefts = left.find(state)
            rights = right.find(state) if lefts else NONE
            if not rights:
                return NONE
            if len(lefts) == len(rights) == 1 and isinstance(node.within, int):
                return _near_one(node.within, node.ordered, lefts[0], rights[0])
            return near(state.document, node, lefts, rights, max_pairs)

        return _kept(work, needs, might)

    def _frame(self, node: Frame, title: bool) -> Plan:
        lexicon, name = self.gazetteer.lexicon, node.action.name
        verbs = self.vocabulary.atom(lexicon.verbs(name))
        nouns = self.vocabulary.atom(lexicon.nouns(name))
        roles = [(role, self._plan(operand, title)) for role, operand in node.roles]
        atoms = self.vocabulary.atoms[verbs], self.vocabulary.atoms[nouns]
        acts = frozenset[int]().union(*(atom.numbers for atom in atoms))
        if title:
            acts = titled(acts)
        needs = (acts, *(need for _, plan in roles for need in plan.needs))
        term, gazetteer, most = f"@{name}", self.gazetteer, self.max_actions
        might = meets(needs)

        def work(state: State) -> Matches:
            if not might(state):
                return NONE
            actions = state.actions(verbs, nouns, term)[:most]
            if title:
                actions = [each for each in actions if state.document.in_title(each.start)]
            if not actions or not all(plan.holds(state) for _, plan in roles):
                return NONE
            operands = [(role, plan.find(state)) for role, plan in roles]
            actors, scenes = lambda: state.actors(gazetteer), state.scenes(gazetteer)
            return merged([find_frames(state.document, actions, operands, actors, scenes)])

        return _kept(work, needs, might)


def _stand_near(one: int, two: int, reach: int) -> Holds:
    return lambda state: state.places.near(one, two, reach)


def _of_words(words: Words, find: Find) -> Plan:
    return Plan(meets([words]), find, (words,), exact=True, cheap=True)


def _all(plans: list[Plan]) -> Plan:
    needs = tuple(dict.fromkeys(need for plan in plans for need in plan.needs))
    met = meets(needs)
    # After the needs, what costs little; after that, what has to be looked for.
    quick = [plan.holds for plan in plans if plan.cheap and not plan.exact]
    slow = [plan for plan in plans if not plan.cheap and not plan.exact]
    promising = _and(met, quick)

    def find(state: State) -> Matches:
        if not promising(state):
            return NONE
        parts = []
        for plan in plans:
            part = plan.find(state)
            if not (part if plan.finds else plan.holds(state)):
                return NONE
            parts.append(part)
        return joined_parts(parts)

    return Plan(
        _and(promising, [plan.holds for plan in slow]),
        find,
        needs,
        exact=all(plan.exact for plan in plans),
        cheap=not slow,
        finds=any(plan.finds for plan in plans),
        might=_and(promising, [plan.look for plan in slow]) if slow else None,
    )


def _and(first: Holds, rest: list[Holds]) -> Holds:
    if not rest:
        return first
    if len(rest) == 1:
        last = rest[0]
        return lambda state: first(state) and last(state)

    def holds(state: State) -> bool:
        if not first(state):
            return False
        for test in rest:  # noqa: SIM110
            if not test(state):
                return False
        return True

    return holds


def _any(plans: list[Plan]) -> Plan:
    by_word: dict[int, list[int]] = {}  # by a word that an alternative needs
    for at, plan in enumerate(plans):
        if plan.needs:
            for word in min(plan.needs, key=len):
                by_word.setdefault(word, []).append(at)
    words = frozenset(by_word)
    rest = [at for at, plan in enumerate(plans) if not plan.needs]
    finds = all(plan.finds for plan in plans)
    exact = not rest and all(plan.exact and len(plan.needs) == 1 for plan in plans)

    def asked(state: State) -> list[int]:
        """The alternatives that can hold: those of which a word occurs."""
        here = state.numbers & words
        if len(here) == 1 and not rest:
            return by_word[here.pop()]  # in order, each once
        return sorted({*rest, *(at for word in here for at in by_word[word])})

    def find(state: State) -> Matches:
        return joined_parts([plans[at].find(state) for at in asked(state)])

    if exact:
        return _of_words(words, find)

    def some(tests: list[Holds]) -> Holds:
        def holds(state: State) -> bool:
            for at in asked(state):  # noqa: SIM110
                if tests[at](state):
                    return True
            return False

        return holds

    cheap = all(plan.cheap for plan in plans)
    return Plan(
        some([plan.holds for plan in plans]),
        find,
        (words,) if not rest else (),
        cheap=cheap,
        finds=finds,
        might=None if cheap else some([plan.look for plan in plans]),
    )


def _kept(work: Find, needs: tuple[Words, ...], might: Holds) -> Plan:
    """A plan whose matches are worked out once an item."""

    def find(state: State) -> Matches:
        found = state.kept.get(work)
        if found is None:
            found = state.kept[work] = work(state)
        return found

    return Plan(lambda state: bool(find(state)), find, needs, might=might)


def _near_one(within: int, ordered: bool, left: Match, right: Match) -> Matches:
    """As ``near`` for one match on each side, which is the usual case."""
    gap = right[0] - left[1]
    if gap < 0 and not ordered:
        gap = left[0] - right[1]
    return (joined(left, right),) if 0 <= gap <= within else NONE


def near(
    document: Document, node: Near, lefts: Matches, rights: Matches, max_pairs: int
) -> Matches:
    """Pairs that stand as near as the node asks; for each extent the pair with the smallest gap."""
    starts = [match[0] for match in rights]
    by_end = rights if node.ordered else sorted(rights, key=lambda match: match[1])
    ends = [match[1] for match in by_end]
    best: dict[tuple[int, int], tuple[int, int, int, Match, Match]] = {}
    pairs = 0
    for left in lefts:
        lowest, highest = _window(document, node, left)
        first = bisect_left(starts, left[1])
        for right in rights[first : bisect_left(starts, highest, first)]:
            pairs += 1
            if right[1] <= highest or isinstance(node.within, int):
                _keep(best, right[0] - left[1], left, right, left[0], right[1])
        if not node.ordered:
            low = bisect_left(ends, lowest)
            for right in by_end[low : bisect_left(ends, left[0] + 1, low)]:
                pairs += 1
                if right[0] >= lowest or isinstance(node.within, int):
                    _keep(best, left[0] - right[1], left, right, right[0], left[1])
        if pairs >= max_pairs:
            break
    keys = sorted(best)[:MAX_MATCHES]
    return tuple(joined(best[key][3], best[key][4]) for key in keys)


def _window(document: Document, node: Near, left: Match) -> tuple[int, int]:
    """The lowest end and one more than the highest start that a right match may have."""
    if isinstance(node.within, int):
        return left[0] - node.within, left[1] + node.within + 1
    starts = document.sentences if node.within == "sentence" else document.clauses
    number = bisect_left(starts, left[0] + 1)
    if number != bisect_left(starts, left[1]):
        return left[0] + 1, left[1]  # reaches over an end already: nothing is in one with it
    begin = starts[number - 1] if number else 0
    end = starts[number] if number < len(starts) else len(document)
    return begin, end


def _keep(
    best: dict[tuple[int, int], tuple[int, int, int, Match, Match]],
    gap: int,
    left: Match,
    right: Match,
    start: int,
    end: int,
) -> None:
    key = start, end
    known = best.get(key)
    # The first pair found wins a tie, in the order of left, then right: as in the plain evaluator.
    rank = (gap, left[0], left[1], right[0], right[1])
    if known is None or rank < (known[0], known[3][0], known[3][1], known[4][0], known[4][1]):
        best[key] = gap, 0, 0, left, right


def titled(words: Words) -> Words:
    """These words in the title."""
    return frozenset([~word if word >= 0 else word for word in words])


def needs(node: Node, gazetteer: Gazetteer) -> list[Need]:
    """Sets of words, of each of which one must occur for the node to hold."""
    vocabulary, lexicon = gazetteer.vocabulary, gazetteer.lexicon
    match node:
        case Term(text):
            return vocabulary.needs(vocabulary.atom(lexicon.term(text)))
        case Ref(name):
            return vocabulary.needs(gazetteer.atom(name))
        case Frame(action, roles):
            found = vocabulary.needs(gazetteer.atom(action.name))
            return found + [need for _, each in roles for need in needs(each, gazetteer)]
        case Title(operand):
            return [titled(need) for need in needs(operand, gazetteer)]
        case And(operands):
            return [need for each in operands for need in needs(each, gazetteer)]
        case Near(left, right):
            return needs(left, gazetteer) + needs(right, gazetteer)
        case Or(operands):
            return vocabulary.either([needs(each, gazetteer) for each in operands])
        case _:
            return []
