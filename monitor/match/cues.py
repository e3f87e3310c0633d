"""Stage and genre of an item, from cue concepts that every watch inherits (``indicators/base``).

``stage-denied``, ``stage-threat``, ``stage-talks``, ``stage-decision``, ``stage-claim`` and
``stage-act`` hold the words of each language that tell how far a thing has come. What counts is
how close they stand to the evidence: "denies supplying" is a denial, a denial three sentences on
is not.

``genre-opinion``, ``genre-explainer``, … tell what kind of text it is, wherever they stand in the
title or at the start of the summary; ``genre-explainer-opening`` only as the title's first word, and
``genre-quiz-label`` … only as a label before the title.

A cue counts in items of its own language: Arabic قرار, a decision, is in Persian the light verb of a
passive. What the grammar tells (negation, modals, the future) is in ``monitor.match.moods``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.match.moods import Moods
from monitor.match.places import Mentions
from monitor.match.plan import Gazetteer, State
from monitor.model import Stage
from monitor.query.lexicon import ACTORS
from monitor.query.matches import Leaf
from monitor.text import Document

STAGE_CUES: tuple[tuple[str, Stage, int], ...] = (
    # A cue, the stage it tells, how many words from the evidence it may stand. Earlier ones prevail.
    ("stage-denied", "denied", 8),
    ("stage-threat", "threat", 8),
    ("stage-talks", "talks", 10),
    ("stage-decision", "decision", 10),
    ("stage-claim", "official-claim", 25),
)

RANK: dict[Stage, int] = {stage: rank for rank, (_, stage, _) in enumerate(STAGE_CUES)}

Place = Literal["anywhere", "first", "label"]
"""Where in the title a genre cue counts: anywhere, as its first word, or there and parted from the rest
by a colon or the like ("Тест: …", but not "Тест ракеты")."""

GENRE_CUES: tuple[tuple[str, str, Place], ...] = (
    # A cue, the genre it tells, where it counts.
    ("genre-quiz", "quiz", "anywhere"),
    ("genre-quiz-label", "quiz", "label"),
    ("genre-live-blog", "live-blog", "anywhere"),
    ("genre-live-blog-label", "live-blog", "label"),
    ("genre-opinion", "opinion", "anywhere"),
    ("genre-opinion-label", "opinion", "label"),
    ("genre-digest", "digest", "anywhere"),
    ("genre-retrospective", "retrospective", "anywhere"),
    ("genre-retrospective-label", "retrospective", "label"),
    ("genre-explainer", "explainer", "anywhere"),
    ("genre-explainer-opening", "explainer", "first"),
)

SUMMARY_OPENING = 6  # words of the summary in which a genre cue is still a label


NO_ACTIONS = ACTORS | {"place", "union", "weapon", "system", "cue"}
"""Kinds of concept that are not done."""


class Told(NamedTuple):
    """The stage of some evidence, the words that tell it, and whether they negate the action."""

    stage: Stage
    why: str = ""
    negated: bool = False


AN_ACT = Told("act")


@dataclass(frozen=True, slots=True)
class _Tongue:
    """The cues of one language, as atoms."""

    stages: list[tuple[int, Stage, int]]
    genres: list[tuple[str, Place]]
    mentions: Mentions  # of the genres


class Cues:
    """The cue concepts of one watch. A watch without cues has neither stages nor genres."""

    def __init__(self, gazetteer: Gazetteer) -> None:
        self._gazetteer = gazetteer
        concepts = gazetteer.lexicon.concepts
        names = [cue for cue, *_ in (*STAGE_CUES, *GENRE_CUES) if cue in concepts]
        self._stages = any(cue in concepts for cue, *_ in STAGE_CUES)
        languages = dict.fromkeys(lang for cue in names for lang in concepts[cue].forms)
        self._tongues = {lang: self._tongue(lang) for lang in languages}
        self._any = self._tongue("")
        self._no_actions = frozenset(f"@{name}" for name in gazetteer.lexicon.names(NO_ACTIONS))
        actions = gazetteer.lexicon.names(["action"])
        self._actions = Mentions(
            [(name, gazetteer.atom(name)) for name in actions], gazetteer.vocabulary
        )

    def _tongue(self, lang: str) -> _Tongue:
        """The cues of a language, or with "" of all: for items in one that no cue is listed in."""
        lexicon, vocabulary = self._gazetteer.lexicon, self._gazetteer.vocabulary
        stages: list[tuple[int, Stage, int]] = []
        genres: list[tuple[str, Place]] = []
        named: list[tuple[str, int]] = []
        for cue, stage, reach in STAGE_CUES:
            if cue in lexicon and (patterns := lexicon.patterns_in(cue, lang)):
                stages.append((vocabulary.atom(patterns), stage, reach))
        for cue, genre, place in GENRE_CUES:
            if cue in lexicon and (patterns := lexicon.patterns_in(cue, lang)):
                genres.append((genre, place))
                named.append((cue, vocabulary.atom(patterns)))
        return _Tongue(stages, genres, Mentions(named, vocabulary))

    def _of(self, state: State) -> _Tongue:
        return self._tongues.get(state.document.lang, self._any)

    def stage(self, state: State, leaves: Sequence[Leaf]) -> Told:
        """The stage that the evidence is told at, and the cue that tells it; else an act."""
        if not self._stages:
            return AN_ACT
        return self._stage(state, leaves, self._mood(state, leaves))

    def _stage(self, state: State, leaves: Sequence[Leaf], mood: Told | None) -> Told:
        document = state.document
        for atom, stage, reach in self._of(state).stages:
            if mood is not None and RANK[mood.stage] <= RANK[stage]:
                return mood
            for start, end in state.places.get(atom, ()):
                for leaf in leaves:
                    gap = max(leaf[0] - end, start - leaf[1], 0)
                    inside = leaf[0] <= start and end <= leaf[1]
                    if gap > reach or (inside and stage != "talks"):
                        continue
                    if document.sentence(start) == document.sentence(leaf[0]):
                        return Told(stage, self._words(state, start, end))
        return mood or AN_ACT

    def _mood(self, state: State, leaves: Sequence[Leaf]) -> Told | None:
        """How the grammar of its sentence tells the action among the evidence, if not as done."""
        moods = state.moods.get(self)
        if moods is None:
            moods = state.moods[self] = Moods(
                state.document, lambda: {end for _, end, _ in state.actors(self._gazetteer)}
            )
        found: dict[str, tuple[Stage, int, int] | None] = {}
        for start, end, term in leaves:
            if term not in found and term not in self._no_actions:  # the first place counts
                found[term] = mood = moods.of(start, end)
                # What the query asks for itself ("will not supply") is no doubt about it.
                if mood is not None and not start <= mood[1] < end:
                    at = mood[1]
                    if any(leaf[0] <= at < leaf[1] for leaf in leaves):
                        found[term] = None
        told = [mood for mood in found.values() if mood is not None]
        if not told:
            return None
        stage, at, end = min(told, key=lambda each: RANK[each[0]])
        return Told(stage, self._words(state, at, end), negated=stage == "denied")

    def item_stage(self, state: State) -> Stage:
        """The stage of the item as a whole: what its title says."""
        length = len(state.document.title.words)
        acts = [
            (*place, name)
            for name, places in self._actions.among(state.places)
            for place in places
            if state.document.in_title(place[0])
        ]
        title = [(at, at + 1, "") for at in range(min(length, 30))]
        return self._stage(state, title, self._mood(state, acts)).stage

    def genre(self, state: State) -> tuple[str, str]:
        """The genre and the words that tell it; "news" where nothing does."""
        known = state.genres.get(self)
        if known is None:
            known = state.genres[self] = self._genre(state)
        return known

    def _genre(self, state: State) -> tuple[str, str]:
        document = state.document
        limit = document.offset + SUMMARY_OPENING
        tongue = self._of(state)
        for at, places in tongue.mentions.numbered(state.places):
            genre, where = tongue.genres[at]
            for start, end in places:
                if (
                    start < limit
                    if where == "anywhere"
                    else start == 0 and (where == "first" or _parted(document, end))
                ):
                    return genre, self._words(state, start, end)
        return "news", ""

    def item_genre(self, state: State) -> str:
        return self.genre(state)[0]

    @staticmethod
    def _words(state: State, start: int, end: int) -> str:
        field, first, last = state.document.span(start, end)
        source = state.document.title if field == "title" else state.document.summary
        return source.source.source[first:last]


def _parted(document: Document, end: int) -> bool:
    """Whether a label ends before this position of the title."""
    title = document.title
    return end < len(title.words) and any(sign in title.between(end) for sign in ":|–—-.")
