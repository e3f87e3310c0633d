"""What an analyst can write wrong, and what is said about it; the shipped watch is right."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml

from monitor.errors import Problem, WatchError
from monitor.match import Relevance
from monitor.watch import WatchFolder, check, inflect, load, load_feeds
from monitor.watch.schema import json_schemas

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "indicators" / "russia-iran"


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def problems(folder: Path) -> tuple[Problem, ...]:
    with pytest.raises(WatchError) as caught:
        load(folder)
    return caught.value.problems


def test_a_right_watch_is_read_whole(tiny: Path) -> None:
    watch = load(tiny)
    drones = watch.indicator("drones")
    assert (watch.id, drones.group, drones.watch) == ("tiny", "arms", "tiny")
    assert drones.ach == {"H1": 2, "H2": -1}
    assert drones.thresholds.window == timedelta(days=30)
    assert drones.branches[0].weight == 2
    assert drones.exclude == "museum"
    assert watch.concepts["iran"].forms["fa"] == ("ایران",)
    assert check(tiny) == ()


SPOILT = {
    "an unknown key": (
        "watch.yaml", "question:", "qestion:", "unknown key 'qestion'", 3, "Did you mean 'question'?",
    ),
    "an unknown @name": ("arms.yaml", "@drone NEAR", "@drnoe NEAR", "drnoe", 15, "@drone"),
    "a bracket that is not closed": ("arms.yaml", "Russia)", "Russia", "not closed", 15, ""),
    "a query that matches everything": ("arms.yaml", "museum", "NOT museum", "", 17, "must occur"),
    "a NEAR between what has no words": (
        "arms.yaml", "museum", "(NOT a) NEAR/3 (NOT b)", "between words", 17, "outside",
    ),
    "thresholds that do not rise": ("arms.yaml", "high: 3", "high: 1", "must rise", 9, ""),
    "a rating that is none": ("arms.yaml", '"++"', '"+++"', "is not a rating", 8, ""),
    "a window without a unit": ("arms.yaml", "30d", "30", "length of time", 9, ""),
    "an unknown hypothesis": ("arms.yaml", "H2:", "H3:", "unknown hypothesis 'H3'", 8, ""),
    "a hypothesis without a rating": ("arms.yaml", ', H2: "-"', "", "no rating for H2", 8, ""),
    "an unknown group": ("arms.yaml", "group: arms", "group: amrs", "unknown group", 1, "'arms'"),
    "an example in an unknown language": (
        "arms.yaml", "lang: en", "lang: xx", "unknown language", 20, "en",
    ),
    "a concept that names an unknown one": (
        "gazetteer/names.yaml", "Tehran]", '"@irann"]', "unknown name @irann", 5, "iran",
    ),
    "a concept in an unknown language": (
        "gazetteer/names.yaml", "fa:", "zz:", "unknown language 'zz'", 6, "",
    ),
    "a key that stands twice": ("watch.yaml", "title: Tiny", "id: tiny", "stands twice", 2, ""),
    "an alias": ("watch.yaml", "question: Does it work?", "question: &a x\nnote: *a", "aliases", 4, ""),
    "bad YAML": ("watch.yaml", "title: Tiny", "title: [Tiny", "not valid YAML", 0, ""),
    "a deadline without a zone": (
        "arms.yaml", "    exclude:",
        '    deadlines:\n      - {id: d, text: By then, due: "2026-03-31T00:00"}\n    exclude:',
        "has no time zone", 17, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "said", "line", "hint"), SPOILT.values(), ids=SPOILT
)
def test_a_mistake_is_shown_where_it_stands(
    tiny: Path, file: str, old: str, new: str, said: str, line: int, hint: str
) -> None:
    spoil(tiny, file, old, new)
    found = [each for each in problems(tiny) if said in each.message]
    assert found, "another problem than expected"
    assert found[0].path.endswith(file)
    if line:
        assert found[0].line == line
        assert found[0].source == (tiny / file).read_text(encoding="utf-8").splitlines()[line - 1]
    assert hint in found[0].hint


def test_the_caret_stands_under_the_wrong_word_inside_a_block(tiny: Path) -> None:
    spoil(tiny, "arms.yaml", "@drone NEAR", "@drnoe NEAR")
    (found,) = problems(tiny)
    assert found.source[found.column - 1 :].startswith("@drnoe")
    assert found.width == len("@drnoe")


def test_every_mistake_is_told_at_once(tiny: Path) -> None:
    spoil(tiny, "watch.yaml", "title: Tiny", "title: Tiny\ncolour: red")
    spoil(tiny, "arms.yaml", "high: 3", "high: 1")
    spoil(tiny, "gazetteer/names.yaml", "fa:", "zz:")
    assert len({each.path for each in problems(tiny)}) == 3


def test_two_indicators_cannot_have_one_id(tiny: Path) -> None:
    text = (tiny / "arms.yaml").read_text(encoding="utf-8")
    (tiny / "more.yaml").write_text(text, encoding="utf-8")
    (found,) = problems(tiny)
    assert "'drones' is taken by" in found.message
    assert found.path.endswith("more.yaml")


def test_a_file_larger_than_a_megabyte_is_refused(tiny: Path) -> None:
    path = tiny / "gazetteer" / "names.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "#" * 1_000_001, encoding="utf-8")
    assert any("1 MB" in each.message for each in problems(tiny))


def test_the_version_of_the_rules_changes_with_what_decides_a_hit_alone(tiny: Path) -> None:
    before = load(tiny).rules
    spoil(tiny, "arms.yaml", "counts: Iran gives", "counts: Iran hands")
    assert load(tiny).rules == before
    spoil(tiny, "gazetteer/names.yaml", "Tehran", "Teheran")
    assert load(tiny).rules != before


def test_a_bad_edit_keeps_the_old_rules_and_a_good_one_is_taken_over(tiny: Path) -> None:
    folder = WatchFolder(tiny)
    before = folder.watch
    assert not folder.refresh()
    spoil(tiny, "arms.yaml", "@drone NEAR/5", "@drone NAER/5 ")
    assert not folder.refresh()
    assert folder.watch is before
    assert folder.problems
    spoil(tiny, "arms.yaml", "@drone NAER/5 ", "@drone NEAR/9")
    os.utime(tiny / "arms.yaml", ns=(1, 1))
    assert folder.refresh()
    assert folder.problems == ()
    assert "NEAR/9" in folder.watch.indicator("drones").branches[0].query


def test_a_near_miss_that_is_found_is_reported_at_its_line(tiny: Path) -> None:
    spoil(tiny, "arms.yaml", "      museum", "      gallery")
    (found,) = check(tiny)
    assert found.severity == "warning"
    assert "finds its near miss by the query 'given'" in found.message
    assert found.source.endswith("in a museum")


def test_an_indicator_rated_the_same_everywhere_does_not_discriminate(tiny: Path) -> None:
    spoil(tiny, "arms.yaml", 'H2: "-"', 'H2: "++"')
    assert any("does not discriminate" in each.message for each in check(tiny))


def test_a_concept_in_no_query_is_reported(tiny: Path) -> None:
    path = tiny / "gazetteer" / "names.yaml"
    extra = "  - {id: lonely, kind: place, forms: {en: [Atlantis]}}\n"
    path.write_text(path.read_text(encoding="utf-8") + extra, encoding="utf-8")
    assert [each.message for each in check(tiny)] == ["@lonely is in no query"]


def test_a_lemma_stands_for_its_inflected_forms() -> None:
    assert {"delivers", "delivered", "delivering"} <= set(inflect("deliver", "en"))
    assert inflect("no-such-lemma", "en") == ()


# ── The shipped watch ────────────────────────────────────────────────────────────────────────────


def test_the_shipped_watch_has_the_codebooks_thirty_indicators() -> None:
    watch = load(SHIPPED)
    assert len(watch.indicators) == 30
    assert len(watch.hypotheses) == 3
    for each in watch.indicators:
        assert len(each.positive) >= 4, each.id
        assert len(each.negative) >= 4, each.id
        assert set(each.ach) == {"H1", "H2", "H3"}, each.id
        assert set(each.languages) & {"ru", "fa", "ar"}, each.id


def test_the_shipped_watch_has_no_errors_and_finds_its_examples() -> None:
    found = check(SHIPPED)
    assert [each for each in found if each.severity == "error"] == []
    missed = [each for each in found if "example" in each.message or "near miss" in each.message]
    assert missed == [], "\n".join(map(str, missed))


def test_every_shipped_indicator_has_a_candidate_that_only_a_model_lifts() -> None:
    for each in load(SHIPPED).indicators:
        assert sum(branch.prior < 0 for branch in each.branches) >= 1, each.id
        assert sum(branch.prior >= 0 for branch in each.branches) >= 1, each.id


def test_the_shipped_model_is_of_the_shipped_watch_and_was_trained_before_march_2023() -> None:
    text = (SHIPPED / "relevance.json").read_text(encoding="utf-8")
    model = Relevance.from_json(text)
    watch = load(SHIPPED)
    assert model.watch == watch.id
    assert model.until < "2023-03-01"
    assert model.doubted <= {each.id for each in watch.indicators}


def test_the_shipped_feeds_load_and_doubtful_addresses_are_off() -> None:
    feeds = load_feeds(SHIPPED / "feeds.yaml")
    assert len(feeds) == 120
    assert sum(not each.enabled for each in feeds) >= 25
    assert all(each.origin for each in feeds)


# ── Schemas for editors ──────────────────────────────────────────────────────────────────────────


def test_the_schema_files_are_those_that_the_models_give() -> None:
    for name, schema in json_schemas().items():
        written = (ROOT / "indicators" / "schema" / name).read_text(encoding="utf-8")
        assert json.loads(written) == schema, f"{name}: write the schemas anew"


def test_the_shipped_files_hold_to_the_schemas() -> None:
    schemas = json_schemas()
    for file in SHIPPED.rglob("*.yaml"):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        name = first.rsplit("/", 1)[1]
        assert first.startswith("# yaml-language-server: $schema="), file
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        jsonschema.validate(data, schemas[name])
