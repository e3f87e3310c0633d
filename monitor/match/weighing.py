"""What the branches of one indicator that hold in an item amount to: its best branch and the parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.match.ceiling import Text
from monitor.match.cues import Cues
from monitor.match.places import Mentions
from monitor.match.plan import State
from monitor.match.relevance import Evidence
from monitor.match.score import GENRE_PARTS, NEGATION_PART, STAGE_PARTS, closeness, total
from monitor.model import Branch, ScorePart, Stage
from monitor.query.matches import Leaf
from monitor.text import Document


@dataclass(slots=True)
class Weighed:
    """A branch that holds, with its evidence and the fixed parts of its score."""

    branch: Branch
    leaves: Sequence[Leaf]
    stage: Stage
    stage_why: str
    genre: str
    genre_why: str
    parts: tuple[ScorePart, ...]

    @property
    def total(self) -> float:
        return total(self.parts)

    @property
    def whys(self) -> dict[str, str]:
        """Part → why, for the parts that speak for themselves whatever weighs them."""
        found = {part.name: part.why for part in self.parts if part.name != "genre"}
        found["stage"] = f"{self.stage}: {self.stage_why}" if self.stage_why else self.stage
        if self.genre != "news":
            found["genre"] = f"{self.genre}: {self.genre_why}"
        return found


def weigh(
    state: State, branch: Branch, part: ScorePart, leaves: Sequence[Leaf], cues: Cues
) -> Weighed:
    """``part`` is what the query itself contributes."""
    stage, stage_why, negated = cues.stage(state, leaves)
    if branch.stage is not None and stage != "denied":
        stage, stage_why = branch.stage, f"branch “{branch.name}”"
    genre, genre_why = cues.genre(state)
    parts = [part, closeness(state.document, leaves)]
    # A branch that looks for denials or threats is not doubted for finding them.
    if STAGE_PARTS[stage] and branch.stage != stage:
        parts.append(ScorePart(name="stage", value=STAGE_PARTS[stage], why=f"{stage}: {stage_why}"))
        if negated:
            parts.append(ScorePart(name="negation", value=NEGATION_PART, why=f"“{stage_why}”"))
    if GENRE_PARTS[genre]:
        parts.append(ScorePart(name="genre", value=GENRE_PARTS[genre], why=f"{genre}: {genre_why}"))
    return Weighed(branch, leaves, stage, stage_why, genre, genre_why, tuple(parts))


def text_of(state: State, cues: Cues, concepts: Mentions) -> Text:
    """What a model looks at in an item whatever the indicator."""
    document = state.document
    title = len(document.title.words)
    return Text(
        lang=document.lang,
        genre=cues.genre(state)[0],
        title=document.title.folded,
        summary=document.summary.folded,
        marks=_marks(document),
        # Each where it stands first.
        concepts=[(name, at < title) for at, name in concepts.in_order(state.places)],
    )


def evidence_of(
    document: Document,
    text: Text,
    indicator: str,
    fired: Sequence[Branch],
    best: Weighed,
    *,
    vetoed: bool,
) -> Evidence:
    """What a relevance model looks at, from all branches that hold and the best of them."""
    own = tuple(branch.name for branch in fired if branch.prior >= 0)
    terms = {leaf[2] for leaf in best.leaves}
    in_title = {leaf[2] for leaf in best.leaves if document.in_title(leaf[0])}
    return Evidence(
        indicator=indicator,
        branches=own,
        sure=bool(own) and not vetoed,
        vetoed=vetoed,
        share=len(in_title) / max(1, len(terms)),
        stage=best.stage,
        genre=best.genre,
        lang=text.lang,
        title=text.title,
        summary=text.summary,
        marks=text.marks,
        concepts=text.concepts,
        doubts={
            part.name: part.value for part in best.parts if part.name in DOUBTS and part.value < 0
        },
    )


DOUBTS = frozenset({"stage", "negation", "genre"})
"""The parts by which a score is lowered at least as without a model."""


def _marks(document: Document) -> list[str]:
    title = document.title.source.source.strip()
    found = [
        name
        for sign, name in ((":", "colon"), ("?", "question"), ("؟", "question"), ("|", "bar"))
        if sign in title
    ]
    if title[:1] in "'\"‘“«„":
        found.append("quote")
    return found
