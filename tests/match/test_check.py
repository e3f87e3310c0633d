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
