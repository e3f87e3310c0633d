"""The files of a watch as models: validation here, completion in editors by ``json_schemas``."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from monitor.text.logins import has_login

Language: TypeAlias = Literal["en", "ru", "fa", "ar", "uk", "he"]
Id: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Stage: TypeAlias = Literal["act", "decision", "official-claim", "talks", "threat", "denied"]

_RATINGS = {"++": 2, "+": 1, "0": 0, "-": -1, "--": -2}
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _rating(value: object) -> object:
    found = _RATINGS.get(str(value).strip().replace("−", "-"))
    if found is None and str(value) in ("2", "1", "-1", "-2"):
        found = int(str(value))
    if found is None:
        raise ValueError("is not a rating: write ++, +, 0, - or -- (or 2 to -2)")
    return found


def _window(value: object) -> object:
    match = re.fullmatch(r"(\d{1,4})\s*([hdw])", str(value))
    if not match or int(match[1]) == 0:
        raise ValueError("is not a length of time: write 30d, 48h or 8w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _words(value: object) -> object:
    """A form that YAML reads as a number ("1701") is a form all the same."""
    if not isinstance(value, list):
        return value
    return [str(each) if isinstance(each, int | float) else each for each in value]


Rating: TypeAlias = Annotated[
    int,
    BeforeValidator(
        _rating, json_schema_input_type=Literal["++", "+", "0", "-", "--", 2, 1, 0, -1, -2]
    ),
]
Window: TypeAlias = Annotated[timedelta, BeforeValidator(_window, json_schema_input_type=str)]
Forms: TypeAlias = dict[Language, Annotated[list[Text], BeforeValidator(_words)]]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class HypothesisEntry(_File):
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")]
    title: Text
    anchor: str = Field("", description="Where in the paper")
    paraphrase: str = ""
    quote: str = ""


class WatchFile(_File):
    """watch.yaml: the question, the paper, the hypotheses and the groups of indicators."""

    id: Id
    title: Text
    question: Text
    source: Text = Field(description="The paper")
    min_score: float = Field(0.5, ge=0, le=1, description="Hits below are not reported")
    hypotheses: Annotated[list[HypothesisEntry], Field(min_length=1)]
    groups: dict[Id, Text]


class Paper(_File):
    section: Text
    paraphrase: str = ""
    quote: str = ""


class Query(_File):
    name: Text
    query: Text
    weight: float = Field(1.0, gt=0, le=10, description="How much an event found by it counts")
    stage: Stage | None = None
    prior: float = Field(1.0, ge=-5, le=5, description="Log-odds that a match by it is right")


class Levels(_File):
    window: Window = timedelta(days=30)
    low: float = Field(0.5, gt=0)
    elevated: float = Field(1.0, gt=0)
    high: float = Field(3.0, gt=0)
    very_high: float = Field(6.0, gt=0)

    @model_validator(mode="after")
    def _rising(self) -> Levels:
        steps = (self.low, self.elevated, self.high, self.very_high)
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError("low, elevated, high and very_high must rise")
        return self


class Positive(_File):
    lang: Language
    title: Text
    summary: str = ""
    basis: Literal["true-event", "plausible", ""] = ""
    why: str = ""
    also: list[Id] = []


class NearMiss(_File):
    lang: Language
    title: Text
    summary: str = ""
    basis: Literal["true-event", "plausible", ""] = ""
    why: str = Field("", description="Why it does not count")
    label: list[Id] = Field([], description="Where it belongs instead")


class Examples(_File):
    positive: list[Positive] = []
    near_misses: list[NearMiss] = []


class DeadlineEntry(_File):
    id: Id
    text: Text
    due: datetime = Field(description="With its zone: 2026-03-31T00:00Z")
    ach: dict[str, Rating] = Field({}, description="What its absence says")
    query: str = ""

    @field_validator("due")
    @classmethod
    def _zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("has no time zone: write 2026-03-31T00:00Z")
        return value


class IndicatorEntry(_File):
    id: Id
    title: Text
    paper: Paper
    counts: Text
    does_not_count: Text
    ach: dict[str, Rating]
    note: str = ""
    levels: dict[Literal["low", "elevated", "high", "very-high"], str] = {}
    thresholds: Levels = Levels.model_validate({})
    topics: list[str] = Field([], description="Which feeds can carry it")
    queries: Annotated[list[Query], Field(min_length=1)]
    exclude: str = Field("", description="A query that vetoes the others")
    examples: Examples = Examples()
    deadlines: list[DeadlineEntry] = []


class GroupFile(_File):
    """<group>.yaml: the indicators of one group."""

    group: Id
    indicators: Annotated[list[IndicatorEntry], Field(min_length=1)]


Kind: TypeAlias = Literal[
    "state", "org", "person", "office", "role", "group", "actor",
    "weapon", "place", "region", "agreement", "mechanism", "system", "project", "concept",
    "class", "union", "lexicon", "action", "cue",
]  # fmt: skip


class ConceptEntry(_File):
    id: Id
    kind: Kind
    forms: Forms = {}
    nouns: Forms = Field({}, description="Forms of an action that are nouns")
    note: str = ""


class GazetteerFile(_File):
    """gazetteer/*.yaml: what an @name stands for."""

    concepts: list[ConceptEntry]


class FeedEntry(_File):
    id: Id
    url: Annotated[str, Field(pattern=r"^https?://")]
    name: Text
    homepage: str = ""
    lang: str | None = None
    kind: str = ""
    state: str | None = None
    origin: str = Field("", description="Who stands behind it: outlets of one origin count once")
    reliability: Literal["A", "B", "C", "D", "E", "F"] = "F"
    reliability_reason: str = ""
    topics: list[str] = []
    interval: Window | None = None
    headers: dict[str, str] = Field({}, description="Sent with each request; env:NAME is looked up")
    user: str = ""
    password: str = Field("", description="env:NAME takes it from the environment")
    full_text: bool = False
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _without_login(cls, value: str) -> str:
        if has_login(value):
            raise ValueError("holds a login, which would be shown; write it as user and password")
        return value


class FeedsFile(_File):
    """feeds.yaml: the sources of the watch."""

    feeds: list[FeedEntry]


FILES: dict[str, type[_File]] = {
    "watch": WatchFile,
    "indicators": GroupFile,
    "gazetteer": GazetteerFile,
    "feeds": FeedsFile,
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """File name under ``indicators/schema/`` → JSON Schema, for the completion of editors."""
    found = {}
    for name, model in FILES.items():
        schema = model.model_json_schema(mode="validation")
        found[f"{name}.json"] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
        }
    return found
