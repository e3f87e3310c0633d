"""Frames: who did what to whom, read off the rules of each language.

For each place where the action stands, each candidate for a role in the same sentence is labelled
with the roles that its place, case, preposition and voice allow (``labels`` of a grammar); a
frame holds where every role can be given a candidate of its own. A grammar may read an action in
several ways (a noun or a verb, an active or a passive); the readings are tried one after the
other and none mixes with another.

Work is bounded: at most ``MAX_ACTIONS`` actions an item, ``MAX_FILLERS`` nearest candidates a
role, each labelled once a reading.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TypeAlias

from monitor.query.frames import arabic, english, hebrew, persian, slavic
from monitor.query.frames.scene import Action, Grammar, Labels, Scene
from monitor.query.matches import Leaf, Match
from monitor.text import Document

__all__ = ["Action", "Scenes", "find_frames", "labels"]

MAX_ACTIONS = 40
MAX_FILLERS = 6
REACH = 30
"""Words that may stand between an action and what fills a role."""

GRAMMARS: dict[str, Grammar] = {
    "en": english.GRAMMAR,
    "ru": slavic.RUSSIAN,
    "uk": slavic.UKRAINIAN,
    "fa": persian.GRAMMAR,
    "ar": arabic.GRAMMAR,
    "he": hebrew.GRAMMAR,
}

Scenes: TypeAlias = dict[Action, tuple[Scene, Grammar, Sequence[str]]]
"""Action → its scene, the grammar that it is read by, and its readings."""


def grammar_of(lang: str, word: str) -> Grammar:
    """The grammar of the item's language, or of the letters that the action is written in."""
    if lang in GRAMMARS and GRAMMARS[lang].writes(word):
        return GRAMMARS[lang]
    return next((each for each in GRAMMARS.values() if each.writes(word)), english.GRAMMAR)


def find_frames(
    document: Document,
    actions: Sequence[Action],
    roles: Sequence[tuple[str, Sequence[Match]]],
    actors: Callable[[], Sequence[Leaf]],
    scenes: Scenes,
) -> list[Match]:
    """Matches of a frame: the action and what fills its roles, one for each place of the action.

    ``scenes`` keeps what was made out of an action for the other frames that ask for it.
    """
    found: list[Match] = []
    for action in actions[:MAX_ACTIONS]:
        sentence = document.sentence(action.start)
        near = [(role, _near(document, action, sentence, matches)) for role, matches in roles]
        if not all(candidates for _, candidates in near):
            continue
        known = scenes.get(action)
        if known is None:
            scene = Scene(document, action, sentence, actors())
            grammar = grammar_of(document.lang, document.folded(action.start))
            known = scenes[action] = scene, grammar, grammar.readings(scene)
        scene, grammar, readings = known
        for reading in readings:
            filled = _fill(scene, grammar, reading, near)
            if filled is not None:
                found.append(_match(action, filled))
                break
    return found


def labels(
    document: Document, action: Action, place: tuple[int, int], actors: Sequence[Leaf]
) -> dict[str, Labels]:
    """Reading → the roles that a place can have in it: for tests and for ``explain``."""
    scene = Scene(document, action, document.sentence(action.start), actors)
    grammar = grammar_of(document.lang, document.folded(action.start))
    return {each: grammar.labels(scene, each, *place) for each in grammar.readings(scene)}


def _near(
    document: Document, action: Action, sentence: int, matches: Sequence[Match]
) -> list[Match]:
    """The nearest candidates in the action's sentence, nearest first."""
    found = []
    for at in range(bisect_left(matches, (action.start - 2 * REACH,)), len(matches)):
        match = matches[at]
        if match[0] > action.end + REACH:
            break
        gap = max(match[0] - action.end, action.start - match[1])
        if gap < 0 or gap > REACH:
            continue
        if document.sentence(match[0]) == sentence == document.sentence(match[1] - 1):
            found.append((gap, match))
    found.sort(key=lambda each: each[:1])
    return [match for _, match in found[:MAX_FILLERS]]


def _fill(
    scene: Scene, grammar: Grammar, reading: str, near: list[tuple[str, list[Match]]]
) -> list[Match] | None:
    """One candidate for each role, no place twice; None where that cannot be."""
    together = any(role == "with" for role, _ in near)
    known = scene.known
    choices: list[list[Match]] = []
    for role, candidates in near:
        fitting = []
        for match in candidates:
            place = reading, match[0], match[1]
            if place not in known:
                known[place] = grammar.labels(scene, *place)
            if _fits(role, known[place], together):
                fitting.append(match)
        if not fitting:
            return None
        choices.append(fitting)
    # Roles with fewer choices first, so that what is found is found at once.
    order = sorted(range(len(choices)), key=lambda i: len(choices[i]))
    taken: dict[int, Match] = {}
    return (
        _assign(choices, order, 0, taken, [0]) and [taken[i] for i in range(len(choices))]
    ) or None


def _assign(
    choices: list[list[Match]],
    order: list[int],
    depth: int,
    taken: dict[int, Match],
    tries: list[int],
) -> bool:
    if depth == len(order):
        return True
    number = order[depth]
    for match in choices[number]:
        tries[0] += 1
        if tries[0] > 200:
            return False
        # Overlap is allowed: "Iranian drones" can be the thing although its first word is the doer.
        if any(match[:2] == other[:2] for other in taken.values()):
            continue
        taken[number] = match
        if _assign(choices, order, depth + 1, taken, tries):
            return True
        del taken[number]
    return False


def _fits(role: str, found: Labels, together: bool) -> bool:
    """``in:`` is any place in the sentence; of parties that act together the order does not matter."""
    if role == "in":
        return True
    if together and role in ("by", "with"):
        return "by" in found or "with" in found
    return role in found


def _match(action: Action, filled: list[Match]) -> Match:
    leaves: dict[Leaf, None] = {(action.start, action.end, action.term): None}
    for match in filled:
        leaves.update(dict.fromkeys(match[2]))
    start = min(action.start, *(match[0] for match in filled))
    end = max(action.end, *(match[1] for match in filled))
    return start, end, tuple(leaves)
