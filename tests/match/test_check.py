"""``monitor check`` of a watch shows each lint in its file, with a caret."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.watch import check
from tests.app.conftest import ARMS, NAMES, WATCH

SPOILT = [
    ("an operator as a word", "@iran AND @russia AND @drone", "@iran AND @russia AND (@drone OR or)",
     "“or” is looked for as a word"),
    ("a branch that cannot match", "@iran AND @russia AND visit*", "@iran AND @russia NOT @iran",
     "this cannot match: it needs @iran and excludes it"),
    ("a word in two alphabets", "visit*", "visitы",
     "“visitы” never occurs: it mixes CYRILLIC and LATIN letters"),
]  # fmt: skip


def _watch(place: Path, arms: str) -> Path:
    folder = place / "watch"
    (folder / "gazetteer").mkdir(parents=True)
    (folder / "watch.yaml").write_text(WATCH, encoding="utf-8")
    (folder / "arms.yaml").write_text(arms, encoding="utf-8")
    (folder / "gazetteer" / "names.yaml").write_text(NAMES, encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", SPOILT, ids=[case[0] for case in SPOILT])
def test_a_lint_is_shown_where_it_stands(tmp_path: Path, case: tuple[str, str, str, str]) -> None:
    _, right, wrong, message = case
    problems = check(_watch(tmp_path, ARMS.replace(right, wrong)))
    (found,) = [each for each in problems if each.message == message]
    assert found.severity == "warning"
    assert found.line
    caret = str(found).splitlines()[2]
    assert caret.strip("^ ") == ""


def test_an_exclusion_that_kills_a_query_is_named_with_it(tmp_path: Path) -> None:
    arms = ARMS.replace(
        "    examples:\n", "    exclude: |\n      museum OR @drone\n    examples:\n", 1
    )
    problems = check(_watch(tmp_path, arms))
    (found,) = [each for each in problems if "leaves nothing" in each.message]
    assert found.message.startswith("the query “given”: this exclusion leaves nothing of it")
    assert found.source.strip() == "museum OR @drone"


def test_a_concept_without_a_language_of_the_examples_is_told(tmp_path: Path) -> None:
    folder = _watch(tmp_path, ARMS)
    names = NAMES.replace("en: [drone*], ru: [беспилотник*], fa", "en: [drone*], fa")
    (folder / "gazetteer" / "names.yaml").write_text(names, encoding="utf-8")
    messages = [each.message for each in check(folder)]
    assert "@drone has no form in ru" in messages


def test_a_form_that_mixes_alphabets_is_told_with_its_concept(tmp_path: Path) -> None:
    folder = _watch(tmp_path, ARMS)
    names = NAMES.replace("беспилотник*", "беспилoтник*")  # with a Latin o
    (folder / "gazetteer" / "names.yaml").write_text(names, encoding="utf-8")
    (found,) = [each for each in check(folder) if "@drone: “беспилoтник” never" in each.message]
    assert "беспилoтник" in found.source
    assert found.source[found.column - 1 :].startswith("беспилoтник")


FEED = "  - {id: one, name: One, url: 'https://news.example/one', lang: en}\n"


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        pytest.param(FEED, True, id="none is in it"),
        pytest.param(FEED + FEED.replace("one", "two").replace("en", "fa"), False, id="one is"),
        pytest.param(
            FEED + FEED.replace("one", "two").replace(", lang: en", ""), False,
            id="one does not say",
        ),
        pytest.param("", False, id="there are no feeds"),
    ],
)  # fmt: skip
def test_a_language_that_no_feed_is_in_cannot_match(tmp_path: Path, feeds: str, told: bool) -> None:
    folder = _watch(tmp_path, ARMS.replace("visit*", "visit* AND lang:fa"))
    if feeds:
        (folder / "feeds.yaml").write_text(f"feeds:\n{feeds}", encoding="utf-8")
    found = [each for each in check(folder) if "no feed of the watch is in fa" in each.message]
    assert bool(found) == told
