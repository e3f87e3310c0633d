"""Stage and genre of an item, from cue concepts that every watch inherits (``indicators/base``).

``stage-denied``, ``stage-threat``, ``stage-talks``, ``stage-decision``, ``stage-claim`` and
``stage-act`` hold the words of each language that tell how far a thing has come. What counts is
how close they stand to the evidence: "denies supplying" is a denial, a denial three sentences on
is not.

``genre-opinion``, ``genre-explainer``, … tell what kind of text it is, wherever they stand in the
title or at the start of the summary; ``genre-explainer-opening`` only as the title's first word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from monitor.match.places import Mentions
from monitor.match.plan import Gazetteer, State
from monitor.model import Stage
from monitor.query.matches import Leaf

STAGE_CUES: tuple[tuple[str, Stage, int], ...] = (
    # A cue, the stage it tells, how many words from the evidence it may stand. Earlier ones prevail.
    ("stage-denied", "denied", 8),
    ("stage-threat", "threat", 8),
    ("stage-talks", "talks", 10),
    ("stage-decision", "decision", 10),
    ("stage-claim", "official-claim", 25),
)

GENRE_CUES: tuple[tuple[str, str, bool], ...] = (
    # A cue, the genre it tells, whether it counts as the title's first word alone.
    ("genre-quiz", "quiz", False),
    ("genre-live-blog", "live-blog", False),
    ("genre-opinion", "opinion", False),
    ("genre-digest", "digest", False),
    ("genre-retrospective", "retrospective", False),
    ("genre-explainer", "explainer", False),
    ("genre-explainer-opening", "explainer", True),
)

SUMMARY_OPENING = 6  # words of the summary in which a genre cue is still a label


class Cues:
    """The cue concepts of one watch, as atoms. A watch without cues has neither stages nor genres."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        known = gazetteer.lexicon.concepts
        self._stages = [
            (gazetteer.atom(cue), stage, reach) for cue, stage, reach in STAGE_CUES if cue in known
        ]
        self._genres = [(genre, first) for cue, genre, first in GENRE_CUES if cue in known]
        genres = [(cue, gazetteer.atom(cue)) for cue, _, _ in GENRE_CUES if cue in known]
        self._mentions = Mentions(genres, gazetteer.vocabulary)

    def stage(self, state: State, leaves: Sequence[Leaf]) -> tuple[Stage, str]:
        """The stage that the evidence is told at, and the cue that tells it; else an act."""
        if not self._stages:
            return "act", ""
        document = state.document
        for atom, stage, reach in self._stages:
            for start, end in state.places.get(atom, ()):
                for leaf in leaves:
                    gap = max(leaf[0] - end, start - leaf[1], 0)
                    inside = leaf[0] <= start and end <= leaf[1]
                    if gap > reach or (inside and stage != "talks"):
                        continue
                    if document.sentence(start) == document.sentence(leaf[0]):
                        return stage, self._words(state, start, end)
        return "act", ""

    def item_stage(self, state: State) -> Stage:
        """The stage of the item as a whole: what its title says."""
        length = len(state.document.title.words)
        return self.stage(state, [(at, at + 1, "") for at in range(min(length, 30))])[0]

    def genre(self, state: State) -> tuple[str, str]:
        """The genre and the words that tell it; "news" where nothing does."""
        known = state.genres.get(self)
        if known is None:
            known = state.genres[self] = self._genre(state)
        return known

    def _genre(self, state: State) -> tuple[str, str]:
        document = state.document
        limit = document.offset + SUMMARY_OPENING
        for at, places in self._mentions.numbered(state.places):
            genre, first = self._genres[at]
            for start, end in places:
                if (first and start == 0) or (not first and start < limit):
                    return genre, self._words(state, start, end)
        return "news", ""

    def item_genre(self, state: State) -> str:
        return self.genre(state)[0]

    @staticmethod
    def _words(state: State, start: int, end: int) -> str:
        field, first, last = state.document.span(start, end)
        source = state.document.title if field == "title" else state.document.summary
        return source.source.source[first:last]


def as_stage(word: str) -> Stage:
    return cast(Stage, word)
