"""How sure a model can at most be of an indicator, before the evidence is gathered.

Most of what a model weighs (words, concepts, genre, which branches hold) is known before it is asked
where the evidence stands and at what stage it is told, and these can add only so much: an indicator
that falls short of the watch's ``min_score`` even then is left out. That is exactly what would have
been dropped for its score; ``features`` in ``monitor.match.relevance`` is the definition that this is
tested against.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise

from monitor.match.relevance import (
    MAX_SUMMARY,
    MAX_TABLE,
    MAX_TITLE,
    WORDS,
    Evidence,
    Relevance,
    Table,
    closeness,
    shape,
    stage,
    told,
)
from monitor.match.score import HIGHEST_CLOSENESS, STAGE_PARTS
from monitor.model import STAGES, Branch

MARGIN = 0.01
"""Of a score: more than what rounding its parts can change."""


class Text:
    """What a model looks at in one item whatever the indicator.

    ``title`` and ``summary`` are folded words, ``concepts`` stand in the order of the text, each with
    whether it is in the title.
    """

    __slots__ = (
        "_concepts", "_orders", "_pairs", "_shape", "_shared", "_summary", "_title",
        "concepts", "genre", "known", "lang", "marks", "summary", "title",
    )  # fmt: skip

    def __init__(
        self,
        *,
        lang: str,
        genre: str,
        title: Sequence[str],
        summary: Sequence[str],
        marks: Sequence[str],
        concepts: Sequence[tuple[str, bool]],
    ) -> None:
        self.lang, self.genre = lang, genre
        self.title, self.summary = title, summary
        self.known: dict[str, float] = {}  # indicator → what is known of it
        self.marks, self.concepts = marks, concepts
        self._shared: tuple[float, float] | None = None
        words = title[:MAX_TITLE]
        self._title = set(words)
        self._pairs = {f"{one} {two}" for one, two in pairwise(words)}
        self._summary = set(summary[:MAX_SUMMARY])
        self._shape = shape(title, summary, marks)
        self._concepts = [f"{'title' if first else 'summary'} {name}" for name, first in concepts]
        order = [name for name, first in concepts if first]
        self._orders = [f"{one} {two}" for one, two in pairwise(order)]

    def sum(self, tables: Tables, shared: Tables, *, words: bool) -> float:
        """The sum of weight × value over the features of the text."""
        if self._shared is None:
            self._shared = self._of_all(shared)
        known, by_words = self._shared
        known += tables.constant + _mean(tables.concepts, self._concepts)
        known += _mean(tables.orders, self._orders)
        return known + by_words + self._by_words(tables) if words else known

    def _of_all(self, shared: Tables) -> tuple[float, float]:
        """What is the same for every indicator: without the words, and by them."""
        found = shared.genre[self.genre]
        found += shared.language["en" if self.lang == "en" else "other"] / 2
        found += _mean(shared.shape, self._shape) + _mean(shared.concepts, self._concepts) / 2
        return found, self._by_words(shared)

    def _by_words(self, tables: Tables) -> float:
        found = _mean(tables.summary, self._summary)
        if count := len(self._title) + len(self._pairs):
            title = sum(map(tables.title.__getitem__, self._title))
            title += sum(map(tables.pairs.__getitem__, self._pairs))
            found += title / math.sqrt(count)
        return WORDS * found


class Tables:
    """Weights of what the text says: for one indicator, or (``""``) for all."""

    def __init__(self, model: Relevance, indicator: str = "") -> None:
        own, table = f"{indicator} " if indicator else "", model.table
        self.constant = model.weight(f"indicator {indicator}") if indicator else 0.0
        self.genre, self.shape, self.language = table("genre "), table(""), table("language ")
        self.concepts, self.orders = table(f"concept {own}"), table(f"order {own}")
        self.title, self.pairs = table(f"word {own}title "), table(f"word {own}pair ")
        self.summary = table(f"word {own}summary ")


def _mean(table: Table, names: Collection[str]) -> float:
    """Of a vector of length one: equal values for all names."""
    return sum(map(table.__getitem__, names)) / math.sqrt(len(names)) if names else 0.0


class Ceiling:
    """The bound for one watch and its model."""

    def __init__(self, model: Relevance, min_score: float) -> None:
        self._model = model
        least = min_score - MARGIN
        # A curve that falls, or a minimum that everything reaches: nothing can be left out.
        self._bounded = model.slope > 0 and 0 < least < 1
        self._least = math.log(least / (1 - least)) if self._bounded else -math.inf
        self._shared = Tables(model)
        self._tables: dict[str, Tables] = {}
        self._found: dict[tuple[str, bool, tuple[str, ...]], tuple[float, float]] = {}

    def allows(
        self, indicator: str, branches: Sequence[Branch], text: Text, *, vetoed: bool
    ) -> bool:
        """Whether the indicator, of which these branches hold, could reach ``min_score``."""
        if not self._bounded:
            return True
        model = self._model
        trust = model.trusted(indicator, text.lang)
        key = indicator, vetoed, tuple([branch.name for branch in branches])
        most = self._found.get(key)
        if most is None:
            if len(self._found) >= MAX_TABLE:
                self._found.clear()
            most = self._most(indicator, branches, vetoed), _fixed(branches)
            self._found[key] = most
        log_odds = (
            model.slope * (self._known(indicator, text) + most[0] + model.bias) + model.offset
        )
        return trust * log_odds + (1 - trust) * most[1] >= self._least

    def reached(self, evidence: Evidence, text: Text, fixed: float) -> bool:
        """Whether ``min_score`` is reached, now that it is known what holds (see ``allows``)."""
        if not self._bounded:
            return True
        model, at = self._model, evidence.indicator
        weight = model.weight
        known = self._known(at, text)
        told_by = told(at, evidence.branches, sure=evidence.sure, vetoed=evidence.vetoed)
        for values in (told_by, closeness(evidence), stage(evidence)):
            for name, value in values.items():
                known += weight(name) * value
        trust = model.trust(evidence)
        log_odds = model.slope * (known + model.bias) + model.offset
        return trust * log_odds + (1 - trust) * fixed >= self._least

    def _known(self, indicator: str, text: Text) -> float:
        """What the text alone says of an indicator."""
        known = text.known.get(indicator)
        if known is None:
            tables = self._tables.get(indicator)
            if tables is None:
                tables = self._tables[indicator] = Tables(self._model, indicator)
            words = text.lang in self._model.languages
            known = text.known[indicator] = text.sum(tables, self._shared, words=words)
        return known

    def _most(self, at: str, branches: Sequence[Branch], vetoed: bool) -> float:
        """What the queries tell, and what the features that only the evidence tells can add at most."""
        weight = self._model.weight
        own = [branch.name for branch in branches if branch.prior >= 0]
        values = told(at, own, sure=bool(own) and not vetoed, vetoed=vetoed)
        query = sum(weight(name) * value for name, value in values.items())
        near = max(0.0, weight("share") + weight(f"share {at}") / 2)
        far = max(weight(f"stage {each}") + weight(f"stage {at} {each}") for each in STAGES) / 2
        return query + near + far


def _fixed(branches: Sequence[Branch]) -> float:
    """The most that the fixed parts can sum to."""
    return max(each.prior for each in branches) + HIGHEST_CLOSENESS + max(STAGE_PARTS.values())
