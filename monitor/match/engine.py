"""Many watches compiled into one matcher: an item touches only the queries that can match it.

Each query is asked what it needs (sets of words of which one must occur). A word of an item
knows, as bits of one integer, the queries whose first, second or third need it may meet; what
remains after joining these over the item's words is evaluated. See docs/decisions/0010.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from monitor.errors import QueryError
from monitor.match.cues import Cues
from monitor.match.places import Mentions, Places
from monitor.match.plan import Gazetteer, Plan, Planner, State, needs
from monitor.match.relevance import Relevance
from monitor.match.score import GENRE_PARTS, STAGE_PARTS, closeness, probability, total
from monitor.match.vocabulary import Entry, Vocabulary
from monitor.model import Branch, Hit, Indicator, Item, ScorePart, Span, Stage, Watch
from monitor.query import parse
from monitor.query.lexicon import Inflect, Lexicon
from monitor.query.matches import Facts, Leaf, evidence
from monitor.query.nodes import And, Fact, Node, Not
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
    lang: frozenset[str]  # languages it is limited to; empty = any
    key: tuple[str, str]  # watch and indicator
    part: ScorePart  # what the query itself contributes


class CompiledWatch:
    """What a watch's hits have in common."""

    def __init__(self, watch: Watch, vocabulary: Vocabulary, inflect: Inflect | None) -> None:
        self.watch = watch
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
        return tuple(id for id, _ in self.concepts.among(state.places))


class IndexedMatcher:
    """Item in, hits out. Safe to share among threads once compiled."""

    def __init__(
        self, watches: Sequence[Watch], *, inflect: Inflect | None, models: Mapping[str, Relevance]
    ) -> None:
        self.vocabulary = Vocabulary()
        self.models = models
        self.queries: list[Stored] = []
        self._watches: dict[str, CompiledWatch] = {}
        for watch in watches:
            compiled = CompiledWatch(watch, self.vocabulary, inflect)
            self._watches[watch.id] = compiled
            for indicator in watch.indicators:
                for branch in indicator.branches:
                    self._add(compiled, indicator, branch)

    def _add(self, watch: CompiledWatch, indicator: Indicator, branch: Branch) -> None:
        names = watch.watch.concepts
        node = parse(branch.query, names=names)
        if indicator.exclude:
            veto = parse(indicator.exclude, names=names)
            node = And((node, Not(veto, veto.start, veto.end)), node.start, node.end)
        plan = Planner(watch.gazetteer, node).plan
        wanted = self.vocabulary.rarest(needs(node, watch.gazetteer))
        if not wanted:
            raise QueryError("this query matches everything", text=branch.query, start=0)
        self.vocabulary.add_query(wanted)
        part = ScorePart(name="query", value=branch.prior, why=f"branch “{branch.name}” holds")
        key = watch.watch.id, indicator.id
        self.queries.append(Stored(watch, indicator, branch, plan, _languages(node), key, part))

    # ── Matching ─────────────────────────────────────────────────────────────────────────────────

    def match(self, item: Item) -> tuple[Hit, ...]:
        """The hits of an item that reach their watch's ``min_score``, in the order of the indicators."""
        found = self._hits(item)
        if not found:
            return ()
        return tuple(hit for hit, stored in found if hit.score >= stored.watch.watch.min_score)

    def match_many(self, items: Iterable[Item]) -> Iterator[tuple[Item, tuple[Hit, ...]]]:
        for item in items:
            yield item, self.match(item)

    def candidates(self, item: Item) -> tuple[Hit, ...]:
        """Every hit whatever its score: what training and ``explain`` look at."""
        return tuple(hit for hit, _ in self._hits(item))

    def compiled(self, watch: str) -> CompiledWatch:
        """What the matcher made of a watch. Raises KeyError for one it does not have."""
        return self._watches[watch]

    def state(self, item: Item) -> State:
        """An item made ready, whether or not any query can match it."""
        document = Document(item.title, item.summary, item.lang)
        return self._state(document, self.vocabulary.entries(document.words))

    def _state(self, document: Document, entries: Sequence[Entry | None]) -> State:
        return State(document, Places(document, self.vocabulary, entries), self._facts)

    def _hits(self, item: Item) -> list[tuple[Hit, Stored]]:
        state, numbers = self.look(item.title, item.summary, item.lang)
        if state is None:
            return []
        best: dict[tuple[str, str], tuple[Hit, Stored]] = {}
        for number in numbers:
            stored = self.queries[number]
            if stored.lang and state.document.lang not in stored.lang:
                continue
            matches = stored.plan.find(state)
            if not matches:
                continue
            hit = self._hit(item, state, stored, evidence(matches))
            known = best.get(stored.key)
            if known is None or hit.score > known[0].score:
                best[stored.key] = hit, stored
        return list(best.values())

    def look(self, title: str, summary: str, lang: str) -> tuple[State | None, list[int]]:
        """An item made ready, and the numbers of the queries that can match; None if none can."""
        document = Document(title, summary, lang)
        entries = self.vocabulary.entries(document.words)
        numbers = self.vocabulary.candidates(entries)
        return (self._state(document, entries) if numbers else None), numbers

    def _facts(self, state: State) -> Facts:
        """Stage and genre as the first watch with cues tells them (all inherit the same base)."""
        for stored in self.queries:
            cues = stored.watch.cues
            return Facts(
                lang=state.document.lang, stage=cues.item_stage(state), genre=cues.item_genre(state)
            )
        return Facts(lang=state.document.lang)

    def _hit(self, item: Item, state: State, stored: Stored, leaves: Sequence[Leaf]) -> Hit:
        watch, branch = stored.watch, stored.branch
        stage, stage_why = watch.cues.stage(state, leaves)
        if branch.stage is not None and stage != "denied":
            stage, stage_why = branch.stage, f"branch “{branch.name}”"
        genre, genre_why = watch.cues.genre(state)
        concepts = watch.found(state)
        parts = _parts(state.document, stored, leaves, stage, stage_why, genre, genre_why)
        model = self.models.get(watch.watch.id)
        if model is not None:
            parts = model.parts(
                parts, state.document, stored.indicator.id, branch.name, concepts, stage, genre
            )
        return Hit(
            watch=watch.watch.id,
            indicator=stored.indicator.id,
            item=item.id,
            rules=watch.watch.rules,
            score=round(probability(total(parts)), 4),
            stage=stage,
            spans=tuple(_span(state.document, leaf) for leaf in leaves),
            branch=branch.name,
            query=branch.query,
            genre=genre,
            parts=tuple(parts),
            weight=branch.weight,
            concepts=concepts,
        )


def _parts(
    document: Document,
    stored: Stored,
    leaves: Sequence[Leaf],
    stage: Stage,
    stage_why: str,
    genre: str,
    genre_why: str,
) -> list[ScorePart]:
    parts = [stored.part, closeness(document, leaves)]
    # A branch that looks for denials or threats is not doubted for finding them.
    if STAGE_PARTS[stage] and stored.branch.stage != stage:
        parts.append(ScorePart(name="stage", value=STAGE_PARTS[stage], why=f"{stage}: {stage_why}"))
    if GENRE_PARTS[genre]:
        parts.append(ScorePart(name="genre", value=GENRE_PARTS[genre], why=f"{genre}: {genre_why}"))
    return parts


def _span(document: Document, leaf: Leaf) -> Span:
    field, start, end = document.span(leaf[0], leaf[1])
    return Span(field=field, start=start, end=end, term=leaf[2])


def _languages(node: Node) -> frozenset[str]:
    """Languages that a query is limited to by a lang: that must hold."""
    facts = [node] if isinstance(node, Fact) else node.operands if isinstance(node, And) else ()
    return frozenset(each.value for each in facts if isinstance(each, Fact) and each.kind == "lang")
