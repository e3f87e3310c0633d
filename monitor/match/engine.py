"""Many watches compiled into one matcher: an item touches only the queries that can match it.

Each query is asked what it needs (sets of words of which one must occur). A word of an item
knows, as bits of one integer, the queries whose first, second or third need it may meet; what
remains after joining these over the item's words is evaluated. See docs/decisions/0010.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from monitor.errors import QueryError
from monitor.match.ceiling import Ceiling, Text
from monitor.match.cues import Cues
from monitor.match.places import Mentions, Places
from monitor.match.plan import Gazetteer, Holds, Plan, Planner, State, needs
from monitor.match.relevance import Evidence, Relevance
from monitor.match.score import probability, total
from monitor.match.vocabulary import Entry, Vocabulary
from monitor.match.weighing import Weighed, evidence_of, text_of, weigh
from monitor.model import Branch, Hit, Indicator, Item, ScorePart, Span, Watch
from monitor.query import parse
from monitor.query.lexicon import Inflect, Lexicon
from monitor.query.matches import Leaf, evidence
from monitor.query.nodes import And, Fact, Node
from monitor.text import Document


def compile_matcher(
    watches: Sequence[Watch],
    *,
    inflect: Inflect | None = None,
    models: Mapping[str, Relevance] | None = None,
) -> IndexedMatcher:
    """The matcher for a set of watches.

    ``inflect`` gives the forms of ``~lemmas`` (asked once, here); ``models`` are trained relevance
    models by watch id. Raises QueryError for a query that does not compile.
    """
    return IndexedMatcher(watches, inflect=inflect, models=models or {})


@dataclass(frozen=True, slots=True)
class Stored:
    """One branch of one indicator, ready to run."""

    watch: CompiledWatch
    indicator: Indicator
    branch: Branch
    plan: Plan
    veto: Plan | None  # the indicator's exclusion
    lang: frozenset[str]  # languages it is limited to; empty = any
    key: tuple[str, str]  # watch and indicator
    part: ScorePart  # what the query itself contributes
    loose: bool  # a candidate: only a model can lift it, and no exclusion vetoes it


Fired: TypeAlias = list[tuple[Stored, Sequence[Leaf]]]
"""Branches that hold, with what they rest on."""


class CompiledWatch:
    """What a watch's hits have in common."""

    def __init__(
        self,
        watch: Watch,
        vocabulary: Vocabulary,
        inflect: Inflect | None,
        model: Relevance | None = None,
    ) -> None:
        self.watch = watch
        self.model = model
        self.ceiling = Ceiling(model, watch.min_score) if model else None
        self.gazetteer = Gazetteer(Lexicon(watch.concepts, inflect), vocabulary)
        self.cues = Cues(self.gazetteer)
        self.plans: dict[object, Plan] = {}  # of parts of queries, as ``explain`` asks for them
        concepts = [
            (id, self.gazetteer.atom(id))
            for id, concept in watch.concepts.items()
            if concept.kind != "cue"
        ]
        self.concepts = Mentions(concepts, vocabulary)

    def found(self, state: State) -> tuple[str, ...]:
        """The concepts that the item mentions, in the order of the gazetteer."""
        return self.concepts.names(state.places)

    def text(self, state: State) -> Text:
        """What a model looks at in an item, whatever the indicator."""
        known = state.texts.get(self)
        if known is None:
            known = state.texts[self] = text_of(state, self.cues, self.concepts)
        return known


class IndexedMatcher:
    """Item in, hits out. Safe to share among threads once compiled."""

    def __init__(
        self, watches: Sequence[Watch], *, inflect: Inflect | None, models: Mapping[str, Relevance]
    ) -> None:
        self.vocabulary = Vocabulary()
        self.queries: list[Stored] = []
        self._looks: list[Holds] = []  # for each query, a cheap look whether it can hold
        self._tests: list[Holds | None] = []  # and whether it does, if that is not the same
        self._watches: dict[str, CompiledWatch] = {}
        for watch in watches:
            compiled = CompiledWatch(watch, self.vocabulary, inflect, models.get(watch.id))
            self._watches[watch.id] = compiled
            for indicator in watch.indicators:
                veto = None
                if indicator.exclude:
                    node = parse(indicator.exclude, names=watch.concepts)
                    veto = Planner(compiled.gazetteer, node).plan
                for branch in indicator.branches:
                    self._add(compiled, indicator, branch, veto)

    def _add(
        self, watch: CompiledWatch, indicator: Indicator, branch: Branch, veto: Plan | None
    ) -> None:
        node = parse(branch.query, names=watch.watch.concepts)
        plan = Planner(watch.gazetteer, node).plan
        wanted = self.vocabulary.rarest(needs(node, watch.gazetteer))
        if not wanted:
            raise QueryError("this query matches everything", text=branch.query, start=0)
        self.vocabulary.add_query(wanted)
        part = ScorePart(name="query", value=branch.prior, why=f"branch “{branch.name}” holds")
        key = watch.watch.id, indicator.id
        lang = _languages(node)
        loose = branch.prior < 0
        self._looks.append(plan.look)
        self._tests.append(None if plan.look is plan.holds else plan.holds)
        self.queries.append(Stored(watch, indicator, branch, plan, veto, lang, key, part, loose))

    # ── Matching ─────────────────────────────────────────────────────────────────────────────────

    def match(self, item: Item) -> tuple[Hit, ...]:
        """The hits of an item that reach their watch's ``min_score``, in the order of the indicators."""
        state, numbers = self.look(item.title, item.summary, item.lang)
        if state is None:
            return ()
        found = []
        likely = [number for number in numbers if self._looks[number](state)]
        for each in self._judge(state, likely, pruned=True) if likely else ():
            if each.hopeless:
                continue
            parts = each.parts
            score = round(probability(total(parts)), 4)
            if score >= each.stored.watch.watch.min_score:
                found.append(_hit(item, each, parts, score))
        return tuple(found)

    def match_many(self, items: Iterable[Item]) -> Iterator[tuple[Item, tuple[Hit, ...]]]:
        for item in items:
            yield item, self.match(item)

    def candidates(self, item: Item) -> tuple[Hit, ...]:
        """Every hit whatever its score: what training and ``explain`` look at."""
        return tuple(hit for hit, _ in self._weighed(item))

    def holding(self, item: Item) -> list[tuple[str, str]]:
        """(watch, indicator) of the queries that hold, without spans and scores: to count quickly.

        Branches that only a model can lift hold where there is one, whatever the exclusion says.
        """
        state, numbers = self.look(item.title, item.summary, item.lang)
        if state is None:
            return []
        found: dict[tuple[str, str], None] = {}
        for number in numbers:
            stored = self.queries[number]
            if stored.key in found or (stored.lang and state.document.lang not in stored.lang):
                continue
            if stored.loose:
                holds = stored.watch.model is not None and stored.plan.holds(state)
            else:
                holds = stored.plan.holds(state) and not (stored.veto and stored.veto.holds(state))
            if holds:
                found[stored.key] = None
        return list(found)

    def compiled(self, watch: str) -> CompiledWatch:
        """What the matcher made of a watch. Raises KeyError for one it does not have."""
        return self._watches[watch]

    def state(self, item: Item) -> State:
        """An item made ready, whether or not any query can match it."""
        document = Document(item.title, item.summary, item.lang)
        return self._state(document, self.vocabulary.entries(document.words))

    def _state(self, document: Document, entries: Sequence[Entry | None]) -> State:
        return State(document, Places(document, self.vocabulary, entries), self._fact)

    def evidences(self, item: Item) -> list[tuple[Hit, Evidence]]:
        """Every hit whatever its score, with what a relevance model looks at."""
        return [(hit, judged.evidence) for hit, judged in self._weighed(item)]

    def _weighed(self, item: Item) -> list[tuple[Hit, Judged]]:
        state, numbers = self.look(item.title, item.summary, item.lang)
        if state is None:
            return []
        found = []
        for judged in self._judge(state, numbers, pruned=False):
            parts = judged.parts
            found.append((_hit(item, judged, parts, round(probability(total(parts)), 4)), judged))
        return found

    def _judge(self, state: State, numbers: Sequence[int], *, pruned: bool) -> list[Judged]:
        """Of these queries the branches that hold, those of one indicator together.

        ``pruned`` leaves out what cannot reach the watch's ``min_score``.
        """
        by_indicator: dict[tuple[str, str], list[int]] = {}
        for number in numbers:
            by_indicator.setdefault(self.queries[number].key, []).append(number)
        found = []
        for those in by_indicator.values():
            fired = self._promising(state, those) if pruned else self._fire(state, those)
            if not fired:
                continue
            veto = fired[0][0].veto
            vetoed = veto is not None and veto.holds(state)
            allowed = [each for each in fired if each[0].loose or not vetoed]
            if allowed:
                found.append(Judged(state, fired, allowed, vetoed))
        return found

    def _promising(self, state: State, numbers: Sequence[int]) -> Fired:
        """As ``_fire``, for the branches of one indicator, if they can reach ``min_score``.

        Without a model the loose ones cannot. With one, its bound is asked before the evidence is
        gathered.
        """
        queries = self.queries
        first = queries[numbers[0]]
        watch, ceiling = first.watch, first.watch.ceiling
        if ceiling is None:
            return self._fire(state, [each for each in numbers if not queries[each].loose])
        held = [number for number in numbers if self._holds(state, number)]
        if not held:
            return []
        vetoed = first.veto is not None and first.veto.holds(state)
        branches = [queries[number].branch for number in held]
        if not ceiling.allows(first.key[1], branches, watch.text(state), vetoed=vetoed):
            return []
        return self._fire(state, held)

    def _holds(self, state: State, number: int) -> bool:
        """Whether a query holds that may hold after a cheap look."""
        stored, test = self.queries[number], self._tests[number]
        if stored.lang and state.document.lang not in stored.lang:
            return False
        return test is None or test(state)

    def _fire(self, state: State, numbers: Sequence[int]) -> Fired:
        """Of these queries those that hold, with what they rest on."""
        found: Fired = []
        for number in numbers:
            stored = self.queries[number]
            if not stored.lang or state.document.lang in stored.lang:
                matches = stored.plan.find(state)
                if matches:
                    found.append((stored, evidence(matches)))
        return found

    def look(self, title: str, summary: str, lang: str) -> tuple[State | None, list[int]]:
        """An item made ready, and the numbers of the queries that can match; None if none can."""
        document = Document(title, summary, lang)
        entries = self.vocabulary.entries(document.words)
        numbers = self.vocabulary.candidates(entries, len(document.title.words))
        return (self._state(document, entries) if numbers else None), numbers

    def _fact(self, state: State, kind: str) -> str:
        """Stage and genre as the first watch with cues tells them (all inherit the same base)."""
        if kind == "lang":
            return state.document.lang
        for stored in self.queries:
            cues = stored.watch.cues
            return cues.item_stage(state) if kind == "stage" else cues.item_genre(state)
        return "news" if kind == "genre" else ""


def _hit(item: Item, judged: Judged, parts: Sequence[ScorePart], score: float) -> Hit:
    state, watch, best = judged.state, judged.stored.watch, judged.best
    return Hit(
        watch=watch.watch.id,
        indicator=judged.stored.indicator.id,
        item=item.id,
        rules=watch.watch.rules,
        score=score,
        stage=best.stage,
        spans=tuple(_span(state.document, leaf) for leaf in best.leaves),
        branch=best.branch.name,
        query=best.branch.query,
        genre=best.genre,
        parts=tuple(parts),
        weight=best.branch.weight,
        concepts=watch.found(state),
    )


class Judged:
    """The branches of one indicator that hold in an item."""

    def __init__(
        self,
        state: State,
        fired: Fired,
        allowed: Fired,
        vetoed: bool,
    ) -> None:
        self.state = state
        self.stored = fired[0][0]
        self._fired = [stored.branch for stored, _ in fired]
        self._vetoed = vetoed
        cues = self.stored.watch.cues
        weighed = [weigh(state, each.branch, each.part, leaves, cues) for each, leaves in allowed]
        self.best: Weighed = (
            weighed[0]
            if len(weighed) == 1
            else max(weighed, key=lambda each: (each.branch.weight, each.total))
        )

    @cached_property
    def evidence(self) -> Evidence:
        return evidence_of(
            self.state.document,
            self.stored.watch.text(self.state),
            self.stored.indicator.id,
            self._fired,
            self.best,
            vetoed=self._vetoed,
        )

    @property
    def hopeless(self) -> bool:
        """Whether a model puts it clearly below the minimum: asked before the reasons are told."""
        ceiling = self.stored.watch.ceiling
        if ceiling is None:
            return False
        text = self.stored.watch.text(self.state)
        return not ceiling.reached(self.evidence, text, self.best.total)

    @property
    def parts(self) -> Sequence[ScorePart]:
        model = self.stored.watch.model
        if model is None:
            return self.best.parts
        return model.parts(self.evidence, self.best.whys, self.best.total)


def _span(document: Document, leaf: Leaf) -> Span:
    field, start, end = document.span(leaf[0], leaf[1])
    return Span(field=field, start=start, end=end, term=leaf[2])


def _languages(node: Node) -> frozenset[str]:
    """Languages that a query is limited to by a lang: that must hold."""
    facts = [node] if isinstance(node, Fact) else node.operands if isinstance(node, And) else ()
    return frozenset(each.value for each in facts if isinstance(each, Fact) and each.kind == "lang")
