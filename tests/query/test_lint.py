"""What compiles and is most likely not meant is warned of, at its place."""

from __future__ import annotations

import pytest

from monitor.query import Lexicon, parse
from monitor.query.lint import kills, lint, missing_languages
from tests.query.conftest import LEXICON

LINTS = [
    # A query, what of it is underlined, what is said.
    ("a AND (b OR or)", "or", "“or” is looked for as a word"),
    ("a AND (not OR b)", "not", "“not” is looked for as a word"),
    ('a OR "b AND c"', '"b AND c"', "“AND” within quotation marks is looked for as a word"),
    ('"b NEAR/5 c"', '"b NEAR/5 c"', "“NEAR/5” within quotation marks"),
    ("Иpан", "Иpан", "“Иpан” never occurs: it mixes CYRILLIC and LATIN letters"),
    ('x OR "дрон droнов"', '"дрон droнов"', "“droнов” never occurs"),
    ("a AND lang:en AND lang:ru", "lang:ru", "this cannot match: lang is en already"),
    ("a AND stage:act AND stage:denied", "stage:denied", "stage is act already"),
    ("@iran AND @drone NOT @iran", "@iran", "this cannot match: it needs @iran and excludes it"),
    ("drone AND b NOT (c OR dron*)", "dron*", "it needs “drone” and excludes it"),
    ("title: museum NOT museum", "museum", "it needs “museum” and excludes it"),
    ("@supply(by: @iran) NOT @iran", "@iran", "it needs @iran and excludes it"),
    ("(a NEAR/3 b) NOT b", "b", "it needs “b” and excludes it"),
    ("lang:en AND a NOT lang:en", "NOT lang:en", "it needs lang:en and excludes it"),
    ("(lang:en OR lang:fa) AND дрон* AND lang:ru", "lang:ru", "lang is en or fa already"),
    ("lang:en AND (lang:ru AND a)", "lang:ru", "lang is en already"),
    ("(a OR b) AND c NOT (a OR b)", "a OR b", "it needs “a” or “b” and excludes it"),
    ("(a NEAR/3 b) AND c NOT (a NEAR/3 b)", "a NEAR/3 b", "and excludes it"),
    ("(museum OR museums) AND a NOT museum*", "museum*", "“museum” or “museums”"),
    ('"war museum" AND a NOT museum', "museum", "it needs “war museum” and excludes it"),
    ("ιran", "ιran", "it mixes GREEK and LATIN letters"),
    ("lang:fa AND drone", "lang:fa AND drone", "“drone” has no form in the letters of lang:fa"),
    ("lang:he AND беспилотник*", "lang:he AND беспилотник*", "no form in the letters of lang:he"),
]


@pytest.mark.parametrize("case", LINTS, ids=[case[0] for case in LINTS])
def test_warns(case: tuple[str, str, str]) -> None:
    query, underlined, message = case
    found = list(lint(parse(query), Lexicon(LEXICON)))
    assert [query[each.start : each.end] for each in found] == [underlined]
    assert message in found[0].message
    assert found[0].hint


CLEAN = [
    "@iran AND @drone NOT museum",
    '"oil and gas" OR "NATO"',
    "lang:fa AND @iran",
    "lang:uk AND дрон*",
    "(lang:en AND a) OR (lang:ru AND b)",
    "a AND NOT (b AND c)",
    "Su-35 OR MiG",
    "conditions OR nothing",
    "35 AND lang:ru AND @drone",
    "@iran NOT title: @iran",
    "(a OR b) AND c NOT a",
    "(a NEAR/3 b) NOT (a NEAR/2 b)",
    "title: a NOT title: (a NEAR/3 b)",
    "(lang:en OR lang:ru) AND a NOT lang:ru",
    'museum NOT "war museum"',
]


@pytest.mark.parametrize("query", CLEAN)
def test_does_not_warn(query: str) -> None:
    assert list(lint(parse(query), Lexicon(LEXICON))) == []


KILLS = [
    ("museum", "@iran AND museum", "museum"),
    ("film OR museum*", "@iran AND museum", "museum*"),
    ("@iran", "@supply(by: @iran, to: @russia)", "@iran"),
    ("museum OR museums", "(museum OR museums) AND @iran", "museum OR museums"),
    ("museum", '"war museum" AND @iran', "museum"),
    ("@iran NEAR/5 drill", "@russia AND (@iran NEAR/5 drill)", "@iran NEAR/5 drill"),
    ("title: gallery", "title: (gallery AND @iran)", "title: gallery"),
    ("film OR @drone", "title: (@drone NEAR/5 @russia)", "@drone"),
]


@pytest.mark.parametrize(("exclude", "branch", "place"), KILLS)
def test_an_exclusion_that_leaves_nothing_of_a_branch_is_told(
    exclude: str, branch: str, place: str
) -> None:
    found = kills(parse(exclude), parse(branch), Lexicon(LEXICON))
    assert found is not None
    assert exclude[found.start : found.end] == place


LIVES = [
    ("museum AND film", "@iran AND museum"),
    ("museum", "@iran OR museum"),
    ("museums", "@iran AND museum*"),
    ("@drone", "@iran"),
    ("museum OR film", "(museum OR gallery) AND @iran"),
    ("title: gallery", "gallery AND @iran"),
    ("@iran NEAR/5 drill", "@russia AND @iran AND drill"),
]


@pytest.mark.parametrize(("exclude", "branch"), LIVES)
def test_an_exclusion_that_leaves_something_is_not(exclude: str, branch: str) -> None:
    assert kills(parse(exclude), parse(branch), Lexicon(LEXICON)) is None


def test_a_lemma_that_no_dictionary_knows_is_told_where_there_is_one() -> None:
    known = Lexicon(LEXICON, lambda lemma, _lang: ["exercise", "exercises"] * (lemma == "exercise"))
    (found,) = lint(parse("~exercise AND ~exercize"), known)
    assert "no dictionary knows “exercize”" in found.message
    assert list(lint(parse("~exercize"), Lexicon(LEXICON))) == []


def test_languages_that_a_concept_lacks_are_told_with_those_of_what_it_names() -> None:
    found = dict(missing_languages(LEXICON, ["us", "drone", "nothing"], ["en", "fa", "de"]))
    assert found == {"us": ("de",), "drone": ("de",)}
