"""The watch that was made from the documentation alone: clean, and every example judged right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from monitor import config as settings
from monitor.app.rules import load_rules
from monitor.app.setup import check
from monitor.model import Example, Item
from monitor.watch.schema import Kind

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "indicators" / "panama-canal"


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("second") / "monitor.toml"
    feeds = FOLDER / "feeds.yaml"
    file.write_text(f'watches = ["{FOLDER}"]\n[feed_files]\npaths = ["{feeds}"]\n', "utf-8")
    return file


def test_it_is_clean(configuration: Path) -> None:
    assert not list(check(configuration))


def test_every_example_is_judged_as_it_says(configuration: Path) -> None:
    rules = load_rules(settings.load(configuration))
    (watch,) = rules.watches
    wrong = []
    for indicator in watch.indicators:
        assert len({each.lang for each in indicator.positive}) >= 3, indicator.id
        for wanted, examples in ((True, indicator.positive), (False, indicator.negative)):
            for example in examples:
                found = {hit.indicator for hit in rules.matcher.match(_item(example))}
                if (indicator.id in found) is not wanted:
                    wrong.append((indicator.id, wanted, example.title))
    assert not wrong
    assert len(watch.indicators) == 6


def _item(example: Example) -> Item:
    return Item(
        id="x",
        identity="guid:x",
        feed="f",
        title=example.title,
        summary=example.summary,
        link="",
        lang=example.lang,
    )


def test_the_page_on_a_new_watch_names_every_kind() -> None:
    page = (ROOT / "docs" / "analyst" / "new-watch.md").read_text("utf-8")
    table = "".join(line for line in page.splitlines() if line.strip().startswith("| `"))
    assert set(re.findall(r"`([a-z]+)`", table)) - {"forms", "nouns"} == set(get_args(Kind))
